//! One slot: its chain, its order, its wallets and its sums.

use super::keys::{Prefixes, SlotKeys};
use super::report::Report;
use super::rounds::Rounds;
use super::standings::Folds;
use super::zones::Zones;
use super::{at, each_page};
use crate::storage::{Error, Snapshot, Storage, StoredRow};
use palio_domain::journal::head::CHAIN_START;
use palio_domain::journal::{Account, Chain, Head, Row, head};
use palio_domain::wallet::{Event, Wallet};
use palio_domain::{Aggregate, Currency, PlayerId, TenantId, UnixMs};
use std::collections::{BTreeMap, HashMap};

/// What one slot came to.
pub(super) struct Verified {
    pub(super) report: Report,
    pub(super) keys: Prefixes,
    pub(super) folds: Folds,
}

struct State {
    chain: Chain,
    unlinked: Vec<Row>,
    next_seq: u64,
    epoch: u64,
    time: UnixMs,
    wallets: HashMap<(TenantId, PlayerId), Wallet>,
    sums: BTreeMap<Currency, BTreeMap<Account, i128>>,
    snapshots: HashMap<(TenantId, Aggregate), Snapshot>,
    /// Who pays the winnings of the command whose rows are being read.
    payers: Vec<Account>,
    keys: SlotKeys,
    folds: Folds,
    zones: Zones,
    rounds: Rounds,
    report: Report,
    scratch: Vec<u8>,
}

/// Verifies a slot up to its head.
///
/// # Errors
/// Only when the store can't be read.
pub(super) async fn verify(
    storage: &Storage,
    head: &Head,
    folds: Folds,
) -> Result<Verified, Error> {
    let snapshots = storage.snapshots.of_slot(head.slot).await?;
    let mut state = State {
        chain: CHAIN_START,
        unlinked: Vec::new(),
        next_seq: 1,
        epoch: 0,
        time: UnixMs(i64::MIN),
        wallets: HashMap::new(),
        sums: BTreeMap::new(),
        snapshots: snapshots.into_iter().map(|s| ((s.tenant, s.aggregate), s)).collect(),
        payers: Vec::new(),
        keys: SlotKeys::default(),
        folds,
        zones: Zones::read(storage, head.slot).await?,
        rounds: Rounds::default(),
        report: Report::default(),
        scratch: Vec::new(),
    };
    each_page(storage, head.slot, head.next_seq, |rows| {
        rows.into_iter().for_each(|stored| state.row(stored));
    })
    .await?;
    // A serving node may have moved on since the heads were read; damage does not.
    let beyond = storage.journal.read(head.slot, head.next_seq, 1).await?;
    let ahead = state.snapshots.values().any(|snapshot| snapshot.seq >= head.next_seq);
    let mut now = head.next_seq;
    if ahead || !beyond.is_empty() {
        let heads = storage.journal.heads().await?;
        now = heads.iter().find(|h| h.slot == head.slot).map_or(now, |h| h.next_seq);
    }
    if let Some(beyond) = beyond.first().filter(|beyond| beyond.row.seq >= now) {
        state.report.differs("head", at(&beyond.row), "a row beyond the head");
    }
    Ok(state.finish(head, now))
}

impl State {
    fn row(&mut self, stored: StoredRow) {
        let StoredRow { row, chain } = stored;
        self.report.rows += 1;
        if row.seq != self.next_seq {
            self.report.differs("gapless", at(&row), format!("expected seq {}", self.next_seq));
        }
        self.next_seq = row.seq + 1;
        if row.epoch < self.epoch {
            self.report.differs("epoch", at(&row), format!("{} after {}", row.epoch, self.epoch));
        }
        if row.time < self.time {
            self.report.differs("time", at(&row), "earlier than the row before");
        }
        if row.aggregate.slot(row.tenant) != row.slot {
            self.report.differs("slot", at(&row), "the aggregate lives in another slot");
        }
        self.epoch = self.epoch.max(row.epoch);
        self.time = self.time.max(row.time);
        self.keys.take(&row);
        self.folds.take(&row);
        self.zones.take(&row, &mut self.report);
        self.money(&row);
        if let Aggregate::Player(player) = row.aggregate {
            self.wallet(&row, player);
        }
        self.unlinked.push(row);
        if let Some(stored) = chain {
            let link = head::link(&self.chain, &self.unlinked, &mut self.scratch);
            if link != stored {
                let last = self.unlinked.last().map(at).unwrap_or_default();
                self.report.differs("chain", last, "the link does not fit the rows");
            }
            // From the stored link on, so that one change is reported once.
            self.chain = stored;
            self.unlinked.clear();
        }
    }

    fn money(&mut self, row: &Row) {
        let Some(leg) = row.leg else { return };
        if leg.amount.0 < 0 {
            self.report.differs("legs", at(row), "a negative amount");
        }
        let sums = self.sums.entry(leg.currency).or_default();
        *sums.entry(leg.debit).or_default() -= i128::from(leg.amount.0);
        *sums.entry(leg.credit).or_default() += i128::from(leg.amount.0);
    }

    fn wallet(&mut self, row: &Row, player: PlayerId) {
        let event = match Event::from_row(row) {
            Ok(event) => event,
            Err(error) => return self.report.differs("legs", at(row), error.to_string()),
        };
        if row.request.is_some() {
            self.payers.clear();
        }
        self.payers.extend(event.payer());
        if event.leg() != row.leg || !event.may_move(&self.payers) {
            self.report.differs("legs", at(row), "the transfer is not the event's");
        }
        let wallet = self.wallets.entry((row.tenant, player)).or_default();
        self.rounds.take(row, player, &event, wallet, &mut self.report);
        if let Err(error) = wallet.apply(row.seq, row.time, &event) {
            self.report.differs("balances", at(row), error.to_string());
        }
        let after = event.balance_currency().map(|currency| wallet.balance(currency).available());
        if after != row.balance_after {
            let found = format!("balance_after {:?}, the fold has {after:?}", row.balance_after);
            self.report.differs("balances", at(row), found);
        }
        let owner = (row.tenant, row.aggregate);
        if let Some(snapshot) = self.snapshots.get(&owner)
            && snapshot.seq == row.seq
        {
            self.report.snapshots += 1;
            let same = serde_json::from_slice::<Wallet>(&snapshot.state)
                .is_ok_and(|saved| saved == *wallet);
            if !same {
                self.report.differs("snapshots", at(row), "the saved wallet differs from the fold");
            }
            self.snapshots.remove(&owner);
        }
    }

    fn finish(mut self, head: &Head, now: u64) -> Verified {
        let slot = format!("{:02x}", head.slot.0);
        if self.next_seq != head.next_seq {
            let found =
                format!("the head is {}, the rows end before {}", head.next_seq, self.next_seq);
            self.report.differs("head", slot.clone(), found);
        }
        if self.chain != head.chain || !self.unlinked.is_empty() {
            self.report.differs("chain", slot.clone(), "the head's link is not the last row's");
        }
        for (currency, accounts) in &self.sums {
            let sum: i128 = accounts.values().sum();
            if sum != 0 {
                self.report.differs("zero sum", slot.clone(), format!("{sum} {currency}"));
            }
            // Looked at when all slots are known: what leaves one arrives in another.
            self.folds.between(*currency, accounts.get(&Account::Transit).copied().unwrap_or(0));
        }
        for ((_, player), wallet) in &self.wallets {
            self.report.wallets += 1;
            let mut held: BTreeMap<Currency, i128> = BTreeMap::new();
            for bet in wallet.open.values().flat_map(BTreeMap::values) {
                *held.entry(bet.currency).or_default() += i128::from(bet.stake.held().0);
                self.report.open_bets += 1;
            }
            for waiting in wallet.buy_ins.values().filter(|waiting| !waiting.ticket) {
                *held.entry(waiting.currency).or_default() += i128::from(waiting.price.0);
            }
            for (currency, accounts) in &wallet.accounts {
                let open = held.get(currency).copied().unwrap_or(0);
                if i128::from(accounts.held.0) != open {
                    let found =
                        format!("{} held, {open} in open bets and buy-ins", accounts.held.0);
                    self.report.differs("held", format!("player {}", player.0), found);
                }
            }
        }
        // Whatever was not met at its seq: beyond the journal, or for nobody.
        for ((_, aggregate), snapshot) in self.snapshots.drain() {
            let written_since = (head.next_seq..now).contains(&snapshot.seq);
            if matches!(aggregate, Aggregate::Player(_)) && !written_since {
                let place = format!("{slot}/{}", snapshot.seq);
                self.report.differs("snapshots", place, "a snapshot of a row that is not there");
            }
        }
        self.zones.finish(now, &mut self.report);
        let keys = self.keys.finish(head.slot, &mut self.report);
        Verified { report: self.report, keys, folds: self.folds }
    }
}
