-- What an append sends: each list is one parameter, which the server reads and walks once. An
-- array per column costs a scan of its own per column and batch (a third of an append's time).

CREATE TYPE palio.appended_row AS (
    slot           smallint,
    seq            bigint,
    epoch          bigint,
    time           bigint,
    kind           smallint,
    kind_version   smallint,
    tenant         integer,
    aggregate_kind smallint,
    aggregate      bigint,
    debit          smallint,
    credit         smallint,
    amount         bigint,
    currency       text,
    balance_after  bigint,
    request_key    bytea,
    request_id     text,
    body_hash      bytea,
    claim          bytea,
    provider       text,
    bet_id         text,
    round_id       text,
    game_id        text,
    trace_id       text,
    payload        bytea,
    chain          bytea
);

CREATE TYPE palio.head_move AS (
    slot      smallint,
    epoch     bigint,
    from_seq  bigint,
    next_seq  bigint,
    chain     bytea,
    last_time bigint
);
