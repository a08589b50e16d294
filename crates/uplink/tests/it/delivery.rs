//! Thousands of bad days, each with a number. `FENGHUO_SIM_SEED=n` runs one of them again,
//! `FENGHUO_SIM_SEEDS=n` runs another count.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sim::world::{Tally, World};

const SEEDS: u64 = 10_000;
const STEPS: u64 = 300;

fn run(seed: u64) -> Tally {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.settle();
    world.check();
    world.tally
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| {
        panic!("{variable} is a number, not `{text}`");
    }))
}

#[test]
fn nothing_is_lost_doubled_or_stuck_on_ten_thousand_bad_days() {
    if let Some(seed) = number("FENGHUO_SIM_SEED") {
        println!("{:?}", run(seed));
        return;
    }
    let seeds = number("FENGHUO_SIM_SEEDS").unwrap_or(SEEDS);
    let workers = 2;
    let runs: Vec<Result<Tally, u64>> = std::thread::scope(|scope| {
        let spawn = |worker| {
            scope.spawn(move || {
                let mine = (1..=seeds).filter(|seed| seed % workers == worker);
                mine.map(guarded).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..workers).map(spawn).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let failed: Vec<u64> = runs
        .iter()
        .filter_map(|run| run.as_ref().err().copied())
        .collect();
    assert!(
        failed.is_empty(),
        "{} seeds failed; FENGHUO_SIM_SEED={} runs one again; all: {failed:?}",
        failed.len(),
        failed[0]
    );
    let tallies: Vec<Tally> = runs.into_iter().flatten().collect();
    // A run in which nothing went wrong proves nothing.
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>() / seeds.max(1);
    assert!(sum(|tally| tally.frames) >= 100);
    assert!(sum(|tally| tally.kills) >= 5 && sum(|tally| tally.restores) >= 2);
    assert!(sum(|tally| tally.full) >= 10);
    let renewed = tallies.iter().map(|tally| tally.renewed).sum::<u64>();
    let by_disk = tallies.iter().map(|tally| tally.lost_by_disk).sum::<u64>();
    assert!(renewed > seeds / 20 && by_disk > seeds / 20);
    let returned = tallies.iter().map(|tally| tally.returned).sum::<u64>();
    assert!(returned > seeds, "{returned} frames came back");
}

/// A run, or the number of the seed that failed; the panic itself has said why.
fn guarded(seed: u64) -> Result<Tally, u64> {
    catch_unwind(AssertUnwindSafe(|| run(seed))).map_err(|_| seed)
}
