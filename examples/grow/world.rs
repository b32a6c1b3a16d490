//! Who plays what: players come for sessions of some dozen rows, a few thousand of them at a time.

use crate::{Arguments, TENANT};
use palio::storage::Snapshot;
use palio_domain::journal::{Batch, Keys, Stage};
use palio_domain::tournament::lifecycle::{self, Tournament};
use palio_domain::tournament::score::{ONE, Points};
use palio_domain::tournament::{Definition, EntryMode, FinalResult, Metric};
use palio_domain::wallet::{Answer, BetRef, BetResult, Cell, Command, Found, Prepared, Terms};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, TournamentId,
    TraceId, UnixMs,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::mpsc;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Players who play at the same time.
const AWAKE: usize = 5_000;
/// Sessions of each player, on average.
const VISITS: u64 = 2;
/// Bets of a player that are open at the same time.
const OPEN_MAX: usize = 3;
/// One in so many bets never hears a result.
const FORGOTTEN: u32 = 500;
const GRACE_MS: i64 = 60_000;
const CURRENCY: Currency = Currency::EUR;
const REPORT_EVERY: u64 = 500_000;

struct Known {
    player: PlayerId,
    /// As saved when he went to sleep.
    wallet: Option<Vec<u8>>,
    seq: u64,
    next: u32,
}

struct Session {
    index: usize,
    cell: Cell,
    left: u64,
    open: Vec<(BetRef, i64)>,
}

pub(crate) struct World {
    pub(crate) rows: u64,
    wanted: u64,
    batch: usize,
    quota: u64,
    keys: Keys,
    stages: Vec<Stage>,
    arriving: mpsc::Receiver<PlayerId>,
    players: Vec<Known>,
    awake: Vec<Session>,
    awake_max: usize,
    is_asleep: Vec<bool>,
    contests: Vec<Tournament>,
    random: StdRng,
    begins: UnixMs,
    ends: UnixMs,
    provider: ProviderId,
    games: Vec<GameId>,
    reported: u64,
}

impl World {
    pub(crate) fn new(
        arguments: &Arguments,
        keys: Keys,
        arriving: mpsc::Receiver<PlayerId>,
        stages: Vec<Stage>,
        now: UnixMs,
    ) -> Self {
        let players = u64::try_from(arguments.players).unwrap();
        let games = (0..40).map(|n| GameId::parse(&format!("grown_{n}")).unwrap());
        Self {
            rows: 0,
            wanted: arguments.rows,
            batch: arguments.batch,
            quota: (arguments.rows / (players * VISITS).max(1)).max(4),
            keys,
            stages,
            arriving,
            players: Vec::with_capacity(arguments.players),
            awake: Vec::new(),
            awake_max: AWAKE.min(arguments.players),
            is_asleep: Vec::new(),
            contests: Vec::new(),
            random: StdRng::seed_from_u64(arguments.seed),
            begins: now.plus_ms(-arguments.days * DAY_MS),
            ends: now.plus_ms(-1_000),
            provider: ProviderId::parse("sandbox").unwrap(),
            games: games.collect(),
            reported: 0,
        }
    }

    /// Rows are spread evenly over the time.
    fn time_at(&self, rows: u64, of: u64) -> UnixMs {
        let span = i128::from(self.ends.since_ms(self.begins));
        let passed = span * i128::from(rows.min(of)) / i128::from(of.max(1));
        self.begins.plus_ms(i64::try_from(passed).unwrap())
    }

    fn now(&self) -> UnixMs {
        self.time_at(self.rows, self.wanted)
    }

    pub(crate) fn report(&mut self) {
        if self.rows >= self.reported + REPORT_EVERY {
            self.reported = self.rows;
            eprintln!("{} rows, {} players", self.rows, self.players.len());
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.stages.iter().any(|stage| stage.len() >= self.batch)
    }

    /// What every group has staged.
    pub(crate) fn seal(&mut self) -> Vec<(usize, Batch)> {
        let all = self.stages.iter_mut().enumerate();
        all.filter_map(|(group, stage)| Some((group, stage.seal()?))).collect()
    }

    /// What those groups have staged that have enough for a batch.
    pub(crate) fn seal_full(&mut self) -> Vec<(usize, Batch)> {
        let full =
            self.stages.iter_mut().enumerate().filter(|(_, stage)| stage.len() >= self.batch);
        full.filter_map(|(group, stage)| Some((group, stage.seal()?))).collect()
    }

    /// One command of somebody who plays.
    pub(crate) async fn session(&mut self) {
        while self.awake.len() < self.awake_max {
            self.wake().await;
        }
        let at = self.random.random_range(0..self.awake.len());
        let mut session = self.awake.swap_remove(at);
        let before = self.rows;
        if session.left > 0 {
            self.play(&mut session);
            session.left = session.left.saturating_sub(self.rows - before);
            self.awake.push(session);
        } else {
            self.end(session);
        }
    }

    /// Someone new, or every second time someone who was here before.
    async fn wake(&mut self) {
        let known = self.players.len();
        let again = known > 2 * self.awake_max && self.random.random_bool(0.5);
        let index = if again { self.random.random_range(0..known) } else { known };
        if again && *self.is_asleep.get(index).unwrap() {
            self.resume(index);
        } else if let Some(player) = self.arriving.recv().await {
            self.players.push(Known { player, wallet: None, seq: 0, next: 0 });
            self.is_asleep.push(true);
            self.resume(known);
            self.first(known);
        } else if known > 0 {
            let sleeping = (0..).map(|_| self.random.random_range(0..known));
            let index = sleeping.into_iter().find(|n| *self.is_asleep.get(*n).unwrap());
            self.resume(index.unwrap());
        }
    }

    fn resume(&mut self, index: usize) {
        let known = self.players.get(index).unwrap();
        let wallet = known.wallet.as_ref().map(|state| serde_json::from_slice(state).unwrap());
        let cell = Cell::load(TENANT, known.player, wallet, []).unwrap();
        *self.is_asleep.get_mut(index).unwrap() = false;
        let mut session = Session { index, cell, left: self.quota, open: Vec::new() };
        if let Some(contest) = self.contests.last()
            && contest.definition.entry == EntryMode::OptIn
            && !session.cell.wallet().entries.contains_key(&contest.definition.id)
            && self.random.random_bool(0.5)
        {
            let (tournament, ends) = (contest.definition.id.clone(), contest.definition.ends);
            let key = format!("enter-{tournament}");
            self.execute(&mut session, &key, Command::Enter { tournament, ends });
        }
        self.awake.push(session);
    }

    /// Money, and the bet that is known in advance: 1.00 lost on `g-<n>-1`.
    fn first(&mut self, index: usize) {
        let mut session = self.awake.pop().unwrap();
        let amount = Amount(100_000_000);
        self.execute(&mut session, "fund", Command::Deposit { amount, currency: CURRENCY });
        let bet = self.bet(index, 0);
        let id = bet.bet.as_str().to_owned();
        self.execute(&mut session, &id, played(bet, 100, 0));
        self.awake.push(session);
    }

    fn bet(&mut self, index: usize, game: usize) -> BetRef {
        let known = self.players.get_mut(index).unwrap();
        known.next += 1;
        let id = format!("g-{index}-{}", known.next);
        BetRef {
            provider: self.provider.clone(),
            bet: BetId::parse(&id).unwrap(),
            round: RoundId::parse(&id).unwrap(),
            game: self.games.get(game).unwrap().clone(),
        }
    }

    fn play(&mut self, session: &mut Session) {
        let full = session.open.len() >= OPEN_MAX;
        if full || (!session.open.is_empty() && self.random.random_bool(0.6)) {
            let at = self.random.random_range(0..session.open.len());
            let (bet, stake) = session.open.swap_remove(at);
            return self.result(session, bet, stake);
        }
        let game = self.random.random_range(0..self.games.len());
        let stake = self.random.random_range(10..2_000_i64);
        let bet = self.bet(session.index, game);
        let id = bet.bet.as_str().to_owned();
        if self.random.random_bool(0.3) {
            let payout = self.payout(stake);
            return self.execute(session, &id, played(bet, stake, payout));
        }
        let place = Command::PlaceBet {
            bet: bet.clone(),
            stake: Amount(stake),
            currency: CURRENCY,
            at: None,
            free: None,
            feature: false,
            terms: Terms::default(),
        };
        self.execute(session, &id, place);
        session.open.push((bet, stake));
    }

    fn payout(&mut self, stake: i64) -> i64 {
        if self.random.random_bool(0.45) { stake * self.random.random_range(1..=4) } else { 0 }
    }

    fn result(&mut self, session: &mut Session, bet: BetRef, stake: i64) {
        let provider = self.provider.clone();
        if self.random.random_bool(0.03) {
            let key = format!("x-{}", bet.bet);
            let command = Command::Rollback { provider, bet: bet.bet, round: Some(bet.round) };
            return self.execute(session, &key, command);
        }
        let payout = Amount(self.payout(stake));
        let key = format!("s-{}", bet.bet);
        let settle = Command::SettleBets {
            provider,
            round: bet.round,
            game: None,
            bets: vec![BetResult {
                bet: bet.bet,
                stake: None,
                payout,
                outcome: None,
                version: None,
            }],
            currency: Some(CURRENCY),
            at: None,
            terms: Terms::default(),
        };
        self.execute(session, &key, settle);
    }

    fn execute(&mut self, session: &mut Session, key: &str, command: Command) {
        let now = self.now();
        let player = session.cell.player();
        let trace = TraceId::parse(&format!("{:032x}", self.random.random::<u128>())).ok();
        let asked = Prepared::new(&self.keys, TENANT, player, key, command, trace);
        let group = session.cell.slot().index() % self.stages.len();
        let stage = self.stages.get_mut(group).unwrap();
        let before = stage.len();
        let found = Found::default();
        // Everything is new here, so nothing has to be looked up.
        match session.cell.execute(&asked, &found, now, u64::MAX, &self.keys, stage).unwrap() {
            Answer::Done(_) => {}
            other => panic!("{key} was not done: {other:?}"),
        }
        self.rows += u64::try_from(stage.len() - before).unwrap();
    }

    fn end(&mut self, mut session: Session) {
        for (bet, stake) in std::mem::take(&mut session.open) {
            if self.random.random_range(0..FORGOTTEN) > 0 {
                self.result(&mut session, bet, stake);
            }
        }
        let known = self.players.get_mut(session.index).unwrap();
        known.seq = session.cell.wallet().seq;
        known.wallet = Some(serde_json::to_vec(session.cell.wallet()).unwrap());
        *self.is_asleep.get_mut(session.index).unwrap() = true;
    }

    /// Everybody who has not been here comes, and all go to sleep.
    pub(crate) async fn rest(&mut self) {
        while let Some(session) = self.awake.pop() {
            self.end(session);
        }
        while let Some(player) = self.arriving.recv().await {
            let index = self.players.len();
            self.players.push(Known { player, wallet: None, seq: 0, next: 0 });
            self.is_asleep.push(true);
            self.resume(index);
            self.first(index);
            let session = self.awake.pop().unwrap();
            self.end(session);
        }
    }

    /// The tournament of this part of the time; the last one goes on.
    pub(crate) fn announce(&mut self, part: u64, parts: u64) {
        let starts = self.now();
        let ends = match part == parts {
            true => self.ends.plus_ms(DAY_MS),
            false => self.time_at(part, parts).plus_ms(-2 * GRACE_MS).max(starts.plus_ms(1)),
        };
        let metrics = [Metric::Turnover, Metric::BestRatio, Metric::Ggr];
        let turn = usize::try_from(part).unwrap();
        let metric = *metrics.get(turn % metrics.len()).unwrap();
        let definition = Definition {
            id: TournamentId::parse(&format!("grown-{part}")).unwrap(),
            name: format!("Grown {part}"),
            metric,
            currency: CURRENCY,
            starts,
            ends,
            registration_opens: None,
            grace_ms: GRACE_MS,
            rules: metric.rules(Points(ONE), CURRENCY).unwrap(),
            tick_ms: 2_000,
            top_n: 50,
            entry: if part % 3 == 2 { EntryMode::OptIn } else { EntryMode::Automatic },
            prizes: vec![Amount(100_000), Amount(50_000)],
            description: String::new(),
            kind: palio_domain::tournament::Kind::default(),
            admission: palio_domain::tournament::Admission::default(),
            table: None,
            review: palio_domain::tournament::Review::default(),
            schedule: None,
        };
        let create = lifecycle::Command::Create(Box::new(definition.clone()));
        let seq = self.step(None, &definition, &create);
        self.contests.push(Tournament::created(seq, definition));
        self.step_last(&lifecycle::Command::Start);
    }

    /// The tournament that runs.
    pub(crate) fn contest(&self) -> &Tournament {
        self.contests.last().unwrap()
    }

    pub(crate) fn close(&mut self, cut: Vec<u64>, result: FinalResult) {
        let seen = self.contest().seq;
        self.step_last(&lifecycle::Command::Close { seen, cut, result });
    }

    fn step_last(&mut self, command: &lifecycle::Command) {
        let mut contest = self.contests.pop().unwrap();
        let definition = contest.definition.clone();
        let event = Tournament::decide(Some(&contest), command, self.due(&contest));
        let seq = self.step(Some(&contest), &definition, command);
        let due = self.due(&contest);
        contest.apply(seq, due, &event.unwrap().unwrap());
        self.contests.push(contest);
    }

    /// Now, or when the tournament's time has come.
    fn due(&self, contest: &Tournament) -> UnixMs {
        contest.next_deadline().map_or(self.now(), |due| due.max(self.now()))
    }

    fn step(
        &mut self,
        state: Option<&Tournament>,
        definition: &Definition,
        command: &lifecycle::Command,
    ) -> u64 {
        let now = state.map_or(self.now(), |state| self.due(state));
        let event = Tournament::decide(state, command, now).unwrap().unwrap();
        let draft = event.draft(TENANT, definition, &self.keys, None);
        let group = draft.aggregate.slot(TENANT).index() % self.stages.len();
        self.rows += 1;
        self.stages.get_mut(group).unwrap().push(draft, now).unwrap().seq
    }

    /// Of every player and tournament, as of its last row.
    pub(crate) fn snapshots(self) -> Vec<Snapshot> {
        let player = |known: Known| Snapshot {
            tenant: TENANT,
            aggregate: Aggregate::Player(known.player),
            seq: known.seq,
            state: known.wallet.unwrap(),
        };
        let contest = |contest: Tournament| Snapshot {
            tenant: TENANT,
            aggregate: Aggregate::Tournament(contest.definition.id.number()),
            seq: contest.seq,
            state: serde_json::to_vec(&contest).unwrap(),
        };
        let contests = self.contests.into_iter().map(contest);
        self.players.into_iter().map(player).chain(contests).collect()
    }
}

fn played(bet: BetRef, stake: i64, payout: i64) -> Command {
    Command::Play {
        feature: false,
        bet,
        stake: Amount(stake),
        payout: Amount(payout),
        currency: CURRENCY,
        at: None,
        terms: Terms::default(),
    }
}
