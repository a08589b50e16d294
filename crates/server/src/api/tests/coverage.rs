//! Coverage, from what the board shows.

use fenghuo_engine::{Engine, Input};

use super::*;

const SITE: &str = r#"
[[target]]
id     = "gas"
plant  = "tank-farm"
title  = { zh = "气体", en = "Gas" }
select = { kind = "concentration" }
seed   = ["12a", "12k"]
[[enterprise]]
id       = "oil"
name     = { zh = "石化", en = "Oil" }
township = { zh = "新宁镇", en = "Xinning" }
industry = "hazchem"
plants   = ["tank-farm"]
[[enterprise]]
id       = "gas"
name     = { zh = "燃气", en = "Gas works" }
township = { zh = "新宁镇", en = "Xinning" }
industry = "town-gas"
plants   = ["tank-farm"]
"#;

fn world() -> World {
    let world = World::new();
    let mut engine = Engine::default();
    let files = vec![("site.toml".to_owned(), SITE.to_owned())];
    let stranger = Input::Expected(vec!["zzz/gw1".parse().unwrap()]);
    for (position, input) in (1..).zip([Input::Rules(files), stranger]) {
        engine.apply(position, input, &mut Vec::new());
    }
    for enterprise in engine.coverage().enterprises {
        let id = enterprise.id.clone();
        let mut shown = world.api.board.write();
        shown.coverage.insert(id, Arc::new(enterprise));
    }
    world
}

#[tokio::test]
async fn coverage_goes_by_enterprise_industry_or_township() {
    let world = world();
    let one = json!({"required": 1, "connected": 0, "live": 0});
    let two = json!({"required": 2, "connected": 0, "live": 0});
    let all = world.get("/api/v1/coverage").await.json();
    assert_eq!((&all["by"], &all["total"]), (&json!("enterprise"), &two));
    assert_eq!(all["rows"][1]["key"], "oil");
    assert_eq!(all["rows"][1]["title"]["zh"], "石化");
    assert_eq!(all["rows"][1]["targets"][0]["id"], "gas");
    assert_eq!(all["rows"][1]["targets"][0]["counts"], one);
    assert_eq!(all["seeds"], json!({"12a": two, "12k": two}));
    assert_eq!(
        all["unregistered"],
        json!([{"enterprise": "zzz", "gateways": 1, "points": 0}])
    );
    let industries = world.get("/api/v1/coverage?by=industry").await.json();
    assert_eq!(industries["rows"][0]["key"], "hazchem");
    assert_eq!(industries["rows"][1]["counts"], one);
    let townships = world.get("/api/v1/coverage?by=township").await.json();
    assert_eq!(townships["rows"].as_array().unwrap().len(), 1);
    assert_eq!(townships["rows"][0]["title"]["en"], "Xinning");
    assert_eq!(townships["rows"][0]["counts"], two);
}

#[tokio::test]
async fn other_groups_are_refused() {
    let answer = world().get("/api/v1/coverage?by=colour").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
