//! Damaged files: what is hurt is named, the rest answers.

use fenghuo_history::{Error, History};

use crate::world::{CHUNK, EVER, World, options, point};

fn sealed_world() -> World {
    let mut world = World::new();
    for round in 0..(CHUNK as i32 * 8) {
        world.frame(&[
            (1, i64::from(round) * 100, round),
            (0, i64::from(round) * 100, round),
        ]);
    }
    world.history.seal_all().unwrap();
    world
}

fn reopen(world: World, hurt: impl FnOnce(&std::path::Path)) -> (tempfile::TempDir, History) {
    let World { dir, history, .. } = world;
    let path = dir.path().join("ts-202611.db");
    drop(history);
    hurt(&path);
    let history = History::open(dir.path(), options()).unwrap();
    (dir, history)
}

#[test]
fn a_corrupt_chunk_is_named_and_the_rest_answers() {
    let world = sealed_world();
    let whole = world
        .history
        .range(&point(1), EVER.0, EVER.1, usize::MAX)
        .series[0]
        .1
        .len();
    let series = world.series[1];
    let (_dir, history) = reopen(world, |path| {
        let file = rusqlite::Connection::open(path).unwrap();
        let hurt = file.execute(
            "UPDATE chunk SET data = CAST(substr(data, 1, 9) || x'ff' || substr(data, 11) AS BLOB)
             WHERE id = (SELECT id FROM chunk WHERE id >> 42 = 2 ORDER BY id LIMIT 1 OFFSET 1)",
            [],
        );
        assert_eq!(hurt.unwrap(), 1);
    });
    let range = history.range(&point(1), EVER.0, EVER.1, usize::MAX);
    assert_eq!(range.faults.len(), 1);
    let fault = &range.faults[0];
    assert_eq!(fault.series, series);
    assert!(fault.chunk.is_some());
    assert!(fault.to_string().contains("ts-202611.db"), "{fault}");
    assert!(fault.what.contains("checksum"), "{fault}");
    let left = range.series[0].1.len();
    assert!(whole / 2 < left && left < whole, "{left} of {whole}");
    let untouched = history.range(&point(0), EVER.0, EVER.1, usize::MAX);
    assert_eq!(
        (untouched.faults.len(), untouched.series[0].1.len()),
        (0, whole)
    );
    assert_eq!(history.verify(history.months()[0]).len(), 1);
}

#[test]
fn a_corrupt_open_chunk_does_not_stop_writing() {
    let mut world = World::new();
    world.frame(&[(1, 0, 5)]);
    world.history.seal_all().unwrap();
    let series = world.series[1];
    let (_dir, history) = reopen(world, |path| {
        let file = rusqlite::Connection::open(path).unwrap();
        assert_eq!(
            file.execute("UPDATE chunk SET data = x'00'", []).unwrap(),
            1
        );
    });
    let row = fenghuo_history::Row {
        series,
        id: fenghuo_model::SampleId {
            epoch: 1,
            seq: 2,
            index: 0,
        },
        sample: fenghuo_model::Sample {
            time: crate::world::at(0),
            reading: fenghuo_model::Reading::Good(fenghuo_model::Value::I64(4)),
        },
    };
    assert_eq!(history.apply(2, &[row]).unwrap().stored, 1);
    history.seal_all().unwrap();
    let range = history.range(&point(1), EVER.0, EVER.1, usize::MAX);
    assert_eq!((range.faults.len(), range.series[0].1.len()), (1, 1));
    assert_eq!(history.latest(&point(1)).faults.len(), 1);
}

#[test]
fn an_unreadable_month_is_named_and_other_months_answer() {
    let mut world = World::new();
    for round in 0..60 {
        world.frame(&[(1, i64::from(round) * 20_000, round)]);
    }
    world.history.seal_all().unwrap();
    assert_eq!(world.history.months().len(), 2);
    let whole = world.history.stats().samples;
    let (_dir, history) = reopen(world, |path| {
        std::fs::write(path, vec![0x5a; 9_000]).unwrap()
    });
    let range = history.range(&point(1), EVER.0, EVER.1, usize::MAX);
    assert_eq!(range.faults.len(), 1);
    assert_eq!(range.faults[0].chunk, None);
    assert_eq!(range.series[0].1.len() as u64, whole / 2);
}

#[test]
fn a_file_of_another_version_is_refused() {
    let world = sealed_world();
    let World { dir, history, .. } = world;
    drop(history);
    let path = dir.path().join("ts-202611.db");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", 9).unwrap();
    drop(file);
    let refused = History::open(dir.path(), options());
    assert!(matches!(refused, Err(Error::Version { found: 9, .. })));
}
