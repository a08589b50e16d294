use fenghuo_model::Reason;
use proptest::prelude::*;

use super::*;

const BAD: Hold = Hold::Reading(Reason::Timeout);
const SPEC: Flat = Flat {
    within_ms: 100,
    band: 1.0,
};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn see(memory: &mut Memory, ms: i64, reading: Result<(f64, bool), Hold>) -> Seen {
    let now = Now {
        at: at(ms),
        reading,
        fresh: true,
    };
    memory.see(&SPEC, &now)
}

fn good(memory: &mut Memory, ms: i64, value: f64) -> Seen {
    see(memory, ms, Ok((value, false)))
}

const LEARNING: Seen = Seen::Unknown(Hold::Learning);
const YES: Seen = Seen::Truth(true, false);
const NO: Seen = Seen::Truth(false, false);

#[test]
fn it_is_flat_within_after_the_last_movement() {
    let mut memory = Memory::default();
    assert_eq!(good(&mut memory, 0, 10.0), LEARNING);
    assert_eq!(memory.due(&SPEC), Some(at(100)));
    assert_eq!(good(&mut memory, 60, 11.5), NO);
    assert_eq!(
        good(&mut memory, 159, 12.5),
        NO,
        "on the band is no movement"
    );
    assert_eq!(memory.due(&SPEC), Some(at(160)));
    let time = Now {
        at: at(160),
        reading: Ok((12.5, false)),
        fresh: false,
    };
    assert_eq!(memory.see(&SPEC, &time), YES);
    assert_eq!(memory.due(&SPEC), None);
    assert_eq!(
        good(&mut memory, 170, 12.6),
        NO,
        "1.1 from the anchor at 11.5"
    );
}

#[test]
fn a_slow_drift_is_movement_once_it_has_gone_further_than_the_band() {
    let mut memory = Memory::default();
    let seen: Vec<_> = (0..40)
        .map(|step| good(&mut memory, step * 10, step as f64 * 0.2))
        .collect();
    assert!(!seen.contains(&YES));
    assert_eq!(seen[6], NO);
}

#[test]
fn a_bad_reading_begins_the_time_anew_and_does_not_clear() {
    let mut memory = Memory::default();
    good(&mut memory, 0, 10.0);
    assert_eq!(good(&mut memory, 100, 10.0), YES);
    assert_eq!(see(&mut memory, 110, Err(BAD)), Seen::Unknown(BAD));
    assert_eq!(memory.due(&SPEC), None);
    assert_eq!(good(&mut memory, 120, 10.0), LEARNING);
    assert_eq!(good(&mut memory, 219, 10.0), LEARNING);
    assert_eq!(good(&mut memory, 220, 10.0), YES);
}

#[test]
fn a_doubtful_movement_neither_raises_nor_clears() {
    let mut memory = Memory::default();
    good(&mut memory, 0, 10.0);
    assert_eq!(good(&mut memory, 100, 10.0), YES);
    assert_eq!(
        see(&mut memory, 110, Ok((50.0, true))),
        Seen::Truth(false, true)
    );
    assert_eq!(good(&mut memory, 120, 10.0), Seen::Truth(false, true));
    assert_eq!(good(&mut memory, 220, 10.0), YES);
    assert_eq!(good(&mut memory, 230, 30.0), NO);
}

#[test]
fn doubtful_values_that_stand_are_a_doubtful_yes() {
    let mut memory = Memory::default();
    see(&mut memory, 0, Ok((10.0, true)));
    assert_eq!(
        see(&mut memory, 100, Ok((10.0, true))),
        Seen::Truth(true, true)
    );
    assert_eq!(good(&mut memory, 110, 10.0), Seen::Truth(true, true));
    assert_eq!(good(&mut memory, 210, 10.0), YES);
}

#[test]
fn an_absence_begins_anew_and_a_set_clock_moves_the_time() {
    let mut memory = Memory::default();
    good(&mut memory, 0, 10.0);
    memory.shift(-50);
    assert_eq!(memory.due(&SPEC), Some(at(50)));
    assert_eq!(good(&mut memory, 50, 10.0), YES);
    memory.forget(&SPEC);
    assert_eq!(good(&mut memory, 60, 10.0), LEARNING);
    let mut older = Memory::default();
    good(&mut older, 0, 10.0);
    memory.join(&SPEC, older);
    assert_eq!(
        good(&mut memory, 110, 10.0),
        LEARNING,
        "something was missed"
    );
}

#[test]
fn a_join_goes_on_where_no_movement_came_between() {
    let older = |value| {
        let mut memory = Memory::default();
        good(&mut memory, 0, value - 5.0);
        good(&mut memory, 10, value);
        memory
    };
    let newer = || {
        let mut memory = Memory::default();
        good(&mut memory, 60, 10.0);
        good(&mut memory, 70, 10.4);
        memory
    };
    let mut memory = newer();
    memory.join(&SPEC, older(10.0));
    assert_eq!(good(&mut memory, 109, 10.0), NO);
    assert_eq!(good(&mut memory, 110, 10.0), YES);
    let mut memory = newer();
    memory.join(&SPEC, older(9.0));
    assert_eq!(good(&mut memory, 110, 10.0), NO, "10.4 was a movement");
    assert_eq!(good(&mut memory, 160, 10.0), YES);
}

/// Whether some stretch of the last values could be called still for `within`: all of them
/// within twice the band of each other.
fn could_be_still(values: &[(i64, f64)], now: i64) -> bool {
    let from = values.iter().rposition(|(then, _)| *then <= now - 100);
    from.is_some_and(|from| {
        let still = values[from..].iter().map(|(_, value)| *value);
        let (low, high) = still.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        high - low <= 2.0 * SPEC.band
    })
}

fn must_be_still(values: &[(i64, f64)], now: i64) -> bool {
    // One value longer than asked for, so that the anchor lies in it.
    let from = values.iter().rposition(|(then, _)| *then <= now - 100);
    from.is_some_and(|from| {
        let begin = values[from.saturating_sub(1)].1;
        values[from.saturating_sub(1)..]
            .iter()
            .all(|(_, value)| (*value - begin).abs() == 0.0)
    })
}

proptest! {
    #[test]
    fn still_is_what_does_not_move(
        steps in prop::collection::vec((0..60i64, 0..5u8), 1..200), cut in 0..200usize,
    ) {
        let mut memory = Memory::default();
        let (mut ms, mut values) = (0, Vec::new());
        for (count, (gap, value)) in steps.into_iter().enumerate() {
            ms += gap;
            if count == cut {
                memory = postcard::from_bytes(&postcard::to_stdvec(&memory).unwrap()).unwrap();
            }
            let value = f64::from(value) * 0.6;
            values.push((ms, value));
            let seen = good(&mut memory, ms, value);
            if seen == YES {
                prop_assert!(could_be_still(&values, ms));
            }
            if must_be_still(&values, ms) {
                prop_assert_eq!(seen, YES);
            }
            let end = memory.due(&SPEC);
            prop_assert!(end.is_none_or(|end| end > at(ms)));
            prop_assert_eq!(end.is_none(), seen == YES);
        }
    }
}
