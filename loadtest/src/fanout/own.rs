//! Players with own rows, beside the same sockets with the shared broadcast alone.

use super::Wanted;
use super::delivery::{complaints, ready};
use super::feed::{Feed, fund, good, play};
use super::peer::{Kind, Peer, Script, Yard};
use super::report::Figure;
use super::swarm::Swarm;
use crate::figures::{Line, Series};
use crate::num::{count, micros, ratio};
use crate::procfs::Meter;
use crate::{Client, Error, clock, out};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::time::Duration;

const TO_SHARED_MAX: f64 = 1.5;
/// Players made at a time.
const AT_ONCE: usize = 64;
const SETTLE: Duration = Duration::from_secs(3);
const TOKEN_SECONDS: u64 = 86_400;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_token: String,
}

/// The token of a player, signed with the server's own key. His number in the server is in the
/// session's token that the server gave; the token's header is that one's too.
fn token(session: &str, key: &Ed25519KeyPair) -> Option<String> {
    let header = session.split('.').next()?;
    let claims = BASE64.decode(session.split('.').nth(1)?).ok()?;
    let mut claims: Value = serde_json::from_slice(&claims).ok()?;
    let fields = claims.as_object_mut()?;
    fields.remove("session");
    fields.insert("role".to_owned(), "player".into());
    fields.insert("exp".to_owned(), (clock::unix_seconds() + TOKEN_SECONDS).into());
    let body = BASE64.encode(claims.to_string());
    let text = format!("{header}.{body}");
    let signature = BASE64.encode(key.sign(text.as_bytes()));
    Some(format!("{text}.{signature}"))
}

/// The key that the server made: PKCS#8 in PEM, on one line.
fn signing_key(pem: &str) -> Option<Ed25519KeyPair> {
    let text = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN PRIVATE")).nth(1)?;
    Ed25519KeyPair::from_pkcs8(&BASE64_STANDARD.decode(text).ok()?).ok()
}

/// A player with money, one bet behind him, and what he says to his socket.
async fn player(
    operator: Client,
    provider: Client,
    key: &Ed25519KeyPair,
    n: usize,
) -> Result<String, Error> {
    let id = format!("watcher_{n}");
    fund(&operator, &id).await?;
    // All different, so that each has his own place.
    play(&provider, &id, &format!("w-{n}"), &format!("{}.{:02}", 1 + n / 100, n % 100)).await?;
    let expires = clock::timestamp_in(TOKEN_SECONDS);
    let body = format!(r#"{{"gameId":"loadtest","currency":"EUR","expiresAt":"{expires}"}}"#);
    let path = format!("/api/players/{id}/sessions");
    let reply = operator.post(&path, &format!("{id}-session"), body).await?;
    good("open a session", &reply)?;
    let session: Session = reply.json()?;
    let token = token(&session.session_token, key)
        .ok_or_else(|| Error::Malformed("the session's token is none".to_owned()))?;
    Ok(format!(r#"{{"t":"auth","token":"{token}"}}"#))
}

async fn players(yard: &Yard<'_>, peer: &Peer, sockets: usize) -> Result<Vec<String>, Error> {
    let pem = peer.directory.join("data/secrets/tokens.key");
    let pem = fs::read_to_string(pem).map_err(Error::io("read the tokens' key"))?;
    let key =
        signing_key(&pem).ok_or_else(|| Error::Malformed("the tokens' key is none".to_owned()))?;
    let (operator, provider) = (yard.operator(peer).await?, peer.provider()?);
    out::progress(format!("making {sockets} players"));
    let make = |n| player(operator.clone(), provider.clone(), &key, n);
    stream::iter(0..sockets).map(make).buffered(AT_ONCE).try_collect().await
}

/// Both kinds of sockets in turns, on one Palio.
pub(super) async fn own(yard: &Yard<'_>) -> Result<Figure, Error> {
    let (args, sockets) = (yard.args, yard.args.sockets(Wanted::Own));
    let mut figure = Figure {
        name: "own".to_owned(),
        what: format!("{sockets} sockets at 1 Hz, all with own rows, and none"),
        ..Figure::default()
    };
    let peer = yard.start(Kind::Palio, Script { hz: 1, sockets }).await?;
    ready(yard, &peer, 1).await?;
    let words = players(yard, &peer, sockets).await?;
    let feed = Feed::start(peer.provider()?, Duration::from_secs(1));
    let (mut shared, mut private, mut rows) =
        (Series::default(), Series::default(), Series::default());
    for round in 0..args.rounds() {
        for own in [round % 2 == 0, round % 2 == 1] {
            let mut target = peer.target();
            if own {
                target.first_words.clone_from(&words);
            }
            let swarm = Swarm::open(&target, sockets, 0).await?;
            let (swarm, _) = swarm.watch(SETTLE).await?;
            let meter = Meter::start(&peer.pid.to_string());
            let (swarm, seen) = swarm.watch(args.slice(Wanted::Own)).await?;
            let cpu = micros(meter.cpu().unwrap_or_default());
            drop(swarm);
            figure.failures.extend(complaints("watchers", &seen));
            let per_second = ratio(cpu, seen.elapsed.as_secs().max(1)) / 1e4;
            out::progress(format!(
                "round {round}, own {own}: {per_second:.1} % of a core, {} deltas, {} own rows",
                seen.deliveries, seen.own
            ));
            if own {
                private.push(per_second);
                let seconds = count(sockets) * seen.elapsed.as_secs().max(1);
                rows.push(ratio(seen.own, seconds));
            } else {
                shared.push(per_second);
            }
        }
    }
    feed.stop().await?;
    peer.stop().await;
    figure.lines = vec![
        Line::plain("shared broadcast alone, % of a core", shared.summary()),
        Line::plain("with own rows, % of a core", private.summary()),
        Line::at_most("with own rows ÷ alone", private.per(&shared).summary(), TO_SHARED_MAX),
        Line::plain("own rows per player and second", rows.summary()),
    ];
    Ok(figure)
}
