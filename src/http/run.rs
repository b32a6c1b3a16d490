//! Running wallet commands for a caller, and rendering what comes of them.

use super::Server;
use super::caller::{self, Provider};
use super::counts;
use super::error::{ApiError, failure, unexpected};
use crate::actors::handle::{Failure, Guarded, Reply, Work};
use crate::clock::Clock;
use crate::providers::health::{Health, Went};
use palio_domain::journal::Row;
use palio_domain::wallet::contest::Act;
use palio_domain::wallet::{Command, Prepared, Refusal, SessionRule, Terms};
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
    let tenant = provider.tenant;
    if matches!(part.command, Command::Exclude { .. }) {
        // Only a platform that keeps the players may say so; a provider of games may not.
        if !server.tournaments.is_external(tenant) {
            let detail = "this tenant's players are kept here: its operator excludes them";
            return Err(ApiError::new(ErrorCode::ExternalWallet, detail));
        }
        let player = server.players.register(tenant, &part.player).await?;
        return Ok(Found { tenant, player, part });
    }
    find(server, tenant, part).await
}

/// Finds the player of a part.
pub(super) async fn find(server: &Server, tenant: TenantId, part: Part) -> Result<Found, ApiError> {
    fits(server, tenant, &part.command)?;
    if meets(&part.command) {
        let player = server.players.register(tenant, &part.player).await?;
        return Ok(Found { tenant, player, part });
    }
    match server.players.find(tenant, &part.player).await? {
        Some(player) => Ok(Found { tenant, player, part }),
        // Of whoever is not known no round is, either: the report is on its way.
        None if is_report(&part.command) => {
            Err(ApiError(Box::new(Problem::refused(&Refusal::BetNotFound, None))))
        }
        None => Err(ApiError::new(ErrorCode::PlayerNotFound, "no such player")),
    }
}

/// Whether a player may be met with this command: the platform knows its players; here they are
/// met with their first round, or its void if that comes first.
fn meets(command: &Command) -> bool {
    match command {
        Command::Contest(act) => match &**act {
            Act::Report(_) => true,
            Act::Correct(correction) => correction.now.is_none(),
            _ => false,
        },
        _ => false,
    }
}

fn is_report(command: &Command) -> bool {
    matches!(command, Command::Contest(act) if matches!(**act, Act::Report(_) | Act::Correct(_)))
}

/// Refuses what moves money here where a platform keeps it, and the other way round (W9).
pub(super) fn fits(server: &Server, tenant: TenantId, command: &Command) -> Result<(), ApiError> {
    let refused = |why: &str| Err(ApiError::new(ErrorCode::ExternalWallet, why));
    let moves = !matches!(
        command,
        Command::Contest(_)
            | Command::Enter { .. }
            | Command::Leave { .. }
            | Command::Report(_)
            | Command::Exclude { .. }
            | Command::Readmit { .. }
            | Command::SetLimit { .. }
    );
    match (server.tournaments.is_external(tenant), is_report(command)) {
        (true, _) if moves => refused("a platform keeps this tenant's money"),
        (false, true) => refused("this tenant's money is kept here: play rounds here"),
        _ => Ok(()),
    }
}

impl Found {
    fn with(
        &self,
        server: &Server,
        key: &str,
        command: impl Into<Arc<Command>>,
        trace: Option<TraceId>,
    ) -> Prepared {
        Prepared::new(&server.keys, self.tenant, self.player, key, command, trace)
    }

    fn prepared(self, server: &Server, trace: &TraceId) -> Box<Prepared> {
        let Self { tenant, player, part } = self;
        let trace = Some(trace.clone());
        Box::new(Prepared::new(&server.keys, tenant, player, &part.key, part.command, trace))
    }

    /// Whether the command would go through now.
    pub(super) async fn check(&self, server: &Server, trace: &TraceId) -> Result<(), Box<Problem>> {
        let (command, trace) = (self.part.command.clone(), Some(trace.clone()));
        let asked = Box::new(self.with(server, &self.part.key, command, trace));
        let work = Work::Check(self.tenant, self.player, asked);
        match server.core.ask(work).await {
            Reply::Passed => Ok(()),
            other => Err(unexpected(&other).0),
        }
    }

    /// Sends the command; the answer comes when it is committed. Two commands of one player are
    /// decided in the order in which they were sent.
    pub(super) fn send(mut self, server: &Server, trace: &TraceId) -> Sent {
        self.say_if_away(server);
        let (tenant, player) = (self.tenant, self.player);
        let asked = self.prepared(server, trace);
        let command = Arc::clone(&asked.command);
        submit(server, tenant, command, Work::Execute(tenant, player, asked))
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
        let (tenant, player) = (self.tenant, self.player);
        let asked = *self.prepared(server, trace);
        let command = Arc::clone(&asked.command);
        let guarded = Box::new(Guarded { asked, probe });
        submit(server, tenant, command, Work::Guarded(tenant, player, guarded))
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
}

fn submit(server: &Server, tenant: TenantId, command: Arc<Command>, work: Work) -> Sent {
    let provider = command.provider().and_then(|id| server.health.get(tenant, id.as_str()));
    let reply = server.core.submit(work);
    let provider = provider.map(|provider| (Arc::clone(provider), Arc::clone(&server.clock)));
    Sent { reply, command, started: Instant::now(), provider }
}

/// A command under way.
pub(super) struct Sent {
    reply: Result<tokio::sync::oneshot::Receiver<Reply>, Failure>,
    command: Arc<Command>,
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
        counts::command(&self.command, &reply, &done, self.started);
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
