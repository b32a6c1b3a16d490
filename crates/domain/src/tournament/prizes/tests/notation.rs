//! Short texts for tables, results and plans, so that a case is a row.

use crate::ids::PlayerId;
use crate::money::Amount;
use crate::tournament::prizes::*;

/// A table from TOML; `currency = "USD"` unless it names one.
pub(super) fn table(text: &str) -> PrizeTable {
    let head = if text.contains("currency") { "" } else { "currency = \"USD\"\n" };
    toml::from_str(&format!("{head}{text}")).unwrap()
}

pub(super) fn rules(text: &str) -> Rules {
    table(text).rules().unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

/// Bands of one place each: `"25 15 8"` in whole units.
pub(super) fn places(amounts: &str) -> String {
    let band = |(place, amount)| {
        format!(
            "[[bands]]\nfrom = {place}\nprizes = [{{ kind = \"cash\", amount = \"{amount}\" }}]\n"
        )
    };
    (1..).zip(amounts.split(' ')).map(band).collect()
}

pub(super) fn player(name: char) -> PlayerId {
    PlayerId(u64::from(u32::from(name)))
}

fn name(player: PlayerId) -> char {
    char::from_u32(u32::try_from(player.0).unwrap()).unwrap()
}

/// `"a=b c! d? e-"`: a and b are tied, a first; c is excluded, d under review, e unmet.
pub(super) fn field(text: &str) -> Finishers {
    let mut rows = Vec::new();
    for (group, tie) in (1..).zip(text.split_whitespace()) {
        let rank = u32::try_from(rows.len()).unwrap() + 1;
        for (order, one) in (0..).zip(tie.split('=')) {
            let mut letters = one.chars();
            let player = player(letters.next().unwrap());
            let status = match letters.next() {
                None => Status::Eligible,
                Some('!') => Status::Excluded,
                Some('?') => Status::UnderReview,
                Some('-') => Status::Unmet,
                Some(other) => panic!("{other}"),
            };
            rows.push(Finish { player, rank, group, order, status });
        }
    }
    Finishers::new(rows).unwrap()
}

pub(super) fn what(what: &What, quantity: i64, value: Amount) -> String {
    match what {
        What::Cash {} => money(value),
        What::Bonus { .. } => format!("bonus {}", money(value)),
        What::FreeRounds { .. } => format!("{quantity} rounds"),
        What::Ticket { .. } => format!("{quantity} ticket"),
        What::Item { text, .. } => format!("{quantity} {text}"),
    }
}

pub(super) fn money(amount: Amount) -> String {
    crate::money::format_decimal(i128::from(amount.0), 2)
}

/// `"1a 16.00, 1b 16.00 | house 5.00"`: lines, then remainders.
pub(super) fn shown(plan: &PrizePlan) -> String {
    let line = |line: &Line| {
        let reason = match line.reason {
            Reason::Prize => "",
            Reason::Converted => " converted",
            Reason::Respread => " respread",
            Reason::Refund => " refund",
            Reason::FeeRefund => " fee",
            Reason::PoolShare => " share",
            Reason::MinimumPrize => " minimum",
            Reason::ChipShare => " chips",
        };
        let due = match line.due {
            Due::Payable => "",
            Due::Reserved => " reserved",
        };
        let prize = what(&line.what, line.quantity, line.value);
        format!("{}{} {prize}{reason}{due}", line.place, name(line.player))
    };
    let left = |left: &Remainder| {
        let to = match left.to {
            Destination::House => "house",
            Destination::Rollover => "rollover",
        };
        format!("{to} {}", what(&left.what, left.quantity, left.value))
    };
    let lines: Vec<String> = plan.lines().iter().map(line).collect();
    let rest: Vec<String> = plan.remainders().iter().map(left).collect();
    let bar = if rest.is_empty() { "" } else { " | " };
    format!("{}{bar}{}", lines.join(", "), rest.join(", "))
}

/// `"buyIns 40.00, guarantee 60.00"`.
pub(super) fn funded(funding: &[Funding]) -> String {
    let one = |from: &Funding| {
        let source = serde_json::to_value(from.source).unwrap();
        format!("{} {}", source.as_str().unwrap(), money(from.amount))
    };
    funding.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A plan from a table without a pool.
pub(super) fn fixed(text: &str, result: &str) -> PrizePlan {
    let rules = rules(text);
    let pool = Pool::collect(&rules, &Collected::default()).unwrap();
    plan(&rules, &pool, &field(result)).unwrap()
}

/// A plan of a pool that buy-ins of so many cents filled.
pub(super) fn pooled(text: &str, paid: i64, result: &str) -> PrizePlan {
    let rules = rules(text);
    let collected = Collected { paid: Amount(paid), ..Collected::default() };
    plan(&rules, &Pool::collect(&rules, &collected).unwrap(), &field(result)).unwrap()
}
