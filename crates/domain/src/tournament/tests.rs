//! Scores, order and cuts as tables; and that order between slots and repetition change nothing.

use super::lifecycle::{Command as Act, Event as Moved, Progress, Refusal, Tournament};
use super::rules::Counts;
use super::score::Points;
use super::*;
use crate::ids::{
    Aggregate, BetId, GameId, PlayerId, ProviderId, RoundId, SLOTS, TenantId, TournamentId,
};
use crate::journal::{Head, Keys, Row, Stage};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use crate::wallet::protection::ExclusionKind;
use crate::wallet::reported::RoundReport;
use crate::wallet::{BetRef, Cell, Command, Prepared, Report, contest};
use proptest::prelude::*;
use std::sync::Arc;

const TENANT: TenantId = TenantId(1);

fn definition(metric: Metric, entry: EntryMode) -> Definition {
    Definition {
        id: TournamentId::parse("friday-race").unwrap(),
        name: "Friday race".into(),
        metric,
        currency: Currency::EUR,
        starts: UnixMs(1_000),
        ends: UnixMs(9_000),
        registration_opens: None,
        grace_ms: 500,
        rules: Rules {
            counts: Counts { stake_min: Points(100_000), ..Counts::default() },
            ..metric.rules(Points(3_000_000), Currency::EUR).unwrap()
        },
        tick_ms: 1_000,
        top_n: 10,
        entry,
        prizes: vec![Amount(5_000), Amount(1_000)],
        description: String::new(),
        kind: crate::tournament::Kind::default(),
        admission: crate::tournament::Admission::default(),
        table: None,
        review: crate::tournament::Review::default(),
        schedule: None,
    }
}

/// (player, time, stake, payout)
type Play = (u64, i64, i64, i64);

/// Rows of plays through real wallets; a stake of 0 enters the tournament, −1 leaves it.
fn rows(plays: &[Play]) -> Vec<Arc<Row>> {
    let id = TournamentId::parse("friday-race").unwrap();
    let command = |(at, (player, time, stake, payout)): (usize, &Play)| {
        let command = match stake {
            0 => Command::Enter { tournament: id.clone(), ends: UnixMs(9_000) },
            -1 => Command::Leave { tournament: id.clone() },
            stake => Command::Play {
                bet: bet(&format!("b{at}")),
                stake: Amount(*stake),
                payout: Amount(*payout),
                currency: Currency::EUR,
                terms: Default::default(),
                at: None,
                feature: false,
            },
        };
        (*player, *time, command)
    };
    rows_of(plays.iter().enumerate().map(command))
}

fn bet(name: &str) -> BetRef {
    BetRef {
        provider: ProviderId::parse("acme").unwrap(),
        bet: BetId::parse(name).unwrap(),
        round: RoundId::parse(name).unwrap(),
        game: GameId::parse("wheel").unwrap(),
    }
}

/// Rows of commands of players at times, each under a key of its own.
fn rows_of(commands: impl IntoIterator<Item = (u64, i64, Command)>) -> Vec<Arc<Row>> {
    let keys = Keys::new([1; 32]);
    let mut stage =
        Stage::new(crate::ids::Slot::all().map(|s| Head { epoch: 1, ..Head::empty(s) }));
    let mut cells = std::collections::BTreeMap::new();
    for (at, (player, time, command)) in commands.into_iter().enumerate() {
        let player = PlayerId(player);
        let cell = cells.entry(player).or_insert_with(|| {
            let mut cell = Cell::load(TENANT, player, None, []).unwrap();
            let funds = Command::Deposit { amount: Amount(1_000_000_000), currency: Currency::EUR };
            let asked = Prepared::new(&keys, TENANT, player, "funds", funds, None);
            cell.execute(&asked, &Default::default(), UnixMs(0), 0, &keys, &mut stage).unwrap();
            cell
        });
        let name = format!("b{at}");
        let asked = Prepared::new(&keys, TENANT, player, &name, command, None);
        cell.execute(&asked, &Default::default(), UnixMs(time), 0, &keys, &mut stage).unwrap();
    }
    stage.seal().unwrap().rows
}

fn fold<'a>(definition: &Definition, rows: impl IntoIterator<Item = &'a Arc<Row>>) -> Standings {
    let mut standings = Standings::new(Arc::new(definition.clone()), TENANT, UnixMs(0));
    for row in rows {
        standings.apply(row).unwrap();
    }
    standings
}

fn board(standings: &Standings) -> Vec<(u64, u64, String)> {
    let show = |s: Standing| (s.rank, s.player.0, standings.definition().show(s.score));
    standings.page(0, 100).into_iter().map(show).collect()
}

/// (what it shows, definition, plays, expected (rank, player, score))
type Case = (&'static str, Definition, Vec<Play>, Vec<(u64, u64, &'static str)>);

/// (commands with their times, whether the last one changed something)
type Life<'a> = (Vec<(&'a Act, i64)>, Result<bool, Refusal>);

#[test]
fn scores() {
    let automatic = EntryMode::Automatic;
    let opt_in = EntryMode::OptIn;
    let cases: Vec<Case> = vec![
        (
            "turnover: one point per 3.00, cut off at two decimals of the sum",
            definition(Metric::Turnover, automatic),
            vec![(1, 1_000, 100, 0), (1, 1_001, 100, 900), (2, 1_002, 601, 0)],
            vec![(1, 2, "2.00"), (2, 1, "0.66")],
        ),
        (
            "best ratio (S4): bet 10, win 5000 is 500; only higher replaces",
            definition(Metric::BestRatio, automatic),
            vec![(1, 2_000, 1_000, 500_000), (1, 2_001, 1_000, 400_000), (2, 2_002, 30, 20)],
            vec![(1, 1, "500.00"), (2, 2, "0.666667")],
        ),
        (
            "ggr: stakes minus payouts, below zero too",
            definition(Metric::Ggr, automatic),
            vec![(1, 2_000, 1_000, 1_500), (2, 2_001, 1_000, 1)],
            vec![(1, 2, "9.99"), (2, 1, "-5.00")],
        ),
        (
            "membership: before the start, at the end, below the minimum",
            definition(Metric::Turnover, automatic),
            vec![(1, 999, 300, 0), (2, 9_000, 300, 0), (3, 2_000, 9, 0), (4, 8_999, 300, 0)],
            vec![(1, 4, "1.00")],
        ),
        (
            "ties stand in the order in which they were reached (T2)",
            definition(Metric::Turnover, automatic),
            vec![(5, 2_000, 300, 0), (4, 2_001, 600, 0), (5, 2_002, 300, 0), (3, 2_001, 600, 0)],
            vec![(1, 3, "2.00"), (2, 4, "2.00"), (3, 5, "2.00")],
        ),
        (
            "opt-in (L1): only bets after entering; leaving takes off the board",
            definition(Metric::Turnover, opt_in),
            vec![
                (1, 2_000, 300, 0),
                (1, 2_001, 0, 0),
                (1, 2_002, 600, 0),
                (2, 2_003, 300, 0),
                (3, 2_003, 0, 0),
                (3, 2_004, 900, 0),
                (3, 2_005, -1, 0),
            ],
            vec![(1, 1, "2.00")],
        ),
        (
            "bets placed while out do not count; back in, the old score goes on",
            definition(Metric::Turnover, opt_in),
            vec![
                (1, 2_000, 0, 0),
                (1, 2_001, 300, 0),
                (1, 2_002, -1, 0),
                (1, 2_003, 900, 0),
                (1, 2_004, 0, 0),
                (1, 2_005, 300, 0),
            ],
            vec![(1, 1, "2.00")],
        ),
    ];
    for (name, definition, plays, expected) in cases {
        let got = board(&fold(&definition, &rows(&plays)));
        let expected: Vec<_> =
            expected.into_iter().map(|(rank, who, score)| (rank, who, score.to_owned())).collect();
        assert_eq!(got, expected, "{name}");
    }
}

/// What is reported of an excluded player, a round or points, counts where he has entered and
/// nowhere else.
#[test]
fn an_excluded_player_is_in_no_tournament_for_all() {
    let round = |name: &str, stake| {
        let (superseded, barred) = (false, false);
        let (stake, payout, currency, at) = (Amount(stake), Amount(0), Currency::EUR, None);
        let bet = bet(name);
        let who = contest::Profile::default();
        let report = RoundReport { bet, stake, payout, currency, at, superseded, barred, who };
        Command::Contest(Box::new(contest::Act::Report(Box::new(report))))
    };
    let points = |name: &str| {
        let BetRef { provider, bet: id, round, .. } = bet(name);
        let tournament = TournamentId::parse("friday-race").unwrap();
        let (points, place, at, barred) = (Points(3_000_000), 0, None, false);
        let who = contest::Profile::default();
        let report = Report { provider, id, round, tournament, points, place, at, barred, who };
        Command::Report(report)
    };
    let out = || {
        let (kind, until) = (ExclusionKind::SelfExclusion, Some(UnixMs(5_000)));
        let (reason, author, provider) = ("x".into(), "x".into(), None);
        Command::Exclude { kind, until, reason, author, provider }
    };
    let entered = || Command::Enter {
        tournament: TournamentId::parse("friday-race").unwrap(),
        ends: UnixMs(9_000),
    };
    let scored = |entry| {
        let rules = r#"{"score":{"terms":[{"of":"stake"},{"of":"reported"}],"decimals":2}}"#;
        let rules = serde_json::from_str(rules).unwrap();
        Definition { rules, ..definition(Metric::Turnover, entry) }
    };
    for report in [round("r", 300), points("p")] {
        let rows = rows_of([
            (1, 100, entered()),
            (1, 2_000, out()),
            (1, 3_000, report.clone()),
            (2, 3_000, report),
        ]);
        let all = board(&fold(&scored(EntryMode::Automatic), &rows));
        assert_eq!(all, [(1, 2, "3.00".to_owned())]);
        let opt_in = board(&fold(&scored(EntryMode::OptIn), &rows));
        assert_eq!(opt_in, [(1, 1, "3.00".to_owned())]);
    }
    // Not even where he is on the board already; and it ends with the exclusion.
    let rows = rows_of([
        (1, 1_500, points("a")),
        (1, 2_000, out()),
        (1, 3_000, points("b")),
        (1, 3_000, round("c", 300)),
        (1, 6_000, points("d")),
    ]);
    let all = board(&fold(&scored(EntryMode::Automatic), &rows));
    assert_eq!(all, [(1, 1, "6.00".to_owned())]);
}

#[test]
fn a_damaged_row_is_never_passed_over() {
    let only = definition(Metric::Turnover, EntryMode::Automatic);
    let rows = rows(&[(1, 2_000, 300, 0)]);
    let mut standings = fold(&only, &[]);
    let good = rows.last().unwrap();
    let damaged = Row { payload: b"{".as_slice().into(), ..(**good).clone() };
    assert!(standings.apply(&damaged).is_err());
    assert_eq!(standings.apply(good), Ok(true));
}

#[test]
fn ratios_round_half_to_even() {
    let cases: [(i64, i64, &str); 4] = [
        (1, 3, "0.333333"),
        (1, 2_000_000, "0.00"),
        (3, 2_000_000, "0.000002"),
        (2, 3, "0.666667"),
    ];
    for (payout, stake, shown) in cases {
        let mut only = definition(Metric::BestRatio, EntryMode::Automatic);
        only.rules.counts.stake_min = Points(10_000);
        assert_eq!(board(&fold(&only, &rows(&[(1, 2_000, stake, payout)])))[0].2, shown);
    }
}

#[test]
fn own_position_and_prize_line() {
    let only = definition(Metric::Turnover, EntryMode::Automatic);
    let stakes = [2_700, 2_400, 2_100, 1_800, 1_500];
    let plays: Vec<Play> = (1..).zip(stakes).map(|(p, stake)| (p, 2_010, stake, 0)).collect();
    let standings = fold(&only, &rows(&plays));
    let third = standings.of(PlayerId(3)).unwrap();
    assert_eq!((third.rank, third.ahead), (Some(3), Some((1_000_000, PlayerId(2)))));
    assert_eq!(third.prize_gap, Some(1_000_000));
    assert_eq!(third.around.iter().map(|s| s.player.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(standings.of(PlayerId(1)).unwrap().prize_gap, None);
    assert_eq!(standings.of(PlayerId(9)), None);
    assert!(standings.page(u64::MAX, 10).is_empty());
}

proptest! {
    /// Rule L3: the same events give the same standings in any order between slots, with
    /// repetitions, cut by a snapshot anywhere, and only up to the cut.
    #[test]
    fn order_between_slots_and_repetition_change_nothing(
        plays in prop::collection::vec((1_u64..9, 900_i64..9_600, 0_i64..900, 0_i64..2_000), 1..80),
        order in any::<u64>(),
        metric in prop::sample::select(vec![Metric::Turnover, Metric::BestRatio, Metric::Ggr]),
    ) {
        let mut plays = plays;
        plays.sort_by_key(|(_, time, ..)| *time);
        let rows = rows(&plays);
        let definition = definition(metric, EntryMode::Automatic);
        let mut cut = vec![0; usize::from(SLOTS)];
        for row in rows.iter().step_by(3) {
            cut[row.slot.index()] = row.seq;
        }
        let plain = {
            let mut standings = fold(&definition, &[]);
            standings.set_cut(cut.clone());
            rows.iter().for_each(|row| { standings.apply(row).unwrap(); });
            standings
        };
        // Another interleaving of the slots, every row twice.
        let mut shuffled: Vec<_> = rows.iter().collect();
        shuffled.sort_by_key(|row| (u64::from(row.slot.0).wrapping_mul(order | 1) >> 3, row.seq));
        let mut other = fold(&definition, &[]);
        other.set_cut(cut.clone());
        for (at, row) in shuffled.iter().enumerate() {
            other.apply(row).unwrap();
            other.apply(row).unwrap();
            if at == shuffled.len() / 2 {
                other = Standings::restore(
                    Arc::new(definition.clone()), TENANT, &other.save(),
                ).unwrap();
            }
        }
        prop_assert_eq!(plain.hash(), other.hash());
        prop_assert_eq!(plain.result(), other.result());
        prop_assert!(!plain.is_beyond(&cut));
    }
}

#[test]
fn life() {
    let announced = definition(Metric::Turnover, EntryMode::OptIn);
    let create = Act::Create(Box::new(announced.clone()));
    let result = fold(&announced, &[]).result();
    let close = |seen| Act::Close { seen, cut: vec![0; 256], result: result.clone() };
    let (close, early) = (close(2), close(1));
    let revise = Act::Revise {
        seen: 3,
        cut: vec![0; 256],
        result: result.clone(),
        reason: "late".into(),
        author: "ops".into(),
    };
    let settling = settle::Settling { finishers: Vec::new(), turnover: Amount::ZERO };
    let seats = Default::default();
    let brought = settle::Brought { seats: &seats, carried_in: Amount::ZERO };
    let nobody = settle::settle(&announced, brought, &settling).unwrap().unwrap();
    let plan = Act::Plan { seen: 3, version: 1, plan: Box::new(nobody) };
    let (paid, unpaid) = (Act::Complete { seen: 4 }, Act::Complete { seen: 3 });
    let (reason, author) = ("collusion".to_owned(), "ops".to_owned());
    let out = Act::Disqualify {
        player: PlayerId(7),
        reinstate: false,
        reason: reason.clone(),
        author: author.clone(),
    };
    let hold = Act::Review { player: Some(PlayerId(7)), hold: true, reason, author };
    let closed = [(&create, 0), (&Act::Start, 1_000), (&close, 9_501)];
    let cancel = Act::Cancel { reason: "rain".into() };
    let mut other = announced.clone();
    other.name = "Another".into();
    let other = Act::Create(Box::new(other));
    // (commands with their times, what the last one comes to)
    let cases: Vec<Life<'_>> = vec![
        (vec![(&create, 0)], Ok(true)),
        (vec![(&create, 9_000)], Err(Refusal::Invalid("endsAt must be in the future".into()))),
        (vec![(&create, 0), (&create, 1)], Ok(false)),
        (vec![(&create, 0), (&other, 1)], Err(Refusal::AlreadyExists)),
        (vec![(&Act::Start, 0)], Err(Refusal::NotFound)),
        (vec![(&create, 0), (&Act::Start, 999)], Err(Refusal::NotYet)),
        (vec![(&create, 0), (&Act::Start, 1_000)], Ok(true)),
        (vec![(&create, 0), (&Act::Start, 20_000)], Ok(true)),
        (vec![(&create, 0), (&Act::Start, 1_000), (&Act::Start, 1_001)], Ok(false)),
        (vec![(&create, 0), (&early, 20_000)], Err(Refusal::NotStarted)),
        (vec![(&create, 0), (&Act::Start, 1_000), (&close, 9_500)], Err(Refusal::NotYet)),
        (vec![(&create, 0), (&Act::Start, 1_000), (&close, 9_501)], Ok(true)),
        (vec![(&create, 0), (&Act::Start, 1_000), (&close, 9_501), (&close, 9_502)], Ok(false)),
        (vec![(&create, 0), (&Act::Start, 1_000), (&close, 9_501), (&cancel, 9_502)], Ok(true)),
        // What came after the view that a result was computed from is not passed over.
        (vec![(&create, 0), (&Act::Start, 1_000), (&early, 9_501)], Err(Refusal::Behind)),
        (
            vec![(&create, 0), (&Act::Start, 1_000), (&out, 9_000), (&close, 9_501)],
            Err(Refusal::Behind),
        ),
        (
            vec![(&create, 0), (&Act::Start, 1_000), (&hold, 9_000), (&close, 9_501)],
            Err(Refusal::Behind),
        ),
        ([&closed[..], &[(&out, 9_600), (&revise, 9_700)]].concat(), Err(Refusal::Behind)),
        ([&closed[..], &[(&revise, 9_700)]].concat(), Ok(true)),
        ([&closed[..], &[(&hold, 9_600), (&plan, 9_700)]].concat(), Err(Refusal::Behind)),
        ([&closed[..], &[(&plan, 9_700)]].concat(), Ok(true)),
        ([&closed[..], &[(&plan, 9_700), (&unpaid, 9_701)]].concat(), Err(Refusal::Behind)),
        ([&closed[..], &[(&plan, 9_700), (&paid, 9_701)]].concat(), Ok(true)),
        (vec![(&create, 0), (&cancel, 1)], Ok(true)),
        (vec![(&create, 0), (&cancel, 1), (&cancel, 2)], Ok(false)),
        (vec![(&create, 0), (&cancel, 1), (&Act::Start, 1_000)], Err(Refusal::AlreadyEnded)),
    ];
    let keys = Keys::new([1; 32]);
    for (at, (steps, expected)) in cases.into_iter().enumerate() {
        let slot = Aggregate::Tournament(announced.id.number()).slot(TENANT);
        let mut stage = Stage::new([Head { epoch: 1, ..Head::empty(slot) }]);
        let mut state: Option<Tournament> = None;
        let mut last = Ok(false);
        for (command, now) in steps {
            last = match Tournament::decide(state.as_ref(), command, UnixMs(now)) {
                Ok(Some(event)) => {
                    let draft = event.draft(TENANT, &announced, &keys, None);
                    let row = stage.push(draft, UnixMs(now)).unwrap();
                    let read = Moved::from_row(&row).unwrap();
                    assert_eq!(read, event);
                    match (&mut state, read) {
                        (None, Moved::Created { definition }) => {
                            state = Some(Tournament::created(row.seq, *definition));
                        }
                        (Some(state), event) => state.apply(row.seq, row.time, &event),
                        (None, _) => panic!("no tournament"),
                    }
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(refusal) => Err(refusal),
            };
        }
        assert_eq!(last, expected, "case {at}");
    }
}

/// How far payouts are changes nothing that a result or a plan is computed from: else nobody could
/// put a result right while a payment service is asked.
#[test]
fn results_and_plans_do_not_wait_for_payouts() {
    let announced = definition(Metric::Turnover, EntryMode::Automatic);
    let (cut, result) = (vec![0; 256], fold(&announced, []).result());
    let closed = Moved::Closed { cut: cut.clone(), result: result.clone() };
    let moved = |to| Moved::Moved { version: 1, line: 1, to, author: None, leg: None };
    let taken = Moved::Disqualified {
        player: PlayerId(7),
        reason: "collusion".to_owned(),
        author: "ops".to_owned(),
    };
    let rolled = Moved::RolledOver { version: 1, to: None, leg: None };
    let arrived = Moved::RolloverArrived { version: 1 };
    // (what came after the view, may a result and "all is paid" be said by that view)
    let cases = [
        (vec![], true, true),
        (vec![moved(Some(Progress::Processing { attempt: 1 }))], true, false),
        (vec![moved(None), moved(Some(Progress::CarriedOut {}))], true, false),
        (vec![arrived], true, false),
        (vec![rolled], false, false),
        (vec![taken.clone()], false, false),
        (vec![taken, moved(None)], false, false),
    ];
    for (at, (after, may_revise, may_complete)) in cases.into_iter().enumerate() {
        let mut state = Tournament::created(1, announced.clone());
        for (seq, event) in (2..).zip([&Moved::Started, &closed].into_iter().chain(&after)) {
            state.apply(seq, UnixMs(9_600), event);
        }
        let (cut, result) = (cut.clone(), result.clone());
        let (reason, author) = ("x".to_owned(), "ops".to_owned());
        let revise = Act::Revise { seen: 3, cut, result, reason, author };
        let passes = |state: &Tournament, command: &Act| {
            let decided = Tournament::decide(Some(state), command, UnixMs(9_700));
            decided != Err(Refusal::Behind)
        };
        assert_eq!(passes(&state, &revise), may_revise, "case {at}");
        assert_eq!(passes(&state, &Act::Complete { seen: 3 }), may_complete, "case {at}");
        let saved = serde_json::to_value(&state).unwrap();
        assert_eq!(serde_json::from_value::<Tournament>(saved.clone()).unwrap(), state);
        // Of a release that did not say what results depend on, every row may be it.
        let mut old = saved;
        old.as_object_mut().unwrap().remove("basis");
        let old: Tournament = serde_json::from_value(old).unwrap();
        assert_eq!(passes(&old, &revise), after.is_empty(), "case {at}");
    }
}

#[test]
fn aliases_never_change() {
    assert_eq!(alias(PlayerId(1)), GOLDEN_ALIAS);
}

const GOLDEN_ALIAS: &str = "Lucky Ocelot 55";

/// A correction that comes after the grace period changes nothing until the result is put right;
/// then it is as if the first result had said so (L4, L5).
#[test]
fn late_corrections_wait_until_the_result_is_put_right() {
    let keys = Keys::new([1; 32]);
    let announced = definition(Metric::Turnover, EntryMode::Automatic);
    let mut stage =
        Stage::new(crate::ids::Slot::all().map(|s| Head { epoch: 1, ..Head::empty(s) }));
    let mut cells: Vec<_> =
        (1..=2).map(|n| Cell::load(TENANT, PlayerId(n), None, []).unwrap()).collect();
    let mut run = |player: u64, name: &str, time: i64, command: Command| {
        let asked = Prepared::new(&keys, TENANT, PlayerId(player), name, command, None);
        let cell = &mut cells[usize::try_from(player).unwrap() - 1];
        cell.execute(&asked, &Default::default(), UnixMs(time), 0, &keys, &mut stage).unwrap();
    };
    let bet = |name: &str| BetRef {
        provider: ProviderId::parse("acme").unwrap(),
        bet: BetId::parse(name).unwrap(),
        round: RoundId::parse(name).unwrap(),
        game: GameId::parse("wheel").unwrap(),
    };
    let currency = Currency::EUR;
    for (player, stake) in [(1, 600), (2, 300)] {
        let funds = Command::Deposit { amount: Amount(1_000_000), currency };
        run(player, "funds", 0, funds);
        run(
            player,
            "b",
            2_000,
            Command::Play {
                bet: bet(&format!("b{player}")),
                stake: Amount(stake),
                payout: Amount(0),
                currency,
                at: None,
                feature: false,
                terms: Default::default(),
            },
        );
    }
    run(
        1,
        "void",
        20_000,
        Command::SettleBets {
            provider: ProviderId::parse("acme").unwrap(),
            round: RoundId::parse("b1").unwrap(),
            game: None,
            bets: vec![crate::wallet::BetResult {
                bet: BetId::parse("b1").unwrap(),
                stake: None,
                payout: Amount(600),
                outcome: Some(crate::wallet::Outcome::Void),
                version: Some(2),
            }],
            currency: Some(currency),
            at: None,
            terms: Default::default(),
        },
    );
    let rows = stage.seal().unwrap().rows;
    let (early, late): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.time < UnixMs(20_000));
    let mut standings = fold(&announced, early.iter().copied());
    let first = [(1, 1, "2.00".to_owned()), (2, 2, "1.00".to_owned())];
    assert_eq!(board(&standings), first);
    let cut = standings.positions().to_vec();
    standings.set_cut(cut.clone());
    for row in &late {
        standings.apply(row).unwrap();
    }
    assert_eq!(board(&standings), first);
    assert_eq!(standings.turnover(), Amount(900));
    let announced = Arc::new(announced);
    let again = |standings: &Standings| {
        Standings::restore(Arc::clone(&announced), TENANT, &standings.save()).unwrap()
    };
    let (before, whole) = (standings.clone(), standings.positions().to_vec());
    let mut standings = again(&standings);
    let nobody = Default::default();
    assert_eq!(standings.waiting(), 1);
    standings.correct_until(&whole, &nobody);
    assert_eq!(standings.waiting(), 0);
    let second = [(1, 2, "1.00".to_owned())];
    assert_eq!(board(&standings), second);
    assert_eq!(standings.turnover(), Amount(300));
    standings.correct_until(&whole, &nobody);
    assert_eq!(board(&standings), second, "once");
    // A version has what its cut has, and is asked for without being made.
    assert_eq!(before.result_of(&cut, &nobody), before.result());
    assert_eq!(before.result_of(&whole, &nobody), standings.result());
    let mut versions = before;
    versions.correct_until(&cut, &nobody);
    assert_eq!((board(&versions).as_slice(), versions.waiting()), (&first[..], 1));
    let mut versions = again(&versions);
    versions.correct_until(&whole, &nobody);
    assert_eq!((board(&versions).as_slice(), versions.waiting()), (&second[..], 0));
    // Slots are read each by itself: the version may be heard of before what is in it.
    let mut early_told = fold(&announced, early.iter().copied());
    early_told.set_cut(cut);
    early_told.correct_until(&whole, &nobody);
    assert_eq!(board(&early_told), first);
    let mut early_told = again(&early_told);
    for row in &late {
        early_told.apply(row).unwrap();
    }
    assert_eq!((board(&early_told).as_slice(), early_told.waiting()), (&second[..], 0));
}

/// Whoever is out stays out, also where only a correction would put him in.
#[test]
fn whoever_is_out_does_not_come_in_by_a_correction() {
    let announced = definition(Metric::Turnover, EntryMode::Automatic);
    let mut standings = Standings::new(Arc::new(announced), TENANT, UnixMs(0));
    standings.judge(&[PlayerId(1)].into());
    for row in rows(&[(1, 2_000, 600, 0), (2, 2_000, 300, 0)]) {
        standings.apply(&row).unwrap();
    }
    assert_eq!(board(&standings), [(1, 2, "1.00".to_owned())]);
    standings.judge(&Default::default());
    assert_eq!(board(&standings), [(1, 1, "2.00".to_owned()), (2, 2, "1.00".to_owned())]);
}
