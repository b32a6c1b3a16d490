//! Entries that a tournament decides about: the price is held, the seat is asked for, then the
//! price is taken or given back (requirement T5).
//!
//! ```text
//! wallet: Hold ─▶ tournament: Seat ─┬─ granted ─▶ wallet: TakeSeat
//!                                   └─ refused ─▶ wallet: Release
//! ```
//! Each step is a row, and each is done once however often it is asked for. A server that dies in
//! between finds the held price in the journal (`Facts::held`) and goes on from there.

use super::handle::{CoreHandle, Failure, Reply, Work};
use super::tournaments::{Entry, Tournaments};
use palio_domain::journal::Keys;
use palio_domain::tournament::lifecycle::{self, Command as Act};
use palio_domain::wallet::contest::Act as Money;
use palio_domain::wallet::{Command, Noop, Prepared, Refusal, Wallet};
use palio_domain::{PlayerId, TournamentId, TraceId};
use std::sync::Arc;

/// What came of asking for an entry.
#[derive(Debug)]
pub enum Entered {
    /// The player is in, with so many entries.
    In(u32),
    /// The wallet says no; nothing was taken.
    Refused(Refusal),
    /// The tournament says no; what was held is given back.
    NoSeat(lifecycle::Refusal),
    /// It is not known how far it came; it goes on by itself.
    Failed(Failure),
}

/// Asks for one player's entries.
pub struct Entries<'a> {
    core: &'a CoreHandle,
    keys: &'a Keys,
    entry: &'a Entry,
    trace: Option<TraceId>,
}

impl<'a> Entries<'a> {
    /// Of one tournament.
    #[must_use]
    pub const fn new(
        core: &'a CoreHandle,
        keys: &'a Keys,
        entry: &'a Entry,
        trace: Option<TraceId>,
    ) -> Self {
        Self { core, keys, entry, trace }
    }

    fn id(&self) -> &TournamentId {
        &self.entry.definition.id
    }

    async fn wallet_command(&self, player: PlayerId, key: &str, money: Money) -> Reply {
        let command = Command::Contest(Box::new(money));
        let (tenant, trace) = (self.entry.tenant, self.trace.clone());
        let asked = Prepared::new(self.keys, tenant, player, key, command, trace);
        self.core.ask(Work::Execute(tenant, player, Box::new(asked))).await
    }

    async fn wallet(&self, player: PlayerId) -> Result<Box<Wallet>, Failure> {
        match self.core.ask(Work::Wallet(self.entry.tenant, player)).await {
            Reply::Wallet(wallet) => Ok(wallet),
            Reply::Failed(why) => Err(why),
            _ => Err(Failure::OutcomeUnknown),
        }
    }

    /// Holds the price and asks for the seat. `key`: of the caller's request; the same one never
    /// holds twice.
    pub async fn enter(&self, player: PlayerId, key: &str) -> Entered {
        let definition = &self.entry.definition;
        let admission = &definition.admission;
        let price = admission.price;
        let hold = Money::Hold {
            tournament: self.id().clone(),
            price: price.and_then(|price| price.total()).unwrap_or_default(),
            fee: price.map(|price| price.fee).unwrap_or_default(),
            currency: definition.currency,
            ends: definition.ends,
            entries_max: admission.entries_max(),
            who: Box::new(admission.who.clone()),
        };
        match self.wallet_command(player, key, hold).await {
            Reply::Done(_) | Reply::Replay(_) | Reply::Noop(Noop::AlreadyHeld) => {
                self.go_on(player).await
            }
            Reply::Noop(_) if admission.entries_max() > 1 => {
                Entered::NoSeat(lifecycle::Refusal::NoMoreEntries)
            }
            Reply::Noop(_) => Entered::In(1),
            Reply::Refused(refusal) => Entered::Refused(refusal),
            Reply::Failed(why) => Entered::Failed(why),
            _ => Entered::Failed(Failure::OutcomeUnknown),
        }
    }

    /// Goes on with a price that is held, to its end.
    pub async fn go_on(&self, player: PlayerId) -> Entered {
        let wallet = match self.wallet(player).await {
            Ok(wallet) => wallet,
            Err(why) => return Entered::Failed(why),
        };
        let Some(held) = wallet.buy_ins.get(self.id()) else {
            // It came to its end before.
            return match wallet.entries_in(self.id()) {
                0 => Entered::NoSeat(lifecycle::Refusal::EntryClosed),
                entries => Entered::In(entries),
            };
        };
        let (entry, ticket) = (held.entry, held.ticket);
        let seat = Act::Seat { player, entry, ticket };
        let work = Work::Tournament(
            self.entry.tenant,
            self.id().clone(),
            Box::new(seat),
            self.trace.clone(),
        );
        match self.core.ask(work).await {
            Reply::Done(_) | Reply::TournamentUnchanged => {
                let key = format!("seat/{}/{entry}", self.id());
                let take = Money::TakeSeat { tournament: self.id().clone() };
                match self.wallet_command(player, &key, take).await {
                    Reply::Done(_) | Reply::Replay(_) | Reply::Noop(_) => Entered::In(entry),
                    Reply::Refused(refusal) => Entered::Refused(refusal),
                    Reply::Failed(why) => Entered::Failed(why),
                    _ => Entered::Failed(Failure::OutcomeUnknown),
                }
            }
            Reply::TournamentRefused(refusal) => {
                let reason = refusal.to_string().into_boxed_str();
                let release = Money::Release { tournament: self.id().clone(), reason };
                // The held row's seq makes the key: this one is given back once.
                let key = format!("release/{}/{entry}/{}", self.id(), wallet.seq);
                match self.wallet_command(player, &key, release).await {
                    Reply::Failed(why) => Entered::Failed(why),
                    _ => Entered::NoSeat(refusal),
                }
            }
            Reply::Failed(why) => Entered::Failed(why),
            _ => Entered::Failed(Failure::OutcomeUnknown),
        }
    }
}

impl Tournaments {
    /// One player's entry, one at a time; the trace of whoever asks.
    pub async fn enter(
        &self,
        entry: &Arc<Entry>,
        player: PlayerId,
        key: &str,
        trace: Option<TraceId>,
    ) -> Entered {
        let _turn = entry.turn(player).await;
        Entries::new(self.core(), self.keys(), entry, trace).enter(player, key).await
    }

    /// Goes on with prices that were held when a server died.
    pub(super) async fn sweep(&self, entry: &Arc<Entry>) {
        let held: Vec<_> = entry.facts().held.iter().copied().collect();
        for player in held {
            // Then nobody is on the way with it.
            let _turn = entry.turn(player).await;
            let trace = Some(crate::telemetry::new_trace());
            let entered = Entries::new(self.core(), self.keys(), entry, trace).go_on(player).await;
            tracing::info!(tournament = %entry.definition.id, ?entered, "went on with an entry");
        }
    }
}
