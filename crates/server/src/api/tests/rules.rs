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
    assert_eq!(all["rules"][2]["state"], "armed");
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
