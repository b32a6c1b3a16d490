//! The stub's money: cents in maps, one lock.

use super::Fault;
use super::board::Race;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Default, Clone, Copy)]
struct Account {
    cash: i64,
    held: i64,
}

struct Bet {
    player: String,
    stake: i64,
    open: bool,
}

/// Players, bets and keys.
pub(crate) struct Wallet {
    fault: Fault,
    calls: u64,
    players: HashMap<String, Account>,
    bets: HashMap<String, Bet>,
    /// The tool's settled rounds hold one bet each.
    rounds: HashMap<String, String>,
    keys: HashMap<String, (Vec<u8>, String)>,
}

type Refusal = (u16, &'static str);
type Answer = Option<(u16, String)>;

pub(crate) fn problem(status: u16, code: &str) -> String {
    json!({"type": "about:blank", "status": status, "code": code, "detail": "stub"}).to_string()
}

fn cents(value: &Value) -> i64 {
    let text = value.as_str().unwrap();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "00"));
    assert_eq!(fraction.len(), 2, "{text}");
    let minor = whole.trim_start_matches('-').parse::<i64>().unwrap() * 100
        + fraction.parse::<i64>().unwrap();
    if text.starts_with('-') { -minor } else { minor }
}

fn money(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100)
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_else(|| panic!("no {field} in {body}"))
}

impl Wallet {
    pub(crate) fn new(fault: Fault) -> Self {
        let (players, bets, rounds, keys) = Default::default();
        Self { fault, calls: 0, players, bets, rounds, keys }
    }

    /// Every 13th call misbehaves.
    fn bad(&mut self, fault: Fault) -> bool {
        self.fault == fault && self.calls.is_multiple_of(13)
    }

    fn result(&mut self, kind: &str, player: &str, bet: &str) -> String {
        let wrong = i64::from(self.bad(Fault::ShowsWrongBalance));
        let account = self.players.entry(player.to_owned()).or_default();
        let balance = money(account.cash - account.held + wrong);
        format!(
            r#"{{"transactionId":"tx_{}","kind":"{kind}","betId":"{bet}","balance":"{balance}","currency":"EUR"}}"#,
            self.calls
        )
    }

    pub(crate) fn show(&self, player: &str) -> String {
        let Account { cash, held } = self.players.get(player).copied().unwrap_or_default();
        json!({"playerId": player, "accounts": [{"currency": "EUR", "cash": money(cash),
            "bonus": "0.00", "held": money(held), "locked": "0.00", "debt": "0.00",
            "available": money(cash - held)}]})
        .to_string()
    }

    pub(crate) fn deposit(&mut self, player: &str, key: &str, body: &[u8]) -> Answer {
        self.keyed(&format!("deposit {key}"), body, |wallet, body| {
            wallet.players.entry(player.to_owned()).or_default().cash += cents(&body["amount"]);
            Ok(wallet.result("deposited", player, ""))
        })
    }

    /// Does a request once per key.
    fn keyed(
        &mut self,
        key: &str,
        body: &[u8],
        act: impl FnOnce(&mut Self, &Value) -> Result<String, Refusal>,
    ) -> Answer {
        self.calls += 1;
        if let Some((first, result)) =
            self.keys.get(key).filter(|_| self.fault != Fault::ForgetsKeys)
        {
            if first != body {
                return Some((422, problem(422, "IDEMPOTENCY_MISMATCH")));
            }
            let replay =
                format!(r#"{{"status":409,"code":"IDEMPOTENT_REPLAY","result":{result}}}"#);
            return Some((409, replay));
        }
        if self.bad(Fault::Busy) {
            return Some((503, problem(503, "OVERLOADED")));
        }
        match act(self, &serde_json::from_slice(body).unwrap()) {
            Ok(result) => {
                self.keys.insert(key.to_owned(), (body.to_vec(), result.clone()));
                if self.bad(Fault::DropsAnswers) {
                    return None;
                }
                if self.bad(Fault::SaysUnknown) {
                    return Some((503, problem(503, "OUTCOME_UNKNOWN")));
                }
                Some((200, result))
            }
            Err((status, code)) => Some((status, problem(status, code))),
        }
    }

    pub(crate) fn request(
        &mut self,
        kind: &str,
        key: &str,
        body: &[u8],
        race: &Mutex<Race>,
    ) -> Answer {
        assert!(!key.is_empty());
        self.keyed(&format!("{kind} {key}"), body, |wallet, body| match kind {
            "debit" => {
                wallet.place(body, cents(&body["amount"]), race)?;
                Ok(wallet.result("bet.placed", text(body, "playerId"), text(body, "betId")))
            }
            "credit" => {
                wallet.settle(text(body, "betId"), cents(&body["amount"]))?;
                Ok(wallet.result("bet.settled", text(body, "playerId"), text(body, "betId")))
            }
            "rollback" => {
                let bet = text(body, "betId");
                let stake = wallet.bets.get(bet).ok_or((404, "BET_NOT_FOUND"))?.stake;
                wallet.settle(bet, stake)?;
                Ok(wallet.result("bet.rolled_back", text(body, "playerId"), bet))
            }
            "play" => {
                wallet.place(body, cents(&body["stake"]), race)?;
                wallet.settle(text(body, "betId"), cents(&body["payout"]))?;
                Ok(wallet.result("bet.played", text(body, "playerId"), text(body, "betId")))
            }
            "settle" => wallet.settle_round(body),
            _ => Err((404, "NOT_FOUND")),
        })
    }

    fn place(&mut self, body: &Value, stake: i64, race: &Mutex<Race>) -> Result<(), Refusal> {
        assert_eq!((text(body, "currency"), text(body, "gameId")), ("EUR", "loadtest"));
        let (player, bet) = (text(body, "playerId"), text(body, "betId"));
        let account = self.players.get_mut(player).ok_or((404, "PLAYER_NOT_FOUND"))?;
        if account.cash - account.held < stake {
            return Err((422, "INSUFFICIENT_FUNDS"));
        }
        account.held += stake;
        race.lock().unwrap().staked(player, stake);
        self.rounds.insert(text(body, "roundId").to_owned(), bet.to_owned());
        self.bets.insert(bet.to_owned(), Bet { player: player.to_owned(), stake, open: true });
        Ok(())
    }

    fn settle(&mut self, bet: &str, payout: i64) -> Result<(), Refusal> {
        let lost = i64::from(self.bad(Fault::LosesCents));
        let bet = self.bets.get_mut(bet).filter(|b| b.open).ok_or((404, "BET_NOT_FOUND"))?;
        bet.open = false;
        let account = self.players.get_mut(&bet.player).unwrap();
        account.held -= bet.stake;
        account.cash += payout - bet.stake - lost;
        Ok(())
    }

    fn settle_round(&mut self, body: &Value) -> Result<String, Refusal> {
        let (round, operation) = (text(body, "roundId"), &body["operations"][0]);
        let player = text(operation, "playerId");
        let id = self.rounds.get(round).ok_or((404, "BET_NOT_FOUND"))?.clone();
        let stake = self.bets.get(&id).filter(|b| b.player == player).unwrap().stake;
        self.settle(&id, stake + cents(&operation["delta"]))?;
        let result = self.result("bet.settled", player, &id);
        Ok(format!(
            r#"{{"roundId":"{round}","operations":[{{"playerId":"{player}","status":200,"result":{result}}}]}}"#
        ))
    }

    pub(crate) fn events(&mut self, body: &[u8], race: &Mutex<Race>) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap();
        let events = body.as_array().cloned().unwrap_or_else(|| vec![body]);
        let mut all = true;
        let mut outcomes = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let (status, body) = self.event(event, race)?;
            let body: Value = serde_json::from_str(&body).unwrap();
            let through = status == 200 || status == 409;
            all &= through;
            outcomes.push(match through {
                true => json!({"index": index, "status": 200, "result": body}),
                false => json!({"index": index, "status": status, "code": body["code"]}),
            });
        }
        Some((if all { 200 } else { 207 }, json!({"outcomes": outcomes}).to_string()))
    }

    fn event(&mut self, event: &Value, race: &Mutex<Race>) -> Answer {
        let body = event.to_string();
        match text(event, "event") {
            "bet.placed" => {
                let key = format!("event {}", text(event, "eventId"));
                self.keyed(&key, body.as_bytes(), |wallet, event| {
                    if wallet.bad(Fault::RefusesParts) {
                        return Err((503, "OVERLOADED"));
                    }
                    wallet.place(event, cents(&event["stake"]), race)?;
                    Ok(wallet.result("bet.placed", text(event, "playerId"), text(event, "betId")))
                })
            }
            "round.settled" => {
                let key = format!("settled {}", text(event, "roundId"));
                self.keyed(&key, body.as_bytes(), |wallet, event| {
                    for bet in event["bets"].as_array().unwrap() {
                        let payout = cents(&bet["payout"]);
                        assert_eq!(text(bet, "outcome") == "WIN", payout > 0);
                        wallet.settle(text(bet, "betId"), payout)?;
                    }
                    Ok("{}".to_owned())
                })
            }
            _ => Some((422, problem(422, "UNKNOWN_EVENT"))),
        }
    }
}
