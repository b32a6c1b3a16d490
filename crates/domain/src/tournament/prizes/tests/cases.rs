//! Ties, rounding, vacant places, satellites: the published numbers (T3–T6, P1–P5, L6, L7).

use super::notation::*;
use crate::money::Amount;
use crate::tournament::prizes::*;

const RETURN: &str = "[policies]\nunspent = \"return\"\n";
const ROLLOVER: &str = "[policies]\nunspent = \"rollover\"\n";
const RESPREAD: &str = "[policies]\nunspent = \"respread\"\n";

/// Checks rows of (rule, table, result, expected plan).
fn check(rows: &[(&str, String, &str, &str)]) {
    let mut wrong = Vec::new();
    for (rule, table, result, expected) in rows {
        let got = shown(&fixed(table, result));
        if got != *expected {
            wrong.push(format!("{rule}: {result}\n  got      {got}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn ties_share_the_prizes_of_their_places() {
    check(&[
        // Published: GSN, 25 + 15 + 8 between three; a fourth prize goes to the next player.
        ("T4", places("25 15 8"), "a=b=c d", "1a 16.00, 2b 16.00, 3c 16.00"),
        ("T4", places("25 15 8 5"), "a=b=c d", "1a 16.00, 2b 16.00, 3c 16.00, 4d 5.00"),
        // Published: DraftKings, two share 20 and 10.
        ("T4", places("20 10"), "a=b c", "1a 15.00, 2b 15.00"),
        // Published: FanDuel, two tied for second share 500 and 200.
        ("T4", places("1000 500 200"), "a b=c d", "1a 1000.00, 2b 350.00, 3c 350.00"),
        // What does not divide goes to the first in the declared order.
        ("T4", places("10 6.67"), "b=a", "1b 8.34, 2a 8.33"),
        // A tie over the last paid place shares the paid places only.
        ("T5", places("20 10"), "a b=c=d e", "1a 20.00, 2b 3.34, 3c 3.33, 4d 3.33"),
        ("T5", places("20 10 0.01"), "a b c=d=e", "1a 20.00, 2b 10.00, 3c 0.01"),
        ("T5", places("20"), "a=b=c", "1a 6.67, 2b 6.67, 3c 6.66"),
    ]);
}

#[test]
fn prizes_follow_positions_whatever_ranks_are_called() {
    // T3: two tied for first, then somebody whose rank is 2 or 3 by style, who gets the third
    // prize; and the same with ties broken, where everybody is a group of his own.
    let rules = rules(&places("25 15 8"));
    let pool = Pool::collect(&rules, &Collected::default()).unwrap();
    for (style, ranks, groups, expected) in [
        ("1-1-3", [1, 1, 3], [1, 1, 2], "1a 20.00, 2b 20.00, 3c 8.00"),
        ("1-1-2", [1, 1, 2], [1, 1, 2], "1a 20.00, 2b 20.00, 3c 8.00"),
        ("1-2-3", [1, 2, 3], [1, 2, 3], "1a 25.00, 2b 15.00, 3c 8.00"),
        ("1-1-3, ties broken for prizes", [1, 1, 3], [1, 2, 3], "1a 25.00, 2b 15.00, 3c 8.00"),
    ] {
        let row = |at: usize, name| Finish {
            player: player(name),
            rank: ranks[at],
            group: groups[at],
            order: i64::try_from(at).unwrap(),
            status: Status::Eligible,
        };
        let rows = Finishers::new(vec![row(2, 'c'), row(0, 'a'), row(1, 'b')]).unwrap();
        assert_eq!(shown(&plan(&rules, &pool, &rows).unwrap()), expected, "{style}");
    }
}

#[test]
fn what_can_not_be_divided_goes_by_the_declared_policy() {
    let ticket = |policy: &str| {
        format!(
            "[policies]\ntiedTickets = \"{policy}\"\n[[bands]]\nfrom = 1\nto = 5\n\
             prizes = [{{ kind = \"ticket\", tournament = \"sunday\", value = \"25\" }}]\n"
        )
    };
    let mixed = |policy: &str| {
        format!(
            "[policies]\ntiedItems = \"{policy}\"\n\
             [[bands]]\nfrom = 1\nprizes = [{{ kind = \"cash\", amount = \"100\" }}, \
             {{ kind = \"item\", text = \"Car\", value = \"900\" }}]\n\
             [[bands]]\nfrom = 2\nprizes = [{{ kind = \"cash\", amount = \"50\" }}]\n"
        )
    };
    let three = |policy: &str| {
        let one = "{ kind = \"ticket\", tournament = \"sunday\", value = \"25\" }";
        format!(
            "[policies]\ntiedTickets = \"{policy}\"\n\
             [[bands]]\nfrom = 1\nprizes = [{one}, {one}]\n[[bands]]\nfrom = 2\nprizes = [{one}]\n"
        )
    };
    let both = "1a 1 ticket, 2b 1 ticket, 3c 1 ticket, 4d 1 ticket";
    check(&[
        // Published: FanDuel, five $25 tickets, two tied for the fifth: 12.50 each.
        (
            "T6",
            ticket("cash"),
            "a b c d e=f",
            &format!("{both}, 5e 12.50 converted, 6f 12.50 converted"),
        ),
        // There is one for each, so nothing needs to be divided.
        ("T6", ticket("cash"), "a b c d=e f", &format!("{both}, 5e 1 ticket")),
        // Published: GSN, who posted the tying score first is ahead.
        ("T6", ticket("firstWins"), "a b c d e=f", &format!("{both}, 5e 1 ticket")),
        ("T6", ticket("firstWins"), "a b c d f=e", &format!("{both}, 5f 1 ticket")),
        // Three for two players is not one for each.
        ("T6", three("firstWins"), "a=b", "1a 2 ticket, 2b 1 ticket"),
        ("T6", three("cash"), "a=b", "1a 37.50 converted, 2b 37.50 converted"),
        ("T6", mixed("firstWins"), "a=b", "1a 75.00, 1a 1 Car, 2b 75.00"),
        (
            "T6",
            mixed("cash"),
            "a=b",
            "1a 75.00, 1a 450.00 converted, 2b 75.00, 2b 450.00 converted",
        ),
        ("T6", mixed("cash"), "a b", "1a 100.00, 1a 1 Car, 2b 50.00"),
    ]);
}

#[test]
fn several_kinds_stand_on_one_place_and_are_divided_by_kind() {
    let table = "
        [[bands]]
        from = 1
        prizes = [
            { kind = \"cash\", amount = \"100\" },
            { kind = \"bonus\", amount = \"50\", terms = \"x35\" },
            { kind = \"freeRounds\", count = 101, game = \"wolf\", value = \"0.20\" },
            { kind = \"item\", text = \"Cup\" },
        ]
        [[bands]]
        from = 2
        to = 3
        prizes = [{ kind = \"bonus\", amount = \"25\", terms = \"x35\" }, { kind = \"cash\", amount = \"10\" }]
    ";
    check(&[
        (
            "kinds",
            table.into(),
            "a b c",
            "1a 100.00, 1a bonus 50.00, 1a 101 rounds, 1a 1 Cup, 2b 10.00, 2b bonus 25.00, \
             3c 10.00, 3c bonus 25.00",
        ),
        (
            "kinds, T4, T6",
            table.into(),
            "b=a c",
            "1b 55.00, 1b bonus 37.50, 1b 51 rounds, 1b 1 Cup, 2a 55.00, 2a bonus 37.50, 2a 50 rounds, \
             3c 10.00, 3c bonus 25.00",
        ),
    ]);
}

const SHARES: &str = "
    [pool]
    buyIns = {}
    [[bands]]
    from = 1
    prizes = [{ kind = \"cash\", percent = \"50\" }]
    [[bands]]
    from = 2
    prizes = [{ kind = \"cash\", percent = \"30\" }]
    [[bands]]
    from = 3
    prizes = [{ kind = \"cash\", percent = \"20\" }]
";

#[test]
fn shares_are_paid_to_the_last_minor_unit() {
    let thirds = "[pool]\nbuyIns = {}\n[[bands]]\nfrom = 1\nto = 3\nprizes = [{ kind = \"cash\", weight = 1 }]\n";
    let rows = [
        ("P2", SHARES, 10_000, "a b c", "1a 50.00, 2b 30.00, 3c 20.00"),
        // 0.5, 0.3, 0.2 of a cent: the cent goes to the largest fraction.
        ("P2", SHARES, 1, "a b c", "1a 0.01"),
        // 33.33⅓ each: equal fractions, so by rank.
        ("P2", thirds, 10_000, "a b c", "1a 33.34, 2b 33.33, 3c 33.33"),
        ("P2", thirds, 2, "a b c", "1a 0.01, 2b 0.01"),
        ("P2, T4", SHARES, 10_001, "a=b c", "1a 40.01, 2b 40.00, 3c 20.00"),
        ("P2", SHARES, 0, "a b c", ""),
    ];
    for (rule, table, paid, result, expected) in rows {
        assert_eq!(shown(&pooled(table, paid, result)), expected, "{rule}: {paid} {result}");
    }
}

#[test]
fn a_published_payout_structure_pays_out_exactly() {
    // Big Sunday Blast: €15,000 over 100 places. Drops & Wins: €30,000 over 350 (P3). Unibo's
    // example: €10,000 over 20 (P3). First amount of each band, and its last place.
    let rows: [(&str, &str, u32, i64); 3] = [
        ("2500:1 1700:2 1200:3 750:4 500:5 300:10 180:20 85:50 50:100", "15000.00", 100, 5_000),
        ("5000:1 3000:2 2000:3 1000:5 500:10 250:20 100:70 50:150 20:350", "30000.00", 350, 2_000),
        ("3000:1 2000:2 1500:3 750:5 200:10 100:20", "10000.00", 20, 10_000),
    ];
    for (bands, total, last, least) in rows {
        let mut text = format!("currency = \"EUR\"\ntotal = \"{total}\"\n");
        let mut from = 1;
        for band in bands.split(' ') {
            let (amount, to) = band.split_once(':').unwrap();
            text += &format!(
                "[[bands]]\nfrom = {from}\nto = {to}\n\
                 prizes = [{{ kind = \"cash\", amount = \"{amount}\" }}]\n"
            );
            from = to.parse::<u32>().unwrap() + 1;
        }
        assert_eq!(table(&text).problems(), []);
        let rules = rules(&text);
        let row = |at: u32| Finish {
            player: crate::ids::PlayerId(u64::from(at)),
            rank: at,
            group: at,
            order: 0,
            status: Status::Eligible,
        };
        let finishers = Finishers::new((1..=last + 5).map(row).collect()).unwrap();
        let pool = Pool::collect(&rules, &Collected::default()).unwrap();
        let plan = plan(&rules, &pool, &finishers).unwrap();
        let sum: i64 = plan.lines().iter().map(|line| line.value.0).sum();
        assert_eq!(money(Amount(sum)), total);
        assert_eq!(plan.lines().len(), usize::try_from(last).unwrap());
        assert_eq!(plan.lines().last().map(|line| (line.place, line.value.0)), Some((last, least)));
        assert_eq!(
            (plan.remainders(), funded(plan.funding())),
            (&[][..], format!("operator {total}"))
        );
    }
}

#[test]
fn fewer_players_than_places_by_the_declared_policy() {
    let with = |policy: &str, table: &str| format!("{policy}{table}");
    let table = places("50 30 20");
    check(&[
        ("P4", with(RETURN, &table), "a b", "1a 50.00, 2b 30.00 | house 20.00"),
        ("P4", with(ROLLOVER, &table), "a b", "1a 50.00, 2b 30.00 | rollover 20.00"),
        (
            "P4",
            with(RESPREAD, &table),
            "a b",
            "1a 50.00, 1a 12.50 respread, 2b 30.00, 2b 7.50 respread",
        ),
        ("P4", with(RESPREAD, &table), "a", "1a 50.00, 1a 50.00 respread"),
        (
            // Parts count exactly: 4.5 cents each of the tie, 3 of the third, of 1.20.
            "P4, T4",
            with(
                RESPREAD,
                "[[bands]]\nfrom = 1\nprizes = [{ kind = \"cash\", amount = \"0.05\" }]\n\
                 [[bands]]\nfrom = 2\nprizes = [{ kind = \"cash\", amount = \"0.04\" }]\n\
                 [[bands]]\nfrom = 3\nto = 43\nprizes = [{ kind = \"cash\", amount = \"0.03\" }]\n",
            ),
            "a=b c",
            "1a 0.05, 1a 0.45 respread, 2b 0.04, 2b 0.45 respread, 3c 0.03, 3c 0.30 respread",
        ),
        ("P4: nobody is there to take it", with(RESPREAD, &table), "", " | house 100.00"),
        ("P4: nobody", with(ROLLOVER, &table), "", " | rollover 100.00"),
    ]);
    let rows = [
        (RETURN, "1a 50.00, 2b 30.00 | house 20.00"),
        (ROLLOVER, "1a 50.00, 2b 30.00 | rollover 20.00"),
        (RESPREAD, "1a 50.00, 1a 12.50 respread, 2b 30.00, 2b 7.50 respread"),
    ];
    for (policy, expected) in rows {
        let plan = pooled(&with(policy, SHARES), 10_000, "a b");
        assert_eq!(shown(&plan), expected, "P4 of a pool: {policy}");
        assert_eq!(funded(plan.funding()), "buyIns 100.00");
    }
}

#[test]
fn tickets_that_nobody_wins_go_back_and_are_not_re_spread() {
    let table = format!(
        "{RESPREAD}[[bands]]\nfrom = 1\nto = 2\nprizes = [{{ kind = \"cash\", amount = \"10\" }}, \
         {{ kind = \"ticket\", tournament = \"sunday\", value = \"25\" }}]\n"
    );
    check(&[("P4", table, "a", "1a 10.00, 1a 10.00 respread, 1a 1 ticket | house 1 ticket")]);
}

#[test]
fn one_prize_per_player() {
    // Betano: a second row of the same player does not win; the next one moves up.
    check(&[
        ("P4", places("25 15 8"), "a b a c d", "1a 25.00, 2b 15.00, 3c 8.00"),
        ("P4", places("25 15 8"), "a=a b c", "1a 25.00, 2b 15.00, 3c 8.00"),
        // Who is disqualified or under review in one row is so in all of his.
        ("P4, L6", places("25 15 8"), "a b a! c", "1b 25.00, 2c 15.00 | house 8.00"),
        ("P4, L7", places("25 15 8"), "a b a? c", "1a 25.00 reserved, 2b 15.00, 3c 8.00"),
    ]);
}

#[test]
fn who_is_disqualified_leaves_his_place_or_not() {
    let with = |excluded: &str, unspent: &str| {
        format!(
            "[policies]\nexcluded = \"{excluded}\"\nunspent = \"{unspent}\"\n{}",
            places("50 30 20")
        )
    };
    check(&[
        // As in the 1997 Formula 1 season: the second of the standings moves up.
        ("L6", with("moveUp", "return"), "a b! c d", "1a 50.00, 2c 30.00, 3d 20.00"),
        ("L6", with("moveUp", "return"), "a! b", "1b 50.00 | house 50.00"),
        ("L6", with("moveUp", "return"), "a=b!=c d", "1a 40.00, 2c 40.00, 3d 20.00"),
        // Or the place stays empty, and nobody else's prize changes.
        ("L6", with("vacant", "return"), "a b! c d", "1a 50.00, 3c 20.00 | house 30.00"),
        ("L6", with("vacant", "rollover"), "a b! c d", "1a 50.00, 3c 20.00 | rollover 30.00"),
        ("L6", with("vacant", "return"), "a=b! c", "1a 40.00, 3c 20.00 | house 40.00"),
        (
            "L6",
            with("vacant", "respread"),
            "a b! c d",
            "1a 50.00, 1a 21.43 respread, 3c 20.00, 3c 8.57 respread",
        ),
    ]);
}

#[test]
fn who_misses_a_condition_is_ranked_and_not_paid() {
    let with = |unmet: &str| format!("[policies]\nunmet = \"{unmet}\"\n{}", places("50 30 20"));
    check(&[
        ("S11", with("moveUp"), "a b- c d", "1a 50.00, 2c 30.00, 3d 20.00"),
        ("S11", with("vacant"), "a b- c d", "1a 50.00, 3c 20.00 | house 30.00"),
    ]);
    // The prize moves up, the rank does not.
    let moved = fixed(&with("moveUp"), "a b- c d");
    let ranks: Vec<_> = moved.lines().iter().map(|line| (line.place, line.rank)).collect();
    assert_eq!(ranks, [(1, 1), (2, 3), (3, 4)]);
}

#[test]
fn a_review_sets_only_that_prize_aside() {
    check(&[
        ("L7", places("50 30 20"), "a b? c", "1a 50.00, 2b 30.00 reserved, 3c 20.00"),
        ("L7, T4", places("50 30 20"), "a?=b c", "1a 40.00 reserved, 2b 40.00, 3c 20.00"),
    ]);
}

#[test]
fn a_satellite_gives_as_many_tickets_as_its_pool_buys() {
    let satellite = |more: &str| {
        format!(
            "{more}[pool]\nbuyIns = {{}}\n\
             [satellite]\ntournament = \"sunday-300\"\nvalue = \"300\"\nrestEach = \"60\"\n"
        )
    };
    let plain = satellite("");
    let rows = [
        // Published: GGPoker, 25, 26 and 27 entries at $30.
        (
            "P5",
            &plain,
            75_000,
            "a b c d e f g",
            "1a 1 ticket, 2b 1 ticket, 3c 60.00, 4d 60.00, 5e 30.00",
        ),
        (
            "P5",
            &plain,
            78_000,
            "a b c d e f g",
            "1a 1 ticket, 2b 1 ticket, 3c 60.00, 4d 60.00, 5e 60.00",
        ),
        (
            "P5",
            &plain,
            81_000,
            "a b c d e f g",
            "1a 1 ticket, 2b 1 ticket, 3c 60.00, 4d 60.00, 5e 60.00, 6f 30.00",
        ),
        ("P5: no rest", &plain, 60_000, "a b c", "1a 1 ticket, 2b 1 ticket"),
        ("P5: not one ticket", &plain, 9_000, "a b c", "1a 60.00, 2b 30.00"),
        ("P5, P4", &plain, 75_000, "a b c", "1a 1 ticket, 2b 1 ticket, 3c 60.00 | house 90.00"),
        ("P5: nothing", &plain, 0, "a b c", ""),
        (
            "P5, T6",
            &satellite("[policies]\ntiedTickets = \"cash\"\n"),
            75_000,
            "a b=c d e",
            "1a 1 ticket, 2b 30.00, 2b 150.00 converted, 3c 30.00, 3c 150.00 converted, 4d 60.00, 5e 30.00",
        ),
    ];
    for (rule, table, paid, result, expected) in rows {
        assert_eq!(shown(&pooled(table, paid, result)), expected, "{rule}: {paid} {result}");
    }
    let rules = rules(&plain.replace("\"300\"", "\"3000\"").replace("\"60\"", "\"0.01\""));
    assert_eq!(satellite_refuses(&rules, 100_000), None);
    assert_eq!(satellite_refuses(&rules, 100_001), Some(100_001));
    let whole_rest = plain.replace("restEach = \"60\"\n", "");
    assert_eq!(
        shown(&pooled(&whole_rest, 75_000, "a b c d")),
        "1a 1 ticket, 2b 1 ticket, 3c 150.00"
    );
}

/// How many places are too many for a plan.
fn satellite_refuses(rules: &Rules, paid: i64) -> Option<u64> {
    let collected = Collected { paid: Amount(paid), ..Collected::default() };
    let pool = Pool::collect(rules, &collected).unwrap();
    match plan(rules, &pool, &field("a b")) {
        Ok(_) => None,
        Err(Error::TooManyPlaces { places, .. }) => Some(places),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn fixed_prizes_may_come_from_the_pool() {
    let table = format!(
        "fixedFrom = \"pool\"\n[pool]\nbuyIns = {{}}\n{}[[bands]]\nfrom = 4\nto = 5\n\
         prizes = [{{ kind = \"cash\", weight = 1 }}]\n",
        places("50 30 20")
    );
    // Fixed prizes first, shares of the rest; and the operator covers what is missing.
    let rich = pooled(&table, 10_301, "a b c d e");
    assert_eq!(shown(&rich), "1a 50.00, 2b 30.00, 3c 20.00, 4d 1.51, 5e 1.50");
    assert_eq!(funded(rich.funding()), "buyIns 103.01");
    let poor = pooled(&table, 7_000, "a b c d e");
    assert_eq!(shown(&poor), "1a 50.00, 2b 30.00, 3c 20.00");
    assert_eq!(funded(poor.funding()), "buyIns 70.00, shortfall 30.00");
    let table = format!("fixedFrom = \"pool\"\n[pool]\nbuyIns = {{}}\n{}", places("50 30 20"));
    assert_eq!(
        shown(&pooled(&table, 10_301, "a b c")),
        "1a 50.00, 2b 30.00, 3c 20.00 | house 3.01"
    );
    // On top, the operator pays them beside the pool.
    let table =
        format!("{SHARES}[[bands]]\nfrom = 4\nprizes = [{{ kind = \"cash\", amount = \"5\" }}]\n");
    let on_top = pooled(&table, 10_000, "a b c d");
    assert_eq!(shown(&on_top), "1a 50.00, 2b 30.00, 3c 20.00, 4d 5.00");
    assert_eq!(funded(on_top.funding()), "buyIns 100.00, operator 5.00");
}

#[test]
fn the_longest_table_is_paid_out_exactly() {
    let table = "[policies]\nunspent = \"respread\"\n[pool]\nbuyIns = {}\n\
                 [[bands]]\nfrom = 1\nto = 100000\nprizes = [{ kind = \"cash\", weight = 7 }]\n";
    let rules = rules(table);
    let row = |at: u32| Finish {
        player: crate::ids::PlayerId(u64::from(at)),
        rank: 1,
        group: at.min(99_000),
        order: i64::from(at),
        status: if at.is_multiple_of(1_000) { Status::Excluded } else { Status::Eligible },
    };
    let finishers = Finishers::new((1..=110_000).map(row).collect()).unwrap();
    let collected = Collected { paid: Amount(123_456_789), ..Collected::default() };
    let pool = Pool::collect(&rules, &collected).unwrap();
    let plan = plan(&rules, &pool, &finishers).unwrap();
    assert_eq!(plan.lines().iter().map(|line| line.value.0).sum::<i64>(), 123_456_789);
    assert_eq!(plan.lines().len(), 98_901 + 10_989);
}

#[test]
fn contradictory_ranks_are_refused() {
    let row = |name, rank, group| Finish {
        player: player(name),
        rank,
        group,
        order: 0,
        status: Status::Eligible,
    };
    let error = Finishers::new(vec![row('a', 2, 1), row('b', 1, 2)]).unwrap_err();
    assert_eq!(error, Error::RanksContradict { player: player('b') });
    assert_eq!(error.code(), "PRIZES_RANKS_CONTRADICT");
}

#[test]
fn a_plan_that_does_not_sum_can_not_be_made_nor_read() {
    let good = fixed(&places("25 15 8"), "a=b c");
    let text = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<PrizePlan>(&text).unwrap(), good);
    let damages = [
        ("\"quantity\":2000,\"value\":2000", "\"quantity\":2001,\"value\":2001"),
        ("\"value\":2000", "\"value\":1999"),
        ("\"quantity\":2000", "\"quantity\":2001"),
        ("\"quantity\":2000,\"value\":2000", "\"quantity\":-2000,\"value\":-2000"),
        ("\"amount\":4800", "\"amount\":4801"),
        (
            "\"funding\":[{",
            "\"funding\":[{\"source\":\"seed\",\"currency\":\"EUR\",\"amount\":1},{",
        ),
        ("\"remainders\":[]", "\"remainders\":[],\"more\":1"),
    ];
    for (from, to) in damages {
        assert!(text.contains(from), "{from} in {text}");
        let damaged = text.replacen(from, to, 1);
        assert!(serde_json::from_str::<PrizePlan>(&damaged).is_err(), "{damaged}");
    }
    let with_fee = SHARES.replace("buyIns = {}", "buyIns = { feePercent = \"10\" }");
    let text = serde_json::to_string(&pooled(&with_fee, 10_000, "a b c")).unwrap();
    for damage in ["\"fee\":1001", "\"fee\":-1000"] {
        let damaged = text.replacen("\"fee\":1000", damage, 1);
        assert!(
            damaged != text && serde_json::from_str::<PrizePlan>(&damaged).is_err(),
            "{damaged}"
        );
    }
    let error = PrizePlan::new(good.lines().to_vec(), Vec::new(), Vec::new(), None).unwrap_err();
    assert_eq!(error.code(), "PRIZES_DO_NOT_SUM");
}
