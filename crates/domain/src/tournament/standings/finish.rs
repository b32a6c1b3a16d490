//! What prizes see of the standings, and how corrections change them after the result.

use super::super::prizes::{Finish, Status};
use super::super::rules::{RankStyle, Rules};
use super::super::score::Tally;
use super::{Entrant, FinalResult, RankKey, Standings, rank_key};
use crate::ids::{Aggregate, PlayerId, TenantId};
use crate::money::Amount;
use crate::wallet::SettledRound;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A correction that waits for a later version of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Late {
    /// Seq of its row, in its player's slot.
    pub(super) seq: u64,
    pub(super) settled: SettledRound,
}

impl Late {
    /// Whether a version of the result at this cut has it.
    pub(super) fn is_in(&self, cut: &[u64], tenant: TenantId) -> bool {
        let slot = Aggregate::Player(self.settled.player).slot(tenant);
        cut.get(slot.index()).is_some_and(|until| self.seq <= *until)
    }
}

impl Standings {
    /// Σ stakes that count, minor units, rounded down.
    #[must_use]
    pub fn turnover(&self) -> Amount {
        let currency = self.definition.currency;
        let minor = self.turnover.saturating_mul(10_i128.pow(u32::from(currency.exponent())));
        let amount = minor / i128::from(Rules::one(currency));
        Amount(i64::try_from(amount).unwrap_or(i64::MAX))
    }

    /// These players are out of the ranking, and nobody else (L6): also whoever is not in it yet,
    /// since a correction may put him in.
    pub(in crate::tournament) fn judge(&mut self, out: &BTreeSet<PlayerId>) {
        let differs = |(player, entrant): (&PlayerId, &Entrant)| {
            (entrant.out != out.contains(player)).then_some(*player)
        };
        let mut players: Vec<_> = self.players.iter().filter_map(differs).collect();
        players.extend(out.iter().filter(|player| !self.players.contains_key(player)));
        for player in players {
            self.change(player, |_, entrant| entrant.out = out.contains(&player));
        }
    }

    /// Corrections that wait for a later version of the result.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.late.len()
    }

    /// The standings of a later version of the result: these players are out, and corrections up
    /// to its cut are in (L5), also those that come by later. Nothing changes where they are so
    /// already.
    pub fn correct_until(&mut self, cut: &[u64], out: &BTreeSet<PlayerId>) {
        self.judge(out);
        let tenant = self.tenant;
        let late = std::mem::take(&mut self.late).into_iter();
        let (in_time, later): (Vec<_>, Vec<_>) = late.partition(|late| late.is_in(cut, tenant));
        self.late = later;
        for one in &in_time {
            self.count(&one.settled);
        }
        self.corrected = Some(cut.to_vec());
    }

    /// What the result would be after [`Self::correct_until`]; the standings stay as they are.
    #[must_use]
    pub fn result_of(&self, cut: &[u64], out: &BTreeSet<PlayerId>) -> FinalResult {
        let mut then = self.clone();
        then.correct_until(cut, out);
        then.result()
    }

    /// The order as prizes see it, as far as prizes reach: players who share a rank are tied;
    /// whoever is out stands where he would be (L6).
    #[must_use]
    pub fn finishers(&self, under_review: &BTreeSet<PlayerId>) -> Vec<Finish> {
        let definition = &self.definition;
        let mut rows: Vec<(RankKey, Status)> = Vec::new();
        let mut due = 0_usize;
        for key in self.ranking.from(0) {
            let tied = rows.last().is_some_and(|(last, _)| self.is_tied(last, key));
            if due >= self.paid_places && self.paid_places > 0 && !tied {
                break;
            }
            let player = PlayerId(key.player);
            let status = if under_review.contains(&player) {
                Status::UnderReview
            } else if self.is_unmet(player) {
                Status::Unmet
            } else {
                Status::Eligible
            };
            due += usize::from(status != Status::Unmet);
            rows.push((*key, status));
        }
        let last = rows.last().map(|(key, _)| *key);
        for (player, entrant) in self.players.iter().filter(|(_, entrant)| entrant.out) {
            let there = Entrant { out: false, ..entrant.clone() };
            let key = rank_key(definition, *player, &there);
            rows.extend(
                key.filter(|key| last.is_none_or(|l| *key < l)).map(|key| (key, Status::Excluded)),
            );
        }
        rows.sort_unstable_by_key(|(key, _)| *key);
        let mut group = 0_u32;
        let mut before: Option<RankKey> = None;
        let number = |at: u64| u32::try_from(at).unwrap_or(u32::MAX);
        let finish = |(at, (key, status)): (i64, (RankKey, Status))| {
            let tied = before.as_ref().is_some_and(|last| self.is_tied(last, &key));
            group = if tied { group } else { group.saturating_add(1) };
            before = Some(key);
            let position = self.ranking.position(&key);
            let rank = position.map_or(0, |position| self.rank_at(position, &key));
            Finish { player: PlayerId(key.player), rank: number(rank), group, order: at, status }
        };
        (0_i64..).zip(rows).map(finish).collect()
    }

    fn is_tied(&self, one: &RankKey, other: &RankKey) -> bool {
        self.definition.rules.rank != RankStyle::Single && one.group() == other.group()
    }

    /// Ranked, but with too few rounds for a prize (S11).
    fn is_unmet(&self, player: PlayerId) -> bool {
        let rules = &self.definition.rules;
        let one = Rules::one(self.definition.currency);
        rules.score.rounds_min > 0
            && self.players.get(&player).is_some_and(|entrant| {
                let rounds = |tally: &Tally| tally.outcome(&rules.score, one).rounds;
                let past = entrant.past.iter().map(|(_, tally)| rounds(tally)).max();
                rounds(&entrant.tally).max(past.unwrap_or(0)) < rules.score.rounds_min
            })
    }
}
