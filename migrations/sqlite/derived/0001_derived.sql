-- Everything that can be rebuilt from the journal.

CREATE TABLE snapshot (
    tenant         INTEGER NOT NULL,
    aggregate_kind INTEGER NOT NULL,
    aggregate      INTEGER NOT NULL,
    slot           INTEGER NOT NULL,
    seq            INTEGER NOT NULL,
    state          BLOB NOT NULL,
    PRIMARY KEY (tenant, aggregate_kind, aggregate)
) STRICT;

CREATE INDEX snapshot_slot ON snapshot (slot);

CREATE TABLE floor (
    slot INTEGER PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT;

CREATE TABLE fold (
    name      TEXT PRIMARY KEY,
    positions BLOB NOT NULL,
    state     BLOB NOT NULL
) STRICT;
