//! JSON Schemas of the values that read themselves from text; whatever is derived from them
//! is in the documents' own modules.

use crate::ids::{GameId, ProviderId, TournamentId};
use crate::money::Currency;
use crate::time::UnixMs;
use crate::tournament::prizes::table::Decimal;
use crate::tournament::schedule::ScheduleId;
use crate::tournament::score::Points;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! schemas {
    ($($type:ty, $name:literal => $schema:tt;)*) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

schemas! {
    Points, "Points" => {
        "type": "string",
        "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$",
        "description": "A decimal with up to six decimals, such as \"0.20\""
    };
    Decimal, "Decimal" => {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
        "maxLength": 32,
        "description": "A decimal, such as \"10.00\" or \"12.5\""
    };
    Currency, "Currency" => {
        "type": "string",
        "enum": Currency::codes(),
        "description": "A currency's code, such as EUR"
    };
    GameId, "GameId" => {
        "type": "string",
        "pattern": "^[!-~]{1,64}$",
        "description": "A game's id: 1 to 64 visible ASCII characters"
    };
    ProviderId, "ProviderId" => {
        "type": "string",
        "pattern": "^[!-~]{1,32}$",
        "description": "A provider's id: 1 to 32 visible ASCII characters"
    };
    TournamentId, "TournamentId" => {
        "type": "string",
        "pattern": "^[a-z0-9-]{1,64}$",
        "description": "A tournament's id: 1 to 64 of a-z, 0-9 and -"
    };
    ScheduleId, "ScheduleId" => {
        "type": "string",
        "pattern": "^[a-z0-9-]{1,48}$",
        "description": "A schedule's id: 1 to 48 of a-z, 0-9 and -"
    };
    UnixMs, "UnixMs" => {
        "type": "integer",
        "description": "Milliseconds since 1970-01-01T00:00:00Z"
    };
}
