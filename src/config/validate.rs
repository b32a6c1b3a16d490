//! What types alone can't say about the settings.

use super::{Config, Mode, Postgres, Problem, Series, StorageKind, source_of};
use figment::Figment;
use palio_domain::TournamentId;
use std::collections::HashSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;

/// Room for `-20261121-1803` after a series' id.
const SERIES_ID_MAX: usize = 50;

/// The sandbox's id: a provider of this name is never let into production.
const SANDBOX: &str = "sandbox";

struct Checks<'a> {
    figment: &'a Figment,
    problems: Vec<Problem>,
}

impl Checks<'_> {
    fn fail(&mut self, key: impl Into<String>, message: impl Into<String>) {
        let key = key.into();
        let source = source_of(self.figment, &key);
        self.problems.push(Problem { key, source, message: message.into() });
    }

    fn check(&mut self, right: bool, key: impl Into<String>, message: &str) {
        if !right {
            self.fail(key, message);
        }
    }

    fn range<T: PartialOrd + Display>(
        &mut self,
        key: impl Into<String>,
        value: T,
        range: RangeInclusive<T>,
    ) {
        if !range.contains(&value) {
            let (from, to) = (range.start(), range.end());
            self.fail(key, format!("is {value}, must be {from} to {to}"));
        }
    }
}

impl Config {
    /// Lists everything that is wrong.
    pub(super) fn validate(&self, figment: &Figment) -> Result<(), Vec<Problem>> {
        let mut to = Checks { figment, problems: Vec::new() };
        self.check_ranges(&mut to);
        self.check_postgres(&mut to);
        self.check_tenants(&mut to);
        self.check_providers(&mut to);
        self.check_series(&mut to);
        if self.mode == Mode::Production {
            self.check_production(&mut to);
        }
        if to.problems.is_empty() { Ok(()) } else { Err(to.problems) }
    }

    fn check_ranges(&self, to: &mut Checks<'_>) {
        let Self { http, core, live, auth, demo, log, .. } = self;
        to.range("http.workers", http.workers, 0..=256);
        to.range("http.body_bytes_max", http.body_bytes_max, 1_024..=16_777_216);
        to.range("http.json_depth_max", http.json_depth_max, 4..=64);
        to.range("http.events_max", http.events_max, 1..=10_000);
        to.range("http.rate_per_second", http.rate_per_second, 1..=1_000_000);
        to.range("core.threads", core.threads, 0..=64);
        to.range("core.commands_in_flight_max", core.commands_in_flight_max, 100..=1_000_000);
        to.check(
            core.settle_reserve < core.commands_in_flight_max,
            "core.settle_reserve",
            "must be less than core.commands_in_flight_max",
        );
        to.range("core.batch_rows_max", core.batch_rows_max, 1..=10_000);
        to.range("core.wallet_idle_seconds", core.wallet_idle_seconds, 1..=86_400);
        to.range("core.snapshot_interval_seconds", core.snapshot_interval_seconds, 1..=3_600);
        to.range("live.threads", live.threads, 0..=64);
        to.range("live.sockets_max", live.sockets_max, 1..=1_000_000);
        to.range("live.sockets_per_address_max", live.sockets_per_address_max, 0..=1_000_000);
        to.range("live.stalled_seconds_max", live.stalled_seconds_max, 1..=3_600);
        to.range("live.ring", live.ring, 1..=65_536);
        for origin in &live.allowed_origins {
            let scheme = origin.starts_with("https://") || origin.starts_with("http://");
            let bare = origin.matches('/').count() == 2 && !origin.ends_with('/');
            if !scheme || !bare {
                to.fail(
                    "live.allowed_origins",
                    format!("has {origin:?}, must be like https://example.com"),
                );
            }
        }
        to.range("auth.player_token_minutes", auth.player_token_minutes, 1..=1_440);
        to.range("demo.players", demo.players, 1..=100_000);
        to.range("demo.games", demo.games, 1..=12);
        to.range("demo.bets_per_second", demo.bets_per_second, 1..=5_000);
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log.filter) {
            to.fail("log.filter", format!("is not a filter: {error}"));
        }
        let empty = self.storage.data_dir.as_os_str().is_empty();
        to.check(!empty, "storage.data_dir", "must not be empty");
        let same = self.http.bind == self.admin.bind && self.http.bind.port() != 0;
        to.check(!same, "admin.bind", "must differ from http.bind");
    }

    fn check_postgres(&self, to: &mut Checks<'_>) {
        let Postgres { url, url_file, .. } = &self.storage.postgres;
        let key = "storage.postgres.url";
        if !url.is_empty() {
            // The built-in value is empty, so it came from a file or the environment.
            let from = source_of(to.figment, key);
            let environment = from == "the environment";
            to.check(environment, key, "may hold a password: only from the environment");
            to.check(url_file.is_none(), key, "and storage.postgres.url_file are both given");
        } else if self.storage.kind == StorageKind::Postgres {
            to.check(url_file.is_some(), key, "or storage.postgres.url_file is needed");
        }
    }

    fn check_tenants(&self, to: &mut Checks<'_>) {
        to.check(!self.tenant.is_empty(), "tenant", "needs at least one");
        let mut seen = HashSet::new();
        for (n, tenant) in self.tenant.iter().enumerate() {
            let key = |field: &str| format!("tenant[{n}].{field}");
            to.check(tenant.id.0 > 0, key("id"), "must be more than 0");
            to.check(seen.insert(tenant.id), key("id"), "is used twice");
            to.range(key("name"), tenant.name.chars().count(), 1..=64);
        }
    }

    fn is_tenant(&self, id: palio_domain::TenantId) -> bool {
        self.tenant.iter().any(|tenant| tenant.id == id)
    }

    fn check_providers(&self, to: &mut Checks<'_>) {
        let (mut seen, mut keys) = (HashSet::new(), HashSet::new());
        for (n, provider) in self.provider.iter().enumerate() {
            let key = |field: &str| format!("provider[{n}].{field}");
            let twice = !seen.insert((provider.tenant, &provider.id));
            to.check(!twice, key("id"), "is used twice in its tenant");
            to.check(self.is_tenant(provider.tenant), key("tenant"), "is no tenant's id");
            let status = matches!(provider.replay_status, 200 | 409);
            to.check(status, key("replay_status"), "must be 409 or 200");
            to.range(key("rate_per_second"), provider.rate_per_second, 0..=1_000_000);
            let count = (1..=2).contains(&provider.key.len());
            to.check(count, key("key"), "must be one or two keys");
            for (m, signing) in provider.key.iter().enumerate() {
                let key = format!("provider[{n}].key[{m}].id");
                let visible = signing.id.bytes().all(|b| (0x21..=0x7e).contains(&b));
                let length = (1..=64).contains(&signing.id.len());
                to.check(visible && length, &key, "must be 1 to 64 visible ASCII characters");
                // It names a file when the secret is generated.
                let file_name = signing.secret_file.is_some() || is_file_name(&signing.id);
                to.check(file_name, &key, "needs a secret_file, or only a-z, 0-9, - and _");
                to.check(keys.insert(&signing.id), &key, "is used twice");
            }
        }
    }

    fn check_series(&self, to: &mut Checks<'_>) {
        let mut seen = HashSet::new();
        for (n, series) in self.series.iter().enumerate() {
            let key = |field: &str| format!("series[{n}].{field}");
            to.check(seen.insert(&series.id), key("id"), "is used twice");
            to.check(self.is_tenant(series.tenant), key("tenant"), "is no tenant's id");
            check_one_series(series, &key, to);
        }
    }

    fn check_production(&self, to: &mut Checks<'_>) {
        let generated = self.secrets_dir();
        let memory = self.storage.kind == StorageKind::Memory;
        to.check(!memory, "storage.kind", "is memory, which production refuses");
        let mut file = |key: String, path: Option<&Path>| match path {
            None => to.fail(key, "is needed in production"),
            Some(path) if path.starts_with(&generated) => {
                to.fail(key, "is a generated secret, which production refuses");
            }
            Some(_) => {}
        };
        file("journal.key_file".to_owned(), self.journal.key_file.as_deref());
        file("auth.jwt_secret_file".to_owned(), self.auth.jwt_secret_file.as_deref());
        for (n, provider) in self.provider.iter().enumerate() {
            for (m, signing) in provider.key.iter().enumerate() {
                let key = format!("provider[{n}].key[{m}].secret_file");
                file(key, signing.secret_file.as_deref());
            }
        }
        for (n, provider) in self.provider.iter().enumerate() {
            if provider.id.as_str() == SANDBOX {
                let key = format!("provider[{n}].id");
                to.fail(key, "is the demo's sandbox, which production refuses");
            }
        }
    }
}

fn is_file_name(id: &str) -> bool {
    id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn check_one_series(series: &Series, key: &impl Fn(&str) -> String, to: &mut Checks<'_>) {
    const YEAR_S: u32 = 31_622_400;
    const WEEK_S: u32 = 604_800;
    let slug = TournamentId::parse(&series.id).is_ok() && series.id.len() <= SERIES_ID_MAX;
    to.check(slug, key("id"), "must be 1 to 50 of a-z, 0-9 and -");
    to.range(key("name"), series.name.chars().count(), 1..=120);
    to.range(key("every_seconds"), series.every_seconds, 10..=YEAR_S);
    to.range(key("duration_seconds"), series.duration_seconds, 10..=YEAR_S);
    to.range(key("grace_seconds"), series.grace_seconds, 0..=WEEK_S);
    to.range(key("register_ahead_seconds"), series.register_ahead_seconds, 0..=WEEK_S);
    to.range(key("tick_ms"), series.tick_ms, 100..=60_000);
    to.range(key("top_n"), series.top_n, 1..=100);
    to.range(key("description"), series.description.chars().count(), 0..=500);
    if let Err(error) = series.min_stake() {
        to.fail(key("min_stake"), format!("is not an amount: {error}"));
    }
    match series.points_per() {
        Ok(amount) => to.check(amount.is_positive(), key("points_per"), "must be more than 0"),
        Err(error) => to.fail(key("points_per"), format!("is not an amount: {error}")),
    }
    match series.prizes() {
        Ok(prizes) => {
            let falling = prizes.is_sorted_by(|better, worse| better >= worse);
            to.check(falling, key("prizes"), "must not rise from one place to the next");
        }
        Err(error) => to.fail(key("prizes"), format!("has something else: {error}")),
    }
}
