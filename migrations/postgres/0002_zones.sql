-- What is known of each block of 1,024 rows of a slot; only whole blocks, in order.

CREATE TABLE palio_derived.zone (
    block bigint   NOT NULL,
    first bigint   NOT NULL,
    last  bigint   NOT NULL,
    slot  smallint NOT NULL,
    zone  bytea    NOT NULL,
    -- The times are all that is read of every zone.
    PRIMARY KEY (slot, block) INCLUDE (first, last)
);

-- A zone is at most 4.2 KB of bits that nothing makes smaller: it stays in its row, as it is.
ALTER TABLE palio_derived.zone ALTER COLUMN zone SET STORAGE PLAIN;
