//! Tournaments in which everybody is who plays, for some countries and segments: random players
//! move, bet, settle, correct and void through real wallets, and the standings count exactly the
//! rounds of whoever was known to be let in when a round's first result came.
//!
//! `PALIO_KNOWN=20000 cargo test -p palio-domain --release --test known -- --nocapture` is the
//! large run.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may panic, and print what they did"
)]

use palio_domain::journal::{Head, Keys, Row, Stage};
use palio_domain::tournament::admission::Eligibility;
use palio_domain::tournament::score::{Count, ONE, Of, Points};
use palio_domain::tournament::{
    Admission, Definition, EntryMode, Kind, Metric, Review, Rules, Standings,
};
use palio_domain::wallet::contest::{Act, Profile};
use palio_domain::wallet::reported::{Correction, RoundReport, Sums};
use palio_domain::wallet::{
    BetRef, BetResult, Cell, Command, Found, Outcome, Prepared, Report, Terms,
};
use palio_domain::{
    Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId, TournamentId,
    UnixMs,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::Arc;

const TENANT: TenantId = TenantId(1);
const EUR: Currency = Currency::EUR;

fn definition(who: Eligibility, rules: Rules) -> Definition {
    Definition {
        id: TournamentId::parse("race").unwrap(),
        name: "Race".into(),
        metric: Metric::Turnover,
        currency: EUR,
        starts: UnixMs(1_000),
        ends: UnixMs(1_000_000),
        registration_opens: None,
        grace_ms: 0,
        rules,
        tick_ms: 1_000,
        top_n: 10,
        entry: EntryMode::Automatic,
        prizes: Vec::new(),
        description: String::new(),
        kind: Kind::default(),
        admission: Admission { who, ..Admission::default() },
        table: None,
        review: Review::default(),
        schedule: None,
    }
}

fn turnover() -> Rules {
    Metric::Turnover.rules(Points(ONE), EUR).unwrap()
}

fn words(words: &[&str]) -> std::collections::BTreeSet<Box<str>> {
    words.iter().map(|word| (*word).into()).collect()
}

fn profile(country: Option<&str>, segments: &[&str]) -> Profile {
    Profile { country: country.map(Into::into), segments: words(segments) }
}

fn bet_ref(name: &str) -> BetRef {
    BetRef {
        provider: ProviderId::parse("acme").unwrap(),
        bet: BetId::parse(name).unwrap(),
        round: RoundId::parse(name).unwrap(),
        game: GameId::parse("wheel").unwrap(),
    }
}

/// Wallets that write one journal.
struct Wallets {
    keys: Keys,
    stage: Stage,
    cells: BTreeMap<u64, Cell>,
    asked: u32,
}

impl Wallets {
    fn new() -> Self {
        let heads = Slot::all().map(|slot| Head { epoch: 1, ..Head::empty(slot) });
        let (keys, cells) = (Keys::new([1; 32]), BTreeMap::new());
        Self { keys, stage: Stage::new(heads), cells, asked: 0 }
    }

    fn ask(&mut self, player: u64, time: i64, command: Command) {
        self.asked += 1;
        let (number, name) = (PlayerId(player), format!("k{}", self.asked));
        let asked = Prepared::new(&self.keys, TENANT, number, &name, command, None);
        let fresh = || Cell::load(TENANT, number, None, []).unwrap();
        let cell = self.cells.entry(player).or_insert_with(fresh);
        let (found, now) = (Found::default(), UnixMs(time));
        cell.execute(&asked, &found, now, 0, &self.keys, &mut self.stage).unwrap();
    }

    fn contest(&mut self, player: u64, time: i64, act: Act) {
        self.ask(player, time, Command::Contest(Box::new(act)));
    }

    fn fund(&mut self, player: u64) {
        let funds = Command::Deposit { amount: Amount(1_000_000_000), currency: EUR };
        self.ask(player, 0, funds);
    }

    fn know(&mut self, player: u64, time: i64, profile: Profile) {
        self.contest(player, time, Act::SetProfile { profile, author: "op".into() });
    }

    fn place(&mut self, player: u64, time: i64, bet: &str, stake: i64) {
        let (bet, stake) = (bet_ref(bet), Amount(stake));
        let (at, free, feature, terms) = (None, None, false, Terms::default());
        let place = Command::PlaceBet { bet, stake, currency: EUR, at, free, feature, terms };
        self.ask(player, time, place);
    }

    fn play(&mut self, player: u64, time: i64, bet: &str, stake: i64) {
        let (bet, stake, payout) = (bet_ref(bet), Amount(stake), Amount(0));
        let (at, feature, terms) = (None, false, Terms::default());
        let play = Command::Play { bet, stake, payout, currency: EUR, at, feature, terms };
        self.ask(player, time, play);
    }

    fn settle(&mut self, player: u64, time: i64, bet: &str, version: u32, void: Option<i64>) {
        let result = BetResult {
            bet: BetId::parse(bet).unwrap(),
            stake: None,
            payout: Amount(void.unwrap_or(1)),
            outcome: void.map(|_| Outcome::Void),
            version: Some(version),
        };
        let settle = Command::SettleBets {
            provider: ProviderId::parse("acme").unwrap(),
            round: RoundId::parse(bet).unwrap(),
            game: None,
            bets: vec![result],
            currency: Some(EUR),
            at: None,
            terms: Terms::default(),
        };
        self.ask(player, time, settle);
    }

    fn report(&mut self, player: u64, time: i64, bet: &str, stake: i64) {
        let report = RoundReport {
            bet: bet_ref(bet),
            stake: Amount(stake),
            payout: Amount(0),
            currency: EUR,
            at: None,
            superseded: false,
            barred: false,
            who: Profile::default(),
        };
        self.contest(player, time, Act::Report(Box::new(report)));
    }

    fn correct(&mut self, player: u64, time: i64, bet: &str, version: u32, now: Option<i64>) {
        let correction = Correction {
            provider: ProviderId::parse("acme").unwrap(),
            bet: BetId::parse(bet).unwrap(),
            round: None,
            version: Some(version),
            now: now.map(|stake| Sums { stake: Amount(stake), payout: Amount(0) }),
            currency: EUR,
            at: None,
        };
        self.contest(player, time, Act::Correct(Box::new(correction)));
    }

    fn rows(mut self) -> Vec<Arc<Row>> {
        self.stage.seal().unwrap().rows
    }
}

/// Everybody's score; whoever has none is not there.
fn board(definition: &Definition, rows: &[Arc<Row>]) -> BTreeMap<u64, String> {
    let announced = Arc::new(definition.clone());
    // Announced after everything that was known of players before: no such row is folded.
    let mut standings = Standings::new(announced, TENANT, UnixMs(500));
    for row in rows {
        standings.apply(row).unwrap();
    }
    let page = standings.page(0, u64::MAX).into_iter();
    page.map(|of| (of.player.0, definition.show(of.score))).collect()
}

/// (who is let in, known before the announcement, known between the two rounds, score)
type Case<'a> = (&'a Eligibility, Option<&'a Profile>, Option<&'a Profile>, Option<&'a str>);

/// Each player once, as a table: what was known when, and what counts of two rounds.
#[test]
fn what_was_known_when_the_result_came_decides() {
    let dach = Eligibility { countries: words(&["AT", "DE"]), ..Eligibility::default() };
    let not = Eligibility { countries_except: words(&["FR"]), ..Eligibility::default() };
    let vip = Eligibility { segments: words(&["vip", "gold"]), ..Eligibility::default() };
    let both = Eligibility { segments: vip.segments.clone(), ..dach.clone() };
    let (de, fr) = (profile(Some("DE"), &[]), profile(Some("FR"), &["gold"]));
    let (gold, new) = (profile(None, &["gold"]), profile(Some("AT"), &["new"]));
    let vip_de = profile(Some("DE"), &["new", "vip"]);
    let rows: Vec<Case<'_>> = vec![
        (&dach, None, None, None),
        (&dach, Some(&de), None, Some("3.00")),
        (&dach, Some(&fr), None, None),
        (&dach, Some(&de), Some(&fr), Some("1.00")),
        (&dach, None, Some(&de), Some("2.00")),
        (&not, None, None, Some("3.00")),
        (&not, Some(&fr), None, None),
        (&not, Some(&fr), Some(&de), Some("2.00")),
        (&vip, None, None, None),
        (&vip, Some(&gold), None, Some("3.00")),
        (&vip, Some(&new), Some(&fr), Some("2.00")),
        (&both, Some(&vip_de), None, Some("3.00")),
        (&both, Some(&fr), Some(&de), None),
        (&both, Some(&vip_de), Some(&new), Some("1.00")),
    ];
    for (at, (who, before, between, score)) in rows.into_iter().enumerate() {
        let definition = definition(who.clone(), turnover());
        definition.validate().unwrap();
        let mut wallets = Wallets::new();
        wallets.fund(1);
        if let Some(before) = before {
            wallets.know(1, 100, before.clone());
        }
        wallets.play(1, 2_000, "a", 100);
        if let Some(between) = between {
            wallets.know(1, 3_000, between.clone());
        }
        // Placed before, with its result after: the result decides.
        wallets.place(1, 2_500, "b", 200);
        wallets.settle(1, 4_000, "b", 1, None);
        let expected: BTreeMap<_, _> =
            score.map(|score| (1, score.to_owned())).into_iter().collect();
        assert_eq!(board(&definition, &wallets.rows()), expected, "row {at}");
    }
}

/// Points that a provider reports are asked in the same way.
#[test]
fn reported_points_count_for_whoever_is_let_in() {
    let who = Eligibility { countries: words(&["DE"]), ..Eligibility::default() };
    let definition = definition(who, Rules::simple(Of::Reported, Points(ONE), Count::All, 2));
    let mut wallets = Wallets::new();
    let mut report = |player: u64, time: i64, id: &str| {
        let report = Report {
            provider: ProviderId::parse("acme").unwrap(),
            id: BetId::parse(id).unwrap(),
            round: RoundId::parse(id).unwrap(),
            tournament: definition.id.clone(),
            points: Points(7 * ONE),
            place: 0,
            at: None,
            who: Profile::default(),
            barred: false,
        };
        wallets.ask(player, time, Command::Report(report));
        if player == 1 && time == 2_000 {
            wallets.know(1, 2_500, profile(Some("DE"), &[]));
        }
    };
    for (player, time, id) in [(1, 2_000, "a"), (2, 2_000, "b"), (1, 3_000, "c"), (2, 3_000, "d")] {
        report(player, time, id);
    }
    assert_eq!(board(&definition, &wallets.rows()), [(1, "7.00".to_owned())].into());
}

/// A round as the model sees it.
#[derive(Debug)]
struct Known {
    player: u64,
    stake: i64,
    /// Last version; 0: open.
    version: u32,
    void: bool,
    /// Reported by a platform.
    reported: bool,
    counts: bool,
}

#[test]
fn random_lives_are_as_the_model_says() {
    let lives = std::env::var("PALIO_KNOWN").ok().and_then(|text| text.parse().ok());
    let lives: u64 = lives.unwrap_or(200);
    let profiles = [
        profile(None, &[]),
        profile(Some("DE"), &[]),
        profile(Some("DE"), &["vip"]),
        profile(Some("AT"), &["new", "vip"]),
        profile(Some("FR"), &["vip"]),
        profile(None, &["vip"]),
    ];
    let rules = [
        Eligibility::default(),
        Eligibility { countries: words(&["AT", "DE"]), ..Eligibility::default() },
        Eligibility { countries_except: words(&["FR"]), ..Eligibility::default() },
        Eligibility { segments: words(&["vip"]), ..Eligibility::default() },
        Eligibility {
            countries: words(&["DE", "FR"]),
            countries_except: words(&["FR"]),
            segments: words(&["vip"]),
        },
    ];
    let (mut counted, mut not) = (0_u64, 0_u64);
    for seed in 0..lives {
        let mut rng = StdRng::seed_from_u64(seed);
        let who = rules[rng.random_range(0..rules.len())].clone();
        let definition = definition(who.clone(), turnover());
        let mut wallets = Wallets::new();
        let mut known: BTreeMap<u64, Profile> = BTreeMap::new();
        for player in 1..=3 {
            wallets.fund(player);
            let start = profiles[rng.random_range(0..profiles.len())].clone();
            if !start.is_empty() {
                wallets.know(player, 100, start.clone());
            }
            known.insert(player, start);
        }
        let mut rounds: Vec<Known> = Vec::new();
        for step in 0..60_i64 {
            let (player, time) = (rng.random_range(1..=3), 2_000 + step * 10);
            let stake = rng.random_range(1..1_000);
            let name = format!("b{}", rounds.len());
            let lets_in = who.admits(&known[&player]);
            let round = |version, reported, counts| Known {
                player,
                stake,
                version,
                void: false,
                reported,
                counts,
            };
            match rng.random_range(0..6) {
                0 => {
                    let other = profiles[rng.random_range(0..profiles.len())].clone();
                    if other != known[&player] {
                        wallets.know(player, time, other.clone());
                        known.insert(player, other);
                    }
                }
                1 => {
                    wallets.place(player, time, &name, stake);
                    rounds.push(round(0, false, false));
                }
                2 => {
                    wallets.play(player, time, &name, stake);
                    rounds.push(round(1, false, lets_in));
                }
                3 => {
                    wallets.report(player, time, &name, stake);
                    rounds.push(round(1, true, lets_in));
                }
                _ if rounds.is_empty() => {}
                _ => {
                    let at = rng.random_range(0..rounds.len());
                    let (name, of) = (format!("b{at}"), &mut rounds[at]);
                    let void = rng.random_bool(0.4);
                    of.version += 1;
                    if of.version == 1 {
                        of.counts = who.admits(&known[&of.player]);
                    }
                    if of.reported {
                        of.stake = if void { of.stake } else { stake };
                        let now = (!void).then_some(of.stake);
                        wallets.correct(of.player, time, &name, of.version, now);
                    } else {
                        let back = void.then_some(of.stake);
                        wallets.settle(of.player, time, &name, of.version, back);
                    }
                    of.void = void;
                }
            }
        }
        let mut expected: BTreeMap<u64, i64> = BTreeMap::new();
        for of in rounds.iter().filter(|of| of.version > 0 && !of.void) {
            let to = if of.counts { &mut counted } else { &mut not };
            *to += 1;
            if of.counts {
                *expected.entry(of.player).or_default() += of.stake;
            }
        }
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(player, sum)| (player, EUR.format(Amount(sum)))).collect();
        assert_eq!(board(&definition, &wallets.rows()), expected, "seed {seed}");
    }
    println!("{lives} lives: {counted} rounds counted, {not} did not");
    assert!(counted > lives && not > lives, "{counted} and {not}");
}
