//! The memory store: for tests, the simulation and trying things out. Nothing survives the
//! process, everything survives a "restart" inside it: clones share their data.
//!
//! It never waits and iterates only over ordered maps, so a simulation that calls the `…_sync`
//! methods is deterministic and needs no runtime. [`Memory::set_faults`] makes appends go wrong.

use super::columns::rows_of;
use super::{
    AppendError, Directory, DirectoryEntry, Error, FoldSnapshot, Journal, Snapshot, Snapshots,
    Storage, StoredRow, StoredZone, Writer, Zones,
};
use async_trait::async_trait;
use palio_domain::journal::{Batch, Filter, Head, HeadMove, Key16, Row};
use palio_domain::{Aggregate, PlayerId, Slot, TenantId, UnixMs};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A new, empty store.
#[must_use]
pub fn open() -> Storage {
    Memory::default().storage()
}

/// What happens to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong.
    None,
    /// It fails before anything is written: [`AppendError::NotWritten`].
    Refused,
    /// It is written and the answer is lost: [`AppendError::Unknown`].
    AnswerLost,
    /// The request is lost, and nothing is written: [`AppendError::Unknown`].
    RequestLost,
    /// [`AppendError::Unknown`] now; it is written when a touched slot is next acquired, as a
    /// database does with a transaction that is still under way when its client has gone.
    Late,
    /// It is refused as another owner's: [`AppendError::Fenced`].
    Fenced,
}

/// Decides the fate of each append.
type Policy = Box<dyn FnMut(&Batch) -> Fault + Send>;

/// A store in memory; clones are handles to the same data.
#[derive(Clone, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    faults: Arc<Mutex<Option<Policy>>>,
}

#[derive(Default, Clone)]
struct State {
    key_check: Option<Key16>,
    slots: BTreeMap<Slot, SlotState>,
    requests: BTreeMap<Key16, (Slot, u64)>,
    claims: BTreeMap<Key16, (Slot, u64)>,
    late: Vec<(String, Batch)>,
    snapshots: BTreeMap<(TenantId, u8, u64), Snapshot>,
    floors: BTreeMap<Slot, u64>,
    folds: BTreeMap<String, FoldSnapshot>,
    zones: BTreeMap<(Slot, u64), StoredZone>,
    players: BTreeMap<(TenantId, Key16), PlayerId>,
    entries: BTreeMap<(TenantId, PlayerId), DirectoryEntry>,
}

#[derive(Clone)]
struct SlotState {
    owner: String,
    head: Head,
    rows: Vec<StoredRow>,
}

impl Memory {
    /// A new, empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Handles to this store's data as the traits.
    #[must_use]
    pub fn storage(&self) -> Storage {
        let shared = Arc::new(self.clone());
        Storage {
            journal: shared.clone(),
            snapshots: shared.clone(),
            zones: shared.clone(),
            directory: shared,
            kind: "memory",
            writers: 1,
        }
    }

    /// A store of its own with the same content.
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = Arc::new(Mutex::new(lock(&self.state).clone()));
        Self { state, faults: Arc::default() }
    }

    /// Changes a slot's rows and head behind everybody's back, as a damaged disk or a person with
    /// access to the database could.
    pub fn tamper(&self, slot: Slot, change: impl FnOnce(&mut Vec<StoredRow>, &mut Head)) {
        if let Some(state) = lock(&self.state).slots.get_mut(&slot) {
            change(&mut state.rows, &mut state.head);
        }
    }

    /// Asks `policy` about every append from now on.
    pub fn set_faults(&self, policy: impl FnMut(&Batch) -> Fault + Send + 'static) {
        *lock(&self.faults) = Some(Box::new(policy));
    }

    /// Lets every append go well again.
    pub fn clear_faults(&self) {
        *lock(&self.faults) = None;
    }

    /// As [`Journal::check_key`].
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn check_key_sync(&self, check: Key16) -> Result<(), Error> {
        let known = *lock(&self.state).key_check.get_or_insert(check);
        if known == check { Ok(()) } else { Err(Error::WrongKey) }
    }

    /// As [`Journal::acquire`]. Here and below there is no `now`: this store has no use for
    /// the time at which a head was renewed.
    pub fn acquire_sync(&self, owner: &str, slots: &[Slot]) -> Vec<Head> {
        let mut state = lock(&self.state);
        state.settle_late(slots);
        for slot in slots.iter().collect::<BTreeSet<_>>() {
            let slot_state = state.slots.entry(*slot).or_insert_with(|| SlotState {
                owner: String::new(),
                head: Head::empty(*slot),
                rows: Vec::new(),
            });
            slot_state.head.epoch += 1;
            owner.clone_into(&mut slot_state.owner);
        }
        slots.iter().map(|slot| state.head(*slot)).collect()
    }

    /// As [`Writer::append`] by `owner`.
    ///
    /// # Errors
    /// As [`Writer::append`]; what the fault policy says comes first.
    pub fn append_sync(&self, owner: &str, batch: &Batch) -> Result<(), AppendError> {
        let fault = lock(&self.faults).as_mut().map_or(Fault::None, |policy| policy(batch));
        let mut state = lock(&self.state);
        match fault {
            Fault::None => state.append(owner, batch),
            Fault::Refused => Err(AppendError::NotWritten(simulated())),
            Fault::AnswerLost => {
                // Whether it was written or refused, the caller can't tell.
                drop(state.append(owner, batch));
                Err(AppendError::Unknown(simulated()))
            }
            Fault::RequestLost => Err(AppendError::Unknown(simulated())),
            Fault::Late => {
                state.late.push((owner.to_owned(), batch.clone()));
                Err(AppendError::Unknown(simulated()))
            }
            Fault::Fenced => Err(AppendError::Fenced),
        }
    }

    /// As [`Journal::heads`].
    #[must_use]
    pub fn heads_sync(&self) -> Vec<Head> {
        let state = lock(&self.state);
        Slot::all().map(|slot| state.head(slot)).collect()
    }

    /// As [`Journal::read`].
    #[must_use]
    pub fn read_sync(&self, slot: Slot, from_seq: u64, limit: u32) -> Vec<StoredRow> {
        let skip = usize::try_from(from_seq.saturating_sub(1)).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let state = lock(&self.state);
        let rows = state.slots.get(&slot).map_or(&[][..], |slot| &slot.rows);
        rows.iter().skip(skip).take(limit).cloned().collect()
    }

    /// As [`Journal::scan`].
    #[must_use]
    pub fn scan_sync(
        &self,
        slot: Slot,
        from_seq: u64,
        to_seq: u64,
        filter: &Filter,
        limit: u32,
    ) -> Vec<Row> {
        let state = lock(&self.state);
        let rows = state.slots.get(&slot).map_or(&[][..], |slot| &slot.rows);
        let rows = rows.iter().rev().map(|stored| &stored.row);
        rows.filter(|row| (from_seq..=to_seq).contains(&row.seq) && filter.matches(row))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect()
    }

    /// As [`Journal::find`]; ordered by (slot, seq).
    #[must_use]
    pub fn find_sync(&self, requests: &[Key16], claims: &[Key16]) -> Vec<Row> {
        let state = lock(&self.state);
        let requests = requests.iter().filter_map(|key| state.requests.get(key));
        let claims = claims.iter().filter_map(|key| state.claims.get(key));
        let positions: BTreeSet<_> = requests.chain(claims).collect();
        positions.into_iter().filter_map(|at| state.row(*at).cloned()).collect()
    }

    /// As [`Journal::keys`].
    pub fn keys_sync(&self, slots: &[Slot], each: &mut dyn FnMut(&Key16)) {
        let state = lock(&self.state);
        for row in slots.iter().filter_map(|slot| state.slots.get(slot)).flat_map(|s| &s.rows) {
            row.row
                .request
                .iter()
                .map(|request| &request.key)
                .chain(&row.row.claim)
                .for_each(&mut *each);
        }
    }

    /// As [`Snapshots::save`].
    pub fn save_sync(&self, snapshots: &[Snapshot], floors: &[(Slot, u64)]) {
        let mut state = lock(&self.state);
        for new in snapshots {
            let key = (new.tenant, new.aggregate.kind_code(), new.aggregate.number());
            match state.snapshots.entry(key) {
                Entry::Occupied(old) if old.get().seq >= new.seq => {}
                Entry::Occupied(mut old) => drop(old.insert(new.clone())),
                Entry::Vacant(free) => drop(free.insert(new.clone())),
            }
        }
        for (slot, seq) in floors {
            let floor = state.floors.entry(*slot).or_insert(*seq);
            *floor = (*floor).max(*seq);
        }
    }
}

impl State {
    fn head(&self, slot: Slot) -> Head {
        self.slots.get(&slot).map_or_else(|| Head::empty(slot), |state| state.head)
    }

    fn row(&self, (slot, seq): (Slot, u64)) -> Option<&Row> {
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.slots.get(&slot)?.rows.get(index).map(|stored| &stored.row)
    }

    /// Lets the transactions under way on these slots come to their end.
    fn settle_late(&mut self, slots: &[Slot]) {
        let touches = |batch: &Batch| batch.moves.iter().any(|to| slots.contains(&to.slot));
        let late = std::mem::take(&mut self.late);
        let (due, rest): (Vec<_>, Vec<_>) = late.into_iter().partition(|(_, b)| touches(b));
        self.late = rest;
        for (owner, batch) in due {
            // Its client has gone: nobody hears how it ended.
            drop(self.append(&owner, &batch));
        }
    }

    /// Checks everything, then writes everything.
    fn append(&mut self, owner: &str, batch: &Batch) -> Result<(), AppendError> {
        let rows = rows_of(batch).map_err(AppendError::NotWritten)?;
        let stands = |to: &HeadMove| {
            self.slots.get(&to.slot).is_some_and(|state| {
                state.owner == owner
                    && state.head.epoch == to.epoch
                    && state.head.next_seq == to.from_seq
            })
        };
        if !batch.moves.iter().all(stands) {
            return Err(AppendError::Fenced);
        }
        let (mut requests, mut claims) = (BTreeMap::new(), BTreeMap::new());
        for (row, _) in &rows {
            let at = (row.slot, row.seq);
            let request = row.request.as_ref().map(|request| request.key);
            let mut again = request.is_some_and(|key| {
                self.requests.contains_key(&key) || requests.insert(key, at).is_some()
            });
            again |= row.claim.is_some_and(|key| {
                self.claims.contains_key(&key) || claims.insert(key, at).is_some()
            });
            if again {
                return Err(AppendError::Clash);
            }
        }
        self.requests.extend(requests);
        self.claims.extend(claims);
        for (row, chain) in rows {
            if let Some(state) = self.slots.get_mut(&row.slot) {
                state.rows.push(StoredRow { row: row.clone(), chain: chain.copied() });
            }
        }
        for to in &batch.moves {
            if let Some(state) = self.slots.get_mut(&to.slot) {
                state.head.next_seq = to.next_seq;
                state.head.chain = to.chain;
                state.head.last_time = to.last_time;
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing below can panic half way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn simulated() -> Error {
    let source = sqlx::Error::Io(std::io::Error::other("simulated"));
    Error::Database { context: "append", source }
}

struct MemoryWriter {
    memory: Memory,
    owner: String,
}

#[async_trait]
impl Writer for MemoryWriter {
    async fn append(&mut self, batch: &Batch, _now: UnixMs) -> Result<(), AppendError> {
        self.memory.append_sync(&self.owner, batch)
    }
}

#[async_trait]
impl Journal for Memory {
    async fn check_key(&self, check: Key16) -> Result<(), Error> {
        self.check_key_sync(check)
    }

    async fn acquire(&self, owner: &str, slots: &[Slot], _now: UnixMs) -> Result<Vec<Head>, Error> {
        Ok(self.acquire_sync(owner, slots))
    }

    async fn writer(&self, owner: &str) -> Result<Box<dyn Writer>, Error> {
        Ok(Box::new(MemoryWriter { memory: self.clone(), owner: owner.to_owned() }))
    }

    async fn heads(&self) -> Result<Vec<Head>, Error> {
        Ok(self.heads_sync())
    }

    async fn read(&self, slot: Slot, from_seq: u64, limit: u32) -> Result<Vec<StoredRow>, Error> {
        Ok(self.read_sync(slot, from_seq, limit))
    }

    async fn scan(
        &self,
        slot: Slot,
        from_seq: u64,
        to_seq: u64,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<Row>, Error> {
        Ok(self.scan_sync(slot, from_seq, to_seq, filter, limit))
    }

    async fn find(&self, requests: &[Key16], claims: &[Key16]) -> Result<Vec<Row>, Error> {
        Ok(self.find_sync(requests, claims))
    }

    async fn keys(
        &self,
        slots: &[Slot],
        each: &mut (dyn for<'k> FnMut(&'k Key16) + Send),
    ) -> Result<(), Error> {
        self.keys_sync(slots, each);
        Ok(())
    }

    async fn entities(&self) -> Result<Vec<Row>, Error> {
        let rows = Slot::all().flat_map(|slot| self.read_sync(slot, 1, u32::MAX));
        let player = |row: &Row| matches!(row.aggregate, Aggregate::Player(_));
        Ok(rows.map(|stored| stored.row).filter(|row| !player(row)).collect())
    }
}

#[async_trait]
impl Snapshots for Memory {
    async fn save(&self, snapshots: &[Snapshot], floors: &[(Slot, u64)]) -> Result<(), Error> {
        self.save_sync(snapshots, floors);
        Ok(())
    }

    async fn load(&self, tenant: TenantId, of: Aggregate) -> Result<Option<Snapshot>, Error> {
        let key = (tenant, of.kind_code(), of.number());
        Ok(lock(&self.state).snapshots.get(&key).cloned())
    }

    async fn of_slot(&self, slot: Slot) -> Result<Vec<Snapshot>, Error> {
        let state = lock(&self.state);
        let here = |s: &&Snapshot| s.aggregate.slot(s.tenant) == slot;
        Ok(state.snapshots.values().filter(here).cloned().collect())
    }

    async fn floors(&self) -> Result<Vec<(Slot, u64)>, Error> {
        Ok(lock(&self.state).floors.iter().map(|(slot, seq)| (*slot, *seq)).collect())
    }

    async fn save_folds(&self, folds: &[FoldSnapshot]) -> Result<(), Error> {
        let named = folds.iter().map(|fold| (fold.name.clone(), fold.clone()));
        lock(&self.state).folds.extend(named);
        Ok(())
    }

    async fn load_folds(&self, prefix: &str) -> Result<Vec<FoldSnapshot>, Error> {
        let state = lock(&self.state);
        let from = state.folds.range(prefix.to_owned()..);
        Ok(from.take_while(|(name, _)| name.starts_with(prefix)).map(|(_, f)| f.clone()).collect())
    }
}

#[async_trait]
impl Zones for Memory {
    async fn save_zones(&self, zones: &[StoredZone]) -> Result<(), Error> {
        let zones = zones.iter().map(|zone| ((zone.slot, zone.block), zone.clone()));
        lock(&self.state).zones.extend(zones);
        Ok(())
    }

    async fn load_zones(
        &self,
        slot: Slot,
        from_block: u64,
        count: u32,
    ) -> Result<Vec<StoredZone>, Error> {
        let state = lock(&self.state);
        let until = from_block.saturating_add(u64::from(count));
        let zones = state.zones.range((slot, from_block)..(slot, until));
        Ok(zones.map(|(_, zone)| zone.clone()).collect())
    }

    async fn zone_times(&self) -> Result<Vec<(Slot, u64, UnixMs, UnixMs)>, Error> {
        let state = lock(&self.state);
        Ok(state.zones.values().map(|z| (z.slot, z.block, z.first, z.last)).collect())
    }

    async fn forget_zones(&self, slot: Slot, from_block: u64) -> Result<(), Error> {
        lock(&self.state).zones.retain(|(of, block), _| *of != slot || *block < from_block);
        Ok(())
    }
}

#[async_trait]
impl Directory for Memory {
    async fn find(&self, tenant: TenantId, token: Key16) -> Result<Option<PlayerId>, Error> {
        Ok(lock(&self.state).players.get(&(tenant, token)).copied())
    }

    async fn entry(
        &self,
        tenant: TenantId,
        player: PlayerId,
    ) -> Result<Option<DirectoryEntry>, Error> {
        Ok(lock(&self.state).entries.get(&(tenant, player)).cloned())
    }

    async fn add(&self, entry: &DirectoryEntry) -> Result<PlayerId, Error> {
        let mut state = lock(&self.state);
        let token = (entry.tenant, entry.token);
        if let Some(known) = state.players.get(&token) {
            return Ok(*known);
        }
        if state.entries.contains_key(&(entry.tenant, entry.player)) {
            return Err(Error::Corrupt("the player number has another token".to_owned()));
        }
        state.players.insert(token, entry.player);
        state.entries.insert((entry.tenant, entry.player), entry.clone());
        Ok(entry.player)
    }
}
