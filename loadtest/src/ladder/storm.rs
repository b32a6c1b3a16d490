//! Fresh bets while twenty times as many duplicates come in.
//!
//! Fresh bets are offered at a fixed rate that leaves room for twenty times as many duplicates;
//! what counts is how many of them go through. *Known* duplicates repeat a player's last plays,
//! *cold* ones those that came before too many others to be remembered in memory.

use super::LadderArgs;
use super::contest::{Contestant, Load, Record};
use super::peer::{Fleet, Folds, KEY, Peer};
use super::report::Figure;
use crate::bets::{Mix, Pace};
use crate::figures::{Line, Series};
use crate::http::{Base, Link};
use crate::num::{count, per_second};
use crate::report::code_of;
use crate::sign::{Proof, Request, Signer};
use crate::{Error, out};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Duplicates to one fresh request.
const STORM: usize = 20;
/// Of the peak, how much fresh and duplicate requests are together.
const BUSY: f64 = 0.75;
const CONNECTIONS: usize = 32;
/// Plays of each player that are sent again.
const REPEATED: usize = 10;
/// Plays after them that make a wallet forget; it remembers 32 rows.
const FORGETTING: usize = 40;
const TIMEOUT: Duration = Duration::from_secs(10);
const PATH: &str = "/wallet/play";

/// Requests to send again.
#[derive(Debug, Clone, Default)]
struct Plays(Vec<(String, String)>);

impl Plays {
    fn of(players: usize, kind: &str, from: usize, to: usize) -> Self {
        let play = |player: usize, n: usize| {
            let id = format!("storm-{kind}-{player}-{n}");
            let body = format!(
                r#"{{"playerId":"storm-{kind}-{player}","roundId":"{id}","gameId":"loadtest","betId":"{id}","stake":"1.00","payout":"0.00","currency":"EUR"}}"#
            );
            (id, body)
        };
        Self((from..to).flat_map(|n| (0..players).map(move |player| play(player, n))).collect())
    }
}

/// What came back of a storm.
#[derive(Debug, Default)]
struct Answers {
    replays: AtomicU64,
    other: AtomicU64,
}

fn link(peer: &Peer) -> Result<Link, Error> {
    let base = Arc::new(Base::parse(&peer.url)?);
    let proof = Proof::Signature(Signer::new(KEY, peer.secret.as_bytes()));
    Ok(Link::new(base, proof, TIMEOUT))
}

/// Sends every play once, over some connections.
async fn send_all(peer: &Peer, plays: &Plays) -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    for seat in 0..CONNECTIONS {
        let mut link = link(peer)?;
        let own: Vec<_> = plays.0.iter().skip(seat).step_by(CONNECTIONS).cloned().collect();
        tasks.spawn(async move {
            for (key, body) in own {
                crate::players::patiently(&mut link, Request::post(PATH, &key, body.as_bytes()))
                    .await?;
            }
            Ok::<(), Error>(())
        });
    }
    tasks.join_all().await.into_iter().collect()
}

async fn fund(peer: &Peer, kind: &str, players: usize) -> Result<(), Error> {
    let base = Arc::new(Base::parse(&peer.url)?);
    let mut link = Link::new(base, Proof::Bearer(peer.token.clone()), TIMEOUT);
    for player in 0..players {
        let path = format!("/api/players/storm-{kind}-{player}/deposits");
        let key = format!("storm-{kind}-{player}-fund");
        let body = br#"{"amount":"1000000","currency":"EUR"}"#;
        crate::players::patiently(&mut link, Request::post(&path, &key, body)).await?;
    }
    Ok(())
}

/// Sends plays again at a rate, until the end.
fn storm(
    peer: &Peer,
    plays: &Arc<Plays>,
    rate: usize,
    answers: &Arc<Answers>,
    end: Instant,
) -> Result<JoinSet<()>, Error> {
    let mut tasks = JoinSet::new();
    let begin = Instant::now();
    for seat in 0..CONNECTIONS {
        let mut link = link(peer)?;
        let (plays, answers) = (Arc::clone(plays), Arc::clone(answers));
        let mut pace = Pace::new(begin, Some(rate), seat, CONNECTIONS);
        tasks.spawn(async move {
            let mut at = seat;
            while Instant::now() < end {
                pace.turn().await;
                // Far from each other, so that no player is asked twice in a row.
                at = at.wrapping_add(7_919 * CONNECTIONS);
                let Some((key, body)) = plays.0.get(at % plays.0.len().max(1)) else { return };
                let status = link.ask(Request::post(PATH, key, body.as_bytes())).await;
                let replay =
                    matches!(status, Ok(409)) && code_of(link.body()) == "IDEMPOTENT_REPLAY";
                let counter = if replay { &answers.replays } else { &answers.other };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    Ok(tasks)
}

pub(super) async fn figure(fleet: &mut Fleet, args: &LadderArgs) -> Result<Figure, Error> {
    let search = fleet.knows_search().await?.then_some(false);
    let place = fleet.place("storm").await?;
    let peer = fleet.palio(&place, Folds { tournaments: false, search }).await?;
    let mut palio = Contestant::enter("Palio", peer, args, args.players(), false).await?;
    let players = if args.small { 40 } else { 400 };
    for kind in ["known", "cold"] {
        fund(&palio.peer, kind, players).await?;
        send_all(&palio.peer, &Plays::of(players, kind, 0, REPEATED)).await?;
    }
    let later = Plays::of(players, "cold", REPEATED, REPEATED + FORGETTING);
    send_all(&palio.peer, &later).await?;
    let known = Arc::new(Plays::of(players, "known", 0, REPEATED));
    let cold = Arc::new(Plays::of(players, "cold", 0, REPEATED));
    let load =
        |connections, rate| Load { mix: Mix::Single, connections, seconds: args.seconds(), rate };
    // The best of three: a busy moment must not make the storm a breeze.
    let mut peak = 0.0_f64;
    for _ in 0..3 {
        peak = peak.max(palio.play(load(CONNECTIONS.min(args.players()), None)).await?.requests);
    }
    let both = super::lone::half_of(peak * BUSY * 2.0);
    let rate = (both / (STORM + 1)).max(1);
    out::progress(format!("fresh at {rate}/s, duplicates at {}/s", rate * STORM));

    let kinds = [("calm", None), ("known", Some(known)), ("cold", Some(cold))];
    let mut records: Vec<(Record, Series)> =
        vec![(Record::default(), Series::default()); kinds.len()];
    let mut other = 0;
    for round in 0..args.rounds() {
        for turn in 0..kinds.len() {
            let at = (round + turn) % kinds.len();
            let (Some((name, plays)), Some((record, storms))) =
                (kinds.get(at), records.get_mut(at))
            else {
                continue;
            };
            let answers = Arc::new(Answers::default());
            let begin = Instant::now();
            let end = begin + Duration::from_secs(args.seconds() + 1);
            let sending = match plays {
                Some(plays) => Some(storm(&palio.peer, plays, rate * STORM, &answers, end)?),
                None => None,
            };
            out::progress(format!("{name}:"));
            record.push(palio.play(load(CONNECTIONS.min(rate), Some(rate))).await?);
            if let Some(mut sending) = sending {
                while sending.join_next().await.is_some() {}
            }
            let replays = answers.replays.load(Ordering::Relaxed);
            storms.push(per_second(replays, end.duration_since(begin)));
            other += answers.other.load(Ordering::Relaxed);
        }
    }
    let mut failures = palio.failures().await?;
    if other > 0 {
        failures.push(format!("{other} duplicates were not answered as replays"));
    }
    palio.peer.stop().await;
    let of = |at: usize| records.get(at).cloned().unwrap_or_default();
    let ((calm, _), (known, known_storm), (cold, cold_storm)) = (of(0), of(1), of(2));
    let lines = vec![
        Line::plain("fresh requests/s, calm", calm.requests.summary()),
        Line::plain("fresh requests/s, known duplicates", known.requests.summary()),
        Line::plain("fresh requests/s, cold duplicates", cold.requests.summary()),
        Line::plain("duplicates/s, known", known_storm.summary()),
        Line::plain("duplicates/s, cold", cold_storm.summary()),
        Line::at_least("known ÷ calm", known.requests.per(&calm.requests).summary(), 0.90),
        Line::at_least("cold ÷ calm", cold.requests.per(&calm.requests).summary(), 0.90),
        Line::plain("p95 ms of fresh requests, calm", calm.p95.summary()),
        Line::plain("p95 ms of fresh requests, known", known.p95.summary()),
        Line::plain("p95 ms of fresh requests, cold", cold.p95.summary()),
    ];
    let offered = count(rate);
    Ok(Figure {
        name: "storm".to_owned(),
        what: format!(
            "fresh bets offered at {offered} requests/s beside {STORM} times as many duplicates"
        ),
        lines,
        failures,
        ..Figure::default()
    })
}
