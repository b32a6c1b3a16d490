//! Prizes by place: that the places are all there once, and that the amounts add up.

use super::super::What;
use super::super::rules::{BandRule, Layout, PLACES_MAX, PrizeRule, Rate, Size};
use super::super::table::{Band, Decimal, FixedFrom, Prize, PrizeTable, Tied, Unspent};
use super::{Check, Code};
use crate::ids::TournamentId;
use crate::money::{Amount, Currency, format_decimal};
use std::collections::BTreeMap;

/// Most bands of a table.
const BANDS_MAX: usize = 10_000;
/// Most prizes of one place.
const PRIZES_MAX: usize = 16;
/// Most parts that a prize may be; a pool of 64 bits times all parts of all places fits 128 bits.
const WEIGHT_MAX: u64 = 1_000_000_000_000;
/// Longest name of bonus terms, in characters.
const TERMS_MAX: usize = 64;
/// Longest text of an item, in characters.
const ITEM_MAX: usize = 200;

/// Sums over the whole table.
#[derive(Default)]
struct Sums {
    /// Σ fixed prizes, minor units.
    fixed: i128,
    /// Σ millionths of shares given as percentages.
    percent: i128,
    has_percent: bool,
    has_weight: bool,
    has_fixed: bool,
    /// First seen value of a ticket to each tournament.
    tickets: BTreeMap<TournamentId, Option<Amount>>,
}

/// What one place of a band wins: Σ fixed and Σ parts.
#[derive(Clone, Copy, Default)]
struct Worth {
    fixed: i128,
    parts: u128,
}

pub(super) fn check(
    check: &mut Check,
    table: &PrizeTable,
    total: Option<Amount>,
) -> Option<Layout> {
    if table.bands.len() > BANDS_MAX {
        let message = format!("{} bands; at most {BANDS_MAX}", table.bands.len());
        check.say(Code::TooManyBands, "bands", message);
        return None;
    }
    let before = check.problems.len();
    let mut sums = Sums::default();
    let mut rules = Vec::with_capacity(table.bands.len());
    let (mut began, mut ended) = (0, 0);
    let mut above: Option<Worth> = None;
    for (at, band) in table.bands.iter().enumerate() {
        let path = format!("bands[{at}]");
        let to = band.to.unwrap_or(band.from);
        places(check, &path, band.from, to, began, ended);
        (began, ended) = (band.from, ended.max(to));
        let count = i128::from(to.saturating_sub(band.from)) + 1;
        let (prizes, worth) = prizes(check, table, &path, band, count, &mut sums);
        if let (Some(above), Some(worth)) = (above, worth)
            && (worth.fixed > above.fixed || worth.parts > above.parts)
        {
            check.say(Code::PrizeRises, path, "wins more than the places above it");
        }
        above = worth.or(above);
        rules.push(BandRule { from: band.from, to, prizes });
    }
    if ended > PLACES_MAX {
        let message = format!("{ended} places; at most {PLACES_MAX}");
        check.say(Code::TooManyPlaces, "bands", message);
    }
    let unread = check.problems.iter().skip(before);
    let is_read = !unread.into_iter().any(|problem| unreadable(problem.code));
    whole(check, table, total, &sums, is_read);
    Some(Layout::Bands(rules))
}

/// Whether a problem leaves a sum unknown.
const fn unreadable(code: Code) -> bool {
    matches!(
        code,
        Code::AmountNotDecimal
            | Code::AmountTooFine
            | Code::AmountTooLarge
            | Code::AmountNegative
            | Code::PercentInvalid
            | Code::SizeNotOne
            | Code::BandReversed
            | Code::WeightTooLarge
    )
}

/// A band's places against those of the bands before it.
fn places(check: &mut Check, path: &str, from: u32, to: u32, began: u32, ended: u32) {
    if from == 0 {
        check.say(Code::PlaceZero, format!("{path}.from"), "places begin at 1");
    }
    if to < from {
        let message = format!("ends at {to}, before it begins at {from}");
        check.say(Code::BandReversed, format!("{path}.to"), message);
    } else if from < began {
        let message = format!("begins at {from}, before the band above it, at {began}");
        check.say(Code::BandOutOfOrder, format!("{path}.from"), message);
    } else if from <= ended && from > 0 {
        let message = format!("place {from} is in a band above it, which ends at {ended}");
        check.say(Code::BandOverlap, format!("{path}.from"), message);
    } else if from > ended.saturating_add(1) {
        let missing = ended.saturating_add(1);
        let message = format!("places {missing} to {} are in no band", from - 1);
        check.say(Code::BandGap, format!("{path}.from"), message);
    }
}

/// A band's prizes, and what each of its places wins when all of them can be read.
fn prizes(
    check: &mut Check,
    table: &PrizeTable,
    path: &str,
    band: &Band,
    count: i128,
    sums: &mut Sums,
) -> (Vec<PrizeRule>, Option<Worth>) {
    let at = format!("{path}.prizes");
    if band.prizes.is_empty() {
        check.say(Code::BandEmpty, at, "must have at least one prize");
        return (Vec::new(), None);
    }
    if band.prizes.len() > PRIZES_MAX {
        let message = format!("{} prizes; at most {PRIZES_MAX}", band.prizes.len());
        check.say(Code::TooManyPrizes, at, message);
        return (Vec::new(), None);
    }
    let mut rules = Vec::with_capacity(band.prizes.len());
    let mut worth = Worth::default();
    for (nth, prize) in band.prizes.iter().enumerate() {
        let Some(rule) = one(check, table, &format!("{at}[{nth}]"), prize, sums) else { continue };
        match rule.size {
            Size::Fixed(quantity) => {
                // Saturating: a band may claim four billion places before it is refused.
                let each = i128::from(rule.what.unit_value().0) * i128::from(quantity);
                worth.fixed += each;
                sums.fixed = sums.fixed.saturating_add(each.saturating_mul(count));
                sums.has_fixed = true;
            }
            Size::Share(parts) => {
                worth.parts += u128::from(parts);
                if sums.has_percent {
                    sums.percent += i128::from(parts) * count;
                }
            }
        }
        rules.push(rule);
    }
    let is_read = rules.len() == band.prizes.len();
    (rules, is_read.then_some(worth))
}

/// One prize; `None` when its size can't be read.
fn one(
    check: &mut Check,
    table: &PrizeTable,
    path: &str,
    prize: &Prize,
    sums: &mut Sums,
) -> Option<PrizeRule> {
    let (Prize::Cash { currency, .. }
    | Prize::Bonus { currency, .. }
    | Prize::FreeRounds { currency, .. }
    | Prize::Ticket { currency, .. }
    | Prize::Item { currency, .. }) = prize;
    same_currency(check, path, *currency);
    match prize {
        Prize::Cash { amount, percent, weight, .. } => {
            let given = (amount.as_ref(), percent.as_ref(), *weight);
            let size = size(check, path, given, sums)?;
            Some(PrizeRule { what: What::Cash {}, size })
        }
        Prize::Bonus { amount, percent, weight, terms, .. } => {
            check.text(format!("{path}.terms"), terms, TERMS_MAX);
            let given = (amount.as_ref(), percent.as_ref(), *weight);
            let size = size(check, path, given, sums)?;
            Some(PrizeRule { what: What::Bonus { terms: terms.as_str().into() }, size })
        }
        Prize::FreeRounds { count, game, value, terms, .. } => {
            if let Some(terms) = terms {
                check.text(format!("{path}.terms"), terms, TERMS_MAX);
            }
            if *count == 0 {
                check.say(Code::PrizeZero, format!("{path}.count"), "must be more than zero");
            }
            let value = check.prize(format!("{path}.value"), value)?;
            let terms = terms.as_deref().map(Into::into);
            let what = What::FreeRounds { game: game.clone(), value, terms };
            Some(PrizeRule { what, size: Size::Fixed(i64::from(*count)) })
        }
        Prize::Ticket { tournament, value, .. } => {
            let needs = table.policies.tied_tickets == Tied::Cash;
            let value = worth(check, table, path, value.as_ref(), needs, Code::TicketValueMissing)?;
            let known = *sums.tickets.entry(tournament.clone()).or_insert(value);
            if known != value {
                let message = format!("tickets to {tournament} have different values");
                check.say(Code::TicketValuesDiffer, format!("{path}.value"), message);
            }
            whole_only(check, table, path);
            let what = What::Ticket { tournament: tournament.clone(), value };
            Some(PrizeRule { what, size: Size::Fixed(1) })
        }
        Prize::Item { text, value, .. } => {
            check.text(format!("{path}.text"), text, ITEM_MAX);
            let needs = table.policies.tied_items == Tied::Cash;
            let value = worth(check, table, path, value.as_ref(), needs, Code::ItemValueMissing)?;
            whole_only(check, table, path);
            let what = What::Item { text: text.as_str().into(), value };
            Some(PrizeRule { what, size: Size::Fixed(1) })
        }
    }
}

fn same_currency(check: &mut Check, path: &str, currency: Option<Currency>) {
    let table = check.currency;
    if let Some(other) = currency.filter(|other| *other != table) {
        let message = format!("is {other} in a table of {table}");
        check.say(Code::CurrencyMixed, format!("{path}.currency"), message);
    }
}

fn whole_only(check: &mut Check, table: &PrizeTable, path: &str) {
    if table.policies.unspent == Unspent::Respread {
        let message = "can't be re-spread; it goes back to the operator when nobody wins it";
        check.say(Code::NotRespread, path, message);
    }
}

/// The cash value of what comes in pieces; the outer `None`: it can't be read.
#[allow(clippy::option_option, reason = "no value and an unreadable value are different")]
fn worth(
    check: &mut Check,
    table: &PrizeTable,
    path: &str,
    value: Option<&Decimal>,
    tie_needs: bool,
    code: Code,
) -> Option<Option<Amount>> {
    let path = format!("{path}.value");
    match value {
        Some(text) => check.prize(path, text).map(Some),
        None if tie_needs => {
            check.say(code, path, "must be given, since ties turn it into cash");
            Some(None)
        }
        None if table.fixed_from == FixedFrom::Pool => {
            check.say(code, path, "must be given, since the pool pays it");
            Some(None)
        }
        None => Some(None),
    }
}

type Given<'a> = (Option<&'a Decimal>, Option<&'a Decimal>, Option<u64>);

/// How big a money prize is: exactly one of amount, percent and weight.
fn size(check: &mut Check, path: &str, given: Given<'_>, sums: &mut Sums) -> Option<Size> {
    let (mixed, size) = match given {
        (Some(text), None, None) => {
            return check.prize(format!("{path}.amount"), text).map(|amount| Size::Fixed(amount.0));
        }
        (None, Some(text), None) => {
            sums.has_percent = true;
            let rate = check.percent(format!("{path}.percent"), text)?;
            (sums.has_weight, u64::from(rate.millionths()))
        }
        (None, None, Some(weight)) => {
            sums.has_weight = true;
            if weight > WEIGHT_MAX {
                let message = format!("{weight}; at most {WEIGHT_MAX}");
                check.say(Code::WeightTooLarge, format!("{path}.weight"), message);
                return None;
            }
            (sums.has_percent, weight)
        }
        (amount, percent, weight) => {
            let count = u8::from(amount.is_some()) + u8::from(percent.is_some());
            let count = count + u8::from(weight.is_some());
            let message = format!("must have one of amount, percent and weight; has {count}");
            check.say(Code::SizeNotOne, path, message);
            return None;
        }
    };
    if mixed {
        check.say(Code::SharesMixed, path, "a table has percentages or weights, not both");
    }
    if size == 0 {
        check.say(Code::PrizeZero, path, "must be more than zero");
    }
    Some(Size::Share(size))
}

/// What holds for the table as a whole; sums only when every part of them could be read.
fn whole(check: &mut Check, table: &PrizeTable, total: Option<Amount>, sums: &Sums, is_read: bool) {
    let has_shares = sums.has_percent || sums.has_weight;
    let from_pool = table.fixed_from == FixedFrom::Pool;
    match (&table.pool, has_shares || from_pool) {
        (None, true) => {
            let (path, needs) =
                if has_shares { ("pool", "shares") } else { ("fixedFrom", "prizes from the pool") };
            check.say(Code::PoolMissing, path, format!("{needs} need a pool"));
        }
        (Some(_), false) => {
            check.say(Code::PoolUnused, "pool", "no prize is a share of it or paid from it");
        }
        (None, false) | (Some(_), true) => {}
    }
    if table.total.is_some() && has_shares {
        check.say(Code::TotalWithShares, "total", "can't be stated beside shares of a pool");
    }
    if !is_read {
        return;
    }
    let whole = i128::from(Rate::WHOLE.millionths());
    if sums.has_percent && !sums.has_weight && sums.percent != whole {
        let message = format!("percentages sum to {}, not to 100", format_decimal(sums.percent, 4));
        check.say(Code::SharesNotWhole, "bands", message);
    }
    let shown = |sum: i128| format_decimal(sum, table.currency.exponent());
    let Ok(fixed) = i64::try_from(sums.fixed) else {
        let message =
            format!("all prizes are {} {}, which is too much", shown(sums.fixed), table.currency);
        check.say(Code::TotalTooLarge, "bands", message);
        return;
    };
    if let Some(total) = total.filter(|total| !has_shares && total.0 != fixed) {
        let (stated, sum) = (shown(i128::from(total.0)), shown(sums.fixed));
        let message = format!("states {stated}, but the prizes sum to {sum}");
        check.say(Code::TotalMismatch, "total", message);
    }
    if let Some(pool) = table.pool.as_ref().filter(|_| from_pool && sums.has_fixed) {
        let known = |text: &Option<Decimal>| {
            text.as_ref().and_then(|text| table.currency.amount(&text.0).ok()).unwrap_or_default()
        };
        if known(&pool.seed).max(known(&pool.guarantee)).0 < fixed {
            let message = format!(
                "may hold less than the fixed prizes of {}; the operator covers the rest",
                shown(sums.fixed)
            );
            check.say(Code::PoolMayBeShort, "pool", message);
        }
    }
}
