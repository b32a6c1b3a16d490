//! Medians, spreads, and ratios within one round.

use serde::{Deserialize, Serialize};

/// Values of one thing over all rounds, in their order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Series(Vec<f64>);

/// The middle of some values and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Half are below.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl Series {
    /// Adds the value of the next round.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// `None` without values.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied();
        let upper = at(sorted.len() / 2)?;
        let lower = at(sorted.len().saturating_sub(1) / 2)?;
        let last = at(sorted.len().saturating_sub(1))?;
        Some(Summary { median: f64::midpoint(lower, upper), min: at(0)?, max: last })
    }

    /// Round by round, `self ÷ other`: what the machine did to both in one round cancels out.
    /// Rounds in which the other was 0 are left out.
    #[must_use]
    pub fn per(&self, other: &Self) -> Self {
        let rounds = self.0.iter().zip(&other.0).filter(|(_, by)| **by > 0.0);
        Self(rounds.map(|(value, by)| value / by).collect())
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Summary {
    /// Half of the distance between highest and lowest, of a hundred of the median.
    #[must_use]
    pub fn spread_percent(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.max - self.min) / 2.0 / self.median * 100.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        values.iter().copied().collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let rows: &[(&[f64], f64, f64, f64)] = &[
            (&[4.0], 4.0, 4.0, 4.0),
            (&[9.0, 1.0], 5.0, 1.0, 9.0),
            (&[3.0, 1.0, 2.0], 2.0, 1.0, 3.0),
            (&[8.0, 2.0, 4.0, 6.0], 5.0, 2.0, 8.0),
        ];
        for (values, median, min, max) in rows {
            let summary = series(values).summary().unwrap();
            assert_eq!(summary, Summary { median: *median, min: *min, max: *max });
        }
        assert_eq!(series(&[]).summary(), None);
        assert!((series(&[90.0, 100.0, 110.0]).summary().unwrap().spread_percent() - 10.0) < 1e-9);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // A machine that slows to a tenth in the second round changes no ratio.
        let (fast, slow) = (series(&[200.0, 20.0]), series(&[100.0, 10.0]));
        assert_eq!(fast.per(&slow).summary().unwrap(), Summary { median: 2.0, min: 2.0, max: 2.0 });
        assert_eq!(fast.per(&series(&[0.0, 10.0])).summary().unwrap().max, 2.0);
        assert_eq!(fast.per(&series(&[])).summary(), None);
    }
}
