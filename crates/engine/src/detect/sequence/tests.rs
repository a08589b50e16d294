use std::time::Duration;

use fenghuo_model::Reason;

use super::*;
use crate::rule::Select;

mod laws;

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
