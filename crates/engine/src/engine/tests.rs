//! The fold as a whole: every test feeds entries and reads the events as lines of text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::*;
use crate::event::{Event, EventId, Transition};
use crate::input::{Act, Deed, FrameInput};
use fenghuo_model::{
    Catalog, CatalogId, Kind, PointKey, Reading, Reason, Title, Unit, Value, ValueType,
};

mod backlog;
mod carry;
mod replay;

const RULES: &str = r#"
[[rule]]
id = "level"
select = { kind = "level" }
unit = "cm"
[[rule.level]]
name = "H"
above = 900
reset = 800
severity = "yellow"
[[rule.level]]
name = "HH"
above = 1000
for = "5s"
severity = "red"
[[rule]]
id = "silent"
detector = "stale"
within = "20s"
select = { kind = "level" }
[[rule.level]]
name = "alarm"
severity = "blue"
[[rule]]
id = "dust"
detector = "interlock"
select = { role = "production" }
when = "on"
requires = { role = "collector" }
[[rule.level]]
name = "alarm"
for = "2s"
severity = "red"
"#;

fn point(key: &str, kind: Kind, unit: &str, role: &str) -> PointDef {
    PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind,
        unit: Unit::parse(unit).unwrap(),
        value_type: if kind == Kind::State {
            ValueType::Bool
        } else {
            ValueType::F64
        },
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::from([("role".to_owned(), role.to_owned())]),
    }
}

fn catalog() -> Catalog {
    Catalog::new(vec![
        point("T-1", Kind::Level, "m", ""),
        point("run", Kind::State, "", "production"),
        point("fan", Kind::State, "", "collector"),
    ])
    .unwrap()
}

const GATEWAY: &str = "oil/gw1";

/// A world of one gateway whose clock starts at 1,000,000 s.
struct World {
    engine: Engine,
    out: Vec<Event>,
    position: u64,
    catalog: CatalogId,
    next: u64,
    live_from: u64,
    oldest: u64,
    /// What a log and a journal have of it.
    log: Vec<(u64, Input)>,
    journal: Vec<(Timestamp, Event)>,
}

impl World {
    fn new() -> Self {
        Self::with(RULES)
    }

    fn with(rules: &str) -> Self {
        let mut world = Self {
            engine: Engine::default(),
            out: Vec::new(),
            position: 0,
            catalog: catalog().id(),
            next: 1,
            live_from: 1,
            oldest: 1,
            log: Vec::new(),
            journal: Vec::new(),
        };
        world.put(Input::Rules(vec![("r.toml".to_owned(), rules.to_owned())]));
        world.put(Input::Catalog(
            GATEWAY.parse().unwrap(),
            Arc::new(catalog()),
        ));
        world.put(Input::Started(at(0.0)));
        world
    }

    fn put(&mut self, input: Input) {
        self.position += 1;
        let mut changes = Vec::new();
        self.log.push((self.position, input.clone()));
        self.engine.apply(self.position, input, &mut changes);
        let judged = self.engine.book().now;
        let events = changes.into_iter().map(|change| change.event);
        for event in events {
            self.journal.push((judged, event.clone()));
            self.out.push(event);
        }
        assert_eq!(self.engine.impossible(), 0);
    }

    fn frame(&mut self, seq: u64, second: f64, samples: &[(u32, Reading)]) -> Input {
        Input::Frame(FrameInput {
            gateway: GATEWAY.parse().unwrap(),
            received: at(second),
            epoch: 1,
            seq,
            epoch_first: 1,
            oldest: self.oldest,
            live_from: self.live_from,
            live_oldest: self.live_from,
            watermark: at(second),
            catalog: self.catalog,
            samples: samples
                .iter()
                .map(|(point, reading)| {
                    (
                        *point,
                        Sample {
                            time: at(second),
                            reading: reading.clone(),
                        },
                    )
                })
                .collect(),
            clock_step_ms: 0,
        })
    }

    fn feed(&mut self, second: f64, samples: &[(u32, Reading)]) {
        let frame = self.frame(self.next, second, samples);
        self.next += 1;
        self.put(frame);
    }

    /// Seconds of the server's life, all with the same wall clock.
    fn ticks(&mut self, count: usize, second: f64) {
        for _ in 0..count {
            self.put(Input::Tick {
                at: at(second),
                hearing: true,
            });
        }
    }

    fn level(&mut self, second: f64, metres: f64) {
        self.feed(second, &[(0, Reading::Good(Value::F64(metres)))]);
    }

    /// The events since the last call, one a line: second, transition, rule/level.
    fn told(&mut self) -> String {
        let mut text = String::new();
        for event in self.out.drain(..) {
            let second = (event.at.as_millis() - at(0.0).as_millis()) as f64 / 1e3;
            let retro = match &event.transition {
                Transition::Raise(raised) if raised.retrospective => " (retrospective)",
                Transition::Hold(why) => &format!(" {}", why.as_str()),
                _ => "",
            };
            let name = event.transition.as_str();
            let (rule, level) = (&event.alarm.rule, &event.alarm.level);
            writeln!(text, "{second} {name} {rule}/{level}{retro}").unwrap();
        }
        text
    }
}

fn at(second: f64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000 + (second * 1e3) as i64)
}

fn bool(state: bool) -> Reading {
    Reading::Good(Value::Bool(state))
}

#[test]
fn a_level_alarm_raises_at_its_limit_and_clears_at_its_reset() {
    let mut world = World::new();
    for (second, metres) in [(1.0, 8.9), (2.0, 9.0), (3.0, 8.5), (4.0, 8.0), (5.0, 7.99)] {
        world.level(second, metres);
    }
    assert_eq!(world.told(), "2 raise level/H\n5 return level/H\n");
}

#[test]
fn an_on_delay_must_last_and_needs_no_further_sample() {
    let mut world = World::new();
    world.level(1.0, 10.5);
    world.level(3.0, 9.5);
    world.level(4.0, 10.5);
    world.level(8.0, 10.6);
    assert_eq!(world.told(), "1 raise level/H\n");
    // Nothing changed, so nothing was sent: the watermark alone makes it true.
    world.feed(9.0, &[]);
    assert_eq!(world.told(), "9 raise level/HH\n");
}

#[test]
fn unknown_never_fires_and_never_clears() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    world.level(2.0, 10.5);
    world.feed(3.0, &[(0, Reading::Bad(Reason::Timeout))]);
    world.level(9.0, 10.5);
    assert_eq!(
        world.told(),
        "1 raise level/H\n3 hold level/H timeout\n9 release level/H\n"
    );
    world.feed(10.0, &[(0, Reading::Bad(Reason::Timeout))]);
    world.level(11.0, 1.0);
    assert_eq!(world.told(), "10 hold level/H timeout\n11 return level/H\n");
}

#[test]
fn a_doubtful_value_may_raise_but_never_clear() {
    let mut world = World::new();
    let doubt = |metres| [(0, Reading::Uncertain(Value::F64(metres), Reason::Clock))];
    world.feed(1.0, &doubt(9.5));
    world.feed(2.0, &doubt(1.0));
    assert_eq!(world.told(), "1 raise level/H\n");
    world.level(3.0, 1.0);
    assert_eq!(world.told(), "3 return level/H\n");
}

#[test]
fn silence_is_not_health() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    for second in 2..=25 {
        world.feed(f64::from(second), &[]);
    }
    assert_eq!(
        world.told(),
        "1 raise level/H\n6 hold level/H stale\n21 raise silent/alarm\n"
    );
    world.level(26.0, 9.5);
    assert_eq!(world.told(), "26 release level/H\n26 return silent/alarm\n");
}

#[test]
fn a_dead_gateway_is_one_alarm_and_its_children_are_held() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    world.ticks(10, 11.0);
    assert_eq!(world.told(), "1 raise level/H\n");
    world.ticks(1, 12.0);
    assert_eq!(
        world.told(),
        "12 raise fenghuo.gateway-silent/alarm\n12 hold level/H gateway_silent\n"
    );
    world.ticks(5, 500.0);
    assert_eq!(world.told(), "");
    world.level(501.0, 9.5);
    assert_eq!(
        world.told(),
        "501 return fenghuo.gateway-silent/alarm\n501 release level/H\n"
    );
}

#[test]
fn a_gateway_that_was_away_is_not_five_hundred_stale_points() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    world.level(2.0, 10.5);
    world.told();
    // Ten minutes later the collector is back, and the level is as it was.
    world.level(602.0, 10.5);
    assert_eq!(
        world.told(),
        "602 hold level/H gateway_silent\n602 release level/H\n"
    );
    world.level(606.0, 10.5);
    assert_eq!(world.told(), "", "nobody knows what was in between");
    world.level(607.0, 10.5);
    assert_eq!(world.told(), "607 raise level/HH\n");
    // A point that stays away after that is stale in its own time.
    for second in 608..=627 {
        world.feed(f64::from(second), &[]);
    }
    let told = world.told();
    assert!(told.contains("612 hold level/H stale"), "{told}");
    assert!(told.contains("627 raise silent/alarm"), "{told}");
}

#[test]
fn the_server_s_own_downtime_is_not_a_gateway_s_silence() {
    let mut world = World::new();
    world.level(1.0, 1.0);
    world.put(Input::Started(at(1_000.0)));
    world.ticks(30, 1_030.0);
    assert_eq!(world.told(), "");
    world.ticks(1, 1_031.0);
    assert_eq!(world.told(), "1031 raise fenghuo.gateway-silent/alarm\n");
}

#[test]
fn an_expected_gateway_that_never_came_is_missed() {
    let mut world = World::new();
    world.put(Input::Expected(vec!["oil/gw9".parse().unwrap()]));
    world.ticks(9, 9.0);
    world.level(9.5, 1.0);
    world.ticks(2, 12.0);
    assert_eq!(world.told(), "12 raise fenghuo.gateway-silent/alarm\n");
}

#[test]
fn a_gateway_that_is_expected_no_more_is_silent_for_nobody_until_it_speaks() {
    const RAISED: &str = " raise fenghuo.gateway-silent/alarm\n";
    let mut world = World::new();
    world.put(Input::Expected(vec![GATEWAY.parse().unwrap()]));
    world.ticks(31, 12.0);
    assert!(world.told().ends_with(RAISED));
    world.put(Input::Expected(Vec::new()));
    let told = world.told();
    assert!(
        told.ends_with(" dismiss fenghuo.gateway-silent/alarm\n"),
        "{told}"
    );
    world.put(Input::Started(at(20.0)));
    world.ticks(60, 80.0);
    assert_eq!(world.told(), "");
    world.level(81.0, 1.0);
    world.put(Input::Expected(Vec::new()));
    world.ticks(12, 100.0);
    assert!(world.told().ends_with(RAISED), "it spoke");
}

#[test]
fn an_interlock_needs_both_sides_known() {
    let mut world = World::new();
    world.feed(1.0, &[(1, bool(true))]);
    world.feed(4.0, &[]);
    assert_eq!(world.told(), "", "the fan was never heard of");
    world.feed(5.0, &[(1, bool(true)), (2, bool(false))]);
    world.feed(6.0, &[(1, bool(true)), (2, bool(false))]);
    world.feed(7.0, &[(1, bool(true)), (2, bool(false))]);
    assert_eq!(world.told(), "7 raise dust/alarm\n");
    world.feed(8.0, &[(1, bool(true)), (2, Reading::Bad(Reason::Timeout))]);
    assert_eq!(world.told(), "8 hold dust/alarm timeout\n");
    world.feed(9.0, &[(1, bool(true)), (2, bool(true))]);
    assert_eq!(world.told(), "9 return dust/alarm\n");
}

#[test]
fn acknowledging_twice_counts_once() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    let occurrence = world.out[0].occurrence;
    for by in ["first", "second"] {
        world.put(Input::Act(Act {
            at: at(2.0),
            by: by.to_owned(),
            comment: "seen".to_owned(),
            deed: Deed::Acknowledge { alarm: occurrence },
        }));
    }
    assert_eq!(world.told(), "1 raise level/H\n2 acknowledge level/H\n");
    let alarm = world.engine.book().get(occurrence).unwrap();
    assert_eq!(alarm.acknowledged.as_ref().unwrap().1, "first");
    world.level(3.0, 1.0);
    assert_eq!(world.told(), "3 return level/H\n");
    assert!(world.engine.book().is_empty());
}

#[test]
fn an_alarm_that_comes_again_unseen_is_the_same_occurrence() {
    let mut world = World::new();
    for (second, metres) in [(1.0, 9.5), (2.0, 1.0), (3.0, 9.5), (4.0, 1.0), (5.0, 9.5)] {
        world.level(second, metres);
    }
    let alarms: Vec<_> = world.engine.book().iter().collect();
    assert_eq!((alarms.len(), alarms[0].raises), (1, 3));
}

#[test]
fn a_mended_text_keeps_state_and_a_removed_rule_ends_its_alarms() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    world.level(1.5, 10.5);
    world.told();
    let mended = RULES.replace(
        "id = \"level\"",
        "id = \"level\"\ntitle = { zh = \"液位\", en = \"x\" }",
    );
    world.put(Input::Rules(vec![("r.toml".to_owned(), mended)]));
    world.level(6.5, 10.5);
    assert_eq!(world.told(), "6.5 raise level/HH\n", "the on-delay went on");
    world.put(Input::Rules(vec![("r.toml".to_owned(), String::new())]));
    let told = world.told();
    assert!(
        told.contains("unwatch level/H\n") && told.contains("unwatch level/HH\n"),
        "{told}"
    );
}

#[test]
fn a_wall_clock_that_is_set_hides_no_silence_and_makes_none() {
    let mut world = World::new();
    world.level(1.0, 1.0);
    // Set back by an hour: seconds pass all the same.
    world.ticks(11, -3_600.0);
    assert_eq!(world.told(), "-3600 raise fenghuo.gateway-silent/alarm\n");
    world.level(2.0, 1.0);
    world.told();
    // Set forward by a year: one second is one second.
    world.ticks(1, 31_536_000.0);
    assert_eq!(world.told(), "");
}

#[test]
fn a_server_that_cannot_hear_calls_nobody_silent() {
    let mut world = World::new();
    world.level(1.0, 1.0);
    for _ in 0..100 {
        world.put(Input::Tick {
            at: at(5.0),
            hearing: false,
        });
    }
    assert_eq!(world.told(), "");
}

#[test]
fn a_point_that_left_the_catalog_leaves_no_alarm_behind() {
    let mut world = World::new();
    world.level(1.0, 9.5);
    let smaller = Catalog::new(catalog().points()[1..].to_vec()).unwrap();
    world.catalog = smaller.id();
    world.put(Input::Catalog(GATEWAY.parse().unwrap(), Arc::new(smaller)));
    world.feed(1.5, &[]);
    let told = world.told();
    assert!(told.ends_with("unwatch level/H\n"), "{told}");
    for second in 2..60 {
        world.feed(f64::from(second), &[]);
    }
    assert_eq!(world.told(), "", "nobody watches it any more");
    // The same point in another unit is watched anew, and the old one is not stale.
    let mut points = catalog().points().to_vec();
    points[0].unit = Unit::parse("cm").unwrap();
    let changed = Catalog::new(points).unwrap();
    world.catalog = changed.id();
    world.put(Input::Catalog(GATEWAY.parse().unwrap(), Arc::new(changed)));
    for second in 60..100 {
        world.level(f64::from(second), 950.0);
    }
    assert_eq!(world.told(), "60 raise level/H\n");
}
