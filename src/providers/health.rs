//! Whether each provider takes new bets: what operators set, its circuit breaker, its own word.
//!
//! An operator's state is in the journal and read here at the start; the breaker and the questions
//! to `health_url` are this process's own view and are not written down: they would have to be
//! when the store is what fails.
//!
//! **Invariants:** one provider's state never touches another's; results and rollbacks are never
//! held up here. A lock here is held for a few instructions and never while waiting.

use super::breaker::{Breaker, Position, Rules};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::outgoing::Outgoing;
use palio_domain::provider::{Provider, State};
use palio_domain::{ProviderId, TenantId, UnixMs};
use palio_protocol::ErrorCode;
use palio_protocol::provider as wire;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It was done, now or before.
    Ok,
    /// The rules refused it.
    Refused,
    /// The server failed.
    Failed,
    /// A fault of the node, its store or a wallet, which says nothing about this provider.
    Elsewhere,
    /// Turned away here.
    Away,
}

impl Went {
    /// Of a call that did not go through.
    #[must_use]
    pub fn not(code: &str, status: u16) -> Self {
        match ErrorCode::from_code(code) {
            Some(ErrorCode::ProviderMaintenance) => Self::Away,
            Some(
                ErrorCode::Overloaded
                | ErrorCode::StorageUnavailable
                | ErrorCode::OutcomeUnknown
                | ErrorCode::WalletQuarantined
                | ErrorCode::NotOwner,
            ) => Self::Elsewhere,
            _ if status >= 500 => Self::Failed,
            _ => Self::Refused,
        }
    }
}

/// One outcome, counted for operators and for the metrics.
struct Count {
    shown: AtomicU64,
    metric: metrics::Counter,
}

struct Counts {
    ok: Count,
    refused: Count,
    failed: Count,
    late: Count,
    away: Count,
}

impl Counts {
    fn new(provider: &str) -> Self {
        let count = |outcome: &'static str| Count {
            shown: AtomicU64::new(0),
            metric: metrics::counter!(
                "palio_provider_calls_total", "provider" => provider.to_owned(), "outcome" => outcome
            ),
        };
        Self {
            ok: count("ok"),
            refused: count("refused"),
            failed: count("failed"),
            late: count("late"),
            away: count("away"),
        }
    }
}

impl Count {
    fn add(&self) {
        self.shown.fetch_add(1, Ordering::Relaxed);
        self.metric.increment(1);
    }

    fn get(&self) -> u64 {
        self.shown.load(Ordering::Relaxed)
    }
}

/// What the questions to `health_url` came to.
#[derive(Debug, Clone, Copy, Default)]
struct Checks {
    last: Option<UnixMs>,
    failed_in_a_row: u32,
    ill: bool,
}

struct Now {
    operator: Option<Provider>,
    breaker: Breaker,
    checks: Checks,
}

/// One provider.
pub struct Health {
    /// Whose brand.
    pub tenant: TenantId,
    /// Which provider.
    pub provider: ProviderId,
    dialect: config::Dialect,
    url: String,
    timeout: Duration,
    checks_failed_max: u32,
    now: Mutex<Now>,
    counts: Counts,
}

impl Health {
    fn new(of: &config::Provider, health: &config::Health) -> Option<Self> {
        let ms = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
        let rules = Rules {
            window_ms: ms(health.window_seconds),
            calls_min: health.calls_min,
            failed_percent: health.failed_percent,
            open_ms: ms(health.open_seconds),
            probes: health.probes,
        };
        Some(Self {
            tenant: TenantId(of.tenant),
            provider: ProviderId::parse(&of.id).ok()?,
            dialect: of.dialect,
            url: of.health_url.clone(),
            timeout: Duration::from_millis(of.timeout_ms),
            checks_failed_max: health.checks_failed_max,
            now: Mutex::new(Now {
                operator: None,
                breaker: Breaker::new(rules),
                checks: Checks::default(),
            }),
            counts: Counts::new(&of.id),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what the journal says; older news than is known is passed over.
    pub fn set(&self, provider: Provider, now: UnixMs) {
        {
            let mut state = self.lock();
            if state.operator.as_ref().is_some_and(|known| known.seq >= provider.seq) {
                return;
            }
            state.operator = Some(provider);
        }
        self.show(now);
    }

    /// Whether a new bet may go to its wallet.
    pub fn admits(&self, now: UnixMs) -> bool {
        let (admits, moved) = {
            let mut state = self.lock();
            let set = state.operator.as_ref().map(|provider| provider.state);
            if !matches!(set, None | Some(State::Active)) || state.checks.ill {
                return false;
            }
            let before = state.breaker.position().as_str();
            let admits = state.breaker.admits(now);
            (admits, before != state.breaker.position().as_str())
        };
        if moved {
            self.show(now);
        }
        admits
    }

    /// Whether a new session may be opened: as for bets, but no probe of the breaker is used up.
    #[must_use]
    pub fn takes_sessions(&self, now: UnixMs) -> bool {
        Self::effective(&self.lock(), now) == State::Active
    }

    /// Whether the kill switch is on: its sessions can't be used.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.lock().operator.as_ref().is_some_and(|provider| provider.state == State::Off)
    }

    /// Takes note of a call that was answered.
    pub fn record(&self, now: UnixMs, took: Duration, went: Went) {
        let late = took > self.timeout && matches!(went, Went::Ok | Went::Refused);
        match went {
            _ if late => self.counts.late.add(),
            Went::Ok => self.counts.ok.add(),
            Went::Refused => self.counts.refused.add(),
            Went::Failed | Went::Elsewhere => self.counts.failed.add(),
            Went::Away => self.counts.away.add(),
        }
        if matches!(went, Went::Elsewhere | Went::Away) {
            return;
        }
        let moved = {
            let mut state = self.lock();
            let before = state.breaker.position().as_str();
            state.breaker.record(now, went != Went::Failed && !late);
            let after = state.breaker.position().as_str();
            (before != after).then_some((before, after))
        };
        if let Some((from, to)) = moved {
            tracing::warn!(provider = %self.provider, from, to, "a provider's breaker moved");
            self.show(now);
        }
    }

    /// Takes note of an answer to a question.
    fn checked(&self, now: UnixMs, well: bool) {
        let outcome = if well { "ok" } else { "failed" };
        let name = self.provider.as_str().to_owned();
        metrics::counter!("palio_provider_checks_total", "provider" => name, "outcome" => outcome)
            .increment(1);
        let turned = {
            let mut state = self.lock();
            let failed = if well { 0 } else { state.checks.failed_in_a_row.saturating_add(1) };
            let ill = failed >= self.checks_failed_max;
            let before = std::mem::replace(
                &mut state.checks,
                Checks { last: Some(now), failed_in_a_row: failed, ill },
            );
            match (before.ill, ill) {
                (false, true) => state.breaker.trip(now),
                (true, false) => state.breaker.try_again(now),
                (true, true) | (false, false) => {}
            }
            (before.ill != ill).then_some(ill)
        };
        if let Some(ill) = turned {
            tracing::warn!(provider = %self.provider, ill, "a provider's word about itself changed");
        }
        self.show(now);
    }

    /// What bets meet: the operator's state, or maintenance while the breaker is open.
    fn effective(state: &Now, now: UnixMs) -> State {
        let set = state.operator.as_ref().map_or(State::Active, |provider| provider.state);
        let shut = matches!(state.breaker.position(), Position::Open { until } if now < until);
        if set == State::Active && (shut || state.checks.ill) { State::Maintenance } else { set }
    }

    fn show(&self, now: UnixMs) {
        let (state, breaker) = {
            let state = self.lock();
            (Self::effective(&state, now), state.breaker.position())
        };
        let state = match state {
            State::Active => 0.0,
            State::Maintenance => 1.0,
            State::Off => 2.0,
        };
        let breaker = match breaker {
            Position::Closed => 0.0,
            Position::HalfOpen { .. } => 1.0,
            Position::Open { .. } => 2.0,
        };
        let name = self.provider.as_str().to_owned();
        metrics::gauge!("palio_provider_state", "provider" => name.clone()).set(state);
        metrics::gauge!("palio_provider_breaker", "provider" => name).set(breaker);
    }

    /// As on the wire.
    #[must_use]
    pub fn shown(&self, now: UnixMs) -> wire::Provider {
        let state = self.lock();
        let (calls, failed) = state.breaker.seen(now);
        let set = state.operator.as_ref();
        wire::Provider {
            id: self.provider.as_str().to_owned(),
            dialect: match self.dialect {
                config::Dialect::Palio => "palio",
                config::Dialect::Hub88 => "hub88",
                config::Dialect::Actions => "actions",
                config::Dialect::PerPlayer => "per_player",
            }
            .to_owned(),
            state: set.map_or(State::Active, |set| set.state).as_str().to_owned(),
            effective: Self::effective(&state, now).as_str().to_owned(),
            reason: set.map(|set| set.reason.clone()),
            by: set.map(|set| set.by.clone()),
            since: set.map(|set| palio_protocol::time::format(set.since)),
            breaker: wire::Breaker {
                state: state.breaker.position().as_str().to_owned(),
                calls,
                failed,
            },
            health: (!self.url.is_empty()).then(|| wire::Health {
                well: !state.checks.ill,
                failed_in_a_row: state.checks.failed_in_a_row,
                checked_at: state.checks.last.map(palio_protocol::time::format),
            }),
            calls: wire::Calls {
                ok: self.counts.ok.get(),
                refused: self.counts.refused.get(),
                failed: self.counts.failed.get(),
                late: self.counts.late.get(),
                away: self.counts.away.get(),
            },
        }
    }
}

/// All providers of the configuration.
#[derive(Default)]
pub struct Providers(HashMap<TenantId, HashMap<String, Arc<Health>>>);

impl Providers {
    /// Those of the configuration, all active until the journal says otherwise.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let mut all: HashMap<_, HashMap<_, _>> = HashMap::new();
        for one in &config.provider {
            if let Some(health) = Health::new(one, &config.health) {
                health.show(UnixMs(0));
                let of = all.entry(TenantId(one.tenant)).or_default();
                of.insert(one.id.clone(), Arc::new(health));
            }
        }
        Self(all)
    }

    /// A provider.
    #[must_use]
    pub fn get(&self, tenant: TenantId, id: &str) -> Option<&Arc<Health>> {
        self.0.get(&tenant)?.get(id)
    }

    /// A tenant's providers, by id.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> Vec<&Arc<Health>> {
        let mut all: Vec<_> = self.0.get(&tenant).into_iter().flat_map(HashMap::values).collect();
        all.sort_by(|a, b| a.provider.cmp(&b.provider));
        all
    }

    /// Every provider.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Health>> {
        self.0.values().flat_map(HashMap::values)
    }
}

/// Asks every provider that has a `health_url` how it is, each on its own; never returns.
///
/// # Errors
/// When there can be no HTTP client.
pub async fn watch(
    outgoing: Outgoing,
    providers: Arc<Providers>,
    clock: Arc<dyn Clock>,
    rules: config::Health,
) -> Result<(), reqwest::Error> {
    let patience = Duration::from_millis(rules.check_timeout_ms);
    let client = outgoing.client().timeout(patience).build()?;
    let every = Duration::from_secs(rules.check_seconds);
    let asked = providers.all().filter(|health| !health.url.is_empty());
    let asking = asked.map(|health| {
        let (client, clock, health) = (client.clone(), Arc::clone(&clock), Arc::clone(health));
        async move {
            let mut tick = tokio::time::interval(every);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let answer = client.get(&health.url).send().await;
                let well = answer.is_ok_and(|answer| answer.status().is_success());
                health.checked(clock.now(), well);
            }
        }
    });
    futures_util::future::join_all(asking).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers() -> Providers {
        let config = Config::load(None, config::Node::Core).unwrap();
        let one = config.provider.first().unwrap();
        let named = |id: &str| config::Provider { id: id.to_owned(), ..one.clone() };
        Providers::new(&Config { provider: vec![named("a"), named("b")], ..config })
    }

    #[test]
    fn one_provider_never_touches_another() {
        let providers = providers();
        let of = |id: &str| providers.get(TenantId(1), id).unwrap();
        let (a, b) = (of("a"), of("b"));
        let now = UnixMs(1_000_000);
        let soon = Duration::from_millis(1);
        // What fails for everyone, and what was turned away here, is nobody's fault.
        let ours = [
            "OUTCOME_UNKNOWN",
            "WALLET_QUARANTINED",
            "STORAGE_UNAVAILABLE",
            "OVERLOADED",
            "NOT_OWNER",
            "PROVIDER_MAINTENANCE",
        ];
        for code in ours {
            for _ in 0..100 {
                a.record(now, soon, Went::not(code, 503));
            }
            assert_eq!(a.shown(now).breaker.calls, 0, "{code}");
        }
        a.record(now, soon, Went::not("INSUFFICIENT_FUNDS", 402));
        assert!(a.admits(now));
        for _ in 0..100 {
            a.record(now, soon, Went::not("INTERNAL", 500));
            b.record(now, soon, Went::Ok);
        }
        assert!(!a.admits(now) && b.admits(now));
        assert_eq!(a.shown(now).effective, "maintenance");
        assert_eq!(
            (a.shown(now).state, b.shown(now).effective),
            ("active".into(), "active".into())
        );
        assert!(!a.takes_sessions(now) && b.takes_sessions(now));
        let later = now.plus_ms(15_000);
        // Sessions use up no probe.
        assert!((0..100).all(|_| a.takes_sessions(later)));
        for _ in 0..5 {
            assert!(a.admits(later));
            a.record(later, soon, Went::Ok);
        }
        assert_eq!(a.shown(later).breaker.state, "closed");
        for _ in 0..100 {
            b.record(later, Duration::from_secs(6), Went::Ok);
        }
        assert_eq!(b.shown(later).breaker.state, "open", "answers that came too late");
        assert!(a.admits(later));
    }

    #[test]
    fn older_news_is_passed_over() {
        let providers = providers();
        let a = providers.get(TenantId(1), "a").unwrap();
        let news = |seq, state| Provider {
            seq,
            provider: ProviderId::parse("a").unwrap(),
            state,
            reason: "why".into(),
            by: "anna".into(),
            since: UnixMs(5),
        };
        let now = UnixMs(10);
        a.set(news(7, State::Off), now);
        a.set(news(6, State::Active), now);
        assert!(!a.admits(now) && !a.takes_sessions(now) && a.is_off());
        assert_eq!(a.shown(now).state, "off");
        a.set(news(8, State::Maintenance), now);
        assert!(!a.admits(now) && !a.takes_sessions(now) && !a.is_off());
        a.set(news(9, State::Active), now);
        assert!(a.admits(now) && a.takes_sessions(now));
    }
}
