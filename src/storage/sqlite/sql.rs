//! The statements of the SQLite store, as static text.
//!
//! `INSERT OR FAIL` keeps no journal of its own to take half a statement back: a failure takes the
//! whole transaction back anyway. Inserts of many rows come in a few fixed sizes, powers of four, so
//! that few statements are prepared and few messages go to the connection's thread.

use crate::storage::columns::journal_columns;

/// The text four times over, between commas.
macro_rules! four {
    ($($text:tt)*) => { concat!($($text)*, ",", $($text)*, ",", $($text)*, ",", $($text)*) };
}

macro_rules! insert_rows {
    ($($values:tt)*) => {
        concat!("INSERT OR FAIL INTO journal (", journal_columns!(), ") VALUES ", $($values)*)
    };
}

macro_rules! row {
    () => {
        "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
    };
}

/// How many rows an insert takes, and its text; largest first.
pub(super) const INSERT_ROWS: [(usize, &str); 5] = [
    (256, insert_rows!(four!(four!(four!(four!(row!())))))),
    (64, insert_rows!(four!(four!(four!(row!()))))),
    (16, insert_rows!(four!(four!(row!())))),
    (4, insert_rows!(four!(row!()))),
    (1, insert_rows!(row!())),
];

/// Moves heads from where they must stand (`?1`, a list of lists) for owner `?2` at time `?3`.
pub(super) const MOVE_HEADS: &str = "
UPDATE head SET next_seq = m.next_seq, chain = unhex(m.chain), last_time = m.last_time,
                renewed_at = ?3
FROM (SELECT value ->> 0 AS slot, value ->> 1 AS epoch, value ->> 2 AS from_seq,
             value ->> 3 AS next_seq, value ->> 4 AS chain, value ->> 5 AS last_time
      FROM json_each(?1)) AS m
WHERE head.slot = m.slot AND head.epoch = m.epoch AND head.next_seq = m.from_seq
  AND head.owner = ?2";

pub(super) const ACQUIRE: &str = "
INSERT INTO head (slot, owner, epoch, next_seq, chain, renewed_at, last_time)
SELECT DISTINCT value, ?2, 1, 1, zeroblob(32), ?3, 0 FROM json_each(?1) WHERE true
ON CONFLICT (slot) DO UPDATE
SET owner = excluded.owner, epoch = head.epoch + 1, renewed_at = excluded.renewed_at
RETURNING slot, epoch, next_seq, chain, last_time";

pub(super) const HEADS: &str = "SELECT slot, epoch, next_seq, chain, last_time FROM head";

pub(super) const READ: &str = concat!(
    "SELECT ",
    journal_columns!(),
    " FROM journal WHERE slot = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3"
);

/// A condition that is NULL (of kinds: 0) is not asked about. The range of the primary key does
/// the finding, whatever else is asked.
pub(super) const SCAN: &str = concat!(
    "SELECT ",
    journal_columns!(),
    " FROM journal
    WHERE slot = ?1 AND seq BETWEEN ?2 AND ?3 AND tenant = ?5
      AND (?6 IS NULL OR (aggregate_kind = ?6 AND aggregate = ?7))
      AND (?8 IS NULL OR provider = ?8) AND (?9 IS NULL OR round_id = ?9)
      AND (?10 IS NULL OR bet_id = ?10) AND (?11 IS NULL OR game_id = ?11)
      AND (?12 = 0 OR (?12 >> kind) & 1)
      AND (?13 IS NULL OR time >= ?13) AND (?14 IS NULL OR time < ?14)
    ORDER BY seq DESC LIMIT ?4"
);

/// `?1` request keys, `?2` claims: lists of hexadecimal texts.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    journal_columns!(),
    // By rowid: for a list of (slot, seq) SQLite would scan the whole table.
    " FROM journal WHERE rowid IN (
        SELECT rowid FROM journal
        WHERE request_key IN (SELECT unhex(value) FROM json_each(?1))
        UNION
        SELECT rowid FROM journal
        WHERE claim IN (SELECT unhex(value) FROM json_each(?2)))"
);

pub(super) const KEYS: &str = "
SELECT request_key, claim FROM journal
WHERE slot = ?1 AND (request_key IS NOT NULL OR claim IS NOT NULL)";

/// Players are of kind 1.
pub(super) const ENTITIES: &str =
    concat!("SELECT ", journal_columns!(), " FROM journal WHERE aggregate_kind <> 1");

pub(super) const REMEMBER_KEY: &str =
    "INSERT INTO meta (key, value) VALUES ('key_check', ?1) ON CONFLICT (key) DO NOTHING";

pub(super) const KNOWN_KEY: &str = "SELECT value FROM meta WHERE key = 'key_check'";

macro_rules! save_snapshots {
    ($($values:tt)*) => {
        concat!(
            "INSERT INTO snapshot (tenant, aggregate_kind, aggregate, slot, seq, state) VALUES ",
            $($values)*,
            " ON CONFLICT (tenant, aggregate_kind, aggregate) DO UPDATE
              SET seq = excluded.seq, state = excluded.state WHERE excluded.seq > snapshot.seq"
        )
    };
}

macro_rules! snapshot {
    () => {
        "(?,?,?,?,?,?)"
    };
}

/// How many snapshots an upsert takes, and its text; largest first.
pub(super) const SAVE_SNAPSHOTS: [(usize, &str); 3] = [
    (64, save_snapshots!(four!(four!(four!(snapshot!()))))),
    (8, save_snapshots!(four!(snapshot!()), ",", four!(snapshot!()))),
    (1, save_snapshots!(snapshot!())),
];

pub(super) const LOAD_SNAPSHOT: &str = "
SELECT tenant, aggregate_kind, aggregate, seq, state FROM snapshot
WHERE tenant = ?1 AND aggregate_kind = ?2 AND aggregate = ?3";

pub(super) const SNAPSHOTS_OF_SLOT: &str = "
SELECT tenant, aggregate_kind, aggregate, seq, state FROM snapshot WHERE slot = ?1";

pub(super) const SAVE_FLOOR: &str = "
INSERT INTO floor (slot, seq) VALUES (?1, ?2)
ON CONFLICT (slot) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > floor.seq";

pub(super) const FLOORS: &str = "SELECT slot, seq FROM floor ORDER BY slot";

pub(super) const SAVE_FOLD: &str = "
INSERT INTO fold (name, positions, state) VALUES (?1, ?2, ?3)
ON CONFLICT (name) DO UPDATE SET positions = excluded.positions, state = excluded.state";

pub(super) const LOAD_FOLDS: &str = "
SELECT name, positions, state FROM fold
WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1 ORDER BY name";

macro_rules! save_zones {
    ($($values:tt)*) => {
        concat!("INSERT OR REPLACE INTO zone (slot, block, first, last, zone) VALUES ", $($values)*)
    };
}

macro_rules! zone {
    () => {
        "(?,?,?,?,?)"
    };
}

/// How many zones an insert takes, and its text; largest first.
pub(super) const SAVE_ZONES: [(usize, &str); 2] =
    [(16, save_zones!(four!(four!(zone!())))), (1, save_zones!(zone!()))];

pub(super) const LOAD_ZONES: &str = "
SELECT block, first, last, zone FROM zone
WHERE slot = ?1 AND block >= ?2 AND block < ?3 ORDER BY block";

pub(super) const ZONE_TIMES: &str =
    "SELECT slot, block, first, last FROM zone ORDER BY slot, block";

pub(super) const FORGET_ZONES: &str = "DELETE FROM zone WHERE slot = ?1 AND block >= ?2";

pub(super) const FIND_PLAYER: &str = "SELECT player FROM player WHERE tenant = ?1 AND token = ?2";

pub(super) const PLAYER_ENTRY: &str = "
SELECT p.token, k.key, p.sealed FROM player p JOIN player_key k USING (tenant, player)
WHERE p.tenant = ?1 AND p.player = ?2";

pub(super) const ADD_PLAYER: &str = "
INSERT INTO player (tenant, token, player, sealed) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (tenant, token) DO NOTHING";

pub(super) const ADD_PLAYER_KEY: &str =
    "INSERT INTO player_key (tenant, player, key) VALUES (?1, ?2, ?3)";
