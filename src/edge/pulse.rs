//! The core's sign of life in Redis, and how the core learns that Redis has lost something.
//!
//! Before each beat the last one is read. When it is not the one that was given last, Redis was
//! emptied, has failed over to a replica that lags, or another core writes: everything is written
//! again. While a core of a greater generation lives this one writes nothing. (Which of them may
//! write the journal is decided by the database; this only keeps the loser from being heard.)

use super::store::{Beat, Store, StoreError};
use palio_domain::UnixMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Between two beats.
const EVERY: Duration = Duration::from_millis(500);
/// A core that has not given a beat for so long is gone.
const GONE: Duration = Duration::from_secs(4);

/// What writers must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Whether Redis answers, and it is for this core to write.
    pub is_up: bool,
    /// Changes whenever everything must be written again.
    pub serial: u64,
    /// The generation of this core's entries.
    pub generation: u64,
}

/// What this core last saw of another one.
struct Other {
    beat: Beat,
    changed: Instant,
}

/// See the module.
pub struct Pulse {
    life: watch::Sender<Life>,
    /// The newest list that was written.
    list: AtomicU64,
    /// Another core's generation that was met in a stream.
    met: AtomicU64,
}

impl std::fmt::Debug for Pulse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pulse").field("life", &*self.life.borrow()).finish_non_exhaustive()
    }
}

/// What a beat is made from.
#[derive(Default)]
pub struct Heart {
    given: Option<Beat>,
    other: Option<Other>,
    was_down: bool,
}

impl std::fmt::Debug for Heart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heart").field("given", &self.given).finish_non_exhaustive()
    }
}

impl Pulse {
    /// Of a core that starts now.
    #[must_use]
    pub fn new(started: UnixMs) -> Arc<Self> {
        let generation = u64::try_from(started.0).unwrap_or_default().max(1);
        let life = watch::Sender::new(Life { is_up: false, serial: 0, generation });
        Arc::new(Self { life, list: AtomicU64::default(), met: AtomicU64::default() })
    }

    /// What writers must know, now and whenever it changes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Life> {
        self.life.subscribe()
    }

    /// The newest list that was written.
    #[must_use]
    pub fn list(&self) -> u64 {
        self.list.load(Ordering::Acquire)
    }

    /// A list was written.
    pub fn set_list(&self, version: u64) {
        self.list.store(version, Ordering::Release);
    }

    /// An entry was refused, since there is one of this generation.
    pub fn met(&self, generation: u64) {
        self.met.fetch_max(generation, Ordering::AcqRel);
    }

    /// One beat: looks, decides, and gives its own if it may.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn beat(
        &self,
        heart: &mut Heart,
        store: &dyn Store,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let looked = self.look(heart, store, now).await;
        if looked.is_err() {
            heart.was_down = true;
            self.life.send_if_modified(|life| std::mem::replace(&mut life.is_up, false));
        }
        let up = self.life.borrow().is_up;
        metrics::gauge!("palio_redis_up").set(if up { 1.0 } else { 0.0 });
        looked
    }

    async fn look(
        &self,
        heart: &mut Heart,
        store: &dyn Store,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let seen = store.beat().await?;
        let mut life = *self.life.borrow();
        let mut met = self.met.swap(0, Ordering::AcqRel);
        let is_own = |beat: &Beat| beat.generation == life.generation;
        if let Some(other) =
            seen.clone().filter(|beat| !is_own(beat) && beat.generation > life.generation)
        {
            met = met.max(other.generation);
            let known = heart.other.as_ref().is_some_and(|had| had.beat == other);
            if !known {
                heart.other = Some(Other { beat: other, changed: Instant::now() });
            }
            if heart.other.as_ref().is_some_and(|had| had.changed.elapsed() < GONE) {
                self.met(met);
                self.life.send_if_modified(|life| std::mem::replace(&mut life.is_up, false));
                return Ok(());
            }
        }
        if met >= life.generation {
            tracing::warn!(met, "another core has written; going on under a greater generation");
            life.generation = met.saturating_add(1);
            heart.given = None;
        }
        let lost = heart.given.is_none() || seen != heart.given || heart.was_down;
        let count = heart.given.as_ref().map_or(0, |given| given.count).saturating_add(1);
        let list = self.list.load(Ordering::Acquire);
        let beat = Beat { generation: life.generation, count, list, at: now.0 };
        store.give_beat(&beat).await?;
        heart.given = Some(beat);
        heart.was_down = false;
        if lost {
            life.serial = life.serial.saturating_add(1);
        }
        life.is_up = true;
        self.life.send_if_modified(|had| std::mem::replace(had, life) != life);
        Ok(())
    }

    /// Gives beats for ever.
    pub async fn run(self: Arc<Self>, store: Arc<dyn Store>, now: crate::ws::Clock) {
        let mut heart = Heart::default();
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(error) = self.beat(&mut heart, &*store, now()).await {
                metrics::counter!("palio_redis_errors_total", "of" => "beat").increment(1);
                tracing::debug!(%error, "Redis does not answer");
            }
        }
    }
}
