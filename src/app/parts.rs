//! What parts of the server are given, made from the configuration and its secrets.

use super::Error;
use crate::actors::desk::Patience;
use crate::actors::tournaments::Payers;
use crate::auth::ProviderKey;
use crate::clock::Clock;
use crate::config::{self, Config, Secrets};
use crate::http::{Adapter, Bounds, Intake};
use crate::notices::{Address, Notices};
use crate::outgoing::Outgoing;
use crate::payments::Payments;
use crate::players::Players;
use crate::providers::dialects;
use crate::providers::profile::Profile;
use crate::rules_off::RulesOff;
use crate::storage::Storage;
use crate::theme::Theme;
use palio_domain::journal::Keys;
use palio_domain::tournament::Kind;
use palio_domain::{ProviderId, TenantId};
use palio_protocol::session::SessionRules;
use std::collections::HashMap;
use std::sync::Arc;

/// Whom prizes need besides wallets.
pub(super) fn payers(
    config: &Config,
    secrets: &Secrets,
    outgoing: &Outgoing,
    storage: &Storage,
    keys: &Keys,
) -> Result<Payers, Error> {
    let services = config.tenant.iter().filter_map(|tenant| {
        let id = TenantId(tenant.id);
        let secret = secrets.payments.get(&id)?.expose().to_vec();
        Some((id, tenant.payments.clone()?, secret))
    });
    let payments = Payments::new(outgoing, services)
        .map_err(|error| Error::Refused(format!("payment services can't be asked: {error}")))?;
    let mut rounds_of = HashMap::new();
    for provider in &config.provider {
        if let Ok(id) = ProviderId::parse(&provider.id) {
            rounds_of.entry(TenantId(provider.tenant)).or_insert(id);
        }
    }
    let players = Players::new(Arc::clone(&storage.directory), keys.clone());
    let external = |tenant: &&config::Tenant| tenant.wallet == config::WalletKeeper::External;
    let external =
        config.tenant.iter().filter(external).map(|tenant| TenantId(tenant.id)).collect();
    Ok(Payers { payments, players, rounds_of, external })
}

/// The keys that sign the canonical contract. A dialect's key must not: Hub88's is public.
pub(super) fn canonical_keys(
    config: &Config,
    mut keys: HashMap<String, ProviderKey>,
) -> HashMap<String, ProviderKey> {
    let others = config.provider.iter().filter(|p| p.dialect != config::Dialect::Palio);
    for key in others.flat_map(|provider| &provider.keys) {
        keys.remove(&key.id);
    }
    keys
}

/// Providers that speak a dialect, with their keys.
pub(super) fn adapters(
    config: &Config,
    secrets: &Secrets,
) -> Result<HashMap<String, Adapter>, Error> {
    let mut adapters = HashMap::new();
    for provider in &config.provider {
        let keys = provider.keys.iter().filter_map(|key| secrets.providers.get(&key.id));
        let keys: Vec<_> = keys.map(|key| key.secret.clone()).collect();
        let wrong = |what: String| Error::Refused(format!("provider {}: {what}", provider.id));
        let Some(dialect) = dialects::open(provider.dialect, &keys)
            .map_err(|what| wrong(format!("a key {what}")))?
        else {
            continue;
        };
        let id = ProviderId::parse(&provider.id).map_err(|error| wrong(error.to_string()))?;
        let adapter = Adapter { tenant: TenantId(provider.tenant), provider: id, dialect };
        adapters.insert(provider.id.clone(), adapter);
    }
    Ok(adapters)
}

pub(super) fn profile(
    config: &Config,
    provider: &crate::config::Provider,
) -> ((TenantId, String), Arc<Profile>) {
    let tenant = config.tenant.iter().find(|tenant| tenant.id == provider.tenant);
    let offered = tenant.map(|tenant| tenant.currencies.as_slice()).unwrap_or_default();
    (named(provider), Arc::new(Profile::new(provider, offered)))
}

pub(super) fn named(provider: &crate::config::Provider) -> (TenantId, String) {
    (TenantId(provider.tenant), provider.id.clone())
}

pub(super) fn intake(config: &Config) -> Intake {
    let bounds = Bounds {
        all: config.http.bodies_max,
        address: config.http.bodies_per_address_max,
        provider_percent: config.core.provider_share_percent,
    };
    let providers = config.provider.iter().filter_map(|provider| {
        // The configuration was checked; an id that is none can only come from code.
        Some((TenantId(provider.tenant), ProviderId::parse(&provider.id).ok()?))
    });
    Intake::new(bounds, providers)
}

pub(super) fn patience(
    config: &Config,
    provider: &crate::config::Provider,
) -> Option<((TenantId, palio_domain::ProviderId), Patience)> {
    let ((tenant, _), profile) = profile(config, provider);
    let id = palio_domain::ProviderId::parse(&provider.id).ok()?;
    let (overdue_ms, void) = (profile.overdue_ms?, profile.overdue_void);
    Some(((tenant, id), Patience { overdue_ms, void }))
}

pub(super) fn session_rules(tenant: &crate::config::Tenant) -> (TenantId, SessionRules) {
    let rules = SessionRules {
        currencies: tenant.currencies.clone(),
        countries_blocked: tenant.countries_blocked.clone(),
        age_min: tenant.age_min,
    };
    (TenantId(tenant.id), rules)
}

/// Which types of tournaments each tenant can announce; all where there are none.
pub(super) fn tournament_types(config: &Config) -> HashMap<TenantId, Vec<Kind>> {
    let types = |tenant: &config::Tenant| (TenantId(tenant.id), tenant.tournament_types.clone());
    config.tenant.iter().map(types).collect()
}

/// Which parts of rules each tenant may not use.
pub(super) fn rules_off(config: &Config) -> RulesOff {
    let off = |of: &config::Tenant| (TenantId(of.id), of.rules_off.clone());
    RulesOff(config.tenant.iter().map(off).collect())
}

/// How each tenant's page looks.
pub(super) fn themes(config: &Config) -> HashMap<TenantId, Theme> {
    let theme = |of: &config::Tenant| of.theme.as_ref().map_or_else(Theme::own, Theme::of);
    config.tenant.iter().map(|of| (TenantId(of.id), theme(of))).collect()
}

/// Where notices go.
pub(super) fn notices(
    config: &Config,
    secrets: &Secrets,
    outgoing: &Outgoing,
    clock: &Arc<dyn Clock>,
) -> Result<Notices, Error> {
    let address = |tenant: &config::Tenant| {
        let id = TenantId(tenant.id);
        // Checked with the configuration; an empty one is none.
        let url = reqwest::Url::parse(&tenant.notices_url).ok()?;
        Some((id, Address { url, secret: secrets.notices.get(&id)?.clone() }))
    };
    let addresses = config.tenant.iter().filter_map(address).collect();
    Notices::new(outgoing, addresses, Arc::clone(clock))
        .map_err(|error| Error::Refused(format!("notices can't be sent: {error}")))
}
