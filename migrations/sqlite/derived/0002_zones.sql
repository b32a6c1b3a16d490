-- What is known of each block of 1,024 rows of a slot; only whole blocks, in order.

-- With a rowid: zones are read by ranges of a slot's blocks, and lie in the order of their making.
CREATE TABLE zone (
    slot  INTEGER NOT NULL,
    block INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    zone  BLOB NOT NULL,
    PRIMARY KEY (slot, block)
) STRICT;

-- The times are all that is read of every zone.
CREATE INDEX zone_times ON zone (slot, block, first, last);
