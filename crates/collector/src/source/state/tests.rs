//! The state of a line and its devices over made-up time.

use proptest::prelude::*;

use super::*;

const LINE: u32 = 10;
const UNIT_1: u32 = 11;
const UNIT_2: u32 = 12;

const UP: Answers = Answers::Yes;
const DOWN: Answers = Answers::No;
const UNKNOWN: Answers = Answers::Unknown;

fn new() -> LineState {
    LineState::new(LINE, [UNIT_1, UNIT_2], 0)
}

fn answers(reading: &Reading) -> Answers {
    let all = [UP, DOWN, UNKNOWN].into_iter();
    let mut all = all.filter(|it| it.reading() == *reading);
    all.next().expect("no other reading is told")
}

/// What is told at a time, in its order.
fn told(state: &mut LineState, now: u64) -> Vec<(u32, Answers)> {
    let time = Timestamp::from_millis(i64::try_from(now).unwrap());
    let mut out = Vec::new();
    state.report(now, time, &mut out);
    assert!(out.iter().all(|(_, sample)| sample.time == time));
    assert!(state.next_due() > now, "what is due is told");
    out.iter()
        .map(|(point, sample)| (*point, answers(&sample.reading)))
        .collect()
}

/// An open line whose devices both answered, told at time 0.
fn running() -> LineState {
    let mut state = new();
    state.connected();
    state.answered(0);
    state.answered(1);
    assert_eq!(
        told(&mut state, 0),
        [(LINE, UP), (UNIT_1, UP), (UNIT_2, UP)]
    );
    state
}

#[test]
fn before_the_first_attempt_nothing_is_told() {
    let mut state = new();
    assert_eq!(told(&mut state, 0), []);
    assert_eq!(told(&mut state, 60_000), [], "not even by the heartbeat");
}

#[test]
fn a_line_that_cannot_be_opened_makes_its_devices_unknown() {
    let mut state = new();
    state.connect_failed();
    assert_eq!(state.next_due(), 0);
    let all = [(LINE, DOWN), (UNIT_1, UNKNOWN), (UNIT_2, UNKNOWN)];
    assert_eq!(told(&mut state, 300), all);
    state.connect_failed();
    assert_eq!(told(&mut state, 700), [], "no change");
    state.connected();
    assert_eq!(told(&mut state, 1_000), [(LINE, UP)]);
    state.answered(1);
    assert_eq!(told(&mut state, 1_010), [(UNIT_2, UP)]);
}

#[test]
fn a_heartbeat_tells_all_that_is_known_and_keeps_its_beat() {
    let mut state = new();
    state.connected();
    state.answered(0);
    assert_eq!(told(&mut state, 4_000), [(LINE, UP), (UNIT_1, UP)]);
    assert_eq!(state.next_due(), 5_000);
    assert_eq!(told(&mut state, 4_999), []);
    assert_eq!(told(&mut state, 5_003), [(LINE, UP), (UNIT_1, UP)]);
    assert_eq!(state.next_due(), 10_000);
    // Late by more than a beat: once, not once for each that was missed.
    assert_eq!(told(&mut state, 22_000), [(LINE, UP), (UNIT_1, UP)]);
    assert_eq!(state.next_due(), 25_000);
}

#[test]
fn three_fast_failures_wait_for_the_time() {
    let mut state = running();
    for now in [1_000, 1_100, 1_200] {
        state.unanswered(0, now);
        assert_eq!(told(&mut state, now), []);
    }
    assert_eq!(state.next_due(), 5_000, "the heartbeat");
    let beat = [(LINE, UP), (UNIT_1, UP), (UNIT_2, UP)];
    assert_eq!(told(&mut state, 5_000), beat);
    assert_eq!(state.next_due(), 6_000);
    assert_eq!(told(&mut state, 5_999), []);
    // Nobody has to ask it again for that.
    assert_eq!(told(&mut state, 6_000), [(UNIT_1, DOWN)]);
}

#[test]
fn slow_failures_wait_for_the_third() {
    let mut state = running();
    state.unanswered(0, 1_000);
    state.unanswered(0, 61_000);
    let beat = [(LINE, UP), (UNIT_1, UP), (UNIT_2, UP)];
    assert_eq!(told(&mut state, 61_000), beat);
    state.unanswered(0, 121_000);
    let beat = [(LINE, UP), (UNIT_1, DOWN), (UNIT_2, UP)];
    assert_eq!(told(&mut state, 121_000), beat);
    assert_eq!(told(&mut state, 125_000), beat);
}

#[test]
fn any_answer_ends_the_row() {
    let mut state = running();
    for step in 0..20 {
        let now = 10_000 * (step + 1);
        state.unanswered(0, now);
        state.unanswered(0, now + 4_000);
        state.answered(0);
        let told = told(&mut state, now + 4_000);
        assert!(told.iter().all(|(_, answers)| *answers == UP), "{told:?}");
    }
}

#[test]
fn a_silent_device_is_told_again_and_recovers_at_its_first_answer() {
    let mut state = running();
    for now in [0, 2_000, 6_000] {
        state.unanswered(1, now);
    }
    let beat = [(LINE, UP), (UNIT_1, UP), (UNIT_2, DOWN)];
    assert_eq!(told(&mut state, 6_000), beat);
    state.unanswered(1, 14_000);
    assert_eq!(told(&mut state, 14_000), beat, "the heartbeat goes on");
    state.answered(1);
    assert_eq!(told(&mut state, 14_500), [(UNIT_2, UP)]);
}

#[test]
fn a_device_that_fails_first_is_unknown_then_silent() {
    let mut state = new();
    state.connected();
    state.unanswered(0, 100);
    assert_eq!(told(&mut state, 100), [(LINE, UP), (UNIT_1, UNKNOWN)]);
    state.unanswered(0, 1_200);
    state.unanswered(0, 3_400);
    assert_eq!(told(&mut state, 3_400), []);
    assert_eq!(told(&mut state, 5_100), [(LINE, UP), (UNIT_1, DOWN)]);
}

#[test]
fn a_row_does_not_outlive_its_line() {
    let mut state = running();
    for now in [100, 200, 300] {
        state.unanswered(0, now);
    }
    state.connect_failed();
    let all = [(LINE, DOWN), (UNIT_1, UNKNOWN), (UNIT_2, UNKNOWN)];
    assert_eq!(told(&mut state, 400), all);
    state.connected();
    state.unanswered(0, 9_000);
    let all = [(LINE, UP), (UNIT_1, UNKNOWN), (UNIT_2, UNKNOWN)];
    assert_eq!(told(&mut state, 9_000), all);
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    Connected,
    ConnectFailed,
    Answered(usize),
    Unanswered(usize),
    Nothing,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        1 => Just(Happens::Connected),
        1 => Just(Happens::ConnectFailed),
        2 => (0..2_usize).prop_map(Happens::Answered),
        6 => (0..2_usize).prop_map(Happens::Unanswered),
        2 => Just(Happens::Nothing),
    ]
}

proptest! {
    /// One dead line is one alarm, whatever happens; and whoever hears only what is told knows
    /// each state, no older than a heartbeat.
    #[test]
    fn devices_of_a_dead_line_are_unknown(
        story in prop::collection::vec((happens(), 0..3_000_u64), 0..200)
    ) {
        let (mut state, mut now) = (new(), 0);
        let mut heard: [Option<(Answers, u64)>; 3] = [None; 3];
        for (what, wait) in story {
            match what {
                Happens::Connected => state.connected(),
                Happens::ConnectFailed => state.connect_failed(),
                Happens::Answered(device) => state.answered(device),
                Happens::Unanswered(device) => state.unanswered(device, now),
                Happens::Nothing => {}
            }
            // Its owner asks when it is due, and now and then besides.
            let end = now + wait;
            while now <= end {
                for (point, answers) in told(&mut state, now) {
                    heard[usize::try_from(point - LINE).unwrap()] = Some((answers, now));
                }
                if heard[0].is_some_and(|(line, _)| line == DOWN) {
                    for device in &heard[1..] {
                        prop_assert_eq!(device.map(|(answers, _)| answers), Some(UNKNOWN));
                    }
                }
                for (_, at) in heard.iter().flatten() {
                    prop_assert!(now - at <= BEAT_MS);
                }
                now = state.next_due();
            }
            now = end;
        }
    }
}
