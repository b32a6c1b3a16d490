//! The check before publication: everything that is wrong, at once, line by line.
//!
//! **Invariant:** [`Rules`] come out of it or errors do, never both; whoever has rules can plan.

mod bands;
mod pool;
mod problem;

pub use problem::{Code, Problem, Severity};

use super::What;
use super::rules::{Layout, Rate, Rules};
use super::table::{Decimal, FixedFrom, PrizeTable, Satellite, Unspent};
use crate::money::{Amount, Currency, Error as Money};

impl PrizeTable {
    /// Everything to say about the table, errors and warnings, in the order of the document.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        run(self).1
    }

    /// The table as exact rules.
    ///
    /// # Errors
    /// All problems, warnings too, when at least one is an error.
    pub fn rules(&self) -> Result<Rules, Vec<Problem>> {
        let (rules, problems) = run(self);
        let stops = problems.iter().any(|problem| problem.severity == Severity::Error);
        rules.filter(|_| !stops).ok_or(problems)
    }
}

/// What is collected on the way.
struct Check {
    currency: Currency,
    problems: Vec<Problem>,
}

impl Check {
    fn say(&mut self, code: Code, path: impl Into<String>, message: impl Into<String>) {
        let (path, message) = (path.into(), message.into());
        self.problems.push(Problem { severity: code.severity(), path, code, message });
    }

    /// An amount ≥ 0.
    fn amount(&mut self, path: impl Into<String>, text: &Decimal) -> Option<Amount> {
        let error = match self.currency.amount_not_negative(&text.0) {
            Ok(amount) => return Some(amount),
            Err(error) => error,
        };
        let code = match error {
            Money::TooFine => Code::AmountTooFine,
            Money::Overflow => Code::AmountTooLarge,
            Money::Negative => Code::AmountNegative,
            Money::NotDecimal | Money::UnknownCurrency => Code::AmountNotDecimal,
        };
        self.say(code, path, format!("`{}`: {error}", shown(&text.0)));
        None
    }

    /// An amount > 0.
    fn prize(&mut self, path: impl Into<String>, text: &Decimal) -> Option<Amount> {
        let path = path.into();
        let amount = self.amount(path.clone(), text)?;
        if !amount.is_positive() {
            self.say(Code::PrizeZero, path, "must be more than zero");
            return None;
        }
        Some(amount)
    }

    /// A percentage of up to four decimals, 0 to 100.
    fn percent(&mut self, path: impl Into<String>, text: &Decimal) -> Option<Rate> {
        let rate = millionths(&text.0).and_then(Rate::from_millionths);
        if rate.is_none() {
            let message = format!("`{}` is not 0 to 100 with up to four decimals", shown(&text.0));
            self.say(Code::PercentInvalid, path, message);
        }
        rate
    }

    /// A short text without control characters.
    fn text(&mut self, path: impl Into<String>, text: &str, chars_max: usize) -> bool {
        let fits = (1..=chars_max).contains(&text.chars().count());
        let is_good = fits && !text.chars().any(char::is_control) && !text.trim().is_empty();
        if !is_good {
            let message = format!("must be 1 to {chars_max} characters, not blank, on one line");
            self.say(Code::TextInvalid, path, message);
        }
        is_good
    }
}

/// What is quoted of a bad value; no message grows with the document.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// `"12.5"` as 125,000 millionths.
fn millionths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let kept = fraction.trim_end_matches('0');
    if text.len() > 32 || !plain(whole) || !plain(fraction) || kept.len() > 4 {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = format!("{kept:0<4}").parse().ok()?;
    whole.checked_mul(10_000)?.checked_add(fraction)
}

fn run(table: &PrizeTable) -> (Option<Rules>, Vec<Problem>) {
    let mut check = Check { currency: table.currency, problems: Vec::new() };
    let total = table.total.as_ref().and_then(|text| check.prize("total", text));
    if table.policies.unspent == Unspent::Rollover && table.pool.is_none() {
        let message = "rolls over, but this table has no pool that could take it the next time";
        check.say(Code::RolloverWithoutPool, "policies.unspent", message);
    }
    let pool = table.pool.as_ref().map(|pool| pool::check(&mut check, pool));
    let layout = match (&table.satellite, table.bands.is_empty()) {
        (Some(satellite), true) => satellite_layout(&mut check, table, satellite),
        (None, false) => bands::check(&mut check, table, total),
        (None, true) => {
            check.say(Code::PrizesMissing, "bands", "must have prizes, or be a satellite");
            None
        }
        (Some(_), false) => {
            check.say(Code::PrizesTwice, "satellite", "must not stand beside bands");
            None
        }
    };
    let rules = layout.and_then(|layout| {
        // A pool that was there and could not be read has left its problems.
        let pool = match pool {
            Some(pool) => Some(pool?),
            None => None,
        };
        let (currency, fixed_from) = (table.currency, table.fixed_from);
        Some(Rules { currency, fixed_from, policies: table.policies.clone(), pool, layout })
    });
    (rules, check.problems)
}

fn satellite_layout(
    check: &mut Check,
    table: &PrizeTable,
    satellite: &Satellite,
) -> Option<Layout> {
    if table.pool.is_none() {
        check.say(Code::PoolMissing, "satellite", "needs a pool that buys its tickets");
    }
    if table.total.is_some() {
        check.say(Code::TotalWithShares, "total", "can't be stated: the pool decides");
    }
    if table.fixed_from == FixedFrom::Pool {
        check.say(Code::PoolUnused, "fixedFrom", "has no meaning for a satellite");
    }
    let value = check.prize("satellite.value", &satellite.value);
    let rest = satellite.rest_each.as_ref();
    let rest = rest.map(|text| check.prize("satellite.restEach", text));
    let value = value?;
    let rest_each = match rest {
        Some(rest) => Some(rest?),
        None => None,
    };
    let tournament = satellite.tournament.clone();
    let ticket = What::Ticket { tournament, value: Some(value) };
    Some(Layout::Satellite { ticket, value, rest_each })
}
