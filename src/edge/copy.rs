//! An edge's copy of one tournament's board, made from the entries of its stream. Pure.
//!
//! **Invariants:** entries are taken in the order of their [`At`], each at most once. A step is
//! taken only onto its base; when it does not fit, nothing more is shown until the next whole
//! board. Within an epoch `seq` only grows. What damages a board's hash is not shown.

use super::entry::{At, Entry};
use crate::ws::published::{About, Published};
use palio_domain::TournamentId;
use palio_protocol::live::{self, binary};
use std::sync::Arc;

/// What an entry was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// A whole board.
    Whole,
    /// A step.
    Step,
    /// A proof.
    Proof,
    /// Nothing new.
    Known,
    /// A step from a board that is not here: the next whole board is waited for.
    Gap,
    /// Not readable, or not what its hash says.
    Damaged,
}

impl Took {
    /// Its word in the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Step => "step",
            Self::Proof => "proof",
            Self::Known => "known",
            Self::Gap => "gap",
            Self::Damaged => "damaged",
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Copy {
    id: TournamentId,
    ring_len: usize,
    after: At,
    here: Option<Arc<Published>>,
    /// Whether the stream was followed without a gap up to `after`.
    joined: bool,
}

impl Copy {
    /// Of a tournament; keeps so many older boards.
    #[must_use]
    pub const fn new(id: TournamentId, ring_len: usize) -> Self {
        Self { id, ring_len, after: At::START, here: None, joined: false }
    }

    /// Begins again, with a core that may count from less; what was shown is remembered.
    pub const fn again(&mut self) {
        (self.after, self.joined) = (At::START, false);
    }

    /// The last entry that was taken.
    #[must_use]
    pub const fn after(&self) -> At {
        self.after
    }

    /// The newest board.
    #[must_use]
    pub const fn here(&self) -> Option<&Arc<Published>> {
        self.here.as_ref()
    }

    /// Whether the stream was followed without a gap up to here.
    #[must_use]
    pub const fn is_joined(&self) -> bool {
        self.joined
    }

    /// Takes the next entry.
    pub fn take(&mut self, at: At, entry: &Entry) -> Took {
        if at <= self.after {
            return Took::Known;
        }
        self.after = at;
        let of_epoch = self.here.clone().filter(|here| *here.epoch == *entry.epoch);
        let base = of_epoch.as_ref().map(|here| (&*here.board, here.about.decimals));
        let message = match binary::read(&entry.body, base) {
            Ok(message) => message,
            Err(binary::Misfit::Gap { .. }) => return self.gap(),
            // A step of an epoch that is not here can't be read at all.
            Err(_) if of_epoch.is_none() && entry.body.first().is_some_and(|b| b & 15 == 2) => {
                return self.gap();
            }
            Err(_) => return self.damaged(),
        };
        match message {
            binary::Message::Snapshot(whole) => self.whole(*whole, entry, of_epoch),
            binary::Message::Delta(_) if !self.joined => Took::Gap,
            binary::Message::Delta(board) => {
                let next = of_epoch.map(|here| here.after(board, entry.as_of, self.ring_len));
                self.here = next.map(Arc::new);
                Took::Step
            }
            binary::Message::Proof(proof) => {
                let Some(here) = of_epoch.filter(|_| self.joined) else { return Took::Known };
                let has = here.proof.as_ref().is_some_and(|has| has.chain.n >= proof.chain.n);
                if has || proof.chain.n < here.chain().n {
                    return Took::Known;
                }
                if proof.seq == here.seq && proof.hash != here.hash() {
                    return self.damaged();
                }
                self.here = Some(Arc::new(here.with_proof(proof)));
                Took::Proof
            }
            binary::Message::Resumed { .. } => self.damaged(),
        }
    }

    fn gap(&mut self) -> Took {
        self.joined = false;
        Took::Gap
    }

    fn damaged(&mut self) -> Took {
        self.joined = false;
        Took::Damaged
    }

    fn whole(&mut self, whole: binary::Whole, entry: &Entry, here: Option<Arc<Published>>) -> Took {
        if live::hash(self.id.as_str(), &entry.epoch, &whole.board) != whole.hash {
            return self.damaged();
        }
        match here {
            Some(here) if whole.board.seq == here.seq => {
                if here.hash() != whole.hash {
                    return self.damaged();
                }
                // Its proofs may be news all the same.
                if whole.chain.n > here.chain().n {
                    let here = Published::clone(&here).with_chain(whole.chain);
                    self.here = Some(Arc::new(here));
                }
                self.joined = true;
                Took::Known
            }
            // What was shown is newer; a core does not go back.
            Some(here) if whole.board.seq < here.seq => self.damaged(),
            Some(here) => {
                let board = whole.board.sharing(&here.board);
                let next = here.after(board, entry.as_of, self.ring_len).with_chain(whole.chain);
                (self.here, self.joined) = (Some(Arc::new(next)), true);
                Took::Whole
            }
            None => {
                let about = About {
                    tenant: entry.tenant,
                    tournament: self.id.clone(),
                    ends_at: whole.ends_at,
                    decimals: whole.decimals,
                };
                let before = self.here.as_deref();
                let next = Published::followed(about, whole, entry.as_of, before);
                (self.here, self.joined) = (Some(Arc::new(next)), true);
                Took::Whole
            }
        }
    }
}
