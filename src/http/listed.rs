//! The list of tournaments as edge nodes get it: what `GET /api/tournaments/{id}` answers,
//! rendered again only when something of it changed.

use super::Server;
use super::tournaments::{offer, shown};
use crate::actors::offers::Offer;
use crate::actors::tournaments::{Entry, Facts, status};
use crate::edge::shelf::{Catalogue, Changes};
use actix_web::web::Data;
use palio_domain::TournamentId;
use palio_domain::tournament::Phase;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a rendered text was made from. Held, so that nothing else can have its address.
struct Of {
    facts: Arc<Facts>,
    participants: u64,
    phase: Phase,
    /// What places win: it changes with the pool, and not with every stake.
    offer: Option<Arc<Offer>>,
}

impl Of {
    fn now(entry: &Entry, phase: Phase) -> Self {
        let (facts, participants) = (entry.facts(), entry.view().participants);
        let offer = offer(entry, &facts);
        Self { facts, participants, phase, offer }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.facts, &other.facts)
            && self.participants == other.participants
            && self.phase == other.phase
            && self.offer.as_ref().map(Arc::as_ptr) == other.offer.as_ref().map(Arc::as_ptr)
    }
}

/// See the module.
pub struct Listing {
    server: Data<Server>,
    rendered: Mutex<HashMap<TournamentId, Of>>,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").finish_non_exhaustive()
    }
}

impl Listing {
    /// Of this server; nothing is rendered yet.
    #[must_use]
    pub fn new(server: Data<Server>) -> Self {
        Self { server, rendered: Mutex::default() }
    }
}

impl Catalogue for Listing {
    fn changes(&self, all: bool) -> Option<Changes> {
        let server = &self.server;
        if !server.tournaments.is_restored() {
            return None;
        }
        let now = server.clock.now();
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut had = std::mem::take(&mut *rendered);
        let mut changes = Changes::default();
        for entry in server.tournaments.all() {
            let id = entry.definition.id.clone();
            let phase = entry.phase(now);
            let of = Of::now(&entry, phase);
            if all || had.remove(&id).is_none_or(|had| !had.is(&of)) {
                let text = serde_json::to_string(&shown(server, &entry, now)).unwrap_or_default();
                changes.changed.push((id.clone(), text));
            }
            changes.all.push((id.clone(), entry.tenant, status(phase).as_str()));
            rendered.insert(id, of);
        }
        Some(changes)
    }
}
