//! The actor of one live thread: takes sockets in, keeps time for them, says goodbye.
//!
//! What it owns is a [`Hall`]; the sockets themselves are written to by their rooms.

use crate::ws::hall::{Arrival, Hall, SPOKES};
use crate::ws::own;
use crate::ws::purse;
use actix::{Actor, AsyncContext as _, Context, Handler, Message};
use actix::{ResponseFuture, WrapFuture as _};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const SWEEP: Duration = Duration::from_millis(250);
/// How long sockets may take to answer a goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(2);
/// Sockets seated between two turns of the thread's other work.
const ARRIVALS_PER_TURN: usize = 64;

/// See the module.
#[derive(Debug)]
pub struct Hub {
    hall: Rc<Hall>,
    arrivals: Option<mpsc::Receiver<Arrival>>,
    heartbeat: Duration,
}

impl Hub {
    /// A hub for the thread that calls.
    #[must_use]
    pub const fn new(
        hall: Rc<Hall>,
        arrivals: mpsc::Receiver<Arrival>,
        heartbeat: Duration,
    ) -> Self {
        Self { hall, arrivals: Some(arrivals), heartbeat }
    }
}

async fn seat(hall: Rc<Hall>, mut arrivals: mpsc::Receiver<Arrival>) {
    let mut some = Vec::new();
    while arrivals.recv_many(&mut some, ARRIVALS_PER_TURN).await > 0 {
        some.drain(..).for_each(|arrival| hall.seat(arrival));
        tokio::task::yield_now().await;
    }
}

impl Actor for Hub {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(arrivals) = self.arrivals.take() {
            ctx.spawn(seat(Rc::clone(&self.hall), arrivals).into_actor(self));
        }
        ctx.spawn(own::run(Rc::clone(&self.hall)).into_actor(self));
        ctx.spawn(purse::run(Rc::clone(&self.hall)).into_actor(self));
        let spoke = self.heartbeat / u32::try_from(SPOKES).unwrap_or(1);
        ctx.run_interval(spoke.max(Duration::from_millis(1)), |hub, _| hub.hall.beat());
        ctx.run_interval(SWEEP, |hub, _| hub.hall.sweep());
    }
}

/// Says goodbye to all sockets; answered when they are gone or have had their time.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Stop {
    /// Over how long the goodbyes are spread.
    pub over: Duration,
    /// Sockets of the whole node.
    pub open: usize,
}

impl Handler<Stop> for Hub {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Stop { over, open }: Stop, _: &mut Self::Context) -> Self::Result {
        let hall = Rc::clone(&self.hall);
        Box::pin(async move {
            hall.bye(over, open).await;
            let until = Instant::now() + GOODBYE_MAX;
            while hall.is_closing() && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(10)).await;
                // Those that were on their way here when the node began to stop.
                hall.bye(Duration::ZERO, open).await;
            }
            hall.end();
        })
    }
}
