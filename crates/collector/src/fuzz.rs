//! Everything that reads bytes from outside, fed with good input gone bad. Tests alone.
//!
//! A target starts from real, good inputs, harms them by [`mutate`], and looks that what comes
//! out can be true. It is seeded: run n of a target always does the same. A panic, a failed
//! check, or no answer for [`HANG`] names the seed and prints the input as hex.
//!
//! | variable | what |
//! | --- | --- |
//! | `FENGHUO_FUZZ_RUNS` | runs of each target, instead of [`RUNS`] |
//! | `FENGHUO_FUZZ_SEED` | the first seed, instead of 1: other runs, or one that failed |

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::dice::Dice;

mod config;
mod modbus;
mod mutate;
mod payloads;
mod sparkplug;
mod uplink;

/// A few seconds for each target, unoptimized.
const RUNS: u64 = 50_000;
/// No input of these sizes takes a healthy parser so long.
const HANG: Duration = Duration::from_secs(20);
/// Longer inputs are cut: a target that grew its own would test nothing but memory.
const BYTES_MAX: usize = 1 << 17;

/// Good inputs, and the words of their language.
struct Corpus {
    inputs: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Corpus {
    fn new<I: AsRef<[u8]>>(inputs: impl IntoIterator<Item = I>, words: &[&[u8]]) -> Self {
        let inputs = inputs.into_iter().map(|input| input.as_ref().to_vec());
        Self {
            inputs: inputs.collect(),
            words: words.iter().map(|word| word.to_vec()).collect(),
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().expect("a whole number"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs a target: `check` gets each harmed input, and chance for what else it needs, and says
/// whether the input was accepted. A target that is dear runs one time in `cost`. A target
/// whose inputs are accepted less than once in `rare` looks at nothing but refusals, and fails.
fn hunt(
    name: &str,
    (cost, rare): (u64, u64),
    corpus: &Corpus,
    mut check: impl FnMut(&[u8], &mut Dice) -> bool + Send + 'static,
) {
    let first = number("FENGHUO_FUZZ_SEED", 1);
    let runs = (number("FENGHUO_FUZZ_RUNS", RUNS) / cost).max(1);
    let (inputs, words) = (corpus.inputs.clone(), corpus.words.clone());
    let now: Arc<Mutex<(u64, Vec<u8>, Instant)>> =
        Arc::new(Mutex::new((0, Vec::new(), Instant::now())));
    let told = now.clone();
    let worker = std::thread::spawn(move || {
        let corpus = Corpus { inputs, words };
        let mut accepted = 0_u64;
        for seed in first..first.saturating_add(runs) {
            let mut dice = Dice::new(seed);
            let mut input = mutate::harm(&corpus, &mut dice);
            input.truncate(BYTES_MAX);
            *told.lock().unwrap_or_else(PoisonError::into_inner) =
                (seed, input.clone(), Instant::now());
            accepted += u64::from(check(&input, &mut dice));
        }
        accepted
    });
    let describe = |what: &str| {
        let (seed, input, _) = &*now.lock().unwrap_or_else(PoisonError::into_inner);
        format!("{name}: {what} at seed {seed} with {}", hex(input))
    };
    while !worker.is_finished() {
        std::thread::sleep(Duration::from_millis(5));
        let since = now.lock().unwrap_or_else(PoisonError::into_inner).2;
        assert!(since.elapsed() < HANG, "{}", describe("no answer"));
    }
    match worker.join() {
        Ok(accepted) => assert!(
            accepted >= runs / rare,
            "{name}: {accepted} of {runs} inputs were accepted"
        ),
        Err(panic) => {
            eprintln!("{}", describe("failed"));
            resume_unwind(panic);
        }
    }
}

#[test]
fn a_target_that_panics_fails_and_the_same_seed_harms_alike() {
    let corpus = Corpus::new(["a good input", "another one"], &[b"word"]);
    let harmed = |seed| mutate::harm(&corpus, &mut Dice::new(seed));
    let all: Vec<_> = (1..500).map(harmed).collect();
    assert_eq!(all, (1..500).map(harmed).collect::<Vec<_>>());
    let changed = all.iter().filter(|it| !corpus.inputs.contains(it)).count();
    assert!(changed > 400, "{changed}");
    assert!(all.iter().any(|it| it.windows(4).any(|it| it == b"word")));
    let found = catch_unwind(AssertUnwindSafe(|| {
        hunt("example", (1, 1), &corpus, |input, _| {
            assert!(input.len() != 5);
            true
        });
    }));
    assert!(found.is_err());
    let idle = catch_unwind(AssertUnwindSafe(|| {
        hunt("idle", (1, 100), &corpus, |_, _| false)
    }));
    assert!(idle.is_err());
}
