//! The same targets under libFuzzer, which keeps what reaches new code; `PALIO_FUZZ_TARGET` names
//! the target. See `README.md`.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use palio_fuzz::{Rng, Target, mutate};
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PALIO_FUZZ_TARGET").unwrap_or_default();
    Target::named(&name).expect("PALIO_FUZZ_TARGET must name a target of the README's table")
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));

// Half of the changes are libFuzzer's own, half know what text is made of.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut rng = Rng::new(u64::from(seed));
    if rng.below(2) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut bytes = data.get(..size).unwrap_or_default().to_vec();
    let other = bytes.clone();
    mutate(&mut bytes, &other, TARGET.words, max_size, &mut rng);
    if let Some(to) = data.get_mut(..bytes.len()) {
        to.copy_from_slice(&bytes);
    }
    bytes.len()
});
