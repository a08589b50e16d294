//! The demo's rules against the demo's points: the packs and the demo's site file find their
//! points, units fit, and the demo's story breaks what it says it breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fenghuo_model::Unit;
use fenghuo_simulators::plant::PlantKind;
use fenghuo_simulators::scenario::{Passes, Scenario};
use serde::Deserialize;

type Labels = BTreeMap<String, String>;

/// A rule file, as far as these tests look.
#[derive(Deserialize)]
struct Pack {
    #[serde(default)]
    rule: Vec<Rule>,
    #[serde(default)]
    limit: Vec<SiteLimit>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    select: BTreeMap<String, OneOrMany>,
    unit: Option<String>,
    level: Vec<Level>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
    }
}

#[derive(Deserialize)]
struct Level {
    name: String,
    /// A number, or the word that says that the site gives it.
    above: Option<toml::Value>,
}

#[derive(Deserialize)]
struct SiteLimit {
    rule: String,
    level: String,
    value: Option<f64>,
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

/// The files that the demo's server reads.
fn packs() -> Pack {
    let mut all = Pack {
        rule: Vec::new(),
        limit: Vec::new(),
    };
    for name in ["hazchem", "coal-mine", "dust", "demo-site"] {
        let path = root().join(format!("../config/packs/{name}.toml"));
        let pack: Pack = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        all.rule.extend(pack.rule);
        all.limit.extend(pack.limit);
    }
    all
}

impl Pack {
    /// The value at or above which a level alarms.
    fn above(&self, rule: &Rule, level: &Level) -> Option<f64> {
        let site = self.limit.iter().find(|limit| {
            limit.rule == rule.id && limit.level == level.name && limit.value.is_some()
        });
        let pack = level.above.as_ref()?;
        site.and_then(|limit| limit.value).or(pack.as_float())
    }
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

fn selected<'a>(points: &'a [Configured], rule: &Rule) -> Vec<&'a Configured> {
    let fits = |point: &&Configured| {
        let mut wanted = rule.select.iter();
        wanted.all(|(name, values)| point.labels.get(name).is_some_and(|it| values.has(it)))
    };
    points.iter().filter(fits).collect()
}

#[test]
fn units_fit_wherever_a_rule_finds_a_point() {
    let points = configured();
    for rule in packs().rule {
        let Some(unit) = &rule.unit else { continue };
        let unit = Unit::parse(unit).unwrap();
        for point in selected(&points, &rule) {
            assert!(unit.to(point.unit).is_ok(), "{}: {}", rule.id, point.key);
        }
    }
}

#[test]
fn what_the_demo_measures_for_safety_is_watched() {
    let (points, packs) = (configured(), packs());
    let watched: BTreeSet<_> = packs
        .rule
        .iter()
        .flat_map(|rule| selected(&points, rule))
        .map(|point| (point.plant, point.key.as_str()))
        .collect();
    let open: Vec<_> = points
        .iter()
        .filter(|point| point.labels.contains_key("target"))
        .filter(|point| !watched.contains(&(point.plant, point.key.as_str())))
        .map(|point| point.key.as_str())
        .collect();
    // They are shown and kept; no row of the packs judges them.
    let shown = ["duct.air-speed", "fan.power", "grinders.power"];
    assert_eq!(open, shown);
}

#[test]
fn the_demo_story_is_told_in_the_packs_limits() {
    let scenario = Scenario::load(&root().join("scenarios/demo.toml")).unwrap();
    let (points, packs) = (configured(), packs());
    let mut told = Vec::new();
    for plant in PlantKind::ALL {
        for expect in scenario.story(plant).expects {
            for rule in &packs.rule {
                let mut found = selected(&points, rule).into_iter();
                if found.any(|point| point.plant == plant && point.key == expect.point) {
                    let hit = |level: &&Level| {
                        packs.above(rule, level).map(Passes::Above) == Some(expect.passes)
                    };
                    let hit = rule.level.iter().find(hit);
                    told.extend(hit.map(|level| format!("{} {}", rule.id, level.name)));
                }
            }
        }
    }
    for story in [
        "hazchem.tank.level H",
        "hazchem.tank.level HH",
        "hazchem.gas.combustible L1",
        "coal.methane.face alarm",
        "coal.methane.face cut-off",
        "dust.hopper-temperature high",
    ] {
        assert!(
            told.iter().any(|told| told == story),
            "{story} is not in {told:?}"
        );
    }
}
