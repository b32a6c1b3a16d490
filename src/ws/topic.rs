//! A board as published, and the table of all of them.
//!
//! **Invariants:** a [`Published`] never changes and is complete in itself: the board, its
//! position, its ready bytes, and the recent boards that lead to it. An epoch's positions go up
//! by one; an epoch is never used for two histories. Bytes are made once, when first asked for.

use super::frames;
use super::ring::{Ring, Since};
use super::{Clock, lock};
use crate::actors::board::{BoardRow, BoardView, Boards};
use bytes::Bytes;
use palio_domain::{TournamentId, UnixMs};
use palio_protocol::live::json::Around;
use palio_protocol::live::{self, Board, Chain, Digest, Form, Proof, Row, binary, json};
use palio_protocol::time;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use tokio::sync::watch;

/// How often a board that changes is proven, in milliseconds.
const PROOF_MS: i64 = 10_000;

/// A board at one position of its epoch.
#[derive(Debug, Clone)]
pub struct Published {
    /// Which history `seq` belongs to.
    pub epoch: Arc<str>,
    /// Position, from 1.
    pub seq: u64,
    /// What the tournament shows.
    pub view: Arc<BoardView>,
    /// The same as clients know it.
    pub board: Arc<Board>,
    /// When it was published.
    pub as_of: UnixMs,
    /// `"epoch-seq"` with its quotes, for polling.
    pub etag: Arc<str>,
    /// The newest proof of this epoch, of this board or one before.
    pub proof: Option<Arc<Proof>>,
    /// When the epoch began.
    began: UnixMs,
    hash: OnceLock<Digest>,
    steps: [OnceLock<Bytes>; 2],
    page: OnceLock<Bytes>,
    ring: Ring,
}

const fn index(form: Form) -> usize {
    match form {
        Form::Json => 0,
        Form::Binary => 1,
    }
}

/// A view as clients know it.
fn board(seq: u64, view: &BoardView) -> Board {
    let row = |row: &BoardRow| {
        let (key, name, score) = (row.key.as_str(), row.name.as_str(), row.score.as_str());
        let (key, name, score) = (key.into(), name.into(), score.into());
        Arc::new(Row { key, name, score, points: row.points })
    };
    Board {
        seq,
        status: view.status,
        participants: view.participants,
        rows: view.rows.iter().map(row).collect(),
        ranks: view.rows.iter().map(|row| row.rank).collect(),
    }
}

impl Published {
    /// The first board of an epoch.
    #[must_use]
    pub fn first(epoch: Arc<str>, view: Arc<BoardView>, now: UnixMs) -> Self {
        Self {
            etag: format!("\"{epoch}-1\"").into(),
            board: Arc::new(board(1, &view)),
            epoch,
            seq: 1,
            view,
            as_of: now,
            proof: None,
            began: now,
            hash: OnceLock::new(),
            steps: Default::default(),
            page: OnceLock::new(),
            ring: Ring::default(),
        }
    }

    /// The board after this one, or `None` when nothing that is shown changed.
    #[must_use]
    pub fn next(&self, view: Arc<BoardView>, now: UnixMs, ring_len: usize) -> Option<Self> {
        let seq = self.seq.saturating_add(1);
        let board = board(seq, &view).sharing(&self.board);
        if board.shows_the_same(&self.board) {
            return None;
        }
        Some(Self {
            etag: format!("\"{}-{seq}\"", self.epoch).into(),
            epoch: Arc::clone(&self.epoch),
            seq,
            view,
            board: Arc::new(board),
            as_of: now,
            proof: self.proof.clone(),
            began: self.began,
            hash: OnceLock::new(),
            steps: Default::default(),
            page: OnceLock::new(),
            ring: self.ring.with(Arc::clone(&self.board), ring_len),
        })
    }

    /// This board, proven; `None` when it is proven already, or it is too early for another one.
    #[must_use]
    pub fn proven(&self, now: UnixMs, seal: impl Fn(&Digest) -> Digest) -> Option<Self> {
        let (seq, last) = match &self.proof {
            Some(proof) => (proof.seq, proof.time),
            None => (0, self.began),
        };
        if seq == self.seq || now.since_ms(last) < PROOF_MS {
            return None;
        }
        let hash = self.hash();
        let chain = self.chain().next(hash, self.seq, now);
        let (slot, of_slot) = self.view.cut;
        let sig = seal(&chain.head);
        let proof = Proof { seq: self.seq, hash, chain, time: now, cut: (slot, of_slot), sig };
        Some(Self { proof: Some(Arc::new(proof)), ..self.clone() })
    }

    /// The board's hash.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let tournament = self.view.tournament.as_str();
        *self.hash.get_or_init(|| live::hash(tournament, &self.epoch, &self.board))
    }

    /// Where the epoch's chain of proofs stands.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.proof.as_ref().map(|proof| proof.chain).unwrap_or_default()
    }

    /// What a client at this position needs.
    #[must_use]
    pub fn since(&self, epoch: &str, seq: u64) -> Since {
        if *epoch == *self.epoch { self.since_seq(seq) } else { Since::Lost }
    }

    /// As [`since`](Self::since), within this board's epoch.
    #[must_use]
    pub fn since_seq(&self, seq: u64) -> Since {
        self.ring.since(seq, &self.board)
    }

    /// The ready frame of the last step, and the position that it starts from.
    #[must_use]
    pub fn step(&self, form: Form) -> Option<(u64, &Bytes)> {
        let base = self.ring.last()?;
        let step = self.steps.get(index(form))?;
        Some((base.seq, step.get_or_init(|| delta(form, &self.board.since(base)))))
    }

    fn around(&self) -> Around<'_> {
        Around {
            epoch: &self.epoch,
            ends_at: self.view.ends_at,
            decimals: self.view.decimals,
            hash: self.hash(),
            chain: self.chain(),
        }
    }

    /// A snapshot's text.
    #[must_use]
    pub fn snapshot_text(&self, now: UnixMs) -> String {
        json::snapshot(&self.board, self.around(), now)
    }

    /// A snapshot's frame.
    #[must_use]
    pub fn snapshot(&self, form: Form, now: UnixMs) -> Bytes {
        match form {
            Form::Json => frames::text(&self.snapshot_text(now)),
            Form::Binary => frames::binary(&binary::snapshot(&self.board, self.around(), now)),
        }
    }

    /// The frame of the newest proof.
    #[must_use]
    pub fn proof(&self, form: Form) -> Option<Bytes> {
        let proof = self.proof.as_ref()?;
        Some(match form {
            Form::Json => frames::text(&json::proof(proof)),
            Form::Binary => frames::binary(&binary::proof(proof)),
        })
    }

    /// The body of the whole board over HTTP, made once.
    #[must_use]
    pub fn page(&self) -> Bytes {
        self.page.get_or_init(|| self.page_of(0, usize::MAX)).clone()
    }

    /// The body of some of its rows over HTTP.
    #[must_use]
    pub fn page_of(&self, offset: usize, limit: usize) -> Bytes {
        let rows = self.view.rows.iter().skip(offset).take(limit);
        self.page_with(rows.map(Line::from).collect())
    }

    /// The body of these rows of the ranking over HTTP, as of this board.
    #[must_use]
    pub fn page_with(&self, rows: Vec<Line<'_>>) -> Bytes {
        let page = Page {
            tournament_id: self.view.tournament.as_str(),
            epoch: &self.epoch,
            seq: self.seq,
            status: self.view.status.as_str(),
            participants: self.view.participants,
            ends_at: time::format(self.view.ends_at),
            decimals: self.view.decimals,
            as_of: time::format(self.as_of),
            rows,
        };
        // Texts and numbers always serialise.
        serde_json::to_vec(&page).unwrap_or_default().into()
    }
}

/// A delta's frame.
#[must_use]
pub fn delta(form: Form, delta: &live::Delta) -> Bytes {
    match form {
        Form::Json => frames::text(&json::delta(delta)),
        Form::Binary => frames::binary(&binary::delta(delta)),
    }
}

/// A row over HTTP.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    rank: u64,
    name: &'a str,
    score: &'a str,
    key: &'a str,
}

impl<'a> From<&'a BoardRow> for Line<'a> {
    fn from(row: &'a BoardRow) -> Self {
        Self { rank: row.rank, name: &row.name, score: &row.score, key: &row.key }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    tournament_id: &'a str,
    epoch: &'a str,
    seq: u64,
    status: &'a str,
    participants: u64,
    ends_at: String,
    decimals: u8,
    as_of: String,
    rows: Vec<Line<'a>>,
}

/// One tournament's published board; its subscribers see the newest, never all.
#[derive(Debug)]
pub struct Topic {
    id: TournamentId,
    sender: watch::Sender<Arc<Published>>,
}

impl Topic {
    /// Which tournament.
    #[must_use]
    pub const fn id(&self) -> &TournamentId {
        &self.id
    }

    /// The newest board.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        Arc::clone(&self.sender.borrow())
    }

    /// The newest board now and whenever it changes; ends when the tournament does.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.sender.subscribe()
    }
}

/// All published boards of this node.
pub struct Topics {
    boards: Arc<dyn Boards>,
    now: Clock,
    ring_len: usize,
    boot: String,
    epochs: AtomicU64,
    by_id: RwLock<HashMap<TournamentId, Arc<Topic>>>,
    opening: Mutex<()>,
}

impl std::fmt::Debug for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topics").field("boot", &self.boot).finish_non_exhaustive()
    }
}

impl Topics {
    /// Whether a board that is not there does not exist.
    pub(super) fn is_ready(&self) -> bool {
        self.boards.is_ready()
    }

    /// A page of a tournament's whole ranking.
    pub(super) async fn rows(
        &self,
        id: &TournamentId,
        offset: u64,
        limit: u64,
    ) -> Option<Vec<BoardRow>> {
        self.boards.page(id, offset, limit).await
    }

    /// None yet.
    #[must_use]
    pub fn new(boards: Arc<dyn Boards>, now: Clock, ring_len: usize) -> Self {
        let boot = base36(u64::try_from(now().0).unwrap_or_default());
        let (epochs, by_id) = (AtomicU64::default(), RwLock::default());
        Self { boards, now, ring_len, boot, epochs, by_id, opening: Mutex::default() }
    }

    /// An epoch that was never used: the time of the process's start, and a count.
    fn epoch(&self) -> Arc<str> {
        let count = self.epochs.fetch_add(1, Ordering::Relaxed);
        format!("{}.{}", self.boot, base36(count)).into()
    }

    /// A tournament's topic. One that has a board but no topic yet gets it here.
    #[must_use]
    pub fn open(&self, id: &TournamentId) -> Option<Arc<Topic>> {
        let find = || {
            let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
            by_id.get(id).map(Arc::clone)
        };
        if let Some(topic) = find() {
            return Some(topic);
        }
        let view = self.boards.view(id)?;
        let _only_one = lock(&self.opening);
        if let Some(topic) = find() {
            return Some(topic);
        }
        let first = Published::first(self.epoch(), view, (self.now)());
        let sender = watch::Sender::new(Arc::new(first));
        let topic = Arc::new(Topic { id: id.clone(), sender });
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.insert(id.clone(), Arc::clone(&topic));
        Some(topic)
    }

    /// Opens what has a board, closes what has none any more; gives all open topics.
    #[must_use]
    pub fn sync(&self) -> Vec<Arc<Topic>> {
        let ids: HashSet<TournamentId> = self.boards.ids().into_iter().collect();
        let mut open: HashMap<TournamentId, Arc<Topic>> = {
            let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
            by_id.clone()
        };
        let missing = ids.iter().filter(|id| !open.contains_key(id));
        let opened: Vec<_> = missing.filter_map(|id| self.open(id)).collect();
        open.extend(opened.into_iter().map(|topic| (topic.id.clone(), topic)));
        // One that was opened after `ids` was asked has a board all the same.
        let gone = |id: &TournamentId| !ids.contains(id) && self.boards.view(id).is_none();
        let gone: Vec<TournamentId> = open.keys().filter(|id| gone(id)).cloned().collect();
        if !gone.is_empty() {
            let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
            for id in &gone {
                by_id.remove(id);
                open.remove(id);
            }
        }
        open.into_values().collect()
    }

    /// Takes a topic's newest view and publishes it if it shows something new.
    ///
    /// Gives the view, for the caller to know it by.
    pub fn publish(&self, topic: &Topic, last: Option<&Arc<BoardView>>) -> Option<Arc<BoardView>> {
        let view = self.boards.view(&topic.id)?;
        if last.is_some_and(|last| Arc::ptr_eq(last, &view)) {
            return Some(view);
        }
        let shown = topic.published();
        let now = (self.now)();
        // A delta cannot say that the end moved: everybody gets a new snapshot, of a new epoch.
        let next = if shown.view.ends_at == view.ends_at && shown.view.tenant == view.tenant {
            shown.next(Arc::clone(&view), now, self.ring_len)
        } else {
            Some(Published::first(self.epoch(), Arc::clone(&view), now))
        };
        if let Some(next) = next {
            topic.sender.send_replace(Arc::new(next));
        }
        Some(view)
    }

    /// Proves a topic's board when it is time.
    pub fn prove(&self, topic: &Topic) {
        let seal = |chain: &Digest| self.boards.seal(chain);
        if let Some(proven) = topic.published().proven((self.now)(), seal) {
            topic.sender.send_replace(Arc::new(proven));
        }
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}
