//! One journal row and its canonical bytes.

use super::identity::Key16;
use super::kind::RowKind;
use crate::ids::{Aggregate, BetId, GameId, ProviderId, RoundId, Slot, TenantId, TraceId};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;

/// One side of a transfer. Codes below 16 belong to the row's aggregate, the others to its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The player's own money.
    Cash,
    /// Bonus money.
    Bonus,
    /// Stakes of open bets.
    Held,
    /// Withdrawals under way.
    Locked,
    /// What the player owes after a downward amend.
    Debt,
    /// The operator's game account.
    House,
    /// The operator's promotions.
    Promo,
    /// The world outside: deposits come from here.
    External,
    /// Money between slots.
    Transit,
    /// Prize money of tournaments.
    Pool,
}

impl Account {
    /// Every account with its stored code and name.
    pub const ALL: &'static [(Self, i16, &'static str)] = &[
        (Self::Cash, 1, "cash"),
        (Self::Bonus, 2, "bonus"),
        (Self::Held, 3, "held"),
        (Self::Locked, 4, "locked"),
        (Self::Debt, 5, "debt"),
        (Self::House, 16, "house"),
        (Self::Promo, 17, "promo"),
        (Self::External, 18, "external"),
        (Self::Transit, 19, "transit"),
        (Self::Pool, 20, "pool"),
    ];

    /// The stored code.
    #[must_use]
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(a, ..)| *a == self).map_or(0, |(_, code, _)| *code)
    }

    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(a, ..)| *a == self).map_or("", |(.., name)| name)
    }

    /// The account with this stored code.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == code).map(|(a, ..)| *a)
    }

    /// Whether it belongs to the row's aggregate (else to the slot).
    #[must_use]
    pub fn is_players(self) -> bool {
        self.code() < 16
    }
}

/// A transfer: `amount` ≥ 0 minor units leave `debit` and arrive at `credit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Where the money leaves.
    pub debit: Account,
    /// Where it arrives.
    pub credit: Account,
    /// How much, in minor units, ≥ 0.
    pub amount: Amount,
    /// Of which currency.
    pub currency: Currency,
}

/// Who asked: stands on the first row of a command only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The request's identity, unique in the journal.
    pub key: Key16,
    /// The caller's own idempotency key.
    pub id: Box<str>,
    /// Hash of the canonical content, to tell a replay from a mismatch.
    pub body_hash: Key16,
}

/// One fact, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The slot.
    pub slot: Slot,
    /// Position in the slot, gapless from 1.
    pub seq: u64,
    /// The writer's epoch.
    pub epoch: u64,
    /// Monotone per slot (design, invariant 8).
    pub time: UnixMs,
    /// What happened.
    pub kind: RowKind,
    /// Version of the payload's shape.
    pub kind_version: i16,
    /// Whose brand.
    pub tenant: TenantId,
    /// Whose row.
    pub aggregate: Aggregate,
    /// The money that moved, if any.
    pub leg: Option<Leg>,
    /// The player's spendable balance (cash + bonus) in the leg's currency afterwards.
    pub balance_after: Option<Amount>,
    /// The request, on the first row of its command.
    pub request: Option<Request>,
    /// What this row claims, unique in the journal.
    pub claim: Option<Key16>,
    /// The provider.
    pub provider: Option<ProviderId>,
    /// The bet.
    pub bet: Option<BetId>,
    /// The round.
    pub round: Option<RoundId>,
    /// The game.
    pub game: Option<GameId>,
    /// The trace.
    pub trace: Option<TraceId>,
    /// What the columns do not hold, as canonical JSON; empty when there is nothing.
    pub payload: Box<[u8]>,
}

/// Version of the canonical encoding; the first byte of every row's bytes.
const ENCODING: u8 = 1;

/// The transaction id of a row, as shown to callers.
#[must_use]
pub fn transaction_id(slot: Slot, seq: u64) -> String {
    format!("tx_{:02x}_{seq:x}", slot.0)
}

impl Row {
    /// The transaction id shown to callers: `tx_<slot>_<seq>` in hexadecimal.
    #[must_use]
    pub fn transaction_id(&self) -> String {
        transaction_id(self.slot, self.seq)
    }

    /// Appends the canonical bytes: every column in order, integers big-endian, optional values
    /// after a 0 or 1, texts after their 32-bit length. Equal on every store.
    pub fn encode(&self, to: &mut Vec<u8>) {
        to.push(ENCODING);
        to.push(self.slot.0);
        to.extend(self.seq.to_be_bytes());
        to.extend(self.epoch.to_be_bytes());
        to.extend(self.time.0.to_be_bytes());
        to.extend(self.kind.code().to_be_bytes());
        to.extend(self.kind_version.to_be_bytes());
        to.extend(self.tenant.0.to_be_bytes());
        to.push(self.aggregate.kind_code());
        to.extend(self.aggregate.number().to_be_bytes());
        optional(to, self.leg.as_ref(), |to, leg| {
            to.extend(leg.debit.code().to_be_bytes());
            to.extend(leg.credit.code().to_be_bytes());
            to.extend(leg.amount.0.to_be_bytes());
            bytes(to, leg.currency.code().as_bytes());
        });
        optional(to, self.balance_after.as_ref(), |to, amount| to.extend(amount.0.to_be_bytes()));
        optional(to, self.request.as_ref(), |to, request| {
            to.extend(request.key);
            bytes(to, request.id.as_bytes());
            to.extend(request.body_hash);
        });
        optional(to, self.claim.as_ref(), |to, claim| to.extend(claim));
        text(to, self.provider.as_ref().map(ProviderId::as_str));
        text(to, self.bet.as_ref().map(BetId::as_str));
        text(to, self.round.as_ref().map(RoundId::as_str));
        text(to, self.game.as_ref().map(GameId::as_str));
        text(to, self.trace.as_ref().map(TraceId::as_str));
        bytes(to, &self.payload);
    }
}

fn optional<T>(to: &mut Vec<u8>, value: Option<&T>, write: impl FnOnce(&mut Vec<u8>, &T)) {
    match value {
        None => to.push(0),
        Some(value) => {
            to.push(1);
            write(to, value);
        }
    }
}

fn bytes(to: &mut Vec<u8>, value: &[u8]) {
    to.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend(value);
}

fn text(to: &mut Vec<u8>, value: Option<&str>) {
    optional(to, value.as_ref(), |to, value| bytes(to, value.as_bytes()));
}
