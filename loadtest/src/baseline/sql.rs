//! The baseline's schema and statements: the ledger that is written first almost everywhere.
//!
//! Tuned where it costs nothing: text keys are compared bytewise, rows that change leave room for
//! their next version on the page, a round's bets are found by the primary key, and nothing has
//! an index that no statement here uses.

/// Created in an empty database.
pub(super) const SCHEMA: &str = r#"
CREATE TABLE account (
    player  text COLLATE "C" PRIMARY KEY,
    balance bigint NOT NULL,
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE idempotency (
    key       text COLLATE "C" PRIMARY KEY,
    body_hash bytea NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE ledger (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    amount        bigint NOT NULL,
    balance_after bigint,
    at            timestamptz NOT NULL DEFAULT now(),
    account       text COLLATE "C" NOT NULL,
    key           text COLLATE "C" NOT NULL
);
CREATE TABLE bet (
    stake           bigint NOT NULL,
    payout          bigint,
    balance_placed  bigint NOT NULL,
    at              timestamptz NOT NULL DEFAULT now(),
    round           text COLLATE "C" NOT NULL,
    player          text COLLATE "C" NOT NULL,
    bet             text COLLATE "C" NOT NULL,
    game            text COLLATE "C" NOT NULL,
    PRIMARY KEY (round, player, bet)
) WITH (fillfactor = 80);
INSERT INTO account (player, balance) VALUES ('@house', 0);
"#;

/// (1) One request happens once.
pub(super) const KEY: &str =
    "INSERT INTO idempotency (key, body_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
/// Takes the key back when the request was refused.
pub(super) const KEY_BACK: &str = "DELETE FROM idempotency WHERE key = $1";
pub(super) const KEY_HASH: &str = "SELECT body_hash FROM idempotency WHERE key = $1";
/// (2) Locks, checks and moves the balance in one.
pub(super) const TAKE: &str = "
UPDATE account SET balance = balance - $2, version = version + 1
WHERE player = $1 AND balance >= $2 RETURNING balance";
pub(super) const GIVE: &str = "
UPDATE account SET balance = balance + $2, version = version + 1
WHERE player = $1 RETURNING balance";
pub(super) const BALANCE: &str = "SELECT balance FROM account WHERE player = $1";
/// (3) and (4) The two sides of the ledger.
pub(super) const ENTRY: &str =
    "INSERT INTO ledger (account, key, amount, balance_after) VALUES ($1, $2, $3, $4)";
/// (4) With `--house shared` only.
pub(super) const HOUSE: &str =
    "UPDATE account SET balance = balance + $1, version = version + 1 WHERE player = '@house'";
/// (5) The bet.
pub(super) const BET: &str = "
INSERT INTO bet (round, player, bet, game, stake, balance_placed) VALUES ($1, $2, $3, $4, $5, $6)";
pub(super) const PLAYED: &str = "
INSERT INTO bet (round, player, bet, game, stake, payout, balance_placed)
VALUES ($1, $2, $3, $4, $5, $6, $7)";
/// (5) of a settlement. The stakes are needed for the payout, so it goes second there.
pub(super) const SETTLE_ROUND: &str = "
UPDATE bet SET payout = stake + $3 WHERE round = $1 AND player = $2 AND payout IS NULL
RETURNING stake, bet";
pub(super) const SETTLE_BET: &str = "
UPDATE bet SET payout = $4 WHERE round = $1 AND player = $2 AND bet = $3 AND payout IS NULL";
pub(super) const SETTLED: &str =
    "SELECT stake, payout, bet FROM bet WHERE round = $1 AND player = $2";
pub(super) const PLACED: &str =
    "SELECT balance_placed FROM bet WHERE round = $1 AND player = $2 AND bet = $3";
/// Bets that are over, with everything a bet leaves behind: two keys, four ledger entries, itself.
pub(super) const AGE: [&str; 4] = [
    "INSERT INTO idempotency (key, body_hash)
     SELECT 'aged-' || md5(n::text) || s, decode(md5(n::text) || md5(s), 'hex')
     FROM generate_series(1, $1::bigint) AS n, unnest(ARRAY['d', 's']) AS s",
    "INSERT INTO ledger (account, key, amount, balance_after)
     SELECT CASE e % 2 WHEN 0 THEN 'aged-' || n % 1000000 ELSE '@house' END,
            'aged-' || md5(n::text) || 'd', 1000, 1000
     FROM generate_series(1, $1::bigint) AS n, generate_series(0, 3) AS e",
    "INSERT INTO bet (round, player, bet, game, stake, payout, balance_placed)
     SELECT 'R-aged-' || md5(n::text), 'aged-' || n % 1000000, 'aged-' || md5(n::text),
            'loadtest', 1000, 0, 1000
     FROM generate_series(1, $1::bigint) AS n",
    "INSERT INTO account (player, balance)
     SELECT 'aged-' || n, 1000 FROM generate_series(0, least($1::bigint, 999999)) AS n",
];
pub(super) const OPEN: &str = "
INSERT INTO account (player, balance) VALUES ($1, $2)
ON CONFLICT (player) DO UPDATE SET balance = account.balance + $2, version = account.version + 1";
