//! What types alone can't say about the configuration.

use super::{
    Config, Dialect, Mode, Node, Problem, RedisKind, Series, StorageKind, Tenant, WalletKeeper,
    source_of,
};
use crate::providers::series;
use crate::theme::{Colour, is_logo};
use figment::Figment;
use palio_domain::tournament::Metric;
use palio_domain::tournament::parts;
use palio_domain::tournament::score::Points;
use palio_domain::{Amount, ProviderId, TournamentId};
use palio_protocol::templates;
use std::collections::HashSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;

/// Room for `-20261121-1803` after a series' id.
const SERIES_ID_MAX: usize = 50;

struct Checks<'a> {
    sources: &'a Figment,
    problems: Vec<Problem>,
}

impl Checks<'_> {
    fn fail(&mut self, key: impl Into<String>, message: impl Into<String>) {
        let key = key.into();
        let source = source_of(self.sources, &key);
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
    pub(super) fn check(&self, sources: &Figment, node: Node) -> Result<(), Vec<Problem>> {
        let mut to = Checks { sources, problems: Vec::new() };
        self.check_ranges(&mut to);
        self.check_tenants(&mut to);
        self.check_providers(&mut to);
        self.check_series(&mut to);
        self.check_schedules(&mut to);
        match node {
            Node::Core if self.mode == Mode::Production => self.check_production(&mut to),
            Node::Core => {}
            Node::Edge => self.check_as_edge(&mut to),
        }
        if to.problems.is_empty() { Ok(()) } else { Err(to.problems) }
    }

    fn check_ranges(&self, to: &mut Checks<'_>) {
        let Self { http, core, live, health, auth, demo, log, .. } = self;
        to.range("http.workers", http.workers, 1..=256);
        to.range("http.body_bytes_max", http.body_bytes_max, 1_024..=16_777_216);
        to.range("http.body_seconds_max", http.body_seconds_max, 1..=300);
        to.range("http.bodies_max", http.bodies_max, 1..=1_000_000);
        let per_address = http.bodies_per_address_max;
        to.range("http.bodies_per_address_max", per_address, 1..=1_000_000);
        to.range("http.json_depth_max", http.json_depth_max, 4..=64);
        to.range("http.provider_rate_per_second", http.provider_rate_per_second, 1..=1_000_000);
        if !self.tls.bind.is_empty() {
            let address = self.tls.bind.parse::<std::net::SocketAddr>();
            to.check(address.is_ok(), "tls.bind", "must be an address such as 0.0.0.0:8443");
        }
        to.range("core.threads", core.threads, 1..=64);
        to.range("core.commands_in_flight_max", core.commands_in_flight_max, 16..=1_000_000);
        to.check(
            core.settle_reserve < core.commands_in_flight_max,
            "core.settle_reserve",
            "must be less than core.commands_in_flight_max",
        );
        to.range("core.provider_share_percent", core.provider_share_percent, 1..=100);
        to.range("core.tenant_share_percent", core.tenant_share_percent, 1..=100);
        to.range("core.wallet_idle_seconds", core.wallet_idle_seconds, 1..=86_400);
        to.range("core.snapshot_interval_seconds", core.snapshot_interval_seconds, 1..=3_600);
        to.range("core.unsaved_rows_max", core.unsaved_rows_max, 1..=1_000_000);
        to.range("live.threads", live.threads, 1..=64);
        to.range("live.sockets_max", live.sockets_max, 1..=1_000_000);
        to.range("live.sockets_per_address_max", live.sockets_per_address_max, 1..=1_000_000);
        to.range("live.sockets_per_tenant_max", live.sockets_per_tenant_max, 1..=1_000_000);
        to.range("live.drain_seconds", live.drain_seconds, 0..=600);
        to.range("live.stalled_seconds_max", live.stalled_seconds_max, 1..=3_600);
        to.range("live.ring", live.ring, 1..=65_536);
        for origin in &live.allowed_origins {
            let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if rest.is_none_or(|rest| rest.is_empty() || rest.contains('/')) {
                let message = format!("has {origin:?}, must be like https://example.com");
                to.fail("live.allowed_origins", message);
            }
        }
        self.check_edges(to);
        to.range("protection.raise_wait_hours", self.protection.raise_wait_hours, 0..=8_760);
        to.range("health.window_seconds", health.window_seconds, 5..=3_600);
        to.range("health.calls_min", health.calls_min, 1..=1_000_000);
        to.range("health.failed_percent", health.failed_percent, 1..=100);
        to.range("health.open_seconds", health.open_seconds, 1..=3_600);
        to.range("health.probes", health.probes, 1..=1_000);
        to.range("health.check_seconds", health.check_seconds, 1..=3_600);
        to.range("health.check_timeout_ms", health.check_timeout_ms, 10..=60_000);
        to.range("health.checks_failed_max", health.checks_failed_max, 1..=100);
        to.range("auth.player_token_minutes", auth.player_token_minutes, 1..=1_440);
        to.range("demo.players", demo.players, 1..=100_000);
        to.range("demo.bets_per_second", demo.bets_per_second, 1..=5_000);
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log.filter) {
            to.fail("log.filter", format!("is not a filter: {error}"));
        }
        let empty = self.storage.data_dir.as_os_str().is_empty();
        to.check(!empty, "storage.data_dir", "must not be empty");
        let variable = &self.storage.postgres_url_env;
        // Whoever puts the address itself here has put a password into a file.
        let name = !variable.is_empty()
            && variable.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        to.check(name, "storage.postgres_url_env", "must be the name of an environment variable");
        let same = http.bind == self.admin.bind && http.bind.port() != 0;
        to.check(!same, "admin.bind", "must differ from http.bind");
    }

    fn check_edges(&self, to: &mut Checks<'_>) {
        let (redis, edge) = (&self.live.redis, &self.edge);
        let is_used = redis.kind != RedisKind::None;
        to.check(!is_used || !redis.urls.is_empty(), "live.redis.urls", "needs at least one");
        let one = redis.kind != RedisKind::Single || redis.urls.len() <= 1;
        to.check(one, "live.redis.urls", "has several, which a single server has not");
        for url in &redis.urls {
            let good = reqwest::Url::parse(url).is_ok_and(|url| {
                let scheme = matches!(url.scheme(), "redis" | "rediss");
                scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
            });
            // The address is not told: there may be a password in it.
            let message = "must be like redis://host:6379, without user and password";
            to.check(good, "live.redis.urls", message);
        }
        let secure = |url: &String| url.starts_with("rediss:");
        let (all, any) = (redis.urls.iter().all(secure), redis.urls.iter().any(secure));
        to.check(all || !any, "live.redis.urls", "has redis:// and rediss://: must be one of them");
        let is_set = |path: &Path| !path.as_os_str().is_empty();
        for (key, path) in [
            ("live.redis.ca_file", &redis.ca_file),
            ("live.redis.certificate_file", &redis.certificate_file),
            ("live.redis.key_file", &redis.key_file),
        ] {
            let fits = !is_used || any || !is_set(path);
            to.check(fits, key, "is for TLS: live.redis.urls must be rediss://");
        }
        let whole = is_set(&redis.certificate_file) == is_set(&redis.key_file);
        to.check(whole, "live.redis.key_file", "and certificate_file go together");
        // Without a password nothing is said at all, and the server would see the default user.
        let known = redis.username.is_empty() || is_set(&redis.password_file);
        to.check(known, "live.redis.password_file", "is needed with a username");
        let (name, file) = (&redis.sentinel_username, &redis.sentinel_password_file);
        let known = name.is_empty() || is_set(file);
        to.check(known, "live.redis.sentinel_password_file", "is needed with a sentinel_username");
        let fits = redis.kind == RedisKind::Sentinel || !is_used || !is_set(file);
        to.check(
            fits,
            "live.redis.sentinel_password_file",
            "is for live.redis.kind = \"sentinel\"",
        );
        let named = redis.kind != RedisKind::Sentinel || !redis.master.is_empty();
        to.check(named, "live.redis.master", "is needed with Sentinels");
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let good = (1..=32).contains(&redis.prefix.len()) && redis.prefix.bytes().all(plain);
        to.check(good, "live.redis.prefix", "must be 1 to 32 letters, digits, - and _");
        to.range("live.redis.entries", redis.entries, 16..=65_536);
        let good = edge.core_url.is_empty() || is_http(&edge.core_url);
        to.check(good, "edge.core_url", "must be like https://host:port or http://host:port");
        to.range("edge.own_rows_ms", edge.own_rows_ms, 200..=60_000);
        to.range("edge.own_rows_at_once", edge.own_rows_at_once, 1..=10_000);
        to.range("edge.stale_ms", edge.stale_ms, 1_000..=60_000);
    }

    fn check_tenants(&self, to: &mut Checks<'_>) {
        to.check(!self.tenant.is_empty(), "tenant", "needs at least one");
        let mut seen = HashSet::new();
        for (n, tenant) in self.tenant.iter().enumerate() {
            let key = |field: &str| format!("tenant[{n}].{field}");
            to.check(tenant.id > 0, key("id"), "must be more than 0");
            to.check(seen.insert(tenant.id), key("id"), "is there twice");
            to.range(key("name"), tenant.name.chars().count(), 1..=64);
            to.range(key("age_min"), tenant.age_min, 0..=99);
            let external = tenant.wallet == WalletKeeper::External;
            let paid = !external || tenant.payments.is_some();
            to.check(paid, key("payments"), "is needed: the tenant's money is kept elsewhere");
            if let Some(payments) = &tenant.payments {
                to.check(is_http(&payments.url), key("payments.url"), HTTP);
                to.range(key("payments.timeout_ms"), payments.timeout_ms, 100..=60_000);
                to.range(key("payments.retry_seconds"), payments.retry_seconds, 1..=86_400);
                to.range(key("payments.failures_max"), payments.failures_max, 1..=1_000);
                to.range(key("payments.open_seconds"), payments.open_seconds, 1..=86_400);
            }
            if let Some(theme) = &tenant.theme {
                let text = theme.name.chars().all(|letter| !letter.is_control());
                to.range(key("theme.name"), theme.name.trim().chars().count(), 1..=40);
                to.check(text, key("theme.name"), "must be on one line");
                let colour = theme.accent.is_empty() || Colour::parse(&theme.accent).is_some();
                to.check(colour, key("theme.accent"), "must be like #b9361c");
                let logo = theme.logo.is_empty() || is_logo(&theme.logo);
                let why = "must be a path of this server that ends with .svg, .png or .webp";
                to.check(logo, key("theme.logo"), why);
            }
            let letters =
                |code: &String| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
            let all = tenant.countries_blocked.iter().all(letters);
            to.check(all, key("countries_blocked"), "must be codes of two capital letters");
            let default =
                tenant.currencies.is_empty() || tenant.currencies.contains(&tenant.currency);
            to.check(default, key("currencies"), "must contain the tenant's currency");
            let zone = palio_domain::tournament::schedule::is_zone(&tenant.zone);
            to.check(zone, key("zone"), "must be like Europe/Berlin, of the time-zone database");
            let told = tenant.notices_url.is_empty() || is_http(&tenant.notices_url);
            to.check(told, key("notices_url"), HTTP);
        }
    }

    fn check_providers(&self, to: &mut Checks<'_>) {
        let (mut seen, mut keys, mut paths) = (HashSet::new(), HashSet::new(), HashSet::new());
        for (n, provider) in self.provider.iter().enumerate() {
            let key = |field: &str| format!("provider[{n}].{field}");
            if let Err(error) = ProviderId::parse(&provider.id) {
                to.fail(key("id"), error.to_string());
            }
            let new = seen.insert((provider.tenant, &provider.id));
            to.check(new, key("id"), "is there twice in its tenant");
            let known = self.tenant.iter().any(|tenant| tenant.id == provider.tenant);
            to.check(known, key("tenant"), "is no tenant's id");
            let status = matches!(provider.replay_status, None | Some(200 | 409));
            to.check(status, key("replay_status"), "must be 409 or 200");
            to.range(key("spin_ms_min"), provider.spin_ms_min, 0..=60_000);
            to.range(key("overdue_seconds"), provider.overdue_seconds, 0..=31_622_400);
            for (currency, text) in &provider.stake_min {
                if let Err(error) = currency.amount_not_negative(text) {
                    to.fail(key("stake_min"), format!("is not an amount: {error}"));
                }
            }
            to.range(key("timeout_ms"), provider.timeout_ms, 10..=60_000);
            let asked = provider.health_url.is_empty() || is_http(&provider.health_url);
            to.check(asked, key("health_url"), HTTP);
            if provider.dialect != Dialect::Palio {
                // Its id is a part of its address, which names no tenant.
                let new = paths.insert(&provider.id);
                to.check(new, key("id"), "is there twice among providers with a dialect");
                let part =
                    provider.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
                to.check(part, key("id"), "must be letters, digits, - and _: it is in an address");
                let said = [
                    ("replay_status", provider.replay_status.is_some()),
                    ("sessions", provider.sessions.is_some()),
                    ("late_bet", provider.late_bet.is_some()),
                    ("unmatched_win", provider.unmatched_win.is_some()),
                    ("amend", provider.amend.is_some()),
                ];
                for (field, said) in said {
                    let why = "must be left out: the dialect brings its own answer";
                    to.check(!said, key(field), why);
                }
            }
            let count = (1..=2).contains(&provider.keys.len());
            to.check(count, key("keys"), "must be one or two keys");
            for (m, signing) in provider.keys.iter().enumerate() {
                let key = format!("provider[{n}].keys[{m}].id");
                let visible = signing.id.bytes().all(|b| (0x21..=0x7e).contains(&b));
                let length = (1..=64).contains(&signing.id.len());
                to.check(visible && length, &key, "must be 1 to 64 visible ASCII characters");
                // It names a file when the secret is made.
                let named = !signing.secret_file.as_os_str().is_empty();
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                let public = provider.dialect == Dialect::Hub88;
                to.check(named || !public, &key, "needs a secret_file with an RSA public key");
                let file_name = named || signing.id.bytes().all(plain);
                to.check(file_name, &key, "needs a secret_file, or only letters, digits, - and _");
                to.check(keys.insert(&signing.id), &key, "is there twice");
            }
        }
    }

    fn check_series(&self, to: &mut Checks<'_>) {
        let mut seen = HashSet::new();
        for (n, series) in self.series.iter().enumerate() {
            let key = |field: &str| format!("series[{n}].{field}");
            to.check(seen.insert(&series.id), key("id"), "is there twice");
            check_one_series(series, &key, to);
            // All series are the first tenant's.
            if let Some(tenant) = self.tenant.first() {
                check_switched_off(series, tenant, &key, to);
            }
        }
    }

    /// What can be said without the time; the rest is said when they are set.
    fn check_schedules(&self, to: &mut Checks<'_>) {
        let mut seen = HashSet::new();
        for (n, (tenant, document)) in self.schedules().enumerate() {
            let key = |field: &str| match field {
                "" => format!("schedule[{n}]"),
                field => format!("schedule[{n}].{field}"),
            };
            let found = self.tenant.iter().find(|known| u64::from(known.id) == tenant);
            to.check(found.is_some(), key("tenant"), "is no tenant's id");
            let zone = found.map_or("UTC", |tenant| tenant.zone.as_str());
            match palio_protocol::schedule::parse(&document, zone) {
                Ok((read, _)) => {
                    let new = seen.insert(read.schedule.id);
                    to.check(new, key("id"), "is there twice");
                }
                Err(lines) => lines.into_iter().for_each(|line| {
                    to.fail(key(&line.field), format!("{} ({})", line.message, line.code));
                }),
            }
        }
    }

    /// An edge needs what it uses. Of what only a core uses it reads nothing, so that both may
    /// have one file; but what makes tokens does not belong on it at all.
    fn check_as_edge(&self, to: &mut Checks<'_>) {
        let shared = self.live.redis.kind != RedisKind::None;
        to.check(shared, "live.redis.kind", "is none: an edge reads its boards from Redis");
        let without = self.auth.signing_key_file.as_os_str().is_empty();
        let why = "is for cores: an edge gets public keys only, in auth.public_key_files";
        to.check(without, "auth.signing_key_file", why);
        if self.mode != Mode::Production {
            return;
        }
        let (keys, made) = (&self.auth.public_key_files, self.secrets_dir());
        let key = "auth.public_key_files";
        // Own rows are asked for with players' tokens.
        let enough = self.edge.core_url.is_empty() || !keys.is_empty();
        to.check(enough, key, "is needed in production, where edge.core_url is set");
        for path in keys {
            to.check(!path.starts_with(&made), key, "has a key made for development");
        }
    }

    fn check_production(&self, to: &mut Checks<'_>) {
        let made = self.secrets_dir();
        let memory = self.storage.kind == StorageKind::Memory;
        to.check(!memory, "storage.kind", "is memory, which is not for production");
        let mut file = |key: String, path: &Path| {
            if path.as_os_str().is_empty() {
                to.fail(key, "is needed in production");
            } else if path.starts_with(&made) {
                to.fail(key, "is a secret made for the demo, not for production");
            }
        };
        file("journal.key_file".to_owned(), &self.journal.key_file);
        file("auth.signing_key_file".to_owned(), &self.auth.signing_key_file);
        for (n, provider) in self.provider.iter().enumerate() {
            for (m, signing) in provider.keys.iter().enumerate() {
                file(format!("provider[{n}].keys[{m}].secret_file"), &signing.secret_file);
            }
        }
        for (n, tenant) in self.tenant.iter().enumerate() {
            if !tenant.notices_url.is_empty() {
                file(format!("tenant[{n}].notices_secret_file"), &tenant.notices_secret_file);
            }
            if let Some(payments) = &tenant.payments {
                file(format!("tenant[{n}].payments.secret_file"), &payments.secret_file);
            }
        }
        for (n, provider) in self.provider.iter().enumerate() {
            let sandbox = provider.id == "sandbox";
            to.check(!sandbox, format!("provider[{n}].id"), "is the sandbox, not for production");
        }
    }
}

const HTTP: &str = "must be like https://host/path or http://host:port/path";

/// An address that can be asked. Without a password: the configuration is shown and logged.
fn is_http(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| {
        let scheme = matches!(url.scheme(), "http" | "https");
        scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
    })
}

/// What a tenant may not announce by hand, its series may not, either.
fn check_switched_off(
    series: &Series,
    tenant: &Tenant,
    key: &impl Fn(&str) -> String,
    to: &mut Checks<'_>,
) {
    let types = &tenant.tournament_types;
    let is_on = types.is_empty() || types.contains(&series.kind);
    to.check(is_on, key("type"), "is none of the tenant's tournament_types");
    // Of one that can't be read, something else is told.
    let Some(definition) = series::example(series) else { return };
    for (part, _) in parts::switched_off(&definition, &tenant.rules_off) {
        let field = if series.template.is_some() { "template" } else { "metric" };
        let part = part.as_str();
        to.fail(key(field), format!("uses {part}, which the tenant's rules_off switches off"));
    }
}

const FINER: &str = "must not have more than six decimals";

fn check_one_series(series: &Series, key: &impl Fn(&str) -> String, to: &mut Checks<'_>) {
    const YEAR_S: u32 = 31_622_400;
    const WEEK_S: u32 = 604_800;
    let slug = TournamentId::parse(&series.id).is_ok() && series.id.len() <= SERIES_ID_MAX;
    to.check(slug, key("id"), "must be 1 to 50 of a-z, 0-9 and -");
    to.range(key("name"), series.name.chars().count(), 1..=120);
    to.check(!series.name.trim().is_empty(), key("name"), "must not be blank");
    to.range(key("description"), series.description.len(), 0..=8_000);
    to.range(key("prizes"), series.prizes.len(), 0..=1_000);
    to.range(key("every_seconds"), series.every_seconds, 10..=YEAR_S);
    to.range(key("duration_seconds"), series.duration_seconds, 10..=YEAR_S);
    to.range(key("grace_seconds"), series.grace_seconds, 0..=WEEK_S);
    to.range(key("ahead_seconds"), series.ahead_seconds, 0..=WEEK_S);
    to.range(key("tick_ms"), series.tick_ms, 100..=60_000);
    let amount = |text: &str| series.currency.amount_not_negative(text);
    let finer = |amount| Points::of(amount, series.currency).is_none();
    match amount(&series.min_stake) {
        Ok(amount) if finer(amount) => to.fail(key("min_stake"), FINER),
        Ok(_) => {}
        Err(error) => to.fail(key("min_stake"), format!("is not an amount: {error}")),
    }
    let known = series.template.as_deref().is_none_or(|name| templates::find(name).is_some());
    to.check(known, key("template"), "is none of config/tournaments");
    let custom = series.metric == Metric::Custom;
    let fits = custom == series.template.is_some();
    to.check(fits, key("template"), "is for the metric custom, which needs one");
    match amount(&series.points_per) {
        Ok(points_per) if finer(points_per) => to.fail(key("points_per"), FINER),
        Ok(points_per) => {
            to.check(points_per.is_positive(), key("points_per"), "must be more than 0");
        }
        Err(error) => to.fail(key("points_per"), format!("is not an amount: {error}")),
    }
    let prizes: Result<Vec<Amount>, _> = series.prizes.iter().map(|prize| amount(prize)).collect();
    match prizes {
        Ok(prizes) => {
            let falling = prizes.is_sorted_by(|better, worse| better >= worse);
            to.check(falling, key("prizes"), "must not rise from one place to the next");
        }
        Err(error) => to.fail(key("prizes"), format!("has something else: {error}")),
    }
}
