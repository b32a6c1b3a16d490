//! A player's part in a tournament that costs something or pays something: buy-ins, seats, prizes
//! (requirements T5, T6), and what is known of the player for it.
//!
//! ```text
//!   Hold ──▶ held ──TakeSeat──▶ entered: net → pool, fee → house
//!              └───Release───▶ back to cash (seat refused, tournament called off)
//! ```
//! The seat itself is granted in the tournament's own slot; this is the player's side of it.

use super::event::Event;
use super::protection::LimitKind;
use super::refusal::Refusal;
use super::reported::{Corrected, Correction, RoundReport};
use super::state::Wallet;
use crate::ids::{CampaignId, ProviderId, TournamentId};
use crate::journal::{Account, Leg, RowKind};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use crate::tournament::prizes::What;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an operator knows of a player; tournaments may ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// ISO 3166-1 alpha-2, such as `DE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// The operator's own words, such as `vip`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub segments: BTreeSet<Box<str>>,
}

impl Profile {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.country.is_none() && self.segments.is_empty()
    }
}

/// Who may enter, beside what responsible gaming says. Empty lists ask for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Eligibility {
    /// Players of one of these countries.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub countries: BTreeSet<Box<str>>,
    /// … but not of these; whose country is not known is of none of them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub countries_except: BTreeSet<Box<str>>,
    /// Players of at least one of these segments.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub segments: BTreeSet<Box<str>>,
}

impl Eligibility {
    /// Whether everybody may.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.countries.is_empty() && self.countries_except.is_empty() && self.segments.is_empty()
    }

    /// Whether this player may.
    #[must_use]
    pub fn admits(&self, profile: &Profile) -> bool {
        let country = profile.country.as_ref();
        let from = self.countries.is_empty() || country.is_some_and(|c| self.countries.contains(c));
        let barred = country.is_some_and(|c| self.countries_except.contains(c));
        let segment = self.segments.is_empty() || !self.segments.is_disjoint(&profile.segments);
        from && !barred && segment
    }
}

/// What one entry costs, while it is held and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuyIn {
    /// To which tournament.
    pub tournament: TournamentId,
    /// The player's first entry is 1, a re-entry 2.
    pub entry: u32,
    /// What is paid in all, minor units; 0 where seats are free.
    pub price: Amount,
    /// The house's part of it.
    pub fee: Amount,
    /// Of which currency.
    pub currency: Currency,
    /// A ticket pays, the operator for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ticket: bool,
    /// The platform that keeps the player's money has it taken there (W9).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Seq of the row that holds it; not on that row itself. A price that is held again after it
    /// was given back is another one.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub seq: u64,
    /// When the tournament ends.
    pub ends: UnixMs,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_unset(seq: &u64) -> bool {
    *seq == 0
}

impl BuyIn {
    /// What goes into the pool.
    #[must_use]
    pub const fn net(&self) -> Amount {
        Amount(self.price.0.saturating_sub(self.fee.0))
    }

    fn leg(&self, debit: Account, credit: Account, amount: Amount) -> Option<Leg> {
        amount.is_positive().then_some(Leg { debit, credit, amount, currency: self.currency })
    }

    /// Whether the price is held here.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        !self.ticket && !self.external
    }

    /// What holding it moves.
    #[must_use]
    pub fn held(&self) -> Option<Leg> {
        if !self.is_held() { None } else { self.leg(Account::Cash, Account::Held, self.price) }
    }

    /// What giving it back moves.
    #[must_use]
    pub fn released(&self) -> Option<Leg> {
        if !self.is_held() { None } else { self.leg(Account::Held, Account::Cash, self.price) }
    }

    /// What goes into the pool with the seat.
    #[must_use]
    pub fn pooled(&self) -> Option<Leg> {
        let from = match (self.ticket, self.external) {
            (true, _) => Account::Promo,
            (false, true) => Account::External,
            (false, false) => Account::Held,
        };
        self.leg(from, Account::Pool, self.net())
    }

    /// The house's fee. A ticket pays none.
    #[must_use]
    pub fn earned(&self) -> Option<Leg> {
        let from = if self.external { Account::External } else { Account::Held };
        if self.ticket { None } else { self.leg(from, Account::House, self.fee) }
    }
}

/// Something that a tournament gives a player or takes back from him: one line of its payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Award {
    /// Whose prize.
    pub tournament: TournamentId,
    /// Of which version of the result.
    pub version: u32,
    /// Which line of its payout.
    pub line: u32,
    /// What.
    pub what: What,
    /// How much of it, > 0.
    pub quantity: i64,
    /// Of what.
    pub currency: Currency,
}

impl Award {
    /// The account that holds this kind of prize, of money prizes.
    #[must_use]
    pub const fn account(&self) -> Option<Account> {
        match self.what {
            What::Cash {} => Some(Account::Cash),
            What::Bonus { .. } => Some(Account::Bonus),
            What::FreeRounds { .. } | What::Ticket { .. } | What::Item { .. } => None,
        }
    }

    /// Pool → player.
    #[must_use]
    pub fn paid(&self) -> Option<Leg> {
        let (amount, currency) = (Amount(self.quantity), self.currency);
        self.account().map(|credit| Leg { debit: Account::Pool, credit, amount, currency })
    }

    /// Player → pool, as far as `amount`.
    #[must_use]
    pub fn taken(&self, amount: Amount) -> Option<Leg> {
        let currency = self.currency;
        let debit = self.account().filter(|_| amount.is_positive())?;
        Some(Leg { debit, credit: Account::Pool, amount, currency })
    }
}

/// What a player is asked to do with a tournament's money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Holds the price of the next entry.
    Hold {
        /// Which tournament.
        tournament: TournamentId,
        /// Price, fees included.
        price: Amount,
        /// The house's part.
        fee: Amount,
        /// Of which currency.
        currency: Currency,
        /// When the tournament ends.
        ends: UnixMs,
        /// Entries that one player may have.
        entries_max: u32,
        /// Who may.
        who: Box<Eligibility>,
        /// A platform keeps the money.
        external: bool,
    },
    /// A finished round, reported by a platform that keeps the money.
    Report(Box<RoundReport>),
    /// Another result of a reported round.
    Correct(Box<Correction>),
    /// The seat is granted.
    TakeSeat {
        /// In which tournament.
        tournament: TournamentId,
    },
    /// The seat is refused.
    Release {
        /// In which tournament.
        tournament: TournamentId,
        /// Why.
        reason: Box<str>,
    },
    /// A prize, or a refund.
    Pay {
        /// What.
        award: Box<Award>,
        /// Of free rounds: whose games, and until when they can be played.
        rounds: Option<(ProviderId, UnixMs)>,
    },
    /// A prize is taken back (L5).
    TakeBack {
        /// What.
        award: Box<Award>,
    },
    /// What is known of the player.
    SetProfile {
        /// All of it.
        profile: Profile,
        /// Who says so.
        author: Box<str>,
    },
}

/// What became true of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Told {
    /// cash → held, or a ticket is set aside.
    Held(BuyIn),
    /// held → pool; the fee follows.
    Seated(BuyIn),
    /// held → cash, or the ticket is there again.
    Released(BuyIn, Box<str>),
    /// pool → cash or bonus, or something else is given.
    Paid(Award),
    /// cash or bonus → pool; what is missing follows as debt.
    TakenBack(Award, Amount),
    /// No transfer.
    Profile(Profile, Box<str>),
    /// No transfer; written down in the row's own columns.
    Reported(RoundReport),
    /// No transfer.
    Corrected(Corrected),
}

impl Told {
    /// The kind of row this is.
    #[must_use]
    pub const fn kind(&self) -> RowKind {
        match self {
            Self::Held(_) => RowKind::BuyInHeld,
            Self::Seated(_) => RowKind::TournamentEntered,
            Self::Released(..) => RowKind::BuyInReleased,
            Self::Paid(_) => RowKind::PrizePaid,
            Self::TakenBack(..) => RowKind::PrizeTakenBack,
            Self::Profile(..) => RowKind::ProfileSet,
            Self::Reported(_) => RowKind::RoundReported,
            Self::Corrected(_) => RowKind::RoundCorrected,
        }
    }

    /// The transfer, if money moves.
    #[must_use]
    pub fn leg(&self) -> Option<Leg> {
        match self {
            Self::Held(buy_in) => buy_in.held(),
            Self::Seated(buy_in) => buy_in.pooled(),
            Self::Released(buy_in, _) => buy_in.released(),
            Self::Paid(award) => award.paid(),
            Self::TakenBack(award, amount) => award.taken(*amount),
            Self::Profile(..) | Self::Reported(_) | Self::Corrected(_) => None,
        }
    }

    /// The tournament, of what is about one.
    #[must_use]
    pub const fn tournament(&self) -> Option<&TournamentId> {
        match self {
            Self::Held(buy_in) | Self::Seated(buy_in) | Self::Released(buy_in, _) => {
                Some(&buy_in.tournament)
            }
            Self::Paid(award) | Self::TakenBack(award, _) => Some(&award.tournament),
            Self::Profile(..) | Self::Reported(_) | Self::Corrected(_) => None,
        }
    }
}

/// The campaign whose free rounds are a prize.
#[must_use]
pub fn campaign(award: &Award) -> Option<CampaignId> {
    let name = format!("prize-{:x}-{}-{}", award.tournament.number(), award.version, award.line);
    CampaignId::parse(&name).ok()
}

impl Wallet {
    /// The player's last entry in a tournament; 0: none.
    #[must_use]
    pub fn entries_in(&self, tournament: &TournamentId) -> u32 {
        self.entries.get(tournament).map_or(0, |entry| entry.entries.max(1))
    }

    pub(super) fn told(&mut self, told: &Told, seq: u64, time: UnixMs) {
        match told {
            Told::Held(buy_in) => {
                if buy_in.ticket {
                    self.use_ticket(&buy_in.tournament);
                }
                let held = BuyIn { seq, ..buy_in.clone() };
                self.buy_ins.insert(buy_in.tournament.clone(), held);
            }
            Told::Seated(buy_in) => {
                self.buy_ins.remove(&buy_in.tournament);
                self.enter(&buy_in.tournament, buy_in.ends, seq, time);
                if let Some(entry) = self.entries.get_mut(&buy_in.tournament) {
                    entry.entries = buy_in.entry;
                }
                if buy_in.is_held() && buy_in.price.is_positive() {
                    self.count_spent(buy_in.currency, time, buy_in.price);
                }
            }
            Told::Released(buy_in, _) => {
                self.buy_ins.remove(&buy_in.tournament);
                if buy_in.ticket {
                    *self.tickets.entry(buy_in.tournament.clone()).or_default() += 1;
                }
            }
            Told::Paid(award) => match &award.what {
                What::Cash {} => self.count_won(award.currency, time, award.quantity),
                What::Ticket { tournament, .. } => {
                    let more = u32::try_from(award.quantity).unwrap_or(0);
                    let tickets = self.tickets.entry(tournament.clone()).or_default();
                    *tickets = tickets.saturating_add(more);
                }
                What::Bonus { .. } | What::FreeRounds { .. } | What::Item { .. } => {}
            },
            Told::TakenBack(award, _) => match &award.what {
                What::Cash {} => {
                    self.count_won(award.currency, time, award.quantity.saturating_neg());
                }
                What::Ticket { tournament, .. } => {
                    for _ in 0..award.quantity.clamp(0, 1_000) {
                        self.use_ticket(tournament);
                    }
                }
                What::Bonus { .. } | What::FreeRounds { .. } | What::Item { .. } => {}
            },
            Told::Profile(profile, _) => self.profile = profile.clone(),
            Told::Reported(_) | Told::Corrected(_) => {}
        }
    }

    fn use_ticket(&mut self, tournament: &TournamentId) {
        if let Some(tickets) = self.tickets.get_mut(tournament) {
            *tickets = tickets.saturating_sub(1);
            if *tickets == 0 {
                self.tickets.remove(tournament);
            }
        }
    }
}

/// The limits that a buy-in counts towards: it is spent like a stake.
pub(super) const LIMITS: [LimitKind; 2] = [LimitKind::Wager, LimitKind::Loss];

impl From<Told> for Event {
    fn from(told: Told) -> Self {
        Self::Contest(Box::new(told))
    }
}

/// Most tournaments that a player's money may be held for at a time.
pub(super) const HELD_MAX: usize = 100;

/// Whether a player may hold another buy-in.
pub(super) fn room(wallet: &Wallet) -> Result<(), Refusal> {
    if wallet.buy_ins.len() >= HELD_MAX { Err(Refusal::TooManyOpen) } else { Ok(()) }
}

/// The content that must be equal for a repeated key to be a replay.
pub(super) fn canonical(act: &Act, put: &mut impl FnMut(&str)) {
    let mut prize = |word: &str, award: &Award| {
        put(word);
        put(award.tournament.as_str());
        put(&award.version.to_string());
        put(&award.line.to_string());
        put(&serde_json::to_string(&award.what).unwrap_or_default());
        put(&award.quantity.to_string());
        put(award.currency.code());
    };
    match act {
        Act::Pay { award, .. } => prize("prize", award),
        Act::TakeBack { award } => prize("take back", award),
        Act::Hold { tournament, price, fee, currency, .. } => {
            put("hold");
            put(tournament.as_str());
            put(&price.0.to_string());
            put(&fee.0.to_string());
            put(currency.code());
        }
        Act::TakeSeat { tournament } => {
            put("seat");
            put(tournament.as_str());
        }
        Act::Release { tournament, .. } => {
            put("release");
            put(tournament.as_str());
        }
        Act::Report(report) => {
            put("round");
            report.bet.canonical(put);
            put(&report.stake.0.to_string());
            put(&report.payout.0.to_string());
            put(report.currency.code());
        }
        Act::Correct(correction) => correction.canonical(put),
        Act::SetProfile { profile, .. } => {
            put("profile");
            put(&serde_json::to_string(profile).unwrap_or_default());
        }
    }
}
