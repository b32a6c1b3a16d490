//! Running wallet commands for a caller, and rendering what comes of them.

use super::Server;
use super::caller::{self, Provider};
use super::error::{ApiError, failure, unexpected};
use crate::actors::handle::{Failure, Guarded, Reply, Work};
use crate::clock::Clock;
use crate::providers::health::{Health, Went};
use palio_domain::journal::Row;
use palio_domain::wallet::{Command, Prepared, SessionRule, Terms};
use palio_domain::{PlayerId, TenantId, TraceId};
use palio_protocol::result::{self, Rendered};
use palio_protocol::wallet::{Outcome, Part};
use palio_protocol::{ErrorCode, Problem};
use std::sync::Arc;
use std::time::Instant;

/// What came of one command.
pub(super) enum Done {
    /// It went through: the result as JSON.
    Ok(String),
    /// It went through before: the first result.
    Replay(String),
    /// It did not.
    Not(Box<Problem>),
}

impl Done {
    /// For lists of outcomes, where a replay counts as through.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Ok(result) | Self::Replay(result) => Outcome::done(result),
            Self::Not(problem) => Outcome {
                status: problem.status,
                result: None,
                code: Some(problem.code),
                detail: Some(problem.detail),
            },
        }
    }
}

/// A part of a request with its player found.
pub(super) struct Found {
    /// Whose brand.
    pub tenant: TenantId,
    /// The number.
    pub player: PlayerId,
    /// Outside id, key and command.
    pub part: Part,
}

/// Finds the player of a provider's part, and puts the provider's terms into it.
pub(super) async fn find_for(
    server: &Server,
    provider: &Provider,
    mut part: Part,
) -> Result<Found, ApiError> {
    let session = part.session.take();
    let session = session.map(|token| caller::session(server, provider.tenant, &token));
    let session = session.transpose()?;
    if let Some(session) = &session
        && session.subject != part.player
    {
        let wrong = "the session is another player's";
        return Err(ApiError::new(ErrorCode::BadToken, wrong));
    }
    let currency = part.command.currency();
    let required = provider.profile.session_required;
    if let Some(terms) = part.command.terms_mut() {
        let rule = match (terms.session, session) {
            (_, Some(session)) => SessionRule::Named(session.number),
            (SessionRule::None, None) if required => SessionRule::Open,
            (as_it_is, None) => as_it_is,
        };
        *terms = Terms { session: rule, ..provider.profile.terms(currency) };
    }
    find(server, provider.tenant, part).await
}

/// Finds the player of a part.
pub(super) async fn find(server: &Server, tenant: TenantId, part: Part) -> Result<Found, ApiError> {
    match server.players.find(tenant, &part.player).await? {
        Some(player) => Ok(Found { tenant, player, part }),
        None => Err(ApiError::new(ErrorCode::PlayerNotFound, "no such player")),
    }
}

impl Found {
    fn prepared(&self, server: &Server, trace: &TraceId) -> Box<Prepared> {
        Box::new(self.with(server, &self.part.key, self.part.command.clone(), Some(trace.clone())))
    }

    fn with(
        &self,
        server: &Server,
        key: &str,
        command: Command,
        trace: Option<TraceId>,
    ) -> Prepared {
        Prepared::new(&server.keys, self.tenant, self.player, key, command, trace)
    }

    /// Whether the command would go through now.
    pub(super) async fn check(&self, server: &Server, trace: &TraceId) -> Result<(), Box<Problem>> {
        let work = Work::Check(self.tenant, self.player, self.prepared(server, trace));
        match server.core.ask(work).await {
            Reply::Passed => Ok(()),
            other => Err(unexpected(&other).0),
        }
    }

    /// Sends the command; the answer comes when it is committed. Two commands of one player are
    /// decided in the order in which they were sent.
    pub(super) fn send(mut self, server: &Server, trace: &TraceId) -> Sent {
        self.say_if_away(server);
        let work = Work::Execute(self.tenant, self.player, self.prepared(server, trace));
        self.submit(server, work)
    }

    /// Sends a command that is refused when `probe`, a key and a command that are never done,
    /// meets a tombstone or a key that was used.
    pub(super) fn send_guarded(
        mut self,
        server: &Server,
        trace: &TraceId,
        (key, command): (&str, Command),
    ) -> Sent {
        self.say_if_away(server);
        // No content has this hash, so that a used key always shows.
        let probe = Prepared { body_hash: [0; 16], ..self.with(server, key, command, None) };
        let guarded = Guarded { asked: *self.prepared(server, trace), probe };
        let work = Work::Guarded(self.tenant, self.player, Box::new(guarded));
        self.submit(server, work)
    }

    /// Puts into a bet's terms that its provider takes no new bets now. The wallet says so in its
    /// own order: a repeat still hears its first answer.
    fn say_if_away(&mut self, server: &Server) {
        let command = &mut self.part.command;
        if !command.is_bet() {
            return;
        }
        let id = command.provider().map(|id| id.as_str());
        let provider = id.and_then(|id| server.health.get(self.tenant, id));
        let away = provider.is_some_and(|provider| !provider.admits(server.clock.now()));
        if let Some(terms) = command.terms_mut() {
            terms.away = away;
        }
    }

    fn submit(self, server: &Server, work: Work) -> Sent {
        let command = self.part.command;
        let provider =
            command.provider().and_then(|id| server.health.get(self.tenant, id.as_str()));
        let reply = server.core.submit(work);
        let provider = provider.map(|provider| (Arc::clone(provider), Arc::clone(&server.clock)));
        Sent { reply, command, started: Instant::now(), provider }
    }
}

/// A command under way.
pub(super) struct Sent {
    reply: Result<tokio::sync::oneshot::Receiver<Reply>, Failure>,
    command: Command,
    started: Instant,
    provider: Option<(Arc<Health>, Arc<dyn Clock>)>,
}

impl Sent {
    /// Waits for the answer.
    pub(super) async fn done(self) -> Done {
        self.done_with_row().await.0
    }

    /// Waits for the answer; with the command's first row, if it has one.
    pub(super) async fn done_with_row(self) -> (Done, Option<Arc<Row>>) {
        let reply = match self.reply {
            Ok(answer) => answer.await.unwrap_or(Reply::Failed(Failure::OutcomeUnknown)),
            Err(why) => Reply::Failed(why),
        };
        let done = render(&reply, &self.command);
        count(&self.command, &reply, &done, self.started);
        if let Some((provider, clock)) = &self.provider {
            let went = match &done {
                Done::Ok(_) | Done::Replay(_) => Went::Ok,
                Done::Not(problem) => Went::not(&problem.code, problem.status),
            };
            provider.record(clock.now(), self.started.elapsed(), went);
        }
        let row = match reply {
            Reply::Done(row) | Reply::Replay(row) => Some(row),
            _ => None,
        };
        (done, row)
    }
}

fn render(reply: &Reply, command: &Command) -> Done {
    let (row, replay) = match reply {
        Reply::Done(row) => (row, false),
        Reply::Replay(row) => (row, true),
        Reply::Noop(noop) => return Done::Ok(result::noop(*noop, command)),
        Reply::Failed(why) => return Done::Not(Box::new(failure(*why))),
        Reply::Refused(refusal) => return Done::Not(Box::new(Problem::refused(refusal, None))),
        other => return Done::Not(unexpected(other).0),
    };
    match result::render(row) {
        Ok(Rendered::Ok(result)) if replay => Done::Replay(result),
        Ok(Rendered::Ok(result)) => Done::Ok(result),
        // A refusal that is kept is answered the same way for ever.
        Ok(Rendered::Refused { refusal, currency }) => {
            Done::Not(Box::new(Problem::refused(&refusal, Some(currency))))
        }
        Err(error) => {
            tracing::error!(%error, "a row can't be rendered");
            Done::Not(Box::new(Problem::new(ErrorCode::Internal, "the answer can't be rendered")))
        }
    }
}

fn count(command: &Command, reply: &Reply, done: &Done, started: Instant) {
    let outcome = match done {
        Done::Ok(_) => "ok",
        Done::Replay(_) => "replay",
        Done::Not(problem) if problem.status >= 500 => "failed",
        Done::Not(_) => "refused",
    };
    metrics::counter!("palio_wallet_commands_total", "kind" => command.name(), "outcome" => outcome)
        .increment(1);
    metrics::histogram!("palio_wallet_command_seconds").record(started.elapsed().as_secs_f64());
    match (command, done) {
        (Command::PlaceBet { .. } | Command::Play { .. }, Done::Ok(_)) => {
            metrics::counter!("palio_bets_total").increment(1);
        }
        (Command::PlaceBet { .. } | Command::Play { .. }, Done::Not(problem)) => {
            metrics::counter!("palio_bets_refused_total", "code" => problem.code.clone())
                .increment(1);
        }
        (Command::Rollback { .. }, Done::Ok(_)) => {
            metrics::counter!("palio_bets_voided_total").increment(1);
        }
        (Command::Deposit { .. }, _) => {
            metrics::counter!("palio_deposits_total", "outcome" => outcome).increment(1);
        }
        (Command::SettleRound { .. } | Command::SettleBets { .. }, Done::Ok(_)) => {
            metrics::counter!("palio_settlements_total").increment(1);
            if let Reply::Done(row) = reply
                && let Ok(palio_domain::wallet::Event::BetSettled(settled)) =
                    palio_domain::wallet::Event::from_row(row)
            {
                let ms = i32::try_from(row.time.since_ms(settled.started)).unwrap_or(i32::MAX);
                metrics::histogram!("palio_settle_lag_seconds").record(f64::from(ms) / 1000.0);
            }
        }
        _ => {}
    }
}
