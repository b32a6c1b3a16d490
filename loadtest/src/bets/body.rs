//! Writes the JSON bodies of docs/protocol.md into a reused buffer.
//!
//! All texts that go in are the tool's own and need no escaping.

use crate::money::Decimals;

/// What stays the same over a run.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) game: String,
    pub(super) currency: String,
    pub(super) decimals: Decimals,
}

/// A bet as it goes over the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bet<'a> {
    pub(super) player: &'a str,
    pub(super) round: &'a str,
    pub(super) bet: &'a str,
    pub(super) stake: i64,
    pub(super) payout: i64,
}

fn put(out: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| out.push_str(part));
}

impl Words {
    fn money(&self, out: &mut String, name: &str, minor: i64) {
        put(out, &["\"", name, "\":\""]);
        self.decimals.write(minor, out);
        out.push_str("\",");
    }

    fn ids(&self, out: &mut String, bet: Bet<'_>) {
        put(out, &["\"playerId\":\"", bet.player, "\",\"roundId\":\"", bet.round]);
        put(out, &["\",\"gameId\":\"", &self.game, "\",\"betId\":\"", bet.bet, "\","]);
    }

    fn currency(&self, out: &mut String) {
        put(out, &["\"currency\":\"", &self.currency, "\"}"]);
    }

    /// `POST /wallet/debit`
    pub(super) fn debit(&self, out: &mut String, bet: Bet<'_>) {
        out.push('{');
        self.ids(out, bet);
        self.money(out, "amount", bet.stake);
        self.currency(out);
    }

    /// `POST /wallet/credit`
    pub(super) fn credit(&self, out: &mut String, bet: Bet<'_>) {
        out.push('{');
        self.ids(out, bet);
        self.money(out, "amount", bet.payout);
        self.currency(out);
    }

    /// `POST /wallet/play`
    pub(super) fn play(&self, out: &mut String, bet: Bet<'_>) {
        out.push('{');
        self.ids(out, bet);
        self.money(out, "stake", bet.stake);
        self.money(out, "payout", bet.payout);
        self.currency(out);
    }

    /// `POST /wallet/rollback`
    pub(super) fn rollback(&self, out: &mut String, bet: Bet<'_>) {
        put(out, &["{\"playerId\":\"", bet.player, "\",\"betId\":\"", bet.bet]);
        put(out, &["\",\"roundId\":\"", bet.round, "\"}"]);
    }

    /// `POST /wallet/settle`, one operation.
    pub(super) fn settle(&self, out: &mut String, bet: Bet<'_>) {
        put(out, &["{\"roundId\":\"", bet.round, "\",\"operations\":[{\"playerId\":\""]);
        put(out, &[bet.player, "\","]);
        self.money(out, "delta", bet.payout - bet.stake);
        self.currency(out);
        out.push_str("]}");
    }

    /// `POST /events` with one `bet.placed` per bet.
    pub(super) fn placed<'a>(
        &self,
        out: &mut String,
        ts: &str,
        bets: impl Iterator<Item = Bet<'a>>,
    ) {
        out.push('[');
        for (n, bet) in bets.enumerate() {
            out.push_str(if n == 0 { "{" } else { ",{" });
            put(out, &["\"event\":\"bet.placed\",\"v\":\"1\",\"eventId\":\"e-", bet.bet, "\","]);
            self.ids(out, bet);
            self.money(out, "stake", bet.stake);
            put(out, &["\"ts\":\"", ts, "\","]);
            self.currency(out);
        }
        out.push(']');
    }

    /// `POST /events` with the `round.settled` of these bets.
    pub(super) fn settled<'a>(
        &self,
        out: &mut String,
        ts: &str,
        round: &str,
        bets: impl Iterator<Item = Bet<'a>>,
    ) {
        put(out, &["{\"event\":\"round.settled\",\"v\":\"1\",\"roundId\":\"", round]);
        put(out, &["\",\"gameId\":\"", &self.game, "\",\"bets\":["]);
        for (n, bet) in bets.enumerate() {
            out.push_str(if n == 0 { "{" } else { ",{" });
            put(out, &["\"betId\":\"", bet.bet, "\",\"playerId\":\"", bet.player, "\","]);
            self.money(out, "stake", bet.stake);
            self.money(out, "payout", bet.payout);
            let outcome = if bet.payout > 0 { "WIN" } else { "LOSE" };
            put(out, &["\"outcome\":\"", outcome, "\"}"]);
        }
        put(out, &["],\"ts\":\"", ts, "\"}"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn written(write: impl Fn(&Words, &mut String)) -> Value {
        let decimals = Decimals::of("0.00").unwrap();
        let words = Words { game: "g".to_owned(), currency: "EUR".to_owned(), decimals };
        let mut out = String::new();
        write(&words, &mut out);
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn bodies_are_those_of_the_protocol() {
        let bet = Bet { player: "p", round: "r", bet: "b", stake: 1000, payout: 0 };
        let won = Bet { payout: 1500, ..bet };
        let ids = json!({"playerId": "p", "roundId": "r", "gameId": "g", "betId": "b",
            "currency": "EUR"});
        let with = |more: Value| {
            let mut all = ids.clone();
            let more = more.as_object().unwrap().clone();
            all.as_object_mut().unwrap().extend(more);
            all
        };
        assert_eq!(written(|w, o| w.debit(o, bet)), with(json!({"amount": "10.00"})));
        assert_eq!(written(|w, o| w.credit(o, won)), with(json!({"amount": "15.00"})));
        let played = with(json!({"stake": "10.00", "payout": "15.00"}));
        assert_eq!(written(|w, o| w.play(o, won)), played);
        let rolled = json!({"playerId": "p", "betId": "b", "roundId": "r"});
        assert_eq!(written(|w, o| w.rollback(o, bet)), rolled);
        for (bet, delta) in [(won, "5.00"), (bet, "-10.00")] {
            let operation = json!({"playerId": "p", "delta": delta, "currency": "EUR"});
            let settle = json!({"roundId": "r", "operations": [operation]});
            assert_eq!(written(|w, o| w.settle(o, bet)), settle);
        }
        let placed = with(json!({"event": "bet.placed", "v": "1", "eventId": "e-b",
            "stake": "10.00", "ts": "T"}));
        assert_eq!(
            written(|w, o| w.placed(o, "T", [bet, bet].into_iter())),
            json!([placed, placed])
        );
        let one = |payout: &str, outcome: &str| {
            json!({"betId": "b", "playerId": "p", "stake": "10.00", "payout": payout,
                "outcome": outcome})
        };
        let settled = json!({"event": "round.settled", "v": "1", "roundId": "r", "gameId": "g",
            "bets": [one("15.00", "WIN"), one("0.00", "LOSE")], "ts": "T"});
        assert_eq!(written(|w, o| w.settled(o, "T", "r", [won, bet].into_iter())), settled);
    }
}
