//! What a tournament offers as its pool stands: worked out once for all who ask, until the pool
//! changes.

use palio_domain::Amount;
use palio_domain::tournament::Definition;
use palio_domain::tournament::prizes::{Pool, PrizePlan, Rules};
use palio_domain::tournament::settle::{self, Brought};
use std::sync::{Arc, Mutex, PoisonError};

/// A pool, and what its places would win.
#[derive(Debug)]
pub struct Offer {
    /// The pool.
    pub pool: Pool,
    /// What places would win, if everybody had a place of his own.
    pub places: Option<PrizePlan>,
}

/// See the module.
#[derive(Debug)]
pub struct Offers {
    rules: Option<Rules>,
    newest: Mutex<Option<Arc<Offer>>>,
}

impl Offers {
    /// Those of a tournament.
    #[must_use]
    pub fn new(definition: &Definition) -> Self {
        Self { rules: definition.prize_rules().ok().flatten(), newest: Mutex::default() }
    }

    /// The offer with what was brought in so far and these stakes; `None` without prizes.
    pub fn at(
        &self,
        definition: &Definition,
        brought: Brought<'_>,
        turnover: Amount,
    ) -> Option<Arc<Offer>> {
        let rules = self.rules.as_ref()?;
        let pool = settle::pool(rules, definition, brought, turnover)?;
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = newest.as_ref().filter(|known| known.pool == pool) {
            return Some(Arc::clone(known));
        }
        let offer = Arc::new(Offer { places: settle::preview(rules, &pool), pool });
        *newest = Some(Arc::clone(&offer));
        Some(offer)
    }
}
