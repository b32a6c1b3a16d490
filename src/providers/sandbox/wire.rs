//! Requests of the sandbox, as `docs/protocol.md` has them, and what their answers say.

use palio_domain::{Amount, Currency};
use serde_json::{Value, json};

/// The code of an answer to a request that was done before.
pub(super) const REPLAY: &str = "IDEMPOTENT_REPLAY";

/// How a caller proves who he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A provider's signature.
    Signature,
    /// The operator's token.
    Operator,
}

/// One request; sent again it is the same request.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// For logs.
    pub(super) what: &'static str,
    pub(super) get: bool,
    pub(super) path: String,
    pub(super) key: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) proof: Proof,
    pub(super) trace: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// Whether an earlier sending of the request may have gone through.
    pub(super) unsure: bool,
}

impl Answer {
    /// The stable code of a refusal.
    pub(super) fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// Done before.
    pub(super) fn is_replay(&self) -> bool {
        self.status == 409 && self.code() == REPLAY
    }

    /// Done, now or by an earlier sending.
    pub(super) fn is_done(&self) -> bool {
        self.status == 200 || (self.unsure && self.is_replay())
    }

    /// What was answered the first time.
    pub(super) fn result(&self) -> &Value {
        if self.is_replay() { self.body.get("result").unwrap_or(&Value::Null) } else { &self.body }
    }

    /// The parts of a list of events or operations: status, code and result of each.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let result = self.result();
        let list = result.get("outcomes").or_else(|| result.get("operations"));
        list.and_then(Value::as_array).into_iter().flatten().map(Part).collect()
    }
}

/// One entry of a list of outcomes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a>(&'a Value);

impl<'a> Part<'a> {
    pub(super) fn status(self) -> u64 {
        self.0.get("status").and_then(Value::as_u64).unwrap_or_default()
    }

    pub(super) fn code(self) -> &'a str {
        self.0.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn balance(self) -> Option<&'a str> {
        balance(self.0.get("result")?)
    }

    /// The players' parts of a settled round; itself when it is about one.
    pub(super) fn operations(self) -> Vec<Part<'a>> {
        match self.0.get("operations").and_then(Value::as_array) {
            Some(list) => list.iter().map(Part).collect(),
            None => vec![self],
        }
    }
}

/// The balance that a single result names.
pub(super) fn balance(result: &Value) -> Option<&str> {
    result.get("balance").and_then(Value::as_str)
}

/// A bet with its names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) player: &'a str,
    pub(super) round: &'a str,
    pub(super) game: &'a str,
    pub(super) bet: &'a str,
    pub(super) stake: i64,
    pub(super) payout: i64,
}

/// Writes requests in one currency.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    pub(super) currency: Currency,
}

impl Wire {
    fn money(&self, minor: i64) -> String {
        self.currency.format(Amount(minor))
    }

    fn post(what: &'static str, path: impl Into<String>, trace: &str, body: &Value) -> Call {
        Call {
            what,
            get: false,
            path: path.into(),
            key: None,
            body: body.to_string().into_bytes(),
            proof: Proof::Signature,
            trace: trace.to_owned(),
        }
    }

    pub(super) fn debit(&self, bet: Named<'_>, ts: &str) -> Call {
        let body = json!({"playerId": bet.player, "roundId": bet.round, "gameId": bet.game,
            "betId": bet.bet, "amount": self.money(bet.stake), "currency": self.currency, "ts": ts});
        Self::post("debit", "/wallet/debit", bet.round, &body)
    }

    pub(super) fn credit(&self, bet: Named<'_>) -> Call {
        let body = json!({"playerId": bet.player, "roundId": bet.round, "gameId": bet.game,
            "betId": bet.bet, "amount": self.money(bet.payout), "currency": self.currency,
            "transactionId": format!("c-{}", bet.bet)});
        Self::post("credit", "/wallet/credit", bet.round, &body)
    }

    pub(super) fn rollback(&self, bet: Named<'_>) -> Call {
        let body = json!({"playerId": bet.player, "betId": bet.bet, "roundId": bet.round,
            "transactionId": format!("rb-{}", bet.bet)});
        Self::post("rollback", "/wallet/rollback", bet.round, &body)
    }

    pub(super) fn play(&self, bet: Named<'_>, ts: &str) -> Call {
        let body = json!({"playerId": bet.player, "roundId": bet.round, "gameId": bet.game,
            "betId": bet.bet, "stake": self.money(bet.stake), "payout": self.money(bet.payout),
            "currency": self.currency, "ts": ts});
        Self::post("play", "/wallet/play", bet.round, &body)
    }

    /// `POST /wallet/settle` with an operation per bet.
    pub(super) fn settle(&self, round: &str, bets: &[Named<'_>]) -> Call {
        let operation = |bet: &Named<'_>| {
            json!({"playerId": bet.player, "delta": self.money(bet.payout - bet.stake),
                "currency": self.currency})
        };
        let operations: Vec<_> = bets.iter().map(operation).collect();
        let body = json!({"roundId": round, "operations": operations});
        let call = Self::post("settle", "/wallet/settle", round, &body);
        Call { key: Some(format!("s-{round}")), ..call }
    }

    /// The plain event: one closed round in the player's session.
    pub(super) fn plain(&self, bet: Named<'_>, ts: &str) -> Call {
        let body = json!({"eventId": bet.bet, "playerId": bet.player, "gameId": bet.game,
            "amount": self.money(bet.stake), "result": self.money(bet.payout), "ts": ts,
            "traceId": bet.round});
        Self::post("plain result", "/events", bet.round, &body)
    }

    /// One `bet.placed` per bet.
    pub(super) fn placed(&self, round: &str, bets: &[Named<'_>], ts: &str) -> Call {
        let event = |bet: &Named<'_>| {
            json!({"event": "bet.placed", "v": "1", "eventId": format!("p-{}", bet.bet),
                "betId": bet.bet, "playerId": bet.player, "roundId": round, "gameId": bet.game,
                "stake": self.money(bet.stake), "currency": self.currency, "ts": ts,
                "traceId": round})
        };
        let events: Vec<_> = bets.iter().map(event).collect();
        Self::post("bet.placed", "/events", round, &Value::Array(events))
    }

    /// `round.settled` of all bets.
    pub(super) fn settled(&self, round: &str, bets: &[Named<'_>], ts: &str) -> Call {
        let game = bets.first().map_or("", |bet| bet.game);
        let result = |bet: &Named<'_>| {
            let outcome = if bet.payout > 0 { "WIN" } else { "LOSE" };
            json!({"betId": bet.bet, "playerId": bet.player, "stake": self.money(bet.stake),
                "payout": self.money(bet.payout), "outcome": outcome})
        };
        let bets: Vec<_> = bets.iter().map(result).collect();
        let body = json!([{"event": "round.settled", "v": "1", "eventId": format!("s-{round}"),
            "roundId": round, "gameId": game, "bets": bets, "currency": self.currency, "ts": ts,
            "traceId": round}]);
        Self::post("round.settled", "/events", round, &body)
    }

    /// One `bet.rolled_back` per bet.
    pub(super) fn rolled_back(&self, round: &str, bets: &[Named<'_>]) -> Call {
        let event = |bet: &Named<'_>| {
            json!({"event": "bet.rolled_back", "v": "1", "eventId": format!("rb-{}", bet.bet),
                "betId": bet.bet, "playerId": bet.player, "roundId": round, "traceId": round})
        };
        let events: Vec<_> = bets.iter().map(event).collect();
        Self::post("bet.rolled_back", "/events", round, &Value::Array(events))
    }

    pub(super) fn balance(player: &str) -> Call {
        let path = format!("/wallet/{player}");
        let call = Self::post("balance", path, player, &Value::Null);
        Call { get: true, body: Vec::new(), ..call }
    }

    pub(super) fn deposit(&self, player: &str, key: String, minor: i64) -> Call {
        let body = json!({"amount": self.money(minor), "currency": self.currency});
        let path = format!("/api/players/{player}/deposits");
        let call = Self::post("deposit", path, &key, &body);
        Call { key: Some(key), proof: Proof::Operator, ..call }
    }

    pub(super) fn session(&self, player: &str, game: &str, key: String, expires: &str) -> Call {
        let body = json!({"gameId": game, "currency": self.currency, "expiresAt": expires,
                          "provider": "sandbox"});
        let path = format!("/api/players/{player}/sessions");
        let call = Self::post("session", path, &key, &body);
        Call { key: Some(key), proof: Proof::Operator, ..call }
    }

    /// A balance of this currency in minor units.
    pub(super) fn read(&self, text: &str) -> Option<i64> {
        self.currency.amount(text).ok().map(|amount| amount.0)
    }

    /// What a player can bet with, from the answer of [`Wire::balance`]; 0 without an account.
    pub(super) fn available(&self, answer: &Value) -> Option<i64> {
        let accounts = answer.get("accounts")?.as_array()?;
        let own = accounts.iter().find(|account| {
            account.get("currency").and_then(Value::as_str) == Some(self.currency.code())
        });
        match own {
            Some(account) => self.read(account.get("available")?.as_str()?),
            None => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIRE: Wire = Wire { currency: Currency::EUR };

    fn body(call: &Call) -> Value {
        serde_json::from_slice(&call.body).unwrap()
    }

    #[test]
    fn bodies_are_those_of_the_protocol() {
        let lost = Named { player: "p", round: "r", game: "g", bet: "b", stake: 1_000, payout: 0 };
        let won = Named { player: "q", bet: "c", payout: 1_500, ..lost };
        let settle = body(&WIRE.settle("r", &[lost, won]));
        assert_eq!(settle["operations"][0]["delta"], "-10.00");
        assert_eq!(settle["operations"][1]["delta"], "5.00");
        assert_eq!(body(&WIRE.debit(lost, "T"))["amount"], "10.00");
        assert_eq!(body(&WIRE.play(won, "T"))["payout"], "15.00");
        let settled = body(&WIRE.settled("r", &[lost, won], "T"));
        assert_eq!(settled[0]["bets"][0]["outcome"], "LOSE");
        assert_eq!(settled[0]["bets"][1]["outcome"], "WIN");
        assert_eq!(body(&WIRE.placed("r", &[lost, won], "T")).as_array().unwrap().len(), 2);
        let deposit = WIRE.deposit("p", "k".to_owned(), 1_000);
        assert_eq!((deposit.proof, deposit.key.as_deref()), (Proof::Operator, Some("k")));
        assert_eq!(deposit.path, "/api/players/p/deposits");
    }

    #[test]
    fn answers_are_read_whatever_their_shape() {
        let answer = |status, body| Answer { status, body, unsure: false };
        let first = answer(200, json!({"balance": "90.00"}));
        let again = answer(409, json!({"code": REPLAY, "result": {"balance": "90.00"}}));
        assert!(first.is_done() && !again.is_done() && again.is_replay());
        assert!(Answer { unsure: true, ..again.clone() }.is_done());
        assert_eq!(again.result(), first.result());
        let several = answer(
            207,
            json!({"outcomes": [{"status": 200, "operations": [
            {"status": 200, "result": {"balance": "1.00"}}, {"status": 404, "code": "X"}]}]}),
        );
        let parts = several.parts()[0].operations();
        assert_eq!(parts[0].balance(), Some("1.00"));
        assert_eq!((parts[1].status(), parts[1].code()), (404, "X"));
        let wallet = json!({"accounts": [{"currency": "USD", "available": "7.00"},
            {"currency": "EUR", "available": "2.50"}]});
        assert_eq!(WIRE.available(&wallet), Some(250));
        assert_eq!(WIRE.available(&json!({"accounts": []})), Some(0));
        assert_eq!(WIRE.available(&json!({})), None);
    }
}
