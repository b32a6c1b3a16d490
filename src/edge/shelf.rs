//! The list of tournaments and their texts: the core writes them, an edge serves them.
//!
//! Not a history but a state: whoever reads the newest list and the texts that changed since has
//! everything, whatever got lost in between.

use super::pulse::Pulse;
use super::store::{List, Listed, Store, StoreError};
use palio_domain::{TenantId, TournamentId};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How often the core looks for changes.
const LOOK: Duration = Duration::from_secs(1);

/// What a core has to tell.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// All tournaments in order: which, whose, its state.
    pub all: Vec<(TournamentId, TenantId, &'static str)>,
    /// Texts that changed since the last call.
    pub changed: Vec<(TournamentId, String)>,
}

/// Where the core's list comes from.
pub trait Catalogue: Send + Sync {
    /// What changed; `None` while it is not known which tournaments there are. `all`: whatever
    /// was told before is told again.
    fn changes(&self, all: bool) -> Option<Changes>;
}

/// Writes the list, for ever.
pub async fn write(catalogue: Arc<dyn Catalogue>, store: Arc<dyn Store>, pulse: Arc<Pulse>) {
    let mut lives = pulse.subscribe();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut written: Option<(u64, List)> = None;
    loop {
        looks.tick().await;
        let Ok(life) = lives.wait_for(|life| life.is_up).await.map(|life| *life) else { return };
        let had = written.take().filter(|(serial, _)| *serial == life.serial);
        let Some(changes) = catalogue.changes(had.is_none()) else { continue };
        let had = had.map(|(_, list)| list);
        match put(&*store, life.generation, &pulse, had, changes).await {
            Ok(list) => written = Some((life.serial, list)),
            Err(error) => {
                metrics::counter!("palio_redis_errors_total", "of" => "list").increment(1);
                tracing::debug!(%error, "the list could not be written");
            }
        }
    }
}

async fn put(
    store: &dyn Store,
    generation: u64,
    pulse: &Pulse,
    had: Option<List>,
    changes: Changes,
) -> Result<List, StoreError> {
    let whole = had.is_none();
    let had = had.unwrap_or_else(|| List { generation, ..List::default() });
    let next = had.version.max(pulse.list()).saturating_add(1);
    let known: HashMap<_, _> = had.all.iter().map(|of| (&of.id, &of.version)).collect();
    let changed: HashMap<_, _> = changes.changed.iter().map(|(id, _)| (id, ())).collect();
    let listed = |(id, tenant, status): &(TournamentId, TenantId, &'static str)| {
        let version = known.get(id).filter(|_| !changed.contains_key(id));
        let version = version.map_or_else(|| format!("{generation}.{next}"), |of| (*of).clone());
        Listed { id: id.clone(), version, tenant: tenant.0, status: (*status).to_owned() }
    };
    let all: Vec<_> = changes.all.iter().map(listed).collect();
    if !whole && all == had.all {
        return Ok(had);
    }
    if whole || !changes.changed.is_empty() {
        store.put_docs(&changes.changed, whole).await?;
    }
    let list = List { generation, version: next, all };
    store.put_list(&list).await?;
    pulse.set_list(next);
    Ok(list)
}

/// A tournament as an edge shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its place in the list.
    pub listed: Listed,
    /// Its JSON.
    pub text: Arc<str>,
}

/// What an edge has read.
#[derive(Debug, Default)]
pub struct Shelf(RwLock<Arc<Shelved>>);

#[derive(Debug, Default)]
struct Shelved {
    all: Arc<Vec<Shown>>,
    by_id: HashMap<TournamentId, usize>,
}

impl Shelf {
    fn shelved(&self) -> Arc<Shelved> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// All tournaments in order.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Shown>> {
        Arc::clone(&self.shelved().all)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &TournamentId) -> Option<Shown> {
        let shelved = self.shelved();
        shelved.all.get(*shelved.by_id.get(id)?).cloned()
    }

    /// Whether there is such a tournament.
    #[must_use]
    pub fn has(&self, id: &TournamentId) -> bool {
        self.shelved().by_id.contains_key(id)
    }

    /// Reads the newest list and what changed; whether there is one. A tournament whose text is
    /// not there yet is shown from the next time on.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn read(&self, store: &dyn Store) -> Result<Option<(u64, u64)>, StoreError> {
        let Some(list) = store.list().await? else { return Ok(None) };
        let had = self.all();
        let had: HashMap<_, _> = had.iter().map(|shown| (&shown.listed.id, shown)).collect();
        let is_new =
            |of: &&Listed| had.get(&of.id).is_none_or(|shown| shown.listed.version != of.version);
        let missing: Vec<_> = list.all.iter().filter(is_new).map(|of| of.id.clone()).collect();
        let texts = store.docs(&missing).await?;
        let mut texts: HashMap<_, _> = missing.into_iter().zip(texts).collect();
        let (mut all, mut is_whole) = (Vec::with_capacity(list.all.len()), true);
        for listed in list.all {
            let old = had.get(&listed.id);
            let old_text = || old.map(|shown| Arc::clone(&shown.text));
            let (text, version) = match texts.remove(&listed.id) {
                None => (old_text(), listed.version.clone()),
                Some(Some(text)) => (Some(Arc::from(text)), listed.version.clone()),
                Some(None) => {
                    is_whole = false;
                    (old_text(), String::new())
                }
            };
            if let Some(text) = text {
                all.push(Shown { listed: Listed { version, ..listed }, text });
            }
        }
        let by_id = all.iter().enumerate().map(|(at, of)| (of.listed.id.clone(), at)).collect();
        let shelved = Arc::new(Shelved { all: Arc::new(all), by_id });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = shelved;
        // Not whole: the same list is worth another look.
        Ok(Some((list.generation, if is_whole { list.version } else { 0 })))
    }
}
