//! What only one store does: faults, files, connections.

use super::home::{Directory, Home, server};
use super::rows::{NOW, batch, bet, key};
use super::{SLOT_A, SLOT_B, acquire, append, audit, head, player_in};
use palio::storage::memory::{Fault, Memory};
use palio::storage::postgres::{self, Durability, Postgres};
use palio::storage::{AppendError, Error, sqlite};
use palio_domain::journal::Head;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::{sleep, timeout};

// --- memory -----------------------------------------------------------------------------------

#[test]
fn each_fault_does_what_it_says() {
    // The fault, what the writer hears, rows before and after the slot is next acquired.
    let cases = [
        (Fault::None, "Ok", 1, 1),
        (Fault::Refused, "NotWritten", 0, 0),
        (Fault::AnswerLost, "Unknown", 1, 1),
        (Fault::RequestLost, "Unknown", 0, 0),
        (Fault::Late, "Unknown", 0, 1),
        (Fault::Fenced, "Fenced", 0, 0),
    ];
    for (fault, heard, before, after) in cases {
        let memory = Memory::new();
        let heads = memory.acquire_sync("a", &[SLOT_A]);
        let batch = batch(&heads, [bet(player_in(SLOT_A), 1)]);
        memory.set_faults(move |_| fault);
        let result = format!("{:?}", memory.append_sync("a", &batch));
        assert!(
            result.starts_with(heard) || result.starts_with(&format!("Err({heard}")),
            "{result}"
        );
        let restarted = memory.clone();
        restarted.clear_faults();
        assert_eq!(restarted.read_sync(SLOT_A, 1, 9).len(), before, "{fault:?}");
        restarted.acquire_sync("b", &[SLOT_B]);
        assert_eq!(restarted.read_sync(SLOT_A, 1, 9).len(), before, "{fault:?}");
        let head = restarted.acquire_sync("b", &[SLOT_A])[0];
        assert_eq!(restarted.read_sync(SLOT_A, 1, 9).len(), after, "{fault:?}");
        assert_eq!((head.epoch, head.next_seq), (2, 1 + after as u64), "{fault:?}");
    }
}

// --- sqlite -----------------------------------------------------------------------------------

#[tokio::test]
async fn a_reader_needs_no_lock_and_cannot_write() {
    let directory = Directory::new();
    let server = sqlite::open(directory.path()).await.unwrap();
    let heads = acquire(&server, "a", &[SLOT_A]).await;
    let mut writer = server.journal.writer("a").await.unwrap();
    let reader = sqlite::open_read_only(directory.path()).await.unwrap();
    writer.append(&batch(&heads, [bet(player_in(SLOT_A), 1)]), NOW).await.unwrap();
    assert_eq!(audit(&reader).await.len(), 1, "beside the server");
    let head = head(&reader, SLOT_A).await;
    assert!(matches!(reader.journal.acquire("b", &[SLOT_A], NOW).await, Err(Error::ReadOnly)));
    assert!(matches!(reader.journal.writer("b").await.err(), Some(Error::ReadOnly)));
    assert!(matches!(reader.snapshots.save(&[], &[]).await, Err(Error::ReadOnly)));
    writer.append(&batch(&[head], [bet(player_in(SLOT_A), 2)]), NOW).await.unwrap();
    server.close().await;
    assert_eq!(audit(&reader).await.len(), 2, "after the server has gone");
    reader.close().await;
    let later = sqlite::open_read_only(directory.path()).await.unwrap();
    assert_eq!(audit(&later).await.len(), 2, "without a server");
    later.close().await;
    sqlite::open(directory.path()).await.unwrap();
}

const CHILD_DIRECTORY: &str = "PALIO_TEST_CHILD_DIRECTORY";

/// Not a test by itself: the process that the next test kills. Says each acknowledged number.
#[tokio::test]
async fn child_appends_until_killed() {
    let Some(directory) = std::env::var_os(CHILD_DIRECTORY).map(PathBuf::from) else { return };
    let storage = sqlite::open(&directory).await.unwrap();
    acquire(&storage, "child", &[SLOT_A]).await;
    let mut writer = storage.journal.writer("child").await.unwrap();
    for n in 1.. {
        let head = head(&storage, SLOT_A).await;
        writer.append(&batch(&[head], [bet(player_in(SLOT_A), n)]), NOW).await.unwrap();
        println!("\nacknowledged {n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_its_rows_and_frees_the_lock() {
    let directory = Directory::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "storage::only::child_appends_until_killed", "--nocapture"])
        .env(CHILD_DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<usize>().ok());
    assert_eq!(acknowledged.nth(19), Some(20));
    let refused = sqlite::open(directory.path()).await.err().unwrap().to_string();
    assert!(refused.contains("in use by another process"), "{refused}");
    child.kill().unwrap();
    let last = acknowledged.last().unwrap_or(20);
    child.wait().unwrap();
    let storage = sqlite::open(directory.path()).await.unwrap();
    let rows = audit(&storage).await.len();
    assert!((last..=last + 1).contains(&rows), "{rows} rows, {last} acknowledged");
    storage.close().await;
}

// --- postgres ---------------------------------------------------------------------------------

/// Locks a head as an append that is under way does.
async fn lock_head(connection: &mut PgConnection) {
    let sql = format!("BEGIN; SELECT FROM palio.head WHERE slot = {} FOR UPDATE", SLOT_A.0);
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

/// Waits until so many statements wait for a lock on a row.
async fn wait_for_waiters(connection: &mut PgConnection, count: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    for _ in 0..200 {
        if sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *connection).await.unwrap() == count
        {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acquiring_waits_for_an_append_under_way() {
    let home = Home::postgres().await;
    let storage = home.open().await;
    let mut raw = home.raw().await;
    acquire(&storage, "a", &[SLOT_A]).await;
    lock_head(&mut raw).await;
    let taking = tokio::spawn({
        let storage = storage.clone();
        async move { acquire(&storage, "b", &[SLOT_B, SLOT_A]).await }
    });
    let mut watcher = home.raw().await;
    wait_for_waiters(&mut watcher, 1).await;
    let moved = format!("UPDATE palio.head SET next_seq = 5 WHERE slot = {}; COMMIT", SLOT_A.0);
    raw.execute(AssertSqlSafe(moved)).await.unwrap();
    let heads = taking.await.unwrap();
    assert_eq!(heads[1], Head { epoch: 2, next_seq: 5, ..Head::empty(SLOT_A) });
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_appends_that_wait_for_one_head_one_is_written() {
    let home = Home::postgres().await;
    let storage = home.open().await;
    let heads = acquire(&storage, "a", &[SLOT_A, SLOT_B]).await;
    let mut raw = home.raw().await;
    lock_head(&mut raw).await;
    // All start from the same heads: whoever comes second must see the first's change.
    let appends: Vec<_> = (1..=6)
        .map(|n| {
            let (storage, first, second) = (storage.clone(), bet(player_in(SLOT_A), n), key(n));
            let mut other = bet(player_in(SLOT_B), 100 + n);
            other.claim = Some(second.map(|byte| byte ^ 0xff));
            let batch = batch(&heads, [first, other]);
            tokio::spawn(async move { append(&storage, "a", &batch).await })
        })
        .collect();
    let mut watcher = home.raw().await;
    wait_for_waiters(&mut watcher, 6).await;
    raw.execute("COMMIT").await.unwrap();
    let mut written = 0;
    for append in appends {
        match append.await.unwrap() {
            Ok(()) => written += 1,
            Err(AppendError::Fenced) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((written, audit(&storage).await.len()), (1, 2));
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_unknown_and_no_connection_is_not_written() {
    let home = Home::postgres().await;
    let storage = home.open().await;
    let heads = acquire(&storage, "a", &[SLOT_A]).await;
    let batch = batch(&heads, [bet(player_in(SLOT_A), 1)]);
    let mut writer = storage.journal.writer("a").await.unwrap();
    let (mut raw, mut watcher) = (home.raw().await, home.raw().await);
    lock_head(&mut raw).await;
    let sent = tokio::spawn({
        let batch = batch.clone();
        async move {
            let result = writer.append(&batch, NOW).await;
            (writer, result)
        }
    });
    wait_for_waiters(&mut watcher, 1).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    watcher.execute(kill).await.unwrap();
    let (mut writer, result) = sent.await.unwrap();
    assert!(matches!(result, Err(AppendError::Unknown(_))), "{result:?}");
    raw.execute("COMMIT").await.unwrap();

    let database: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&mut raw).await.unwrap();
    for allowed in [false, true] {
        let sql = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {allowed}");
        server().await.execute(AssertSqlSafe(sql)).await.unwrap();
        let result = writer.append(&batch, NOW).await;
        match (allowed, &result) {
            (true, Ok(())) | (false, Err(AppendError::NotWritten(_))) => {}
            _ => panic!("{result:?}"),
        }
    }
    assert_eq!(audit(&storage).await.len(), 1);
    home.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taking_over_fences_the_former_owner() {
    let home = Home::postgres().await;
    let Home::Postgres(address) = &home else { unreachable!() };
    let url = sqlx::ConnectOptions::to_url_lossy(address.as_ref());
    let old = home.open().await;
    let heads = acquire(&old, "old", &[SLOT_A]).await;
    let options = postgres::Options { url: url.to_string(), take_over: true, writers: 1 };
    let new = Postgres::open(&options).await.unwrap();
    let taken = acquire(&new.storage(), "new", &[SLOT_A]).await;
    let late = append(&old, "old", &batch(&heads, [bet(player_in(SLOT_A), 1)])).await;
    assert!(matches!(late, Err(AppendError::Fenced)), "{late:?}");
    append(&new.storage(), "new", &batch(&taken, [bet(player_in(SLOT_A), 1)])).await.unwrap();

    let reader = postgres::open_read_only(url.as_str()).await.unwrap();
    assert_eq!(audit(&reader).await.len(), 1);
    assert!(matches!(reader.journal.acquire("b", &[SLOT_A], NOW).await, Err(Error::ReadOnly)));
    assert!(reader.snapshots.save(&[], &[(SLOT_A, 1)]).await.is_err());

    let durability = new.durability().await.unwrap();
    let lonely = "synchronous_standby_names is empty: losing this server loses acknowledged rows";
    assert_eq!(durability.problems(), [lonely], "{durability:?}");
    let careless = Durability {
        fsync: false,
        synchronous_commit: "local".to_owned(),
        full_page_writes: false,
        synchronous_standby_names: "ANY 1 (a, b)".to_owned(),
    };
    assert_eq!(careless.problems().len(), 3);
    home.end().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_soon() {
    let url = "postgres://nobody@127.0.0.1:1/nothing";
    let opened = timeout(Duration::from_secs(5), postgres::open(url, false)).await.unwrap();
    assert!(matches!(opened.err(), Some(Error::Database { .. })));
    let opened = postgres::open("not an address", false).await;
    assert!(matches!(opened.err(), Some(Error::Open(_))));
}
