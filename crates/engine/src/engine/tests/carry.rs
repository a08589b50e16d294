//! Alarms carried over from another version: none lost, none doubled, none ended by it.

use proptest::prelude::*;

use super::replay::story;
use super::*;
use crate::engine::Carried;
use crate::event::Cause;
use crate::input::{Booking, Silence};
use crate::{AlarmKey, EventId, State};

/// Entries that every fold needs: rules, catalog, start.
const START: usize = 3;

impl World {
    /// The engine after an upgrade: `rules` in force, the log kept from entry `from` on, the
    /// journal's events of what is not over.
    fn upgrade(&mut self, rules: &str, from: usize) -> Vec<AlarmKey> {
        let mut engine = Engine::default();
        let mut changes = Vec::new();
        let last = self
            .journal
            .last()
            .map_or(0, |(_, event)| event.id.position);
        let start = self.log.iter().take(START);
        for (position, input) in start.chain(self.log.iter().skip(from.max(START))) {
            let input = match input {
                Input::Rules(_) => Input::Rules(vec![("r.toml".to_owned(), rules.to_owned())]),
                other => other.clone(),
            };
            if *position <= last {
                engine.apply(*position, input, &mut changes);
            }
        }
        engine.notices();
        let open = |event: &Event| self.engine.book().get(event.occurrence).is_some();
        let events = self.journal.iter().filter(|(_, event)| open(event));
        let event =
            |(judged, event): &(Timestamp, Event)| Carried::Event(*judged, Box::new(event.clone()));
        let unwatched = engine
            .carry_over(last, events.map(event).collect())
            .unwrap();
        for (position, input) in self.log.iter().filter(|(position, _)| *position > last) {
            engine.apply(*position, input.clone(), &mut changes);
        }
        self.engine = engine;
        self.out.clear();
        unwatched
    }

    fn act(&mut self, second: f64, deed: Deed) {
        self.put(Input::Act(Act {
            at: at(second),
            by: "wang".to_owned(),
            comment: "words".to_owned(),
            deed,
        }));
    }

    /// Too high from one second to another, long enough for both levels.
    fn too_high(&mut self, seconds: std::ops::Range<u32>) {
        for second in seconds {
            self.level(f64::from(second), 10.5);
        }
    }

    fn up(&self) -> Vec<(EventId, State)> {
        let alarms = self.engine.book().iter();
        alarms
            .map(|alarm| (alarm.occurrence, alarm.state))
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_upgrade_loses_doubles_and_ends_no_alarm(
        seed in 1_u64..,
        kept in 0_usize..100,
    ) {
        let mut world = World::new();
        for (second, samples) in story(seed, 100) {
            // Receipts come: what is here is not sent again.
            world.oldest = world.next;
            world.feed(second, &samples);
            world.ticks(1, second);
        }
        let end = world.journal.last().map_or(0, |(_, event)| event.id.position);
        world.log.retain(|(position, _)| *position <= end.max(START as u64));
        world.position = world.log.len() as u64;
        let frames = world.log.iter().filter(|(_, input)| matches!(input, Input::Frame(_)));
        world.next = frames.count() as u64 + 1;
        // The old engine as it was at the journal's last event.
        let mut old = World::new();
        for (_, input) in world.log.iter().skip(START) {
            old.put(input.clone());
        }
        world.engine = old.engine.clone();
        let unwatched = world.upgrade(RULES, kept);
        prop_assert_eq!(unwatched, vec![]);
        let (was, is) = (old.engine.book().iter(), world.engine.book().iter());
        prop_assert_eq!(was.collect::<Vec<_>>(), is.collect::<Vec<_>>());
        // From here on both see the plant at rest: what was up ends, once each.
        let up: Vec<_> = world.up().into_iter().map(|(occurrence, _)| occurrence).collect();
        for second in 1..120 {
            let calm = [(0, Reading::Good(Value::F64(1.0))), (1, bool(false)), (2, bool(true))];
            world.oldest = world.next;
            world.feed(10_000.0 + f64::from(second), &calm);
        }
        for occurrence in up {
            let ends = world.out.iter().filter(|event| {
                event.occurrence == occurrence && matches!(event.transition, Transition::Return)
            });
            let was_active = old.engine.book().get(occurrence).unwrap().place.life.is_active();
            prop_assert_eq!(ends.count(), usize::from(was_active));
        }
    }
}

#[test]
fn what_people_did_is_carried_over() {
    const LOOP: &str = "[closed_loop.yellow]\nacknowledge = \"60s\"\ncause = \"600s\"\n";
    // A red alarm could not be shelved.
    let rules = format!("{}\n{LOOP}", RULES.replace("\"red\"", "\"orange\""));
    let mut world = World::with(&rules);
    world.ticks(1, 0.0);
    world.too_high(1..8);
    world.ticks(1, 6.0);
    let alarm = world.up()[0].0;
    world.act(9.0, Deed::Acknowledge { alarm });
    let cause = Cause::True;
    world.act(10.0, Deed::State { alarm, cause });
    let high = world.engine.book().iter().find(|it| &*it.key.level == "HH");
    world.act(
        11.0,
        Deed::Shelve {
            alarm: high.unwrap().key.clone(),
            until: at(5_000.0),
            one_shot: false,
        },
    );
    let before: Vec<_> = world.engine.book().iter().cloned().collect();
    assert_eq!(before[0].state, State::Acknowledged);
    assert!(before[0].case.as_ref().unwrap().cause.is_some());
    assert_eq!(before[1].state, State::Shelved);
    // The log has nothing left of how it came to that.
    let from = world.log.len();
    assert_eq!(world.upgrade(&rules, from), []);
    let after: Vec<_> = world.engine.book().iter().cloned().collect();
    assert_eq!(before, after);
    // The shelf ends when it was to end.
    world.put(Input::Started(at(4_998.0)));
    world.ticks(1, 4_999.0);
    assert!(!world.told().contains("unshelve"));
    world.ticks(1, 5_001.0);
    assert!(world.told().contains("unshelve level/HH"));
}

#[test]
fn nobody_is_called_again_and_everybody_hears_of_the_end() {
    const DUTY: &str = "[[receiver]]\nname = \"room\"\ncarriers = [\"duty\"]\n";
    let rules = format!("{RULES}\n{DUTY}");
    let mut world = World::with(&rules);
    world.too_high(1..8);
    world.ticks(5, 8.0);
    assert!(!world.engine.notices().is_empty());
    world.upgrade(&rules, world.log.len());
    world.oldest = world.next;
    world.put(Input::Started(at(8.0)));
    for second in 9..200 {
        world.ticks(1, f64::from(second));
        world.level(f64::from(second), 10.5);
    }
    assert_eq!(world.engine.notices(), []);
    assert_eq!(world.told(), "");
    world.level(200.0, 1.0);
    for second in 201..300 {
        world.ticks(1, f64::from(second));
        world.level(f64::from(second), 1.0);
    }
    assert!(!world.engine.notices().is_empty(), "the end is told");
    assert_eq!(world.told(), "200 return level/H\n200 return level/HH\n");
}

#[test]
fn a_group_of_which_a_booking_was_taken_back_is_asked_by_what_it_is_planned() {
    const VOTE: &str = "[[rule]]\nid = \"vote\"\ndetector = \"vote\"\nk = 1\ngroup = \"role\"\n\
        select = { kind = \"level\" }\n[[rule.level]]\nname = \"H\"\nabove = 9\nseverity = \"yellow\"\n";
    let mut world = World::with(VOTE);
    let two = ["T-1", "T-2"].map(|key| point(key, Kind::Level, "m", "tank"));
    let two = Catalog::new(two.to_vec()).unwrap();
    world.catalog = two.id();
    world.put(Input::Catalog(GATEWAY.parse().unwrap(), Arc::new(two)));
    let both = [9.5, 9.6].map(|level| Reading::Good(Value::F64(level)));
    let both: Vec<_> = (0..).zip(both).collect();
    for (key, until) in [("T-1", 5_000.0), ("T-2", 9_000.0)] {
        let select = crate::rule::Select([("key".to_owned(), vec![key.to_owned()])].into());
        let booking = Booking {
            id: key.to_owned(),
            select,
            from: at(0.0),
            until: at(until),
        };
        world.act(0.5, Deed::Book(booking));
    }
    world.ticks(1, 1.0);
    world.feed(2.0, &both);
    let alarm = world.engine.book().iter().next().unwrap().clone();
    assert_eq!(alarm.planned(), Some("T-1"));
    // Without a tick in between, which would ask.
    let booking = "T-2".to_owned();
    world.act(3.0, Deed::Unbook { booking });
    let alarm = alarm.occurrence;
    world.act(3.5, Deed::Acknowledge { alarm });
    world.upgrade(VOTE, START);
    world.put(Input::Started(at(4.0)));
    world.ticks(1, 5.0);
    assert_eq!(world.told(), "5 plan_over vote/H\n");
}

#[test]
fn silences_stay() {
    const DUTY: &str = "[[receiver]]\nname = \"room\"\ncarriers = [\"duty\"]\n";
    let rules = format!("{RULES}\n{DUTY}");
    let mut world = World::with(&rules);
    let silence = Silence {
        id: "works".to_owned(),
        select: crate::rule::Select([("rule".to_owned(), vec!["level".to_owned()])].into()),
        from: at(0.0),
        until: at(9_000.0),
    };
    world.act(0.5, Deed::Silence(silence));
    world.feed(0.6, &[(1, bool(true)), (2, bool(false))]);
    world.feed(3.0, &[]);
    world.upgrade(&rules, START);
    world.put(Input::Started(at(4.0)));
    world.too_high(5..12);
    world.ticks(1, 12.0);
    assert!(world.told().contains("raise level/HH"));
    assert_eq!(world.engine.notices(), []);
}

#[test]
fn what_the_new_version_sees_otherwise_is_news() {
    let mut world = World::new();
    world.feed(1.0, &[(1, bool(true)), (2, bool(false))]);
    world.level(4.0, 8.5);
    let alarm = world.up()[0].0;
    // Stricter, as another version may be: 8.5 m are too much now.
    let stricter = RULES.replace("above = 900\nreset = 800", "above = 850");
    world.upgrade(&stricter, START);
    assert_eq!(world.up(), [(alarm, State::Unacknowledged)]);
    // Nothing but a frame without samples: what is there already is looked at.
    world.feed(5.0, &[]);
    assert_eq!(world.told(), "4 raise level/H\n");
}

#[test]
fn a_communication_alarm_ends_when_the_gateway_speaks() {
    let mut world = World::new();
    world.level(1.0, 1.0);
    world.ticks(31, 40.0);
    assert!(world.told().contains("raise fenghuo.gateway-silent/alarm"));
    world.upgrade(RULES, world.log.len());
    world.put(Input::Started(at(50.0)));
    world.ticks(60, 120.0);
    assert_eq!(world.told(), "", "not raised again");
    world.oldest = world.next;
    world.level(121.0, 1.0);
    assert_eq!(world.told(), "121 return fenghuo.gateway-silent/alarm\n");
}

#[test]
fn an_alarm_that_nothing_watches_is_named_and_stays() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    let other = RULES.replace("id = \"level\"", "id = \"other\"");
    let unwatched = world.upgrade(&other, START);
    assert_eq!(unwatched.len(), 1);
    assert_eq!(&*unwatched[0].rule, "level");
    assert_eq!(world.up().len(), 1);
}

#[test]
fn events_that_do_not_follow_from_one_another_are_refused() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    world.level(2.0, 1.0);
    let (judged, end) = world.journal[1].clone();
    let torn = vec![Carried::Event(judged, Box::new(end))];
    assert!(Engine::default().carry_over(9, torn).is_err());
}

/// The link was cut for an hour, and of its backlog this much has come.
fn in_backlog(world: &mut World, until: u64) {
    world.level(1.0, 7.0);
    world.live_from = 3_602;
    world.next = 3_602;
    world.oldest = 2;
    world.level(3_602.0, 7.0);
    backlog_frames(world, 2..until);
}

/// From 3,000 s on it is too high, and so it is now.
fn backlog_frames(world: &mut World, seconds: std::ops::Range<u64>) {
    for second in seconds {
        let level = if second < 3_000 { 7.0 } else { 9.2 };
        world.oldest = second;
        let samples = [(0, Reading::Good(Value::F64(level)))];
        let frame = world.frame(second, second as f64, &samples);
        world.put(frame);
    }
}

#[test]
fn an_alarm_found_in_backlog_goes_on_through_an_upgrade() {
    // The log reaches back to the live frame, or only into the backlog.
    for kept in [0, 2_500] {
        let (mut same, mut other) = (World::new(), World::new());
        for world in [&mut same, &mut other] {
            in_backlog(world, 3_200);
            assert!(world.told().contains("3000 raise level/H (retrospective)"));
        }
        assert_eq!(other.upgrade(RULES, kept), [], "kept from {kept}");
        assert_eq!(same.up(), other.up());
        let mut told = Vec::new();
        for world in [&mut same, &mut other] {
            backlog_frames(world, 3_200..3_602);
            world.oldest = world.next;
            world.level(3_603.0, 9.2);
            world.level(3_604.0, 1.0);
            let up: Vec<_> = world.engine.book().iter().cloned().collect();
            told.push((world.told(), up));
        }
        // Without the live frame from before, nobody knows any more that it was low then.
        if kept == 0 {
            assert_eq!(told[0], told[1]);
        } else {
            let lines = &told[1].0;
            assert!(lines.contains("promote level/H"), "{lines}");
            assert!(lines.ends_with("3604 return level/H\n"), "{lines}");
            assert!(!lines.contains("raise"), "{lines}");
        }
    }
}
