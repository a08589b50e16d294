use proptest::prelude::*;

use super::*;

const BAD: Hold = Hold::Reading(Reason::Timeout);
const LEARNING: Seen = Seen::Unknown(Hold::Learning);
const SPEC: Rate = Rate {
    over_ms: 60_000,
    per_ms: 3_600_000,
    absolute: false,
};

fn see(memory: &mut Memory, spec: &Rate, ms: i64, reading: Result<(f64, bool), Hold>) -> Seen {
    let now = Now {
        at: Timestamp::from_millis(ms),
        reading,
        fresh: true,
    };
    memory.see(spec, &now)
}

#[test]
fn the_base_is_the_last_sample_at_or_before_the_window() {
    let mut memory = Memory::default();
    assert_eq!(see(&mut memory, &SPEC, 0, Ok((1.0, false))), LEARNING);
    assert_eq!(see(&mut memory, &SPEC, 30_000, Ok((2.0, true))), LEARNING);
    // One minute, from 1 to 3: 120 an hour.
    let seen = see(&mut memory, &SPEC, 60_000, Ok((3.0, false)));
    assert_eq!(seen, Seen::Number(120.0, false));
    // The base is still the first one; the division is by the true time.
    let seen = see(&mut memory, &SPEC, 80_000, Ok((1.0, true)));
    assert_eq!(seen, Seen::Number(0.0, true));
    let seen = see(&mut memory, &SPEC, 90_000, Ok((1.0, false)));
    assert_eq!(seen, Seen::Number(-60.0, true), "the base is in doubt");
    assert_eq!(memory.due(&SPEC), None);
}

#[test]
fn absolute_takes_the_speed_whatever_its_direction() {
    let spec = Rate {
        absolute: true,
        ..SPEC
    };
    let mut memory = Memory::default();
    see(&mut memory, &spec, 0, Ok((1.0, false)));
    let seen = see(&mut memory, &spec, 60_000, Ok((0.0, false)));
    assert_eq!(seen, Seen::Number(60.0, false));
}

#[test]
fn a_bad_reading_is_unknown_and_is_stepped_over() {
    let mut memory = Memory::default();
    see(&mut memory, &SPEC, 0, Ok((0.0, false)));
    assert_eq!(
        see(&mut memory, &SPEC, 60_000, Err(BAD)),
        Seen::Unknown(BAD)
    );
    let seen = see(&mut memory, &SPEC, 120_000, Ok((1.0, false)));
    assert_eq!(seen, Seen::Number(30.0, false));
}

#[test]
fn too_large_a_number_is_unknown() {
    let mut memory = Memory::default();
    see(&mut memory, &SPEC, 0, Ok((-1e308, false)));
    let seen = see(&mut memory, &SPEC, 60_000, Ok((1e308, false)));
    assert_eq!(seen, Seen::Unknown(Hold::Reading(Reason::NotANumber)));
}

#[test]
fn a_steady_slope_is_exact_at_any_sampling_and_memory_is_bounded() {
    for (step, over_ms) in [
        (1, 60_000),
        (7, 60_000),
        (1_000, 61_234),
        (90_000, 60_000),
        (1, 50),
    ] {
        let spec = Rate { over_ms, ..SPEC };
        let mut memory = Memory::default();
        for at in (0..200_000).map(|count: i64| count * step) {
            let seen = see(&mut memory, &spec, at, Ok((at as f64 / 3_600_000.0, false)));
            if let Seen::Number(rate, _) = seen {
                assert!((rate - 1.0).abs() < 1e-6, "{rate} with a step of {step} ms");
            } else {
                assert!(at < over_ms as i64);
            }
            assert!(memory.kept.len() < KEPT_MAX);
        }
    }
}

#[test]
fn a_clock_that_was_set_moves_the_samples() {
    let mut memory = Memory::default();
    see(&mut memory, &SPEC, 0, Ok((1.0, false)));
    memory.shift(1_000);
    assert_eq!(see(&mut memory, &SPEC, 60_000, Ok((2.0, false))), LEARNING);
    let seen = see(&mut memory, &SPEC, 61_000, Ok((2.0, false)));
    assert_eq!(seen, Seen::Number(60.0, false));
}

#[derive(Clone, Debug)]
struct Step {
    gap: i64,
    reading: Result<(f64, bool), Hold>,
}

fn steps(gap: i64) -> impl Strategy<Value = Vec<Step>> {
    let reading = prop_oneof![
        8 => (-50.0..50.0f64, prop::bool::weighted(0.1)).prop_map(Ok),
        1 => Just(Err(BAD)),
    ];
    let step = (-3..gap, reading).prop_map(|(gap, reading)| Step { gap, reading });
    prop::collection::vec(step, 1..300)
}

/// All that the definition allows: the true base, and older ones less than a step before it.
fn allowed(samples: &[(i64, f64, bool)], spec: &Rate) -> Vec<Seen> {
    let Some((&(now, value, doubtful), _)) = samples.split_last() else {
        return vec![LEARNING];
    };
    let older: Vec<_> = samples
        .iter()
        .filter(|(at, ..)| *at <= now - spec.over_ms as i64)
        .collect();
    let Some(base) = older.last() else {
        return vec![LEARNING];
    };
    let step = spec.over_ms.div_ceil(STEPS).max(1) as i64;
    older
        .iter()
        .filter(|(at, ..)| base.0 - at < step)
        .map(|(at, from, doubt)| {
            let rate = (value - from) / (now - at) as f64 * spec.per_ms as f64;
            Seen::Number(rate, doubtful || *doubt)
        })
        .collect()
}

proptest! {
    #[test]
    fn it_sees_what_the_definition_says(steps in steps(60), over_ms in 1..4_000u64) {
        let spec = Rate { over_ms, per_ms: 1_000, absolute: false };
        let (mut memory, mut samples, mut at, mut newest) = (Memory::default(), Vec::new(), 0, 0);
        for step in steps {
            at += step.gap;
            let seen = see(&mut memory, &spec, at, step.reading);
            match step.reading {
                Ok((value, doubtful)) => {
                    // Time that goes back counts as standing still.
                    newest = if samples.is_empty() { at } else { at.max(newest) };
                    samples.push((newest, value, doubtful));
                    prop_assert!(allowed(&samples, &spec).contains(&seen), "{seen:?}");
                }
                Err(hold) => prop_assert_eq!(seen, Seen::Unknown(hold)),
            }
            prop_assert!(memory.kept.len() < KEPT_MAX);
        }
    }

    #[test]
    fn a_snapshot_goes_on_the_same_and_a_join_as_one(steps in steps(60), cut in 0..300usize) {
        let spec = Rate { over_ms: 500, per_ms: 1_000, absolute: false };
        let (mut whole, mut kept) = (Memory::default(), Memory::default());
        let (mut older, mut newer) = (Memory::default(), Memory::default());
        let mut at = 0;
        for (count, step) in steps.iter().enumerate() {
            at += step.gap.max(5);
            let seen = see(&mut whole, &spec, at, step.reading);
            if count == cut {
                kept = postcard::from_bytes(&postcard::to_stdvec(&kept).unwrap()).unwrap();
            }
            prop_assert_eq!(see(&mut kept, &spec, at, step.reading), seen);
            let lane = if count < cut { &mut older } else { &mut newer };
            see(lane, &spec, at, step.reading);
        }
        newer.join(&spec, older);
        at += 5;
        // Samples are further apart than a step, so that none is thinned out.
        let last = Ok((1.0, false));
        prop_assert_eq!(see(&mut newer, &spec, at, last), see(&mut whole, &spec, at, last));
    }
}

/// A point that reports its changes only stood still between two samples.
#[test]
fn what_is_held_changed_when_its_sample_came_and_counts_until_the_window_has_passed_it() {
    let mut memory = Memory::default();
    memory.hold(true);
    let look = |memory: &mut Memory, ms: i64, value: f64, fresh: bool| {
        let now = Now {
            at: Timestamp::from_millis(ms),
            reading: Ok((value, false)),
            fresh,
        };
        (memory.see(&SPEC, &now), memory.due(&SPEC))
    };
    let due = |ms| Some(Timestamp::from_millis(ms));
    assert_eq!(look(&mut memory, 0, 1.0, true), (LEARNING, due(60_000)));
    // Nothing came, so nothing changed.
    let still = Seen::Number(0.0, false);
    assert_eq!(look(&mut memory, 60_000, 1.0, false).0, still);
    // An hour later, by 5 within a minute: 300 an hour, not 5.
    let jump = Seen::Number(300.0, false);
    let hour = 3_600_000;
    assert_eq!(
        look(&mut memory, hour, 6.0, true),
        (jump, due(hour + 60_000))
    );
    // Too soon to be kept, and yet not forgotten.
    let more = Seen::Number(360.0, false);
    assert_eq!(look(&mut memory, hour + 100, 7.0, true).0, more);
    let (seen, next) = look(&mut memory, hour + 60_000, 7.0, false);
    assert_eq!(
        (seen, next),
        (Seen::Number(60.0, false), due(hour + 60_100))
    );
    assert_eq!(look(&mut memory, hour + 60_100, 7.0, false).0, still);
}

#[test]
fn an_absence_of_the_gateway_leaves_the_mean_speed() {
    let mut memory = Memory::default();
    see(&mut memory, &SPEC, 0, Ok((1.0, false)));
    memory.forget(&SPEC);
    let seen = see(&mut memory, &SPEC, 60_000, Ok((3.0, false)));
    assert_eq!(seen, Seen::Number(120.0, false));
    // What reports its changes only could not report them.
    memory.hold(true);
    memory.forget(&SPEC);
    assert_eq!(see(&mut memory, &SPEC, 200_000, Ok((9.0, false))), LEARNING);
}
