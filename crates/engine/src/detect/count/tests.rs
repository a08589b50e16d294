use proptest::prelude::*;

use super::*;

type Answer = Result<(f64, bool), Hold>;
type Timed = Vec<(i64, Answer)>;

const BAD: Hold = Hold::Reading(Reason::Timeout);

fn spec(of: Counted, over_ms: u64) -> Count {
    Count { of, over_ms }
}

fn now(ms: i64, reading: Answer, fresh: bool) -> Now {
    Now {
        at: Timestamp::from_millis(ms),
        reading,
        fresh,
    }
}

fn run(of: Counted, values: &[(i64, f64)]) -> (Memory, Seen) {
    let mut memory = Memory::default();
    let mut seen = Seen::Unknown(Hold::Learning);
    for (at, value) in values {
        seen = memory.see(&spec(of, 1_000), &now(*at, Ok((*value, false)), true));
    }
    (memory, seen)
}

#[test]
fn rises_are_turns_from_off_to_on() {
    let values = [1.0, 0.0, 1.0, 2.0, 0.0, -1.0, 1.0, 0.0];
    let timed: Vec<_> = (0..).map(|at| at * 10).zip(values).collect();
    let (_, seen) = run(Counted::Rises, &timed);
    assert_eq!(seen, Seen::Number(2.0, true), "the first state is no rise");
}

#[test]
fn an_increase_goes_on_from_zero_when_the_counter_begins_anew() {
    let (_, seen) = run(
        Counted::Increase,
        &[(0, 100.0), (10, 103.0), (20, 2.0), (30, 5.0)],
    );
    assert_eq!(seen, Seen::Number(8.0, true));
}

#[test]
fn the_window_excludes_its_begin_and_a_timer_tells_when_something_leaves() {
    let spec = spec(Counted::Samples, 1_000);
    let mut memory = Memory::default();
    let fresh = |memory: &mut Memory, at| memory.see(&spec, &now(at, Ok((1.0, false)), true));
    assert_eq!(fresh(&mut memory, 0), Seen::Number(1.0, true));
    assert_eq!(fresh(&mut memory, 500), Seen::Number(2.0, true));
    assert!(memory.is_least(&spec));
    assert_eq!(memory.due(&spec), Some(Timestamp::from_millis(1_000)));
    let later = |memory: &mut Memory, at| memory.see(&spec, &now(at, Ok((1.0, false)), false));
    assert_eq!(later(&mut memory, 999), Seen::Number(2.0, true));
    assert_eq!(later(&mut memory, 1_000), Seen::Number(1.0, false));
    assert!(!memory.is_least(&spec));
    assert_eq!(later(&mut memory, 1_500), Seen::Number(0.0, false));
    assert_eq!(memory.due(&spec), None);
}

#[test]
fn after_a_bad_reading_the_count_is_the_least_until_the_window_is_seen() {
    let spec = spec(Counted::Rises, 1_000);
    let mut memory = Memory::default();
    let mut see = |at, reading| {
        let seen = memory.see(&spec, &now(at, reading, true));
        (seen, memory.is_least(&spec))
    };
    see(0, Ok((0.0, false)));
    see(1_000, Ok((1.0, false)));
    assert_eq!(see(1_100, Err(BAD)), (Seen::Number(1.0, true), true));
    // Off, unknown, on: when it turned on, and how often, is not known.
    see(1_200, Ok((0.0, false)));
    assert_eq!(see(1_300, Err(BAD)), (Seen::Number(1.0, true), true));
    assert_eq!(
        see(1_400, Ok((1.0, false))),
        (Seen::Number(1.0, true), true)
    );
    assert_eq!(
        see(2_399, Ok((1.0, false))),
        (Seen::Number(0.0, true), true)
    );
    assert_eq!(
        see(2_400, Ok((1.0, false))),
        (Seen::Number(0.0, false), false)
    );
    // A doubtful sample may have hidden a rise, or made one up.
    assert_eq!(
        see(2_500, Ok((0.0, true))),
        (Seen::Number(0.0, true), false)
    );
    assert_eq!(
        see(2_600, Ok((1.0, false))),
        (Seen::Number(1.0, true), false)
    );
    assert_eq!(
        see(3_600, Ok((1.0, false))),
        (Seen::Number(0.0, false), false)
    );
}

#[test]
fn a_counter_goes_on_over_a_gap_only_within_the_window() {
    let spec = spec(Counted::Increase, 1_000);
    let mut memory = Memory::default();
    let mut see = |at, reading| memory.see(&spec, &now(at, reading, true));
    see(0, Ok((10.0, false)));
    see(100, Err(BAD));
    assert_eq!(see(900, Ok((14.0, false))), Seen::Number(4.0, true));
    see(1_000, Err(BAD));
    assert_eq!(see(1_900, Ok((99.0, false))), Seen::Number(0.0, true));
    assert_eq!(see(2_000, Ok((100.0, false))), Seen::Number(1.0, true));
}

#[test]
fn samples_without_a_value_are_no_doubt_where_samples_are_counted() {
    let spec = spec(Counted::Samples, 1_000);
    let mut memory = Memory::default();
    memory.see(&spec, &now(0, Err(BAD), true));
    memory.see(&spec, &now(500, Ok((1.0, true)), true));
    let seen = memory.see(&spec, &now(1_000, Err(BAD), true));
    assert_eq!(seen, Seen::Number(1.0, false));
    let seen = memory.see(&spec, &now(1_500, Err(BAD), true));
    assert_eq!(seen, Seen::Number(0.0, false));
}

#[test]
fn an_absence_keeps_what_was_counted() {
    let (mut memory, _) = run(Counted::Rises, &[(0, 0.0), (10, 1.0), (1_000, 0.0)]);
    let spec = spec(Counted::Rises, 5_000);
    memory.forget(&spec);
    let seen = memory.see(&spec, &now(4_000, Ok((1.0, false)), true));
    assert_eq!(seen, Seen::Number(1.0, true));
    memory.shift(-1_000);
    let seen = memory.see(&spec, &now(4_010, Ok((1.0, false)), true));
    assert_eq!(seen, Seen::Number(0.0, true), "the rise is at -990 now");
}

#[test]
fn an_overflow_is_unknown_and_leaves() {
    let steps = [
        (0, 0.0),
        (10, 1.7e308),
        (20, 0.0),
        (30, 1.7e308),
        (40, 1.7e308),
    ];
    let (mut memory, seen) = run(Counted::Increase, &steps);
    assert_eq!(seen, Seen::Unknown(Hold::Reading(Reason::NotANumber)));
    let last = now(1_035, Ok((1.7e308, false)), true);
    let seen = memory.see(&spec(Counted::Increase, 1_000), &last);
    assert_eq!(seen, Seen::Number(0.0, false));
}

#[test]
fn memory_is_bounded_under_a_flood() {
    let spec = spec(Counted::Samples, 60_000);
    let mut memory = Memory::default();
    for at in 0..3_600_000 {
        let seen = memory.see(&spec, &now(at, Ok((1.0, false)), true));
        assert!(memory.buckets.len() < BUCKETS_MAX);
        if let (Seen::Number(count, _), true) = (seen, at > 60_000) {
            assert!((60_000.0..60_000.0 * (1.0 + 1.0 / 254.0) + 1.0).contains(&count));
        }
    }
}

#[derive(Clone, Debug)]
struct Step {
    gap: i64,
    reading: Answer,
    fresh: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reading = prop_oneof![
        9 => (0..4u8, prop::bool::weighted(0.05)).prop_map(|(value, d)| Ok((f64::from(value), d))),
        1 => Just(Err(BAD)),
    ];
    let step =
        (0..60i64, reading, prop::bool::weighted(0.9)).prop_map(|(gap, reading, fresh)| Step {
            gap,
            reading,
            fresh,
        });
    prop::collection::vec(step, 1..200)
}

fn counted() -> impl Strategy<Value = Counted> {
    prop_oneof![
        Just(Counted::Rises),
        Just(Counted::Increase),
        Just(Counted::Samples)
    ]
}

/// Fresh readings with their times, and the reading that stands.
fn play(steps: &[Step]) -> Vec<(Now, Timed)> {
    let (mut at, mut all, mut nows) = (0, Vec::new(), Vec::new());
    for step in steps {
        at += step.gap;
        let fresh = step.fresh || all.is_empty();
        if fresh {
            all.push((at, step.reading));
        }
        let (_, reading) = *all.last().unwrap();
        nows.push((now(at, reading, fresh), all.clone()));
    }
    nows
}

/// What happened, by the definition, sample by sample.
fn happened(spec: &Count, all: &[(i64, Answer)]) -> Vec<(i64, f64)> {
    let (mut events, mut last, mut is_next) = (Vec::new(), None::<(i64, f64)>, false);
    for (at, reading) in all {
        let Ok((value, _)) = *reading else {
            is_next = false;
            continue;
        };
        let step = match (spec.of, last) {
            (Counted::Samples, _) => 1.0,
            (_, None) => 0.0,
            (Counted::Rises, Some((_, was))) => {
                f64::from(u8::from(is_next && was == 0.0 && value != 0.0))
            }
            (Counted::Increase, Some((then, was))) => {
                if !is_next && then <= at - spec.over_ms as i64 {
                    0.0
                } else if value >= was {
                    value - was
                } else {
                    value
                }
            }
        };
        events.push((*at, step));
        last = Some((*at, value));
        is_next = true;
    }
    events
}

proptest! {
    #[test]
    fn it_counts_what_the_definition_says(
        steps in steps(), of in counted(), over_ms in 1..2_000u64,
    ) {
        let spec = spec(of, over_ms);
        let width = over_ms.div_ceil(STEPS) as i64;
        let mut memory = Memory::default();
        for (now, all) in play(&steps) {
            let seen = memory.see(&spec, &now);
            let begin = now.at.as_millis() - over_ms as i64;
            let sum = |begin: i64| -> f64 {
                let inside = happened(&spec, &all).into_iter().filter(|(at, _)| *at > begin);
                inside.map(|(_, step)| step).sum()
            };
            let Seen::Number(count, _) = seen else {
                return Err(TestCaseError::fail("a count is a number"));
            };
            prop_assert!((sum(begin)..=sum(begin - width + 1)).contains(&count), "{count}");
            prop_assert!(memory.buckets.len() < BUCKETS_MAX);
        }
    }

    #[test]
    fn a_snapshot_goes_on_the_same_and_a_join_as_one(
        steps in steps(), of in counted(), cut in 0..200usize,
    ) {
        let spec = spec(of, 1_000);
        let (mut whole, mut kept) = (Memory::default(), Memory::default());
        let (mut older, mut newer) = (Memory::default(), Memory::default());
        for (count, (now, _)) in play(&steps).into_iter().enumerate() {
            let seen = whole.see(&spec, &now);
            if count == cut {
                kept = postcard::from_bytes(&postcard::to_stdvec(&kept).unwrap()).unwrap();
            }
            prop_assert_eq!(kept.see(&spec, &now), seen);
            // A new lane begins with a value here: only then can it know that none is missing.
            let begins = newer.at.is_some() || count >= cut && now.fresh && now.reading.is_ok();
            let lane = if begins { &mut newer } else { &mut older };
            lane.see(&spec, &now);
        }
        if newer.at.is_some() {
            newer.join(&spec, older);
            let at = newer.at.unwrap();
            let last = Now { at, reading: Ok((1.0, false)), fresh: false };
            let (Seen::Number(joined, doubt), Seen::Number(one, sure)) =
                (newer.see(&spec, &last), whole.see(&spec, &last)) else {
                return Err(TestCaseError::fail("a count is a number"));
            };
            // Where the lanes meet a bucket may be cut in two, so that a part leaves earlier.
            let late: f64 = happened(&spec, &play(&steps).pop().unwrap().1)
                .into_iter()
                .filter(|(then, _)| (at.as_millis() - 1_004..=at.as_millis() - 1_000).contains(then))
                .map(|(_, step)| step)
                .sum();
            prop_assert!((joined - one).abs() <= late, "{joined} {one}");
            prop_assert_eq!(doubt, sure);
        }
    }
}
