//! The statements of the PostgreSQL store, as static text.

use crate::storage::columns::journal_columns;

/// SQLSTATE `division_by_zero`: the guard of [`APPEND`] found a head elsewhere.
pub(super) const DIVISION_BY_ZERO: &str = "22012";
/// SQLSTATE `unique_violation`.
pub(super) const UNIQUE_VIOLATION: &str = "23505";
/// SQLSTATE `deadlock_detected`.
pub(super) const DEADLOCK_DETECTED: &str = "40P01";
/// SQLSTATE `lock_not_available`.
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Moves the heads and inserts the rows, or fails and does neither.
///
/// `$1` owner, `$2` now, `$3` the moves, `$4` the rows.
///
/// - `moved` locks each head and compares it as it then stands; a concurrent writer's change is
///   waited for and seen.
/// - `guard` needs the count of `moved`, so it can't be evaluated before all heads are moved; no
///   row is inserted without a value of `guard`, so it can't be left out. Its division fails
///   unless every head stood where the writer said, and the failure undoes the statement.
pub(super) const APPEND: &str = concat!(
    "WITH moved AS (
    UPDATE palio.head AS h
    SET next_seq = m.next_seq, chain = m.chain, last_time = m.last_time, renewed_at = $2
    FROM unnest($3::palio.head_move[]) AS m
    WHERE h.slot = m.slot AND h.epoch = m.epoch AND h.next_seq = m.from_seq AND h.owner = $1
    RETURNING h.slot
), guard AS MATERIALIZED (
    SELECT 1 / (CASE WHEN count(*) = cardinality($3) THEN 1 ELSE 0 END) AS passed FROM moved
)
INSERT INTO palio.journal (",
    journal_columns!(),
    ")
SELECT r.* FROM guard, unnest($4::palio.appended_row[]) AS r
WHERE guard.passed = 1"
);

/// [`APPEND`] of one row: `$1` owner, `$2` now, `$3`–`$27` the row's columns. Inserts nothing
/// unless the head stood where the writer said, so the count of inserted rows tells.
pub(super) const APPEND_ONE: &str = concat!(
    "WITH moved AS (
    UPDATE palio.head SET next_seq = $4::bigint + 1, chain = $27, last_time = $6, renewed_at = $2
    WHERE slot = $3 AND epoch = $5 AND next_seq = $4 AND owner = $1
    RETURNING slot
)
INSERT INTO palio.journal (",
    journal_columns!(),
    ")
SELECT $3::smallint, $4::bigint, $5::bigint, $6::bigint, $7::smallint, $8::smallint, $9::integer,
    $10::smallint, $11::bigint, $12::smallint, $13::smallint, $14::bigint, $15::text, $16::bigint,
    $17::bytea, $18::text, $19::bytea, $20::bytea, $21::text, $22::text, $23::text, $24::text,
    $25::text, $26::bytea, $27::bytea
FROM moved"
);

/// The numbers of the composite types of [`APPEND`], each with its array's.
pub(super) const TYPES: &str = "
SELECT r.oid, r.typarray, m.oid, m.typarray
FROM pg_catalog.pg_type AS r, pg_catalog.pg_type AS m
WHERE r.oid = 'palio.appended_row'::regtype AND m.oid = 'palio.head_move'::regtype";

/// [`APPEND`] is planned once, and so that it looks each head up by its key: heads are locked in
/// the order of the moves, which is the slots', and a lone row touches one head.
pub(super) const PLAN_APPEND: &str = "
SET plan_cache_mode = force_generic_plan;
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off";

/// One statement, and so one transaction; heads are locked in slot order, each as soon as an
/// append that holds it has ended.
pub(super) const ACQUIRE: &str = "
INSERT INTO palio.head (slot, owner, epoch, next_seq, chain, renewed_at, last_time)
SELECT DISTINCT slot, $2, 1, 1, decode(repeat('00', 32), 'hex'), $3::bigint, 0
FROM unnest($1::smallint[]) AS s (slot) ORDER BY slot
ON CONFLICT (slot) DO UPDATE
SET owner = excluded.owner, epoch = head.epoch + 1, renewed_at = excluded.renewed_at
RETURNING slot, epoch, next_seq, chain, last_time";

pub(super) const HEADS: &str = "SELECT slot, epoch, next_seq, chain, last_time FROM palio.head";

pub(super) const READ: &str = concat!(
    "SELECT ",
    journal_columns!(),
    " FROM palio.journal WHERE slot = $1 AND seq >= $2 ORDER BY seq LIMIT $3"
);

/// A condition that is NULL (of kinds: 0) is not asked about. The range of the primary key does
/// the finding, whatever else is asked.
pub(super) const SCAN: &str = concat!(
    "SELECT ",
    journal_columns!(),
    " FROM palio.journal
    WHERE slot = $1 AND seq BETWEEN $2 AND $3 AND tenant = $5
      AND ($6::smallint IS NULL OR (aggregate_kind = $6 AND aggregate = $7::bigint))
      AND ($8::text IS NULL OR provider = $8) AND ($9::text IS NULL OR round_id = $9)
      AND ($10::text IS NULL OR bet_id = $10) AND ($11::text IS NULL OR game_id = $11)
      AND ($12::bigint = 0 OR ($12 >> kind::integer) & 1 = 1)
      AND ($13::bigint IS NULL OR time >= $13) AND ($14::bigint IS NULL OR time < $14)
    ORDER BY seq DESC LIMIT $4"
);

/// Each part uses one of the unique indexes; a row found by both comes once.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    journal_columns!(),
    " FROM palio.journal WHERE request_key = ANY($1)
UNION ALL
SELECT ",
    journal_columns!(),
    " FROM palio.journal
WHERE claim = ANY($2) AND (request_key IS NULL OR request_key <> ALL($1))"
);

pub(super) const REQUEST_KEYS: &str = "
SELECT request_key FROM palio.journal WHERE request_key IS NOT NULL AND slot = ANY($1)";

pub(super) const CLAIMS: &str = "
SELECT claim FROM palio.journal WHERE claim IS NOT NULL AND slot = ANY($1)";

/// Players are of kind 1.
pub(super) const ENTITIES: &str =
    concat!("SELECT ", journal_columns!(), " FROM palio.journal WHERE aggregate_kind <> 1");

pub(super) const REMEMBER_KEY: &str = "
INSERT INTO palio.meta (key, value) VALUES ('key_check', $1) ON CONFLICT (key) DO NOTHING";

pub(super) const KNOWN_KEY: &str = "SELECT value FROM palio.meta WHERE key = 'key_check'";

/// Of several snapshots of one aggregate in a call, the newest counts.
pub(super) const SAVE_SNAPSHOTS: &str = "
INSERT INTO palio_derived.snapshot (tenant, aggregate_kind, aggregate, slot, seq, state)
SELECT DISTINCT ON (tenant, aggregate_kind, aggregate) *
FROM unnest($1::integer[], $2::smallint[], $3::bigint[], $4::smallint[], $5::bigint[],
            $6::bytea[]) AS s (tenant, aggregate_kind, aggregate, slot, seq, state)
ORDER BY tenant, aggregate_kind, aggregate, seq DESC
ON CONFLICT (tenant, aggregate_kind, aggregate) DO UPDATE
SET seq = excluded.seq, state = excluded.state WHERE excluded.seq > snapshot.seq";

pub(super) const LOAD_SNAPSHOT: &str = "
SELECT tenant, aggregate_kind, aggregate, seq, state FROM palio_derived.snapshot
WHERE tenant = $1 AND aggregate_kind = $2 AND aggregate = $3";

pub(super) const SNAPSHOTS_OF_SLOT: &str = "
SELECT tenant, aggregate_kind, aggregate, seq, state FROM palio_derived.snapshot
WHERE slot = $1";

pub(super) const SAVE_FLOORS: &str = "
INSERT INTO palio_derived.floor (slot, seq)
SELECT slot, max(seq) FROM unnest($1::smallint[], $2::bigint[]) AS f (slot, seq)
GROUP BY slot ORDER BY slot
ON CONFLICT (slot) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > floor.seq";

pub(super) const FLOORS: &str = "SELECT slot, seq FROM palio_derived.floor ORDER BY slot";

pub(super) const SAVE_FOLD: &str = "
INSERT INTO palio_derived.fold (name, positions, state) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET positions = excluded.positions, state = excluded.state";

pub(super) const LOAD_FOLDS: &str = "
SELECT name, positions, state FROM palio_derived.fold
WHERE name >= $1 AND starts_with(name, $1) ORDER BY name";

/// Of several zones of one block in a call, one counts.
pub(super) const SAVE_ZONES: &str = "
INSERT INTO palio_derived.zone (slot, block, first, last, zone)
SELECT DISTINCT ON (slot, block) slot, block, first, last, zone
FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[])
    AS z (slot, block, first, last, zone)
ORDER BY slot, block
ON CONFLICT (slot, block) DO UPDATE
SET first = excluded.first, last = excluded.last, zone = excluded.zone";

pub(super) const LOAD_ZONES: &str = "
SELECT block, first, last, zone FROM palio_derived.zone
WHERE slot = $1 AND block >= $2 AND block < $3 ORDER BY block";

pub(super) const ZONE_TIMES: &str =
    "SELECT slot, block, first, last FROM palio_derived.zone ORDER BY slot, block";

pub(super) const FORGET_ZONES: &str =
    "DELETE FROM palio_derived.zone WHERE slot = $1 AND block >= $2";

pub(super) const FIND_PLAYER: &str =
    "SELECT player FROM palio_directory.player WHERE tenant = $1 AND token = $2";

pub(super) const PLAYER_ENTRY: &str = "
SELECT p.token, k.key, p.sealed
FROM palio_directory.player p JOIN palio_directory.player_key k USING (tenant, player)
WHERE p.tenant = $1 AND p.player = $2";

/// Adds a player and his key, or, when the token is known by then, nothing.
pub(super) const ADD_PLAYER: &str = "
WITH added AS (
    INSERT INTO palio_directory.player (tenant, token, player, sealed) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant, token) DO NOTHING
    RETURNING tenant, player
)
INSERT INTO palio_directory.player_key (tenant, player, key)
SELECT tenant, player, $5 FROM added";

pub(super) const DURABILITY: &str = "
SELECT current_setting('fsync'), current_setting('synchronous_commit'),
       current_setting('full_page_writes'), current_setting('synchronous_standby_names')";
