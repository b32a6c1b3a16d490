//! Takes a core's boards to Redis: a task per tournament, which knows only the newest board.
//!
//! When Redis is slow or gone: boards that come meanwhile are one board when it answers again.
//! Nothing queues, and nobody but these tasks waits.

use super::pen::{Pen, Sheet};
use super::pulse::{Life, Pulse};
use super::store::{Appended, Store, StoreError};
use crate::ws::Clock;
use crate::ws::published::Published;
use crate::ws::topic::{Topic, Topics};
use palio_domain::TournamentId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often new tournaments are looked for.
const LOOK: Duration = Duration::from_millis(250);
/// Appends under way at a time.
const AT_ONCE: usize = 64;
/// How often a stream in which nothing happens is looked at.
const CHECK: Duration = Duration::from_secs(10);
/// How long hints are gathered.
const GATHER: Duration = Duration::from_millis(5);
/// After an append that failed; doubled up to the second.
const RETRY: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(2)];

/// See the module.
pub struct Writer {
    store: Arc<dyn Store>,
    pulse: Arc<Pulse>,
    now: Clock,
    /// Entries that a stream keeps at least.
    keep: u64,
    places: Semaphore,
    news: Mutex<HashSet<TournamentId>>,
    has_news: Notify,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("keep", &self.keep).finish_non_exhaustive()
    }
}

fn failed(of: &'static str, error: &StoreError) {
    metrics::counter!("palio_redis_errors_total", "of" => of).increment(1);
    tracing::debug!(%error, of, "a call to Redis failed");
}

impl Writer {
    /// One whose streams keep at least so many entries.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, pulse: Arc<Pulse>, now: Clock, keep: u64) -> Arc<Self> {
        let (places, news, has_news) = (Semaphore::new(AT_ONCE), Mutex::default(), Notify::new());
        Arc::new(Self { store, pulse, now, keep, places, news, has_news })
    }

    /// Follows every topic, for ever.
    pub async fn run(self: Arc<Self>, topics: Arc<Topics>) {
        tokio::spawn(Arc::clone(&self).tell());
        let mut followed: HashMap<TournamentId, (Arc<Topic>, JoinHandle<()>)> = HashMap::new();
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let open: HashMap<_, _> =
                topics.all().into_iter().map(|topic| (topic.id().clone(), topic)).collect();
            // A topic that is held here does not end by itself.
            followed.retain(|id, (topic, task)| {
                let is_open = open.get(id).is_some_and(|open| Arc::ptr_eq(open, topic));
                if !is_open {
                    task.abort();
                }
                is_open
            });
            for (id, topic) in open {
                followed.entry(id).or_insert_with(|| {
                    let follow = Arc::clone(&self).follow(topic.id().clone(), topic.subscribe());
                    (topic, tokio::spawn(follow))
                });
            }
        }
    }

    async fn follow(self: Arc<Self>, id: TournamentId, mut topic: watch::Receiver<Arc<Published>>) {
        let mut lives = self.pulse.subscribe();
        let mut pen = Pen::new(lives.borrow().generation, (self.keep / 2).max(4));
        let mut serial = 0;
        let mut wait = RETRY[0];
        // Not all of them at once.
        let mut check = Instant::now() + CHECK.mul_f32(rand::random_range(0.5..1.0));
        loop {
            let Ok(life) = lives.wait_for(|life| life.is_up).await.map(|life| *life) else {
                return;
            };
            if life.serial != serial {
                serial = life.serial;
                pen.raise(life.generation);
            }
            let board = Arc::clone(&topic.borrow_and_update());
            match self.write(&mut pen, &id, &board).await {
                Ok(true) => wait = RETRY[0],
                // Its stream has lost something: once more, with the whole board.
                Ok(false) => continue,
                Err(error) => {
                    failed("append", &error);
                    pen.forget();
                    tokio::select! {
                        () = tokio::time::sleep(wait.mul_f32(rand::random_range(0.5..1.0))) => {}
                        changed = lives.changed() => if changed.is_err() { return },
                    }
                    wait = (wait * 2).min(RETRY[1]);
                    continue;
                }
            }
            let ended = async { lives.wait_for(|next: &Life| *next != life).await.is_err() };
            tokio::select! {
                changed = topic.changed() => if changed.is_err() { return },
                ended = ended => if ended { return },
                () = tokio::time::sleep_until(check) => {
                    check = Instant::now() + CHECK;
                    match self.store.last(&id).await {
                        Ok(last) if last == pen.last() => {}
                        Ok(_) => pen.forget(),
                        Err(error) => failed("check", &error),
                    }
                }
            }
        }
    }

    /// Writes what is new; whether the stream is now known to end with it.
    pub(super) async fn write(
        &self,
        pen: &mut Pen,
        id: &TournamentId,
        board: &Published,
    ) -> Result<bool, StoreError> {
        let Some(sheet) = pen.write(board) else { return Ok(true) };
        let Ok(place) = self.places.acquire().await else { return Ok(true) };
        let appended = self.store.append(id, &sheet.entries, self.keep).await?;
        drop(place);
        match appended {
            Appended::After(before) => {
                self.count(&sheet, board);
                self.hint(id);
                Ok(pen.wrote(&sheet, before))
            }
            Appended::Refused => {
                let top = self.store.top(id).await?;
                pen.forget();
                self.pulse.met(top.map_or(0, |top| top.generation));
                Err(StoreError("another core has written".into()))
            }
        }
    }

    fn count(&self, sheet: &Sheet, board: &Published) {
        let [wholes, steps, proofs] = sheet.counts;
        for (kind, count) in [("whole", wholes), ("step", steps), ("proof", proofs)] {
            metrics::counter!("palio_redis_entries_total", "kind" => kind).increment(count);
        }
        metrics::counter!("palio_redis_boards_skipped_total").increment(sheet.skipped);
        if sheet.counts[1] > 0 {
            let lag_ms = u32::try_from((self.now)().since_ms(board.as_of)).unwrap_or_default();
            metrics::histogram!("palio_redis_write_lag_seconds").record(f64::from(lag_ms) / 1e3);
        }
    }

    fn hint(&self, id: &TournamentId) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        self.has_news.notify_one();
    }

    /// Tells edges which streams have news, many at a time; what can't be told is told later.
    async fn tell(self: Arc<Self>) {
        loop {
            self.has_news.notified().await;
            tokio::time::sleep(GATHER).await;
            let news =
                std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
            let news: Vec<_> = news.into_iter().collect();
            for some in news.chunks(256) {
                if let Err(error) = self.store.wake(some).await {
                    failed("wake", &error);
                    let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
                    news.extend(some.iter().cloned());
                    self.has_news.notify_one();
                }
            }
        }
    }
}
