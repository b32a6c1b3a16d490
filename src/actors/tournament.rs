//! The scoring actor of one tournament: folds committed rows into its standings, and shows them.

mod own;

pub(super) use own::{Own, OwnTexts};

use super::board::{BoardRow, BoardView};
use super::tournaments::{Entry, status};
use crate::clock::Clock;
use actix::prelude::*;
use palio_domain::ids::Slot;
use palio_domain::journal::{Keys, Row};
use palio_domain::tournament::prizes::Stack;
use palio_domain::tournament::settle::Settling;
use palio_domain::tournament::{FinalResult, FinalRow, Scored, Standing, Standings, alias};
use palio_domain::{Aggregate, Amount, PlayerId, TenantId, UnixMs};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

/// Rows queued for one tournament before the follower waits.
const MAILBOX: usize = 64;

/// How often a board may be rebuilt, in milliseconds.
const REBUILD_MS: i64 = 100;

/// The actor.
pub(super) struct Tournament {
    standings: Standings,
    /// The tournament's number in the journal.
    number: u64,
    entry: Weak<Entry>,
    keys: Keys,
    clock: Arc<dyn Clock>,
    changed: bool,
    /// A row could not be read.
    stopped: bool,
    built: UnixMs,
}

/// A row with what scoring reads of it: decoded once for all tournaments.
pub(super) type Decoded = (Arc<Row>, Scored);

/// Committed rows, and where every slot stands after them.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Rows {
    pub(super) rows: Arc<Vec<Decoded>>,
    pub(super) positions: Arc<Vec<u64>>,
}

/// Computes the result at a cut; `None` while the fold has not reached it.
#[derive(Message)]
#[rtype(result = "Option<(Vec<u64>, FinalResult)>")]
pub(super) struct Close {
    pub(super) cut: Vec<u64>,
}

/// Works out what prizes need of the newest version of the result, with that version as the fold
/// has it; `None` while the fold has not reached its cut.
#[derive(Message)]
#[rtype(result = "Option<(Settling, FinalResult)>")]
pub(super) struct Settle {
    pub(super) under_review: BTreeSet<PlayerId>,
    pub(super) cut: Vec<u64>,
}

/// The result as it should be: with the corrections that came after it, and with these players
/// out. `None` while the fold has not reached the cut. It changes nothing: [`Revised`] does.
#[derive(Message)]
#[rtype(result = "Option<(Vec<u64>, FinalResult)>")]
pub(super) struct Revise {
    pub(super) cut: Vec<u64>,
    pub(super) out: BTreeSet<PlayerId>,
}

/// Everybody who is ranked, with his score as chips (P6), and Σ stakes so far.
#[derive(Message)]
#[rtype(result = "(Vec<Stack>, Amount)")]
pub(super) struct Stacks {
    pub(super) fee: Amount,
    pub(super) under_review: BTreeSet<PlayerId>,
}

/// Rows beyond this cut are not for the result.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Closed {
    pub(super) cut: Vec<u64>,
}

/// A later version of the result was journalled: with corrections up to this cut, and with these
/// players out.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Revised {
    pub(super) cut: Vec<u64>,
    pub(super) out: BTreeSet<PlayerId>,
}

/// A page of the ranking.
#[derive(Message)]
#[rtype(result = "Vec<BoardRow>")]
pub(super) struct Page {
    pub(super) offset: u64,
    pub(super) limit: u64,
}

/// The fold with the position it stands at.
#[derive(Message)]
#[rtype(result = "Fold")]
pub(super) struct SaveFold;

/// A fold for a snapshot.
#[derive(MessageResponse)]
pub(super) struct Fold {
    pub(super) positions: Vec<u64>,
    pub(super) standings: String,
    /// The row after these positions could not be read.
    pub(super) stopped: bool,
}

/// Shows the board again if anything, the clock included, may have changed it.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Republish;

impl Tournament {
    pub(super) fn spawn(
        standings: Standings,
        entry: Weak<Entry>,
        keys: Keys,
        clock: Arc<dyn Clock>,
    ) -> Addr<Self> {
        let number = standings.definition().id.number();
        let (changed, stopped, built) = (true, false, UnixMs(0));
        let actor = Self { standings, number, entry, keys, clock, changed, stopped, built };
        Self::create(|ctx| {
            ctx.set_mailbox_capacity(MAILBOX);
            actor
        })
    }

    fn key(&self, player: PlayerId) -> String {
        self.keys.board_row(self.number, player)
    }

    fn row(&self, standing: &Standing) -> BoardRow {
        BoardRow {
            player: standing.player,
            key: self.key(standing.player),
            rank: standing.rank,
            name: alias(standing.player),
            score: self.standings.definition().show(standing.score),
            points: self.standings.definition().points(standing.score),
        }
    }

    /// How far the tournament's home slot is in the fold.
    fn cut(&self, tenant: TenantId) -> (u8, u64) {
        let number = self.standings.definition().id.number();
        let slot = Aggregate::Tournament(number).slot(tenant);
        let positions = self.standings.positions();
        (slot.0, positions.get(usize::from(slot.0)).copied().unwrap_or_default())
    }

    fn publish(&mut self, now: UnixMs) {
        let Some(entry) = self.entry.upgrade() else { return };
        self.changed = false;
        self.built = now;
        let definition = self.standings.definition();
        let facts = entry.facts();
        // What was published stays until it is put right, whatever comes to be known meanwhile.
        let (top, participants) = match &facts.result {
            Some(result) => {
                let count = usize::try_from(definition.top_n).unwrap_or(usize::MAX);
                let standing = |row: &FinalRow| Standing {
                    rank: row.rank,
                    player: row.player,
                    score: row.score,
                };
                (result.rows.iter().take(count).map(standing).collect(), result.participants)
            }
            None => (self.standings.page(0, definition.top_n), self.standings.ranked()),
        };
        entry.turnover.store(self.standings.turnover().0, Ordering::Relaxed);
        entry.publish(BoardView {
            tenant: entry.tenant,
            tournament: definition.id.clone(),
            status: status(entry.phase(now)),
            participants,
            ends_at: definition.ends,
            tick_ms: definition.tick_ms,
            decimals: definition.rules.score.decimals,
            cut: self.cut(entry.tenant),
            rows: top.iter().map(|standing| self.row(standing)).collect(),
        });
    }
}

impl Actor for Tournament {
    type Context = Context<Self>;
}

impl Handler<Rows> for Tournament {
    type Result = ();

    fn handle(&mut self, message: Rows, _: &mut Context<Self>) {
        if self.stopped {
            return;
        }
        let waited = self.standings.waiting();
        for (row, scored) in message.rows.iter() {
            match self.standings.apply_scored(row, scored) {
                Ok(changed) => self.changed |= changed,
                Err(error) => {
                    // A result without this row would be wrong: it waits for a person.
                    tracing::error!(%error, "a row can't be scored: scoring stops here");
                    self.stopped = true;
                    return;
                }
            }
        }
        if self.stopped {
            return;
        }
        for (slot, seq) in Slot::all().zip(message.positions.iter()) {
            self.standings.advance(slot, *seq);
        }
        if self.changed || self.standings.waiting() != waited {
            self.entry.upgrade().inspect(|entry| entry.settled.store(0, Ordering::Relaxed));
        }
        let now = self.clock.now();
        if self.changed && now.since_ms(self.built) >= REBUILD_MS {
            self.publish(now);
        }
    }
}

impl Handler<Close> for Tournament {
    type Result = Option<(Vec<u64>, FinalResult)>;

    fn handle(&mut self, message: Close, _: &mut Context<Self>) -> Self::Result {
        // Rows beyond the barrier may be folded already; they were recorded after the grace
        // period and so do not count. The cut named in the result is where the fold stands.
        if self.stopped || !self.standings.is_at(&message.cut) {
            return None;
        }
        Some((self.standings.positions().to_vec(), self.standings.result()))
    }
}

impl Handler<Closed> for Tournament {
    type Result = ();

    fn handle(&mut self, message: Closed, _: &mut Context<Self>) {
        self.standings.set_cut(message.cut);
    }
}

impl Handler<Settle> for Tournament {
    type Result = Option<(Settling, FinalResult)>;

    fn handle(&mut self, message: Settle, _: &mut Context<Self>) -> Self::Result {
        if self.stopped || !self.standings.is_at(&message.cut) {
            return None;
        }
        let finishers = self.standings.finishers(&message.under_review);
        let settling = Settling { finishers, turnover: self.standings.turnover() };
        Some((settling, self.standings.result()))
    }
}

impl Handler<Revise> for Tournament {
    type Result = Option<(Vec<u64>, FinalResult)>;

    fn handle(&mut self, message: Revise, _: &mut Context<Self>) -> Self::Result {
        if self.stopped || !self.standings.is_at(&message.cut) {
            return None;
        }
        let cut = self.standings.positions().to_vec();
        let result = self.standings.result_of(&cut, &message.out);
        Some((cut, result))
    }
}

impl Handler<Revised> for Tournament {
    type Result = ();

    fn handle(&mut self, message: Revised, _: &mut Context<Self>) {
        let waited = self.standings.waiting();
        self.standings.correct_until(&message.cut, &message.out);
        let corrections = waited.saturating_sub(self.standings.waiting());
        tracing::info!(corrections, "a result is put right");
        self.changed = true;
    }
}

impl Handler<Stacks> for Tournament {
    type Result = MessageResult<Stacks>;

    fn handle(&mut self, message: Stacks, _: &mut Context<Self>) -> Self::Result {
        let stack = |(order, standing): (i64, &Standing)| Stack {
            player: standing.player,
            chips: u64::try_from(standing.score).unwrap_or(0),
            order,
            fee: message.fee,
            under_review: message.under_review.contains(&standing.player),
        };
        let all = self.standings.page(0, u64::MAX);
        let stacks = (0_i64..).zip(&all).map(stack).collect();
        MessageResult((stacks, self.standings.turnover()))
    }
}

impl Handler<Page> for Tournament {
    type Result = Vec<BoardRow>;

    fn handle(&mut self, message: Page, _: &mut Context<Self>) -> Vec<BoardRow> {
        let page = self.standings.page(message.offset, message.limit);
        page.iter().map(|standing| self.row(standing)).collect()
    }
}

impl Handler<SaveFold> for Tournament {
    type Result = Fold;

    fn handle(&mut self, _: SaveFold, _: &mut Context<Self>) -> Fold {
        let positions = self.standings.positions().to_vec();
        Fold { positions, standings: self.standings.save(), stopped: self.stopped }
    }
}

impl Handler<Republish> for Tournament {
    type Result = ();

    fn handle(&mut self, _: Republish, _: &mut Context<Self>) {
        let now = self.clock.now();
        self.publish(now);
    }
}
