//! The rules in force, from what the board shows.

use fenghuo_engine::{Engine, Input};

use super::*;
use crate::view;

fn world() -> World {
    let world = World::new();
    let rule = |id: &str, rest: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\nselect = {{ kind = \"level\" }}\n{rest}\n\
             [[rule.level]]\nname = \"H\"\nabove = 1\nseverity = \"yellow\"\n"
        )
    };
    let text = rule("tank.a", "") + &rule("tank.b", "enabled = false");
    let mut engine = Engine::default();
    let files = vec![("site.toml".to_owned(), text)];
    engine.apply(7, Input::Rules(files), &mut Vec::new());
    let mut shown = world.api.board.write();
    shown.rules = Arc::new(view::rules(&engine));
    shown.reload = Some(view::reload(7, engine.reload()));
    drop(shown);
    world
}

#[tokio::test]
async fn rules_are_listed_page_by_page_with_the_last_change() {
    let world = world();
    let all = world.get("/api/v1/rules").await.json();
    assert_eq!(all["total"], 4);
    let ids: Vec<_> = all["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    let expected = [
        "fenghuo.device-down",
        "fenghuo.line-down",
        "tank.a",
        "tank.b",
    ];
    assert_eq!(ids, expected);
    assert_eq!(all["rules"][2]["state"], "unbound");
    assert_eq!(all["rules"][2]["bound"], 0);
    assert_eq!(
        all["rules"][2]["idle"],
        json!({"zh": "尚未收到任何测点表", "en": "no catalog of points has come yet"})
    );
    assert_eq!(all["rules"][2]["detector"], "level");
    assert_eq!(all["rules"][3]["state"], "off");
    assert_eq!(all["reload"]["added"], json!(["tank.a"]));
    assert_eq!(all["reload"]["position"], 7);
    let page = world
        .get("/api/v1/rules?after=fenghuo.line-down&limit=1")
        .await
        .json();
    assert_eq!(page["rules"].as_array().unwrap().len(), 1);
    assert_eq!(page["rules"][0]["id"], "tank.a");
}

#[tokio::test]
async fn a_limit_is_checked() {
    for limit in [0, 1_001] {
        let answer = world().get(&format!("/api/v1/rules?limit={limit}")).await;
        assert_eq!(answer.refused(400), "invalid");
    }
}

#[tokio::test]
async fn a_rule_that_watches_nothing_says_why() {
    let world = World::new();
    let rule = |id: &str, rest: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\n{rest}\n[[rule.level]]\nname = \"H\"\nabove = 1\n\
             severity = \"yellow\"\n"
        )
    };
    let text = rule("a.fits", "select = { kind = \"level\" }\nunit = \"cm\"")
        + &rule("b.unit", "select = { kind = \"level\" }\nunit = \"kPa\"")
        + &rule("c.none", "select = { kind = \"flow\" }");
    let mut engine = Engine::default();
    engine.apply(
        7,
        Input::Rules(vec![("site.toml".to_owned(), text)]),
        &mut Vec::new(),
    );
    let point = fenghuo_model::PointDef {
        key: fenghuo_model::PointKey::new("T-1").unwrap(),
        title: fenghuo_model::Title::default(),
        kind: fenghuo_model::Kind::Level,
        unit: fenghuo_model::Unit::parse("m").unwrap(),
        value_type: fenghuo_model::ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: std::collections::BTreeMap::new(),
    };
    let catalog = Arc::new(fenghuo_model::Catalog::new(vec![point]).unwrap());
    let gateway = "oil/gw1".parse().unwrap();
    engine.apply(8, Input::Catalog(gateway, catalog), &mut Vec::new());
    world.api.board.write().rules = Arc::new(view::rules(&engine));
    let all = world.get("/api/v1/rules?limit=3").await.json();
    let [fits, unit, none] = [0, 1, 2].map(|at| &all["rules"][at]);
    assert_eq!(
        (&fits["state"], &fits["bound"]),
        (&json!("armed"), &json!(1))
    );
    assert_eq!(
        (&fits["idle"], &fits["refused_count"]),
        (&json!(null), &json!(0))
    );
    assert_eq!(
        (&unit["state"], &unit["bound"]),
        (&json!("unbound"), &json!(0))
    );
    let zh = "规则单位 `kPa` 不能换算为测点单位 `m`";
    assert_eq!(unit["idle"]["zh"], format!("oil/gw1/T-1：{zh}"));
    assert_eq!(unit["refused"][0]["why"], "unit");
    assert_eq!(unit["refused"][0]["what"]["zh"], zh);
    assert_eq!(none["state"], "unbound");
    assert_eq!(
        none["idle"]["en"],
        "no point has the labels that it selects"
    );
}
