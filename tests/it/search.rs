//! The search against a naive one: every match once, newest first, on every store, whatever the
//! zones have seen; and over HTTP, each caller only what is his.

use crate::process::{Palio, Store};
use crate::storage::home::Home;
use loadtest::Client;
use palio::search::{Cursor, Search};
use palio::storage::{Storage, StoredZone, Writer};
use palio_domain::journal::{Draft, Filter, Kinds, Row, RowKind, Stage};
use palio_domain::{
    Aggregate, BetId, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId, UnixMs,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::sync::Arc;

/// Players of three slots of two brands, a few each.
fn players(tenant: TenantId) -> Vec<u64> {
    let of = |slot: Slot| {
        (1..).filter(move |n| Aggregate::Player(PlayerId(*n)).slot(tenant) == slot).take(3)
    };
    [Slot(3), Slot(4), Slot(200)].into_iter().flat_map(of).collect()
}

fn draft(rng: &mut StdRng) -> Draft {
    let tenant = TenantId(rng.random_range(1..=2));
    let players = players(tenant);
    let (round, bet) = (rng.random_range(0..400), rng.random_range(0..2_000));
    let with = |yes: bool| yes.then_some(());
    let kinds = [RowKind::BetPlaced, RowKind::BetSettled, RowKind::Deposited, RowKind::Adjusted];
    Draft {
        // One kind is rare.
        kind: kinds[if rng.random_ratio(1, 500) { 3 } else { rng.random_range(0..3) }],
        kind_version: 1,
        tenant,
        aggregate: Aggregate::Player(PlayerId(players[rng.random_range(0..players.len())])),
        leg: None,
        balance_after: None,
        request: None,
        claim: None,
        provider: with(rng.random_ratio(9, 10))
            .map(|()| ProviderId::parse(&format!("p{}", rng.random_range(0..3))).unwrap()),
        bet: Some(BetId::parse(&format!("b{bet}")).unwrap()),
        round: with(rng.random_ratio(9, 10))
            .map(|()| RoundId::parse(&format!("R{round}")).unwrap()),
        game: Some(GameId::parse(&format!("g{}", round % 5)).unwrap()),
        trace: None,
        payload: Box::default(),
    }
}

struct Journal {
    rng: StdRng,
    storage: Storage,
    stage: Stage,
    writer: Box<dyn Writer>,
    search: Arc<Search>,
    now: i64,
    rows: Vec<Arc<Row>>,
}

impl Journal {
    async fn open(storage: Storage, seed: u64) -> Self {
        let slots: Vec<_> = Slot::all().collect();
        let heads = storage.journal.acquire("a", &slots, UnixMs(1)).await.unwrap();
        let writer = storage.journal.writer("a").await.unwrap();
        let search = Search::open(&storage, true).await.unwrap();
        let (rng, stage) = (StdRng::seed_from_u64(seed), Stage::new(heads));
        Self { rng, storage, stage, writer, search, now: 1_000, rows: Vec::new() }
    }

    /// Commits some rows; the search may hear of them, or not.
    async fn grow(&mut self, count: u32) {
        for _ in 0..count {
            self.now += i64::from(self.rng.random_ratio(1, 3));
            let draft = draft(&mut self.rng);
            self.stage.push(draft, UnixMs(self.now)).unwrap();
        }
        let batch = self.stage.seal().unwrap();
        self.writer.append(&batch, UnixMs(self.now)).await.unwrap();
        if self.rng.random_ratio(9, 10) {
            self.search.take(&batch.rows);
        }
        self.rows.extend(batch.rows);
    }

    async fn trouble(&mut self) {
        match self.rng.random_range(0..4) {
            0 => self.search = Search::open(&self.storage, true).await.unwrap(),
            1 => {
                let slot = [Slot(3), Slot(4), Slot(200)][self.rng.random_range(0..3)];
                let first = self.rng.random_range(0..4);
                let zones = self.storage.zones.load_zones(slot, first, 1).await.unwrap();
                // Damaged, as if bits had flipped; or the zone of another block.
                let damaged = zones.into_iter().map(|zone| match self.rng.random_range(0..2) {
                    0 => StoredZone { zone: zone.zone[1..].to_vec(), ..zone },
                    _ => StoredZone { block: zone.block + 1, ..zone },
                });
                let damaged: Vec<_> = damaged.filter(|zone| zone.block < 3).collect();
                self.storage.zones.save_zones(&damaged).await.unwrap();
            }
            _ => self.search.keep_up().await.unwrap(),
        }
    }

    fn filter(&mut self) -> Filter {
        let like = Arc::clone(&self.rows[self.rng.random_range(0..self.rows.len())]);
        let mut some = || self.rng.random_ratio(1, 4);
        let mut filter = Filter::all(like.tenant);
        filter.aggregate = some().then_some(like.aggregate);
        filter.provider = like.provider.clone().filter(|_| some());
        filter.round = like.round.clone().filter(|_| some());
        filter.bet = like.bet.clone().filter(|_| some());
        filter.game = like.game.clone().filter(|_| some());
        filter.kinds = if some() { Kinds::default().with(like.kind) } else { filter.kinds };
        filter.from = some().then_some(like.time);
        let until = like.time.plus_ms(self.rng.random_range(1..800));
        filter.until = self.rng.random_ratio(1, 4).then_some(until);
        filter
    }

    async fn check(&mut self) {
        let filter = self.filter();
        let place = |row: &Row| (row.time, row.slot, row.seq);
        let mut expected: Vec<_> =
            self.rows.iter().filter(|row| filter.matches(row)).cloned().collect();
        expected.sort_by_key(|row| std::cmp::Reverse(place(row)));
        // Large results are looked at up to a point.
        let limit = self.rng.random_range(1..200);
        let (mut found, mut before): (Vec<Row>, Option<Cursor>) = (Vec::new(), None);
        for _ in 0..8 {
            let page = self.search.page(&filter, before, limit).await.unwrap();
            assert!(page.rows.len() <= limit);
            found.extend(page.rows);
            before = page.next;
            if before.is_none() {
                break;
            }
            // What is committed between two pages is newer than both.
            self.now += 1;
            self.grow(3).await;
        }
        let first: Vec<_> = expected.iter().take(found.len()).map(|row| place(row)).collect();
        assert_eq!(found.iter().map(place).collect::<Vec<_>>(), first, "{filter:?}");
        assert!(before.is_some() || found.len() == expected.len(), "{filter:?}");
    }

    async fn check_round(&mut self) {
        let like = Arc::clone(&self.rows[self.rng.random_range(0..self.rows.len())]);
        let (Some(provider), Some(round)) = (&like.provider, &like.round) else { return };
        let Aggregate::Player(player) = like.aggregate else { return };
        let found = self.search.round(like.tenant, player, provider, round).await.unwrap();
        let same = |row: &&Arc<Row>| {
            (row.tenant, row.aggregate) == (like.tenant, like.aggregate)
                && row.provider == like.provider
                && row.round == like.round
        };
        let expected: Vec<_> = self.rows.iter().filter(same).map(|row| row.seq).collect();
        assert_eq!(found.iter().map(|row| row.seq).collect::<Vec<_>>(), expected);
    }
}

async fn finds_what_a_naive_search_finds(home: Home, checks: u32) {
    for seed in 1..3 {
        let storage = home.open().await;
        let mut journal = Journal::open(storage, seed).await;
        if seed == 1 {
            for step in 0..checks {
                journal.grow(12_000 / checks).await;
                if step % 3 == 0 {
                    journal.trouble().await;
                }
                journal.check().await;
                journal.check_round().await;
            }
        } else {
            // Zones made by one process serve the next; rows are not known to this test then.
            let all = journal.search.page(&Filter::all(TenantId(1)), None, 500).await.unwrap();
            assert_eq!(all.rows.len(), 500);
        }
        journal.storage.close().await;
    }
    home.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn naive_search_on_memory() {
    finds_what_a_naive_search_finds(Home::memory().await, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn naive_search_on_sqlite() {
    finds_what_a_naive_search_finds(Home::sqlite().await, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn naive_search_on_postgres() {
    finds_what_a_naive_search_finds(Home::postgres().await, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_journal_forgets_newer_zones() {
    let home = Home::memory().await;
    let storage = home.open().await;
    let mut journal = Journal::open(storage.clone(), 7).await;
    journal.grow(9_000).await;
    journal.search.keep_up().await.unwrap();
    let zones = storage.zones.load_zones(Slot(3), 0, 10).await.unwrap();
    assert!(zones.len() >= 2, "{}", zones.len());
    let empty = Home::memory().await.open().await;
    empty.zones.save_zones(&zones).await.unwrap();
    Search::open(&empty, true).await.unwrap();
    assert!(empty.zones.zone_times().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verifier_finds_a_zone_that_would_hide_rows() {
    let home = Home::sqlite().await;
    let mut journal = Journal::open(home.open().await, 9).await;
    // Rows of a provider's home: the verifier has nothing else to say of them.
    let home_of = |n: &u64| Aggregate::Provider(*n).slot(TenantId(1)) == Slot(3);
    let provider = Aggregate::Provider((1..).find(home_of).unwrap());
    for at in 0..3_000 {
        let draft = Draft { aggregate: provider, tenant: TenantId(1), ..draft(&mut journal.rng) };
        journal.stage.push(draft, UnixMs(at)).unwrap();
    }
    let batch = journal.stage.seal().unwrap();
    journal.writer.append(&batch, UnixMs(3_000)).await.unwrap();
    journal.search.keep_up().await.unwrap();
    let found = async |storage: &Storage| {
        let report = palio::verify::run(storage).await.unwrap();
        report.differences.iter().filter(|difference| difference.check == "zones").count()
    };
    assert_eq!(found(&journal.storage).await, 0);
    let zones = journal.storage.zones.load_zones(Slot(3), 0, 2).await.unwrap();
    let swapped = StoredZone { zone: zones[1].zone.clone(), ..zones[0].clone() };
    let beyond = StoredZone { block: 900, ..zones[0].clone() };
    journal.storage.zones.save_zones(&[swapped]).await.unwrap();
    assert_eq!(found(&journal.storage).await, 1);
    journal.storage.zones.save_zones(&[StoredZone { block: 7, ..beyond }]).await.unwrap();
    assert_eq!(found(&journal.storage).await, 2);
    journal.storage.close().await;
    home.end().await;
}

async fn search(client: &Client, path: &str) -> (u16, Value) {
    let answer = client.get(path).await.unwrap();
    (answer.status, answer.json().unwrap())
}

fn kinds(found: &Value) -> Vec<&str> {
    let of = |row: &'_ Value| row["kind"].as_str().map(str::len).map(|_| ());
    let rows = found["transactions"].as_array().unwrap();
    assert!(rows.iter().all(|row| of(row).is_some()));
    rows.iter().map(|row| row["kind"].as_str().unwrap()).collect()
}

const TWO_PROVIDERS: &str = r#"
[[provider]]
id = "sandbox"
tenant = 1
replay_status = 409
keys = [{ id = "sandbox-1", secret_file = "" }]

[[provider]]
id = "slots"
tenant = 1
replay_status = 409
keys = [{ id = "slots-1", secret_file = "" }]
"#;

async fn over_http(store: Store) {
    let palio = Palio::start_with(store, TWO_PROVIDERS, &[]).await;
    for player in ["p_1", "p_2"] {
        assert_eq!(palio.deposit(player, "d1", "100.00").await.status, 200);
    }
    let other = Client::new(&palio.url(), "slots-1", &palio.secret("slots-1")).unwrap();
    for (who, player, bet) in
        [(&palio.provider(), "p_1", "b1"), (&other, "p_1", "b2"), (&palio.provider(), "p_2", "b3")]
    {
        let body = json!({"playerId": player, "roundId": "R-1", "gameId": "wheel", "betId": bet,
                          "amount": "10.00", "currency": "EUR"});
        assert_eq!(who.post("/wallet/debit", "", body.to_string()).await.unwrap().status, 200);
    }
    let operator = palio.operator();
    let (status, all) = search(&operator, "/api/transactions").await;
    assert_eq!(status, 200, "{all}");
    assert_eq!(
        kinds(&all),
        ["bet.placed", "bet.placed", "bet.placed", "wallet.deposited", "wallet.deposited"]
    );
    // Each page once, to the end.
    let (mut ids, mut path) = (Vec::new(), "/api/transactions?limit=2".to_owned());
    loop {
        let (_, page) = search(&operator, &path).await;
        let rows = page["transactions"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| row["transactionId"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/transactions?limit=2&cursor={next}");
    }
    let whole: Vec<_> = all["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["transactionId"].clone())
        .collect();
    assert_eq!(ids, whole);

    let (_, round) = search(&operator, "/api/transactions?roundId=R-1&provider=sandbox").await;
    let newest = &round["transactions"][0];
    assert_eq!(round["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(
        [
            &newest["playerId"],
            &newest["betId"],
            &newest["from"],
            &newest["to"],
            &newest["amount"],
            &newest["currency"],
            &newest["balance"],
            &newest["requestId"]
        ],
        ["p_2", "b3", "cash", "held", "10.00", "EUR", "90.00", "b3"]
    );
    let path = format!("/api/transactions/{}", newest["transactionId"].as_str().unwrap());
    assert_eq!(search(&operator, &path).await.1["betId"], "b3");

    // What an operator wrote down is shown with it.
    let reason = json!({"account": "cash", "amount": "1.00", "currency": "EUR",
                        "reason": "a coin was stuck"});
    let adjusted =
        operator.post("/api/players/p_2/adjustments", "a1", reason.to_string()).await.unwrap();
    let id = adjusted.json::<Value>().unwrap()["transactionId"].clone();
    let path = format!("/api/transactions/{}", id.as_str().unwrap());
    let (_, one) = search(&operator, &path).await;
    assert_eq!(one["details"]["reason"], "a coin was stuck", "{one}");

    // A provider sees its own calls, a player his own money.
    let (_, own) = search(&other, "/wallet/p_1/transactions").await;
    assert_eq!((kinds(&own), &own["transactions"][0]["betId"]), (vec!["bet.placed"], &json!("b2")));
    let (_, mine) = search(&palio.player("p_1"), "/api/me/transactions?kind=bet.placed").await;
    assert_eq!(kinds(&mine), ["bet.placed", "bet.placed"]);
    assert!(mine["transactions"][0].get("requestId").is_none(), "{mine}");

    let refused = [
        (&operator, "/api/transactions?kind=bet.lost", 422, "INVALID_FIELD"),
        (&operator, "/api/transactions?limit=501", 422, "INVALID_FIELD"),
        (&operator, "/api/transactions?cursor=zz", 422, "INVALID_FIELD"),
        (&operator, "/api/transactions?color=red", 422, "INVALID_FIELD"),
        (&operator, "/api/transactions?playerId=nobody", 404, "PLAYER_NOT_FOUND"),
        (&operator, "/api/transactions/tx_00_ffff", 404, "NOT_FOUND"),
        (&operator, "/api/transactions/b3", 404, "NOT_FOUND"),
        (&other, "/wallet/p_1/transactions?provider=sandbox", 422, "INVALID_FIELD"),
        (&palio.player("p_1"), "/api/me/transactions?playerId=p_2", 422, "INVALID_FIELD"),
        (&palio.player("p_1"), "/api/transactions", 403, "FORBIDDEN"),
    ];
    for (who, path, status, code) in refused {
        let answer = who.get(path).await.unwrap();
        assert_eq!((answer.status, answer.code()), (status, code), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_on_sqlite() {
    over_http(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_on_postgres() {
    over_http(Store::Postgres).await;
}
