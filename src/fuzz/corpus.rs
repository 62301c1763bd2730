//! The corpus of a target as a test, and a walk around it that is the same each time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use super::mutate::{Random, mutate};

/// Larger inputs find nothing more, and take longer.
const BYTES_MAX: usize = 4096;
/// The most mutations from a file of the corpus to an input.
const STEPS_MAX: usize = 5;

/// Runs a target on each file of its corpus, then on `rounds` inputs near them. `FUZZ_ROUNDS` sets
/// another number of them, `FUZZ_SEED` another walk.
pub fn check(corpora: &str, name: &str, rounds: u64, target: impl Fn(&[u8])) {
    let corpus = read(&Path::new(corpora).join(name));
    for (path, input) in &corpus {
        run(name, path, input, &target);
    }
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let rounds = number("FUZZ_ROUNDS").unwrap_or(rounds);
    let seed = number("FUZZ_SEED").unwrap_or(0);
    for round in 0..rounds {
        let mut random = Random::new(seed.wrapping_shl(40) + round);
        let mut input = random.pick(&corpus).1.clone();
        for _ in 0..=random.below(STEPS_MAX) {
            let other = &random.pick(&corpus).1;
            input = mutate(&input, other, &mut random, BYTES_MAX);
        }
        let again = format!("FUZZ_SEED={seed} FUZZ_ROUNDS={}", round + 1);
        run(name, &format!("round {round}, again with {again}"), &input, &target);
    }
}

fn run(name: &str, from: &str, input: &[u8], target: impl Fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let kept = std::env::temp_dir().join(format!("crash-{name}"));
        std::fs::write(&kept, input).expect("the input is kept");
        eprintln!("{name}, {from}: fails for {}", input.escape_ascii());
        eprintln!("the input is in {}", kept.display());
        resume_unwind(panic);
    }
}

/// The names and contents of all files, in the order of their names.
fn read(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let shown = directory.display();
    let entries =
        directory.read_dir().unwrap_or_else(|error| panic!("no corpus: {shown}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the corpus is empty: {shown}");
    let content = |path: &Path| std::fs::read(path).expect("a file of the corpus");
    paths.iter().map(|path| (path.display().to_string(), content(path))).collect()
}
