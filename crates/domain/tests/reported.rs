//! Seeded histories of reported rounds (W9): reports, corrections, voids, repetitions and lost
//! answers in any order, with crashes of the wallets, against a model that is a map from bet to
//! latest version. Standings, before and after the result is put right, and the ledger are the
//! model's, whatever the order of arrival (tournament-rules.md L3–L5).
//!
//! `PALIO_REPORT_HISTORIES=100000` plays that many; `PALIO_REPORT_SEED` begins elsewhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

use palio_domain::ids::{Aggregate, Slot};
use palio_domain::journal::{Head, Key16, KeyFilter, Keys, Row, Stage};
use palio_domain::tournament::{
    Admission, Definition, EntryMode, Kind, Metric, Review, Rules, Standings,
};
use palio_domain::wallet::contest::{Act, Told};
use palio_domain::wallet::protection::ExclusionKind;
use palio_domain::wallet::reported::{Correction, Effect, RoundReport, Sums};
use palio_domain::wallet::{
    Answer, BetRef, Cell, Command, Event, Found, Prepared, Refusal, Wallet,
};
use palio_domain::{
    Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, TenantId, TournamentId, UnixMs,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

const TENANT: TenantId = TenantId(1);
const EUR: Currency = Currency::EUR;
const STARTS: i64 = 10_000;
const ENDS: i64 = 20_000;
const GRACE: i64 = 1_000;
const ORDERS: u64 = 3;

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The first of these the model can score; of the others only that every order gives the same.
const TEMPLATES: [&str; 7] = [
    r#"{"score":{"terms":[{"of":"stake"}],"count":"all","decimals":2}}"#,
    r#"{"score":{"terms":[{"of":"payout"}],"count":"all","decimals":2}}"#,
    r#"{"score":{"terms":[{"of":"profit"}],"count":"all","decimals":2}}"#,
    r#"{"counts":{"stakeMin":"5.00"},"score":{"terms":[{"of":"stake"}],"count":"all"}}"#,
    r#"{"score":{"terms":[{"of":"ratio"}],"count":{"best":[{"best":2}]}},"rank":"shared","ties":[]}"#,
    r#"{"score":{"terms":[{"of":"stake"}],"count":{"first":2}},"ties":["bestRound"]}"#,
    r#"{"score":{"terms":[{"of":"payout"}],"streaks":[{"when":{"won":true},"length":2,"points":"5","run":"each"}]},"ties":["fewerRounds","reached"]}"#,
];
const MODELLED: usize = 4;

/// What the platform says about a bet.
#[derive(Clone, Copy)]
struct Said {
    /// `None`: by arrival. The report is 1.
    version: Option<u32>,
    now: Option<Sums>,
    at: i64,
    /// Only after the grace period.
    late: bool,
}

struct Bet {
    player: PlayerId,
    name: String,
    /// Without versions the platform's own order is all there is.
    in_order: bool,
    said: Vec<Said>,
}

struct History {
    definition: Arc<Definition>,
    template: usize,
    entered: BTreeSet<PlayerId>,
    /// Excluded from play by the platform, before anything is reported.
    excluded: Option<PlayerId>,
    bets: Vec<Bet>,
}

fn history(seed: u64) -> History {
    let random = &mut StdRng::seed_from_u64(seed);
    let template = random.random_range(0..TEMPLATES.len());
    let opt_in = random.random_range(0..3) == 0;
    let definition = Definition {
        id: TournamentId::parse("cup").unwrap(),
        name: "Cup".to_owned(),
        metric: Metric::Custom,
        currency: EUR,
        starts: UnixMs(STARTS),
        ends: UnixMs(ENDS),
        registration_opens: None,
        grace_ms: GRACE,
        rules: serde_json::from_str::<Rules>(TEMPLATES[template]).unwrap(),
        tick_ms: 1_000,
        top_n: 10,
        entry: if opt_in { EntryMode::OptIn } else { EntryMode::Automatic },
        prizes: Vec::new(),
        description: String::new(),
        kind: Kind::Leaderboard,
        admission: Admission::default(),
        table: None,
        review: Review::default(),
        schedule: None,
    };
    definition.validate().unwrap();
    let players: Vec<_> =
        (0..random.random_range(1..5)).map(|_| PlayerId(random.random())).collect();
    let entered = players.iter().copied().filter(|_| !opt_in || random.random_range(0..4) > 0);
    let entered = entered.collect();
    let bets = (0..random.random_range(2..9))
        .map(|n| {
            let (player, name) = (players[random.random_range(0..players.len())], format!("b{n}"));
            let in_order = random.random_range(0..4) == 0;
            Bet { player, name, in_order, said: said(random, in_order) }
        })
        .collect();
    let excluded = (random.random_range(0..4) == 0).then(|| players[0]);
    History { definition: Arc::new(definition), template, entered, excluded, bets }
}

fn said(random: &mut StdRng, in_order: bool) -> Vec<Said> {
    // Few amounts, so that scores are often equal.
    let sums = |random: &mut StdRng| Sums {
        stake: Amount(random.random_range(0..4) * 250),
        payout: Amount(random.random_range(0..5) * 250),
    };
    let late = |random: &mut StdRng| random.random_range(0..4) == 0;
    let at = random.random_range(STARTS - 500..ENDS + 500);
    let report = Said { version: Some(1), now: Some(sums(random)), at, late: late(random) };
    let mut all = vec![report];
    for _ in 0..random.random_range(0..5) {
        let void = random.random_range(0..3) == 0;
        let now = (!void).then(|| sums(random));
        let at = random.random_range(STARTS..ENDS + GRACE);
        // Versions may be left out by the platform.
        let version = all.last().unwrap().version.unwrap() + random.random_range(1..3);
        all.push(Said { version: Some(version), now, at, late: late(random) });
    }
    if in_order {
        all.iter_mut().skip(1).for_each(|said| said.version = None);
        let early = all.get(1).is_some_and(|said| said.now.is_none());
        if early && random.random() {
            all.swap(0, 1);
        }
        let mut is_late = false;
        for said in &mut all {
            is_late |= said.late;
            said.late = is_late;
        }
    } else if all.len() > 1 && random.random_range(0..12) == 0 {
        all.remove(0);
    }
    all
}

fn provider() -> ProviderId {
    ProviderId::parse("acme").unwrap()
}

fn command(bet: &Bet, said: Said) -> Command {
    let (id, round) = (BetId::parse(&bet.name).unwrap(), RoundId::parse(&bet.name).unwrap());
    let at = Some(UnixMs(said.at));
    let act = match (said.version, said.now) {
        (Some(1), now) => {
            let game = GameId::parse("wheel").unwrap();
            let bet = BetRef { provider: provider(), bet: id, round, game };
            let Sums { stake, payout } = now.unwrap();
            Act::Report(Box::new(RoundReport {
                bet,
                stake,
                payout,
                currency: EUR,
                at,
                superseded: false,
                barred: false,
                who: Default::default(),
            }))
        }
        (version, now) => Act::Correct(Box::new(Correction {
            provider: provider(),
            bet: id,
            round: None,
            version,
            now,
            currency: EUR,
            at,
        })),
    };
    Command::Contest(Box::new(act))
}

/// A journal with its wallets: commits, crashes, looks up.
struct World<'a> {
    keys: &'a Keys,
    heads: BTreeMap<Slot, Head>,
    stage: Stage,
    rows: Vec<Arc<Row>>,
    by_key: HashMap<Key16, Arc<Row>>,
    filter: KeyFilter,
    cells: BTreeMap<PlayerId, Cell>,
    saved: BTreeMap<PlayerId, Wallet>,
}

impl<'a> World<'a> {
    fn new(keys: &'a Keys, players: impl Iterator<Item = PlayerId>) -> Self {
        let slots: BTreeSet<_> = players.map(|p| Aggregate::Player(p).slot(TENANT)).collect();
        let heads: BTreeMap<_, _> =
            slots.into_iter().map(|slot| (slot, Head { epoch: 1, ..Head::empty(slot) })).collect();
        Self {
            keys,
            stage: Stage::new(heads.values().copied()),
            heads,
            rows: Vec::new(),
            by_key: HashMap::new(),
            filter: KeyFilter::with_capacity(64),
            cells: BTreeMap::new(),
            saved: BTreeMap::new(),
        }
    }

    fn run(&mut self, player: PlayerId, key: &str, time: i64, command: Command) -> Answer {
        let (saved, rows) = (self.saved.get(&player).cloned(), &self.rows);
        let cell = self.cells.entry(player).or_insert_with(|| {
            let own = rows.iter().filter(|row| row.aggregate == Aggregate::Player(player));
            let after = saved.as_ref().map_or(0, |wallet| wallet.seq);
            let tail = own.filter(|row| row.seq > after).cloned();
            Cell::load(TENANT, player, saved, tail).unwrap()
        });
        let asked = Prepared::new(self.keys, TENANT, player, key, command, None);
        let mut found = Found::default();
        loop {
            let needs = cell.needs(&asked, &found, &self.filter, self.keys);
            if needs.is_empty() {
                break;
            }
            let keys = needs.requests.iter().chain(&needs.claims);
            let rows = keys.filter_map(|key| self.by_key.get(key).cloned()).collect();
            found.add(&needs, rows, None);
        }
        let committed = self.heads[&cell.slot()].next_seq - 1;
        cell.execute(&asked, &found, UnixMs(time), committed, self.keys, &mut self.stage).unwrap()
    }

    fn commit(&mut self, save: bool) {
        let Some(batch) = self.stage.seal() else { return };
        for moved in &batch.moves {
            let (next_seq, chain, last_time) = (moved.next_seq, moved.chain, moved.last_time);
            let head = self.heads.get_mut(&moved.slot).unwrap();
            *head = Head { next_seq, chain, last_time, ..*head };
        }
        for row in batch.rows {
            for key in row.request.as_ref().map(|request| request.key).iter().chain(&row.claim) {
                assert!(self.by_key.insert(*key, Arc::clone(&row)).is_none(), "a key stands twice");
                self.filter.insert(key);
            }
            self.rows.push(row);
        }
        if save {
            self.saved = self.cells.iter().map(|(p, cell)| (*p, cell.wallet().clone())).collect();
        }
    }

    /// What was staged is lost; every wallet wakes from the journal.
    fn crash(&mut self) {
        for head in self.heads.values_mut() {
            head.epoch += 1;
        }
        self.stage = Stage::new(self.heads.values().copied());
        self.cells.clear();
    }
}

/// What happened on the way, over all histories.
#[derive(Default, Debug)]
struct Counts {
    rows: usize,
    repeats: usize,
    early: usize,
    superseded: usize,
    waited: usize,
    crashes: usize,
    late: usize,
    refused: usize,
}

/// Sends everything until all of it is accepted that can be; the cut is where in time ends.
fn arrive<'a>(
    history: &History,
    keys: &'a Keys,
    random: &mut StdRng,
    counts: &mut Counts,
) -> (World<'a>, Vec<u64>) {
    let players = history.bets.iter().map(|bet| bet.player);
    let players = players.chain(history.entered.iter().chain(&history.excluded).copied());
    let mut world = World::new(keys, players);
    if history.definition.entry == EntryMode::OptIn {
        for player in &history.entered {
            let (tournament, ends) = (history.definition.id.clone(), history.definition.ends);
            world.run(*player, "enter", 1, Command::Enter { tournament, ends });
        }
        world.commit(true);
    }
    if let Some(player) = history.excluded {
        let (kind, until) = (ExclusionKind::SelfExclusion, Some(UnixMs(i64::MAX)));
        let (reason, author) = ("reported".into(), "acme".into());
        world.run(
            player,
            "out",
            2,
            Command::Exclude { kind, until, reason, author, provider: None },
        );
        world.commit(true);
    }
    let mut first: HashMap<(usize, usize), Arc<Row>> = HashMap::new();
    let mut unsure: Vec<(usize, usize)> = Vec::new();
    let mut waiting = Vec::new();
    let mut cut = Vec::new();
    for late in [false, true] {
        let mut time = if late { ENDS + GRACE + 1 } else { STARTS };
        let mut pool = std::mem::take(&mut waiting);
        for (at, bet) in history.bets.iter().enumerate() {
            let here = bet.said.iter().enumerate().filter(|(_, said)| said.late == late);
            for (which, _) in here {
                pool.extend(vec![(at, which); random.random_range(1..3)]);
            }
        }
        loop {
            if pool.is_empty() {
                world.commit(random.random());
                unsure.clear();
                break;
            }
            let (at, mut which) = pool.swap_remove(random.random_range(0..pool.len()));
            let bet = &history.bets[at];
            if bet.in_order {
                let is_new = |which: &usize| !first.contains_key(&(at, *which));
                let next = (0..bet.said.len()).find(is_new).unwrap_or(which);
                if next < which {
                    pool.push((at, which));
                    which = next;
                }
            }
            time += if late { random.random_range(0..100) } else { i64::from(time < ENDS) * 7 };
            let said = bet.said[which];
            let key = format!("{}/{which}", bet.name);
            match world.run(bet.player, &key, time, command(bet, said)) {
                Answer::Done(row) => {
                    assert!(first.insert((at, which), row).is_none(), "done twice");
                    unsure.push((at, which));
                    if said.version == Some(1) {
                        pool.append(&mut waiting);
                    }
                }
                Answer::Replay(row) => {
                    assert_eq!(first[&(at, which)], row, "another answer");
                    counts.repeats += 1;
                }
                Answer::Refused(Refusal::BetNotFound) => {
                    let reported = |n: usize| bet.said[n].version == Some(1);
                    let come =
                        (0..bet.said.len()).any(|n| reported(n) && first.contains_key(&(at, n)));
                    assert!(!come && said.now.is_some(), "{key}: the report is there");
                    waiting.push((at, which));
                    counts.waited += 1;
                }
                other => panic!("{key}: {other:?}"),
            }
            contradict(&mut world, bet, which, first.get(&(at, which)), time, counts);
            match random.random_range(0..12) {
                0 | 1 => {
                    world.commit(random.random());
                    unsure.clear();
                }
                2 => {
                    world.crash();
                    counts.crashes += 1;
                    for lost in unsure.drain(..) {
                        first.remove(&lost);
                        pool.push(lost);
                    }
                }
                _ => {}
            }
        }
        if !late {
            cut = vec![0; 256];
            for (slot, head) in &world.heads {
                cut[slot.index()] = head.next_seq - 1;
            }
        }
    }
    for (at, _) in waiting {
        assert!(history.bets[at].said.iter().all(|said| said.version != Some(1)));
    }
    (world, cut)
}

/// What is known can't be said otherwise, by its key or by its version.
fn contradict(
    world: &mut World<'_>,
    bet: &Bet,
    which: usize,
    first: Option<&Arc<Row>>,
    time: i64,
    counts: &mut Counts,
) {
    let (Some(first), said) = (first, bet.said[which]) else { return };
    let other = Said { now: Some(Sums { stake: Amount(1), payout: Amount(1) }), ..said };
    let mut run = |key: &str, said| world.run(bet.player, key, time, command(bet, said));
    let refused = |answer: Answer, why: Refusal| {
        assert!(matches!(&answer, Answer::Refused(is) if *is == why), "{answer:?}");
    };
    refused(run(&format!("{}/{which}", bet.name), other), Refusal::IdempotencyMismatch);
    counts.refused += 1;
    match said.version {
        None => return,
        Some(1) => refused(run("other", other), Refusal::BetIdReused),
        Some(_) => refused(run("other", other), Refusal::IdempotencyMismatch),
    }
    let again = run("other", said);
    assert!(matches!(&again, Answer::Replay(row) if row == first), "{again:?}");
}

/// Where a bet stands by the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stands {
    version: u32,
    now: Option<Sums>,
    started: i64,
    ended: i64,
}

/// The latest version of each bet, of those that are reported; its whole truth.
fn model(history: &History, with_late: bool) -> BTreeMap<(PlayerId, &str), (bool, Stands)> {
    let mut all = BTreeMap::new();
    for bet in &history.bets {
        let Some(report) = bet.said.iter().find(|said| said.version == Some(1)) else { continue };
        let mut stands: Option<Stands> = None;
        for said in bet.said.iter().filter(|said| with_late || !said.late) {
            let before = stands.map_or(0, |stands| stands.version);
            let version = said.version.unwrap_or(before.max(1) + 1);
            if version > before {
                let (now, started, ended) = (said.now, report.at, said.at);
                stands = Some(Stands { version, now, started, ended });
            }
        }
        if let Some(stands) = stands {
            all.insert((bet.player, bet.name.as_str()), (!report.late, stands));
        }
    }
    all
}

/// The board by the model: who, and score in millionths.
fn board(history: &History, with_late: bool) -> Vec<(PlayerId, i64)> {
    let mut players: BTreeMap<PlayerId, (i64, Option<i64>, i64)> = BTreeMap::new();
    for ((player, _), (in_time, stands)) in model(history, with_late) {
        let Some(Sums { stake, payout }) = stands.now else { continue };
        let (least, of) = match history.template {
            0 => (1, stake.0),
            1 => (1, payout.0),
            2 => (1, payout.0 - stake.0),
            _ => (500, stake.0),
        };
        let starts = (STARTS..ENDS).contains(&stands.started);
        // Whoever entered before goes on; nobody is put in who may not play.
        let opted = history.definition.entry == EntryMode::OptIn;
        let is_in =
            history.entered.contains(&player) && (opted || history.excluded != Some(player));
        if !in_time || !starts || stake.0 < least || !is_in {
            continue;
        }
        let (score, gave, ended) = players.entry(player).or_insert((0, None, i64::MAX));
        *score += of * 10_000;
        *ended = stands.ended.min(*ended);
        *gave = if of == 0 { *gave } else { (*gave).max(Some(stands.ended)) };
    }
    let mut order: Vec<_> = players
        .into_iter()
        .map(|(player, (score, gave, ended))| (-score, gave.unwrap_or(ended), player))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(score, _, player)| (player, -score)).collect()
}

/// The same rows in another order between slots, repeated, with the fold saved and restored.
fn fold(history: &History, world: &World<'_>, cut: &[u64], random: &mut StdRng) -> Standings {
    let mut slots: BTreeMap<Slot, Vec<&Arc<Row>>> = BTreeMap::new();
    for row in &world.rows {
        slots.entry(row.slot).or_default().push(row);
    }
    let mut queues: Vec<_> = slots.into_values().map(|rows| (0_usize, rows)).collect();
    let mut standings = Standings::new(Arc::clone(&history.definition), TENANT, UnixMs(0));
    if random.random() {
        standings.set_cut(cut.to_vec());
    }
    while !queues.is_empty() {
        let at = random.random_range(0..queues.len());
        let (next, rows) = &mut queues[at];
        let from = next.saturating_sub(random.random_range(0..3));
        let until = (*next + random.random_range(1..4)).min(rows.len());
        for row in &rows[from..until] {
            standings.apply(row).unwrap();
        }
        *next = until;
        if *next == rows.len() {
            queues.swap_remove(at);
        }
        if random.random_range(0..8) == 0 {
            let saved = standings.save();
            standings =
                Standings::restore(Arc::clone(&history.definition), TENANT, &saved).unwrap();
        }
    }
    standings
}

/// By bet: its latest version and what that says.
type Book = BTreeMap<(PlayerId, String), (u32, Option<Sums>)>;

/// The ledger as the rows tell it: every bet's latest version, and the accounts, which stay empty.
fn ledger(history: &History, world: &World<'_>, counts: &mut Counts) -> ([u8; 32], Book) {
    let mut bets = BTreeMap::new();
    let mut reported = BTreeSet::new();
    for row in &world.rows {
        assert!(row.leg.is_none() && row.balance_after.is_none(), "no money is moved");
        let Aggregate::Player(player) = row.aggregate else { panic!() };
        let Event::Contest(told) = Event::from_row(row).unwrap() else { continue };
        match *told {
            Told::Reported(report) => {
                let name = (player, report.bet.bet.as_str().to_owned());
                reported.insert(name.clone());
                if !report.superseded {
                    let RoundReport { stake, payout, .. } = report;
                    assert!(bets.insert(name, (1, Some(Sums { stake, payout }))).is_none());
                }
            }
            Told::Corrected(corrected) => {
                let name = (player, corrected.bet.as_str().to_owned());
                let stood: Option<(u32, Option<Sums>)> = bets.get(&name).copied();
                match &corrected.effect {
                    Effect::Superseded => {
                        counts.superseded += 1;
                        assert!(stood.unwrap().0 > corrected.version);
                        continue;
                    }
                    Effect::Early => counts.early += 1,
                    Effect::Replaced(replaced) => assert_eq!(replaced.before, stood.unwrap().1),
                }
                bets.insert(name, (corrected.version, corrected.now));
            }
            _ => panic!("nothing else is asked for"),
        }
    }
    // A void whose report never came is about no round.
    bets.retain(|name, _| reported.contains(name));
    let accounts: Vec<_> = world.cells.values().map(|cell| cell.wallet().accounts.len()).collect();
    assert!(accounts.iter().all(|count| *count == 0));
    let mut hasher = blake3::Hasher::new();
    for bet in &history.bets {
        let stands = bets.get(&(bet.player, bet.name.clone()));
        hasher.update(format!("{:?} {stands:?};", bet.player).as_bytes());
    }
    (*hasher.finalize().as_bytes(), bets)
}

#[test]
fn reported_rounds_are_the_same_in_any_order() {
    let (runs, first) = (size("PALIO_REPORT_HISTORIES", 200), size("PALIO_REPORT_SEED", 1));
    let keys = Keys::new([5; 32]);
    let mut counts = Counts::default();
    let mut ranked = 0;
    for seed in first..first + runs {
        let history = history(seed);
        let random = &mut StdRng::seed_from_u64(seed ^ 0x5eed);
        let mut seen = BTreeSet::new();
        for _ in 0..ORDERS {
            let (world, cut) = arrive(&history, &keys, random, &mut counts);
            counts.rows += world.rows.len();
            let (hash, bets) = ledger(&history, &world, &mut counts);
            let expected: BTreeMap<_, _> = model(&history, true)
                .into_iter()
                .map(|((player, bet), (_, s))| ((player, bet.to_owned()), (s.version, s.now)))
                .collect();
            assert_eq!(bets, expected, "seed {seed}: the ledger");
            let mut standings = fold(&history, &world, &cut, random);
            let mut hashes = vec![hash];
            for with_late in [false, true] {
                if with_late {
                    counts.late += standings.waiting();
                    let whole = standings.positions().to_vec();
                    standings.correct_until(&whole, &BTreeSet::new());
                    assert_eq!(standings.waiting(), 0);
                }
                hashes.push(standings.hash());
                let page = standings.page(0, u64::MAX);
                ranked += page.len();
                let page: Vec<_> = page.iter().map(|place| (place.player, place.score)).collect();
                if history.template < MODELLED {
                    assert_eq!(page, board(&history, with_late), "seed {seed}, {with_late}");
                }
            }
            seen.insert((hashes, standings.turnover()));
        }
        assert_eq!(seen.len(), 1, "seed {seed}");
    }
    let Counts { repeats, early, superseded, waited, crashes, late, refused, .. } = counts;
    for count in [repeats, early, superseded, waited, crashes, late, refused, ranked] {
        assert!(count > 0, "{counts:?}");
    }
    println!("{runs} histories in {ORDERS} orders each: {counts:?}, {ranked} places compared");
}
