use std::time::Duration;

use fenghuo_model::Reason;
use proptest::prelude::*;

use super::*;
use crate::rule::Select;

const BAD: Hold = Hold::Reading(Reason::Timeout);
const LEARNING: &str = "learning";

fn spec(order: Order) -> rule::Sequence {
    rule::Sequence {
        then: Select::default(),
        within_ms: 10,
        order,
    }
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000).plus(Duration::from_millis(ms))
}

/// `on`, `off`, `on?`, `off?` (in doubt) or `bad`.
fn state(word: &str) -> State {
    match word {
        "bad" => Err(BAD),
        _ => Ok((word.starts_with("on"), word.ends_with('?'))),
    }
}

fn word(seen: Seen) -> &'static str {
    match seen {
        Seen::Truth(true, false) => "yes",
        Seen::Truth(true, true) => "yes?",
        Seen::Truth(false, false) => "no",
        Seen::Truth(false, true) => "no?",
        Seen::Unknown(BAD) => "bad",
        Seen::Unknown(Hold::Learning) => LEARNING,
        other => panic!("{other:?}"),
    }
}

fn look(memory: &mut Memory, order: Order, ms: u64, own: State, then: State) -> Seen {
    let now = Now {
        at: at(ms),
        reading: own.map(|(on, doubt)| (if on { 2.5 } else { 0.0 }, doubt)),
        fresh: true,
    };
    memory.see(&spec(order), &now, then)
}

/// Runs a story: each line is an instant, the own point, the second one, what is seen.
fn story(order: Order, lines: &str) -> Memory {
    let mut memory = Memory::default();
    for line in lines.trim().lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [ms, own, then, wanted] = words[..] else {
            match words[..] {
                ["away"] => memory.forget(),
                ["shift", by] => memory.shift(by.parse().unwrap()),
                _ => panic!("{line}"),
            }
            continue;
        };
        let ms = ms.parse().unwrap();
        let seen = look(&mut memory, order, ms, state(own), state(then));
        assert_eq!(word(seen), wanted, "{line}\n{memory:?}");
    }
    memory
}

fn follows(lines: &str) -> Memory {
    story(Order::Follows, lines)
}

fn missing(lines: &str) -> Memory {
    story(Order::Missing, lines)
}

#[test]
fn the_second_within_the_time_is_true_until_it_is_off() {
    follows(
        "0 off off no
             1 on off no
             5 on on yes
             6 off on yes
             50 off on yes
             51 off off no
             52 off on no",
    );
    follows("0 off off no\n 1 on off no\n 11 on on yes");
    follows("0 off off no\n 1 on off no\n 12 on on no");
}

#[test]
fn a_second_that_was_on_already_does_not_count_until_it_was_off() {
    follows(
        "0 off off no
             11 off on no
             20 on on no
             21 on off no
             22 on on yes",
    );
    // At one instant the order of judging counts.
    follows("0 off off no\n 20 on off no\n 20 on on yes");
    follows("0 off off no\n 20 off on no\n 20 on on no");
}

#[test]
fn a_turn_on_that_may_have_been_missed_is_unknown() {
    follows(
        "0 on on learning
             100 on on learning
             101 on off no
             102 on on no",
    );
    follows("0 on off no\n 5 on on learning\n 6 on off no\n 12 on on no");
    // The own point was unknown: it may have turned on.
    follows(
        "0 off off no
             50 bad off bad
             51 on off no
             61 on on learning
             62 on off no
             63 on on no",
    );
}

#[test]
fn an_unknown_second_is_unknown_where_it_could_matter() {
    // Long after the last turn-on it could not.
    follows("0 on off no\n 50 on bad no\n 60 on on no");
    // All of the gap is within the time.
    follows("0 off off no\n 20 on off no\n 22 on bad bad\n 30 on on yes");
    // Part of it is not, or the turn-on lies in it.
    follows("0 off off no\n 20 on off no\n 22 on bad bad\n 31 on on learning\n 32 on off no");
    follows("0 off off no\n 20 off bad no\n 25 on bad bad\n 26 on on learning");
    follows("0 off bad bad\n 50 off bad bad\n 51 off off no");
    // What is up stays up.
    follows("0 off off no\n 20 on off no\n 22 on on yes\n 30 on bad bad\n 60 on on yes");
}

#[test]
fn doubt_may_raise_but_never_clears() {
    follows("0 off off no\n 20 on? off no\n 21 on on yes?\n 22 on off? no?\n 23 on off no");
    // After a doubtful off the second may have been on all the time.
    follows(
        "0 off off no
             20 on off no
             21 on on yes
             22 on off? no?
             40 on on no?
             41 on off no
             42 on on no",
    );
}

#[test]
fn own_turn_ons_in_a_row_make_one_span() {
    follows(
        "0 off off no
             20 on off no
             25 off off no
             29 on off no
             39 on on yes",
    );
}

#[test]
fn what_is_missing_is_true_until_it_comes_or_is_not_needed() {
    let memory = missing(
        "0 off off no
         5 on off no
         14 on off no
         15 on off yes
         99 on off yes
         100 on on no
         101 on off no
         102 off off no",
    );
    assert_eq!(memory.due(&spec(Order::Missing)), None);
    missing("0 off off no\n 5 on off no\n 20 on off yes\n 21 off off no\n 22 on off no");
    missing("0 off on no\n 5 on on no\n 6 on off no\n 90 on off no");
    missing("0 off off no\n 5 on off no\n 15 on on no\n 90 on off no");
}

#[test]
fn the_deadline_is_asked_for_while_it_runs() {
    let spec = spec(Order::Missing);
    let memory = missing("0 off off no");
    assert_eq!(memory.due(&spec), None);
    let memory = missing("0 off off no\n 5 on off no");
    assert_eq!(memory.due(&spec), Some(at(15)));
    let memory = missing("0 off off no\n 5 on off no\n 15 on off yes");
    assert_eq!(memory.due(&spec), None);
    let memory = missing("0 off off no\n 5 on off no\n 7 on on no");
    assert_eq!(memory.due(&spec), None);
}

#[test]
fn missing_waits_for_what_is_unknown() {
    missing("0 off off no\n 5 on bad no\n 15 on bad bad\n 16 on off yes");
    missing("0 off off no\n 5 on bad no\n 15 on bad bad\n 16 on on no\n 17 on off no");
    // Turned on unseen: it may have been fulfilled, until the next off.
    missing("0 on off learning\n 50 on off learning\n 51 on on no\n 52 on off no");
    missing("0 off off no\n 5 bad off bad\n 6 on off learning\n 90 off off no\n 91 on off no");
    // A contact that chatters does not put it off.
    missing("0 off off no\n 5 on off no\n 8 bad off bad\n 9 on off no\n 15 on off yes");
}

#[test]
fn missing_in_doubt_may_raise_but_never_clears() {
    missing(
        "0 off off no
             5 on? off no?
             15 on off yes?
             20 on on? no?
             21 on off no?
             22 on on no
             23 on off no",
    );
    missing("0 off off no\n 5 on off no\n 15 on off yes\n 16 off? off no?\n 17 on off no?");
}

#[test]
fn no_time_runs_through_an_absence() {
    missing(
        "0 off off no
             5 on off no
             9 on off no
             away
             1000 on off no
             1005 on off no
             1006 on off yes
             away
             2000 on off yes
             2001 off off no",
    );
    follows("0 off off no\n 20 on off no\n 21 on on yes\n away\n 999 on on yes\n 1000 on off no");
    follows("0 off off no\n away\n 999 on on learning\n 1000 on off no\n 1020 on on no");
}

#[test]
fn a_clock_that_is_set_moves_the_deadline() {
    missing("5000 off off no\n 5005 on off no\n shift -5000\n 14 on off no\n 15 on off yes");
    follows("5000 off off no\n 5020 on off no\n shift -5000\n 30 on on yes");
    follows("5000 off off no\n 5020 on off no\n shift -5000\n 31 on on no");
}

/// Joins a backlog's story into a live lane's, then looks once more.
fn joined(order: Order, older: &str, newer: &str, ms: u64, own: &str, then: &str) -> &'static str {
    let mut memory = story(order, newer);
    memory.join(&spec(order), story(order, older));
    word(look(&mut memory, order, ms, state(own), state(then)))
}

#[test]
fn a_backlog_tells_when_it_turned_on_and_whether_it_was_fulfilled() {
    let join = |older, ms| {
        let newer = "25 on off learning";
        joined(Order::Missing, older, newer, ms, "on", "off")
    };
    let turned_on = "0 off off no\n 20 on off no";
    assert_eq!(join(turned_on, 29), "no");
    assert_eq!(join(turned_on, 30), "yes");
    assert_eq!(join("0 off off no", 34), "no");
    assert_eq!(join("0 off off no", 35), "yes");
    let fulfilled = "0 off off no\n 20 on on no\n 21 on off no";
    assert_eq!(join(fulfilled, 60), "no");
    assert_eq!(join("0 on off learning", 60), "learning");
}

#[test]
fn a_backlog_tells_whether_the_second_followed() {
    let join = |older, newer| joined(Order::Follows, older, newer, 60, "on", "on");
    let turned_on = "0 off off no\n 20 on off no";
    let later = "25 on off no\n 29 on on learning";
    assert_eq!(join(turned_on, later), "yes");
    assert_eq!(join("0 on off no", later), "no");
    assert_eq!(join("0 off off no", later), "yes");
    let at_once = "25 on on learning";
    assert_eq!(join(turned_on, at_once), "yes");
    assert_eq!(join("0 on off no\n 20 on on no", at_once), "no");
    let mut empty = Memory::default();
    let older = follows(turned_on);
    empty.join(&spec(Order::Follows), older.clone());
    assert_eq!(empty, older);
}

/// What is true of good readings, straight from the definition: the states from each look to
/// the next, the own point changing after the second one.
fn naive(order: Order, looks: &[(u64, bool, bool)]) -> Option<bool> {
    let within = 10;
    let turned = |index: usize, pick: fn(&(u64, bool, bool)) -> bool| {
        index > 0 && !pick(&looks[index - 1]) && pick(&looks[index])
    };
    let own = |look: &(u64, bool, bool)| look.1;
    let then = |look: &(u64, bool, bool)| look.2;
    let last = looks.len() - 1;
    let now = looks[last];
    match order {
        Order::Follows => {
            if !now.2 {
                return Some(false);
            }
            let on = (0..=last).rev().find(|index| turned(*index, then))?;
            let starts = (0..on).filter(|index| turned(*index, own));
            let hit = starts
                .map(|index| looks[index].0)
                .any(|t| looks[on].0 <= t + within);
            let blind = looks[on].0 <= looks[0].0 + within;
            if hit {
                Some(true)
            } else {
                (!blind).then_some(false)
            }
        }
        Order::Missing => {
            if !now.1 {
                return Some(false);
            }
            let begin = (0..=last)
                .rev()
                .take_while(|index| looks[*index].1)
                .last()?;
            let fulfilled = looks[begin..].iter().any(then);
            if fulfilled {
                return Some(false);
            }
            turned(begin, own).then(|| now.0 >= looks[begin].0 + within)
        }
    }
}

fn any_state() -> impl Strategy<Value = State> {
    prop_oneof![
        1 => Just(Err(BAD)),
        6 => (any::<bool>(), prop::bool::weighted(0.1)).prop_map(Ok),
    ]
}

proptest! {
    #[test]
    fn good_readings_give_what_the_definition_says(
        steps in prop::collection::vec((1_u64..8, any::<bool>(), any::<bool>()), 1..40),
        missing in any::<bool>(),
    ) {
        let order = if missing { Order::Missing } else { Order::Follows };
        let (mut memory, mut looks, mut ms) = (Memory::default(), Vec::new(), 0);
        for (step, own, then) in steps {
            ms += step;
            looks.push((ms, own, then));
            let seen = look(&mut memory, order, ms, Ok((own, false)), Ok((then, false)));
            let wanted = naive(order, &looks).map_or(
                Seen::Unknown(Hold::Learning),
                |truth| Seen::Truth(truth, false),
            );
            prop_assert_eq!(seen, wanted, "{:?}", looks);
        }
    }

    /// Whatever the unknown readings really were, a sure answer is the right one.
    #[test]
    fn unknown_never_decides_whether_it_followed(
        steps in prop::collection::vec(
            (1_u64..8, any_state(), any_state(), any::<bool>(), any::<bool>()), 1..30),
    ) {
        let (mut blind, mut told, mut ms) = (Memory::default(), Memory::default(), 0);
        let (mut was_up, mut carried) = (false, false);
        for (step, own, then, true_own, true_then) in steps {
            ms += step;
            let good = |state: State, truth| Ok((state.map_or(truth, |(on, _)| on), false));
            let seen = look(&mut blind, Order::Follows, ms, own, then);
            let (own, sure) = (good(own, true_own), good(then, true_then));
            let truth = look(&mut told, Order::Follows, ms, own, sure);
            // What is up outlives a gap in which the second one was off for a moment.
            carried = match then {
                Err(_) => carried || was_up,
                Ok((on, _)) => carried && on,
            };
            if let (Seen::Truth(a, _), Seen::Truth(b, _)) = (seen, truth) {
                let right = a == b || (a && carried);
                prop_assert!(right, "{} but {} at {}", word(seen), word(truth), ms);
            }
            was_up = matches!(seen, Seen::Truth(true, _));
        }
    }

    /// A live lane that took in the backlog answers as one lane would; where readings were
    /// unknown it may know less, and never something else.
    #[test]
    fn joined_lanes_answer_as_one_would(
        steps in prop::collection::vec((0_u64..8, any_state(), any_state()), 2..40),
        cuts in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        good in any::<bool>(),
        missing in any::<bool>(),
    ) {
        let order = if missing { Order::Missing } else { Order::Follows };
        let (a, b) = (cuts.0.index(steps.len()), cuts.1.index(steps.len()));
        let (cut, join) = (a.min(b), a.max(b));
        let (mut whole, mut older, mut newer) =
            (Memory::default(), Memory::default(), Memory::default());
        let mut ms = 0;
        for (index, (step, own, then)) in steps.into_iter().enumerate() {
            ms += step;
            let sure = |state: State| state.map_or(Ok((false, false)), |(on, _)| Ok((on, false)));
            let (own, then) = if good { (sure(own), sure(then)) } else { (own, then) };
            let one = look(&mut whole, order, ms, own, then);
            if index < cut {
                look(&mut older, order, ms, own, then);
                continue;
            }
            if index == join {
                newer.join(&spec(order), std::mem::take(&mut older));
            }
            let two = look(&mut newer, order, ms, own, then);
            if index >= join && good {
                prop_assert_eq!(one, two, "at {}", ms);
            }
            if let (Seen::Truth(one, _), Seen::Truth(two, _)) = (one, two) {
                prop_assert_eq!(one, two, "at {}", ms);
            }
        }
    }

    #[test]
    fn a_snapshot_changes_nothing(
        steps in prop::collection::vec((0_u64..8, any_state(), any_state(), 0_u8..20), 1..60),
        cut in any::<prop::sample::Index>(),
        missing in any::<bool>(),
    ) {
        let order = if missing { Order::Missing } else { Order::Follows };
        let cut = cut.index(steps.len());
        let (mut memory, mut copy, mut ms) = (Memory::default(), Memory::default(), 0);
        for (index, (step, own, then, kind)) in steps.into_iter().enumerate() {
            if index == cut {
                let bytes = postcard::to_stdvec(&memory).unwrap();
                prop_assert!(bytes.len() < 160, "{} bytes", bytes.len());
                copy = postcard::from_bytes(&bytes).unwrap();
            }
            ms += step;
            if kind == 0 {
                memory.forget();
                copy.forget();
            }
            let seen = look(&mut memory, order, ms, own, then);
            if index >= cut {
                prop_assert_eq!(look(&mut copy, order, ms, own, then), seen);
                prop_assert_eq!(&copy, &memory);
            }
            prop_assert!(memory.due(&spec(order)).is_none_or(|due| due > at(ms)));
        }
    }
}
