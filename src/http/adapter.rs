//! `/providers/{providerId}/…`: providers that speak a dialect of their own.
//!
//! A [`Dialect`] reads the request and writes the answer; between the two its operations take the
//! same way to the wallet as everyone's: find, send, done.

use super::Server;
use super::caller::{header, read};
use super::error::{ApiError, unexpected};
use super::run::{self, Done};
use super::trace::trace_of;
use crate::actors::budget::Class;
use crate::actors::handle::{Reply, Work};
use crate::auth::{Role, TokenError};
use crate::providers::dialects::{
    Action, Answer, Call, Dialect, Manners, Operation, Outcome, Report, Request, UnknownRollback,
};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::journal::{RequestKind, Row, RowKind};
use palio_domain::wallet::{Amend, BetRef, Command, LateBet, SessionRule, Terms, UnmatchedWin};
use palio_domain::{Amount, Currency, PlayerId, ProviderId, RoundId, TenantId, TraceId};
use palio_protocol::wallet::Part;
use palio_protocol::{ErrorCode, Problem};
use serde::Deserialize;
use std::sync::Arc;

/// A provider with a dialect.
pub struct Adapter {
    /// Whose brand.
    pub tenant: TenantId,
    /// Which provider.
    pub provider: ProviderId,
    /// What it speaks, with its keys.
    pub dialect: Arc<dyn Dialect>,
}

/// Calls at the address itself.
pub(super) async fn root(
    server: Data<Server>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    called(&server, &request, &id, "", payload).await
}

/// Calls below it.
pub(super) async fn call(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    called(&server, &request, &path.0, &path.1, payload).await
}

async fn called(
    server: &Server,
    request: &HttpRequest,
    id: &str,
    path: &str,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let Some(adapter) = server.adapters.get(id) else {
        return Err(ApiError::new(ErrorCode::NotFound, "no provider speaks a dialect here"));
    };
    let dialect = &adapter.dialect;
    // Its calls may hold results; each operation is told apart when it is a command.
    let whose = (Class::Result, adapter.tenant, Some(&adapter.provider));
    let (call, result) = match read(server, request, payload, whose).await {
        Err(error) => (None, Err(error.0)),
        Ok(body) => {
            let value = |name: &str| header(request, name).to_owned();
            let request = Request {
                method: request.method().as_str(),
                path,
                query: request.query_string(),
                header: &value,
                body: &body,
                currency: server.currencies.get(&adapter.tenant).copied().unwrap_or(Currency::EUR),
            };
            match understood(server, adapter, &request) {
                Err(problem) => (None, Err(problem)),
                Ok(call) => (Some(call), Ok(())),
            }
        }
    };
    let answer = match (&call, result) {
        (_, Err(problem)) => dialect.refuse(None, &problem),
        (None, Ok(())) => dialect.refuse(None, &internal()),
        (Some(call), Ok(())) => match run(server, adapter, call, &trace_of(request)).await {
            Ok(report) => dialect.render(call, &report),
            Err(problem) => dialect.refuse(Some(call), &problem),
        },
    };
    Ok(response(answer))
}

fn response(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).content_type("application/json").body(answer.body)
}

fn internal() -> Box<Problem> {
    Box::new(Problem::new(ErrorCode::Internal, "the answer can't be rendered"))
}

/// Signature first, then the rate, then the content.
fn understood(
    server: &Server,
    adapter: &Adapter,
    request: &Request<'_>,
) -> Result<Call, Box<Problem>> {
    let problem = |code, detail| Box::new(Problem::new(code, detail));
    if !adapter.dialect.verify(request) {
        return Err(problem(ErrorCode::BadSignature, "the signature does not fit the request"));
    }
    let id = (adapter.tenant, adapter.provider.as_str().to_owned());
    if server.rates.get(&id).is_some_and(|limiter| limiter.check_key(&id.1).is_err()) {
        return Err(problem(ErrorCode::RateLimited, "too many requests; slow down"));
    }
    adapter.dialect.parse(request).map_err(|error| ApiError::from(error).0)
}

async fn run(
    server: &Server,
    adapter: &Adapter,
    call: &Call,
    trace: &TraceId,
) -> Result<Report, Box<Problem>> {
    let found = server.players.find(adapter.tenant, &call.player).await;
    let player = found.map_err(|error| ApiError::from(error).0)?.ok_or_else(|| {
        Box::new(Problem::new(ErrorCode::PlayerNotFound, "no such player is known"))
    })?;
    let over = match &call.token {
        Some(token) => is_over(server, adapter, call, token)?,
        None => false,
    };
    if over && call.operations.is_empty() {
        let why = TokenError::Expired.to_string();
        return Err(Box::new(Problem::new(ErrorCode::SessionExpired, why)));
    }
    let manners = adapter.dialect.manners();
    let one = One { server, adapter, call, player, trace, manners, over };
    let mut outcomes = Vec::with_capacity(call.operations.len());
    for operation in &call.operations {
        outcomes.push(one.run(operation).await?);
    }
    if let Some(round) = &call.finished {
        one.finish(round).await?;
    }
    let balance = match outcomes.last() {
        // Nobody else's command can be between the two, but for a repeat's answer.
        Some(Outcome { balance: Some(balance), replay: false, .. }) => *balance,
        _ => one.balance().await?,
    };
    Ok(Report { outcomes, balance })
}

/// A bet needs a token of the player himself. Whether it has expired; of a bet the wallet then
/// says so, in its own order, and for ever.
fn is_over(
    server: &Server,
    adapter: &Adapter,
    call: &Call,
    token: &str,
) -> Result<bool, Box<Problem>> {
    let bad = |detail: String| Box::new(Problem::new(ErrorCode::BadToken, detail));
    let claims = server.issuer.verifier().read(token).map_err(|error| bad(error.to_string()))?;
    let his = claims.role == Role::Player
        && claims.tenant() == adapter.tenant
        && claims.sub == call.player;
    if !his {
        return Err(bad("the token is not this player's".to_owned()));
    }
    Ok(server.clock.now() >= claims.expires())
}

/// One call under way.
struct One<'a> {
    server: &'a Server,
    adapter: &'a Adapter,
    call: &'a Call,
    player: PlayerId,
    trace: &'a TraceId,
    manners: Manners,
    /// The token has expired.
    over: bool,
}

/// The parts of a result that dialects show.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    transaction_id: Option<String>,
    balance: Option<String>,
}

impl One<'_> {
    async fn run(&self, operation: &Operation) -> Result<Outcome, Box<Problem>> {
        let (call, provider) = (self.call, &self.adapter.provider);
        let terms = self.terms();
        let part = operation.part(&call.player, provider, call.currency, terms);
        let found = self.found(part);
        let currency = call.currency;
        let sent = match &operation.action {
            Action::Bet { .. } => found.send(self.server, self.trace),
            Action::Win { own, round, game, .. } => {
                // A win whose rollback came first pays nothing.
                let (provider, game) = (provider.clone(), game.clone());
                let bet = BetRef { provider, bet: own.clone(), round: round.clone(), game };
                let (stake, at, free, feature) = (Amount::ZERO, None, None, false);
                let terms = Terms::default();
                let probe = Command::PlaceBet { bet, stake, currency, at, free, feature, terms };
                found.send_guarded(self.server, self.trace, (operation.id.as_str(), probe))
            }
            Action::Rollback { bet, .. } => match RoundId::parse(bet.as_str()) {
                // A win that was paid can't be rolled back, whatever its id looks like.
                Ok(round) => {
                    let (provider, delta, version) = (provider.clone(), Amount::ZERO, None);
                    let gross = true;
                    let probe = Command::SettleRound {
                        provider,
                        round,
                        delta,
                        gross,
                        currency,
                        version,
                        terms: Terms::default(),
                    };
                    found.send_guarded(self.server, self.trace, (bet.as_str(), probe))
                }
                Err(_) => found.send(self.server, self.trace),
            },
        };
        let (done, row) = sent.done_with_row().await;
        let is_replay = matches!(done, Done::Replay(_));
        match done {
            Done::Ok(result) | Done::Replay(result) => {
                self.outcome(operation, &result, row.as_deref(), is_replay)
            }
            Done::Not(problem) => self.refused(operation, problem),
        }
    }

    /// The provider's configured terms with its dialect's manners.
    fn terms(&self) -> Terms {
        let Manners { late_bet, unmatched_win, amend, .. } = self.manners;
        let id = (self.adapter.tenant, self.adapter.provider.as_str().to_owned());
        let profile = self.server.profiles.get(&id);
        let terms = profile.map(|profile| profile.terms(Some(self.call.currency)));
        let session = if self.over { SessionRule::Over } else { SessionRule::None };
        Terms { session, late_bet, unmatched_win, amend, ..terms.unwrap_or_default() }
    }

    fn found(&self, part: Part) -> run::Found {
        run::Found { tenant: self.adapter.tenant, player: self.player, part }
    }

    fn outcome(
        &self,
        operation: &Operation,
        result: &str,
        row: Option<&Row>,
        replay: bool,
    ) -> Result<Outcome, Box<Problem>> {
        let unknown = row.is_some_and(|row| row.kind == RowKind::BetTombstoned)
            && matches!(operation.action, Action::Rollback { .. });
        if unknown && self.manners.unknown_rollback == UnknownRollback::NotFound {
            let detail = "no such bet is known; it can't be placed any more";
            return Err(Box::new(Problem::new(ErrorCode::BetNotFound, detail)));
        }
        let shown: Shown = serde_json::from_str(result).map_err(|_| internal())?;
        let balance = shown.balance.and_then(|text| self.call.currency.amount(&text).ok());
        Ok(Outcome {
            transaction: shown.transaction_id.unwrap_or_else(|| self.nothing(operation)),
            at: row.map(|row| row.time),
            balance,
            replay,
        })
    }

    fn refused(
        &self,
        operation: &Operation,
        problem: Box<Problem>,
    ) -> Result<Outcome, Box<Problem>> {
        let cancelled = ErrorCode::from_code(&problem.code) == Some(ErrorCode::BetCancelled);
        let win = matches!(operation.action, Action::Win { .. });
        if cancelled && win && self.manners.late_bet == LateBet::Accept {
            return Ok(self.without_effect(operation));
        }
        Err(problem)
    }

    /// No bet of the round is won any more: what is still open was lost.
    async fn finish(&self, round: &RoundId) -> Result<(), Box<Problem>> {
        let provider = self.adapter.provider.clone();
        let (tenant, player) = (self.adapter.tenant, self.player.0);
        let name = self.server.keys.request(
            tenant,
            provider.as_str(),
            player,
            RequestKind::Settle,
            round.as_str(),
        );
        let currency = self.call.currency;
        let command = Command::SettleRound {
            provider,
            round: round.clone(),
            delta: Amount::ZERO,
            gross: true,
            currency,
            // The first result: of bets that have one, or were voided, nothing is left to say.
            version: Some(1),
            terms: Terms {
                unmatched_win: UnmatchedWin::Refuse,
                amend: Amend::Refuse,
                ..self.terms()
            },
        };
        let key = format!("finished:{}", hex::encode(name));
        let part = Part::new(self.call.player.clone(), key, command);
        let sent = self.found(part).send(self.server, self.trace);
        match sent.done().await {
            Done::Not(problem) if problem.status >= 500 => Err(problem),
            // No bet is open: there is nothing to lose.
            Done::Not(_) | Done::Ok(_) | Done::Replay(_) => Ok(()),
        }
    }

    async fn balance(&self) -> Result<Amount, Box<Problem>> {
        match self.server.core.ask(Work::Wallet(self.adapter.tenant, self.player)).await {
            Reply::Wallet(wallet) => Ok(wallet.balance(self.call.currency).available()),
            other => Err(unexpected(&other).0),
        }
    }

    fn without_effect(&self, operation: &Operation) -> Outcome {
        let transaction = self.nothing(operation);
        Outcome { transaction, at: None, balance: None, replay: false }
    }

    /// The transaction id of an operation that had nothing to do: the same for ever.
    fn nothing(&self, operation: &Operation) -> String {
        let kind = match operation.action {
            Action::Bet { .. } => RequestKind::Bet,
            Action::Win { .. } => RequestKind::Settle,
            Action::Rollback { .. } => RequestKind::Rollback,
        };
        let (tenant, provider) = (self.adapter.tenant, self.adapter.provider.as_str());
        let key = self.server.keys.request(tenant, provider, self.player.0, kind, &operation.id);
        format!("tx_none_{}", hex::encode(key))
    }
}
