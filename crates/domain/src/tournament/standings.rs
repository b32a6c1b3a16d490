//! Scoring as a fold over committed rows, and the exact ranking it gives.
//!
//! Order: score, highest first; equal scores in the order in which they were reached (earlier
//! event time first, rule T2); then by player number, so that the order is total. Rank style
//! 1-2-3. Players who entered but have no round that counts are not ranked.

use super::definition::{Definition, EntryMode, Metric};
use super::ranking::Ranking;
use crate::ids::{Aggregate, PlayerId, SLOTS, Slot, TenantId};
use crate::journal::{Row, RowKind};
use crate::time::UnixMs;
use crate::wallet::{CorruptRow, Event, SettledRound};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

type RankKey = (Reverse<i64>, i64, u64);

/// What is known of one player.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entrant {
    /// Seq of the row by which the player is in; bets placed before it do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entered: Option<u64>,
    /// The player left: kept, not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    left: bool,
    /// Σ stakes or Σ (stakes − payouts), minor units; or the best ratio.
    sum: i64,
    /// Rounds that counted.
    rounds: u64,
    /// Event time at which the score was reached.
    reached: i64,
}

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// From 1.
    pub rank: u64,
    /// Who.
    pub player: PlayerId,
    /// The score, in the metric's fixed point.
    pub score: i64,
    /// When it was reached.
    pub reached: UnixMs,
}

/// A player's own position.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// From 1.
    pub rank: u64,
    /// Who.
    pub player: PlayerId,
    /// The score, in the metric's fixed point.
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
}

/// The fold.
#[derive(Debug, Clone)]
pub struct Standings {
    definition: Arc<Definition>,
    tenant: TenantId,
    created: UnixMs,
    positions: Vec<u64>,
    cut: Option<Vec<u64>>,
    players: BTreeMap<PlayerId, Entrant>,
    ranking: Ranking<RankKey>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    created: UnixMs,
    positions: Vec<u64>,
    cut: Option<Vec<u64>>,
    players: Vec<(PlayerId, Entrant)>,
}

const RATIO_SCALE: i128 = 1_000_000;

/// `payout / stake` with six decimals, half to even (rule S5).
fn ratio(payout: i64, stake: i64) -> i64 {
    let stake = i128::from(stake);
    let scaled = i128::from(payout) * RATIO_SCALE;
    let (whole, rest) = (scaled / stake, scaled % stake);
    let up = match (rest * 2).cmp(&stake) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => whole % 2,
    };
    i64::try_from(whole + up).unwrap_or(i64::MAX)
}

impl Standings {
    /// Empty standings of a tournament announced at `created` (row time).
    #[must_use]
    pub fn new(definition: Arc<Definition>, tenant: TenantId, created: UnixMs) -> Self {
        Self {
            definition,
            tenant,
            created,
            positions: vec![0; usize::from(SLOTS)],
            cut: None,
            players: BTreeMap::new(),
            ranking: Ranking::default(),
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

    /// Folds a row in; rows already folded and rows beyond the cut are passed over. Returns
    /// whether the board may have changed.
    ///
    /// # Errors
    /// [`CorruptRow`].
    pub fn apply(&mut self, row: &Row) -> Result<bool, CorruptRow> {
        let until = self.cut.as_ref().and_then(|cut| cut.get(row.slot.index()).copied());
        if row.seq <= self.position(row.slot) || until.is_some_and(|until| row.seq > until) {
            return Ok(false);
        }
        // Only a row that could be read is passed: a damaged one must not be skipped for good.
        let changed = match row.aggregate {
            Aggregate::Player(player) if row.tenant == self.tenant && row.time >= self.created => {
                self.player_row(row, player)?
            }
            Aggregate::Player(_) | Aggregate::Tournament(_) | Aggregate::Provider(_) => false,
        };
        self.advance(row.slot, row.seq);
        Ok(changed)
    }

    fn player_row(&mut self, row: &Row, player: PlayerId) -> Result<bool, CorruptRow> {
        match row.kind {
            RowKind::TournamentEntered | RowKind::TournamentLeft => self.entry(row, player),
            RowKind::BetSettled | RowKind::RoundPlayed => {
                let round = SettledRound::from_row(row, player)?;
                Ok(round.is_some_and(|round| self.round(&round)))
            }
            _ => Ok(false),
        }
    }

    fn entry(&mut self, row: &Row, player: PlayerId) -> Result<bool, CorruptRow> {
        let (id, left) = match Event::from_row(row)? {
            Event::TournamentEntered { tournament, .. } => (tournament, false),
            Event::TournamentLeft { tournament } => (tournament, true),
            _ => return Ok(false),
        };
        if id != self.definition.id {
            return Ok(false);
        }
        let mut entrant = self.players.get(&player).copied().unwrap_or_default();
        self.unrank(player, &entrant);
        entrant.left = left;
        if !left {
            // After re-entering, too, only bets placed from then on count.
            entrant.entered = Some(row.seq);
        }
        self.rank(player, entrant);
        Ok(true)
    }

    fn counts(&self, round: &SettledRound) -> bool {
        let definition = &self.definition;
        let accepted = definition.ends.plus_ms(definition.grace_ms);
        !round.void
            && round.started >= definition.starts
            && round.started < definition.ends
            && round.recorded <= accepted
            && round.currency == definition.currency
            && round.stake >= definition.min_stake
            && round.stake.is_positive()
            && (definition.games.is_empty() || definition.games.contains(&round.game))
    }

    fn round(&mut self, round: &SettledRound) -> bool {
        if !self.counts(round) {
            return false;
        }
        let known = self.players.get(&round.player).copied();
        if known.is_some_and(|entrant| entrant.left) {
            return false;
        }
        let is_in = match self.definition.entry {
            EntryMode::Automatic => true,
            EntryMode::OptIn => known
                .and_then(|entrant| entrant.entered)
                .is_some_and(|entered| round.placed_seq > entered),
        };
        if !is_in {
            return false;
        }
        let mut entrant = known.unwrap_or_default();
        self.unrank(round.player, &entrant);
        let before = self.score(&entrant);
        match self.definition.metric {
            Metric::Turnover => entrant.sum = entrant.sum.saturating_add(round.stake.0),
            Metric::Ggr => {
                let revenue = round.stake.0.saturating_sub(round.payout.0);
                entrant.sum = entrant.sum.saturating_add(revenue);
            }
            Metric::BestRatio => {
                entrant.sum = entrant.sum.max(ratio(round.payout.0, round.stake.0));
            }
        }
        if entrant.rounds == 0 || self.score(&entrant) != before {
            entrant.reached = round.ended.0;
        }
        entrant.rounds += 1;
        self.rank(round.player, entrant);
        true
    }

    /// The score in the metric's fixed point.
    fn score(&self, entrant: &Entrant) -> i64 {
        match self.definition.metric {
            Metric::Ggr | Metric::BestRatio => entrant.sum,
            Metric::Turnover => {
                let per = i128::from(self.definition.points_per.0).max(1);
                i64::try_from(i128::from(entrant.sum) * 100 / per).unwrap_or(i64::MAX)
            }
        }
    }

    fn rank_key(&self, player: PlayerId, entrant: &Entrant) -> Option<RankKey> {
        (entrant.rounds > 0 && !entrant.left)
            .then(|| (Reverse(self.score(entrant)), entrant.reached, player.0))
    }

    fn unrank(&mut self, player: PlayerId, entrant: &Entrant) {
        if let Some(key) = self.rank_key(player, entrant) {
            self.ranking.remove(&key);
        }
    }

    fn rank(&mut self, player: PlayerId, entrant: Entrant) {
        if let Some(key) = self.rank_key(player, &entrant) {
            self.ranking.insert(key);
        }
        self.players.insert(player, entrant);
    }

    /// Adds the players of a fold over other slots: a player's rows all stand in one.
    pub fn absorb(&mut self, other: Self) {
        for (slot, seq) in Slot::all().zip(&other.positions) {
            self.advance(slot, *seq);
        }
        for (player, entrant) in other.players {
            if let Some(known) = self.players.get(&player).copied() {
                self.unrank(player, &known);
            }
            self.rank(player, entrant);
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
        self.ranking
            .from(start)
            .take(limit)
            .zip(offset.saturating_add(1)..)
            .map(|((Reverse(score), reached, player), rank)| Standing {
                rank,
                player: PlayerId(*player),
                score: *score,
                reached: UnixMs(*reached),
            })
            .collect()
    }

    /// A player's own position; `None` for whoever is not in.
    #[must_use]
    pub fn of(&self, player: PlayerId) -> Option<Position> {
        let entrant = self.players.get(&player).filter(|entrant| !entrant.left)?;
        let score = self.score(entrant);
        let key = self.rank_key(player, entrant);
        let at = key.and_then(|key| self.ranking.position(&key));
        let at = at.map(|at| u64::try_from(at).unwrap_or(u64::MAX));
        let around = match at {
            Some(at) => {
                let first = at.saturating_sub(2);
                self.page(first, at + 3 - first)
            }
            None => Vec::new(),
        };
        let ahead = at
            .and_then(|at| at.checked_sub(1))
            .and_then(|before| self.page(before, 1).first().copied())
            .map(|next| (next.score.saturating_sub(score), next.player));
        let paid = u64::try_from(self.definition.prizes.len()).unwrap_or(u64::MAX);
        let in_prizes = at.is_some_and(|at| at < paid);
        let prize_gap = paid
            .checked_sub(1)
            .filter(|_| !in_prizes)
            .and_then(|last| self.page(last, 1).first().copied())
            .map(|last| last.score.saturating_sub(score).max(0));
        Some(Position { rank: at.map(|at| at + 1), score, ahead, prize_gap, around })
    }

    /// BLAKE3 over (rank, player, score, reached) of all places, integers big-endian.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for standing in self.page(0, u64::MAX) {
            hasher.update(&standing.rank.to_be_bytes());
            hasher.update(&standing.player.0.to_be_bytes());
            hasher.update(&standing.score.to_be_bytes());
            hasher.update(&standing.reached.0.to_be_bytes());
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
        }
    }

    /// The fold as JSON, for a snapshot.
    #[must_use]
    pub fn save(&self) -> String {
        let saved = Saved {
            created: self.created,
            positions: self.positions.clone(),
            cut: self.cut.clone(),
            players: self.players.iter().map(|(player, entrant)| (*player, *entrant)).collect(),
        };
        serde_json::to_string(&saved).unwrap_or_default()
    }

    /// The fold from [`Self::save`]; `None` when it can't be read.
    #[must_use]
    pub fn restore(definition: Arc<Definition>, tenant: TenantId, saved: &str) -> Option<Self> {
        let saved: Saved = serde_json::from_str(saved).ok()?;
        if saved.positions.len() != usize::from(SLOTS) {
            return None;
        }
        let mut standings = Self::new(definition, tenant, saved.created);
        standings.positions = saved.positions;
        standings.cut = saved.cut;
        for (player, entrant) in saved.players {
            standings.rank(player, entrant);
        }
        Some(standings)
    }
}
