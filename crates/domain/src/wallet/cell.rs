//! A wallet with its memory of recent rows: everything the wallet actor does except waiting.
//!
//! One command goes through three steps: [`Cell::needs`] says which keys must be looked up in
//! the journal first, the shell looks them up, [`Cell::execute`] decides and stages. Nothing
//! staged is true until the batch is committed; after a failed commit the cell is thrown away.

use super::command::Command;
use super::decide::{Context, Decision, Facts, Noop, Past};
use super::event::Event;
use super::kept;
use super::refusal::Refusal;
use super::state::{Broken, Wallet};
use crate::ids::{Aggregate, BetId, PlayerId, ProviderId, RoundId, Slot, TenantId, TraceId};
use crate::journal::identity::body_hash;
use crate::journal::stage::NotOwner;
use crate::journal::{Claim, Draft, Key16, KeyFilter, Keys, Request, Row, RowKind, Stage};
use crate::time::UnixMs;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// A command with its identities, hashed before it reaches the wallet.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What to do; shared with whoever waits for the answer.
    pub command: Arc<Command>,
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
        command: impl Into<Arc<Command>>,
        trace: Option<TraceId>,
    ) -> Self {
        let command = command.into();
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

/// What must be looked up in the journal before a command can be decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Request keys.
    pub requests: Vec<Key16>,
    /// Claims.
    pub claims: Vec<Key16>,
    /// Every committed row of the player in this round.
    pub round: Option<(ProviderId, RoundId)>,
}

impl Needs {
    /// Whether nothing has to be looked up.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.claims.is_empty() && self.round.is_none()
    }
}

/// What was looked up so far.
#[derive(Debug, Clone, Default)]
pub struct Found {
    looked: Vec<Key16>,
    rows: Vec<Arc<Row>>,
    round: Option<Vec<Arc<Row>>>,
}

impl Found {
    /// Adds the answer to `needs`: the rows of its keys, and those of its round.
    pub fn add(&mut self, needs: &Needs, rows: Vec<Arc<Row>>, round: Option<Vec<Arc<Row>>>) {
        self.looked.extend(&needs.requests);
        self.looked.extend(&needs.claims);
        self.rows.extend(rows);
        if needs.round.is_some() {
            self.round = Some(round.unwrap_or_default());
        }
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
/// Versions of a result that are looked up at once.
const VERSIONS_AT_ONCE: u32 = 4;

/// A remembered row with what it is asked for by: rows lie anywhere in memory, these side by side.
#[derive(Debug, Clone)]
struct Recent {
    request: Option<Key16>,
    claim: Option<Key16>,
    /// Of the provider and round: rows with another mark are of another round.
    round: u64,
    row: Arc<Row>,
}

impl Recent {
    fn new(row: Arc<Row>) -> Self {
        Self {
            request: row.request.as_ref().map(|request| request.key),
            claim: row.claim,
            round: round_mark(row.provider.as_ref(), row.round.as_ref()),
            row,
        }
    }
}

fn round_mark(provider: Option<&ProviderId>, round: Option<&RoundId>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (provider, round).hash(&mut hasher);
    hasher.finish()
}

/// One player's wallet while it is awake.
#[derive(Debug, Clone)]
pub struct Cell {
    tenant: TenantId,
    player: PlayerId,
    slot: Slot,
    wallet: Wallet,
    recent: VecDeque<Recent>,
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

    /// What must be looked up first: keys that neither the wallet remembers nor the filter knows
    /// to be new. Asked again with what was found until nothing is missing.
    #[must_use]
    pub fn needs(&self, asked: &Prepared, found: &Found, filter: &KeyFilter, keys: &Keys) -> Needs {
        let mut needs = Needs::default();
        let missing = |key: &Key16| !found.looked.contains(key) && filter.may_contain(key);
        if self.by_request(&asked.key).is_none() && missing(&asked.key) {
            needs.requests.push(asked.key);
        }
        for (claim, key) in &asked.claims {
            let open = match claim {
                Claim::Bet(provider, bet)
                | Claim::BetClosed(provider, bet, _)
                | Claim::WinUnmatched(provider, bet) => {
                    !asked.command.is_bet() && self.wallet.open_bet(provider, bet).is_some()
                }
                _ => false,
            };
            if open {
                continue;
            }
            if self.by_claim(key).is_none() && missing(key) {
                needs.claims.push(*key);
            }
            match (&*asked.command, claim) {
                (Command::SettleBets { .. }, Claim::BetClosed(provider, bet, _)) => {
                    let key = |version| self.closed_key(provider, bet, version, keys);
                    self.need_versions(key, found, filter, &mut needs);
                }
                (_, Claim::RoundCorrected(provider, bet, _)) => {
                    let key = |step| self.corrected_key(provider, bet, step, keys);
                    self.need_versions(key, found, filter, &mut needs);
                }
                _ => {}
            }
        }
        if let Some((provider, round)) = asked.command.round()
            && found.round.is_none()
            && self.wallet.open_in_round(provider, round).next().is_none()
        {
            needs.round = Some((provider.clone(), round.clone()));
        }
        needs
    }

    /// The results or corrections after the first one, as far as the filter knows of any.
    fn need_versions(
        &self,
        key: impl Fn(u32) -> Key16,
        found: &Found,
        filter: &KeyFilter,
        needs: &mut Needs,
    ) {
        let mut ahead = 0;
        for version in 2..=u32::MAX {
            let key = key(version);
            if self.by_claim(&key).is_some() || is_in(&found.rows, &key) {
                continue;
            }
            if ahead == VERSIONS_AT_ONCE || !filter.may_contain(&key) || found.looked.contains(&key)
            {
                return;
            }
            needs.claims.push(key);
            ahead += 1;
        }
    }

    fn closed_key(&self, provider: &ProviderId, bet: &BetId, version: u32, keys: &Keys) -> Key16 {
        let claim = Claim::BetClosed(provider.clone(), bet.clone(), version);
        keys.claim(self.tenant, self.player.0, &claim)
    }

    fn corrected_key(&self, provider: &ProviderId, bet: &BetId, step: u32, keys: &Keys) -> Key16 {
        let claim = Claim::RoundCorrected(provider.clone(), bet.clone(), step);
        keys.claim(self.tenant, self.player.0, &claim)
    }

    /// Whether a command would go through, without doing it: the read-only check of a request
    /// over several players (design, invariant 6).
    ///
    /// # Errors
    /// [`Error`]; the refusal, if any, is in the answer.
    pub fn check(
        &self,
        asked: &Prepared,
        found: &Found,
        now: UnixMs,
        keys: &Keys,
        stage: &Stage,
    ) -> Result<Option<Refusal>, Error> {
        let now = stage.row_time(self.slot, now)?;
        let next_seq = stage.next_seq(self.slot)?;
        Ok(self.decide(asked, found, now, next_seq, keys).err())
    }

    /// Decides a command and stages its rows.
    ///
    /// # Errors
    /// [`Error`]: a bug or lost ownership; then everything staged must be thrown away.
    pub fn execute(
        &mut self,
        asked: &Prepared,
        found: &Found,
        now: UnixMs,
        committed: u64,
        keys: &Keys,
        stage: &mut Stage,
    ) -> Result<Answer, Error> {
        let now = stage.row_time(self.slot, now)?;
        let first_seq = stage.next_seq(self.slot)?;
        let events = match self.decide(asked, found, now, first_seq, keys) {
            Ok(Decision::Events(events)) => events,
            Ok(Decision::Replay(row)) => return Ok(Answer::Replay(row)),
            Ok(Decision::Noop(noop)) => return Ok(Answer::Noop(noop)),
            Err(refusal) => return Ok(Answer::Refused(refusal)),
        };
        if let [event] = events.as_slice()
            && let Some(whose) = kept::by(event)
            && self.wallet.kept.is_full(whose, now)
        {
            return Ok(Answer::Refused(Refusal::TooManyRefusals));
        }
        let mut request =
            Some(Request { key: asked.key, id: asked.id.clone(), body_hash: asked.body_hash });
        // Everything is applied before anything is staged: a contradiction stages nothing.
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
        found: &Found,
        now: UnixMs,
        next_seq: u64,
        keys: &Keys,
    ) -> Result<Decision, Refusal> {
        let known = self.by_request(&asked.key).or_else(|| {
            let is_it = |row: &&Arc<Row>| row.request.as_ref().is_some_and(|r| r.key == asked.key);
            found.rows.iter().find(is_it)
        });
        if let Some(row) = known {
            let same = row.request.as_ref().is_some_and(|r| r.body_hash == asked.body_hash);
            return if same {
                Ok(Decision::Replay(Arc::clone(row)))
            } else {
                Err(Refusal::IdempotencyMismatch)
            };
        }
        let context = Context { now, slot: self.slot, next_seq, body_hash: asked.body_hash };
        self.wallet.decide(&asked.command, &context, &self.facts(asked, found, keys))
    }

    fn facts(&self, asked: &Prepared, found: &Found, keys: &Keys) -> Facts {
        let mut facts = Facts::default();
        let by_key = |key: &Key16| {
            let stored = || found.rows.iter().find(|row| row.claim.as_ref() == Some(key));
            self.by_claim(key).or_else(stored).map(Arc::clone)
        };
        for (claim, key) in &asked.claims {
            if let Claim::BetClosed(provider, bet, _) = claim {
                if self.wallet.open_bet(provider, bet).is_some() {
                    continue;
                }
                let (mut version, mut key) = (1, *key);
                loop {
                    match by_key(&key) {
                        Some(row) => {
                            let past = facts.bets.entry(bet.clone()).or_default();
                            past.closed.insert(version, row);
                        }
                        // A bet that was played at once has its first result in its own row.
                        None if version == 1 => {}
                        None => break,
                    }
                    version += 1;
                    key = self.closed_key(provider, bet, version, keys);
                }
                continue;
            }
            if let Claim::RoundCorrected(provider, bet, _) = claim {
                let (mut step, mut key) = (1, *key);
                while let Some(row) = by_key(&key) {
                    facts.bets.entry(bet.clone()).or_default().corrections.insert(step, row);
                    step += 1;
                    key = self.corrected_key(provider, bet, step, keys);
                }
                continue;
            }
            let Some(row) = by_key(key) else { continue };
            match claim {
                Claim::Bet(_, bet) => {
                    facts.bets.entry(bet.clone()).or_default().claimed = Some(row);
                }
                Claim::WinUnmatched(_, bet) => {
                    facts.bets.entry(bet.clone()).or_default().unmatched = Some(row);
                }
                Claim::WithdrawalEnded(_) => facts.ended = Some(row),
                Claim::RoundEnded(..)
                | Claim::Withdrawal(_)
                | Claim::FreeRounds(_)
                | Claim::Seat(..)
                | Claim::Prize(..) => {
                    facts.claimed = Some(row);
                }
                Claim::BetClosed(..)
                | Claim::RoundCorrected(..)
                | Claim::Tournament(_)
                | Claim::TournamentEnded(_)
                | Claim::Carried(..) => {}
            }
        }
        if let Some((provider, round)) = asked.command.round() {
            let of_round = |row: &&Arc<Row>| {
                row.provider.as_ref() == Some(provider) && row.round.as_ref() == Some(round)
            };
            let mark = round_mark(Some(provider), Some(round));
            let stored = found.round.iter().flatten();
            let recent = self.recent.iter().filter(|recent| recent.round == mark);
            stored.chain(recent.map(|recent| &recent.row)).filter(of_round).for_each(|row| {
                remember_bet(&mut facts, row);
            });
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
        let mut recent = self.recent.iter().rev();
        recent.find(|recent| recent.request.as_ref() == Some(key)).map(|recent| &recent.row)
    }

    fn by_claim(&self, key: &Key16) -> Option<&Arc<Row>> {
        let mut recent = self.recent.iter().rev();
        recent.find(|recent| recent.claim.as_ref() == Some(key)).map(|recent| &recent.row)
    }

    /// Keeps a row; forgets old ones, but never one that is not committed.
    fn remember(&mut self, row: Arc<Row>, committed: u64) {
        while self.recent.len() >= RECENT_ROWS_MAX
            && self.recent.front().is_some_and(|oldest| oldest.row.seq <= committed)
        {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent::new(row));
    }
}

fn is_in(rows: &[Arc<Row>], claim: &Key16) -> bool {
    rows.iter().any(|row| row.claim.as_ref() == Some(claim))
}

/// Puts a row of a round where it says something about a bet.
fn remember_bet(facts: &mut Facts, row: &Arc<Row>) {
    let Some(bet) = &row.bet else { return };
    let past: &mut Past = facts.bets.entry(bet.clone()).or_default();
    match row.kind {
        RowKind::BetPlaced
        | RowKind::BetRefused
        | RowKind::BetTombstoned
        | RowKind::RoundPlayed => past.claimed = Some(Arc::clone(row)),
        RowKind::BetSettled | RowKind::BetRolledBack => {
            past.closed.insert(1, Arc::clone(row));
        }
        RowKind::BetAmended => {
            // Unreadable rows are told as damage when they are folded in.
            if let Ok(Event::BetAmended(settled)) = Event::from_row(row) {
                past.closed.insert(settled.version, Arc::clone(row));
            }
        }
        _ => {}
    }
}
