//! A wallet with its memory of recent rows: everything the wallet actor does except waiting.
//!
//! One command goes through three steps: [`Cell::needs`] says which keys must be looked up in
//! the journal first, the shell looks them up, [`Cell::execute`] decides and stages. Nothing
//! staged is true until the batch is committed; after a failed commit the cell is thrown away.

use super::command::Command;
use super::decide::{Context, Decision, Facts, Noop};
use super::event::Event;
use super::refusal::Refusal;
use super::state::{Broken, Wallet};
use crate::ids::{Aggregate, PlayerId, Slot, TenantId, TraceId};
use crate::journal::identity::body_hash;
use crate::journal::stage::NotOwner;
use crate::journal::{Claim, Draft, Key16, KeyFilter, Keys, Request, Row, Stage};
use crate::time::UnixMs;
use std::collections::VecDeque;
use std::sync::Arc;

/// A command with its identities, hashed before it reaches the wallet.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What to do.
    pub command: Command,
    /// The request's identity.
    pub key: Key16,
    /// The caller's own idempotency key.
    pub id: Box<str>,
    /// Hash of the canonical content.
    pub body_hash: Key16,
    /// The claims whose history the rules may need.
    pub claims: Vec<(Claim, Key16)>,
    /// The trace.
    pub trace: Option<TraceId>,
}

impl Prepared {
    /// Hashes a command's identities.
    #[must_use]
    pub fn new(
        keys: &Keys,
        tenant: TenantId,
        player: PlayerId,
        id: &str,
        command: Command,
        trace: Option<TraceId>,
    ) -> Self {
        let provider = command.provider().map_or("", |provider| provider.as_str());
        let key = keys.request(tenant, provider, player.0, command.request_kind(), id);
        let hash = |claim: Claim| {
            let key = keys.claim(tenant, player.0, &claim);
            (claim, key)
        };
        Self {
            key,
            id: id.into(),
            body_hash: body_hash(&command.canonical()),
            claims: command.claims().into_iter().map(hash).collect(),
            trace,
            command,
        }
    }
}

/// Keys to look up in the journal before a command can be decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Request keys.
    pub requests: Vec<Key16>,
    /// Claims.
    pub claims: Vec<Key16>,
}

impl Needs {
    /// Whether nothing has to be looked up.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.claims.is_empty()
    }
}

/// What the caller hears, once everything staged so far is committed.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Done: the first row of the command.
    Done(Arc<Row>),
    /// Done before: the first row of that command.
    Replay(Arc<Row>),
    /// Refused by the rules.
    Refused(Refusal),
    /// Nothing to do.
    Noop(Noop),
}

/// The wallet can't go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The slot is not owned here.
    #[error(transparent)]
    NotOwner(#[from] NotOwner),
    /// A row contradicts the state.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Rows remembered after their commit, to answer quick retries without the store.
const RECENT_ROWS_MAX: usize = 32;

/// One player's wallet while it is awake.
#[derive(Debug)]
pub struct Cell {
    tenant: TenantId,
    player: PlayerId,
    slot: Slot,
    wallet: Wallet,
    recent: VecDeque<Arc<Row>>,
    saved_seq: u64,
    first_unsaved: Option<u64>,
}

impl Cell {
    /// A cell from a snapshot (or the empty wallet) and the rows after it.
    ///
    /// # Errors
    /// [`Broken`] when the rows contradict the snapshot or each other, including rows that can't
    /// be read.
    pub fn load(
        tenant: TenantId,
        player: PlayerId,
        snapshot: Option<Wallet>,
        tail: impl IntoIterator<Item = Arc<Row>>,
    ) -> Result<Self, Broken> {
        let wallet = snapshot.unwrap_or_default();
        let mut cell = Self {
            tenant,
            player,
            slot: Aggregate::Player(player).slot(tenant),
            saved_seq: wallet.seq,
            wallet,
            recent: VecDeque::new(),
            first_unsaved: None,
        };
        for row in tail {
            if row.seq <= cell.wallet.seq {
                continue;
            }
            let event = Event::from_row(&row)
                .map_err(|_| Broken::OutOfOrder { seq: row.seq, last: cell.wallet.seq })?;
            cell.wallet.apply(row.seq, row.time, &event)?;
            cell.first_unsaved.get_or_insert(row.seq);
            cell.remember(row, u64::MAX);
        }
        Ok(cell)
    }

    /// The state, staged rows included.
    #[must_use]
    pub const fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// The slot this wallet lives in.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// Whose brand.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whose wallet.
    #[must_use]
    pub const fn player(&self) -> PlayerId {
        self.player
    }

    /// Whether rows beyond `committed` (the slot's last committed seq) are staged.
    #[must_use]
    pub const fn is_staged(&self, committed: u64) -> bool {
        self.wallet.seq > committed
    }

    /// The oldest row that no saved snapshot covers.
    #[must_use]
    pub const fn first_unsaved(&self) -> Option<u64> {
        self.first_unsaved
    }

    /// A snapshot as of `seq` is saved.
    pub fn saved(&mut self, seq: u64) {
        self.saved_seq = self.saved_seq.max(seq);
        if self.wallet.seq <= self.saved_seq {
            self.first_unsaved = None;
        } else if self.first_unsaved.is_some_and(|first| first <= self.saved_seq) {
            self.first_unsaved = Some(self.saved_seq + 1);
        }
    }

    /// Which keys must be looked up first: those that neither the wallet remembers nor the
    /// filter knows to be new.
    #[must_use]
    pub fn needs(&self, asked: &Prepared, filter: &KeyFilter) -> Needs {
        let mut needs = Needs::default();
        if self.by_request(&asked.key).is_none() && filter.may_contain(&asked.key) {
            needs.requests.push(asked.key);
        }
        for (claim, key) in &asked.claims {
            let open = match claim {
                Claim::Bet(provider, bet) | Claim::BetClosed(provider, bet, _) => {
                    !asked.command.takes_money() && self.wallet.open_bet(provider, bet).is_some()
                }
                Claim::Tournament(_) | Claim::TournamentEnded(_) => false,
            };
            if !open && self.by_claim(key).is_none() && filter.may_contain(key) {
                needs.claims.push(*key);
            }
        }
        needs
    }

    /// Whether a command would go through, without doing it: the read-only check of a request
    /// over several players (design, invariant 6).
    ///
    /// # Errors
    /// [`Error`]; the refusal, if any, is in the answer.
    pub fn check(
        &self,
        asked: &Prepared,
        found: &[Arc<Row>],
        now: UnixMs,
        stage: &Stage,
    ) -> Result<Option<Refusal>, Error> {
        let now = stage.row_time(self.slot, now)?;
        Ok(self.decide(asked, found, now).err())
    }

    /// Decides a command and stages its rows.
    ///
    /// # Errors
    /// [`Error`]: a bug or lost ownership; then everything staged must be thrown away.
    pub fn execute(
        &mut self,
        asked: &Prepared,
        found: &[Arc<Row>],
        now: UnixMs,
        committed: u64,
        keys: &Keys,
        stage: &mut Stage,
    ) -> Result<Answer, Error> {
        let now = stage.row_time(self.slot, now)?;
        let events = match self.decide(asked, found, now) {
            Ok(Decision::Events(events)) => events,
            Ok(Decision::Replay(row)) => return Ok(Answer::Replay(row)),
            Ok(Decision::Noop(noop)) => return Ok(Answer::Noop(noop)),
            Err(refusal) => return Ok(Answer::Refused(refusal)),
        };
        let mut request =
            Some(Request { key: asked.key, id: asked.id.clone(), body_hash: asked.body_hash });
        // Everything is applied before anything is staged: a contradiction stages nothing.
        let first_seq = stage.next_seq(self.slot)?;
        let mut drafts = Vec::with_capacity(events.len());
        for (seq, event) in (first_seq..).zip(events) {
            self.wallet.apply(seq, now, &event)?;
            drafts.push(self.draft(&event, request.take(), asked.trace.clone(), keys));
        }
        let mut first = None;
        for draft in drafts {
            let row = stage.push(draft, now)?;
            self.first_unsaved.get_or_insert(row.seq);
            first.get_or_insert_with(|| Arc::clone(&row));
            self.remember(row, committed);
        }
        match first {
            Some(row) => Ok(Answer::Done(row)),
            None => Ok(Answer::Noop(Noop::AlreadyRolledBack)),
        }
    }

    fn decide(
        &self,
        asked: &Prepared,
        found: &[Arc<Row>],
        now: UnixMs,
    ) -> Result<Decision, Refusal> {
        let known = self.by_request(&asked.key).or_else(|| {
            let is_it = |row: &&Arc<Row>| row.request.as_ref().is_some_and(|r| r.key == asked.key);
            found.iter().find(is_it)
        });
        if let Some(row) = known {
            let same = row.request.as_ref().is_some_and(|r| r.body_hash == asked.body_hash);
            return if same {
                Ok(Decision::Replay(Arc::clone(row)))
            } else {
                Err(Refusal::IdempotencyMismatch)
            };
        }
        let context = Context { now, body_hash: asked.body_hash };
        self.wallet.decide(&asked.command, &context, &self.facts(asked, found))
    }

    fn facts(&self, asked: &Prepared, found: &[Arc<Row>]) -> Facts {
        let mut facts = Facts::new();
        for (claim, key) in &asked.claims {
            let row = self
                .by_claim(key)
                .or_else(|| found.iter().find(|row| row.claim.as_ref() == Some(key)));
            let Some(row) = row else { continue };
            match claim {
                Claim::Bet(_, bet) => {
                    facts.entry(bet.clone()).or_default().claimed = Some(Arc::clone(row));
                }
                Claim::BetClosed(_, bet, _) => {
                    facts.entry(bet.clone()).or_default().closed = Some(Arc::clone(row));
                }
                Claim::Tournament(_) | Claim::TournamentEnded(_) => {}
            }
        }
        facts
    }

    fn draft(
        &self,
        event: &Event,
        request: Option<Request>,
        trace: Option<TraceId>,
        keys: &Keys,
    ) -> Draft {
        let columns = event.columns();
        Draft {
            kind: event.kind(),
            kind_version: 1,
            tenant: self.tenant,
            aggregate: Aggregate::Player(self.player),
            leg: event.leg(),
            balance_after: event
                .balance_currency()
                .map(|currency| self.wallet.balance(currency).available()),
            request,
            claim: event.claim().map(|claim| keys.claim(self.tenant, self.player.0, &claim)),
            provider: columns.provider,
            bet: columns.bet,
            round: columns.round,
            game: columns.game,
            trace,
            payload: columns.payload,
        }
    }

    fn by_request(&self, key: &Key16) -> Option<&Arc<Row>> {
        self.recent.iter().rev().find(|row| row.request.as_ref().is_some_and(|r| r.key == *key))
    }

    fn by_claim(&self, key: &Key16) -> Option<&Arc<Row>> {
        self.recent.iter().rev().find(|row| row.claim.as_ref() == Some(key))
    }

    /// Keeps a row; forgets old ones, but never one that is not committed.
    fn remember(&mut self, row: Arc<Row>, committed: u64) {
        while self.recent.len() >= RECENT_ROWS_MAX
            && self.recent.front().is_some_and(|oldest| oldest.seq <= committed)
        {
            self.recent.pop_front();
        }
        self.recent.push_back(row);
    }
}
