use proptest::prelude::*;

use super::*;

const BAD: Hold = Hold::Reading(Reason::Timeout);
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const WEEK: u64 = 168 * HOUR;

fn spec() -> rule::Anomaly {
    rule::Anomaly {
        weeks: 8,
        trust: 3,
        floor: 0.5,
        utc_offset_min: 480,
    }
}

/// From Monday 2023-11-13 00:00 at UTC+8.
fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_699_804_800_000).plus(Duration::from_millis(ms))
}

fn now(ms: u64, reading: Result<(f64, bool), Hold>) -> Now {
    Now {
        at: at(ms),
        reading,
        fresh: true,
    }
}

/// Busy by day on workdays.
fn usual(ms: u64) -> f64 {
    let (day, hour) = (ms / (24 * HOUR) % 7, ms / HOUR % 24);
    if day < 5 && (8..18).contains(&hour) {
        100.0
    } else {
        10.0
    }
}

/// Feeds a value every five minutes.
fn feed(memory: &mut Memory, from: u64, until: u64, value: impl Fn(u64) -> f64) {
    for ms in (from..until).step_by(300_000) {
        memory.see(&spec(), &now(ms, Ok((value(ms), false))));
    }
}

fn score(memory: &mut Memory, ms: u64, value: f64) -> f64 {
    match memory.see(&spec(), &now(ms, Ok((value, false)))) {
        Seen::Number(score, false) => score,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_week_begins_on_monday_by_the_sites_hours() {
    assert_eq!(hour_of_week(hour_number(&spec(), at(0))), 0);
    assert_eq!(hour_of_week(hour_number(&spec(), at(HOUR - 1))), 0);
    assert_eq!(hour_of_week(hour_number(&spec(), at(25 * HOUR))), 25);
    assert_eq!(hour_of_week(hour_number(&spec(), at(WEEK - 1))), 167);
    for far in [i64::MIN, i64::MAX] {
        let far = Timestamp::from_millis(far);
        assert!(hour_of_week(hour_number(&spec(), far)) < HOURS);
    }
}

#[test]
fn it_learns_each_hour_of_the_week() {
    let mut memory = Memory::default();
    feed(&mut memory, 0, 2 * WEEK, usual);
    let early = memory.see(&spec(), &now(2 * WEEK, Ok((10.0, false))));
    assert_eq!(
        early,
        Seen::Unknown(Hold::Learning),
        "two weeks are not three"
    );
    feed(&mut memory, 2 * WEEK, 3 * WEEK, usual);
    let monday = 3 * WEEK;
    assert_eq!(
        memory.usual_at(&spec(), at(monday + 10 * HOUR)),
        Some((100.0, 0.5))
    );
    assert_eq!(score(&mut memory, monday + 3 * HOUR, 10.0), 0.0);
    assert_eq!(score(&mut memory, monday + 4 * HOUR, 100.0), 180.0);
    assert_eq!(score(&mut memory, monday + 10 * HOUR, 100.0), 0.0);
    assert_eq!(score(&mut memory, monday + 11 * HOUR, 10.0), 180.0);
    let doubtful = memory.see(&spec(), &now(monday + 11 * HOUR, Ok((10.0, true))));
    assert_eq!(doubtful, Seen::Number(180.0, true));
    let bad = memory.see(&spec(), &now(monday + 11 * HOUR, Err(BAD)));
    assert_eq!(bad, Seen::Unknown(BAD));
}

#[test]
fn the_spread_of_the_weeks_is_the_measure() {
    let mut memory = Memory::default();
    for (week, value) in (0..).zip([10.0, 12.0, 14.0, 16.0, 18.0]) {
        feed(&mut memory, week * WEEK, (week + 1) * WEEK, |_| value);
    }
    let wanted = 6.0 / (1.4826 * 2.0);
    assert!((score(&mut memory, 5 * WEEK, 20.0) - wanted).abs() < 1e-12);
}

#[test]
fn one_bad_week_does_not_poison_the_profile() {
    let mut memory = Memory::default();
    feed(&mut memory, 0, 3 * WEEK, usual);
    feed(&mut memory, 3 * WEEK, 4 * WEEK, |_| 5_000.0);
    feed(&mut memory, 4 * WEEK, 5 * WEEK, usual);
    assert_eq!(score(&mut memory, 5 * WEEK, 10.0), 0.0);
    assert!(score(&mut memory, 5 * WEEK, 5_000.0) > 1_000.0);
}

#[test]
fn old_weeks_go() {
    let mut memory = Memory::default();
    feed(&mut memory, 0, 3 * WEEK, |_| 1.0);
    feed(&mut memory, 3 * WEEK, 12 * WEEK, |_| 50.0);
    assert!(memory.profile.iter().all(|weeks| weeks == &[50.0; 8]));
}

#[test]
fn an_hour_that_was_half_seen_is_not_learned() {
    let mut memory = Memory::default();
    // Seen for 29 minutes, then bad until the next hour.
    feed(&mut memory, 0, 30 * MINUTE, |_| 1.0);
    memory.see(&spec(), &now(29 * MINUTE, Err(BAD)));
    memory.see(&spec(), &now(HOUR, Ok((1.0, false))));
    assert!(memory.profile.is_empty());
    // Seen for 30 minutes: from 60 to 90.
    feed(&mut memory, HOUR, HOUR + 30 * MINUTE, |_| 1.0);
    memory.see(&spec(), &now(HOUR + 30 * MINUTE, Err(BAD)));
    memory.see(&spec(), &now(2 * HOUR, Ok((1.0, false))));
    assert_eq!(memory.profile[1], [1.0]);
}

#[test]
fn a_silence_is_not_filled_with_the_last_value() {
    let mut memory = Memory::default();
    memory.see(&spec(), &now(0, Ok((1.0, false))));
    memory.see(&spec(), &now(40 * MINUTE, Ok((1.0, false))));
    memory.forget(&spec());
    memory.see(&spec(), &now(50 * MINUTE, Ok((1.0, false))));
    memory.see(&spec(), &now(51 * MINUTE, Ok((1.0, true))));
    memory.see(&spec(), &now(59 * MINUTE, Ok((1.0, false))));
    assert_eq!(memory.hour.as_ref().unwrap().minutes.len(), 1);
}

#[test]
fn an_hours_number_is_the_median_of_its_minutes() {
    let mut memory = Memory::default();
    for minute in 0..=60 {
        let value = if minute < 20 { 900.0 } else { 7.0 };
        memory.see(&spec(), &now(minute * MINUTE, Ok((value, false))));
    }
    assert_eq!(memory.profile[0], [7.0]);
}

#[test]
fn a_clock_that_is_set_costs_the_running_hour() {
    let mut memory = Memory::default();
    feed(&mut memory, 0, 50 * MINUTE, |_| 1.0);
    let mut little = memory.clone();
    little.shift(2_000);
    assert_eq!(little.hour, memory.hour);
    memory.shift(-7_200_000);
    assert_eq!(memory.hour, None);
    let held = at(45 * MINUTE).minus(Duration::from_hours(2));
    assert_eq!(memory.held, Some((held, 1.0)));
}

#[test]
fn joined_lanes_know_what_one_lane_would() {
    for cut in [3 * WEEK, 3 * WEEK + 20 * MINUTE] {
        let (mut whole, mut older, mut newer) =
            (Memory::default(), Memory::default(), Memory::default());
        feed(&mut whole, 0, 4 * WEEK, usual);
        feed(&mut older, 0, cut, usual);
        // The older lane's last value stands until the first of the newer one.
        older.see(&spec(), &now(cut, Err(BAD)));
        feed(&mut newer, cut, 4 * WEEK, usual);
        newer.join(&spec(), older);
        assert_eq!(newer.profile, whole.profile);
        assert_eq!((newer.held, &newer.hour), (whole.held, &whole.hour));
        let mut empty = Memory::default();
        empty.join(&spec(), whole.clone());
        assert_eq!(empty.profile, whole.profile);
        assert_eq!((empty.held, &empty.hour), (whole.held, &whole.hour));
    }
}

#[test]
fn lanes_that_meet_within_an_hour_share_it() {
    let (mut older, mut newer) = (Memory::default(), Memory::default());
    feed(&mut older, 0, 25 * MINUTE, |_| 1.0);
    feed(&mut newer, 25 * MINUTE, 50 * MINUTE, |_| 1.0);
    newer.join(&spec(), older);
    newer.see(&spec(), &now(HOUR, Ok((1.0, false))));
    assert_eq!(newer.profile[0], [1.0]);
}

proptest! {
    #[test]
    fn no_input_breaks_it_and_a_snapshot_changes_nothing(
        steps in prop::collection::vec((0_u64..3_000_000, any::<f64>(), 0_u8..10), 1..300),
        cut in any::<prop::sample::Index>(),
    ) {
        let spec = rule::Anomaly { weeks: u32::MAX, trust: 1, floor: 0.0, utc_offset_min: i32::MAX };
        let cut = cut.index(steps.len());
        let (mut memory, mut copy) = (Memory::default(), Memory::default());
        let mut ms = 0;
        for (index, (step, value, kind)) in steps.into_iter().enumerate() {
            if index == cut {
                let bytes = postcard::to_stdvec(&memory).unwrap();
                copy = postcard::from_bytes(&bytes).unwrap();
            }
            ms += if kind == 9 { WEEK - HOUR } else { step };
            let finite = if value.is_finite() { value } else { 0.0 };
            let reading = if kind == 0 { Err(BAD) } else { Ok((finite, kind == 1)) };
            let seen = memory.see(&spec, &now(ms, reading));
            if let Seen::Number(score, _) = seen {
                prop_assert!(score.is_finite() && score >= 0.0);
            }
            if index >= cut {
                prop_assert_eq!(copy.see(&spec, &now(ms, reading)), seen);
            }
            prop_assert!(memory.profile.len() <= HOURS);
            prop_assert!(memory.profile.iter().all(|weeks| weeks.len() <= WEEKS_MAX));
            prop_assert!(memory.hour.iter().all(|hour| hour.minutes.len() <= MINUTES));
        }
    }
}
