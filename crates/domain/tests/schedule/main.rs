//! The scheduler against oracles that share no code with it: every zone, every change of a clock,
//! a list of expressions; and simulated downtimes.
//!
//! The large run:
//! ```text
//! PALIO_SCHEDULE_ZONES=all PALIO_SCHEDULE_YEARS=2020-2035 PALIO_SCHEDULE_DAYS=30 \
//! PALIO_SCHEDULE_DOWNTIMES=200000 \
//!     cargo test --release -p palio-domain --test schedule -- --nocapture
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests may panic, and print what they did"
)]

mod downtime;
mod oracle;
mod tzif;
mod zones;

/// A size parameter of a test, or its default.
fn size<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} can't be {text:?}")),
        Err(_) => default,
    }
}

/// A small generator (SplitMix64), so that a seed is all that a failure has to name.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
