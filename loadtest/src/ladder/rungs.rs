//! The ladder itself: the baseline twice, and Palio step by step.

use super::contest::{Contestant, Load, Record, calibrate};
use super::peer::{Fleet, Folds, Peer, Place, Tuning};
use super::report::{Figure, Row};
use super::{LadderArgs, Rung};
use crate::baseline::House;
use crate::bets::Mix;
use crate::{Error, out};

/// A contestant with its record.
struct Entrant {
    rung: Rung,
    contestant: Contestant,
    note: String,
    connections: usize,
    record: Record,
}

/// Measures all rungs that are wanted and there, once for each mix.
pub(super) async fn climb(fleet: &mut Fleet, args: &LadderArgs) -> Result<Vec<Figure>, Error> {
    let needs_palio = args.rungs().iter().any(|rung| *rung >= Rung::Rules);
    let knows_search = needs_palio && fleet.knows_search().await?;
    let mut notes = Vec::new();
    let mut entrants = Vec::new();
    for rung in args.rungs() {
        if rung == Rung::Search && !knows_search {
            notes.push(format!("{rung}: not available (this palio has no [search] enabled)"));
            continue;
        }
        entrants.push(enter(fleet, args, rung, knows_search).await?);
    }
    let mut figures = Vec::new();
    for mix in &args.mixes {
        figures.push(round_robin(args, *mix, &mut entrants, &notes).await?);
    }
    let mut failures = Vec::new();
    for entrant in &mut entrants {
        failures.extend(entrant.contestant.failures().await?);
    }
    if let Some(figure) = figures.last_mut() {
        figure.failures = failures;
    }
    for entrant in entrants {
        entrant.contestant.peer.stop().await;
    }
    Ok(figures)
}

async fn enter(
    fleet: &mut Fleet,
    args: &LadderArgs,
    rung: Rung,
    knows_search: bool,
) -> Result<Entrant, Error> {
    let name = rung.to_string();
    let place = fleet.place(rung.word()).await?;
    let (trusting, mut note) = (matches!(rung, Rung::Bare | Rung::Signature), String::new());
    let peer = start(fleet, &place, rung, knows_search, args.tunings().first().copied()).await?;
    let mut contestant = Contestant::enter(&name, peer, args, args.players(), trusting).await?;
    if let Some(house) = rung.house() {
        let tuning = tune(fleet, args, &place, house, &mut contestant).await?;
        let whose = if tuning.per_worker { "in two pools" } else { "in one pool" };
        note = format!("{} connections {whose}", tuning.pool);
    }
    let connections = 0;
    Ok(Entrant { rung, contestant, note, connections, record: Record::default() })
}

/// Starts the peer of a rung.
pub(super) async fn start(
    fleet: &Fleet,
    place: &Place,
    rung: Rung,
    knows_search: bool,
    tuning: Option<Tuning>,
) -> Result<Peer, Error> {
    let tuning = tuning.unwrap_or(Tuning { pool: 16, per_worker: false });
    let search = |on: bool| knows_search.then_some(on);
    match rung {
        Rung::Shared => fleet.baseline(place, House::Shared, tuning).await,
        Rung::Spread => fleet.baseline(place, House::Spread, tuning).await,
        Rung::Bare => fleet.bare(place, false).await,
        Rung::Signature => fleet.bare(place, true).await,
        Rung::Rules => {
            fleet.palio(place, Folds { tournaments: false, search: search(false) }).await
        }
        Rung::Folds => fleet.palio(place, Folds { tournaments: true, search: search(false) }).await,
        Rung::Search => fleet.palio(place, Folds { tournaments: true, search: search(true) }).await,
    }
}

/// Tries pools and leaves the best one running.
pub(super) async fn tune(
    fleet: &Fleet,
    args: &LadderArgs,
    place: &Place,
    house: House,
    contestant: &mut Contestant,
) -> Result<Tuning, Error> {
    let tunings = args.tunings();
    let mut best =
        (0.0, tunings.first().copied().unwrap_or(Tuning { pool: 16, per_worker: false }));
    if let [only] = tunings.as_slice() {
        return Ok(*only);
    }
    let connections = args.connections.iter().copied().min_by_key(|n| n.abs_diff(64)).unwrap_or(64);
    for tuning in tunings {
        // The address is the same, so the one before has to be gone first.
        contestant.peer.halt().await;
        contestant.restarted(fleet.baseline(place, house, tuning).await?);
        let load = Load { mix: Mix::Single, connections, seconds: args.calibration(), rate: None };
        out::progress(format!("pool of {}, per worker: {}", tuning.pool, tuning.per_worker));
        let slice = contestant.play(load).await?;
        if slice.requests > best.0 {
            best = (slice.requests, tuning);
        }
    }
    contestant.peer.halt().await;
    contestant.restarted(fleet.baseline(place, house, best.1).await?);
    Ok(best.1)
}

/// Every entrant plays once in each round, a different one first each time.
async fn round_robin(
    args: &LadderArgs,
    mix: Mix,
    entrants: &mut [Entrant],
    notes: &[String],
) -> Result<Figure, Error> {
    let can = |rung: Rung| mix == Mix::Single || !matches!(rung, Rung::Bare | Rung::Signature);
    let mut able: Vec<&mut Entrant> = entrants.iter_mut().filter(|e| can(e.rung)).collect();
    let mut contestants: Vec<&mut Contestant> =
        able.iter_mut().map(|entrant| &mut entrant.contestant).collect();
    let tried = args.connections_for(mix);
    let best = calibrate(&mut contestants, mix, &tried, args.calibration()).await?;
    for (entrant, connections) in able.into_iter().zip(best) {
        entrant.record = Record::default();
        entrant.connections = connections;
    }
    for round in 0..args.rounds() {
        out::progress(format!("round {} of {}", round + 1, args.rounds()));
        let count = entrants.len();
        entrants.rotate_left(round.min(1).min(count));
        for entrant in entrants.iter_mut().filter(|entrant| can(entrant.rung)) {
            let load =
                Load { mix, connections: entrant.connections, seconds: args.seconds(), rate: None };
            entrant.record.push(entrant.contestant.play(load).await?);
        }
    }
    let requests = mix == Mix::Single;
    let value =
        |record: &Record| if requests { record.requests.clone() } else { record.bets.clone() };
    let find = |rung| entrants.iter().find(|e| e.rung == rung).map(|e| value(&e.record));
    let (shared, spread) = (find(Rung::Shared), find(Rung::Spread));
    let mut sorted: Vec<&Entrant> = entrants.iter().collect();
    sorted.sort_by_key(|entrant| entrant.rung);
    let mut rows = Vec::new();
    for entrant in sorted {
        if !can(entrant.rung) {
            continue;
        }
        let own = value(&entrant.record);
        rows.push(Row {
            name: entrant.contestant.name.clone(),
            connections: entrant.connections,
            note: entrant.note.clone(),
            value: own.summary(),
            to_shared: shared.as_ref().and_then(|other| own.per(other).summary()),
            to_spread: spread.as_ref().and_then(|other| own.per(other).summary()),
            p50_ms: entrant.record.p50.summary(),
            p95_ms: entrant.record.p95.summary(),
            cpu_us: entrant.record.cpu.summary(),
        });
    }
    let mut notes = notes.to_vec();
    if !requests {
        notes.push("bare and + signature append single bets only".to_owned());
    }
    let what = if requests {
        "requests/s; one request is one durable answer, a bet is two"
    } else {
        "bets/s"
    };
    Ok(Figure { name: mix.to_string(), what: what.to_owned(), rows, notes, ..Figure::default() })
}
