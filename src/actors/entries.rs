//! Entries that a tournament decides about: the price is held, the seat is asked for, then the
//! price is taken or given back (requirement T5).
//!
//! ```text
//! wallet: Hold ─▶ tournament: Seat ─┬─ granted ─▶ wallet: TakeSeat
//!                                   └─ refused ─▶ wallet: Release
//! ```
//! Each step is a row, and each is done once however often it is asked for. A server that dies in
//! between finds the held price in the journal (`Facts::held`) and goes on from there.

use super::handle::{Failure, Reply, Work};
use super::tournaments::{Entry, Tournaments};
use crate::payments::{Answer, Payment};
use palio_domain::tournament::lifecycle::{self, Command as Act};
use palio_domain::wallet::contest::{Act as Money, BuyIn};
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
struct Entries<'a> {
    of: &'a Tournaments,
    entry: &'a Entry,
    trace: Option<TraceId>,
}

impl<'a> Entries<'a> {
    fn id(&self) -> &'a TournamentId {
        &self.entry.definition.id
    }

    async fn wallet_command(&self, player: PlayerId, key: &str, money: Money) -> Reply {
        let command = Command::Contest(Box::new(money));
        let (tenant, trace) = (self.entry.tenant, self.trace.clone());
        let asked = Prepared::new(self.of.keys(), tenant, player, key, command, trace);
        self.of.core().ask(Work::Execute(tenant, player, Box::new(asked))).await
    }

    async fn wallet(&self, player: PlayerId) -> Result<Box<Wallet>, Failure> {
        match self.of.core().ask(Work::Wallet(self.entry.tenant, player)).await {
            Reply::Wallet(wallet) => Ok(wallet),
            Reply::Failed(why) => Err(why),
            _ => Err(Failure::OutcomeUnknown),
        }
    }

    /// Holds the price and asks for the seat. `key`: of the caller's request; the same one never
    /// holds twice.
    async fn enter(&self, player: PlayerId, key: &str) -> Entered {
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
            external: self.of.external.contains(&self.entry.tenant),
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
    async fn go_on(&self, player: PlayerId) -> Entered {
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
        if held.external && held.price.is_positive() {
            match self.platform("charge", player, held).await {
                Answer::Paid(_) => {}
                // It goes on by itself, under the same key.
                Answer::Again(why) => {
                    tracing::warn!(tournament = %self.id(), why, "an entry can't be charged yet");
                    return Entered::Failed(Failure::OutcomeUnknown);
                }
                Answer::Refused(why) => {
                    let available = palio_domain::Amount::ZERO;
                    let refusal = Refusal::InsufficientFunds { available };
                    return match self.release(player, held, wallet.seq, &why).await {
                        Reply::Failed(why) => Entered::Failed(why),
                        _ => Entered::Refused(refusal),
                    };
                }
            }
        }
        let seat = Act::Seat { player, entry, ticket };
        let work = Work::Tournament(
            self.entry.tenant,
            self.id().clone(),
            Box::new(seat),
            self.trace.clone(),
        );
        match self.of.core().ask(work).await {
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
                if held.external && held.price.is_positive() {
                    // Given back there first: as long as it is not, the entry waits.
                    let back = self.platform("refund", player, held).await;
                    if !matches!(back, Answer::Paid(_)) {
                        return Entered::Failed(Failure::OutcomeUnknown);
                    }
                }
                match self.release(player, held, wallet.seq, &refusal.to_string()).await {
                    Reply::Failed(why) => Entered::Failed(why),
                    _ => Entered::NoSeat(refusal),
                }
            }
            Reply::Failed(why) => Entered::Failed(why),
            _ => Entered::Failed(Failure::OutcomeUnknown),
        }
    }
}

impl Entries<'_> {
    /// The held row's seq makes the key: this price is given back once.
    async fn release(&self, player: PlayerId, held: &BuyIn, seq: u64, why: &str) -> Reply {
        let reason = why.to_owned().into_boxed_str();
        let release = Money::Release { tournament: self.id().clone(), reason };
        let key = format!("release/{}/{}/{seq}", self.id(), held.entry);
        self.wallet_command(player, &key, release).await
    }

    /// Has the platform that keeps the money take or give back the price. Each entry that is
    /// tried has a key of its own, made from the row that holds it.
    async fn platform(&self, kind: &'static str, player: PlayerId, held: &BuyIn) -> Answer {
        let tenant = self.entry.tenant;
        let outside = self.of.players.outside_id(tenant, player).await;
        let Ok(Some(player_id)) = outside else {
            return Answer::Again("the player's id can't be read".to_owned());
        };
        let payment = Payment {
            kind,
            payout_id: format!("{}-{}-{player_id}-{}-{kind}", tenant.0, self.id(), held.entry),
            tournament_id: self.id().as_str().to_owned(),
            player_id,
            amount: held.currency.format(held.price),
            currency: held.currency.code().to_owned(),
            attempt: 1,
        };
        self.of.payments.pay(tenant, &payment, self.of.now()).await
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
        Entries { of: self, entry, trace }.enter(player, key).await
    }

    /// Goes on with prices that were held when a server died.
    pub(super) async fn sweep(&self, entry: &Arc<Entry>) {
        let held: Vec<_> = entry.facts().held.iter().copied().collect();
        for player in held {
            // Then nobody is on the way with it.
            let _turn = entry.turn(player).await;
            let trace = Some(crate::telemetry::new_trace());
            let entered = Entries { of: self, entry, trace }.go_on(player).await;
            tracing::info!(tournament = %entry.definition.id, ?entered, "went on with an entry");
        }
    }
}
