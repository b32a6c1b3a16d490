//! The edge cases of money, over real HTTP, on both stores, for the strict and the lenient profile:
//! the same table that providers certify against (`loadtest/src/conformance/money.cases`).

use crate::process::{Palio, Store};
use loadtest::conformance::{self, Parties, Profile};

/// Two providers that want opposite things.
const PROVIDERS: &str = r#"
[[provider]]
id = "strict"
tenant = 1
replay_status = 409
keys = [{ id = "strict-1", secret_file = "" }]

[[provider]]
id = "lenient"
tenant = 1
replay_status = 200
late_bet = "accept"
unmatched_win = "promo"
amend = "replace"
keys = [{ id = "lenient-1", secret_file = "" }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_case_on_sqlite() {
    every_case(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_on_postgres() {
    every_case(Store::Postgres).await;
}

async fn every_case(store: Store) {
    let mut palio = Palio::start_with(store, PROVIDERS, &[]).await;
    for profile in [Profile::Strict, Profile::Lenient] {
        let key = format!("{}-1", profile.name());
        let parties = Parties {
            url: palio.url(),
            secret: palio.secret(&key),
            key,
            provider: profile.name().to_owned(),
            token: palio.token("operator", "anna"),
            profile,
        };
        let report = conformance::play(&parties, None).await.unwrap();
        assert!(report.cases.len() > 30);
        assert_eq!(report.failures(), Vec::<String>::new());
    }
    palio.stop();
    palio.verify();
}
