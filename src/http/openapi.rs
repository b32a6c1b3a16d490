//! The machine-readable descriptions of the interface, and a page that shows that of HTTP.

use actix_web::HttpResponse;
use actix_web::web;
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route(
            "/docs",
            web::get().to(|| async {
                HttpResponse::PermanentRedirect().insert_header(("location", "/docs/")).finish()
            }),
        )
        .route(
            "/docs/errors",
            web::get().to(|| async {
                HttpResponse::Ok()
                    .content_type("text/plain; charset=utf-8")
                    .body(include_str!("../../docs/errors.md"))
            }),
        )
        .route(
            "/asyncapi.json",
            web::get().to(|| async {
                HttpResponse::Ok()
                    .content_type("application/vnd.aai.asyncapi+json;version=3.0.0")
                    .body(include_str!("../../docs/protocol/asyncapi.json"))
            }),
        )
        .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", Api::openapi()));
}

macro_rules! operations {
    ($($name:ident $method:ident $path:literal $tag:literal $summary:literal
        $(body $body:ty)? $(, query $query:ty)? => $status:literal $answer:ty;)*) => {
        $(
            #[utoipa::path(
                $method, path = $path, tag = $tag, summary = $summary,
                $(request_body = $body,)?
                $(params($query),)?
                responses(
                    (status = $status, description = "Done", body = $answer),
                    (status = "default", description = "Refused; see /docs/errors",
                     body = palio_protocol::Problem, content_type = "application/problem+json"),
                ),
            )]
            #[expect(dead_code, reason = "only describes the route of the same path")]
            const fn $name() {}
        )*

        #[derive(OpenApi)]
        #[openapi(
            info(title = "Palio", version = env!("CARGO_PKG_VERSION"),
                 description = "Wallets and tournaments in real time. How requests are signed and \
                                how the live board works: docs/protocol.md."),
            paths($($name),*),
            components(schemas(palio_protocol::Problem)),
        )]
        struct Api;
    };
}

use palio_protocol::result::TransactionResult;
use palio_protocol::{
    events, operator, player, provider, schedule, session, tournament, transactions, wallet,
};

operations! {
    debit post "/wallet/debit" "provider" "Hold the stake of a bet"
        body wallet::Debit => 200 TransactionResult;
    settle post "/wallet/settle" "provider" "Settle a round by net results per player"
        body wallet::Settle => 200 wallet::SettleResponse;
    credit post "/wallet/credit" "provider" "Settle one bet with a payout"
        body wallet::Credit => 200 TransactionResult;
    rollback post "/wallet/rollback" "provider" "Give a stake back, or stop a bet to come"
        body wallet::Rollback => 200 TransactionResult;
    play post "/wallet/play" "provider" "Bet and result in one"
        body wallet::Play => 200 TransactionResult;
    balance get "/wallet/{playerId}" "provider" "A player's committed balances"
        => 200 wallet::BalanceResponse;
    own_calls get "/wallet/{playerId}/transactions" "provider"
        "The provider's own calls for a player",
        query transactions::TransactionQuery
        => 200 transactions::TransactionsResponse;
    end_round post "/wallet/round/end" "provider" "Say that a round is over"
        body operator::EndRound => 200 wallet::SettleResponse;
    handshake post "/wallet/session" "provider" "What a session's token stands for"
        body session::SessionToken => 200 session::SessionResponse;
    end_session post "/wallet/session/end" "provider" "The player has left the game"
        body session::SessionToken => 200 TransactionResult;
    own_overdue get "/wallet/rounds/overdue" "provider" "The provider's rounds without results"
        => 200 player::OverdueResponse;
    post_events post "/events" "provider" "One event or an array of up to 1,000"
        body events::Event => 200 events::EventsResponse;
    deposit post "/api/players/{playerId}/deposits" "operator" "Take money in; registers players"
        body wallet::Deposit => 200 TransactionResult;
    open_session post "/api/players/{playerId}/sessions" "operator" "Open a game session"
        body session::OpenSession => 200 TransactionResult;
    register post "/api/players/{playerId}" "operator" "Register a player"
        => 200 player::PlayerResponse;
    show_player get "/api/players/{playerId}" "operator" "Money, limits, sessions, open rounds"
        => 200 player::PlayerResponse;
    withdraw post "/api/players/{playerId}/withdrawals" "operator" "Lock money to be paid out"
        body operator::Withdrawal => 200 TransactionResult;
    capture post "/api/players/{playerId}/withdrawals/{withdrawalId}/capture" "operator"
        "The money has left" body operator::EndWithdrawal => 200 TransactionResult;
    cancel_withdrawal post "/api/players/{playerId}/withdrawals/{withdrawalId}/cancel" "operator"
        "The money comes back" body operator::EndWithdrawal => 200 TransactionResult;
    adjust post "/api/players/{playerId}/adjustments" "operator" "Correct, with a reason"
        body operator::Adjustment => 200 TransactionResult;
    limit post "/api/players/{playerId}/limits" "operator" "Set or remove a limit"
        body operator::SetLimit => 200 TransactionResult;
    exclude post "/api/players/{playerId}/exclusion" "operator" "Exclude from play"
        body operator::Exclude => 200 TransactionResult;
    readmit post "/api/players/{playerId}/readmission" "operator" "Lift the operator's block"
        body operator::Readmit => 200 TransactionResult;
    free_rounds post "/api/players/{playerId}/free-rounds" "operator" "Grant free rounds, once"
        body operator::GrantFreeRounds => 200 TransactionResult;
    propose post "/api/players/{playerId}/verdicts" "operator" "Propose an overdue round's end"
        body operator::ProposeVerdict => 200 TransactionResult;
    confirm post "/api/players/{playerId}/verdicts/confirm" "operator" "Confirm it, as another"
        body operator::ConfirmVerdict => 200 TransactionResult;
    overdue get "/api/rounds/overdue" "operator" "Rounds without results, the oldest first"
        => 200 player::OverdueResponse;
    search get "/api/transactions" "operator" "Search the journal, the newest first",
        query transactions::TransactionQuery => 200 transactions::TransactionsResponse;
    one_transaction get "/api/transactions/{transactionId}" "operator" "One transaction"
        => 200 transactions::Transaction;
    my_transactions get "/api/me/transactions" "player" "The own transactions",
        query transactions::TransactionQuery => 200 transactions::TransactionsResponse;
    my_limits get "/api/me/limits" "player" "The own limits, their use, the own exclusion"
        => 200 player::ProtectionResponse;
    my_limit post "/api/me/limits" "player" "Set or remove an own limit"
        body operator::SetLimit => 200 TransactionResult;
    my_exclusion post "/api/me/exclusion" "player" "Take a pause, or stop"
        body operator::Exclude => 200 TransactionResult;
    list_providers get "/api/providers" "operator" "How each provider is"
        => 200 provider::ProvidersResponse;
    set_provider_state post "/api/providers/{id}/state" "operator" "Stop or resume new bets"
        body provider::SetProviderState => 200 provider::Provider;
    list_schedules get "/api/schedules" "operator" "When tournaments start by themselves"
        => 200 schedule::SchedulesResponse;
    set_schedule post "/api/schedules" "operator" "Set a schedule, or a new version of it"
        body schedule::SetSchedule => 201 schedule::ScheduleResponse;
    one_schedule get "/api/schedules/{id}" "operator" "A schedule with its next ten instances"
        => 200 schedule::ScheduleResponse;
    start_schedule post "/api/schedules/{id}/start" "operator" "Start an instance now"
        => 201 schedule::StartedResponse;
    stop_schedule post "/api/schedules/{id}/stop" "operator" "Announce nothing of it any more"
        body schedule::StopSchedule => 200 schedule::ScheduleResponse;
    create post "/api/tournaments" "operator" "Announce a tournament"
        body tournament::CreateTournament => 201 tournament::Tournament;
    cancel post "/api/tournaments/{id}/cancel" "operator" "Call a tournament off"
        => 200 tournament::Tournament;
    invite post "/api/tournaments/{id}/invitations" "operator" "Let players enter"
        body tournament::payouts::Invite => 200 tournament::Tournament;
    disqualify post "/api/tournaments/{id}/disqualifications" "operator"
        "Take a player out of the ranking, or back in"
        body tournament::payouts::Judge => 200 tournament::Tournament;
    review_prizes post "/api/tournaments/{id}/reviews" "operator"
        "Hold a player's prizes back, or everybody's, or let them go"
        body tournament::payouts::Judge => 200 tournament::Tournament;
    revise post "/api/tournaments/{id}/results" "operator" "Put a result right"
        body tournament::payouts::Revise => 200 tournament::Tournament;
    payouts get "/api/tournaments/{id}/payouts" "operator" "What is paid, and how far it has come"
        => 200 tournament::payouts::PayoutsResponse;
    decide_payout post "/api/tournaments/{id}/payouts/{payoutId}" "operator"
        "Agree to a large prize, or say what becomes of one that stands still"
        body tournament::payouts::DecidePayout => 200 tournament::payouts::PayoutView;
    profile post "/api/players/{playerId}/profile" "operator" "Country and segments, for entries"
        body tournament::payouts::SetProfile => 200 TransactionResult;
    get_theme get "/api/theme" "player" "How the brand's page looks"
        => 200 crate::theme::Theme;
    list_templates get "/api/templates" "operator" "Ready rules for tournaments"
        => 200 tournament::TemplatesResponse;
    check_document post "/api/tournaments/check" "operator"
        "Everything that is wrong with a document; announces nothing"
        body tournament::CreateTournament => 200 super::documents::CheckResponse;
    document_schema get "/api/tournaments/schema.json" "operator"
        "JSON Schema of tournaments, templates, prize tables and schedules" => 200 Object;
    list get "/api/tournaments" "player" "Tournaments, newest start first"
        => 200 tournament::TournamentsResponse;
    get_one get "/api/tournaments/{id}" "player" "One tournament, with its result once final"
        => 200 tournament::Tournament;
    join post "/api/tournaments/{id}/join" "player" "Enter" => 200 tournament::JoinResponse;
    leave post "/api/tournaments/{id}/leave" "player" "Leave" => 200 tournament::JoinResponse;
    leaderboard get "/api/tournaments/{id}/leaderboard" "player" "The board, for polling"
        => 200 tournament::LeaderboardResponse;
    own_row get "/api/tournaments/{id}/leaderboard/me" "player" "The own row and neighbours"
        => 200 tournament::OwnRowResponse;
    me get "/api/me" "player" "The own balances and tournaments" => 200 wallet::MeResponse;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

    use super::*;

    #[test]
    fn what_is_referred_to_is_there_and_no_name_is_taken_twice() {
        let text = Api::openapi().to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for rest in text.split("#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name} is referred to");
        }
        let has = |name: &str, field: &str| !schemas[name]["properties"][field].is_null();
        assert!(has("Problem", "traceId") && has("DocumentProblem", "severity"));
    }
}
