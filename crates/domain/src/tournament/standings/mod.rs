//! Scoring as a fold over committed rows, and the exact ranking it gives.
//!
//! Order: score, highest first; then the tournament's tie breaks; then player number, so that the
//! order is total. Players who entered but have no round that counts are not ranked, nor are
//! those who left or were disqualified.

mod finish;
mod saved;
mod scored;

pub use scored::Scored;

use super::admission::Reentry;
use super::definition::{Definition, EntryMode};
use super::lifecycle;
use super::ranking::Ranking;
use super::rules::{RankStyle, Rules, TieBreak, Ties, countback};
use super::score::{Count, Outcome, Round, Tally};
use crate::ids::{Aggregate, PlayerId, SLOTS, Slot, TenantId};
use crate::journal::{Row, RowKind};
use crate::money::Amount;
use crate::time::UnixMs;
use crate::wallet::contest::{BuyIn, Told};
use crate::wallet::{CorruptRow, Event, Report, SettledRound};
use finish::Late;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

/// A place in the order: score, tie breaks, player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RankKey {
    score: Reverse<i64>,
    ties: Ties,
    player: u64,
}

impl RankKey {
    /// What players with the same rank share, in styles that share ranks.
    const fn group(&self) -> (Reverse<i64>, Ties) {
        (self.score, self.ties)
    }
}

/// What is known of one player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entrant {
    /// Seq of the row by which the player is in; bets placed before it do not count. 0: none.
    #[serde(rename = "e", default, skip_serializing_if = "is_zero")]
    entered: u64,
    /// The player left: kept, not shown.
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    left: bool,
    /// Disqualified: kept, not shown.
    #[serde(rename = "d", default, skip_serializing_if = "std::ops::Not::not")]
    out: bool,
    /// His rounds.
    #[serde(rename = "t")]
    tally: Tally,
    /// Earlier entries, where each starts from nothing (S13): since when, and its rounds.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    past: Vec<(u64, Tally)>,
}

impl Entrant {
    /// The entry that a bet placed at `seq` belongs to.
    fn entry_at(&mut self, seq: u64) -> &mut Tally {
        if seq > self.entered {
            return &mut self.tally;
        }
        let earlier = self.past.iter_mut().rev().find(|(entered, _)| seq > *entered);
        match earlier {
            Some((_, tally)) => tally,
            None => &mut self.tally,
        }
    }

    /// Since when bets count: from the first entry on.
    fn since(&self) -> u64 {
        self.past.first().map_or(self.entered, |(entered, _)| *entered)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(seq: &u64) -> bool {
    *seq == 0
}

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// From 1, in the tournament's style.
    pub rank: u64,
    /// Who.
    pub player: PlayerId,
    /// The score as it is ranked, millionths.
    pub score: i64,
}

/// A player's own position.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// `None` while no round counted.
    pub rank: Option<u64>,
    /// Own score.
    pub score: i64,
    /// Score missing to the next place, and who is there.
    pub ahead: Option<(i64, PlayerId)>,
    /// Score missing to the last paid place, when not on it.
    pub prize_gap: Option<i64>,
    /// Up to two neighbours each side and the own place.
    pub around: Vec<Standing>,
}

/// A place in a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalRow {
    /// From 1, in the tournament's style.
    pub rank: u64,
    /// Who.
    pub player: PlayerId,
    /// The score as it is ranked, millionths.
    pub score: i64,
}

/// A tournament's result: the standings at its cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinalResult {
    /// BLAKE3 over all places, in hexadecimal; see [`Standings::hash`].
    pub standings_hash: String,
    /// Ranked players.
    pub participants: u64,
    /// The first hundred places.
    pub rows: Vec<FinalRow>,
    /// Σ stakes that count, minor units, rounded down.
    #[serde(default)]
    pub turnover: Amount,
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Standings {
    definition: Arc<Definition>,
    tenant: TenantId,
    created: UnixMs,
    positions: Vec<u64>,
    cut: Option<Vec<u64>>,
    players: HashMap<PlayerId, Entrant>,
    ranking: Ranking<RankKey>,
    /// One key per group of equal players, and how many they are; only where ranks are dense.
    groups: Ranking<(Reverse<i64>, Ties)>,
    sizes: HashMap<(Reverse<i64>, Ties), u32>,
    /// Σ stakes that count, in fine units.
    turnover: i128,
    /// Corrections that came too late for the result, in their order.
    late: Vec<Late>,
    /// The cut of the newest version of the result after the first: corrections up to there count.
    corrected: Option<Vec<u64>>,
    paid_places: usize,
}

impl Standings {
    /// Whether rows of this kind can change standings.
    #[must_use]
    pub const fn concerns(kind: RowKind) -> bool {
        matches!(
            kind,
            RowKind::BetSettled
                | RowKind::BetAmended
                | RowKind::RoundPlayed
                | RowKind::RoundReported
                | RowKind::RoundCorrected
                | RowKind::TournamentEntered
                | RowKind::TournamentLeft
                | RowKind::ScoreReported
                | RowKind::PlayerDisqualified
                | RowKind::PlayerReinstated
        )
    }

    /// Whether rows of this kind can change a result that stands (L5).
    #[must_use]
    pub const fn corrects(kind: RowKind) -> bool {
        matches!(kind, RowKind::BetAmended | RowKind::RoundCorrected)
    }

    /// Empty standings of a tournament announced at `created` (row time).
    #[must_use]
    pub fn new(definition: Arc<Definition>, tenant: TenantId, created: UnixMs) -> Self {
        let paid_places = definition.paid_places().and_then(|places| usize::try_from(places).ok());
        Self {
            definition,
            tenant,
            created,
            turnover: 0,
            late: Vec::new(),
            corrected: None,
            paid_places: paid_places.unwrap_or(0),
            positions: vec![0; usize::from(SLOTS)],
            cut: None,
            players: HashMap::new(),
            ranking: Ranking::default(),
            groups: Ranking::default(),
            sizes: HashMap::new(),
        }
    }

    /// What was announced.
    #[must_use]
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Last seq folded in, per slot.
    #[must_use]
    pub fn positions(&self) -> &[u64] {
        &self.positions
    }

    fn position(&self, slot: Slot) -> u64 {
        self.positions.get(slot.index()).copied().unwrap_or(0)
    }

    /// Nothing up to `seq` of this slot is still to come.
    pub fn advance(&mut self, slot: Slot, seq: u64) {
        if let Some(at) = self.positions.get_mut(slot.index()) {
            *at = (*at).max(seq);
        }
    }

    /// From now on rows beyond the cut do not count.
    pub fn set_cut(&mut self, cut: Vec<u64>) {
        self.cut = Some(cut);
    }

    /// Whether every slot is folded up to the cut.
    #[must_use]
    pub fn is_at(&self, cut: &[u64]) -> bool {
        self.positions.iter().zip(cut).all(|(at, until)| at >= until)
    }

    /// Whether a slot is folded beyond the cut, so that the standings there are lost.
    #[must_use]
    pub fn is_beyond(&self, cut: &[u64]) -> bool {
        self.positions.iter().zip(cut).any(|(at, until)| at > until)
    }

    /// Folds a row in; rows already folded are passed over, and rows beyond the cut, but for
    /// corrections of bets, which wait for [`Self::correct_until`]. Returns whether the board may have
    /// changed.
    ///
    /// # Errors
    /// [`CorruptRow`].
    pub fn apply(&mut self, row: &Row) -> Result<bool, CorruptRow> {
        self.apply_scored(row, &Scored::of(row))
    }

    /// [`Self::apply`] of a row that is decoded already.
    ///
    /// # Errors
    /// [`CorruptRow`].
    pub fn apply_scored(&mut self, row: &Row, scored: &Scored) -> Result<bool, CorruptRow> {
        let until = self.cut.as_ref().and_then(|cut| cut.get(row.slot.index()).copied());
        let beyond = until.is_some_and(|until| row.seq > until);
        if row.seq <= self.position(row.slot) || (beyond && !Self::corrects(row.kind)) {
            return Ok(false);
        }
        // Only a row that could be read is passed: a damaged one must not be skipped for good.
        let changed = match row.aggregate {
            Aggregate::Player(player) if row.tenant == self.tenant && row.time >= self.created => {
                self.player_row(row, player, scored)?
            }
            Aggregate::Tournament(number)
                if row.tenant == self.tenant && number == self.definition.id.number() =>
            {
                self.tournament_row(row)?
            }
            Aggregate::Player(_)
            | Aggregate::Tournament(_)
            | Aggregate::Provider(_)
            | Aggregate::Schedule(_) => false,
        };
        self.advance(row.slot, row.seq);
        Ok(changed)
    }

    fn player_row(
        &mut self,
        row: &Row,
        player: PlayerId,
        scored: &Scored,
    ) -> Result<bool, CorruptRow> {
        match scored {
            Scored::Round(round) => Ok(self.round(row.seq, round)),
            Scored::Report(report, at) => Ok(self.report(row, player, report, *at)),
            Scored::Entry(event) => Ok(self.entry(row, player, event)),
            Scored::Other => Ok(false),
            Scored::Corrupt(error) => Err(error.clone()),
        }
    }

    fn tournament_row(&mut self, row: &Row) -> Result<bool, CorruptRow> {
        let (player, out) = match lifecycle::Event::from_row(row)? {
            lifecycle::Event::Disqualified { player, .. } => (player, true),
            lifecycle::Event::Reinstated { player, .. } => (player, false),
            _ => return Ok(false),
        };
        self.change(player, |_, entrant| entrant.out = out);
        Ok(true)
    }

    fn entry(&mut self, row: &Row, player: PlayerId, event: &Event) -> bool {
        let (id, left) = match event {
            Event::TournamentEntered { tournament, .. } => (tournament, false),
            Event::TournamentLeft { tournament } => (tournament, true),
            Event::Contest(told) => match &**told {
                Told::Seated(buy_in) if buy_in.entry > 1 => {
                    return self.reentry(row, player, buy_in);
                }
                Told::Seated(buy_in) => (&buy_in.tournament, false),
                _ => return false,
            },
            _ => return false,
        };
        if *id != self.definition.id {
            return false;
        }
        self.change(player, |_, entrant| {
            entrant.left = left;
            if !left {
                // After re-entering, too, only bets placed from then on count.
                entrant.entered = row.seq;
            }
        });
        true
    }

    /// A further entry: of its own, or the same one that goes on (S13).
    fn reentry(&mut self, row: &Row, player: PlayerId, buy_in: &BuyIn) -> bool {
        if buy_in.tournament != self.definition.id {
            return false;
        }
        self.change(player, |definition, entrant| {
            entrant.left = false;
            if definition.admission.reentry == Reentry::Sum && entrant.entered > 0 {
                return;
            }
            let rules = &definition.rules;
            let fresh = Tally::new(&rules.score, rules.keeps_rounds());
            let before = std::mem::replace(&mut entrant.tally, fresh);
            if entrant.entered > 0 {
                entrant.past.push((entrant.entered, before));
            }
            entrant.entered = row.seq;
        });
        true
    }

    /// Whether a round started in time, and when a result of it is late.
    fn in_time(&self, round: &SettledRound) -> Option<UnixMs> {
        let definition = &self.definition;
        let starts = round.started >= definition.starts && round.started < definition.ends;
        starts.then(|| definition.ends.plus_ms(definition.grace_ms))
    }

    /// `seq`: of the row that carries the result.
    fn round(&mut self, seq: u64, settled: &SettledRound) -> bool {
        // Most rounds are of games that most tournaments do not count.
        if !self.definition.rules.counts.lists(&settled.bet) {
            return false;
        }
        let Some(accepted) = self.in_time(settled) else { return false };
        if settled.recorded > accepted {
            // Of a bet whose first result counted, a correction counts, too, when somebody says
            // that the result is to be put right.
            if settled.replaces.is_some() && settled.first <= accepted {
                let late = Late { seq, settled: settled.clone() };
                // Slots are read each by itself: what a version has in it may come after it.
                if self.corrected.as_ref().is_some_and(|cut| late.is_in(cut, self.tenant)) {
                    return self.count(settled);
                }
                self.late.push(late);
            }
            return false;
        }
        self.count(settled)
    }

    fn count(&mut self, settled: &SettledRound) -> bool {
        let known = self.players.get(&settled.player);
        if known.is_some_and(|entrant| entrant.left) {
            return false;
        }
        let is_in = match self.definition.entry {
            EntryMode::Automatic => {
                !settled.barred && self.definition.admission.who.admits(&settled.who)
            }
            EntryMode::OptIn => known
                .is_some_and(|entrant| entrant.entered > 0 && settled.placed_seq > entrant.since()),
        };
        if !is_in {
            return false;
        }
        let definition = Arc::clone(&self.definition);
        let counted = |settled: &SettledRound| {
            definition.rules.round(settled, definition.currency).filter(|_| !settled.void)
        };
        let now = counted(settled);
        // What the result before this one gave is taken back (L4).
        let before = settled.replaces.and_then(|(payout, void)| {
            let stake = settled.staked_before.unwrap_or(settled.stake);
            counted(&SettledRound { stake, payout, void, replaces: None, ..settled.clone() })
        });
        if now.is_none() && before.is_none() {
            return false;
        }
        let staked = |round: &Option<Round>| round.as_ref().map_or(0, |round| round.stake);
        self.turnover = self.turnover + staked(&now) - staked(&before);
        self.change(settled.player, |definition, entrant| {
            let score = &definition.rules.score;
            let tally = entrant.entry_at(settled.placed_seq);
            if let Some(before) = &before {
                tally.remove(score, before);
            }
            if let Some(now) = &now {
                tally.add(score, now);
            }
        });
        true
    }

    /// Points that count on their own: of this tournament, in its time, of whoever is in.
    fn report(&mut self, row: &Row, player: PlayerId, report: &Report, at: UnixMs) -> bool {
        let definition = &self.definition;
        let in_time = at >= definition.starts
            && at < definition.ends
            && row.time <= definition.ends.plus_ms(definition.grace_ms);
        let known = self.players.get(&player);
        let is_in = match definition.entry {
            EntryMode::Automatic => {
                !report.barred
                    && known.is_none_or(|entrant| !entrant.left)
                    && definition.admission.who.admits(&report.who)
            }
            EntryMode::OptIn => {
                known.is_some_and(|entrant| !entrant.left && row.seq > entrant.entered)
            }
        };
        let listed = definition.rules.counts.providers.as_slice();
        let from = listed.is_empty() || listed.contains(&report.provider);
        if report.tournament != definition.id || !in_time || !is_in || !from {
            return false;
        }
        let round = Rules::report(report, at);
        self.change(player, |definition, entrant| {
            entrant.tally.add(&definition.rules.score, &round);
        });
        true
    }

    fn change(&mut self, player: PlayerId, change: impl FnOnce(&Definition, &mut Entrant)) {
        let definition = Arc::clone(&self.definition);
        let rules = &definition.rules;
        let fresh = || Entrant {
            entered: 0,
            left: false,
            out: false,
            tally: Tally::new(&rules.score, rules.keeps_rounds()),
            past: Vec::new(),
        };
        let entrant = self.players.entry(player).or_insert_with(fresh);
        let before = rank_key(&definition, player, entrant);
        change(&definition, entrant);
        let after = rank_key(&definition, player, entrant);
        self.moved(before, after);
    }

    fn moved(&mut self, before: Option<RankKey>, after: Option<RankKey>) {
        if before == after {
            return;
        }
        match (before, after) {
            (Some(before), Some(after)) => {
                self.ranking.replace(&before, after);
            }
            (Some(before), None) => {
                self.ranking.remove(&before);
            }
            (None, Some(after)) => {
                self.ranking.insert(after);
            }
            (None, None) => {}
        }
        if self.definition.rules.rank == RankStyle::Dense {
            self.regroup(before.as_ref(), after.as_ref());
        }
    }

    fn regroup(&mut self, before: Option<&RankKey>, after: Option<&RankKey>) {
        if let Some(group) = before.map(RankKey::group)
            && let Some(size) = self.sizes.get_mut(&group)
        {
            *size = size.saturating_sub(1);
            if *size == 0 {
                self.sizes.remove(&group);
                self.groups.remove(&group);
            }
        }
        if let Some(group) = after.map(RankKey::group) {
            let size = self.sizes.entry(group).or_default();
            *size = size.saturating_add(1);
            if *size == 1 {
                self.groups.insert(group);
            }
        }
    }

    /// The rank of whoever stands at a position from 0, in the tournament's style.
    fn rank_at(&self, position: usize, key: &RankKey) -> u64 {
        let first = match self.definition.rules.rank {
            RankStyle::Single => Some(position),
            RankStyle::Shared => {
                let group = key.group();
                Some(self.ranking.partition_point(|other| other.group() < group))
            }
            RankStyle::Dense => self.groups.position(&key.group()),
        };
        first.and_then(|first| u64::try_from(first).ok()).map_or(u64::MAX, |first| first + 1)
    }

    /// Adds the players of a fold over other slots: a player's rows all stand in his slot, what
    /// was decided about him in the tournament's.
    pub fn absorb(&mut self, other: Self) {
        for (slot, seq) in Slot::all().zip(&other.positions) {
            self.advance(slot, *seq);
        }
        self.turnover += other.turnover;
        self.late.extend(other.late);
        for (player, theirs) in other.players {
            self.change(player, |_, entrant| {
                entrant.out |= theirs.out;
                if theirs.entered > 0 || !theirs.tally.is_empty() {
                    entrant.past = theirs.past;
                    entrant.entered = theirs.entered;
                    entrant.left = theirs.left;
                    entrant.tally = theirs.tally;
                }
            });
        }
    }

    /// Ranked players.
    #[must_use]
    pub fn ranked(&self) -> u64 {
        u64::try_from(self.ranking.len()).unwrap_or(u64::MAX)
    }

    /// Places from `offset` (0 is the first) on.
    #[must_use]
    pub fn page(&self, offset: u64, limit: u64) -> Vec<Standing> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut last: Option<(RankKey, u64)> = None;
        let mut standing = |(position, key): (usize, &RankKey)| {
            let rank = match (&last, self.definition.rules.rank) {
                (Some((before, rank)), RankStyle::Shared | RankStyle::Dense)
                    if before.group() == key.group() =>
                {
                    *rank
                }
                _ => self.rank_at(position, key),
            };
            last = Some((*key, rank));
            Standing { rank, player: PlayerId(key.player), score: key.score.0 }
        };
        let keys = self.ranking.from(start).take(limit).enumerate();
        keys.map(|(at, key)| standing((start.saturating_add(at), key))).collect()
    }

    /// A player's own position; `None` for whoever is not in.
    #[must_use]
    pub fn of(&self, player: PlayerId) -> Option<Position> {
        let entrant = self.players.get(&player).filter(|entrant| !entrant.left && !entrant.out)?;
        let key = rank_key(&self.definition, player, entrant);
        let score = key.map_or(0, |key| key.score.0);
        let at = key.and_then(|key| self.ranking.position(&key).map(|at| (at, key)));
        let rank = at.map(|(at, key)| self.rank_at(at, &key));
        let number = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
        let around = at.map_or_else(Vec::new, |(at, _)| {
            let first = at.saturating_sub(2);
            self.page(number(first), number(at + 3 - first))
        });
        let ahead = at
            .and_then(|(at, _)| at.checked_sub(1))
            .and_then(|before| self.ranking.get(before))
            .map(|next| (next.score.0.saturating_sub(score), PlayerId(next.player)));
        let paid = self.paid_places;
        let in_prizes = at.is_some_and(|(at, _)| at < paid);
        let prize_gap = paid
            .checked_sub(1)
            .filter(|_| !in_prizes)
            .and_then(|last| self.ranking.get(last))
            .map(|last| last.score.0.saturating_sub(score).max(0));
        Some(Position { rank, score, ahead, prize_gap, around })
    }

    /// BLAKE3 over (rank, player, score, tie breaks) of all places, integers big-endian.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for (standing, key) in self.page(0, u64::MAX).iter().zip(self.ranking.from(0)) {
            hasher.update(&standing.rank.to_be_bytes());
            hasher.update(&standing.player.0.to_be_bytes());
            hasher.update(&standing.score.to_be_bytes());
            for tie in key.ties {
                hasher.update(&tie.to_be_bytes());
            }
        }
        *hasher.finalize().as_bytes()
    }

    /// The result as it stands now.
    #[must_use]
    pub fn result(&self) -> FinalResult {
        let row = |s: Standing| FinalRow { rank: s.rank, player: s.player, score: s.score };
        FinalResult {
            standings_hash: hex::encode(self.hash()),
            participants: self.ranked(),
            rows: self.page(0, 100).into_iter().map(row).collect(),
            turnover: self.turnover(),
        }
    }
}

/// Where a player stands; `None` for whoever is not ranked.
fn rank_key(definition: &Definition, player: PlayerId, entrant: &Entrant) -> Option<RankKey> {
    if entrant.left || entrant.out {
        return None;
    }
    // The best entry counts (S13); nearly always there is one.
    let past = entrant.past.iter().filter_map(|(_, tally)| entry_key(definition, player, tally));
    past.chain(entry_key(definition, player, &entrant.tally)).min()
}

fn entry_key(definition: &Definition, player: PlayerId, tally: &Tally) -> Option<RankKey> {
    let rules = &definition.rules;
    let one = Rules::one(definition.currency);
    let outcome = tally.outcome(&rules.score, one);
    let enough = match rules.score.count {
        Count::Exactly(rounds) => outcome.rounds >= rounds,
        _ => outcome.rounds > 0,
    };
    enough.then(|| RankKey {
        score: Reverse(outcome.score.cut(rules.score.decimals).0),
        ties: ties(&rules.ties, &outcome, tally),
        player: player.0,
    })
}

fn ties(order: &[TieBreak], outcome: &Outcome, tally: &Tally) -> Ties {
    let mut words = Ties::default();
    let mut free = words.iter_mut();
    for tie in order {
        let values = match tie {
            TieBreak::Reached => vec![outcome.reached],
            TieBreak::FirstRound => vec![outcome.first],
            TieBreak::FewerRounds => vec![i64::from(outcome.rounds)],
            TieBreak::MoreRounds => vec![-i64::from(outcome.rounds)],
            TieBreak::BestRound => vec![outcome.best.saturating_neg()],
            TieBreak::Countback => countback(&tally.places()).to_vec(),
        };
        for value in values {
            if let Some(word) = free.next() {
                *word = value;
            }
        }
    }
    words
}
