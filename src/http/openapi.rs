//! The machine-readable description of the HTTP interface, and a page that shows it.

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
        .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", Api::openapi()));
}

macro_rules! operations {
    ($($name:ident $method:ident $path:literal $tag:literal $summary:literal
        $(body $body:ty)? => $status:literal $answer:ty;)*) => {
        $(
            #[utoipa::path(
                $method, path = $path, tag = $tag, summary = $summary,
                $(request_body = $body,)?
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
use palio_protocol::{events, provider, tournament, wallet};

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
    post_events post "/events" "provider" "One event or an array of up to 1,000"
        body events::Event => 200 events::EventsResponse;
    deposit post "/api/players/{playerId}/deposits" "operator" "Take money in; registers players"
        body wallet::Deposit => 200 TransactionResult;
    open_session post "/api/players/{playerId}/sessions" "operator" "Open a game session"
        body wallet::OpenSession => 200 TransactionResult;
    list_providers get "/api/providers" "operator" "How each provider is"
        => 200 provider::ProvidersResponse;
    set_provider_state post "/api/providers/{id}/state" "operator" "Stop or resume new bets"
        body provider::SetProviderState => 200 provider::Provider;
    create post "/api/tournaments" "operator" "Announce a tournament"
        body tournament::CreateTournament => 201 tournament::Tournament;
    cancel post "/api/tournaments/{id}/cancel" "operator" "Call a tournament off"
        => 200 tournament::Tournament;
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
