//! Plans of every version of a result, each changed before it was journalled: orders, money and
//! what wallets paid follow from the changed plan, the chain fits, every sum is right. Only
//! working the plan out again tells.

use super::{TENANT, race, relink};
use palio::storage::StoredRow;
use palio::storage::memory::Memory;
use palio_domain::journal::{Keys, RowKind, Stage};
use palio_domain::tournament::admission::Price;
use palio_domain::tournament::lifecycle::{Command as Ask, Event, Tournament};
use palio_domain::tournament::prizes::table::PrizeTable;
use palio_domain::tournament::prizes::{PrizePlan, Stack};
use palio_domain::tournament::settle::{self, Settling};
use palio_domain::tournament::{Definition, EntryMode, FinalResult, Standings};
use palio_domain::wallet::contest::{Act, Award};
use palio_domain::wallet::{BetRef, BetResult, Cell, Command, Found, Outcome, Prepared, Terms};
use palio_domain::{
    Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TournamentId, UnixMs,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const EUR: Currency = Currency::EUR;
/// After the race's end.
const LATE: i64 = 5_000;

/// Somebody who is in the way between what is right and what is journalled.
#[derive(Default)]
struct Bend {
    /// Of which version.
    version: u32,
    plan: Option<fn(&mut Value)>,
    result: Option<fn(&mut FinalResult)>,
    cut: Option<fn(&mut Vec<u64>)>,
}

impl Bend {
    fn plan(&self, version: u32, plan: PrizePlan) -> PrizePlan {
        let Some(bend) = self.plan.filter(|_| version == self.version) else { return plan };
        let mut value = serde_json::to_value(&plan).unwrap();
        bend(&mut value);
        let bent: PrizePlan = serde_json::from_value(value).unwrap();
        assert_ne!(bent, plan, "version {version}");
        bent
    }
}

/// A journal that is written as the server writes it.
struct Server {
    memory: Memory,
    keys: Keys,
    stage: Stage,
    cells: BTreeMap<PlayerId, Cell>,
    home: Option<Tournament>,
    definition: Definition,
    fold: Standings,
    bend: Bend,
    asked: u32,
}

impl Server {
    fn new(definition: Definition, bend: Bend) -> Self {
        let memory = Memory::new();
        let all: Vec<_> = Slot::all().collect();
        let stage = Stage::new(memory.acquire_sync("first", &all));
        let fold = Standings::new(Arc::new(definition.clone()), TENANT, UnixMs(500));
        let keys = Keys::new([1; 32]);
        let (cells, home, asked) = (BTreeMap::new(), None, 0);
        Self { memory, keys, stage, cells, home, definition, fold, bend, asked }
    }

    fn commit(&mut self) {
        let batch = self.stage.seal().unwrap();
        for row in &batch.rows {
            self.fold.apply(row).unwrap();
        }
        self.memory.append_sync("first", &batch).unwrap();
    }

    fn home(&self) -> &Tournament {
        self.home.as_ref().unwrap()
    }

    fn ask(&mut self, now: i64, act: &Ask) {
        let event = Tournament::decide(self.home.as_ref(), act, UnixMs(now)).unwrap().unwrap();
        let draft = event.draft(TENANT, &self.definition, &self.keys, None);
        let row = self.stage.push(draft, UnixMs(now)).unwrap();
        match (&mut self.home, Event::from_row(&row).unwrap()) {
            (home, Event::Created { definition }) => {
                *home = Some(Tournament::created(row.seq, *definition));
            }
            (Some(home), event) => home.apply(row.seq, row.time, &event),
            (None, _) => panic!(),
        }
        self.commit();
    }

    fn wallet(&mut self, now: i64, player: u64, command: Command) {
        self.asked += 1;
        let (player, name) = (PlayerId(player), format!("k{}", self.asked));
        let asked = Prepared::new(&self.keys, TENANT, player, &name, command, None);
        let fresh = || Cell::load(TENANT, player, None, []).unwrap();
        let cell = self.cells.entry(player).or_insert_with(fresh);
        let (found, now) = (Found::default(), UnixMs(now));
        cell.execute(&asked, &found, now, 0, &self.keys, &mut self.stage).unwrap();
        self.commit();
    }

    fn play(&mut self, now: i64, player: u64, stake: i64) {
        let bet = BetRef {
            provider: ProviderId::parse("acme").unwrap(),
            bet: BetId::parse(&format!("b{player}")).unwrap(),
            round: RoundId::parse(&format!("r{player}")).unwrap(),
            game: GameId::parse("wheel").unwrap(),
        };
        let (payout, terms) = (Amount(0), Terms::default());
        let (stake, at, feature) = (Amount(stake), None, false);
        let play = Command::Play { bet, stake, payout, currency: EUR, at, feature, terms };
        self.wallet(now, player, play);
    }

    /// His only bet is void.
    fn void(&mut self, now: i64, player: u64, stake: i64) {
        let bet = BetResult {
            bet: BetId::parse(&format!("b{player}")).unwrap(),
            stake: None,
            payout: Amount(stake),
            outcome: Some(Outcome::Void),
            version: Some(2),
        };
        let void = Command::SettleBets {
            provider: ProviderId::parse("acme").unwrap(),
            round: RoundId::parse(&format!("r{player}")).unwrap(),
            game: None,
            bets: vec![bet],
            currency: Some(EUR),
            at: None,
            terms: Terms::default(),
        };
        self.wallet(now, player, void);
    }

    fn close(&mut self, now: i64) {
        let (seen, cut) = (self.home().seq, self.fold.positions().to_vec());
        let result = self.fold.result();
        self.ask(now, &Ask::Close { seen, cut: cut.clone(), result });
        self.fold.set_cut(cut);
    }

    fn revise(&mut self, now: i64) {
        let mut cut = self.fold.positions().to_vec();
        let out = self.home().out.clone();
        self.fold.correct_until(&cut, &out);
        let mut result = self.fold.result();
        if self.home().versions + 1 == self.bend.version {
            if let Some(bend) = self.bend.cut {
                bend(&mut cut);
            }
            if let Some(bend) = self.bend.result {
                bend(&mut result);
            }
        }
        let (reason, author) = ("why".to_owned(), "op".to_owned());
        let seen = self.home().seq;
        self.ask(now, &Ask::Revise { seen, cut, result, reason, author });
    }

    /// Plans the newest version, and has wallets carry it out.
    fn pay(&mut self, now: i64) {
        let home = self.home();
        let version = home.versions.max(1);
        let right = if home.is_cancelled() {
            let started: Option<(&[Stack], Amount)> = None;
            settle::call_off(&self.definition, &home.seats, started).unwrap()
        } else {
            let finishers = self.fold.finishers(&home.under_review);
            let settling = Settling { finishers, turnover: self.fold.turnover() };
            settle::settle(&self.definition, home.brought(), &settling).unwrap()
        };
        let plan = Box::new(self.bend.plan(version, right.unwrap()));
        self.ask(now, &Ask::Plan { seen: home.seq, version, plan });
        let orders = self.home().payout.batches.last().unwrap().orders.clone();
        for (line, order) in (0..).zip(orders) {
            let award = Box::new(Award {
                tournament: self.definition.id.clone(),
                version,
                line,
                what: order.what,
                quantity: order.quantity,
                currency: order.currency,
            });
            let act =
                if order.back { Act::TakeBack { award } } else { Act::Pay { award, rounds: None } };
            self.wallet(now, order.player.0, Command::Contest(Box::new(act)));
        }
        self.ask(now, &Ask::Complete { seen: self.home().seq });
    }

    fn judge(&mut self, now: i64, player: u64, reinstate: bool) {
        let (reason, author) = ("two accounts".to_owned(), "op".to_owned());
        let player = PlayerId(player);
        self.ask(now, &Ask::Disqualify { player, reinstate, reason, author });
    }

    fn review(&mut self, now: i64, player: u64, hold: bool) {
        let (reason, author) = ("a look".to_owned(), "op".to_owned());
        self.ask(now, &Ask::Review { player: Some(PlayerId(player)), hold, reason, author });
    }
}

/// Five players and four versions: one bet is void late; another one is while the second version
/// is on its way to its plan, and somebody is out and somebody held back; then all are let go.
fn corrected(bend: Bend) -> Memory {
    let table = r#"{"currency":"EUR","policies":{"correction":"clawBack"},
        "pool":{"seed":"100.00"},"bands":[
        {"from":1,"prizes":[{"kind":"cash","percent":"50"}]},
        {"from":2,"prizes":[{"kind":"cash","percent":"30"}]},
        {"from":3,"prizes":[{"kind":"cash","percent":"20"}]}]}"#;
    let table: PrizeTable = serde_json::from_str(table).unwrap();
    let definition = Definition {
        entry: EntryMode::Automatic,
        table: Some(Box::new(table)),
        schedule: None,
        ..race("one", 1_000)
    };
    let mut server = Server::new(definition.clone(), bend);
    server.ask(500, &Ask::Create(Box::new(definition)));
    for player in 1..=5 {
        let funds = Command::Deposit { amount: Amount(10_000), currency: EUR };
        server.wallet(600, player, funds);
    }
    server.ask(1_000, &Ask::Start);
    for (player, stake) in (1..=5).zip([600, 500, 400, 300, 200]) {
        server.play(1_200, player, stake);
    }
    server.close(1_900);
    server.pay(2_000);
    server.void(LATE, 1, 600);
    server.revise(LATE + 1);
    // After the cut of the second version, and before its plan.
    server.void(LATE + 1, 3, 400);
    server.pay(LATE + 2);
    server.judge(LATE + 3, 2, false);
    server.review(LATE + 3, 5, true);
    server.revise(LATE + 4);
    server.pay(LATE + 5);
    server.judge(LATE + 6, 2, true);
    server.review(LATE + 6, 5, false);
    server.revise(LATE + 7);
    server.pay(LATE + 8);
    let winners = |plan: &PrizePlan| {
        let line = |line: &palio_domain::tournament::prizes::Line| (line.player.0, line.quantity);
        plan.lines().iter().map(line).collect::<Vec<_>>()
    };
    if server.bend.version == 0 {
        let plans: Vec<_> = server.home().payout.plans.iter().map(winners).collect();
        assert_eq!(plans[0], [(1, 5_000), (2, 3_000), (3, 2_000)]);
        assert_eq!(plans[1], [(2, 5_000), (3, 3_000), (4, 2_000)]);
        assert_eq!(plans[2], [(4, 5_000), (5, 3_000)]);
        assert_eq!(plans[3], [(2, 5_000), (4, 3_000), (5, 2_000)]);
    }
    server.memory
}

/// Two players have paid, and it does not take place.
fn called_off(bend: Bend) -> Memory {
    let table = r#"{"currency":"EUR","pool":{"buyIns":{"feePerEntry":"0.40"}},
        "bands":[{"from":1,"prizes":[{"kind":"cash","percent":"100"}]}]}"#;
    let table: PrizeTable = serde_json::from_str(table).unwrap();
    let mut definition =
        Definition { table: Some(Box::new(table)), schedule: None, ..race("one", 1_000) };
    let (amount, fee) = (Amount(400), Amount(40));
    definition.admission.price = Some(Price { amount, fee });
    let mut server = Server::new(definition.clone(), bend);
    server.ask(500, &Ask::Create(Box::new(definition.clone())));
    for player in 1..=2 {
        let funds = Command::Deposit { amount: Amount(10_000), currency: EUR };
        server.wallet(600, player, funds);
        let tournament: TournamentId = definition.id.clone();
        let hold = Act::Hold {
            tournament: tournament.clone(),
            price: Amount(440),
            fee,
            currency: EUR,
            ends: definition.ends,
            entries_max: 1,
            who: Box::default(),
            external: false,
        };
        server.wallet(600, player, Command::Contest(Box::new(hold)));
        let seat = Ask::Seat { player: PlayerId(player), entry: 1, ticket: false };
        server.ask(600, &seat);
        let take = Act::TakeSeat { tournament };
        server.wallet(600, player, Command::Contest(Box::new(take)));
    }
    server.ask(700, &Ask::Cancel { reason: "no dealer".to_owned() });
    server.pay(800);
    server.memory
}

const LESS: fn(&mut Value) = |plan| {
    let move_by = |line: &mut Value, by: i64| {
        for field in ["quantity", "value"] {
            line[field] = json!(line[field].as_i64().unwrap() + by);
        }
    };
    move_by(&mut plan["lines"][0], -1);
    move_by(&mut plan["lines"][1], 1);
};
const SWAPPED: fn(&mut Value) = |plan| {
    let (first, second) = (plan["lines"][0]["player"].take(), plan["lines"][1]["player"].take());
    (plan["lines"][0]["player"], plan["lines"][1]["player"]) = (second, first);
};
const ANOTHER: fn(&mut Value) = |plan| plan["lines"][1]["player"] = json!(9);
const MISSING: fn(&mut Value) = |plan| {
    let line = plan["lines"].as_array_mut().unwrap().remove(1);
    let left = json!({"cause": "unspent", "to": "house", "what": line["what"],
        "quantity": line["quantity"], "value": line["value"], "currency": line["currency"]});
    plan["remainders"].as_array_mut().unwrap().push(left);
};
const LET_GO: fn(&mut Value) = |plan| plan["lines"][1]["due"] = json!("payable");
const HELD_BACK: fn(&mut Value) = |plan| plan["lines"][0]["due"] = json!("reserved");

async fn found(memory: &Memory) -> Vec<(&'static str, String)> {
    let report = palio::verify::run(&memory.storage()).await.unwrap();
    report.differences.into_iter().map(|found| (found.check, found.found)).collect()
}

/// A wrong amount with the sum still right, two places swapped, a place of somebody else, a line
/// missing, a prize let go or held back: in the plan of each version.
#[tokio::test]
async fn a_changed_plan_of_any_version_is_found() {
    let sound = Bend::default;
    assert_eq!(found(&corrected(sound())).await, []);
    let bends = [LESS, SWAPPED, ANOTHER, MISSING, HELD_BACK];
    let each = (1..=4).flat_map(|version| bends.map(|bend| (version, bend)));
    for (version, bend) in each.chain([(3, LET_GO)]) {
        let bent = corrected(Bend { version, plan: Some(bend), ..sound() });
        let what = format!("the plan of version {version} is not what the result gives");
        assert_eq!(found(&bent).await, [("prizes", what)]);
    }
}

/// A published version that is not what the rows up to its cut come to.
#[tokio::test]
async fn a_changed_version_of_a_result_is_found() {
    let swapped: fn(&mut FinalResult) = |result| result.rows.swap(0, 1);
    let turnover: fn(&mut FinalResult) = |result| result.turnover = Amount(1);
    for (version, bend) in [2, 3, 4].into_iter().flat_map(|v| [(v, swapped), (v, turnover)]) {
        let bent = corrected(Bend { version, result: Some(bend), ..Bend::default() });
        let what = format!("version {version} of the result is not recomputed");
        assert_eq!(found(&bent).await, [("standings", what)]);
    }
    // It says that nothing was looked at that came after the first version.
    let bent = corrected(Bend { version: 2, cut: Some(|cut| cut.fill(0)), ..Bend::default() });
    let found = found(&bent).await;
    let all: Vec<_> = found.iter().map(|(check, _)| *check).collect();
    assert_eq!(all, ["standings", "prizes"], "{found:?}");
}

#[tokio::test]
async fn a_changed_refund_is_found() {
    assert_eq!(found(&called_off(Bend::default())).await, []);
    for bend in [LESS, ANOTHER, MISSING] {
        let bent = called_off(Bend { version: 1, plan: Some(bend), ..Bend::default() });
        let what = "the plan is not what was paid in".to_owned();
        assert_eq!(found(&bent).await, [("prizes", what)]);
    }
}

/// The rows themselves: of another version, twice, or not there.
#[tokio::test]
async fn a_moved_row_of_a_version_is_found() {
    type Change = fn(&mut Vec<StoredRow>, usize);
    let drop_it: Change = |rows, at| drop(rows.remove(at));
    let double: Change = |rows, at| rows.insert(at, rows[at].clone());
    let renamed: Change = |rows, at| {
        let payload = String::from_utf8(rows[at].row.payload.to_vec()).unwrap();
        let other = payload.replace("\"version\":3", "\"version\":4");
        assert_ne!(payload, other);
        rows[at].row.payload = other.into_bytes().into();
    };
    let sound = corrected(Bend::default());
    for kind in [RowKind::PrizesPlanned, RowKind::ResultRevised] {
        for change in [drop_it, double, renamed] {
            let copy = sound.copy();
            let mut is_met = false;
            for slot in Slot::all() {
                copy.tamper(slot, |rows, head| {
                    let of_version = |stored: &StoredRow| {
                        let payload = String::from_utf8_lossy(&stored.row.payload);
                        stored.row.kind == kind && payload.contains("\"version\":3")
                    };
                    let Some(at) = rows.iter().position(of_version) else { return };
                    is_met = true;
                    change(rows, at);
                    for (seq, stored) in (1..).zip(rows.iter_mut()) {
                        stored.row.seq = seq;
                    }
                    relink(rows, head);
                });
            }
            assert!(is_met);
            let found = found(&copy).await;
            let told = |(check, _): &&(&str, String)| ["prizes", "standings"].contains(check);
            assert!(found.iter().any(|found| told(&found)), "{} {found:?}", kind.name());
        }
    }
}
