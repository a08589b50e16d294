use proptest::prelude::*;

use super::*;
use crate::rule::RuleSet;

const STALE: Hold = Hold::Reading(Reason::Stale);
const LINE: Hold = Hold::Source;

/// Limit 50, reset 30.
fn ask(k: u32, readings: &[Reading]) -> Vote {
    vote(k, readings.iter().copied(), |v| v >= 50.0, |v| v >= 30.0)
}

#[test]
fn a_vote_counts_what_is_known_and_says_when_that_is_not_enough() {
    let (high, mid, low) = (Ok((60.0, false)), Ok((40.0, false)), Ok((10.0, false)));
    let (odd_high, odd_low) = (Ok((60.0, true)), Ok((10.0, true)));
    let gone = Err(STALE);
    let table: &[(u32, &[Reading], Vote)] = &[
        (2, &[high, high, low], Vote::True),
        (2, &[high, odd_high, low], Vote::True),
        (2, &[high, high, gone], Vote::True),
        (2, &[high, mid, low], Vote::Keep),
        (2, &[high, odd_low, low], Vote::Keep),
        (2, &[high, low, low], Vote::False),
        (2, &[high, gone, low], Vote::Unknown(STALE)),
        (2, &[low, gone, low], Vote::False),
        (2, &[Err(LINE), gone, low], Vote::Unknown(LINE)),
        (2, &[], Vote::False),
        (0, &[low], Vote::False),
        (4, &[high, high, high], Vote::False),
    ];
    for (k, readings, wanted) in table {
        assert_eq!(ask(*k, readings), *wanted, "{k} of {readings:?}");
    }
}

#[test]
fn a_deviation_is_from_the_median_of_the_known_others() {
    let ok = |v| Ok((v, false));
    let see = |own, others: &[Reading], absolute| deviation(own, others.iter().copied(), absolute);
    assert_eq!(
        see(ok(10.0), &[ok(12.0), ok(11.0), ok(900.0)], false),
        Seen::Number(-2.0, false)
    );
    assert_eq!(
        see(ok(10.0), &[ok(12.0), ok(14.0)], true),
        Seen::Number(3.0, false)
    );
    assert_eq!(
        see(ok(10.0), &[Ok((12.0, true)), Err(STALE)], true),
        Seen::Number(2.0, true)
    );
    assert_eq!(
        see(ok(10.0), &[ok(12.0), Err(STALE), Err(LINE)], true),
        Seen::Unknown(STALE)
    );
    assert_eq!(see(Err(LINE), &[ok(12.0)], true), Seen::Unknown(LINE));
    assert_eq!(see(ok(10.0), &[], true), Seen::Unknown(Hold::Learning));
    assert_eq!(
        see(ok(f64::MAX), &[ok(-f64::MAX)], true),
        Seen::Unknown(Hold::Reading(Reason::NotANumber))
    );
}

#[test]
fn a_roll_up_counts_alarms_at_a_severity_or_worse() {
    use Severity::{Blue, Orange, Yellow};
    let needs = |count, of| Needs { count, of };
    let up = [
        Item::Up(Blue),
        Item::Up(Yellow),
        Item::Up(Orange),
        Item::Clear,
    ];
    assert_eq!(rollup(up, needs(3, Blue)), Vote::True);
    assert_eq!(rollup(up, needs(4, Blue)), Vote::False);
    assert_eq!(rollup(up, needs(2, Yellow)), Vote::True);
    assert_eq!(rollup(up, needs(2, Orange)), Vote::False);
    let dark = [Item::Up(Blue), Item::Unknown(LINE), Item::Clear];
    assert_eq!(rollup(dark, needs(1, Blue)), Vote::True);
    assert_eq!(rollup(dark, needs(2, Blue)), Vote::Unknown(LINE));
    assert_eq!(rollup(dark, needs(3, Blue)), Vote::False);
    assert_eq!(rollup([], needs(1, Blue)), Vote::False);
}

#[test]
fn a_median_is_the_middle() {
    assert_eq!(median(&mut []), 0.0);
    assert_eq!(median(&mut [3.0]), 3.0);
    assert_eq!(median(&mut [9.0, 1.0]), 5.0);
    assert_eq!(median(&mut [9.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), 2.5);
}

/// The examples that the modules' headers show are rules that load.
#[test]
fn the_documented_examples_are_rules() {
    let modules = [
        ("several", include_str!("../several.rs"), 3),
        ("sequence", include_str!("../sequence.rs"), 1),
        ("forecast", include_str!("../forecast.rs"), 1),
        ("anomaly", include_str!("../anomaly.rs"), 1),
    ];
    for (module, source, wanted) in modules {
        let doc: Vec<_> = source
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .collect();
        let doc = doc.join("\n");
        let examples: Vec<_> = doc.split("```").skip(1).step_by(2).collect();
        assert_eq!(examples.len(), wanted, "{module}");
        for example in examples {
            let text = example.strip_prefix("toml").unwrap().to_owned();
            // What the roll-up counts.
            let counted = "[[rule]]\nid = \"tailings.displacement\"\n\
                           select = { kind = \"displacement\" }\n[[rule.level]]\n\
                           name = \"blue\"\nabove = 1\nseverity = \"blue\"\n";
            let files = [("other", counted.to_owned()), (module, text)];
            let files = files.map(|(name, text)| (name.to_owned(), text));
            let read = RuleSet::parse(&files);
            let faults: Vec<_> = read
                .err()
                .into_iter()
                .flatten()
                .map(|f| f.to_string())
                .collect();
            assert!(faults.is_empty(), "{}", faults.join("\n"));
        }
    }
}

fn reading() -> impl Strategy<Value = Reading> {
    prop_oneof![
        1 => Just(Err(STALE)),
        3 => (0.0..100.0, any::<bool>()).prop_map(Ok),
    ]
}

/// How near a reading is to voting for the condition; unknown may be anything.
fn rank(reading: Reading) -> u8 {
    match reading {
        Ok((value, _)) if value >= 50.0 => 3,
        Ok((value, doubtful)) if doubtful || value >= 30.0 => 2,
        Err(_) => 1,
        Ok(_) => 0,
    }
}

fn order(vote: Vote) -> u8 {
    match vote {
        Vote::True => 3,
        Vote::Keep => 2,
        Vote::Unknown(_) => 1,
        Vote::False => 0,
    }
}

proptest! {
    #[test]
    fn a_worse_reading_never_makes_a_milder_vote(
        mut readings in prop::collection::vec(reading(), 1..8),
        worse in reading(),
        at in any::<prop::sample::Index>(),
        k in 1_u32..8,
    ) {
        let before = ask(k, &readings);
        let at = at.index(readings.len());
        prop_assume!(rank(worse) >= rank(readings[at]));
        readings[at] = worse;
        prop_assert!(order(ask(k, &readings)) >= order(before));
    }

    #[test]
    fn an_unknown_reading_never_decides(
        readings in prop::collection::vec(reading(), 0..8),
        values in prop::collection::vec((0.0..100.0, any::<bool>()), 8),
        k in 1_u32..8,
    ) {
        let told: Vec<_> = readings
            .iter()
            .zip(&values)
            .map(|(reading, value)| reading.or(Ok(*value)))
            .collect();
        match ask(k, &readings) {
            sure @ (Vote::True | Vote::False) => prop_assert_eq!(ask(k, &told), sure),
            Vote::Keep => prop_assert_ne!(ask(k, &told), Vote::False),
            Vote::Unknown(_) => {
                let all = |v| readings.iter().map(|r| r.or(Ok((v, false)))).collect::<Vec<_>>();
                prop_assert!(order(ask(k, &all(100.0))) >= order(Vote::Keep));
                prop_assert_eq!(ask(k, &all(0.0)), Vote::False);
            }
        }
    }

    #[test]
    fn a_deviation_does_not_depend_on_the_order_of_the_others(
        own in reading(),
        others in prop::collection::vec(reading(), 0..8),
    ) {
        let there = deviation(own, others.iter().copied(), false);
        let back = deviation(own, others.iter().rev().copied(), false);
        prop_assert_eq!(there, back);
    }
}
