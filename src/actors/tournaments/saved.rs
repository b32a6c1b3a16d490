//! The folds of tournaments as they are saved and read back.
//!
//! A fold is what its rows make of it and nothing else, so it can be saved between any two
//! batches.

use super::super::tournament::{self, SaveFold};
use super::{Entry, Facts, Tournaments};
use crate::storage::{Error, FoldSnapshot};
use palio_domain::ids::SLOTS;
use palio_domain::tournament::{FinalResult, Standings, lifecycle};
use palio_domain::{PlayerId, TenantId, UnixMs};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// A tournament as saved.
#[derive(serde::Serialize, serde::Deserialize)]
struct SavedFold {
    tenant: TenantId,
    created: UnixMs,
    life: lifecycle::Tournament,
    closed: Option<UnixMs>,
    result: Option<FinalResult>,
    standings: String,
    /// A row could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
    #[serde(default)]
    revised: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corrected: Option<Vec<u64>>,
    #[serde(default)]
    cut: Option<Vec<u64>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    held: BTreeSet<PlayerId>,
}

impl Tournaments {
    /// Loads saved folds and returns the position from which the follower must go on: where it
    /// stood, or where a fold stopped, or the beginning. On the fold thread.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn restore(self: &Arc<Self>) -> Result<Vec<u64>, Error> {
        let mut lowest: Option<Vec<u64>> = None;
        let mut stopped = Vec::new();
        for fold in self.storage.snapshots.load_folds("tournament/").await? {
            if fold.state.is_empty() {
                continue;
            }
            let saved: SavedFold = match serde_json::from_slice(&fold.state) {
                Ok(saved) => saved,
                Err(error) => {
                    // Rebuilt from the journal instead: it is only a snapshot.
                    tracing::warn!(%error, fold = fold.name, "a saved tournament can't be read");
                    return Ok(vec![0; usize::from(SLOTS)]);
                }
            };
            if saved.stopped {
                stopped.push(fold.positions);
            }
            if self.revive(saved).is_none() {
                return Ok(vec![0; usize::from(SLOTS)]);
            }
        }
        for follower in self.storage.snapshots.load_folds("follower").await? {
            lowest = Some(follower.positions);
        }
        let mut lowest = lowest.unwrap_or_else(|| vec![0; usize::from(SLOTS)]);
        // The row that stopped it, and what came after, is read again: it may be readable by now.
        for positions in stopped {
            for (at, stood) in lowest.iter_mut().zip(positions) {
                *at = (*at).min(stood);
            }
        }
        Ok(lowest)
    }

    fn revive(self: &Arc<Self>, saved: SavedFold) -> Option<()> {
        // Of a release that did not say which corrections are in the newest version.
        if saved.life.versions > 1 && saved.corrected.is_none() {
            return None;
        }
        let definition = Arc::new(saved.life.definition.clone());
        let standings =
            Standings::restore(Arc::clone(&definition), saved.tenant, &saved.standings)?;
        let facts = Facts {
            life: saved.life,
            closed: saved.closed,
            result: saved.result,
            revised: saved.revised.or(saved.closed),
            corrected: saved.corrected,
            cut: saved.cut,
            held: saved.held,
        };
        let reached = facts.cut.as_ref().is_some_and(|cut| standings.is_at(cut));
        let entry = self.start(saved.tenant, definition, saved.created, facts, standings);
        entry.reached.store(reached, Ordering::Relaxed);
        Some(())
    }

    /// Saves every fold with the position it stands at, the follower's last; none, when there is
    /// one that can't be saved, since the follower's position speaks for all.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn save(&self, follower: Vec<u64>) -> Result<(), Error> {
        let mut folds = Vec::new();
        let mut settled = Vec::new();
        for entry in self.entries() {
            // Before the standings, so that a state saved as over has its last standings.
            let facts = entry.facts();
            if entry.settled.load(Ordering::Relaxed) == facts.life.seq {
                continue;
            }
            let Ok(fold) = entry.addr.send(SaveFold).await else {
                unsaved(&entry, "its scoring stopped");
                return Ok(());
            };
            let tournament::Fold { positions, standings, stopped } = fold;
            if facts.life.is_done() && facts.held.is_empty() {
                settled.push((Arc::clone(&entry), facts.life.seq));
            }
            let saved = SavedFold {
                tenant: entry.tenant,
                created: entry.created,
                life: facts.life.clone(),
                closed: facts.closed,
                result: facts.result.clone(),
                standings,
                stopped,
                revised: facts.revised,
                corrected: facts.corrected.clone(),
                cut: facts.cut.clone(),
                held: facts.held.clone(),
            };
            match serde_json::to_vec(&saved) {
                Ok(state) => folds.push(FoldSnapshot { name: fold_name(&entry), positions, state }),
                Err(error) => {
                    unsaved(&entry, &error.to_string());
                    return Ok(());
                }
            }
        }
        folds.push(FoldSnapshot {
            name: "follower".to_owned(),
            positions: follower,
            state: Vec::new(),
        });
        let forgotten =
            std::mem::take(&mut *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner));
        let emptied =
            |name| FoldSnapshot { name, positions: vec![0; usize::from(SLOTS)], state: Vec::new() };
        folds.extend(forgotten.into_iter().map(emptied));
        self.storage.snapshots.save_folds(&folds).await?;
        for (entry, seq) in settled {
            entry.settled.store(seq, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Tells that nothing was saved.
fn unsaved(entry: &Entry, why: &str) {
    metrics::counter!("palio_tournaments_unsaved_total").increment(1);
    tracing::error!(tournament = %entry.definition.id, why, "no standings are saved now");
}

pub(super) fn fold_name(entry: &Entry) -> String {
    format!("tournament/{}/{}", entry.tenant.0, entry.definition.id)
}
