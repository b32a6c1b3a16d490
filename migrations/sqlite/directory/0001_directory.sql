-- Outside ids and player numbers: the only place with personal data. A player's row in
-- player_key is all that opens what is sealed; deleting it is erasure.

CREATE TABLE player (
    tenant INTEGER NOT NULL,
    token  BLOB NOT NULL,
    player INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, token),
    UNIQUE (tenant, player)
) STRICT;

CREATE TABLE player_key (
    tenant INTEGER NOT NULL,
    player INTEGER NOT NULL,
    key    BLOB NOT NULL,
    PRIMARY KEY (tenant, player)
) STRICT, WITHOUT ROWID;
