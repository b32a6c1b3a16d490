//! The stub's race: turnover, top ten, deltas.

use super::{Fault, State, TOURNAMENT};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::broadcast;

const TOP: usize = 10;
const RING: usize = 512;
pub(crate) const EPOCH: &str = "e1";

/// A row: score, and whether it was on the board.
type Top = Vec<(String, i64)>;

/// Scores, the last board that was sent, and who hears of the next.
pub(crate) struct Race {
    fault: Fault,
    scores: HashMap<String, i64>,
    top: Top,
    pub(crate) seq: u64,
    pub(crate) sender: broadcast::Sender<(u64, Arc<str>)>,
    /// Deltas by the seq they start from.
    pub(crate) ring: VecDeque<(u64, u64, Arc<str>)>,
}

fn name(player: &str) -> String {
    format!("Swift \"Otter\" {player}")
}

impl Race {
    pub(crate) fn new(fault: Fault) -> Self {
        let sender = broadcast::channel(256).0;
        let (scores, top, ring) = Default::default();
        Self { fault, scores, top, seq: 1, sender, ring }
    }

    pub(crate) fn staked(&mut self, player: &str, cents: i64) {
        *self.scores.entry(player.to_owned()).or_default() += cents;
    }

    fn churn(&mut self) {
        for n in 0..5 {
            let at = (self.seq * 7919 + n * 104_729) % 200;
            self.staked(&format!("c{at}"), 1 + i64::try_from(at).unwrap());
        }
    }

    fn best(&self) -> Top {
        let mut all: Top = self.scores.iter().map(|(k, s)| (k.clone(), *s)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(TOP);
        all
    }

    fn step(&mut self) {
        let new = self.best();
        if new == self.top {
            return;
        }
        let old: BTreeMap<&str, (usize, i64)> =
            self.top.iter().enumerate().map(|(r, (k, s))| (k.as_str(), (r, *s))).collect();
        let mut set = Vec::new();
        for (rank, (key, score)) in new.iter().enumerate() {
            let shown = score.to_string();
            set.push(match old.get(key.as_str()) {
                Some(before) if *before == (rank, *score) => continue,
                Some((from, _)) if *from == rank => json!([rank, shown]),
                Some((from, _)) => json!([rank, from, shown]),
                None => json!([rank, shown, key, name(key)]),
            });
        }
        let (prev, seq) = (self.seq, self.seq + 1);
        let participants = self.scores.len();
        let mut delta = json!({"t": "delta", "seq": seq, "prev": prev, "set": set,
            "len": new.len(), "participants": participants});
        if self.fault == Fault::BreaksRanks {
            delta["ranks"] = json!([[0, 9]]);
        }
        let delta: Arc<str> = delta.to_string().into();
        (self.seq, self.top) = (seq, new);
        self.ring.push_back((prev, seq, Arc::clone(&delta)));
        if self.ring.len() > RING {
            self.ring.pop_front();
        }
        if !(self.fault == Fault::SkipsADelta && seq == 30) {
            self.sender.send((seq, delta)).ok();
        }
    }

    fn row(&self, rank: usize, key: &str, score: i64) -> Value {
        json!({"rank": rank + 1, "name": name(key), "score": score.to_string()})
    }

    pub(crate) fn page(&self) -> String {
        let wrong = i64::from(self.fault == Fault::ShowsAnotherBoard);
        let rows: Vec<Value> =
            self.top.iter().enumerate().map(|(r, (k, s))| self.row(r, k, s + wrong)).collect();
        json!({"tournamentId": TOURNAMENT, "epoch": EPOCH, "seq": self.seq, "status": "active",
            "participants": self.scores.len(), "rows": rows, "asOf": "T"})
        .to_string()
    }

    pub(crate) fn snapshot(&self) -> String {
        let row = |(r, (k, s)): (usize, &(String, i64))| json!({"k": k, "r": r + 1, "n": name(k), "s": s.to_string()});
        let rows: Vec<Value> = self.top.iter().enumerate().map(row).collect();
        json!({"t": "snapshot", "epoch": EPOCH, "seq": self.seq, "status": "active",
            "participants": self.scores.len(), "endsAt": "T", "serverTime": "T", "rows": rows})
        .to_string()
    }

    fn tournament(&self) -> Value {
        json!({"id": TOURNAMENT, "status": "active", "participants": self.scores.len(),
            "topN": TOP})
    }

    pub(crate) fn about(&self) -> String {
        self.tournament().to_string()
    }

    pub(crate) fn list(&self) -> String {
        let empty = json!({"id": "empty", "status": "active", "participants": 0, "topN": 10});
        let mut fullest = self.tournament();
        fullest["participants"] = json!(self.scores.len() + 1);
        json!({"tournaments": [empty, fullest]}).to_string()
    }
}

/// Makes a step every tick.
pub(crate) async fn tick(state: Arc<State>) {
    let mut ticks = tokio::time::interval(state.options.tick);
    loop {
        ticks.tick().await;
        let mut race = state.board.lock().unwrap();
        if state.options.churn {
            race.churn();
        }
        race.step();
    }
}
