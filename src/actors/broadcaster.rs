//! One actor per tournament with a board: looks at it every tick and publishes what changed.
//!
//! When its queue is full: it has none. It takes the newest view at each tick, so boards that
//! came between two ticks are one board. The [`Directory`] starts and stops broadcasters.

use crate::actors::board::BoardView;
use crate::ws::topic::{Topic, Topics};
use actix::{Actor, ActorContext as _, Addr, AsyncContext as _, Context, Handler, Message};
use palio_domain::TournamentId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the directory asks which tournaments there are.
const LOOK: Duration = Duration::from_millis(500);
/// What a tick takes at least, whatever the tournament says.
const TICK_MIN: Duration = Duration::from_millis(10);

/// Ends an actor of this module.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Stop;

/// See the module.
#[derive(Debug)]
pub struct Broadcaster {
    topics: Arc<Topics>,
    topic: Arc<Topic>,
    last: Option<Arc<BoardView>>,
    due: Instant,
}

impl Broadcaster {
    /// The broadcaster of a topic.
    #[must_use]
    pub fn new(topics: Arc<Topics>, topic: Arc<Topic>) -> Self {
        Self { topics, topic, last: None, due: Instant::now() }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        // Without a view the tournament is about to end: the directory will say so.
        let view = self.topics.publish(&self.topic, self.last.as_ref()).or(self.last.take());
        self.topics.prove(&self.topic);
        let tick = view.as_ref().map_or(LOOK, |view| Duration::from_millis(view.tick_ms));
        self.last = view;
        let now = Instant::now();
        // Due times are a grid, not "a tick from now": the interval does not drift. A thread
        // that was held up leaves the missed ticks out.
        self.due = (self.due + tick.max(TICK_MIN)).max(now);
        ctx.run_later(self.due - now, Self::tick);
    }
}

impl Actor for Broadcaster {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.tick(ctx);
    }
}

impl Handler<Stop> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Stop: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// Keeps one broadcaster per tournament that has a board.
#[derive(Debug)]
pub struct Directory {
    topics: Arc<Topics>,
    broadcasters: HashMap<TournamentId, (Arc<Topic>, Addr<Broadcaster>)>,
}

impl Directory {
    /// The directory of these topics.
    #[must_use]
    pub fn new(topics: Arc<Topics>) -> Self {
        Self { topics, broadcasters: HashMap::new() }
    }

    fn look(&mut self) {
        let open: HashMap<TournamentId, Arc<Topic>> =
            self.topics.sync().into_iter().map(|topic| (topic.id().clone(), topic)).collect();
        // One whose stop does not fit into its queue is asked again at the next look.
        self.broadcasters.retain(|id, (topic, broadcaster)| {
            let current = open.get(id).is_some_and(|open| Arc::ptr_eq(open, topic));
            broadcaster.connected() && (current || broadcaster.try_send(Stop).is_err())
        });
        for (id, topic) in open {
            self.broadcasters.entry(id).or_insert_with(|| {
                let broadcaster = Broadcaster::new(Arc::clone(&self.topics), Arc::clone(&topic));
                (topic, broadcaster.start())
            });
        }
    }
}

impl Actor for Directory {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look();
        ctx.run_interval(LOOK, |directory, _| directory.look());
    }
}

impl Handler<Stop> for Directory {
    type Result = ();

    fn handle(&mut self, Stop: Stop, ctx: &mut Self::Context) {
        self.broadcasters.retain(|_, (_, broadcaster)| broadcaster.try_send(Stop).is_err());
        ctx.stop();
    }
}
