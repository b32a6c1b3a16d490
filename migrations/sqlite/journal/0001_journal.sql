-- The truth: rows, heads, and what must stay the same for the journal's whole life.

-- With a rowid, on purpose: rows are then laid down in the order of their commits. Without one
-- (stored by slot and seq) appends were measured to be a fifth slower.
CREATE TABLE journal (
    slot           INTEGER NOT NULL,
    seq            INTEGER NOT NULL,
    epoch          INTEGER NOT NULL,
    time           INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    kind_version   INTEGER NOT NULL,
    tenant         INTEGER NOT NULL,
    aggregate_kind INTEGER NOT NULL,
    aggregate      INTEGER NOT NULL,
    debit          INTEGER,
    credit         INTEGER,
    amount         INTEGER,
    currency       TEXT,
    balance_after  INTEGER,
    request_key    BLOB,
    request_id     TEXT,
    body_hash      BLOB,
    claim          BLOB,
    provider       TEXT,
    bet_id         TEXT,
    round_id       TEXT,
    game_id        TEXT,
    trace_id       TEXT,
    payload        BLOB NOT NULL,
    chain          BLOB,
    PRIMARY KEY (slot, seq)
) STRICT;

CREATE UNIQUE INDEX journal_request_key ON journal (request_key) WHERE request_key IS NOT NULL;
CREATE UNIQUE INDEX journal_claim ON journal (claim) WHERE claim IS NOT NULL;

CREATE TABLE head (
    slot       INTEGER PRIMARY KEY,
    owner      TEXT NOT NULL,
    epoch      INTEGER NOT NULL,
    next_seq   INTEGER NOT NULL,
    chain      BLOB NOT NULL,
    renewed_at INTEGER NOT NULL,
    last_time  INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
