//! A configuration file.
//!
//! **Property:** a file that is not taken is refused with the keys that are wrong, each with a
//! reason that is not longer than the value and a few lines; an address of a database that was
//! put where only its variable's name belongs is not repeated, since it has a password. Of what
//! is taken, profiles can be made, and every tournament of a series is one that the rules take,
//! at any time.

use palio::config::{Config, ConfigError, Node};
use palio::providers::profile::Profile;
use palio::providers::series::Schedule;
use palio_domain::{Currency, UnixMs};

pub(super) const WORDS: &[&str] = &[
    "mode",
    "production",
    "development",
    "http",
    "bind",
    "workers",
    "storage",
    "postgres",
    "postgres_url_env",
    "\"postgres://palio:CaNaRy-1f9e7c@localhost/palio\"",
    "core",
    "live",
    "health",
    "auth",
    "log",
    "filter",
    "tenant",
    "provider",
    "series",
    "keys",
    "secret_file",
    "dialect",
    "hub88",
    "stake_min",
    "id",
    "name",
    "metric",
    "every_seconds",
    "duration_seconds",
    "ahead_seconds",
    "min_stake",
    "points_per",
    "prizes",
    "description",
    "[[series]]",
    "[[provider]]",
    "= ",
    "31622400",
    "604800",
];

/// Room for a reason around what it is about.
const REASON_BYTES_MAX: usize = 2_000;

pub(super) fn target(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for node in [Node::Core, Node::Edge] {
        read(text, node);
    }
}

fn read(text: &str, node: Node) {
    match Config::of_text("own.toml", text, node) {
        Ok(config) => starts(&config),
        Err(ConfigError::Invalid(problems)) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(!problem.key.is_empty() && !problem.message.is_empty());
                let length = problem.to_string().len();
                assert!(length <= REASON_BYTES_MAX + 4 * text.len(), "{length} bytes");
                assert!(
                    problem.key != "storage.postgres_url_env"
                        || !problem.message.contains(crate::support::CANARY),
                    "{problem}"
                );
            }
        }
        Err(other) => panic!("{other}"),
    }
}

fn starts(config: &Config) {
    assert!(!config.tenant.is_empty());
    for provider in &config.provider {
        let profile = Profile::new(provider, &[]);
        assert_eq!(profile.terms(None).stake_min.0, 0);
        for currency in provider.stake_min.keys() {
            assert!(profile.terms(Some(*currency)).stake_min.0 >= 0);
        }
        assert!(profile.terms(Some(Currency::EUR)).spin_ms_min <= 60_000);
    }
    let schedule = Schedule::new(config).expect("the amounts were checked");
    let year_ms: i64 = 31_622_400_000;
    for now in [0, 1_795_284_000_000, 1_795_284_000_000 + year_ms] {
        let due = schedule.due(UnixMs(now));
        assert!(due.len() <= 2 * config.series.len());
        for definition in due {
            if let Err(problems) = definition.validate() {
                panic!("{} is never announced: {problems:?}", definition.id);
            }
        }
    }
}
