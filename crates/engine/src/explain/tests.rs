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
        [zh, en].map(|text| text.replace("1970-01-12T", "").replace(".000Z", ""))
    }
}

fn good(value: f64) -> Reading {
    Reading::Good(Value::F64(value))
}

fn state(on: bool) -> Reading {
    Reading::Good(Value::Bool(on))
}

/// 1970-01-12 13:46:40 and so many seconds.
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
        "[alarm] 报警中（始于 13:46:41）：当前值 1.2 %CH4 达到或超过限值 1 %CH4。"
    );
    assert!(en.starts_with("[alarm] In alarm (since 13:46:41): the value 1.2"));
    world.gas(2, 0.9);
    let [zh, _] = world.says("gas", "CH4-1");
    assert!(zh.contains("仍在报警") && zh.contains("复位值 0.8"), "{zh}");
    world.gas(3, 0.5);
    let [zh, en] = world.says("gas", "CH4-1");
    assert_eq!(
        zh,
        "[alarm] 即将解除：当前值 0.5 %CH4 低于限值 1 %CH4，自 13:46:43 起，须持续 5s，到 13:46:48 解除。"
    );
    assert!(en.contains("it must last 5s, until 13:46:48"), "{en}");
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
        zh.contains("已于 13:46:50 恢复，尚无人确认；现在当前值 0.5"),
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
fn what_cannot_be_told_says_why() {
    let mut world = World::new();
    world.feed(1, &[(0, Reading::Bad(Reason::NotConnected))]);
    let [zh, en] = world.says("gas", "CH4-1");
    assert_eq!(zh, "[alarm] 无法判断，不报警也不解除：未连接到设备。");
    assert!(en.contains("neither fires nor clears"), "{en}");
    world.gas(2, 0.5);
    for second in 3..=9 {
        world.feed(second, &[]);
    }
    let [zh, _] = world.says("gas", "CH4-1");
    assert!(zh.contains("超时未上报"), "{zh}");
    let all = world.ask("gas", "CH4-1");
    let own = &watched(&all[0]).inputs[0];
    assert_eq!(own.away, Some(Hold::Reading(Reason::Stale)));
    assert_eq!((own.heard, own.stale_after_ms), (Some(at(2)), Some(5_000)));
    assert_eq!(own.last.as_ref().unwrap().0.seq, 2);
}

#[test]
fn a_silent_gateway_says_what_was_known_last() {
    let mut world = World::new();
    world.gas(1, 0.5);
    for second in 2..=40 {
        world.put(Entry::Tick {
            at: at(second),
            hearing: true,
        });
    }
    let [zh, en] = world.says("gas", "CH4-1");
    assert_eq!(
        zh,
        "[alarm] 无法判断：网关失联；最后一次判断于 13:46:41：当前值 0.5 %CH4 低于限值 1 %CH4。"
    );
    assert!(en.contains("the gateway is silent"), "{en}");
}

#[test]
fn an_interlock_names_the_point_that_cannot_be_told() {
    let mut world = World::new();
    world.feed(1, &[(3, state(true)), (4, state(true))]);
    let [zh, _] = world.says("dust", "run");
    assert_eq!(zh, "未报警：联锁要求已满足（状态 1）。");
    world.feed(2, &[(4, Reading::Bad(Reason::Timeout))]);
    let [zh, en] = world.says("dust", "run");
    assert_eq!(
        zh,
        "无法判断，不报警也不解除：设备应答超时（mine/gw1/fan）。"
    );
    assert!(en.ends_with("(mine/gw1/fan)."), "{en}");
    world.feed(3, &[(4, state(false))]);
    let [zh, _] = world.says("dust", "fan");
    assert!(
        zh.contains("报警中") && zh.contains("所需测点未投运"),
        "{zh}"
    );
}

#[test]
fn a_rule_that_does_not_watch_a_point_says_which_label_differs() {
    let mut world = World::new();
    world.gas(1, 0.5);
    assert_eq!(
        world.says("gas", "CH4-2"),
        [
            "未监视：标签 place 为 return，规则要求 face。",
            "Not watched: its label place is return, the rule wants face."
        ]
    );
    let [zh, _] = world.says("gas", "T-1");
    assert_eq!(
        zh,
        "未监视：标签 kind 为 level，规则要求 concentration；缺少标签 place，规则要求 face。"
    );
    let [zh, en] = world.says("hot", "T-1");
    assert!(zh.starts_with("未监视：已选中但无法监视："), "{zh}");
    assert!(en.contains("cannot be watched"), "{en}");
    assert!(world.says("gas", "CH4-9")[1].contains("never named the point"));
    assert!(world.says("nothing", "CH4-1")[1].contains("there is no rule nothing"));
    assert!(world.says(crate::gateway::emit::SILENT_RULE, "T-1")[0].contains("静默"));
    let point = "mine/gw9/CH4-1".parse().unwrap();
    let said = world.engine.explain("gas", &point);
    assert_eq!(said[0].answer, Answer::Unwatched(Unwatched::NoGateway));
    let smaller = Catalog::new(catalog().points()[1..].to_vec()).unwrap();
    world.catalog = smaller.id();
    world.put(Entry::Catalog(GATEWAY.parse().unwrap(), Arc::new(smaller)));
    // It speaks for the gateway from the first frame that names it.
    world.gas(2, 0.5);
    assert!(world.says("gas", "CH4-1")[0].contains("已从网关的测点表中删除"));
}

#[test]
fn a_limit_that_the_site_must_give_is_not_armed() {
    let mut world = World::new();
    world.feed(1, &[(2, good(3.0))]);
    assert_eq!(
        world.says("tank", "T-1"),
        [
            "[H] 未报警：当前值 3 m 低于限值 9 m。级别 HH 未设限值，未投用。",
            "[H] No alarm: the value 3 m is below the limit 9 m. Level HH has no limit yet and is not armed."
        ]
    );
    let all = world.ask("tank", "T-1");
    let level = &watched(&all[0]).levels[1];
    assert_eq!((level.why, level.limit), (Why::Unarmed, None));
}

#[test]
fn a_calendar_that_is_closed_says_so() {
    let mut world = World::new();
    world.gas(1, 0.5);
    let said = world.says("dark", "CH4-1");
    let all = world.ask("dark", "CH4-1");
    let gate = watched(&all[0]).gate.clone().unwrap();
    // 13:46 UTC is 21:46 where the calendar's hours are China's.
    assert_eq!((&*gate.calendar, gate.inside), ("night", true));
    assert_eq!(gate.open, said[0].contains("报警中"), "{said:?}");
    world.gas(36_000, 0.5);
    let all = world.ask("dark", "CH4-1");
    assert!(!watched(&all[0]).gate.clone().unwrap().open);
    assert!(world.says("dark", "CH4-2")[0].contains("规则只在日历 night 之内生效"));
}

#[test]
fn a_stale_rule_says_when_the_last_value_was() {
    let mut world = World::new();
    world.gas(1, 0.5);
    assert_eq!(world.says("quiet", "CH4-1")[0], "未报警：20s 内有数值。");
    for second in 2..=30 {
        world.feed(second, &[]);
    }
    let [zh, _] = world.says("quiet", "CH4-1");
    assert_eq!(zh, "报警中（始于 13:47:01）：已有 20s 没有数值。");
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
    assert!(zh.contains("；已由 张三 搁置至 13:56:40"), "{zh}");
    assert!(en.contains("; shelved by 张三 until 13:56:40"), "{en}");
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

/// Rules of the other detectors, over the same points.
const OTHERS: &str = r#"
[[rule]]
id = "rate"
select = { key = "CH4-1" }
detector = "rate"
over = "4s"
per = "1m"
[[rule.level]]
name = "H"
above = 100
severity = "blue"
[[rule]]
id = "differ"
select = { key = "CH4-1" }
detector = "deviation"
from = { place = "return" }
[[rule.level]]
name = "H"
above = 1
severity = "blue"
[[rule]]
id = "vote"
select = { kind = "concentration" }
detector = "vote"
k = 2
group = "mine"
[[rule.level]]
name = "H"
above = 1
severity = "blue"
[[rule]]
id = "mean"
select = { key = "CH4-1" }
detector = "window"
stat = "mean"
over = "4s"
[[rule.level]]
name = "H"
above = 1
severity = "blue"
[[rule]]
id = "flat"
select = { key = "CH4-1" }
detector = "flat"
within = "4s"
[[rule.level]]
name = "H"
severity = "blue"
[[rule]]
id = "starts"
select = { key = "fan" }
detector = "count"
of = "rises"
over = "4s"
[[rule.level]]
name = "H"
above = 2
severity = "blue"
[[rule]]
id = "off"
select = { key = "fan" }
detector = "state"
is = "off"
[[rule.level]]
name = "H"
severity = "blue"
[[rule]]
id = "sum"
select = { key = "CH4-1" }
detector = "expression"
when = "value > 2.0 * other"
inputs = { other = { place = "return" } }
[[rule.level]]
name = "H"
severity = "blue"
[[rule]]
id = "all"
detector = "rollup"
select = { kind = "concentration" }
rules = ["mean"]
group = "mine"
[[rule.level]]
name = "H"
count = 1
of = "blue"
severity = "yellow"
"#;

#[test]
fn every_detector_says_what_it_sees() {
    let mut world = World::new();
    let files = vec![("o.toml".to_owned(), OTHERS.to_owned())];
    crate::RuleSet::parse(&files).unwrap_or_else(|faults| panic!("{}", faults[0]));
    world.put(Entry::Rules(files));
    let mut points = catalog().points().to_vec();
    for point in &mut points[..2] {
        point.labels.insert("mine".to_owned(), "a".to_owned());
    }
    let catalog = Catalog::new(points).unwrap();
    world.catalog = catalog.id();
    world.put(Entry::Catalog(GATEWAY.parse().unwrap(), Arc::new(catalog)));
    for second in 1..=10 {
        let gas = if second < 6 { 0.4 } else { 0.5 };
        world.feed(second, &[(0, good(gas)), (1, good(0.3)), (4, state(true))]);
    }
    for (rule, key, zh, en) in [
        ("rate", "CH4-1", "变化率", "the rate"),
        (
            "differ",
            "CH4-1",
            "与其他测点中位数之差 0.2",
            "from the median of the others",
        ),
        (
            "vote",
            "CH4-2",
            "2 个测点中 0 个达到或超过限值 1 %CH4，须 2 个",
            "0 of 2 points",
        ),
        (
            "mean",
            "CH4-1",
            "4s 窗口平均值 0.5 %CH4 低于限值",
            "the mean over 4s",
        ),
        ("flat", "CH4-1", "报警中", "has not moved for 4s"),
        (
            "starts",
            "fan",
            "4s 内启动次数 0 低于限值 2",
            "starts within 4s",
        ),
        ("off", "fan", "状态为 1（报警条件：0）", "the state is 1"),
        (
            "sum",
            "CH4-1",
            "表达式不成立：value > 2.0 * other",
            "does not hold",
        ),
        ("sum", "CH4-2", "表达式不成立", "does not hold"),
        (
            "all",
            "CH4-1",
            "个测点中 0 个正在报警，须 1 个",
            "are in alarm, and 1 are needed",
        ),
    ] {
        let [said_zh, said_en] = world.says(rule, key);
        assert!(said_zh.contains(zh), "{rule}: {said_zh}");
        assert!(said_en.contains(en), "{rule}: {said_en}");
    }
}
