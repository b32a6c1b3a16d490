//! The typed form, `palio.v1.bin`: positions, varints and differences of scores.
//!
//! Written by the server; read by load generators and edge nodes, strictly: what is not exactly a
//! message, or does not fit the board, is refused.

use super::board::{Board, Delta, Entry, Row, Status, plain_rank, show};
use super::json::Around;
use super::proof::{Chain, Digest, Proof};
use palio_domain::UnixMs;
use std::sync::Arc;

const SNAPSHOT: u8 = 1;
const DELTA: u8 = 2;
const RESUMED: u8 = 3;
const PROOF: u8 = 4;

const LEN: u8 = 0x10;
const PARTICIPANTS: u8 = 0x20;
const STATUS: u8 = 0x40;
const RANKS: u8 = 0x80;

/// Rows of a board that a reader takes.
const ROWS_MAX: u64 = 100_000;

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn ms(at: UnixMs) -> u64 {
    u64::try_from(at.0).unwrap_or_default()
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn u(&mut self, mut number: u64) -> &mut Self {
        loop {
            let low = u8::try_from(number & 0x7f).unwrap_or_default();
            number >>= 7;
            if number == 0 {
                self.0.push(low);
                return self;
            }
            self.0.push(low | 0x80);
        }
    }

    fn z(&mut self, number: i64) -> &mut Self {
        self.u((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned())
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.u(wide(text.len())).bytes(text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A snapshot.
#[must_use]
pub fn snapshot(board: &Board, around: Around<'_>, now: UnixMs) -> Vec<u8> {
    let mut to = Writer(vec![SNAPSHOT]);
    to.text(around.epoch).u(board.seq).u(board.status.code()).u(board.participants);
    to.u(ms(around.ends_at)).u(ms(now)).u(around.decimals.into());
    to.bytes(&around.hash).bytes(&around.chain.head).u(around.chain.n).u(wide(board.rows.len()));
    for (rank, row) in board.ranks.iter().zip(&board.rows) {
        to.text(&row.key).u(*rank).text(&row.name).z(row.points);
    }
    to.0
}

/// A delta.
#[must_use]
pub fn delta(delta: &Delta) -> Vec<u8> {
    let mut flags = 0;
    let flag = |there: bool, flag: u8| if there { flag } else { 0 };
    flags |= flag(delta.len.is_some(), LEN);
    flags |= flag(delta.participants.is_some(), PARTICIPANTS);
    flags |= flag(delta.status.is_some(), STATUS);
    flags |= flag(!delta.ranks.is_empty(), RANKS);
    let mut to = Writer(vec![DELTA | flags]);
    to.u(delta.seq).u(delta.seq.saturating_sub(delta.prev));
    if let Some(len) = delta.len {
        to.u(wide(len));
    }
    if let Some(participants) = delta.participants {
        to.u(participants);
    }
    if let Some(status) = delta.status {
        to.u(status.code());
    }
    if !delta.ranks.is_empty() {
        to.u(wide(delta.ranks.len()));
        for (at, rank) in &delta.ranks {
            to.u(wide(*at)).u(*rank);
        }
    }
    for set in &delta.set {
        let at = wide(set.at) << 2;
        match &set.holds {
            Entry::Scored { by, .. } => to.u(at).z(*by),
            Entry::Moved { from } => to.u(at | 1).u(wide(*from)),
            Entry::MovedScored { from, by, .. } => to.u(at | 2).u(wide(*from)).z(*by),
            Entry::New(row) => to.u(at | 3).text(&row.key).text(&row.name).z(row.points),
        };
    }
    to.0
}

/// The client's cursor was good.
#[must_use]
pub fn resumed(epoch: &str, seq: u64) -> Vec<u8> {
    let mut to = Writer(vec![RESUMED]);
    to.text(epoch).u(seq);
    to.0
}

/// A proof.
#[must_use]
pub fn proof(proof: &Proof) -> Vec<u8> {
    let mut to = Writer(vec![PROOF]);
    to.u(proof.seq).u(proof.chain.n).bytes(&proof.hash).bytes(&proof.chain.head);
    to.u(ms(proof.time)).u(proof.cut.0.into()).u(proof.cut.1).bytes(&proof.sig);
    to.0
}

/// Why bytes are not a message, or not one for this board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Not a message of this form.
    #[error("not a message of palio.v1.bin")]
    NotAMessage,
    /// A delta of another board.
    #[error("the delta starts at {prev}, the board is at {have}")]
    Gap {
        /// The board's position.
        have: u64,
        /// The delta's base.
        prev: u64,
    },
    /// A delta that names a position which is not there.
    #[error("the delta names a position that the board lacks")]
    NoSuchPosition,
}

/// A snapshot that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Which history.
    pub epoch: String,
    /// What is shown.
    pub board: Board,
    /// When the tournament ends.
    pub ends_at: UnixMs,
    /// The server's time.
    pub server_time: UnixMs,
    /// Decimals of the rows' points.
    pub decimals: u8,
    /// The board's hash.
    pub hash: Digest,
    /// Where the chain of proofs stands.
    pub chain: Chain,
}

/// A message that was read; a delta as the board that it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The whole board.
    Snapshot(Box<Whole>),
    /// The board after a delta.
    Delta(Board),
    /// The client's cursor was good.
    Resumed {
        /// Which history.
        epoch: String,
        /// The board that the client has.
        seq: u64,
    },
    /// A proof.
    Proof(Proof),
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Misfit> {
        let (first, rest) = self.0.split_first().ok_or(Misfit::NotAMessage)?;
        self.0 = rest;
        Ok(*first)
    }

    fn u(&mut self) -> Result<u64, Misfit> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return Err(Misfit::NotAMessage);
            }
            number |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Misfit::NotAMessage)
    }

    fn z(&mut self) -> Result<i64, Misfit> {
        let number = self.u()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn at(&mut self) -> Result<usize, Misfit> {
        usize::try_from(self.u()?).map_err(|_| Misfit::NotAMessage)
    }

    fn small(&mut self) -> Result<u8, Misfit> {
        u8::try_from(self.u()?).map_err(|_| Misfit::NotAMessage)
    }

    fn time(&mut self) -> Result<UnixMs, Misfit> {
        i64::try_from(self.u()?).map(UnixMs).map_err(|_| Misfit::NotAMessage)
    }

    fn text(&mut self) -> Result<&str, Misfit> {
        let len = self.at()?;
        let (text, rest) = self.0.split_at_checked(len).ok_or(Misfit::NotAMessage)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Misfit::NotAMessage)
    }

    fn digest(&mut self) -> Result<Digest, Misfit> {
        let (digest, rest) = self.0.split_first_chunk::<16>().ok_or(Misfit::NotAMessage)?;
        self.0 = rest;
        Ok(*digest)
    }

    fn status(&mut self) -> Result<Status, Misfit> {
        let code = self.at()?;
        Status::ALL.get(code).copied().ok_or(Misfit::NotAMessage)
    }

    fn rows(&mut self) -> Result<usize, Misfit> {
        let rows = self.u()?;
        if rows > ROWS_MAX {
            return Err(Misfit::NotAMessage);
        }
        usize::try_from(rows).map_err(|_| Misfit::NotAMessage)
    }

    fn end(&self) -> Result<(), Misfit> {
        if self.0.is_empty() { Ok(()) } else { Err(Misfit::NotAMessage) }
    }
}

/// Reads a message for a client that has this board, if any, of so many decimals.
///
/// # Errors
/// [`Misfit`].
pub fn read(bytes: &[u8], base: Option<(&Board, u8)>) -> Result<Message, Misfit> {
    let mut from = Reader(bytes);
    let first = from.byte()?;
    let message = match (first, first & 0x0f, base) {
        (SNAPSHOT, ..) => Message::Snapshot(Box::new(read_snapshot(&mut from)?)),
        (RESUMED, ..) => Message::Resumed { epoch: from.text()?.to_owned(), seq: from.u()? },
        (PROOF, ..) => Message::Proof(read_proof(&mut from)?),
        (_, DELTA, Some((base, decimals))) => {
            return read_delta(&mut from, first, base, decimals).map(Message::Delta);
        }
        _ => return Err(Misfit::NotAMessage),
    };
    from.end()?;
    Ok(message)
}

fn read_row(from: &mut Reader<'_>, decimals: u8) -> Result<Row, Misfit> {
    let key = from.text()?.into();
    let name = from.text()?.into();
    let points = from.z()?;
    Ok(Row { key, name, score: show(points, decimals).into(), points })
}

fn read_snapshot(from: &mut Reader<'_>) -> Result<Whole, Misfit> {
    let epoch = from.text()?.to_owned();
    let (seq, status, participants) = (from.u()?, from.status()?, from.u()?);
    let (ends_at, server_time, decimals) = (from.time()?, from.time()?, from.small()?);
    let (hash, head, n) = (from.digest()?, from.digest()?, from.u()?);
    let count = from.rows()?;
    if decimals > 18 {
        return Err(Misfit::NotAMessage);
    }
    let (mut rows, mut ranks) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let key = from.text()?.into();
        ranks.push(from.u()?);
        let name = from.text()?.into();
        let points = from.z()?;
        rows.push(Arc::new(Row { key, name, score: show(points, decimals).into(), points }));
    }
    let board = Board { seq, status, participants, rows, ranks };
    let chain = Chain { n, head };
    Ok(Whole { epoch, board, ends_at, server_time, decimals, hash, chain })
}

fn read_proof(from: &mut Reader<'_>) -> Result<Proof, Misfit> {
    let (seq, n) = (from.u()?, from.u()?);
    let (hash, head) = (from.digest()?, from.digest()?);
    let time = from.time()?;
    let cut = (from.small()?, from.u()?);
    Ok(Proof { seq, hash, chain: Chain { n, head }, time, cut, sig: from.digest()? })
}

fn read_delta(
    from: &mut Reader<'_>,
    first: u8,
    base: &Board,
    decimals: u8,
) -> Result<Board, Misfit> {
    let (seq, step) = (from.u()?, from.u()?);
    let prev = seq.checked_sub(step).filter(|_| step > 0).ok_or(Misfit::NotAMessage)?;
    if prev != base.seq {
        return Err(Misfit::Gap { have: base.seq, prev });
    }
    let len = if first & LEN > 0 { from.rows()? } else { base.rows.len() };
    let mut next = Board { seq, ..base.clone() };
    if first & PARTICIPANTS > 0 {
        next.participants = from.u()?;
    }
    if first & STATUS > 0 {
        next.status = from.status()?;
    }
    next.ranks.truncate(len);
    for at in next.ranks.len()..len {
        next.ranks.push(plain_rank(at));
    }
    if first & RANKS > 0 {
        for _ in 0..from.rows()? {
            let at = from.at()?;
            *next.ranks.get_mut(at).ok_or(Misfit::NoSuchPosition)? = from.u()?;
        }
    }
    let mut rows: Vec<Option<Arc<Row>>> = base.rows.iter().cloned().map(Some).collect();
    rows.resize(len, None);
    while !from.0.is_empty() {
        let head = from.u()?;
        let at = usize::try_from(head >> 2).map_err(|_| Misfit::NotAMessage)?;
        let had = |at: usize| base.rows.get(at).ok_or(Misfit::NoSuchPosition);
        let scored = |row: &Row, by: i64| {
            let points = row.points.wrapping_add(by);
            Arc::new(Row { points, score: show(points, decimals).into(), ..row.clone() })
        };
        let row = match head & 3 {
            0 => scored(had(at)?, from.z()?),
            1 => Arc::clone(had(from.at()?)?),
            2 => scored(had(from.at()?)?, from.z()?),
            _ => Arc::new(read_row(from, decimals)?),
        };
        *rows.get_mut(at).ok_or(Misfit::NoSuchPosition)? = Some(row);
    }
    next.rows = rows.into_iter().collect::<Option<_>>().ok_or(Misfit::NoSuchPosition)?;
    Ok(next)
}
