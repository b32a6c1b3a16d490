//! A fold's positions as stored bytes: 64-bit big-endian numbers, one per slot.

use super::Error;

/// To bytes.
pub(super) fn encode(positions: &[u64]) -> Vec<u8> {
    positions.iter().flat_map(|seq| seq.to_be_bytes()).collect()
}

/// From bytes.
///
/// # Errors
/// [`Error::Corrupt`] when something is left over.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u64>, Error> {
    match bytes.as_chunks() {
        (positions, []) => Ok(positions.iter().map(|seq| u64::from_be_bytes(*seq)).collect()),
        _ => Err(Error::Corrupt("a fold's positions".to_owned())),
    }
}
