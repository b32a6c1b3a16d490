//! Division without a remainder: by weight (largest remainder, rule P2) and into equal parts.
//!
//! **Invariants:** the parts sum to the total, no part is negative, a heavier weight never gets
//! less than a lighter one, and of equal weights an earlier one never gets less than a later one.

use super::Error;
use std::cmp::Reverse;

/// Divides `total` minor units in proportion to `weights`.
///
/// Every part is rounded down; what is left goes, one unit each, to the largest fractions, and of
/// equal fractions to the first (rule P2: ties by rank, so weights stand in rank order).
///
/// # Errors
/// [`Error::Negative`]; [`Error::NothingToDivideBy`] when there is a total and no weight;
/// [`Error::Overflow`] when total × weight passes 128 bits.
pub fn by_weight(total: i64, weights: &[u128], what: &'static str) -> Result<Vec<i64>, Error> {
    let total = u128::try_from(total).map_err(|_| Error::Negative { what })?;
    let overflow = Error::Overflow { what };
    let mut sum = 0_u128;
    for weight in weights {
        sum = sum.checked_add(*weight).ok_or_else(|| overflow.clone())?;
    }
    if total == 0 {
        return Ok(vec![0; weights.len()]);
    }
    if sum == 0 {
        return Err(Error::NothingToDivideBy { what });
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut fractions = Vec::with_capacity(weights.len());
    let mut left = total;
    for (at, weight) in weights.iter().enumerate() {
        let scaled = total.checked_mul(*weight).ok_or_else(|| overflow.clone())?;
        let part = scaled / sum;
        left -= part;
        parts.push(i64::try_from(part).map_err(|_| overflow.clone())?);
        fractions.push((Reverse(scaled % sum), at));
    }
    // Fewer units are left than there are fractions above zero, so a weight of 0 gets none.
    fractions.sort_unstable();
    let left = usize::try_from(left).map_err(|_| overflow)?;
    for (_, at) in fractions.into_iter().take(left) {
        if let Some(part) = parts.get_mut(at) {
            *part += 1;
        }
    }
    Ok(parts)
}

/// The `at`-th of `among` equal parts of `total` ≥ 0; the first ones take what does not divide.
#[must_use]
pub fn equal_part(total: i64, among: i64, at: i64) -> i64 {
    let among = among.max(1);
    total / among + i64::from(at < total % among)
}
