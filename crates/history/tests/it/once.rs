//! Exactly once, in the cases that are easy to get wrong.

use std::collections::BTreeMap;

use fenghuo_history::{Error, History, Row};
use fenghuo_model::{Reading, Sample, SampleId, Value};

use crate::world::{AGE, CHUNK, EVER, Expected, World, at, options, point};

/// One series is sealed far ahead of another: replay begins at the slow one and must not
/// give the fast one its samples again.
#[test]
fn replay_skips_by_series() {
    let mut world = World::new();
    let mut expected = Expected::default();
    world.frame(&[(0, 0, 5)]);
    for round in 1..200 {
        world.frame(&[(1, i64::from(round) * 1_000, round)]);
    }
    world.tick(1);
    assert_eq!(
        world.history.replay_from(),
        1,
        "the slow series holds the log"
    );
    assert!(world.history.stats().samples as usize >= 2 * CHUNK);
    world = world.kill(&mut expected);
    world.check(&mut expected);
}

#[test]
fn age_lets_the_log_go_on() {
    let mut world = World::new();
    world.tick(0);
    world.frame(&[(0, 0, 5), (4, 0, 6)]);
    world.tick(AGE.as_secs() - 1);
    assert_eq!(world.history.replay_from(), 1);
    world.tick(2);
    assert_eq!(world.history.replay_from(), 2);
    assert_eq!(world.history.stats().head_samples, 0);
}

/// Sealed by age a few samples at a time, a slow series still ends in full chunks.
#[test]
fn small_chunks_grow_together_even_over_restarts() {
    let mut world = World::new();
    let mut expected = Expected::default();
    for round in 0..60 {
        world.frame(&[(0, i64::from(round) * 5_000, round)]);
        world.tick(AGE.as_secs() + 1);
        if round % 7 == 0 {
            world = world.kill(&mut expected);
        }
    }
    world.check(&mut expected);
    let stats = world.history.stats();
    assert_eq!(stats.samples, 60);
    assert!(
        stats.chunks <= 60 / (CHUNK as u64 / 2),
        "{} chunks",
        stats.chunks
    );
}

#[test]
fn chunks_that_end_in_the_same_millisecond_are_all_kept() {
    let mut world = World::new();
    let mut expected = Expected::default();
    for round in 0..200 {
        world.frame(&[(1, 7_000, round), (1, 7_000, round)]);
        world.frame(&[(1, 7_003, round)]);
    }
    world.history.seal_all().unwrap();
    world.check(&mut expected);
    let range = world
        .history
        .range(&point(1), at(7_000), at(7_001), usize::MAX);
    assert_eq!(range.series[0].1.len(), 400);
}

#[test]
fn positions_only_rise_and_an_old_one_takes_nothing() {
    let mut world = World::new();
    world.frame(&[(0, 0, 5)]);
    let refused = world.history.apply(1, &[]);
    assert!(matches!(
        refused,
        Err(Error::Position { given: 1, last: 1 })
    ));
    assert!(matches!(
        world.history.apply(u64::MAX, &[]),
        Err(Error::Position { .. })
    ));
}

#[test]
fn what_cannot_be_stored_is_counted_and_the_rest_is_taken() {
    let world = World::new();
    let row = |series: usize, time, reading| Row {
        series: world.series[series],
        id: SampleId::default(),
        sample: Sample { time, reading },
    };
    let rows = [
        row(0, at(0), Reading::Good(Value::Bool(true))),
        row(4, at(0), Reading::Good(Value::Text("x".repeat(2_000)))),
        row(0, EVER.1, Reading::Good(Value::F64(1.0))),
        row(0, at(-BEFORE_EPOCH), Reading::Good(Value::F64(1.0))),
        row(0, at(0), Reading::Good(Value::F64(1.0))),
    ];
    let applied = world.history.apply(1, &rows).unwrap();
    assert_eq!((applied.stored, applied.refused), (1, 4));
    assert_eq!(world.history.stats().refused, 4);
}

const BEFORE_EPOCH: i64 = 2_000_000_000_000;

/// A new log counts from its own beginning; nothing of it may be taken for replayed.
#[test]
fn another_log_is_not_skipped() {
    let mut world = World::new();
    for round in 0..100 {
        world.frame(&[(0, i64::from(round) * 1_000, round)]);
    }
    world.history.seal_all().unwrap();
    assert_eq!(world.history.highest_sealed(), 100);
    let World {
        dir,
        history,
        series,
        ..
    } = world;
    drop(history);
    let mut other = options();
    other.log_id = "log two".to_owned();
    let history = History::open(dir.path(), other).unwrap();
    assert_eq!((history.replay_from(), history.highest_sealed()), (1, 0));
    let row = Row {
        series: series[0],
        id: SampleId {
            epoch: 2,
            seq: 1,
            index: 0,
        },
        sample: Sample {
            time: at(500),
            reading: Reading::Good(Value::F64(4.0)),
        },
    };
    assert_eq!(history.apply(1, &[row]).unwrap().stored, 1);
    history.seal_all().unwrap();
    let range = history.range(&point(0), EVER.0, EVER.1, usize::MAX);
    assert_eq!(range.series[0].1.len(), 101);
}

#[test]
fn one_process_a_folder() {
    let world = World::new();
    let second = History::open(world.dir.path(), options());
    assert!(matches!(second, Err(Error::Locked { .. })));
}

/// Readers on other threads see every sample that was applied before they asked, exactly
/// once, while seals go on.
#[test]
fn readers_see_everything_once_while_it_is_sealed() {
    let mut world = World::new();
    let history = world.history.clone();
    let (asked, ask) = std::sync::mpsc::sync_channel::<usize>(4);
    let reader = std::thread::spawn(move || {
        let mut answers = 0;
        for at_least in ask {
            let range = history.range_identified(&point(1), EVER.0, EVER.1, usize::MAX);
            let rows = &range.series[0].1;
            assert!(rows.len() >= at_least, "{} of {at_least}", rows.len());
            let times: BTreeMap<_, _> = rows.iter().map(|(id, sample)| (*id, sample)).collect();
            assert_eq!(times.len(), rows.len());
            assert!(rows.is_sorted_by_key(|(_, sample)| sample.time));
            answers += 1;
        }
        answers
    });
    for round in 0..3_000 {
        world.frame(&[(1, i64::from(round) * 10, round)]);
        if round % 5 == 0 {
            world.tick(200);
        }
        if round % 20 == 0 && asked.try_send(usize::try_from(round).unwrap()).is_err() {
            std::thread::yield_now();
        }
    }
    drop(asked);
    assert!(reader.join().unwrap() > 3);
}
