use fenghuo_model::{Catalog, Kind, PointDef, PointKey, Title, Unit, ValueType};

use super::*;

const SITE: &str = r#"
[[target]]
id     = "tank.level"
plant  = "tank-farm"
title  = { zh = "储罐液位", en = "Tank level" }
select = { kind = "level" }
each   = "tank"
seed   = "12a"
[[enterprise]]
id       = "oil"
name     = { zh = "开江石化", en = "Oil" }
township = "新宁镇"
industry = "hazchem"
plants   = ["tank-farm", "loading"]
"#;

fn point(key: &str, kind: Kind) -> PointDef {
    PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: [("tank".to_owned(), key.to_owned())].into(),
    }
}

/// A configuration whose newest snapshot has two tanks, one of them with a level, and a
/// stranger.
fn config(dir: &std::path::Path, snapshot: bool) -> Config {
    std::fs::write(dir.join("site.toml"), SITE).unwrap();
    let path = dir.join("server.toml");
    let data = dir.join("data");
    let text = format!(
        "data_dir = \"{}\"\nrules = [\"site.toml\"]\n",
        data.display()
    );
    std::fs::write(&path, text).unwrap();
    let config = crate::config::load(&path).unwrap();
    if snapshot {
        let points = vec![point("T-1", Kind::Level), point("T-2", Kind::Pressure)];
        let catalog = std::sync::Arc::new(Catalog::new(points).unwrap());
        let mut engine = Engine::default();
        for (position, input) in (1..).zip([
            Input::Catalog("oil/gw1".parse().unwrap(), catalog),
            Input::Expected(vec!["zzz/gw1".parse().unwrap()]),
            Input::Started(Timestamp::from_millis(1_795_392_000_000)),
        ]) {
            engine.apply(position, input, &mut Vec::new());
        }
        let snapshots = Files::new(&config.data_dir).snapshots;
        Snapshots::open(&snapshots, 2)
            .unwrap()
            .write(&engine)
            .unwrap();
    }
    config
}

fn printed(json: bool, snapshot: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut out = Vec::new();
    run(&config(dir.path(), snapshot), json, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_shows_every_target_and_every_sum() {
    let text = printed(false, true);
    let words: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let has = |line: &str| assert!(words.iter().any(|it| it == line), "no {line:?} in\n{text}");
    has("快照时间 as of 2026-11-23 08:00:00 +08:00");
    has("开江石化 oil 2 1 0 50.0 %");
    has("储罐液位 Tank level 2 1 0 50.0 %");
    has("hazchem 2 1 0 50.0 %");
    has("新宁镇 2 1 0 50.0 %");
    has("12a 2 1 0 50.0 %");
    has("未登记企业 not registered: zzz (1 网关 gateways, 0 测点 points)");
    has("没有规则包规定必测项 no pack requires anything of: loading (oil)");
}

#[test]
fn json_has_the_apis_shape() {
    let view: CoverageView = serde_json::from_str(&printed(true, true)).unwrap();
    assert_eq!((view.total.required, view.total.connected), (2, 1));
    assert_eq!(view.unregistered[0].enterprise, "zzz");
}

#[test]
fn without_a_snapshot_everything_is_still_to_be_connected() {
    let text = printed(false, false);
    assert!(text.starts_with("尚无快照"), "{text}");
    assert!(text.contains("0.0 %"), "{text}");
}

#[test]
fn a_damaged_snapshot_is_not_taken_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), true);
    let snapshots = Files::new(&config.data_dir).snapshots;
    for file in std::fs::read_dir(&snapshots).unwrap() {
        std::fs::write(file.unwrap().path(), b"torn").unwrap();
    }
    let error = run(&config, false, &mut Vec::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("no snapshot can be read"), "{error}");
}
