//! What health says of rules that cannot watch what they select.

use fenghuo_model::{Catalog, Kind, PointDef, PointKey, Title, Unit, ValueType};

use super::*;
use crate::entry::RawCatalog;

const RULES: &str = r#"
[[rule]]
id       = "level"
select   = { kind = "level" }
unit     = "kPa"
[[rule.level]]
name     = "H"
above    = 5
severity = "red"
"#;

#[test]
fn a_rule_that_cannot_watch_is_told_in_both_languages() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.rules(RULES);
    let point = PointDef {
        key: PointKey::new("T-1").unwrap(),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::parse("m").unwrap(),
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::new(),
    };
    let raw = RawCatalog {
        gateway: "oil/gw1".to_owned(),
        catalog: fenghuo_uplink::catalog::to_bytes(&Catalog::new(vec![point]).unwrap()),
    };
    let mut batch = Batch::default();
    batch.push(entry::CATALOG, raw.encode_to_vec());
    world.log.append(&batch).unwrap();
    world.silence(0);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let shown = world.board.read();
    let unbound = shown.health.problems.iter().find(|it| it.code == "unbound");
    let what = unbound.unwrap();
    assert_eq!(
        what.zh,
        "规则无法生效：level @ oil/gw1/T-1：规则单位 `kPa` 不能换算为测点单位 `m`"
    );
    assert_eq!(
        what.en,
        "rule cannot watch: level @ oil/gw1/T-1: `kPa` (pressure) cannot be converted to `m` (length)"
    );
}
