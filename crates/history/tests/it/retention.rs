//! Old months go, and stay away.

use fenghuo_history::Month;

use crate::world::{EVER, Expected, World, at, point};

#[test]
fn old_months_go_from_disk_and_memory_and_stay_away() {
    let mut world = World::new();
    let mut expected = Expected::default();
    for round in 0..40 {
        let late = -40 * 86_400_000 + i64::from(round) * 1_000;
        world.frame(&[(1, i64::from(round) * 1_000, round), (1, late, round)]);
    }
    world.history.seal_all().unwrap();
    world.frame(&[(1, -40 * 86_400_000, 3), (2, 50_000, 4)]);
    assert_eq!(world.history.months().len(), 2);
    let oldest = Month::of(at(0));
    assert_eq!(world.history.drop_before(oldest).unwrap(), 1);
    assert_eq!(world.history.months(), [oldest]);
    let range = world.history.range(&point(1), EVER.0, EVER.1, usize::MAX);
    assert_eq!(range.series[0].1.len(), 40);
    assert!(!world.dir.path().join("ts-202610.db").exists());
    world = world.kill(&mut expected);
    let range = world.history.range(&point(1), EVER.0, EVER.1, usize::MAX);
    assert_eq!(range.series[0].1.len(), 40);
    assert_eq!(world.history.months(), [oldest]);
    assert_eq!(world.history.stats().expired, 1);
    world.history.seal_all().unwrap();
    assert_eq!(world.history.replay_from(), world.position + 1);
    assert_eq!(world.history.drop_before(oldest).unwrap(), 0);
}
