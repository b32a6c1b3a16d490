//! The desk: which rounds are open, and which results are overdue (money-cases.md, 25).
//!
//! A fold over committed rows. It decides nothing: when a round is late by its provider's
//! profile, it asks the wallet, which alone knows whether the bet is still open.
//!
//! **Bounded by** the open bets themselves. Saved every [`SAVE_EVERY`] beside the follower's
//! position; what was committed since is read again at the start.

use super::handle::{CoreHandle, Reply, Work};
use crate::clock::Clock;
use crate::storage::{Error, FoldSnapshot, Storage};
use palio_domain::ids::SLOTS;
use palio_domain::journal::{Keys, Row, RowKind};
use palio_domain::wallet::{Command, Event, Prepared, Proposal};
use palio_domain::{Aggregate, BetId, PlayerId, ProviderId, RoundId, Slot, TenantId, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often late rounds are looked for.
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// How often the fold is saved.
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// Rounds marked in one sweep; more are marked in the next ones.
const MARKED_AT_ONCE: usize = 200;
/// Rows read at a time.
const PAGE: u32 = 2_000;
const FOLD: &str = "desk";

/// What a provider's profile says about late results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A round is overdue after so many milliseconds.
    pub overdue_ms: i64,
    /// Give stakes back without asking a person.
    pub void: bool,
}

/// Whose round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoundKey {
    /// Whose brand.
    pub tenant: TenantId,
    /// Whose.
    pub provider: ProviderId,
    /// Which round.
    pub round: RoundId,
    /// Whose bets.
    pub player: PlayerId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct OpenBet {
    key: RoundKey,
    placed: UnixMs,
    overdue: bool,
}

/// Identity of a bet within the journal.
type BetKey = (TenantId, PlayerId, ProviderId, BetId);

/// Bets by their age.
type ByAge = BTreeSet<(UnixMs, BetId, PlayerId)>;

#[derive(Default)]
struct State {
    open: HashMap<BetKey, OpenBet>,
    rounds: HashMap<RoundKey, BTreeSet<BetId>>,
    /// Bets that are not overdue, by provider and age.
    waiting: HashMap<(TenantId, ProviderId), ByAge>,
    /// Bets whose result is overdue.
    overdue: BTreeSet<(UnixMs, RoundKey, BetId)>,
    /// What stands for a round, as the wallet itself has it.
    proposals: HashMap<RoundKey, Proposal>,
    positions: Vec<u64>,
}

/// What is saved.
#[derive(Serialize, Deserialize)]
struct Saved {
    open: Vec<(BetId, OpenBet)>,
    proposals: Vec<(RoundKey, Proposal)>,
}

/// An overdue round as it is listed.
#[derive(Debug, Clone)]
pub struct Overdue {
    /// When its oldest overdue bet was placed.
    pub placed: UnixMs,
    /// Whose round.
    pub key: RoundKey,
    /// What was proposed for it.
    pub proposal: Option<Proposal>,
}

/// The fold and its sweep.
pub struct Desk {
    state: Mutex<State>,
    patience: HashMap<(TenantId, ProviderId), Patience>,
    core: CoreHandle,
    keys: Keys,
    clock: Arc<dyn Clock>,
    storage: Storage,
    saved: Mutex<Option<Instant>>,
}

impl Desk {
    /// An empty desk; must be filled by [`Self::restore`]. Providers without patience are never
    /// late.
    #[must_use]
    pub fn new(
        patience: HashMap<(TenantId, ProviderId), Patience>,
        core: CoreHandle,
        keys: Keys,
        clock: Arc<dyn Clock>,
        storage: Storage,
    ) -> Arc<Self> {
        let state = State { positions: vec![0; usize::from(SLOTS)], ..State::default() };
        let (state, saved) = (Mutex::new(state), Mutex::default());
        Arc::new(Self { state, patience, core, keys, clock, storage, saved })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads the saved fold and reads what was committed since, up to where the follower starts.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn restore(&self, follower: &[u64]) -> Result<(), Error> {
        for fold in self.storage.snapshots.load_folds(FOLD).await? {
            match serde_json::from_slice::<Saved>(&fold.state) {
                Ok(Saved { open, proposals }) => {
                    let mut state = self.state();
                    open.into_iter().for_each(|(bet, open)| state.add(bet, open));
                    state.proposals = proposals.into_iter().collect();
                    state.positions = fold.positions;
                }
                // Rebuilt from the journal instead: it is only a snapshot.
                Err(error) => tracing::warn!(%error, "the saved desk can't be read"),
            }
        }
        for slot in Slot::all() {
            let until = follower.get(slot.index()).copied().unwrap_or(0);
            let mut from = self.state().position(slot) + 1;
            while from <= until {
                let rows = self.storage.journal.read(slot, from, PAGE).await?;
                let Some(last) = rows.last() else { break };
                from = last.row.seq + 1;
                let mut state = self.state();
                rows.iter().for_each(|stored| state.take(&stored.row));
            }
        }
        Ok(())
    }

    /// Takes committed rows in; those it has seen change nothing.
    pub fn take(&self, rows: &[Arc<Row>]) {
        let mut state = self.state();
        rows.iter().for_each(|row| state.take(row));
    }

    /// Saves the fold if the last time was long ago, or `now` when asked to.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn save(&self, now: bool) -> Result<(), Error> {
        let due = {
            let saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
            now || saved.is_none_or(|at| at.elapsed() >= SAVE_EVERY)
        };
        if !due {
            return Ok(());
        }
        let fold = {
            let state = self.state();
            let open = state.open.iter().map(|(key, open)| (key.3.clone(), open.clone()));
            let proposals = state.proposals.iter().map(|(key, of)| (key.clone(), of.clone()));
            let saved = Saved { open: open.collect(), proposals: proposals.collect() };
            let positions = state.positions.clone();
            let written = serde_json::to_vec(&saved).map_err(|e| Error::Corrupt(e.to_string()))?;
            FoldSnapshot { name: FOLD.to_owned(), positions, state: written }
        };
        self.storage.snapshots.save_folds(&[fold]).await?;
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    /// Overdue rounds, the oldest first, at most `limit`; and how many there are. Of one provider if one is given.
    #[must_use]
    pub fn overdue(
        &self,
        tenant: TenantId,
        provider: Option<&ProviderId>,
        limit: usize,
    ) -> (Vec<Overdue>, usize) {
        let state = self.state();
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (placed, key, _) in &state.overdue {
            let asked = key.tenant == tenant && provider.is_none_or(|of| key.provider == *of);
            if asked && seen.insert(key) && found.len() < limit {
                let proposal = state.proposals.get(key).cloned();
                found.push(Overdue { placed: *placed, key: key.clone(), proposal });
            }
        }
        let count = seen.len();
        (found, count)
    }

    /// Looks for late rounds for ever.
    pub async fn run(self: Arc<Self>) {
        let mut tick = tokio::time::interval(SWEEP_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.sweep().await;
            let state = self.state();
            let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
            metrics::gauge!("palio_bets_open").set(count(state.open.len()));
            metrics::gauge!("palio_bets_overdue").set(count(state.overdue.len()));
        }
    }

    async fn sweep(&self) {
        for (key, before, void) in self.late() {
            let RoundKey { tenant, provider, round, player } = key;
            // The same round may be late twice: after its first bets were settled, a later bet.
            let id = format!("overdue/{round}/{}", before.0);
            let command = Command::MarkOverdue { provider, round, before, void };
            let asked = Prepared::new(&self.keys, tenant, player, &id, command, None);
            match self.core.ask(Work::Execute(tenant, player, Box::new(asked))).await {
                Reply::Done(_) | Reply::Replay(_) | Reply::Noop(_) => {}
                // It stays late, so it is found again.
                other => tracing::warn!(?other, "an overdue round could not be marked"),
            }
        }
    }

    /// Rounds that are late now and not marked.
    fn late(&self) -> Vec<(RoundKey, UnixMs, bool)> {
        let now = self.clock.now();
        let state = self.state();
        let mut late = BTreeSet::new();
        for (of, patience) in &self.patience {
            let before = now.plus_ms(patience.overdue_ms.saturating_neg());
            let waiting = state.waiting.get(of).into_iter().flatten();
            for (_, bet, player) in waiting.take_while(|(placed, ..)| *placed <= before) {
                if late.len() >= MARKED_AT_ONCE {
                    break;
                }
                let key = (of.0, *player, of.1.clone(), bet.clone());
                if let Some(open) = state.open.get(&key) {
                    late.insert((open.key.clone(), before, patience.void));
                }
            }
        }
        late.into_iter().collect()
    }
}

impl State {
    fn position(&self, slot: Slot) -> u64 {
        self.positions.get(slot.index()).copied().unwrap_or(0)
    }

    fn add(&mut self, bet: BetId, open: OpenBet) {
        let RoundKey { tenant, provider, player, .. } = open.key.clone();
        if open.overdue {
            self.overdue.insert((open.placed, open.key.clone(), bet.clone()));
        } else {
            let waiting = self.waiting.entry((tenant, provider.clone())).or_default();
            waiting.insert((open.placed, bet.clone(), player));
        }
        self.rounds.entry(open.key.clone()).or_default().insert(bet.clone());
        self.open.insert((tenant, player, provider, bet), open);
    }

    fn remove(&mut self, key: &BetKey) -> Option<OpenBet> {
        let open = self.open.remove(key)?;
        if let Some(bets) = self.rounds.get_mut(&open.key) {
            bets.remove(&key.3);
            if bets.is_empty() {
                self.rounds.remove(&open.key);
            }
        }
        if open.overdue {
            self.overdue.remove(&(open.placed, open.key.clone(), key.3.clone()));
        } else if let Some(waiting) = self.waiting.get_mut(&(key.0, key.2.clone())) {
            waiting.remove(&(open.placed, key.3.clone(), key.1));
        }
        Some(open)
    }

    fn take(&mut self, row: &Row) {
        if row.seq <= self.position(row.slot) {
            return;
        }
        if let Some(at) = self.positions.get_mut(row.slot.index()) {
            *at = row.seq;
        }
        let (Aggregate::Player(player), Some(provider)) = (row.aggregate, &row.provider) else {
            return;
        };
        match (row.kind, &row.bet, &row.round) {
            (RowKind::BetPlaced, Some(bet), Some(round)) => {
                let key = RoundKey {
                    tenant: row.tenant,
                    provider: provider.clone(),
                    round: round.clone(),
                    player,
                };
                self.add(bet.clone(), OpenBet { key, placed: row.time, overdue: false });
            }
            (RowKind::BetSettled | RowKind::BetRolledBack, Some(bet), _) => {
                let closed = self.remove(&(row.tenant, player, provider.clone(), bet.clone()));
                if let Some(closed) = closed.filter(|closed| closed.overdue) {
                    self.proposals.remove(&closed.key);
                }
            }
            (RowKind::VerdictProposed, _, Some(round)) => {
                let (tenant, provider, round) = (row.tenant, provider.clone(), round.clone());
                let event = Event::from_row(row).ok();
                if let Some(proposal) = event.and_then(|event| Proposal::of(&event, row.seq)) {
                    self.proposals.insert(RoundKey { tenant, provider, round, player }, proposal);
                }
            }
            (RowKind::RoundOverdue, _, Some(round)) => {
                let (tenant, provider, round) = (row.tenant, provider.clone(), round.clone());
                let of = RoundKey { tenant, provider: provider.clone(), round, player };
                let before = match Event::from_row(row) {
                    Ok(Event::RoundOverdue { before, .. }) => before,
                    // Unreadable rows are told as damage by the wallet.
                    Ok(_) | Err(_) => return,
                };
                for bet in self.rounds.get(&of).cloned().unwrap_or_default() {
                    let key = (tenant, player, provider.clone(), bet);
                    let late = self.open.get(&key).is_some_and(|open| open.placed <= before);
                    if late && let Some(open) = self.remove(&key) {
                        if !open.overdue {
                            self.proposals.remove(&of);
                        }
                        self.add(key.3, OpenBet { overdue: true, ..open });
                    }
                }
            }
            _ => {}
        }
    }
}
