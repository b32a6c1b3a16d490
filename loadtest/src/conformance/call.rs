//! Turns a line into a request, and compares what comes.

use super::table::{Expected, Line};
use super::{Parties, Profile};
use crate::{Client, Error, Forgery, Reply};
use futures_util::future::try_join_all;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A case while it is played.
pub(super) struct Table<'a> {
    parties: &'a Parties,
    provider: &'a Client,
    operator: &'a Client,
    prefix: String,
    kept: HashMap<String, String>,
    sessions: HashMap<String, String>,
    calls: usize,
}

/// A request of one of the two parties.
struct Call {
    operator: bool,
    path: String,
    key: String,
    body: Value,
}

/// An answer as the table speaks of it.
struct Came {
    status: u16,
    code: String,
    /// The result as rendered, or the whole body.
    result: String,
    body: Value,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        parties: &'a Parties,
        provider: &'a Client,
        operator: &'a Client,
        number: &str,
        run: &str,
    ) -> Self {
        Self {
            parties,
            provider,
            operator,
            prefix: format!("cc{run}-{number}-"),
            kept: HashMap::new(),
            sessions: HashMap::new(),
            calls: 0,
        }
    }

    fn player(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Plays a line; `Err` inside tells what differed.
    pub(super) async fn play(&mut self, line: &Line) -> Result<Result<(), String>, Error> {
        if line.profile.is_some_and(|profile| profile != self.parties.profile) {
            return Ok(Ok(()));
        }
        self.calls += 1;
        let expected = line.expected(self.parties.profile).clone();
        if line.verb == "money" {
            return self.money(line, &expected).await;
        }
        let call = self.call(line)?;
        if let Some(times) = line.times {
            let all = (0..times).map(|_| self.send(&call, line));
            return Ok(many(&try_join_all(all).await?, &expected));
        }
        let came = self.send(&call, line).await?;
        if let Some(name) = &expected.keep {
            self.kept.insert(name.clone(), came.result.clone());
            if let Some(token) = field(&came.body, "sessionToken") {
                self.sessions.insert(name.clone(), token);
            }
        }
        let same = expected.same.as_ref().and_then(|name| self.kept.get(name));
        Ok(one(&came, &expected, same))
    }

    async fn money(&self, line: &Line, expected: &Expected) -> Result<Result<(), String>, Error> {
        let player = self.player(line.option("player").unwrap_or("a"));
        let currency = line.option("currency").unwrap_or("EUR");
        let balance: Value = self.provider.fetch(&format!("/wallet/{player}")).await?;
        let accounts = balance.get("accounts").and_then(Value::as_array);
        let account = accounts
            .into_iter()
            .flatten()
            .find(|account| account.get("currency").and_then(Value::as_str) == Some(currency));
        for (name, wanted) in &expected.fields {
            let there = account.and_then(|account| account.get(name)).and_then(Value::as_str);
            if there.unwrap_or("0.00") != wanted {
                return Ok(Err(format!("{name} is {}, not {wanted}", there.unwrap_or("0.00"))));
            }
        }
        Ok(Ok(()))
    }

    fn call(&self, line: &Line) -> Result<Call, Error> {
        let player = self.player(line.option("player").unwrap_or("a"));
        let currency = line.option("currency").unwrap_or("EUR");
        let game = line.option("game").unwrap_or("wheel");
        let key = line.option("key").unwrap_or_default().to_owned();
        let own_key = || {
            if key.is_empty() { format!("{}{}", self.prefix, self.calls) } else { key.clone() }
        };
        let word = |at| line.word(at);
        let of_player = |rest: &str| format!("/api/players/{player}/{rest}");
        let operator = |path: String, key: String, body| Call { operator: true, path, key, body };
        let provider = |path: &str, body| Call {
            operator: false,
            path: path.to_owned(),
            key: key.clone(),
            body,
        };
        let mut call = match line.verb.as_str() {
            "deposit" => operator(
                of_player("deposits"),
                own_key(),
                json!({"amount": word(0)?, "currency": currency}),
            ),
            "register" => operator(format!("/api/players/{player}"), key, json!({})),
            "withdraw" => operator(
                of_player("withdrawals"),
                key,
                json!({"withdrawalId": word(0)?, "amount": word(1)?, "currency": currency}),
            ),
            "capture" => {
                operator(of_player(&format!("withdrawals/{}/capture", word(0)?)), key, json!({}))
            }
            "cancel" => operator(
                of_player(&format!("withdrawals/{}/cancel", word(0)?)),
                key,
                json!({"reason": "conformance"}),
            ),
            "adjust" => operator(
                of_player("adjustments"),
                own_key(),
                json!({"account": word(0)?, "amount": word(1)?, "currency": currency,
                       "reason": "conformance"}),
            ),
            "limit" => {
                let mut body = json!({"kind": word(0)?, "period": word(1)?});
                if word(0)? == "sessionTime" {
                    let minutes: u64 = word(2)?.parse().unwrap_or_default();
                    set(&mut body, "minutes", json!(minutes));
                } else {
                    set(&mut body, "amount", json!(word(2)?));
                    set(&mut body, "currency", json!(currency));
                }
                operator(of_player("limits"), own_key(), body)
            }
            "exclude" => {
                let mut body = json!({"kind": word(0)?, "reason": "conformance"});
                if let Some(until) = line.option("until") {
                    set(&mut body, "until", json!(until));
                }
                operator(of_player("exclusion"), own_key(), body)
            }
            "readmit" => {
                operator(of_player("readmission"), own_key(), json!({"reason": "conformance"}))
            }
            "grant" => {
                let count: u64 = word(1)?.parse().unwrap_or_default();
                operator(
                    of_player("free-rounds"),
                    key,
                    json!({"campaignId": word(0)?, "provider": self.parties.provider,
                           "gameId": game, "count": count, "stake": word(2)?,
                           "currency": currency, "expiresAt": "2099-01-01T00:00:00Z"}),
                )
            }
            "propose" => {
                let mut body = json!({"provider": self.parties.provider, "roundId": word(0)?,
                                      "reason": "conformance"});
                if word(1)? == "void" {
                    set(&mut body, "verdict", json!("void"));
                } else {
                    set(&mut body, "verdict", json!("settle"));
                    set(&mut body, "delta", json!(word(1)?));
                    set(&mut body, "currency", json!(currency));
                }
                operator(of_player("verdicts"), own_key(), body)
            }
            "confirm" => operator(
                of_player("verdicts/confirm"),
                own_key(),
                json!({"provider": self.parties.provider, "roundId": word(0)?,
                       "proposalId": word(1)?}),
            ),
            "session" => operator(
                of_player("sessions"),
                own_key(),
                json!({"gameId": word(0)?, "currency": word(1)?,
                       "provider": self.parties.provider,
                       "expiresAt": "2099-01-01T00:00:00Z"}),
            ),
            "handshake" => provider("/wallet/session", self.token(word(0)?)),
            "end-session" => provider("/wallet/session/end", self.token(word(0)?)),
            "bet" => provider(
                "/wallet/debit",
                json!({"playerId": player, "betId": word(0)?, "roundId": word(1)?,
                       "amount": word(2)?, "gameId": game, "currency": currency}),
            ),
            "win" => provider(
                "/wallet/credit",
                json!({"playerId": player, "betId": word(0)?, "roundId": word(1)?,
                       "amount": word(2)?, "gameId": game, "currency": currency}),
            ),
            "play" => provider(
                "/wallet/play",
                json!({"playerId": player, "betId": word(0)?, "roundId": word(1)?,
                       "stake": word(2)?, "payout": word(3)?, "gameId": game,
                       "currency": currency}),
            ),
            "rollback" => {
                let mut body = json!({"playerId": player, "betId": word(0)?});
                if let Some(round) = line.option("round") {
                    set(&mut body, "roundId", json!(round));
                }
                provider("/wallet/rollback", body)
            }
            "settle" => {
                let parts = word(1)?.split(',').map(|part| {
                    let (name, delta) = part.split_once(':').unwrap_or(("", part));
                    let player = if name.is_empty() { player.clone() } else { self.player(name) };
                    let mut part =
                        json!({"playerId": player, "delta": delta, "currency": currency});
                    put_version(line, &mut part);
                    part
                });
                let operations: Vec<_> = parts.collect();
                provider("/wallet/settle", json!({"roundId": word(0)?, "operations": operations}))
            }
            "end" => {
                provider("/wallet/round/end", json!({"roundId": word(0)?, "playerIds": [player]}))
            }
            "result" => {
                let bets = word(1)?.split(',').map(|bet| {
                    let mut parts = bet.split(':');
                    let mut next = || parts.next().unwrap_or_default();
                    let mut one = json!({"playerId": player, "betId": next()});
                    for name in ["stake", "payout", "outcome"] {
                        let value = next();
                        if !value.is_empty() {
                            set(&mut one, name, json!(value));
                        }
                    }
                    one
                });
                let bets: Vec<_> = bets.collect();
                provider(
                    "/events",
                    json!({"event": "round.settled", "v": "1", "roundId": word(0)?,
                           "gameId": game, "currency": currency, "bets": bets}),
                )
            }
            "events" => {
                let events = line.words.iter().map(|bet| {
                    let mut parts = bet.split(':').skip(1);
                    let mut next = || parts.next().unwrap_or_default();
                    json!({"event": "bet.placed", "v": "1", "playerId": player, "betId": next(),
                           "roundId": next(), "stake": next(), "gameId": game,
                           "currency": currency})
                });
                provider("/events", Value::Array(events.collect()))
            }
            other => return Err(Error::Usage(format!("line {}: no such call: {other}", line.at))),
        };
        if let Some(name) = line.option("session") {
            let token = self.sessions.get(name).cloned().unwrap_or_default();
            set(&mut call.body, "sessionToken", json!(token));
        }
        if let Some(campaign) = line.option("campaign") {
            set(&mut call.body, "campaignId", json!(campaign));
        }
        if line.option("feature") == Some("true") {
            set(&mut call.body, "feature", json!(true));
        }
        if line.verb == "win" {
            put_version(line, &mut call.body);
        }
        Ok(call)
    }

    fn token(&self, name: &str) -> Value {
        json!({"sessionToken": self.sessions.get(name).cloned().unwrap_or_default()})
    }

    async fn send(&self, call: &Call, line: &Line) -> Result<Came, Error> {
        let (url, key) = (&self.parties.url, &self.parties.key);
        let forged;
        let client = match line.option("sign") {
            _ if call.operator => self.operator,
            None => self.provider,
            Some(how) => {
                forged = match how {
                    "wrong" => Client::new(url, key, b"another secret, of 32 bytes or so")?,
                    "unknown" => Client::new(url, "no-such-key", &self.parties.secret)?,
                    "stale" => self.provider.forging(Forgery::Stale),
                    "otherkey" => self.provider.forging(Forgery::OtherKey),
                    _ => self.provider.forging(Forgery::OtherPath),
                };
                &forged
            }
        };
        let reply = client.post(&call.path, &call.key, call.body.to_string()).await?;
        Ok(came(&reply, &line.verb))
    }
}

fn set(body: &mut Value, name: &str, value: Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn put_version(line: &Line, body: &mut Value) {
    if let Some(version) = line.option("version").and_then(|text| text.parse::<u32>().ok()) {
        set(body, "version", json!(version));
    }
}

#[derive(serde::Deserialize)]
struct Problem<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
}

/// The part of an answer that the table speaks of: of a list with one outcome, that outcome.
fn came(reply: &Reply, verb: &str) -> Came {
    let text = reply.text();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let code = body.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
    let problem: Option<Problem<'_>> = serde_json::from_str(&text).ok();
    let raw = problem.and_then(|problem| problem.result).map(RawValue::get);
    let result = raw.map_or_else(|| text.clone(), str::to_owned);
    let outcomes = match verb {
        "result" | "events" => body.get("outcomes").and_then(Value::as_array),
        _ => None,
    };
    match outcomes.map(Vec::as_slice) {
        Some([outcome]) => {
            let status = outcome.get("status").and_then(Value::as_u64).unwrap_or_default();
            let code = outcome.get("code").and_then(Value::as_str).unwrap_or_default();
            Came {
                status: u16::try_from(status).unwrap_or_default(),
                code: code.to_owned(),
                result,
                body: outcome.get("result").cloned().unwrap_or_default(),
            }
        }
        _ => Came { status: reply.status, code, result, body },
    }
}

/// A field of a result, wherever the answer has it.
fn field(body: &Value, name: &str) -> Option<String> {
    let within = |of: &Value| {
        let operation = || of.get("operations")?.get(0)?.get("result")?.get(name);
        of.get(name).or_else(operation).cloned()
    };
    match within(body).or_else(|| within(body.get("result")?))? {
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn one(came: &Came, expected: &Expected, same: Option<&String>) -> Result<(), String> {
    let (status, code) = expected.answers.first().cloned().unwrap_or_default();
    if came.status != status || (!code.is_empty() && came.code != code) {
        return Err(format!("came {} {} {}", came.status, came.code, came.result));
    }
    for (name, wanted) in &expected.fields {
        match field(&came.body, name) {
            Some(value) if wanted == "*" || value == *wanted => {}
            Some(value) => return Err(format!("{name} is {value}, not {wanted}")),
            None => return Err(format!("{name} is missing in {}", came.body)),
        }
    }
    match (&expected.same, same) {
        (Some(_), Some(same)) if *same == came.result => Ok(()),
        (Some(name), _) => Err(format!("not the bytes of {name}: {}", came.result)),
        (None, _) => Ok(()),
    }
}

/// Of a call that was sent many times: the first answer once, the second for all others.
fn many(all: &[Came], expected: &Expected) -> Result<(), String> {
    let count = |(status, code): &(u16, String)| {
        let is = |came: &&Came| came.status == *status && (code.is_empty() || came.code == *code);
        all.iter().filter(is).count()
    };
    let right = match expected.answers.as_slice() {
        [only] => count(only) == all.len(),
        [first, rest] => count(first) == 1 && count(rest) + 1 == all.len(),
        _ => false,
    };
    if right {
        return Ok(());
    }
    let came: Vec<_> = all.iter().map(|came| format!("{} {}", came.status, came.code)).collect();
    Err(format!("came {}", came.join(", ")))
}

impl Profile {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lenient => "lenient",
        }
    }
}
