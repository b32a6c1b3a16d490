-- What is known of each block of 1,024 rows of a slot; only whole blocks, in order.

-- A zone is at most 4.2 KB of bits that nothing makes smaller: it stays in its row, as it is.
CREATE TABLE palio_derived.zone (
    block bigint   NOT NULL,
    first bigint   NOT NULL,
    last  bigint   NOT NULL,
    slot  smallint NOT NULL,
    zone  bytea    STORAGE PLAIN NOT NULL,
    -- The times are all that is read of every zone.
    PRIMARY KEY (slot, block) INCLUDE (first, last)
);
