//! The wire of Palio: HTTP bodies, socket frames, events, error codes, signatures.
//!
//! The only place where messages to and from the outside are given their JSON shape. Bodies are
//! read leniently (unknown fields are left alone) and checked field by field, so that a refusal
//! always names the field; what comes out are the domain's own types.
//!
//! **Invariants:** [`result::render`] gives the same bytes for the same row for ever; no message
//! of an error repeats what the caller sent. **Never:** I/O, clocks.

#[cfg(feature = "schema")]
pub mod asyncapi;
pub mod error_code;
pub mod events;
pub mod field;
pub mod json;
pub mod live;
pub mod operator;
pub mod player;
pub mod problem;
pub mod provider;
pub mod result;
pub mod schedule;
#[cfg(feature = "schema")]
pub mod schema;
pub mod session;
pub mod signature;
pub mod templates;
pub mod time;
pub mod tournament;
pub mod transactions;
pub mod wallet;

pub use error_code::ErrorCode;
pub use field::FieldError;
pub use problem::Problem;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use utoipa::OpenApi;

    #[derive(OpenApi)]
    #[openapi(components(schemas(
        crate::Problem,
        crate::wallet::Debit,
        crate::wallet::Settle,
        crate::wallet::Credit,
        crate::wallet::Rollback,
        crate::wallet::Play,
        crate::wallet::Deposit,
        crate::session::OpenSession,
        crate::wallet::BalanceResponse,
        crate::wallet::MeResponse,
        crate::wallet::SettleResponse,
        crate::operator::Withdrawal,
        crate::operator::EndWithdrawal,
        crate::operator::Adjustment,
        crate::operator::SetLimit,
        crate::operator::Exclude,
        crate::operator::Readmit,
        crate::operator::GrantFreeRounds,
        crate::operator::ProposeVerdict,
        crate::operator::ConfirmVerdict,
        crate::operator::EndRound,
        crate::session::SessionToken,
        crate::session::SessionResponse,
        crate::player::PlayerResponse,
        crate::player::OverdueResponse,
        crate::provider::SetProviderState,
        crate::provider::ProvidersResponse,
        crate::schedule::SetSchedule,
        crate::schedule::StopSchedule,
        crate::schedule::ScheduleResponse,
        crate::schedule::SchedulesResponse,
        crate::schedule::StartedResponse,
        crate::events::Event,
        crate::events::EventsResponse,
        crate::result::TransactionResult,
        crate::tournament::CreateTournament,
        crate::tournament::Tournament,
        crate::tournament::TournamentsResponse,
        crate::tournament::LeaderboardResponse,
        crate::tournament::OwnRowResponse,
        crate::tournament::JoinResponse,
    )))]
    struct Api;

    #[test]
    fn every_schema_that_is_referred_to_is_there() {
        let document = Api::openapi().to_json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        let there: BTreeSet<_> = value["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mark = "#/components/schemas/";
        for rest in document.split(mark).skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(there.contains(name), "{name} is not among {there:?}");
        }
        let money = &value["components"]["schemas"]["Debit"];
        assert_eq!(money["properties"]["amount"]["type"], "string");
        let required: Vec<_> =
            money["required"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        assert_eq!(required, ["playerId", "roundId", "gameId", "betId", "amount", "currency"]);
        assert!(!document.contains(r#""default":null"#), "no field is null by itself");
    }
}
