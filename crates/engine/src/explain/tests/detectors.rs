//! What each detector says that it sees.

use super::*;

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
