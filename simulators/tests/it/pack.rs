//! The demo's rule pack against the demo's points: every rule finds its points, units fit,
//! nothing unverified is called law, and the demo's story breaks what it says it breaks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fenghuo_model::{Severity, Title, Unit};
use fenghuo_simulators::plant::PlantKind;
use fenghuo_simulators::scenario::{Passes, Scenario};
use serde::Deserialize;

type Labels = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    title: Title,
    detector: Option<String>,
    select: Labels,
    when: Option<String>,
    requires: Option<Labels>,
    within: Option<String>,
    unit: Option<String>,
    source: Source,
    level: Vec<Level>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    standard: String,
    clause: String,
    ship: String,
    confidence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of the format is what is checked")]
struct Level {
    name: String,
    above: Option<f64>,
    over: Option<f64>,
    below: Option<f64>,
    under: Option<f64>,
    reset: Option<f64>,
    #[serde(rename = "for")]
    on_delay: Option<String>,
    severity: Severity,
    latch: Option<bool>,
    shelvable: Option<bool>,
}

/// A configured point as rules see it: `kind` counts as a label.
struct Configured {
    plant: PlantKind,
    key: String,
    unit: Unit,
    labels: Labels,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn pack() -> Pack {
    let text = std::fs::read_to_string(root().join("../config/packs/demo.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

fn configured() -> Vec<Configured> {
    let mut points = Vec::new();
    for plant in PlantKind::ALL {
        let text = std::fs::read_to_string(root().join(format!("demo/{plant}.toml"))).unwrap();
        collect(
            plant,
            &toml::Value::Table(toml::from_str(&text).unwrap()),
            &mut points,
        );
    }
    points
}

/// Finds every `point` list, however deep.
fn collect(plant: PlantKind, value: &toml::Value, into: &mut Vec<Configured>) {
    match value {
        toml::Value::Array(items) => items.iter().for_each(|item| collect(plant, item, into)),
        toml::Value::Table(table) if table.contains_key("labels") => {
            let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
            let labels = table["labels"].as_table().unwrap().iter();
            let mut labels: Labels = labels.map(|(name, v)| (name.clone(), text(v))).collect();
            labels.insert("kind".to_owned(), text(&table["kind"]));
            let unit = table.get("unit").map(text).unwrap_or_default();
            into.push(Configured {
                plant,
                key: text(&table["key"]),
                unit: Unit::parse(&unit).unwrap(),
                labels,
            });
        }
        toml::Value::Table(table) => table.values().for_each(|v| collect(plant, v, into)),
        _ => {}
    }
}

fn selected<'a>(points: &'a [Configured], select: &Labels) -> Vec<&'a Configured> {
    let fits = |point: &&Configured| {
        let mut wanted = select.iter();
        wanted.all(|(name, value)| point.labels.get(name) == Some(value))
    };
    points.iter().filter(fits).collect()
}

#[test]
fn every_rule_finds_points_of_a_fitting_unit() {
    let points = configured();
    for rule in pack().rule {
        assert!(
            !rule.title.zh.is_empty() && !rule.title.en.is_empty(),
            "{}",
            rule.id
        );
        let found = selected(&points, &rule.select);
        assert!(!found.is_empty(), "{} selects nothing", rule.id);
        match rule.detector.as_deref() {
            None | Some("level") => {
                let unit = Unit::parse(&rule.unit.unwrap()).unwrap();
                for point in found {
                    assert!(unit.to(point.unit).is_ok(), "{}: {}", rule.id, point.key);
                }
                rule.level
                    .iter()
                    .for_each(|level| check_level(&rule.id, level));
            }
            Some("interlock") => {
                assert_eq!(rule.when.as_deref(), Some("on"));
                let needed = selected(&points, &rule.requires.unwrap());
                assert_eq!(found[0].labels["area"], needed[0].labels["area"]);
            }
            Some("stale") => assert!(rule.within.is_some(), "{}", rule.id),
            Some(other) => panic!("{}: detector `{other}`", rule.id),
        }
    }
}

fn check_level(rule: &str, level: &Level) {
    let reset = level.reset.unwrap();
    let high = level.above.or(level.over);
    let low = level.below.or(level.under);
    let sane = match (high, low) {
        (Some(limit), None) => reset <= limit,
        (None, Some(limit)) => reset >= limit,
        _ => false,
    };
    assert!(sane, "{rule} {}: limit and reset", level.name);
}

#[test]
fn only_what_was_read_is_called_law() {
    for rule in pack().rule {
        let Source {
            ship, confidence, ..
        } = &rule.source;
        let honest = match ship.as_str() {
            "REG" => confidence == "V",
            "REG-pending" => confidence == "M",
            "DES" | "DEF" => true,
            other => panic!("{}: ship `{other}`", rule.id),
        };
        assert!(honest, "{}: {ship} with {confidence}", rule.id);
        assert!(!rule.source.standard.is_empty() && !rule.source.clause.is_empty());
    }
}

#[test]
fn the_demo_story_is_told_in_the_pack_s_limits() {
    let scenario = Scenario::load(&root().join("scenarios/demo.toml")).unwrap();
    let (points, pack) = (configured(), pack());
    let mut told = Vec::new();
    for plant in PlantKind::ALL {
        for expect in scenario.story(plant).expects {
            for rule in &pack.rule {
                let mut found = selected(&points, &rule.select).into_iter();
                if found.any(|point| point.plant == plant && point.key == expect.point) {
                    let hit =
                        |level: &&Level| level.above.map(Passes::Above) == Some(expect.passes);
                    let hit = rule.level.iter().find(hit);
                    told.extend(hit.map(|level| format!("{} {}", rule.id, level.name)));
                }
            }
        }
    }
    for story in [
        "tank.level H",
        "tank.level HH",
        "gas.combustible L1",
        "mine.methane.face alarm",
        "mine.methane.face cut-off",
        "dust.hopper-temperature high",
    ] {
        assert!(
            told.iter().any(|told| told == story),
            "{story} is not in {told:?}"
        );
    }
}
