//! Requests of `bodies`, one after the other to one wallet; a line `----` stands between them.
//! The path `/overdue` stands for the clock: the rounds with open bets are late then.
//!
//! **Property:** no request breaks a wallet. Every row it writes reads back as the event it was
//! made of, moves what the event moves, and is rendered; a repeat is answered from the same row;
//! all accounts of all rows sum to zero, none of the player's is below it; and the rows alone
//! make the same wallet again.

use crate::calls::{self, NOW};
use crate::support::Message;
use palio_domain::journal::{Account, Head, KeyFilter, Keys, Row, Stage};
use palio_domain::wallet::{Answer, Cell, Command, Event, Found, Needs, Prepared, Wallet};
use palio_domain::{Currency, PlayerId, TenantId, UnixMs};
use palio_protocol::result::{noop, render};
use palio_protocol::wallet::Part;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) const WORDS: &[&str] = super::bodies::WORDS;

const TENANT: TenantId = TenantId(1);
const PLAYER: PlayerId = PlayerId(7);
/// Commands in one input.
const COMMANDS_MAX: usize = 64;
const MINUTE_MS: i64 = 60_000;

pub(super) fn target(bytes: &[u8]) {
    let mut world = World::new();
    let mut left = COMMANDS_MAX;
    for request in requests(bytes) {
        let Some(message) = Message::cut(request) else { continue };
        if message.word(1) == "/overdue" {
            world.overdue();
        }
        let Some(Ok(parts)) = calls::parts(&message) else { continue };
        for part in parts.into_iter().take(left) {
            left -= 1;
            world.run(&part);
        }
        world.now = world.now.plus_ms(MINUTE_MS);
    }
    world.check();
}

fn requests(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const BETWEEN: &[u8] = b"\n----\n";
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let now = rest?;
        match now.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
            Some(at) => {
                rest = now.get(at + BETWEEN.len()..);
                now.get(..at)
            }
            None => rest.take(),
        }
    })
}

/// A wallet and all that was written.
struct World {
    cell: Cell,
    rows: Vec<Arc<Row>>,
    keys: Keys,
    filter: KeyFilter,
    stage: Stage,
    now: UnixMs,
}

impl World {
    fn new() -> Self {
        let cell = Cell::load(TENANT, PLAYER, None, []).expect("an empty wallet");
        let stage = Stage::new([Head::empty(cell.slot())]);
        let (rows, keys) = (Vec::new(), Keys::new([7; 32]));
        Self { cell, rows, keys, filter: KeyFilter::with_capacity(1), stage, now: NOW }
    }

    fn run(&mut self, part: &Part) {
        let command = part.command.clone();
        let asked = Prepared::new(&self.keys, TENANT, PLAYER, &part.key, command, None);
        match self.execute(&asked) {
            Answer::Done(first) => {
                let rendered = render(&first).expect("a first row is rendered");
                self.take();
                let Answer::Replay(again) = self.execute(&asked) else {
                    panic!("{:?} was done twice", part.command);
                };
                assert_eq!(render(&again), Ok(rendered), "a repeat hears the same");
            }
            Answer::Replay(row) => assert!(render(&row).is_ok()),
            Answer::Noop(of) => assert!(!noop(of, &part.command).is_empty()),
            Answer::Refused(_) => self.take(),
        }
        assert!(self.stage.is_empty(), "an answer without its rows");
    }

    fn overdue(&mut self) {
        let open = self.cell.wallet().open.iter().flat_map(|(provider, bets)| {
            bets.values().map(|bet| (provider.clone(), bet.round.clone()))
        });
        for (provider, round) in open.collect::<BTreeSet<_>>() {
            let key = format!("overdue:{round}");
            let command = Command::MarkOverdue { provider, round, before: self.now, void: false };
            self.run(&Part::new("p_1".to_owned(), key, command));
        }
    }

    fn execute(&mut self, asked: &Prepared) -> Answer {
        let mut found = Found::default();
        loop {
            let needs = self.cell.needs(asked, &found, &self.filter, &self.keys);
            if needs.is_empty() {
                break;
            }
            self.look_up(&needs, &mut found);
        }
        let committed = self.cell.wallet().seq;
        self.cell
            .execute(asked, &found, self.now, committed, &self.keys, &mut self.stage)
            .expect("no request breaks a wallet")
    }

    fn look_up(&self, needs: &Needs, found: &mut Found) {
        let is_asked = |row: &&Arc<Row>| {
            let request = row.request.as_ref().map(|request| request.key);
            request.is_some_and(|key| needs.requests.contains(&key))
                || row.claim.is_some_and(|claim| needs.claims.contains(&claim))
        };
        let round = needs.round.as_ref().map(|(provider, round)| {
            let is_in = |row: &&Arc<Row>| {
                row.provider.as_ref() == Some(provider) && row.round.as_ref() == Some(round)
            };
            self.rows.iter().filter(is_in).cloned().collect()
        });
        found.add(needs, self.rows.iter().filter(is_asked).cloned().collect(), round);
    }

    /// Takes the staged rows as committed.
    fn take(&mut self) {
        let Some(batch) = self.stage.seal() else { return };
        for row in batch.rows {
            row.request.iter().for_each(|request| self.filter.insert(&request.key));
            row.claim.iter().for_each(|claim| self.filter.insert(claim));
            self.rows.push(row);
        }
    }

    fn check(&self) {
        let mut wallet = Wallet::default();
        let mut sums: BTreeMap<Currency, BTreeMap<Account, i128>> = BTreeMap::new();
        let mut payers = Vec::new();
        for row in &self.rows {
            let event = Event::from_row(row).expect("a row that was written reads back");
            assert_eq!((event.kind(), event.leg()), (row.kind, row.leg));
            if row.request.is_some() {
                payers.clear();
            }
            payers.extend(event.payer());
            assert!(event.may_move(&payers), "{event:?} of {payers:?}");
            wallet.apply(row.seq, row.time, &event).expect("rows fold");
            let after = event.balance_currency().map(|of| wallet.balance(of).available());
            assert_eq!(after, row.balance_after);
            let Some(leg) = row.leg else { continue };
            assert!(leg.amount.0 >= 0);
            let sums = sums.entry(leg.currency).or_default();
            *sums.entry(leg.debit).or_default() -= i128::from(leg.amount.0);
            *sums.entry(leg.credit).or_default() += i128::from(leg.amount.0);
        }
        assert_eq!(&wallet, self.cell.wallet(), "the rows make another wallet");
        for (currency, accounts) in &wallet.accounts {
            let of = sums.remove(currency).unwrap_or_default();
            assert_eq!(of.values().sum::<i128>(), 0);
            let (mut held, mut locked) = (0, 0);
            for open in wallet.open.values().flat_map(BTreeMap::values) {
                held += i128::from(if open.currency == *currency { open.stake.held().0 } else { 0 });
            }
            for open in wallet.withdrawals.values().filter(|open| open.currency == *currency) {
                locked += i128::from(open.amount.0);
            }
            for (account, amount) in accounts.named() {
                assert!(amount.0 >= 0, "{account:?} has {amount:?}");
                let moved = of.get(&account).copied().unwrap_or(0);
                let moved = if account == Account::Debt { -moved } else { moved };
                assert_eq!(i128::from(amount.0), moved, "{account:?} of {currency}");
            }
            assert_eq!(i128::from(accounts.held.0), held, "stakes of open bets");
            assert_eq!(i128::from(accounts.locked.0), locked, "withdrawals under way");
        }
    }
}
