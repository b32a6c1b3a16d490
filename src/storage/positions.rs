//! A fold's positions as stored bytes: 64-bit big-endian numbers, one per slot.

use super::Error;
use palio_domain::ids::SLOTS;

/// To bytes.
pub(super) fn encode(positions: &[u64]) -> Vec<u8> {
    positions.iter().flat_map(|seq| seq.to_be_bytes()).collect()
}

/// From bytes.
///
/// # Errors
/// [`Error::Corrupt`] unless there is one position per slot, none past 63 bits: a reader that
/// can't move on would read the same rows for ever.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u64>, Error> {
    let (positions, rest) = bytes.as_chunks();
    let positions: Vec<u64> = positions.iter().map(|seq| u64::from_be_bytes(*seq)).collect();
    let right = positions.len() == usize::from(SLOTS)
        && positions.iter().all(|seq| i64::try_from(*seq).is_ok())
        && rest.is_empty();
    if right { Ok(positions) } else { Err(Error::Corrupt("a fold's positions".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_whole_or_refused() {
        let whole: Vec<u64> = (0..256).map(|slot| slot * 1_000).collect();
        let bytes = encode(&whole);
        assert_eq!(decode(&bytes).unwrap(), whole);
        let past: Vec<u64> = vec![1 << 63; 256];
        for damaged in [&bytes[8..], &bytes[1..], &[], &encode(&past), &[&bytes[..], &[0]].concat()]
        {
            assert!(matches!(decode(damaged), Err(Error::Corrupt(_))), "{} bytes", damaged.len());
        }
    }
}
