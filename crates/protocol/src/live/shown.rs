//! What somebody says he was shown, and whether it was so: `POST /api/tournaments/{id}/proofs`.

use super::board::{Board, Row, Status};
use super::proof::{Chain, Digest, hash};
use crate::field::FieldError;
use crate::time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A row that was shown.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShownRow {
    /// Key.
    pub k: String,
    /// Rank.
    pub r: u64,
    /// Alias.
    pub n: String,
    /// Score as shown.
    pub s: String,
}

/// A board with its proof, as a client has kept them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Shown {
    /// The board's epoch.
    pub epoch: String,
    /// Its position.
    pub seq: u64,
    /// Its state.
    #[schema(example = "active")]
    pub status: String,
    /// Ranked players.
    pub participants: u64,
    /// Its rows, in order.
    pub rows: Vec<ShownRow>,
    /// The chain before this proof, hex: of the proof or snapshot before it.
    pub before: String,
    /// The proof's time.
    pub time: String,
    /// The proof's chain, hex.
    pub chain: String,
    /// The proof's seal, hex.
    pub sig: String,
}

/// Whether it was so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShownAnswer {
    /// This server has shown exactly this board.
    pub genuine: bool,
    /// The board's hash, hex.
    pub hash: String,
    /// What does not fit, if something does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "chain")]
    pub differs: Option<&'static str>,
}

fn digest(field: &str, text: &str) -> Result<Digest, FieldError> {
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| FieldError::invalid(field, "must be 32 hexadecimal digits"))
}

impl Shown {
    /// Works the hash and the chain out again; `seal` is the server's own.
    ///
    /// # Errors
    /// [`FieldError`] for a field that can't be what it is called.
    pub fn check(
        &self,
        tournament: &str,
        seal: impl Fn(&Digest) -> Digest,
    ) -> Result<ShownAnswer, FieldError> {
        let status = Status::ALL.into_iter().find(|status| status.as_str() == self.status);
        let status = status.ok_or_else(|| FieldError::invalid("status", "is not a state"))?;
        let (before, chain) = (digest("before", &self.before)?, digest("chain", &self.chain)?);
        let sig = digest("sig", &self.sig)?;
        let wrong = |_| FieldError::invalid("time", "must be a time");
        let time = time::parse(&self.time).map_err(wrong)?;
        let row = |row: &ShownRow| {
            let (key, name, score) = (row.k.as_str(), row.n.as_str(), row.s.as_str());
            let (key, name, score) = (key.into(), name.into(), score.into());
            Arc::new(Row { key, name, score, points: 0 })
        };
        let board = Board {
            seq: self.seq,
            status,
            participants: self.participants,
            rows: self.rows.iter().map(row).collect(),
            ranks: self.rows.iter().map(|row| row.r).collect(),
        };
        let hash = hash(tournament, &self.epoch, &board);
        let made = Chain { n: 0, head: before }.next(hash, self.seq, time);
        let differs = if made.head != chain {
            Some("chain")
        } else if seal(&chain) != sig {
            Some("sig")
        } else {
            None
        };
        Ok(ShownAnswer { genuine: differs.is_none(), hash: hex::encode(hash), differs })
    }
}
