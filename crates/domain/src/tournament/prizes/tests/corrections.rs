//! A later version of a result: claw back, absorb, pay up only (L5); and L6 and L7 after it.

use super::notation::*;
use crate::tournament::prizes::table::Correction;
use crate::tournament::prizes::table::Correction::{Absorb, ClawBack, PayUpOnly};
use crate::tournament::prizes::*;

fn entries(revision: &Revision) -> String {
    let one = |entry: &Compensation| {
        let action = serde_json::to_value(entry.action).unwrap();
        let name = ('a'..='z').find(|name| player(*name) == entry.player).unwrap();
        let prize = what(&entry.what, entry.quantity, entry.value);
        format!("{} {name} {prize}", action.as_str().unwrap())
    };
    revision.entries.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn result(text: &str) -> PrizePlan {
    fixed(&places("50 30 20"), text)
}

#[test]
fn a_second_version_is_put_right_by_the_declared_policy() {
    let rows: [(&str, &str, &str, [&str; 3]); 6] = [
        (
            "L5, L6: the winner is disqualified",
            "a b c d",
            "a! b c d",
            [
                "takeBack a 50.00, pay b 20.00, pay c 10.00, pay d 20.00",
                "absorb a 50.00, pay b 20.00, pay c 10.00, pay d 20.00",
                "pay b 20.00, pay c 10.00, pay d 20.00",
            ],
        ),
        (
            "L5: two change places",
            "a b c",
            "b a c",
            ["takeBack a 20.00, pay b 20.00", "absorb a 20.00, pay b 20.00", "pay b 20.00"],
        ),
        ("L5: nothing changes", "a b c d", "a b c", ["", "", ""]),
        (
            "L7: a review begins after the payment; nothing moves until it ends",
            "a b c",
            "a? b c",
            ["", "", ""],
        ),
        (
            "L7: a review ends well",
            "a? b c",
            "a b c",
            ["pay a 50.00", "pay a 50.00", "pay a 50.00"],
        ),
        (
            "L7: a review ends badly; what was set aside was never paid",
            "a? b c",
            "a! b c",
            ["pay b 20.00, pay c 10.00", "pay b 20.00, pay c 10.00", "pay b 20.00, pay c 10.00"],
        ),
    ];
    for (rule, old, new, expected) in rows {
        for (policy, expected) in [ClawBack, Absorb, PayUpOnly].into_iter().zip(expected) {
            let revision = revise(&result(old), &result(new), policy).unwrap();
            assert_eq!(entries(&revision), expected, "{rule}: {policy:?}");
        }
    }
}

#[test]
fn a_disqualification_that_is_taken_back_pays_nobody_twice() {
    let rows: [(Correction, &str); 3] = [
        (ClawBack, "pay a 50.00, takeBack b 20.00, takeBack c 10.00, takeBack d 20.00"),
        (Absorb, "restore a 50.00, absorb b 20.00, absorb c 10.00, absorb d 20.00"),
        (PayUpOnly, ""),
    ];
    for (policy, expected) in rows {
        let first = result("a b c d");
        let second = revise(&first, &result("a! b c d"), policy).unwrap();
        let third = second.after.revise(&first, policy).unwrap();
        assert_eq!(entries(&third), expected, "{policy:?}");
        let usd = first.lines()[0].currency;
        let held = |name| third.after.quantity(player(name), usd, &What::Cash {});
        assert_eq!(held('a'), 5_000, "{policy:?}");
        // And once more the same: nothing is left to do.
        assert_eq!(entries(&third.after.revise(&first, policy).unwrap()), "", "{policy:?}");
    }
}

#[test]
fn kinds_are_put_right_by_themselves() {
    let table = "
        [[bands]]
        from = 1
        prizes = [{ kind = \"cash\", amount = \"10\" }, { kind = \"item\", text = \"Cup\" }]
        [[bands]]
        from = 2
        prizes = [{ kind = \"freeRounds\", count = 20, game = \"wolf\", value = \"0.10\" }]
    ";
    let revision = revise(&fixed(table, "a b"), &fixed(table, "b a"), ClawBack).unwrap();
    assert_eq!(
        entries(&revision),
        "takeBack a 10.00, pay a 20 rounds, takeBack a 1 Cup, pay b 10.00, takeBack b 20 rounds, pay b 1 Cup"
    );
}
