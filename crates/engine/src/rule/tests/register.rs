//! The register and the required targets.

use super::*;

const SITE: &str = r#"
[pack]
id    = "hazchem"
title = { zh = "危险化学品", en = "Hazardous chemicals" }
[[target]]
id       = "tank.level"
plant    = "tank-farm"
title    = { zh = "储罐液位", en = "Tank level" }
select   = { kind = "level" }
each     = "tank"
seed     = ["12a", "12k"]
source   = { standard = "Order 40", clause = "13", confidence = "V", ship = "REG" }
[[enterprise]]
id       = "oil"
name     = { zh = "开江石化", en = "Kaijiang Oil" }
township = { zh = "新宁镇", en = "Xinning" }
industry = "hazchem"
plants   = ["tank-farm", "loading"]
area     = "A"
contacts = [{ name = "张工", phone = "13800000000", role = "safety" }]
[[enterprise]]
id       = "mine"
name     = "煤矿"
township = "任市镇"
industry = "coal"
"#;

#[test]
fn a_register_and_targets_read_as_written() {
    let set = parse(SITE).unwrap();
    assert_eq!(&*set.packs[0].id, "hazchem");
    let target = &set.targets[0];
    assert_eq!((&*target.plant, target.at_least), ("tank-farm", 1));
    assert_eq!(target.each.as_deref(), Some("tank"));
    assert_eq!(target.seed.len(), 2);
    assert_eq!(target.source.as_ref().unwrap().ship, Ship::Reg);
    let ids: Vec<_> = set.register.keys().map(EnterpriseId::as_str).collect();
    assert_eq!(ids, ["mine", "oil"]);
    let oil = &set.register[&EnterpriseId::new("oil").unwrap()];
    assert_eq!(oil.plants.len(), 2);
    assert_eq!(oil.contacts[0].role, "safety");
    let mine = &set.register[&EnterpriseId::new("mine").unwrap()];
    assert_eq!((&*mine.name.zh, &*mine.name.en), ("煤矿", "煤矿"));
}

#[test]
fn every_problem_of_register_and_targets_has_its_place() {
    let long = "长".repeat(100);
    let cases = [
        (
            SITE.replace("\"mine\"", "\"oil\""),
            21,
            "enterprise `oil` stands twice",
        ),
        (
            SITE.replace("\"mine\"", "\"mi/ne\""),
            22,
            "has the character '/'",
        ),
        (
            SITE.replace("\"煤矿\"", &format!("\"{long}\"")),
            23,
            "more than 256 bytes",
        ),
        (
            SITE.replace("\"loading\"", "\"tank-farm\""),
            18,
            "plant `tank-farm` stands twice",
        ),
        (SITE.replace("phone = ", "fax = "), 20, "`phone` is missing"),
        (
            SITE.replace("industry = \"coal\"", ""),
            21,
            "`industry` is missing",
        ),
        (
            SITE.replace("each     = ", "every = "),
            10,
            "unknown key `every`",
        ),
        (
            SITE.replace("select   = { kind = \"level\" }", ""),
            5,
            "`select` is missing",
        ),
        (
            SITE.replace("each     = \"tank\"", "at_least = 0"),
            10,
            "`at_least` must be",
        ),
        (
            SITE.replace("id    = \"hazchem\"", ""),
            2,
            "`id` is missing",
        ),
    ];
    for (text, line, what) in cases {
        let faults = parse(&text).unwrap_err();
        let found = faults
            .iter()
            .any(|fault| fault.line == line && fault.what.contains(what));
        assert!(found, "no fault at line {line} about {what}: {faults:#?}");
    }
}

#[test]
fn bounds_hold() {
    let contact = "{ name = \"n\", phone = \"p\" }, ".repeat(33);
    let text = format!(
        "[[enterprise]]\nid = \"e\"\nname = \"n\"\ntownship = \"t\"\nindustry = \"i\"\n\
         contacts = [{contact}]\n"
    );
    assert!(
        parse(&text).unwrap_err()[0]
            .what
            .contains("more than 32 contacts")
    );
}
