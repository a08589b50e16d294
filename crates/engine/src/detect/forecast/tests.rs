use proptest::prelude::*;

use super::fit::normal_quantile;
use super::*;

const HOUR: u64 = 3_600_000;
const BAD: Hold = Hold::Reading(Reason::Timeout);

fn spec(confidence: f64) -> rule::Forecast {
    rule::Forecast {
        over_ms: HOUR,
        ahead_ms: HOUR,
        confidence,
    }
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_millis(ms))
}

fn now(ms: u64, reading: Result<(f64, bool), Hold>) -> Now {
    Now {
        at: at(ms),
        reading,
        fresh: true,
    }
}

/// A fixed, even chaos: the tests must not depend on the day they run on.
struct Noise(u64);

impl Noise {
    /// From 0 to 1.
    fn even(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, with deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.even()).sum::<f64>() - 6.0
    }
}

/// Feeds a value every `step` for `hours`; gives the memory and what it saw last.
fn feed(
    spec: &rule::Forecast,
    step: u64,
    until: u64,
    mut value: impl FnMut(u64) -> f64,
) -> (Memory, Seen) {
    let mut memory = Memory::default();
    let mut seen = Seen::Unknown(Hold::Learning);
    for ms in (0..=until).step_by(usize::try_from(step).unwrap()) {
        seen = memory.see(spec, &now(ms, Ok((value(ms), false))));
    }
    (memory, seen)
}

fn hours(ms: u64) -> f64 {
    ms as f64 / HOUR as f64
}

#[test]
fn an_exact_line_gives_its_slope_and_its_instant() {
    let spec = spec(0.9);
    let (memory, seen) = feed(&spec, 10_000, 2 * HOUR, |ms| 10.0 + 4.0 * hours(ms));
    let Seen::Number(slope, false) = seen else {
        panic!("{seen:?}")
    };
    assert!((slope - 4.0).abs() < 1e-9, "{slope}");
    // 18 now, 22 in an hour.
    let crosses = |upper, limit| memory.crosses(&spec, upper, limit, at(2 * HOUR)).unwrap();
    assert!(crosses(true, 21.99));
    assert!(!crosses(true, 22.01));
    assert!(crosses(true, 18.0), "it is there already");
    assert!(crosses(true, 3.0), "it is beyond already");
    assert!(!crosses(false, 17.9), "it leads away from there");
    let ahead = memory.time_to(&spec, true, 20.0, at(2 * HOUR)).unwrap();
    for ms in [ahead.likely_ms.unwrap(), ahead.sure_ms.unwrap()] {
        assert!(ms.abs_diff(HOUR / 2) <= 1, "{ms}");
    }
    assert_eq!(
        memory.time_to(&spec, false, 17.0, at(2 * HOUR)),
        Some(Ahead::default())
    );
}

#[test]
fn a_falling_line_reaches_a_limit_below() {
    let spec = spec(0.8);
    let (memory, _) = feed(&spec, 60_000, HOUR, |ms| 30.0 - 10.0 * hours(ms));
    let crosses = |limit| memory.crosses(&spec, false, limit, at(HOUR)).unwrap();
    assert!(crosses(10.01));
    assert!(!crosses(9.99));
    assert!(!memory.crosses(&spec, true, 20.5, at(HOUR)).unwrap());
}

#[test]
fn a_third_of_outliers_does_not_turn_the_line() {
    let spec = spec(0.9);
    let mut noise = Noise(7);
    let (memory, seen) = feed(&spec, 5_000, 2 * HOUR, |ms| {
        let line = 10.0 + 4.0 * hours(ms);
        if ms < 2 * HOUR && noise.even() < 0.3 {
            line + 1_000.0 * noise.even()
        } else {
            line
        }
    });
    let Seen::Number(slope, _) = seen else {
        panic!("{seen:?}")
    };
    assert!((slope - 4.0).abs() < 0.05, "{slope}");
    let crosses = |limit| memory.crosses(&spec, true, limit, at(2 * HOUR)).unwrap();
    assert!(crosses(21.8));
    assert!(!crosses(22.2));
}

#[test]
fn noise_without_a_trend_predicts_nothing() {
    let spec = spec(0.9);
    let mut noise = Noise(3);
    let (memory, _) = feed(&spec, 60_000, 2 * HOUR, |_| 20.0 + noise.normal());
    assert_eq!(memory.crosses(&spec, true, 26.0, at(2 * HOUR)), Ok(false));
    assert_eq!(memory.crosses(&spec, false, 14.0, at(2 * HOUR)), Ok(false));
}

/// With independent errors the bound holds as often as it says.
#[test]
fn the_confidence_is_kept_on_independent_noise() {
    let mut noise = Noise(11);
    for confidence in [0.5, 0.8, 0.95] {
        let runs = 400;
        let mut held = 0;
        for _ in 0..runs {
            let kept: Vec<_> = (0..40)
                .map(|n| Kept {
                    at: at(n * 60_000),
                    value: 3.0 * hours(n * 60_000) + noise.normal(),
                    doubtful: false,
                })
                .collect();
            let fit = Fit::of(&kept, confidence).unwrap();
            held += u32::from(fit.sure(true).per_ms * HOUR_MS <= 3.0);
        }
        let share = f64::from(held) / f64::from(runs);
        assert!((share - confidence).abs() < 0.06, "{confidence}: {share}");
    }
}

#[test]
fn the_normal_quantile_is_the_tables() {
    for (probability, z) in [
        (0.5, 0.0),
        (0.8, 0.841_621),
        (0.9, 1.281_552),
        (0.99, 2.326_348),
    ] {
        assert!(
            (normal_quantile(probability) - z).abs() < 1e-5,
            "{probability}"
        );
    }
}

#[test]
fn it_learns_before_it_speaks() {
    let spec = spec(0.8);
    let learning = Seen::Unknown(Hold::Learning);
    // Enough samples, too short a time: the part that runs is not fitted yet.
    let (memory, seen) = feed(&spec, 60_000, HOUR * 3 / 4, hours);
    assert_eq!(seen, learning);
    assert_eq!(
        memory.crosses(&spec, true, 50.0, at(HOUR)),
        Err(Hold::Learning)
    );
    assert_eq!(memory.crosses(&spec, true, 0.5, at(HOUR)), Ok(true));
    assert_eq!(memory.time_to(&spec, true, 50.0, at(HOUR)), None);
    let (_, seen) = feed(&spec, 60_000, HOUR * 3 / 4 + 60_000, hours);
    assert!(matches!(seen, Seen::Number(..)), "{seen:?}");
    // Enough time, too few samples.
    let (_, seen) = feed(&spec, HOUR / 10, 3 * HOUR, hours);
    assert_eq!(seen, learning);
}

#[test]
fn a_bad_newest_reading_is_unknown_and_a_long_hole_is_learned_anew() {
    let spec = spec(0.8);
    let (mut memory, _) = feed(&spec, 60_000, HOUR, hours);
    assert_eq!(
        memory.see(&spec, &now(HOUR + 1, Err(BAD))),
        Seen::Unknown(BAD)
    );
    assert_eq!(memory.crosses(&spec, true, 0.0, at(HOUR + 1)), Err(BAD));
    assert_eq!(memory.time_to(&spec, true, 0.0, at(HOUR + 1)), None);
    // Back after a third of the window: the old trend says nothing of now.
    let late = HOUR + HOUR / 3;
    let seen = memory.see(&spec, &now(late, Ok((1.3, false))));
    assert_eq!(seen, Seen::Unknown(Hold::Learning));
}

#[test]
fn a_doubtful_sample_makes_a_doubtful_trend() {
    let spec = spec(0.8);
    let mut memory = Memory::default();
    let mut seen = Seen::Unknown(Hold::Learning);
    for minute in 0..=60 {
        let reading = Ok((minute as f64, minute == 30));
        seen = memory.see(&spec, &now(minute * 60_000, reading));
    }
    assert!(matches!(seen, Seen::Number(_, true)), "{seen:?}");
}

#[test]
fn a_clock_that_is_set_changes_nothing_else() {
    let spec = spec(0.8);
    let (mut memory, seen) = feed(&spec, 10_000, HOUR, |ms| 5.0 * hours(ms));
    memory.shift(-86_400_000);
    let at = at(HOUR + 1_000).minus(Duration::from_hours(24));
    let reading = Ok((5.0, false));
    let shifted = memory.see(
        &spec,
        &Now {
            at,
            reading,
            fresh: true,
        },
    );
    assert_eq!(shifted, seen);
}

#[test]
fn joined_lanes_know_what_one_lane_would() {
    let spec = spec(0.8);
    let (mut whole, mut older, mut newer) =
        (Memory::default(), Memory::default(), Memory::default());
    for ms in (0..=2 * HOUR).step_by(60_000) {
        let look = now(ms, Ok((hours(ms) * hours(ms), false)));
        whole.see(&spec, &look);
        let lane = if ms < HOUR { &mut older } else { &mut newer };
        lane.see(&spec, &look);
    }
    newer.join(&spec, older);
    assert_eq!(newer, whole);
    let mut empty = Memory::default();
    empty.join(&spec, whole.clone());
    assert_eq!(empty, whole);
}

#[test]
fn an_absence_leaves_the_samples_and_takes_the_newest_reading() {
    let spec = spec(0.8);
    let (mut memory, _) = feed(&spec, 60_000, HOUR, hours);
    memory.forget(&spec);
    assert_eq!(
        memory.crosses(&spec, true, 0.5, at(HOUR)),
        Err(Hold::Learning)
    );
    let seen = memory.see(&spec, &now(HOUR + 60_000, Ok((1.0, false))));
    assert!(matches!(seen, Seen::Number(..)));
}

#[test]
fn memory_stays_bounded_at_a_thousand_samples_a_second() {
    let spec = rule::Forecast {
        over_ms: 60_000,
        ..spec(0.8)
    };
    let mut memory = Memory::default();
    for ms in 0..600_000 {
        memory.see(&spec, &now(ms, Ok(((ms % 977) as f64, false))));
        assert!(memory.kept.len() <= KEPT_MAX);
        let running = memory.bucket.as_ref().unwrap().samples.items().len();
        assert!(running <= BUCKET_MAX);
    }
    assert!(postcard::to_stdvec(&memory).unwrap().len() < 2_048);
}

proptest! {
    #[test]
    fn no_input_breaks_it_and_a_snapshot_changes_nothing(
        steps in prop::collection::vec((0_u64..400_000, any::<f64>(), 0_u8..10), 1..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let spec = spec(0.8);
        let cut = cut.index(steps.len());
        let mut memory = Memory::default();
        let mut copy = Memory::default();
        let mut ms = 0;
        for (index, (step, value, kind)) in steps.into_iter().enumerate() {
            if index == cut {
                let bytes = postcard::to_stdvec(&memory).unwrap();
                copy = postcard::from_bytes(&bytes).unwrap();
            }
            ms += step;
            let finite = if value.is_finite() { value } else { 0.0 };
            let reading = if kind == 0 { Err(BAD) } else { Ok((finite, kind == 1)) };
            let seen = memory.see(&spec, &now(ms, reading));
            if let Seen::Number(slope, _) = seen {
                prop_assert!(slope.is_finite());
            }
            if index >= cut {
                prop_assert_eq!(copy.see(&spec, &now(ms, reading)), seen);
                prop_assert_eq!(
                    copy.crosses(&spec, true, 1.0, at(ms)),
                    memory.crosses(&spec, true, 1.0, at(ms))
                );
            }
            prop_assert!(memory.kept.len() <= KEPT_MAX);
            prop_assert!(memory.kept.windows(2).all(|pair| pair[0].at < pair[1].at));
        }
    }
}
