//! Random streams of everything that can happen to alarms, with time going on between.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;

use super::{Desk, Story, settings};
use crate::EventId;
use crate::event::Hold;
use crate::plan::{About, Notice};

/// Receivers that use everything, with small thresholds.
const EVERYTHING: &str = "
    [[receiver]]
    name = 'duty'
    carriers = ['sms']
    group_by = ['area']
    wait = '5s'
    repeat = '1m'
    flood = { over = 3, under = 2, within = '1m', digest = '10s' }
    [[receiver]]
    name = 'plain'
    carriers = ['sms']
    [[receiver]]
    name = 'night'
    carriers = ['sms']
    quiet = { calendar = 'night', below = 'orange' }
    [[receiver]]
    name = 'mute'
    carriers = ['sms']
    returned = false
    repeat = '2m'
    settle = '5s'
    [[receiver]]
    name = 'head'
    carriers = ['sms']
    tier = 1
    at_once = 'red'
    [[calendar]]
    id = 'night'
    from = '00:01'
    to = '00:05'";

/// The same receivers with other wishes.
fn other() -> String {
    let text = EVERYTHING.replace("wait = '5s'", "wait = '9s'");
    let text = text.replace("repeat = '2m'", "");
    text.replace("quiet = { calendar = 'night', below = 'orange' }", "")
}

const TOLD_AT_ONCE: [&str; 4] = ["duty", "plain", "night", "mute"];
const CASES: u32 = 300;
/// Beyond every wait, silence, flood and night of a story.
const AFTER: i64 = 400;

/// Seconds later, something happens to a point.
type Deed = (i64, &'static str, &'static str, &'static str);

fn deeds(verbs: &'static [&'static str]) -> impl Strategy<Value = Vec<Deed>> {
    let seconds = prop_oneof![4 => Just(0_i64), 4 => 1..8_i64, 1 => 20..90_i64];
    let point = select(&["a1", "a2", "a3", "b1", "b2", "c1"][..]);
    let severity = select(&["blue", "yellow", "orange", "red"][..]);
    let deed = (seconds, select(verbs), point, severity);
    prop::collection::vec(deed, 1..80)
}

const LIFE: &[&str] = &[
    "raise", "raise", "raise", "return", "return", "latch", "ack", "close",
];
const ALL: &[&str] = &[
    "raise",
    "raise",
    "raise",
    "raise",
    "return",
    "return",
    "return",
    "latch",
    "ack",
    "close",
    "realarm",
    "shelve",
    "unshelve",
    "suppress",
    "unsuppress",
    "askout",
    "takeout",
    "putback",
    "orphan",
    "hold",
    "release",
    "retro",
    "promote",
    "merge",
    "planned",
    "planover",
    "overdue",
    "silence",
    "unsilence",
    "started",
];

impl Story {
    fn deed(&mut self, (seconds, verb, point, severity): Deed) {
        let then = self.second + seconds;
        match verb {
            "started" => self.skip_to(then + 100),
            _ => self.run_to(then),
        }
        match verb {
            "started" => {}
            "settings" => self.planner.configure(&settings(&other())),
            "silence" => self.act(&["silence", point, &format!("key={point}"), "40"]),
            "unsilence" => self.act(&["unsilence", point]),
            "retro" | "planned" => {
                self.change(&["raise", point, severity, verb]);
            }
            "overdue" => {
                self.change(&["overdue", point, "2"]);
            }
            // The engine merges where there is a live one already.
            "promote" if self.is_live(point) => {
                self.change(&["merge", point]);
            }
            _ => {
                self.change(&[verb, point, severity]);
            }
        }
    }

    fn is_live(&mut self, point: &str) -> bool {
        let key = self.key(point);
        self.book.newest(&key, false).is_some()
    }

    /// Everything that waits has come.
    fn settle(&mut self) {
        self.run_to(self.second + AFTER);
    }
}

fn play(deeds: &[Deed]) -> Story {
    let mut story = Story::new(&settings(EVERYTHING));
    story.run_to(0);
    for deed in deeds {
        story.deed(*deed);
    }
    story.settle();
    story
}

/// What each receiver was told of each occurrence: how many raises, and the last of them.
type Told = BTreeMap<(String, EventId), (u32, u32)>;

/// Follows the notices and holds that nothing is told twice, nor an end to those who were
/// not told of the begin.
fn follow(notices: &[Notice]) -> Told {
    let mut told = Told::new();
    let mut ended = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for notice in notices {
        assert!(ids.insert(notice.id), "an id stands twice: {notice:?}");
        let times: u32 = notice.alarms.iter().map(|line| line.times).sum();
        assert_eq!(times, notice.raises.iter().sum::<u32>());
        for line in &notice.alarms {
            let place = (notice.receiver.to_string(), line.occurrence);
            let (count, last) = told.entry(place).or_default();
            *count += line.times;
            assert!(*count <= line.raise, "called twice: {notice:?}");
            if line.times > 0 {
                assert!(*last < line.raise, "called twice: {notice:?}");
                *last = line.raise;
            }
            if matches!(line.about, About::Overdue { .. }) {
                *last = line.raise;
            }
            if line.about == About::Returned {
                assert_eq!(*last, line.raise, "an end without a begin: {notice:?}");
                let end = (notice.receiver.clone(), line.occurrence, line.raise);
                assert!(ended.insert(end), "ended twice: {notice:?}");
            }
        }
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    // peers 55
    #[test]
    fn nothing_is_told_twice_and_what_is_up_was_told(deeds in deeds(ALL)) {
        let story = play(&deeds);
        let told = follow(&story.told);
        for alarm in story.book.iter() {
            let planned = alarm.raised.as_ref().is_some_and(|raised| raised.planned.is_some());
            let calls = alarm.place.life.is_active() && !alarm.place.is_covered();
            let known = alarm.held != Some(Hold::Source) && !alarm.retrospective;
            if calls && known && !planned {
                for receiver in TOLD_AT_ONCE {
                    let place = (receiver.to_owned(), alarm.occurrence);
                    let last = told.get(&place).map(|(_, last)| *last);
                    prop_assert_eq!(last, Some(alarm.raises), "{} of {}", receiver, alarm.key);
                }
            }
        }
    }

    #[test]
    fn every_raise_is_in_one_notice(deeds in deeds(LIFE)) {
        let mut story = Story::new(&settings(EVERYTHING));
        story.run_to(0);
        let mut raises = 0;
        for (seconds, verb, point, severity) in deeds {
            story.run_to(story.second + seconds);
            let happened = story.change(&[verb, point, severity]);
            raises += u32::from(happened && verb == "raise");
        }
        story.settle();
        follow(&story.told);
        for receiver in TOLD_AT_ONCE {
            let theirs = story.told.iter().filter(|it| *it.receiver == *receiver);
            let told: u32 = theirs.flat_map(|it| it.raises).sum();
            prop_assert_eq!(told, raises, "{}", receiver);
        }
    }

    // peers 55
    #[test]
    fn a_snapshot_anywhere_and_events_shown_twice_change_nothing(
        deeds in deeds(ALL),
        cut in 0..80_usize,
    ) {
        let whole = play(&deeds);
        let mut other = Story::new(&settings(EVERYTHING));
        other.echo = true;
        other.run_to(0);
        for (at, deed) in deeds.iter().enumerate() {
            if at == cut {
                other.snapshot();
            }
            other.deed(*deed);
        }
        other.settle();
        prop_assert_eq!(whole.told, other.told);
        prop_assert!(whole.planner == other.planner);
    }

    // peers 59
    #[test]
    fn nothing_is_left_when_all_is_over(deeds in deeds(ALL)) {
        let mut story = play(&deeds);
        for point in ["a1", "a2", "a3", "b1", "b2", "c1"] {
            for verb in ["merge", "return", "unshelve", "unsuppress", "putback"] {
                story.change(&[verb, point]);
            }
        }
        story.settle();
        prop_assert!(story.planner.is_empty());
        prop_assert!(story.planner.desks.values().all(Desk::is_clear));
    }
}
