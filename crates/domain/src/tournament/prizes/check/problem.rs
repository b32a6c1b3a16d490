//! What can be wrong with a table: one code each, stable, listed in docs/tournaments/prizes.md.

use serde::{Serialize, Serializer};

/// Whether a table can be published in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// No.
    Error,
    /// Yes, but look at it.
    Warning,
}

/// Something about a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Whether it stops the table.
    pub severity: Severity,
    /// Where, such as `bands[2].prizes[0].amount`.
    pub path: String,
    /// What, stable.
    pub code: Code,
    /// What, for a person.
    pub message: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal $severity:ident,)*) => {
        /// What is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether it stops a table.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// Not a plain decimal number.
    AmountNotDecimal "AMOUNT_NOT_DECIMAL" Error,
    /// More decimals than the currency has.
    AmountTooFine "AMOUNT_TOO_FINE" Error,
    /// Past 64 bits of minor units.
    AmountTooLarge "AMOUNT_TOO_LARGE" Error,
    /// Below zero.
    AmountNegative "AMOUNT_NEGATIVE" Error,
    /// Not 0 to 100 with up to four decimals.
    PercentInvalid "PERCENT_INVALID" Error,
    /// An amount names another currency than the table's.
    CurrencyMixed "CURRENCY_MIXED" Error,
    /// A prize of nothing.
    PrizeZero "PRIZE_ZERO" Error,
    /// None or several of amount, percent and weight.
    SizeNotOne "SIZE_NOT_ONE" Error,
    /// A weight past its limit.
    WeightTooLarge "WEIGHT_TOO_LARGE" Error,
    /// A text is empty, too long or has characters that are not allowed.
    TextInvalid "TEXT_INVALID" Error,
    /// A ticket has no value where the rules need one.
    TicketValueMissing "TICKET_VALUE_MISSING" Error,
    /// An item has no value where the rules need one.
    ItemValueMissing "ITEM_VALUE_MISSING" Error,
    /// Neither bands nor a satellite.
    PrizesMissing "PRIZES_MISSING" Error,
    /// Bands and a satellite.
    PrizesTwice "PRIZES_TWICE" Error,
    /// Places begin at 1.
    PlaceZero "PLACE_ZERO" Error,
    /// A band ends before it begins.
    BandReversed "BAND_REVERSED" Error,
    /// A band begins before the one above it.
    BandOutOfOrder "BAND_OUT_OF_ORDER" Error,
    /// A place is in two bands.
    BandOverlap "BAND_OVERLAP" Error,
    /// A place is in no band.
    BandGap "BAND_GAP" Error,
    /// A band without prizes.
    BandEmpty "BAND_EMPTY" Error,
    /// Too many bands.
    TooManyBands "TOO_MANY_BANDS" Error,
    /// Too many paid places.
    TooManyPlaces "TOO_MANY_PLACES" Error,
    /// Too many prizes on one place.
    TooManyPrizes "TOO_MANY_PRIZES" Error,
    /// Percentages and weights in one table.
    SharesMixed "SHARES_MIXED" Error,
    /// Percentages do not sum to 100.
    SharesNotWhole "SHARES_NOT_WHOLE" Error,
    /// Fixed prizes do not sum to the stated total.
    TotalMismatch "TOTAL_MISMATCH" Error,
    /// A stated total, but shares whose sum is not known.
    TotalWithShares "TOTAL_WITH_SHARES" Error,
    /// All prizes together pass 64 bits.
    TotalTooLarge "TOTAL_TOO_LARGE" Error,
    /// Something is to come from a pool that is not there.
    PoolMissing "POOL_MISSING" Error,
    /// A pool into which nothing goes.
    PoolEmpty "POOL_EMPTY" Error,
    /// A pool from which nothing comes.
    PoolUnused "POOL_UNUSED" Error,
    /// Seed or guarantee are more than the cap.
    OverCap "OVER_CAP" Error,
    /// A fee per entry and a percentage.
    FeeTwice "FEE_TWICE" Error,
    /// Pool and reserve together take more than the stake.
    RatesOverWhole "RATES_OVER_WHOLE" Error,
    /// A worse place may win more than a better one.
    PrizeRises "PRIZE_RISES" Warning,
    /// Tickets to one tournament have different values.
    TicketValuesDiffer "TICKET_VALUES_DIFFER" Warning,
    /// Tickets and items can't be re-spread; they go back to the operator.
    NotRespread "NOT_RESPREAD" Warning,
    /// What rolls over has no pool to go to when the next tournament has the same table.
    RolloverWithoutPool "ROLLOVER_WITHOUT_POOL" Warning,
    /// The pool may hold less than the fixed prizes; the operator covers the rest.
    PoolMayBeShort "POOL_MAY_BE_SHORT" Warning,
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}
