//! HTTP: a file per resource. Handlers check who calls, read the body, ask an actor and render
//! its answer; no rules live here.

mod adapter;
mod admin;
mod caller;
mod counts;
mod demo;
mod desk;
mod error;
mod events;
mod leaderboard;
mod openapi;
mod pages;
mod players;
mod providers;
mod run;
mod sessions;
mod tournaments;
mod trace;
mod transactions;
mod wallet;

pub use adapter::Adapter;
pub use admin::routes as admin_routes;
pub use trace::around as trace;

use crate::actors::desk::Desk;
use crate::actors::handle::CoreHandle;
use crate::actors::tournaments::Tournaments;
use crate::auth::{Issuer, ProviderKeys};
use crate::clock::Clock;
use crate::players::Players;
use crate::providers::health::Providers;
use crate::providers::profile::Profile;
use crate::search::Search;
use crate::ws::Live;
use actix_web::web;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use palio_domain::journal::Keys;
use palio_domain::{Currency, TenantId};
use palio_protocol::ErrorCode;
use palio_protocol::session::SessionRules;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Bounds of what a caller may send.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Body, in bytes.
    pub body_bytes_max: usize,
    /// Nesting of JSON.
    pub json_depth_max: usize,
    /// How long a body may take to arrive.
    pub body_time_max: Duration,
}

/// Everything the handlers need.
pub struct Server {
    /// Wallets and tournaments' homes.
    pub core: CoreHandle,
    /// Outside ids.
    pub players: Arc<Players>,
    /// Identity hashes.
    pub keys: Keys,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Scoring.
    pub tournaments: Arc<Tournaments>,
    /// Overdue rounds.
    pub desk: Arc<Desk>,
    /// Finds transactions.
    pub search: Arc<Search>,
    /// Sockets and boards.
    pub live: Arc<Live>,
    /// Providers' signing keys.
    pub providers: Arc<ProviderKeys>,
    /// Players' and operators' tokens.
    pub issuer: Arc<Issuer>,
    /// Which providers take new bets.
    pub health: Arc<Providers>,
    /// Providers with a dialect of their own, by id.
    pub adapters: HashMap<String, Adapter>,
    /// Profiles by tenant and provider.
    pub profiles: HashMap<(TenantId, String), Arc<Profile>>,
    /// What each tenant asks of whoever opens a session.
    pub sessions: HashMap<TenantId, SessionRules>,
    /// How long a raised limit waits, in milliseconds.
    pub raise_wait_ms: i64,
    /// Requests per second, per provider.
    pub rates: HashMap<(TenantId, String), DefaultKeyedRateLimiter<String>>,
    /// Each tenant's currency.
    pub currencies: HashMap<TenantId, Currency>,
    /// Bounds.
    pub limits: Limits,
    /// How long a player's token lasts, in milliseconds.
    pub player_token_ms: i64,
    /// Sandbox players, in demo mode only.
    pub demo_players: Option<u32>,
    /// The tenant of calls that carry no token.
    pub public_tenant: TenantId,
}

/// A limiter of `per_second` requests with a burst of as many.
#[must_use]
pub fn rate(per_second: u32) -> DefaultKeyedRateLimiter<String> {
    let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    RateLimiter::keyed(Quota::per_second(per_second))
}

/// The routes of the public port.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::QueryConfig::default().error_handler(error::query_error))
        .app_data(web::PathConfig::default().error_handler(error::path_error))
        .service(
            web::scope("/wallet")
                .route("/debit", web::post().to(wallet::debit))
                .route("/settle", web::post().to(wallet::settle))
                .route("/credit", web::post().to(wallet::credit))
                .route("/rollback", web::post().to(wallet::roll_back))
                .route("/play", web::post().to(wallet::play))
                .route("/round/end", web::post().to(wallet::end_round))
                .route("/rounds/overdue", web::get().to(desk::own_overdue))
                .route("/session", web::post().to(sessions::handshake))
                .route("/session/end", web::post().to(sessions::end))
                .route("/{player}", web::get().to(wallet::balance))
                .route("/{player}/transactions", web::get().to(transactions::of_provider)),
        )
        .route("/events", web::post().to(events::events))
        .route("/providers/{provider}", web::to(adapter::root))
        .route("/providers/{provider}/{path:.*}", web::to(adapter::call))
        .service(
            web::scope("/api")
                .route("/me", web::get().to(players::me))
                .route("/players/{player}/deposits", web::post().to(players::deposit))
                .route("/me/limits", web::post().to(players::my_limit))
                .route("/me/exclusion", web::post().to(players::my_exclusion))
                .route("/me/transactions", web::get().to(transactions::of_player))
                .route("/transactions", web::get().to(transactions::all))
                .route("/transactions/{id}", web::get().to(transactions::one))
                .route("/rounds/overdue", web::get().to(desk::overdue))
                .route("/players/{player}", web::get().to(players::show))
                .route("/players/{player}", web::post().to(players::register))
                .route("/players/{player}/sessions", web::post().to(sessions::open))
                .route("/players/{player}/withdrawals", web::post().to(players::withdraw))
                .route(
                    "/players/{player}/withdrawals/{id}/capture",
                    web::post().to(players::capture),
                )
                .route("/players/{player}/withdrawals/{id}/cancel", web::post().to(players::cancel))
                .route("/players/{player}/adjustments", web::post().to(players::adjust))
                .route("/players/{player}/limits", web::post().to(players::limit))
                .route("/players/{player}/exclusion", web::post().to(players::exclude))
                .route("/players/{player}/readmission", web::post().to(players::readmit))
                .route("/players/{player}/free-rounds", web::post().to(players::free_rounds))
                .route("/players/{player}/verdicts", web::post().to(players::propose))
                .route("/players/{player}/verdicts/confirm", web::post().to(players::confirm))
                .route("/providers", web::get().to(providers::list))
                .route("/providers/{id}/state", web::post().to(providers::set_state))
                .route("/templates", web::get().to(tournaments::templates))
                .route("/tournaments", web::get().to(tournaments::list))
                .route("/tournaments", web::post().to(tournaments::create))
                .route("/tournaments/{id}", web::get().to(tournaments::get))
                .route("/tournaments/{id}/cancel", web::post().to(tournaments::cancel))
                .route("/tournaments/{id}/join", web::post().to(tournaments::join))
                .route("/tournaments/{id}/leave", web::post().to(tournaments::leave))
                .route("/tournaments/{id}/leaderboard", web::get().to(leaderboard::board))
                .route("/tournaments/{id}/leaderboard/me", web::get().to(leaderboard::me)),
        )
        .route("/demo/info", web::get().to(demo::info))
        .route("/demo/token", web::post().to(demo::token))
        .route("/healthz", web::get().to(admin::healthz))
        .route("/readyz", web::get().to(admin::readyz))
        .configure(openapi::routes)
        .configure(pages::routes)
        .default_service(web::to(|| async {
            error::ApiError::new(ErrorCode::NotFound, "there is nothing at this path")
        }));
}
