//! Any order of writing, time passing, trimming and killing keeps every sample once.

use proptest::prelude::*;

use crate::world::{Expected, TYPES, World, at, point};

#[derive(Clone, Debug)]
enum Step {
    Frame(Vec<(usize, i64, i32)>),
    Tick(u64),
    Trim,
    Kill,
    SealAll,
}

/// Times near now, late ones, some weeks late, and many in the same millisecond; the base
/// lies ten minutes before a month's end.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..1_200_000_i64,
        2 => Just(500_000_i64),
        1 => -86_400_000..0_i64,
        1 => -3_000_000_000..3_000_000_000_i64,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let sample = (0..TYPES.len(), time(), any::<i32>());
    let burst = (0..TYPES.len(), 0..1_200_000_i64, any::<i32>(), 1..60_i64).prop_map(
        |(number, start, seed, count)| {
            let row = |step| (number, start + step * 250, seed.wrapping_add(step as i32));
            Step::Frame((0..count).map(row).collect())
        },
    );
    prop_oneof![
        8 => proptest::collection::vec(sample, 0..40).prop_map(Step::Frame),
        3 => burst,
        4 => (1..400_u64).prop_map(Step::Tick),
        1 => Just(Step::Trim),
        2 => Just(Step::Kill),
        1 => Just(Step::SealAll),
    ]
}

fn run(steps: Vec<Step>) {
    let mut world = World::new();
    let mut expected = Expected::default();
    for step in steps {
        match step {
            Step::Frame(samples) => world.frame(&samples),
            Step::Tick(seconds) => world.tick(seconds),
            Step::Trim => {
                expected.note(&world.log);
                world.trim();
            }
            Step::Kill => world = world.kill(&mut expected),
            Step::SealAll => world.history.seal_all().unwrap(),
        }
    }
    world.check(&mut expected);
    compare_ranges(&world, &expected);
    world.history.seal_all().unwrap();
    assert_eq!(world.history.stats().head_samples, 0);
    assert_eq!(world.history.replay_from(), world.position + 1);
    world.check(&mut expected);
    for month in world.history.months() {
        assert_eq!(world.history.verify(month), vec![]);
    }
    world = world.kill(&mut expected);
    world.check(&mut expected);
}

fn compare_ranges(world: &World, expected: &Expected) {
    for (number, series) in world.series.iter().enumerate() {
        let all: Vec<_> = expected
            .of(*series)
            .into_iter()
            .map(|(_, sample)| sample)
            .collect();
        for (from, until) in [(0, 600_000), (500_000, 500_001), (-86_400_000, 1_200_000)] {
            let inside = |time| at(from) <= time && time < at(until);
            let wanted: Vec<_> = all
                .iter()
                .filter(|sample| inside(sample.time))
                .cloned()
                .collect();
            let range = world
                .history
                .range(&point(number), at(from), at(until), usize::MAX);
            let found: Vec<_> = range
                .series
                .into_iter()
                .flat_map(|(_, rows)| rows)
                .collect();
            assert_eq!(found, wanted, "point {number} from {from} until {until}");
            let buckets = world
                .history
                .downsample(&point(number), at(from), at(until), 7);
            let counted: u64 = buckets
                .series
                .iter()
                .flat_map(|(_, buckets)| buckets)
                .map(|bucket| bucket.count + bucket.bad)
                .sum();
            assert_eq!(counted as usize, wanted.len());
        }
        let latest = world
            .history
            .latest(&point(number))
            .found
            .map(|(_, sample)| sample);
        assert_eq!(latest.as_ref(), all.last());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_sample_is_there_once_after_any_kill(steps in proptest::collection::vec(step(), 1..60)) {
        run(steps);
    }
}
