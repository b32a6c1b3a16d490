-- Columns stand in the order of their width, so that no row is padded.

CREATE SCHEMA IF NOT EXISTS palio;

-- The truth. Rows are only ever inserted.
CREATE TABLE palio.journal (
    seq            bigint   NOT NULL,
    epoch          bigint   NOT NULL,
    time           bigint   NOT NULL,
    aggregate      bigint   NOT NULL,
    amount         bigint,
    balance_after  bigint,
    tenant         integer  NOT NULL,
    slot           smallint NOT NULL,
    kind           smallint NOT NULL,
    kind_version   smallint NOT NULL,
    aggregate_kind smallint NOT NULL,
    debit          smallint,
    credit         smallint,
    currency       text     COLLATE "C",
    request_key    bytea,
    request_id     text     COLLATE "C",
    body_hash      bytea,
    claim          bytea,
    provider       text     COLLATE "C",
    bet_id         text     COLLATE "C",
    round_id       text     COLLATE "C",
    game_id        text     COLLATE "C",
    trace_id       text     COLLATE "C",
    payload        bytea    NOT NULL,
    chain          bytea,
    PRIMARY KEY (slot, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- The slot fits where an index entry is padded anyway, and lets keys be listed by slot from the
-- index alone.
CREATE UNIQUE INDEX journal_request_key ON palio.journal (request_key) INCLUDE (slot)
    WHERE request_key IS NOT NULL;
CREATE UNIQUE INDEX journal_claim ON palio.journal (claim) INCLUDE (slot)
    WHERE claim IS NOT NULL;

-- Moved by every batch: pages are left mostly empty so that a new version of a row fits beside
-- the old one and no index is touched.
CREATE TABLE palio.head (
    epoch      bigint   NOT NULL,
    next_seq   bigint   NOT NULL,
    renewed_at bigint   NOT NULL,
    last_time  bigint   NOT NULL,
    slot       smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 255),
    owner      text     COLLATE "C" NOT NULL,
    chain      bytea    NOT NULL
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000
);

CREATE TABLE palio.meta (
    key   text  COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);

-- Everything that can be rebuilt from the journal.
CREATE SCHEMA IF NOT EXISTS palio_derived;

CREATE TABLE palio_derived.snapshot (
    aggregate      bigint   NOT NULL,
    seq            bigint   NOT NULL,
    tenant         integer  NOT NULL,
    slot           smallint NOT NULL,
    aggregate_kind smallint NOT NULL,
    state          bytea    NOT NULL,
    PRIMARY KEY (tenant, aggregate_kind, aggregate)
) WITH (fillfactor = 80);

CREATE INDEX snapshot_slot ON palio_derived.snapshot (slot);

CREATE TABLE palio_derived.floor (
    seq  bigint   NOT NULL,
    slot smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 255)
);

CREATE TABLE palio_derived.fold (
    name      text  COLLATE "C" PRIMARY KEY,
    positions bytea NOT NULL,
    state     bytea NOT NULL
);

-- Outside ids and player numbers: the only place with personal data. A player's row in
-- player_key is all that opens what is sealed; deleting it is erasure.
CREATE SCHEMA IF NOT EXISTS palio_directory;

CREATE TABLE palio_directory.player (
    player bigint  NOT NULL,
    tenant integer NOT NULL,
    token  bytea   NOT NULL,
    sealed bytea   NOT NULL,
    PRIMARY KEY (tenant, token),
    UNIQUE (tenant, player)
);

CREATE TABLE palio_directory.player_key (
    player bigint  NOT NULL,
    tenant integer NOT NULL,
    key    bytea   NOT NULL,
    PRIMARY KEY (tenant, player)
);
