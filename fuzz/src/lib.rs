//! Fuzzing of every parser of outside bytes.
//!
//! A [`Target`] is one function of bytes that panics when its property does not hold; the property
//! stands at the head of its module. Two drivers share it: `tests/replay.rs` runs the kept corpus
//! and seeded mutations of it on any toolchain, `src/bin/guided.rs` is libFuzzer.
//!
//! **Invariants:** a target has no state, no clock and no randomness, so an input fails always or
//! never; it looks at the product only through what is public. **Never:** I/O.

mod calls;
pub mod corpus;
mod mutate;
mod rng;
mod stored;
mod support;
mod targets;

pub use mutate::mutate;
pub use rng::Rng;
pub use targets::TARGETS;

/// Something that is fuzzed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Panics when the property does not hold for these bytes.
    pub run: fn(&[u8]),
    /// Words that its inputs are made of, for the mutator.
    pub words: &'static [&'static str],
    /// Largest input, in bytes: the largest that the product would take, or a little more.
    pub len_max: usize,
}

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }
}
