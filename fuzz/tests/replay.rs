//! Runs every kept input through its target, then seeded mutations of them.
//!
//! `PALIO_FUZZ_RUNS` (mutations per target, 500 unless said) and `PALIO_FUZZ_SEED` (1): a seed
//! that failed fails again. The failing input is printed and kept in `target/fuzz-found/`.

use palio_fuzz::{Rng, TARGETS, Target, corpus, mutate};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// All kept inputs together, in bytes.
const CORPUS_BYTES_MAX: usize = 500_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a whole number"))
}

fn replay(name: &str) {
    let target = Target::named(name).expect("a target");
    let inputs = corpus::read(name).expect("a folder of inputs");
    assert!(!inputs.is_empty(), "{name} has no kept input");
    for (file, input) in &inputs {
        run(target, input, file);
    }
    let (runs, seed) = (number("PALIO_FUZZ_RUNS", 500), number("PALIO_FUZZ_SEED", 1));
    let mut rng = Rng::new(seed);
    for n in 0..runs {
        let mut input = rng.pick(&inputs).expect("an input").1.clone();
        let other = &rng.pick(&inputs).expect("an input").1;
        mutate(&mut input, other, target.words, target.len_max, &mut rng);
        run(target, &input, &format!("mutation {n} of seed {seed}"));
    }
}

fn run(target: &Target, input: &[u8], what: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let start = input.get(..4_096).unwrap_or(input);
        eprintln!("{}: {what}: {} bytes: {}", target.name, input.len(), start.escape_ascii());
        let folder = corpus::folder(target.name).join("../../../target/fuzz-found");
        let file = folder.join(format!("{}-{}", target.name, blake3::hash(input)));
        let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input));
        eprintln!("kept: {kept:?} {}", file.display());
        resume_unwind(panic);
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

replays! {
    json texts bodies commands events tournaments signature tokens dialects requests sockets config
    rows snapshots zones boards
}

#[test]
fn every_target_is_replayed_documented_and_has_a_folder() {
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let replayed: BTreeSet<_> = REPLAYED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names, replayed);
    let folders: BTreeSet<_> = std::fs::read_dir(corpus::folder(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, folders);
    let readme = include_str!("../README.md");
    for name in &names {
        assert!(readme.contains(&format!("| `{name}` |")), "README.md has no row for {name}");
    }
}

#[test]
fn the_corpus_stays_small() {
    let bytes: usize = TARGETS
        .iter()
        .flat_map(|target| corpus::read(target.name).unwrap())
        .map(|(_, input)| input.len())
        .sum();
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes are kept, at most {CORPUS_BYTES_MAX}");
}
