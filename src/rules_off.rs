//! Parts of rules that tenants may not use, as operators are told of them.

use palio_domain::TenantId;
use palio_domain::tournament::Definition;
use palio_domain::tournament::parts::{self, Part};
use palio_protocol::problem::ProblemLine;
use std::collections::HashMap;

/// What is switched off, by tenant.
#[derive(Debug, Clone, Default)]
pub struct RulesOff(pub HashMap<TenantId, Vec<Part>>);

impl RulesOff {
    /// What a tenant's tournament uses and may not: a line each, its field under `prefix`.
    #[must_use]
    pub fn lines(
        &self,
        tenant: TenantId,
        definition: &Definition,
        prefix: &str,
    ) -> Vec<ProblemLine> {
        let off = self.0.get(&tenant).map_or(&[][..], Vec::as_slice);
        let line = |(part, field): (Part, String)| {
            ProblemLine::switched_off(part.as_str(), format!("{prefix}{field}"))
        };
        parts::switched_off(definition, off).into_iter().map(line).collect()
    }
}
