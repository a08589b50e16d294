//! Limits, buckets, units.

use fenghuo_history::{COUNTS_MAX, Row};
use fenghuo_model::{Reading, Reason, Sample, SampleId, Unit, Value, ValueType};

use crate::world::{EVER, World, at, point};

fn row(series: fenghuo_history::SeriesId, seq: u64, ms: i64, reading: Reading) -> Row {
    Row {
        series,
        id: SampleId {
            epoch: 1,
            seq,
            index: 0,
        },
        sample: Sample {
            time: at(ms),
            reading,
        },
    }
}

#[test]
fn a_limit_cuts_and_says_so() {
    let mut world = World::new();
    for round in 0..100 {
        world.frame(&[(1, i64::from(round) * 1_000, round)]);
    }
    for limit in [0, 1, 16, 17, 99] {
        let range = world.history.range(&point(1), EVER.0, EVER.1, limit);
        assert!(range.truncated);
        let found = range.series.first().map_or(0, |(_, samples)| samples.len());
        assert_eq!(found, limit);
    }
    let range = world.history.range(&point(1), EVER.0, EVER.1, 100);
    assert!(!range.truncated);
    assert_eq!(range.series[0].1.len(), 100);
    assert!(
        world
            .history
            .range(&point(1), at(5), at(5), 9)
            .series
            .is_empty()
    );
    assert!(
        world
            .history
            .range(&point(77), EVER.0, EVER.1, 9)
            .series
            .is_empty()
    );
}

#[test]
fn a_change_of_unit_or_type_opens_a_new_series() {
    let world = World::new();
    let history = &world.history;
    let tank = "plant/gw/T-101.pressure".parse().unwrap();
    let (kpa, mpa) = (Unit::parse("kPa").unwrap(), Unit::parse("MPa").unwrap());
    let first = history.series_for(&tank, kpa, ValueType::F64).unwrap();
    let second = history.series_for(&tank, mpa, ValueType::F64).unwrap();
    let third = history.series_for(&tank, mpa, ValueType::I64).unwrap();
    assert_eq!(
        history.series_for(&tank, kpa, ValueType::F64).unwrap(),
        first
    );
    let rows = [
        row(first, 1, 0, Reading::Good(Value::F64(800.0))),
        row(second, 2, 1, Reading::Good(Value::F64(0.8))),
        row(third, 3, 2, Reading::Good(Value::I64(1))),
    ];
    assert_eq!(history.apply(1, &rows).unwrap().stored, 3);
    let range = history.range(&tank, EVER.0, EVER.1, 10);
    let units: Vec<_> = range
        .series
        .iter()
        .map(|(meta, _)| (meta.unit, meta.value_type))
        .collect();
    assert_eq!(
        units,
        [
            (kpa, ValueType::F64),
            (mpa, ValueType::F64),
            (mpa, ValueType::I64)
        ]
    );
    let (meta, sample) = history.latest(&tank).found.unwrap();
    assert_eq!((meta.id, sample), (third, rows[2].sample.clone()));
    assert_eq!(history.series_of(&tank).len(), 3);
}

#[test]
fn buckets_keep_peaks_and_count_what_has_no_value() {
    let world = World::new();
    let series = world.series[0];
    let mut rows = Vec::new();
    for step in 0..100_u32 {
        let reading = match step {
            55 => Reading::Good(Value::F64(99.0)),
            60..70 => Reading::Bad(Reason::Timeout),
            _ => Reading::Good(Value::F64(f64::from(step % 10))),
        };
        rows.push(row(series, u64::from(step), i64::from(step) * 100, reading));
    }
    world.history.apply(1, &rows).unwrap();
    for sealed in [false, true] {
        if sealed {
            world.history.seal_all().unwrap();
        }
        let answer = world.history.downsample(&point(0), at(0), at(10_000), 10);
        assert_eq!(answer.width_ms, 1_000);
        let (_, buckets) = &answer.series[0];
        assert_eq!(buckets.len(), 10);
        let spread = buckets[0].spread.unwrap();
        assert_eq!(
            (spread.min, spread.max, spread.first, spread.last),
            (0.0, 9.0, 0.0, 9.0)
        );
        assert!((spread.mean - 4.5).abs() < 1e-9);
        assert_eq!(buckets[5].spread.unwrap().max, 99.0);
        assert_eq!(
            (buckets[6].count, buckets[6].bad, buckets[6].spread),
            (0, 10, None)
        );
        assert_eq!(buckets[3].start, at(3_000));
    }
}

#[test]
fn any_span_and_any_number_of_buckets_is_answered() {
    let mut world = World::new();
    world.frame(&[(1, 0, 5), (1, 3, 6)]);
    for buckets in [0, 1, 2, usize::MAX] {
        let answer = world.history.downsample(&point(1), EVER.0, EVER.1, buckets);
        let counted: u64 = answer.series[0]
            .1
            .iter()
            .map(|bucket| bucket.count + bucket.bad)
            .sum();
        assert_eq!(counted, 2);
    }
    let (low, high) = (i64::MIN, i64::MAX);
    let [low, high] = [low, high].map(fenghuo_model::Timestamp::from_millis);
    assert_eq!(
        world
            .history
            .downsample(&point(1), low, high, 3)
            .series
            .len(),
        1
    );
    assert_eq!(
        world.history.range(&point(1), low, high, 3).series[0]
            .1
            .len(),
        2
    );
    assert!(
        world
            .history
            .downsample(&point(1), high, low, 3)
            .series
            .is_empty()
    );
}

#[test]
fn a_store_may_be_read_beside_the_process_that_writes_it() {
    let mut world = World::new();
    world.frame(&[(1, 1_000, 1), (1, 2_000, 2)]);
    world.history.seal_all().unwrap();
    world.frame(&[(1, 3_000, 3)]);
    let beside = fenghuo_history::History::beside(world.dir.path()).unwrap();
    let seen = |history: &fenghuo_history::History| {
        let range = history.range(&point(1), EVER.0, EVER.1, usize::MAX);
        range
            .series
            .iter()
            .map(|(_, samples)| samples.len())
            .sum::<usize>()
    };
    assert_eq!((seen(&world.history), seen(&beside)), (3, 2));
    assert!(
        beside.apply(world.position + 1, &[]).is_err(),
        "it only reads"
    );
    world.history.seal_all().unwrap();
    assert_eq!(seen(&beside), 3);
    let nothing = tempfile::tempdir().unwrap();
    assert!(fenghuo_history::History::beside(nothing.path()).is_err());
    assert!(!nothing.path().join("series.db").exists());
}

#[test]
fn samples_are_counted_by_quality_and_stretch_before_and_after_a_seal() {
    let world = World::new();
    let unit = Unit::ONE;
    let series = world.history.series_for(&point(0), unit, ValueType::F64);
    let series = series.unwrap();
    let mut rows = Vec::new();
    for step in 0..100_u32 {
        let reading = match step {
            30..35 => Reading::Uncertain(Value::F64(1.0), Reason::Clock),
            60..70 => Reading::Bad(Reason::Timeout),
            70 => Reading::Bad(Reason::NotConnected),
            _ => Reading::Good(Value::F64(2.0)),
        };
        rows.push(row(series, u64::from(step), i64::from(step) * 100, reading));
    }
    // One that is earlier than those before it.
    rows.push(row(series, 100, 5_050, Reading::Bad(Reason::Timeout)));
    world.history.apply(1, &rows).unwrap();
    for sealed in [false, true] {
        if sealed {
            world.history.seal_all().unwrap();
        }
        let counts = world.history.counts(&point(0), at(1_000), 4_000, 2).counts;
        assert_eq!((counts[0].good, counts[0].uncertain), (35, 5));
        assert!(counts[0].bad.is_empty());
        let bad = [(Reason::Timeout, 11), (Reason::NotConnected, 1)];
        assert_eq!(counts[1].bad, bad.into_iter().collect());
        assert_eq!(
            (counts[1].good, counts[1].total()),
            (29, 41),
            "sealed {sealed}"
        );
    }
    let nothing = world.history.counts(&point(9), at(0), i64::MAX, usize::MAX);
    assert_eq!(nothing.counts.len(), COUNTS_MAX);
    assert!(nothing.counts.iter().all(|count| count.total() == 0));
}
