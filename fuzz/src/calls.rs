//! The calls of the wire that become commands, by the path they are made at.

use crate::support::Message;
use palio_domain::wallet::WithdrawalEnd;
use palio_domain::{ProviderId, UnixMs};
use palio_protocol::session::{OpenSession, SessionRules};
use palio_protocol::wallet::Part;
use palio_protocol::{FieldError, json, operator, wallet};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// When the calls are made: 2026-11-21T18:00:00Z.
pub(crate) const NOW: UnixMs = UnixMs(1_795_284_000_000);
const AUTHOR: &str = "anna";
/// The second person that a verdict needs.
const SECOND: &str = "bob";
const RAISE_WAIT_MS: i64 = 86_400_000;

/// The provider that calls.
pub(crate) fn provider() -> ProviderId {
    ProviderId::parse("sandbox").expect("an id")
}

type Parts = Result<Vec<Part>, FieldError>;

/// What a call asks for; `None` when its path is no call's.
pub(crate) fn parts(of: &Message<'_>) -> Option<Parts> {
    let key = of.header("X-Idempotency-Key").filter(|key| !key.is_empty());
    let own = provider();
    let one = |part: Result<Part, FieldError>| part.map(|part| vec![part]);
    let keyed = |part: Result<Part, FieldError>| part?.keyed(key).map(|part| vec![part]);
    let path: Vec<&str> = of.word(1).trim_start_matches('/').split('/').collect();
    Some(match path.as_slice() {
        ["wallet", "debit"] => read(of, |b: wallet::Debit| keyed(b.into_command(&own))),
        ["wallet", "settle"] => read(of, |b: wallet::Settle| b.into_commands(&own, key)),
        ["wallet", "credit"] => read(of, |b: wallet::Credit| keyed(b.into_command(&own))),
        ["wallet", "rollback"] => read(of, |b: wallet::Rollback| keyed(b.into_command(&own))),
        ["wallet", "play"] => read(of, |b: wallet::Play| keyed(b.into_command(&own))),
        ["wallet", "round", "end"] => read(of, |b: operator::EndRound| b.into_commands(&own, key)),
        ["api", "players", player, rest @ ..] => match rest {
            ["deposits"] => read(of, |b: wallet::Deposit| one(b.into_command(player, key))),
            ["sessions"] => read(of, |b: OpenSession| {
                b.check(&rules(), NOW)?;
                let named = b.provider()?.unwrap_or_else(|| own.clone());
                one(b.into_command(player, key, named, false))
            }),
            ["withdrawals"] => read(of, |b: operator::Withdrawal| one(b.into_command(player, key))),
            ["withdrawals", id, end @ ("capture" | "cancel")] => {
                let captured = *end == "capture";
                let end = if captured { WithdrawalEnd::Captured } else { WithdrawalEnd::Cancelled };
                read(of, |b: operator::EndWithdrawal| one(b.into_command(player, id, end, key)))
            }
            ["adjustments"] => {
                read(of, |b: operator::Adjustment| one(b.into_command(player, key, AUTHOR)))
            }
            ["limits"] => read(of, |b: operator::SetLimit| {
                one(b.into_command(player, key, AUTHOR, RAISE_WAIT_MS))
            }),
            ["exclusion"] => {
                read(of, |b: operator::Exclude| one(b.into_command(player, key, AUTHOR, true)))
            }
            ["readmission"] => {
                read(of, |b: operator::Readmit| one(b.into_command(player, key, AUTHOR)))
            }
            ["free-rounds"] => {
                read(of, |b: operator::GrantFreeRounds| one(b.into_command(player, key, AUTHOR)))
            }
            ["verdicts"] => {
                read(of, |b: operator::ProposeVerdict| one(b.into_command(player, key, AUTHOR)))
            }
            ["verdicts", "confirm"] => {
                read(of, |b: operator::ConfirmVerdict| one(b.into_command(player, key, SECOND)))
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// A tenant that asks for everything that can be asked for.
fn rules() -> SessionRules {
    SessionRules { currencies: Vec::new(), countries_blocked: vec!["XX".to_owned()], age_min: 18 }
}

/// Reads a body; what was taken must be the same after it was written and read again.
fn read<T: Clone + Serialize + DeserializeOwned>(
    of: &Message<'_>,
    parts: impl Fn(T) -> Parts,
) -> Parts {
    let body: T = json::parse(of.body)?;
    let read = parts(body.clone())?;
    let written = serde_json::to_vec(&body).expect("a body is written");
    let again = json::parse(&written).and_then(&parts);
    assert_eq!(again.as_ref(), Ok(&read), "after it was written");
    Ok(read)
}
