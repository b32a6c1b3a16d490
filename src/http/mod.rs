//! HTTP: a file per resource. Handlers check who calls, read the body, ask an actor and render
//! its answer; no rules live here.

mod adapter;
mod admin;
mod caller;
mod contests;
mod counts;
mod demo;
mod desk;
mod documents;
mod edge;
mod error;
mod events;
mod intake;
mod leaderboard;
mod listed;
mod openapi;
mod pages;
mod players;
mod proofs;
mod providers;
mod run;
mod schedules;
mod sessions;
mod stream;
mod tournaments;
mod trace;
mod transactions;
mod wallet;

pub use adapter::Adapter;
pub use admin::routes as admin_routes;
pub use edge::{Edge, admin_routes as edge_admin_routes, routes as edge_routes};
pub use intake::{Bounds, Intake};
pub use listed::Listing;
pub use tournaments::definition as definition_of;
pub use trace::around as trace;

use crate::actors::desk::Desk;
use crate::actors::handle::CoreHandle;
use crate::actors::scheduler::Scheduler;
use crate::actors::tournaments::Tournaments;
use crate::auth::{Issuer, ProviderKeys};
use crate::clock::Clock;
use crate::peers::Peers;
use crate::players::Players;
use crate::providers::health::Providers;
use crate::providers::profile::Profile;
use crate::search::Search;
use crate::ws::Live;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use error::ApiError;
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
    /// Who is behind connections from the TLS front.
    pub peers: Peers,
    /// Scoring.
    pub tournaments: Arc<Tournaments>,
    /// When tournaments start by themselves.
    pub scheduler: Arc<Scheduler>,
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
    /// Bodies that are being read.
    pub intake: Intake,
    /// How long a player's token lasts, in milliseconds.
    pub player_token_ms: i64,
    /// Sandbox players, in demo mode only.
    pub demo_players: Option<u32>,
    /// Types of tournaments that tenants may announce; empty: all.
    pub tournament_types: HashMap<TenantId, Vec<palio_domain::tournament::Kind>>,
    /// Parts of rules that tenants may not use.
    pub rules_off: crate::rules_off::RulesOff,
    /// How each tenant's page looks.
    pub themes: HashMap<TenantId, crate::theme::Theme>,
    /// The tenant of calls that carry no token.
    pub public_tenant: TenantId,
}

/// A limiter of `per_second` requests with a burst of as many.
#[must_use]
pub fn rate(per_second: u32) -> DefaultKeyedRateLimiter<String> {
    let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    RateLimiter::keyed(Quota::per_second(per_second))
}

macro_rules! calls {
    ($($method:ident $path:literal => $handler:path;)*) => {
        /// The calls by method and path.
        const CALLS: &[(&str, &str)] = &[$((stringify!($method), $path),)*];

        fn calls(config: &mut web::ServiceConfig) {
            $(config.route($path, web::$method().to($handler));)*
        }
    };
}

calls! {
    // Routes are tried in this order: the ones that are asked most come first.
    get "/api/tournaments/{id}/leaderboard" => leaderboard::board;
    post "/wallet/debit" => wallet::debit;
    post "/wallet/settle" => wallet::settle;
    post "/wallet/credit" => wallet::credit;
    post "/wallet/rollback" => wallet::roll_back;
    post "/wallet/play" => wallet::play;
    post "/wallet/round/end" => wallet::end_round;
    get "/wallet/rounds/overdue" => desk::own_overdue;
    post "/wallet/session" => sessions::handshake;
    post "/wallet/session/end" => sessions::end;
    get "/wallet/{player}" => wallet::balance;
    get "/wallet/{player}/transactions" => transactions::of_provider;
    post "/events" => events::events;
    get "/api/me" => players::me;
    post "/api/players/{player}/deposits" => players::deposit;
    get "/api/me/limits" => players::my_limits;
    post "/api/me/limits" => players::my_limit;
    post "/api/me/exclusion" => players::my_exclusion;
    get "/api/me/transactions" => transactions::of_player;
    get "/api/transactions" => transactions::all;
    get "/api/transactions/{id}" => transactions::one;
    get "/api/rounds/overdue" => desk::overdue;
    get "/api/players/{player}" => players::show;
    post "/api/players/{player}" => players::register;
    post "/api/players/{player}/profile" => players::profile;
    post "/api/players/{player}/sessions" => sessions::open;
    post "/api/players/{player}/withdrawals" => players::withdraw;
    post "/api/players/{player}/withdrawals/{id}/capture" => players::capture;
    post "/api/players/{player}/withdrawals/{id}/cancel" => players::cancel;
    post "/api/players/{player}/adjustments" => players::adjust;
    post "/api/players/{player}/limits" => players::limit;
    post "/api/players/{player}/exclusion" => players::exclude;
    post "/api/players/{player}/readmission" => players::readmit;
    post "/api/players/{player}/free-rounds" => players::free_rounds;
    post "/api/players/{player}/verdicts" => players::propose;
    post "/api/players/{player}/verdicts/confirm" => players::confirm;
    get "/api/providers" => providers::list;
    post "/api/providers/{id}/state" => providers::set_state;
    get "/api/schedules" => schedules::list;
    post "/api/schedules" => schedules::set;
    get "/api/schedules/{id}" => schedules::get;
    post "/api/schedules/{id}/start" => schedules::start;
    post "/api/schedules/{id}/stop" => schedules::stop;
    get "/api/templates" => tournaments::templates;
    get "/api/theme" => pages::theme;
    get "/api/tournaments" => tournaments::list;
    post "/api/tournaments" => tournaments::create;
    get "/api/tournaments/schema.json" => documents::schema;
    post "/api/tournaments/check" => documents::check;
    get "/api/tournaments/{id}" => tournaments::get;
    post "/api/tournaments/{id}/cancel" => tournaments::cancel;
    post "/api/tournaments/{id}/invitations" => contests::invite;
    post "/api/tournaments/{id}/disqualifications" => contests::disqualify;
    post "/api/tournaments/{id}/proofs" => proofs::check;
    post "/api/tournaments/{id}/reviews" => contests::review;
    post "/api/tournaments/{id}/results" => contests::revise;
    get "/api/tournaments/{id}/payouts" => contests::payouts;
    post "/api/tournaments/{id}/payouts/{payout}" => contests::decide_payout;
    post "/api/tournaments/{id}/join" => tournaments::join;
    post "/api/tournaments/{id}/leave" => tournaments::leave;
    get "/api/tournaments/{id}/events" => stream::events;
    get "/api/tournaments/{id}/leaderboard/me" => leaderboard::me;
    get "/demo/info" => demo::info;
    post "/demo/token" => demo::token;
    get "/healthz" => admin::healthz;
    get "/readyz" => admin::readyz;
}

/// The routes of the public port.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::QueryConfig::default().error_handler(error::query_error))
        .app_data(web::PathConfig::default().error_handler(error::path_error))
        .configure(calls)
        .route("/providers/{provider}", web::to(adapter::root))
        .route("/providers/{provider}/{path:.*}", web::to(adapter::call))
        .configure(openapi::routes)
        .configure(pages::routes)
        .default_service(web::to(elsewhere));
}

/// A path that is not there, or not for this method.
async fn elsewhere(request: HttpRequest) -> HttpResponse {
    let Some(pattern) = request.match_pattern() else {
        let nothing = ApiError::new(ErrorCode::NotFound, "there is nothing at this path");
        return nothing.error_response();
    };
    let at = CALLS.iter().filter(|(_, path)| *path == pattern);
    let mut methods: Vec<_> = at.map(|(method, _)| method.to_ascii_uppercase()).collect();
    if methods.is_empty() {
        // Pages and documents.
        methods.push("GET".to_owned());
    }
    let allowed = methods.join(", ");
    let detail = format!("this path takes {allowed}");
    let mut response = ApiError::new(ErrorCode::MethodNotAllowed, detail).error_response();
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
