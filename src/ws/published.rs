//! A board as published.
//!
//! **Invariants:** a [`Published`] never changes and is complete in itself: the board, its
//! position, its ready bytes, and the recent boards that lead to it. Bytes are made once, when
//! first asked for. An edge shows what a core has published: the same epochs and positions, some
//! left out.

use super::frames;
use super::ring::{Ring, Since};
use crate::actors::board::{BoardRow, BoardView};
use bytes::Bytes;
use palio_domain::{TenantId, TournamentId, UnixMs};
use palio_protocol::live::json::Around;
use palio_protocol::live::{self, Board, Chain, Digest, Form, Proof, Row, binary, json};
use palio_protocol::time;
use serde::Serialize;
use std::sync::{Arc, OnceLock};

/// How often a board that changes is proven, in milliseconds.
const PROOF_MS: i64 = 10_000;
/// Epochs that an edge remembers having shown.
const EPOCHS_MAX: usize = 8;

/// What holds for every board of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whose brand.
    pub tenant: TenantId,
    /// Which tournament.
    pub tournament: TournamentId,
    /// When it ends.
    pub ends_at: UnixMs,
    /// Decimals of scores.
    pub decimals: u8,
}

impl From<&BoardView> for About {
    fn from(view: &BoardView) -> Self {
        let BoardView { tenant, tournament, ends_at, decimals, .. } = view;
        let tournament = tournament.clone();
        Self { tenant: *tenant, tournament, ends_at: *ends_at, decimals: *decimals }
    }
}

/// A board at one position of its epoch.
#[derive(Debug, Clone)]
pub struct Published {
    /// Which history `seq` belongs to.
    pub epoch: Arc<str>,
    /// Position, from 1.
    pub seq: u64,
    /// What the board is of.
    pub about: Arc<About>,
    /// What is shown, as clients know it.
    pub board: Arc<Board>,
    /// The tournament's home slot, and the last of that slot's rows that is in it.
    cut: (u8, u64),
    /// When it was published.
    pub as_of: UnixMs,
    /// `"epoch-seq"` with its quotes, for polling.
    pub etag: Arc<str>,
    /// The newest proof of this epoch that this node has, of this board or one before.
    pub proof: Option<Arc<Proof>>,
    /// Where the epoch's chain of proofs stands.
    chain: Chain,
    /// Of a node that shows what another one published: epochs that it has shown before.
    followed: Option<Arc<[Arc<str>]>>,
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
    pub fn first(epoch: Arc<str>, view: &BoardView, now: UnixMs) -> Self {
        Self {
            etag: format!("\"{epoch}-1\"").into(),
            board: Arc::new(board(1, view)),
            epoch,
            seq: 1,
            about: Arc::new(About::from(view)),
            cut: view.cut,
            as_of: now,
            proof: None,
            chain: Chain::default(),
            followed: None,
            began: now,
            hash: OnceLock::new(),
            steps: Default::default(),
            page: OnceLock::new(),
            ring: Ring::default(),
        }
    }

    /// The board after this one, or `None` when nothing that is shown changed.
    #[must_use]
    pub fn next(&self, view: &BoardView, now: UnixMs, ring_len: usize) -> Option<Self> {
        let seq = self.seq.saturating_add(1);
        let board = board(seq, view).sharing(&self.board);
        if board.shows_the_same(&self.board) {
            return None;
        }
        Some(Self { cut: view.cut, ..self.after(board, now, ring_len) })
    }

    /// A later board of the same epoch.
    #[must_use]
    pub fn after(&self, board: Board, as_of: UnixMs, ring_len: usize) -> Self {
        let seq = board.seq;
        Self {
            etag: format!("\"{}-{seq}\"", self.epoch).into(),
            epoch: Arc::clone(&self.epoch),
            seq,
            about: Arc::clone(&self.about),
            board: Arc::new(board),
            cut: self.cut,
            as_of,
            proof: self.proof.clone(),
            chain: self.chain,
            followed: self.followed.clone(),
            began: self.began,
            hash: OnceLock::new(),
            steps: Default::default(),
            page: OnceLock::new(),
            ring: self.ring.with(Arc::clone(&self.board), ring_len),
        }
    }

    /// A board that another node has published, after one of another epoch, if any.
    #[must_use]
    pub fn followed(
        about: About,
        whole: binary::Whole,
        as_of: UnixMs,
        before: Option<&Self>,
    ) -> Self {
        let past = before.and_then(|before| before.followed.as_deref()).unwrap_or_default();
        let surplus = past.len().saturating_sub(EPOCHS_MAX);
        let past = past.iter().skip(surplus).chain(before.map(|before| &before.epoch));
        let past = past.map(Arc::clone).collect();
        let (epoch, seq) = (Arc::<str>::from(whole.epoch), whole.board.seq);
        Self {
            etag: format!("\"{epoch}-{seq}\"").into(),
            epoch,
            seq,
            about: Arc::new(about),
            board: Arc::new(whole.board),
            cut: (0, 0),
            as_of,
            proof: None,
            chain: whole.chain,
            followed: Some(past),
            began: as_of,
            hash: OnceLock::new(),
            steps: Default::default(),
            page: OnceLock::new(),
            ring: Ring::default(),
        }
    }

    /// This board with the chain as another node says that it stands.
    #[must_use]
    pub fn with_chain(self, chain: Chain) -> Self {
        Self { chain, ..self }
    }

    /// This board with a proof that another node has made, of it or of one before.
    #[must_use]
    pub fn with_proof(&self, proof: Proof) -> Self {
        Self { chain: proof.chain, proof: Some(Arc::new(proof)), ..self.clone() }
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
        let sig = seal(&chain.head);
        let proof = Proof { seq: self.seq, hash, chain, time: now, cut: self.cut, sig };
        Some(self.with_proof(proof))
    }

    /// The board's hash.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let tournament = self.about.tournament.as_str();
        *self.hash.get_or_init(|| live::hash(tournament, &self.epoch, &self.board))
    }

    /// Where the epoch's chain of proofs stands.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// What a client at this position needs.
    #[must_use]
    pub fn since(&self, epoch: &str, seq: u64) -> Since {
        match *epoch == *self.epoch {
            true => self.since_seq(seq),
            false if self.is_before(epoch) => Since::Ahead,
            false => Since::Lost,
        }
    }

    /// Whether a client at this position can go on, now or later: [`since`](Self::since) would
    /// not give [`Since::Lost`].
    #[must_use]
    pub fn knows(&self, epoch: &str, seq: u64) -> bool {
        match *epoch == *self.epoch {
            true => seq == self.seq || self.is_behind(seq) || self.ring.has(seq),
            false => self.is_before(epoch),
        }
    }

    /// As [`since`](Self::since), within this board's epoch.
    #[must_use]
    pub fn since_seq(&self, seq: u64) -> Since {
        if self.is_behind(seq) {
            return Since::Ahead;
        }
        self.ring.since(seq, &self.board)
    }

    /// Whether another node may have shown somebody this later position of the epoch already.
    #[must_use]
    pub const fn is_behind(&self, seq: u64) -> bool {
        self.followed.is_some() && seq > self.seq
    }

    /// Whether another node may have shown somebody this later epoch already.
    #[must_use]
    pub fn is_before(&self, epoch: &str) -> bool {
        let Some(past) = &self.followed else { return false };
        let is_past = || past.iter().any(|past| **past == *epoch);
        epoch_order(epoch) > epoch_order(&self.epoch) && !is_past()
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
            ends_at: self.about.ends_at,
            decimals: self.about.decimals,
            hash: self.hash(),
            chain: self.chain(),
        }
    }

    /// A snapshot's text.
    #[must_use]
    pub fn snapshot_text(&self, now: UnixMs) -> String {
        json::snapshot(&self.board, self.around(), now)
    }

    /// A snapshot as a message of `palio.v1.bin`, as of when the board was published.
    #[must_use]
    pub fn snapshot_bytes(&self) -> Vec<u8> {
        binary::snapshot(&self.board, self.around(), self.as_of)
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
        self.page_with(self.lines(offset, limit))
    }

    fn lines(&self, offset: usize, limit: usize) -> Vec<Line<'_>> {
        let rows = self.board.ranks.iter().zip(&self.board.rows).skip(offset).take(limit);
        let line = |(rank, row)| {
            let (Row { key, name, score, .. }, rank): (&Row, &u64) = (row, rank);
            Line { rank: *rank, name, score, key }
        };
        rows.map(|(rank, row)| line((rank, row))).collect()
    }

    /// The body of these rows of the ranking over HTTP, as of this board.
    #[must_use]
    pub fn page_with(&self, rows: Vec<Line<'_>>) -> Bytes {
        self.body(rows, false)
    }

    /// The body of some rows over HTTP, of a node that has lost touch with its source.
    #[must_use]
    pub fn stale_page_of(&self, offset: usize, limit: usize) -> Bytes {
        self.body(self.lines(offset, limit), true)
    }

    fn body(&self, rows: Vec<Line<'_>>, stale: bool) -> Bytes {
        let page = Page {
            tournament_id: self.about.tournament.as_str(),
            epoch: &self.epoch,
            seq: self.seq,
            status: self.board.status.as_str(),
            participants: self.board.participants,
            ends_at: time::format(self.about.ends_at),
            decimals: self.about.decimals,
            as_of: time::format(self.as_of),
            stale,
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stale: bool,
    rows: Vec<Line<'a>>,
}

/// Epochs of one clock in their order: the core's start, and a count.
fn epoch_order(epoch: &str) -> Option<(u64, u64)> {
    let (boot, count) = epoch.split_once('.')?;
    let number = |digits| u64::from_str_radix(digits, 36).ok();
    Some((number(boot)?, number(count)?))
}
