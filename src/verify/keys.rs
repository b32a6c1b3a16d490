//! Request keys and claims that stand twice, within a slot and over all of them.
//!
//! A slot's keys are sorted when it has been read; of each only its first 64 bits are kept, which
//! are as random as the rest: **8 bytes of memory a key**. Prefixes that stand in two slots are
//! suspects; their slots are read again, and whole keys decide.

use super::report::Report;
use super::{at, each_page};
use crate::storage::{Error, Storage};
use palio_domain::Slot;
use palio_domain::journal::{Head, Key16, Row};
use std::collections::{HashMap, HashSet};

const REQUEST: &str = "the request key stands twice";
const CLAIM: &str = "the claim stands twice";

/// The keys of the slot that is being read, with the seqs of their rows.
#[derive(Default)]
pub(super) struct SlotKeys {
    requests: Vec<(Key16, u64)>,
    claims: Vec<(Key16, u64)>,
}

/// What is kept of a slot's keys: prefixes, ascending.
#[derive(Default)]
pub(super) struct Prefixes {
    requests: Vec<u64>,
    claims: Vec<u64>,
}

fn prefix(key: &Key16) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl SlotKeys {
    pub(super) fn take(&mut self, row: &Row) {
        self.requests.extend(row.request.as_ref().map(|request| (request.key, row.seq)));
        self.claims.extend(row.claim.map(|claim| (claim, row.seq)));
    }

    /// Reports keys that stand twice in this slot.
    pub(super) fn finish(self, slot: Slot, report: &mut Report) -> Prefixes {
        let mut sorted = |mut keys: Vec<(Key16, u64)>, what: &'static str| {
            keys.sort_unstable();
            for pair in keys.windows(2) {
                if let [(first, _), (second, seq)] = pair
                    && first == second
                {
                    report.differs("keys", format!("{:02x}/{seq}", slot.0), what);
                }
            }
            let mut prefixes: Vec<u64> = keys.iter().map(|(key, _)| prefix(key)).collect();
            // What stands twice here is told already.
            prefixes.dedup();
            prefixes
        };
        Prefixes { requests: sorted(self.requests, REQUEST), claims: sorted(self.claims, CLAIM) }
    }
}

/// Prefixes that stand in two slots.
fn suspects<'a>(slots: impl Iterator<Item = &'a [u64]> + Clone) -> HashSet<u64> {
    let mut found = HashSet::new();
    let mut part = Vec::new();
    let mut rest: Vec<&[u64]> = slots.collect();
    // A part of all keys at a time, by their first byte.
    for first in 0..=u8::MAX {
        part.clear();
        for keys in &mut rest {
            let (now, later) = keys.split_at(keys.partition_point(|key| key >> 56 <= first.into()));
            part.extend_from_slice(now);
            *keys = later;
        }
        part.sort_unstable();
        for pair in part.windows(2) {
            if let [a, b] = pair
                && a == b
            {
                found.insert(*a);
            }
        }
    }
    found
}

/// Reports keys that stand in two slots. `all` are those of every head, in their order.
///
/// # Errors
/// Only when the store can't be read.
pub(super) async fn compare(
    storage: &Storage,
    heads: &[Head],
    all: &[Prefixes],
    report: &mut Report,
) -> Result<(), Error> {
    let requests = suspects(all.iter().map(|keys| keys.requests.as_slice()));
    let claims = suspects(all.iter().map(|keys| keys.claims.as_slice()));
    if requests.is_empty() && claims.is_empty() {
        return Ok(());
    }
    let mut known: [HashMap<Key16, Slot>; 2] = Default::default();
    let [known_requests, known_claims] = &mut known;
    for (head, keys) in heads.iter().zip(all) {
        let holds = |keys: &[u64], of: &HashSet<u64>| {
            of.iter().any(|suspect| keys.binary_search(suspect).is_ok())
        };
        if !holds(&keys.requests, &requests) && !holds(&keys.claims, &claims) {
            continue;
        }
        each_page(storage, head.slot, head.next_seq, |rows| {
            for row in rows.iter().map(|stored| &stored.row) {
                let mut twice = |key: &Key16, known: &mut HashMap<Key16, Slot>, what| {
                    if *known.entry(*key).or_insert(row.slot) != row.slot {
                        report.differs("keys", at(row), what);
                    }
                };
                let request = row.request.as_ref().map(|request| &request.key);
                if let Some(key) = request.filter(|key| requests.contains(&prefix(key))) {
                    twice(key, known_requests, REQUEST);
                }
                if let Some(key) = row.claim.as_ref().filter(|key| claims.contains(&prefix(key))) {
                    twice(key, known_claims, CLAIM);
                }
            }
        })
        .await?;
    }
    Ok(())
}
