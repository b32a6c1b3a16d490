//! Measures how many rows a second each store appends, in batches of 1, 100, 500 and 2000.
//!
//! ```text
//! cargo run --release --example append -- <rows per measurement> [memory] [sqlite] [postgres]
//! ```
//! SQLite works in a directory below `target/`, PostgreSQL in a database of its own on the server
//! that `PALIO_TEST_POSTGRES` names; both are removed afterwards. Rows are realistic bets, spread
//! over all slots; building them is not measured.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a tool")]

use palio::storage::{Storage, memory, postgres, sqlite};
use palio_domain::journal::{
    Account, Batch, Draft, Head, KeyFilter, Keys, Leg, Request, RequestKind, RowKind, Stage,
};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId,
    TraceId, UnixMs,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use std::time::{Duration, Instant};

const NOW: UnixMs = UnixMs(1_760_000_000_000);
const BATCHES: [usize; 4] = [1, 100, 500, 2000];

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let mut stores: Vec<String> = arguments.collect();
    if stores.is_empty() {
        stores = ["memory", "sqlite", "postgres"].map(str::to_owned).to_vec();
    }
    for store in stores {
        match store.as_str() {
            "memory" => measure(&memory::open(), rows).await,
            "sqlite" => {
                let dir = std::path::absolute("target/append").unwrap();
                drop(std::fs::remove_dir_all(&dir));
                let storage = sqlite::open(&dir).await.unwrap();
                measure(&storage, rows).await;
                storage.close().await;
                std::fs::remove_dir_all(&dir).unwrap();
            }
            "postgres" => {
                let url = std::env::var("PALIO_TEST_POSTGRES").expect("PALIO_TEST_POSTGRES");
                let address: PgConnectOptions = url.parse().unwrap();
                let mut server = PgConnection::connect_with(&address).await.unwrap();
                let name = format!("palio_append_{}", std::process::id());
                let sql = format!("CREATE DATABASE {name}");
                server.execute(AssertSqlSafe(sql)).await.unwrap();
                let url = address.database(&name).to_url_lossy();
                let storage = postgres::open(url.as_str(), false).await.unwrap();
                measure(&storage, rows).await;
                storage.close().await;
                let sql = format!("DROP DATABASE {name} WITH (FORCE)");
                server.execute(AssertSqlSafe(sql)).await.unwrap();
                server.close().await.unwrap();
            }
            other => println!("there is no store called {other}"),
        }
    }
}

async fn measure(storage: &Storage, rows: usize) {
    let slots: Vec<Slot> = Slot::all().collect();
    let mut number = 0;
    let mut total = 0;
    for size in BATCHES {
        let heads = storage.journal.acquire("append", &slots, NOW).await.unwrap();
        let mut writer = storage.journal.writer("append").await.unwrap();
        // A lone row waits for the disk each time: fewer of them tell as much.
        let batches = if size == 1 { (rows / 50).max(1) } else { rows / size };
        let batches = build(&heads, batches, size, &mut number);
        let mut times = Vec::with_capacity(batches.len());
        let started = Instant::now();
        for batch in &batches {
            let started = Instant::now();
            writer.append(batch, NOW).await.unwrap();
            times.push(started.elapsed());
        }
        let elapsed = started.elapsed();
        let written = batches.len() * size;
        total += written;
        report(storage.kind, size, written, elapsed, times);
    }
    read_back(storage, &slots, total).await;
}

async fn read_back(storage: &Storage, slots: &[Slot], total: usize) {
    let started = Instant::now();
    let mut filter = KeyFilter::with_capacity(2 * total);
    storage.journal.keys(slots, &mut |key| filter.insert(key)).await.unwrap();
    println!(
        "{:9} keys  {:>9.0} keys/s",
        storage.kind,
        per_second(filter.len(), started.elapsed())
    );
    let (started, mut read) = (Instant::now(), 0);
    for slot in slots {
        let mut from = 1;
        loop {
            let rows = storage.journal.read(*slot, from, 1000).await.unwrap();
            let Some(last) = rows.last() else { break };
            from = last.row.seq + 1;
            read += rows.len();
        }
    }
    assert_eq!(read, total);
    println!("{:9} read  {:>9.0} rows/s", storage.kind, per_second(read, started.elapsed()));
}

fn report(kind: &str, size: usize, rows: usize, elapsed: Duration, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{kind:9} {size:>5} {:>9.0} rows/s   append p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        per_second(rows, elapsed),
        ms(at(50)),
        ms(at(99)),
        ms(times.last().copied().unwrap_or_default()),
    );
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from) / elapsed.as_secs_f64()
}

fn build(heads: &[Head], batches: usize, size: usize, number: &mut u64) -> Vec<Batch> {
    let keys = Keys::new([7; 32]);
    let mut stage = Stage::new(heads.iter().copied());
    let mut build = || {
        for _ in 0..size {
            *number += 1;
            stage.push(bet(&keys, *number), NOW).unwrap();
        }
        stage.seal().unwrap()
    };
    (0..batches).map(|_| build()).collect()
}

fn bet(keys: &Keys, n: u64) -> Draft {
    let (tenant, player) = (TenantId(1), n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40);
    let id = format!("b_{n:016x}");
    let request = keys.request(tenant, "evo", player, RequestKind::Bet, &id);
    let claim = keys.request(tenant, "evo", player, RequestKind::Play, &id);
    Draft {
        kind: RowKind::BetPlaced,
        kind_version: 1,
        tenant,
        aggregate: Aggregate::Player(PlayerId(player)),
        leg: Some(Leg {
            debit: Account::Cash,
            credit: Account::Held,
            amount: Amount(1000),
            currency: Currency::EUR,
        }),
        balance_after: Some(Amount(123_456)),
        request: Some(Request { key: request, id: id.as_str().into(), body_hash: claim }),
        claim: Some(claim),
        provider: ProviderId::parse("evo").ok(),
        bet: BetId::parse(&id).ok(),
        round: RoundId::parse(&format!("R-2025-10-17-evo-{}", n / 100)).ok(),
        game: GameId::parse("evo_blackjack_23").ok(),
        trace: TraceId::parse(&format!("tr_{n:016x}")).ok(),
        payload: Box::from(*br#"{"ts":"2025-10-17T14:23:13.120Z"}"#),
    }
}
