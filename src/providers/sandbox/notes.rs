//! What the sandbox has to remember over a restart: bets that are open.
//!
//! A bet is noted, and its note is on disk, before it is sent: so whatever way the process ends,
//! the next one knows every bet that may be open.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tokio::sync::watch;

/// An open bet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    pub(super) player: String,
    pub(super) round: String,
    pub(super) game: String,
    pub(super) bet: String,
    /// In minor units.
    pub(super) stake: i64,
    /// In minor units; `None`: to be given back.
    pub(super) payout: Option<i64>,
}

#[derive(Debug, Default)]
struct Inner {
    open: BTreeMap<String, Note>,
    /// Counts changes.
    version: u64,
}

/// The notes and their file.
#[derive(Debug)]
pub(super) struct Notes {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// The newest version on disk.
    saved: watch::Sender<u64>,
    /// One writes at a time.
    writing: Mutex<()>,
}

impl Notes {
    /// Reads the file of the run before, if there is one.
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let open = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice::<Vec<Note>>(&text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let open = open.into_iter().map(|note| (note.bet.clone(), note)).collect();
        Ok(Self {
            path: path.to_owned(),
            inner: Mutex::new(Inner { open, version: 0 }),
            saved: watch::Sender::new(0),
            writing: Mutex::new(()),
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut inner)
    }

    /// Notes bets; they may be sent once [`Notes::wait`] with this version has returned.
    pub(super) fn add(&self, notes: impl IntoIterator<Item = Note>) -> u64 {
        self.with(|inner| {
            inner.open.extend(notes.into_iter().map(|note| (note.bet.clone(), note)));
            inner.version += 1;
            inner.version
        })
    }

    /// Waits until a version is on disk.
    pub(super) async fn wait(&self, version: u64) {
        let mut saved = self.saved.subscribe();
        // The sender lives as long as `self`.
        saved.wait_for(|saved| *saved >= version).await.ok();
    }

    /// The bet is not open any more.
    pub(super) fn remove(&self, bet: &str) {
        self.with(|inner| {
            if inner.open.remove(bet).is_some() {
                inner.version += 1;
            }
        });
    }

    /// All open bets.
    pub(super) fn all(&self) -> Vec<Note> {
        self.with(|inner| inner.open.values().cloned().collect())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.with(|inner| inner.open.len())
    }

    /// Writes the file if something changed; whole or not at all.
    pub(super) fn save(&self) -> std::io::Result<()> {
        let _turn = self.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (version, notes) =
            self.with(|inner| (inner.version, inner.open.values().cloned().collect::<Vec<_>>()));
        if *self.saved.borrow() == version {
            return Ok(());
        }
        let draft = self.path.with_extension("json.new");
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(&serde_json::to_vec(&notes)?)?;
        file.sync_all()?;
        std::fs::rename(&draft, &self.path)?;
        self.saved.send_replace(version);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notes_survive() {
        let path = std::env::temp_dir().join(format!("palio-notes-{:x}", rand::random::<u64>()));
        let note = |bet: &str| Note {
            player: "demo_001".to_owned(),
            round: "r".to_owned(),
            game: "g".to_owned(),
            bet: bet.to_owned(),
            stake: 100,
            payout: Some(200),
        };
        let notes = Notes::open(&path).unwrap();
        let version = notes.add([note("a"), note("b")]);
        notes.save().unwrap();
        notes.wait(version).await;
        notes.remove("a");
        notes.remove("unknown");
        notes.save().unwrap();
        assert_eq!(Notes::open(&path).unwrap().all(), [note("b")]);
        std::fs::write(&path, "[").unwrap();
        assert!(Notes::open(&path).is_err());
        std::fs::remove_file(&path).unwrap();
    }
}
