//! Each kind of answer, as a person reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{
    Catalog, CatalogId, Kind, PointDef, PointKey, Reading, Reason, Value, ValueType,
};

use super::*;
use crate::event::Cause;
use crate::input::{Act, Deed, FrameInput};
use crate::{AlarmKey, Engine, Input as Entry};

mod detectors;
mod quiet;

const RULES: &str = r#"
[[calendar]]
id = "night"
from = "20:00"
to = "06:00"
[[rule]]
id = "gas"
title = { zh = "甲烷超限", en = "Methane high" }
select = { kind = "concentration", place = "face" }
[[rule.level]]
name = "alarm"
above = 1.0
reset = 0.8
off_for = "5s"
severity = "yellow"
[[rule.level]]
name = "cut"
above = 1.5
for = "5s"
severity = "red"
latch = true
[[rule]]
id = "tank"
select = { kind = "level" }
unit = "cm"
[[rule.level]]
name = "H"
above = 900
severity = "yellow"
[[rule.level]]
name = "HH"
above = "design"
severity = "red"
[[rule]]
id = "hot"
select = { kind = "level" }
unit = "°C"
[[rule.level]]
name = "H"
above = 60
severity = "yellow"
[[rule]]
id = "quiet"
select = { kind = "concentration" }
detector = "stale"
within = "20s"
[[rule.level]]
name = "alarm"
severity = "blue"
[[rule]]
id = "dark"
select = { kind = "concentration" }
during = "night"
[[rule.level]]
name = "H"
above = 0.1
severity = "blue"
[[rule]]
id = "dust"
detector = "interlock"
select = { role = "production" }
when = "on"
requires = { role = "collector" }
[[rule.level]]
name = "alarm"
severity = "red"
"#;

const GATEWAY: &str = "mine/gw1";

fn def(key: &str, kind: Kind, unit: &str, labels: &[(&str, &str)]) -> PointDef {
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
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    }
}

fn catalog() -> Catalog {
    Catalog::new(vec![
        def("CH4-1", Kind::Concentration, "%CH4", &[("place", "face")]),
        def("CH4-2", Kind::Concentration, "%CH4", &[("place", "return")]),
        def("T-1", Kind::Level, "m", &[]),
        def("run", Kind::State, "", &[("role", "production")]),
        def("fan", Kind::State, "", &[("role", "collector")]),
    ])
    .unwrap()
}

struct World {
    engine: Engine,
    position: u64,
    catalog: CatalogId,
    seq: u64,
    live_from: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            engine: Engine::default(),
            position: 0,
            catalog: catalog().id(),
            seq: 0,
            live_from: 1,
        };
        let files = vec![("r.toml".to_owned(), RULES.to_owned())];
        crate::RuleSet::parse(&files).unwrap();
        world.put(Entry::Rules(files));
        let key = GATEWAY.parse().unwrap();
        world.put(Entry::Catalog(key, Arc::new(catalog())));
        world.put(Entry::Started(at(0)));
        world
    }

    fn put(&mut self, input: Entry) {
        self.position += 1;
        self.engine.apply(self.position, input, &mut Vec::new());
        assert_eq!(self.engine.impossible(), 0);
    }

    fn feed(&mut self, second: i64, samples: &[(u32, Reading)]) {
        self.seq += 1;
        let samples = samples.iter().map(|(point, reading)| {
            let sample = Sample {
                time: at(second),
                reading: reading.clone(),
            };
            (*point, sample)
        });
        self.put(Entry::Frame(FrameInput {
            gateway: GATEWAY.parse().unwrap(),
            received: at(second),
            epoch: 1,
            seq: self.seq,
            epoch_first: 1,
            oldest: 1,
            live_from: self.live_from,
            live_oldest: self.live_from,
            watermark: at(second),
            catalog: self.catalog,
            samples: samples.collect(),
            clock_step_ms: 0,
        }));
    }

    fn gas(&mut self, second: i64, value: f64) {
        self.feed(second, &[(0, good(value))]);
    }

    fn act(&mut self, second: i64, deed: Deed) {
        self.put(Entry::Act(Act {
            at: at(second),
            by: "张三".to_owned(),
            comment: String::new(),
            deed,
        }));
    }

    fn ask(&self, rule: &str, key: &str) -> Vec<Explanation> {
        let before = self.engine.snapshot().unwrap();
        let point = format!("{GATEWAY}/{key}").parse().unwrap();
        let said = self.engine.explain(rule, &point);
        assert_eq!(before, self.engine.snapshot().unwrap(), "asking changed it");
        said
    }

    /// The one answer's sentences, without dates.
    fn says(&self, rule: &str, key: &str) -> [String; 2] {
        let mut all = self.ask(rule, key);
        assert_eq!(all.len(), 1);
        let Title { zh, en } = all.remove(0).verdict;
        [zh, en].map(|text| text.replace("1970-01-12 ", "").replace(" +08:00", ""))
    }
}

fn good(value: f64) -> Reading {
    Reading::Good(Value::F64(value))
}

fn state(on: bool) -> Reading {
    Reading::Good(Value::Bool(on))
}

/// 1970-01-12 21:46:40 +08:00 and so many seconds.
fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000 + second * 1_000)
}

fn watched(explanation: &Explanation) -> &Watched {
    match &explanation.answer {
        Answer::Watched(watched) => watched,
        Answer::Unwatched(why) => panic!("{why:?}"),
    }
}

#[test]
fn a_value_below_its_limit_says_both_numbers() {
    let mut world = World::new();
    assert_eq!(
        world.says("gas", "CH4-1"),
        [
            "[alarm] 未报警：网关尚未送来可判断的数据。",
            "[alarm] No alarm: the gateway has sent nothing to judge yet."
        ]
    );
    world.gas(1, 0.3 + 0.3);
    assert_eq!(
        world.says("gas", "CH4-1"),
        [
            "[alarm] 未报警：当前值 0.6 %CH4 低于限值 1 %CH4。",
            "[alarm] No alarm: the value 0.6 %CH4 is below the limit 1 %CH4."
        ]
    );
    world.gas(2, 0.9);
    assert_eq!(
        world.says("gas", "CH4-1"),
        [
            "[alarm] 未报警：当前值 0.9 %CH4 介于复位值 0.8 %CH4 与限值 1 %CH4 之间，此时不产生新报警。",
            "[alarm] No alarm: the value 0.9 %CH4 lies between the reset 0.8 %CH4 and the limit 1 %CH4, where none begins."
        ]
    );
}

#[test]
fn an_alarm_says_since_when_and_what_keeps_it() {
    let mut world = World::new();
    world.gas(1, 1.2);
    let [zh, en] = world.says("gas", "CH4-1");
    assert_eq!(
        zh,
        "[alarm] 报警中（始于 21:46:41）：当前值 1.2 %CH4 达到或超过限值 1 %CH4。"
    );
    assert!(en.starts_with("[alarm] In alarm (since 21:46:41): the value 1.2"));
    world.gas(2, 0.9);
    let [zh, _] = world.says("gas", "CH4-1");
    assert!(zh.contains("仍在报警") && zh.contains("复位值 0.8"), "{zh}");
    world.gas(3, 0.5);
    let [zh, en] = world.says("gas", "CH4-1");
    assert_eq!(
        zh,
        "[alarm] 即将解除：当前值 0.5 %CH4 低于限值 1 %CH4，自 21:46:43 起，须持续 5s，到 21:46:48 解除。"
    );
    assert!(en.contains("it must last 5s, until 21:46:48"), "{en}");
    world.feed(4, &[(0, Reading::Bad(Reason::Timeout))]);
    let [zh, en] = world.says("gas", "CH4-1");
    assert!(
        zh.contains("报警保持") && zh.contains("设备应答超时"),
        "{zh}"
    );
    assert!(
        en.contains("Alarm held") && en.contains("did not answer"),
        "{en}"
    );
    for second in 5..=10 {
        world.gas(second, 0.5);
    }
    let [zh, en] = world.says("gas", "CH4-1");
    assert!(
        zh.contains("已于 21:46:50 恢复，尚无人确认；现在当前值 0.5"),
        "{zh}"
    );
    assert!(en.contains("nobody has acknowledged it"), "{en}");
}

#[test]
fn a_running_delay_says_when_it_ends() {
    let mut world = World::new();
    world.gas(1, 1.6);
    let all = world.ask("gas", "CH4-1");
    let cut = &watched(&all[0]).levels[1];
    assert_eq!((cut.why, cut.due), (Why::Pending, Some(at(6))));
    assert!(cut.verdict.zh.contains("须持续 5s"), "{}", cut.verdict.zh);
    world.gas(4, 1.6);
    world.gas(7, 1.6);
    world.gas(8, 0.1);
    let all = world.ask("gas", "CH4-1");
    let cut = &watched(&all[0]).levels[1];
    assert_eq!(cut.why, Why::Latched);
    assert!(cut.verdict.en.contains("a person must reset it"));
}

#[test]
fn covers_are_part_of_the_sentence() {
    let mut world = World::new();
    world.gas(1, 1.2);
    let alarm = AlarmKey {
        rule: "gas".into(),
        level: "alarm".into(),
        subject: Subject::Point(format!("{GATEWAY}/CH4-1").parse().unwrap()),
    };
    world.act(
        2,
        Deed::Shelve {
            alarm,
            until: at(600),
            one_shot: false,
        },
    );
    let [zh, en] = world.says("gas", "CH4-1");
    assert!(zh.contains("；已由 张三 搁置至 21:56:40"), "{zh}");
    assert!(en.contains("; shelved by 张三 until 21:56:40"), "{en}");
    let all = world.ask("gas", "CH4-1");
    let standing = watched(&all[0]).levels[0].alarm.clone().unwrap();
    assert_eq!(standing.state, State::Shelved);
    // Words about a case that is not open change nothing that is said.
    let alarm = standing.occurrence;
    world.act(
        3,
        Deed::State {
            alarm,
            cause: Cause::False,
        },
    );
    assert!(world.says("gas", "CH4-1")[0].contains("搁置"));
}

#[test]
fn after_a_break_both_lanes_answer() {
    let mut world = World::new();
    world.gas(1, 1.2);
    world.seq = 100;
    world.live_from = 101;
    world.feed(3_600, &[]);
    let all = world.ask("gas", "CH4-1");
    assert_eq!(all.len(), 2);
    assert!(
        all[0].verdict.zh.contains("报警保持"),
        "{}",
        all[0].verdict.zh
    );
    assert!(all[0].verdict.zh.contains("补传"), "{}", all[0].verdict.zh);
    assert!(all[1].verdict.zh.starts_with("补传数据："));
    assert!(watched(&all[1]).backlog);
}

#[test]
fn numbers_and_spans_read_well() {
    assert_eq!(words::number(0.1 + 0.2), "0.3");
    assert_eq!(words::number(10_000.0), "10000");
    assert_eq!(words::number(-1.5e-9), "-1.5e-9");
    assert_eq!(words::number(0.0), "0");
    assert_eq!(words::span(90_000), "90s");
    assert_eq!(words::span(120_000), "2m");
    assert_eq!(words::span(1_500), "1.500s");
    assert_eq!(words::span(250), "250ms");
}
