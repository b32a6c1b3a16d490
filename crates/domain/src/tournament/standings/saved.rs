//! The fold as it is saved, and read back.

use super::super::definition::Definition;
use super::super::ranking::Ranking;
use super::super::rules::RankStyle;
use super::finish::Late;
use super::{Entrant, Standings, rank_key};
use crate::ids::{PlayerId, SLOTS, TenantId};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize, Deserialize)]
struct Saved {
    created: UnixMs,
    positions: Vec<u64>,
    cut: Option<Vec<u64>>,
    players: Vec<(PlayerId, Entrant)>,
    #[serde(default)]
    turnover: i128,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    late: Vec<Late>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corrected: Option<Vec<u64>>,
}

impl Standings {
    /// The fold as JSON, for a snapshot.
    #[must_use]
    pub fn save(&self) -> String {
        let saved = Saved {
            created: self.created,
            positions: self.positions.clone(),
            cut: self.cut.clone(),
            turnover: self.turnover,
            late: self.late.clone(),
            corrected: self.corrected.clone(),
            players: {
                let of = |(player, entrant): (&PlayerId, &Entrant)| (*player, entrant.clone());
                let mut players: Vec<_> = self.players.iter().map(of).collect();
                players.sort_unstable_by_key(|(player, _)| *player);
                players
            },
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
        standings.turnover = saved.turnover;
        standings.late = saved.late;
        standings.corrected = saved.corrected;
        let rules = &standings.definition.rules;
        let mut keys = Vec::with_capacity(saved.players.len());
        for (player, mut entrant) in saved.players {
            entrant.tally.recompute(&rules.score);
            for (_, tally) in &mut entrant.past {
                tally.recompute(&rules.score);
            }
            keys.extend(rank_key(&standings.definition, player, &entrant));
            standings.players.insert(player, entrant);
        }
        keys.sort_unstable();
        if standings.definition.rules.rank == RankStyle::Dense {
            keys.iter().for_each(|key| standings.regroup(None, Some(key)));
        }
        standings.ranking = Ranking::from_sorted(keys).ok()?;
        Some(standings)
    }
}
