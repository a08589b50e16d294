//! Counts and sums, from made-up plants and through the engine.

use fenghuo_model::{
    Catalog, Kind, PointKey, Reading, Reason, Sample, Timestamp, Unit, Value, ValueType,
};

use super::*;
use crate::Engine;
use crate::input::{FrameInput, Input};

const RULES: &str = r#"
[[target]]
id     = "tank.level"
plant  = "tank-farm"
title  = { zh = "储罐液位", en = "Tank level" }
select = { kind = "level" }
each   = "tank"
seed   = ["12a", "12k"]
[[target]]
id       = "farm.gas"
plant    = "tank-farm"
title    = { zh = "可燃气体", en = "Combustible gas" }
select   = { kind = "concentration" }
at_least = 3
seed     = "12a"
[[target]]
id     = "face.methane"
plant  = "coal-face"
title  = { zh = "甲烷", en = "Methane" }
select = { kind = "concentration" }
seed   = "12b"
[[enterprise]]
id       = "oil"
name     = { zh = "开江石化", en = "Oil" }
township = { zh = "新宁镇", en = "Xinning" }
industry = "hazchem"
plants   = ["tank-farm", "tank-fram"]
[[enterprise]]
id       = "mine"
name     = "煤矿"
township = "任市镇"
industry = "coal"
plants   = ["coal-face", "tank-farm"]
[[enterprise]]
id       = "dark"
name     = "未接入企业"
township = "新宁镇"
industry = "hazchem"
plants   = ["tank-farm"]
"#;

fn point(key: &str, kind: Kind, labels: &[(&str, &str)]) -> PointDef {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: labels.iter().map(text).collect(),
    }
}

fn level(key: &str, tank: &str) -> PointDef {
    point(key, Kind::Level, &[("tank", tank)])
}

fn gas(key: &str) -> PointDef {
    point(key, Kind::Concentration, &[])
}

/// Definitions, and values where there is one.
type Points = Vec<(PointDef, Option<f64>)>;

/// An engine whose gateways measure these points; those with a value are live.
fn engine(gateways: &[(&str, Points)]) -> Engine {
    let mut engine = Engine::default();
    let mut inputs = vec![Input::Rules(vec![(
        "site.toml".to_owned(),
        RULES.to_owned(),
    )])];
    let at = Timestamp::from_millis(1_000_000);
    for (name, points) in gateways {
        let key: fenghuo_model::GatewayKey = name.parse().unwrap();
        let defs = points.iter().map(|(def, _)| def.clone()).collect();
        let catalog = Arc::new(Catalog::new(defs).unwrap());
        let samples = (0..).zip(points).map(|(index, (_, value))| {
            let reading = match value {
                Some(value) => Reading::Good(Value::F64(*value)),
                None => Reading::Bad(Reason::Timeout),
            };
            (index, Sample { time: at, reading })
        });
        inputs.push(Input::Catalog(key.clone(), catalog.clone()));
        inputs.push(Input::Frame(frame(key, &catalog, samples.collect(), at)));
    }
    for (position, input) in (1..).zip(inputs) {
        engine.apply(position, input, &mut Vec::new());
    }
    engine
}

fn frame(
    gateway: fenghuo_model::GatewayKey,
    catalog: &Catalog,
    samples: Vec<(u32, Sample)>,
    at: Timestamp,
) -> FrameInput {
    FrameInput {
        gateway,
        received: at,
        epoch: 1,
        seq: 1,
        epoch_first: 1,
        oldest: 1,
        live_from: 1,
        live_oldest: 1,
        watermark: at,
        catalog: catalog.id(),
        samples,
        clock_step_ms: 0,
    }
}

const fn counts(required: u64, connected: u64, live: u64) -> Counts {
    Counts {
        required,
        connected,
        live,
    }
}

/// Two tanks with a level and one without at one gateway, another tank at the second; gas
/// at both; a mine with one dead sensor; a stranger.
fn county() -> Coverage {
    let temperature = point("T-3.t", Kind::Temperature, &[("tank", "T-3")]);
    let other_plant = point("x", Kind::Level, &[("tank", "T-9"), (PLANT, "loading")]);
    engine(&[
        (
            "oil/gw1",
            vec![
                (level("T-1", "T-1"), Some(1.0)),
                (level("T-1b", "T-1"), Some(1.0)),
                (level("T-2", "T-2"), None),
                (temperature, Some(20.0)),
                (other_plant, Some(1.0)),
                (gas("g1"), Some(0.0)),
            ],
        ),
        (
            "oil/gw2",
            vec![(level("T-1", "T-1"), Some(1.0)), (gas("g1"), None)],
        ),
        ("mine/gw1", vec![(gas("ch4"), None)]),
        ("zzz/gw1", vec![(gas("g"), Some(0.0))]),
    ])
    .coverage()
}

#[test]
fn every_target_is_counted_by_thing_and_never_beyond_what_is_required() {
    let county = county();
    let of = |id: &str, target: &str| {
        let enterprise = county.enterprises.iter().find(|it| it.id.as_str() == id);
        let targets = &enterprise.unwrap().targets;
        targets.iter().find(|it| &*it.id == target).unwrap().counts
    };
    // Tanks T-1, T-2, T-3 at the first gateway and T-1 at the second.
    assert_eq!(of("oil", "tank.level"), counts(4, 3, 2));
    assert_eq!(of("oil", "farm.gas"), counts(3, 2, 1));
    assert_eq!(of("mine", "face.methane"), counts(1, 1, 0));
    // A plant of which nothing is known has at least one tank.
    assert_eq!(of("mine", "tank.level"), counts(1, 0, 0));
    assert_eq!(of("dark", "tank.level"), counts(1, 0, 0));
    assert_eq!(of("dark", "farm.gas"), counts(3, 0, 0));
}

#[test]
fn sums_add_up() {
    let county = county();
    let sum = |sums: BTreeMap<Arc<str>, Counts>| -> Vec<(String, Counts)> {
        let pairs = sums.into_iter();
        pairs
            .map(|(name, counts)| (name.to_string(), counts))
            .collect()
    };
    let named = |name: &str, counts| (name.to_owned(), counts);
    // A mine's gas sensors count for its tank farm too, unless they say where they are.
    let (oil, mine, dark) = (counts(7, 5, 3), counts(5, 2, 0), counts(4, 0, 0));
    let sums: Vec<_> = county
        .enterprises
        .iter()
        .map(EnterpriseCoverage::sum)
        .collect();
    assert_eq!(sums, [dark, mine, oil, counts(0, 0, 0)]);
    assert_eq!(county.total(), counts(16, 7, 3));
    assert_eq!(
        sum(county.by_industry()),
        [named("coal", mine), named("hazchem", counts(11, 5, 3))]
    );
    assert_eq!(
        sum(county.by_township()),
        [named("任市镇", mine), named("新宁镇", counts(11, 5, 3))]
    );
    let levels = counts(6, 3, 2);
    assert_eq!(
        sum(county.by_seed()),
        [
            named("12a", counts(15, 6, 3)),
            named("12b", counts(1, 1, 0)),
            named("12k", levels)
        ]
    );
}

#[test]
fn who_reports_unregistered_and_what_no_pack_knows_is_named() {
    let county = county();
    let strangers: Vec<_> = county.unregistered().map(|it| it.id.as_str()).collect();
    assert_eq!(strangers, ["zzz"]);
    let oil = &county.enterprises[2];
    let unknown = &oil.registered.as_ref().unwrap().unknown_plants;
    assert_eq!(
        unknown.iter().map(|it| &**it).collect::<Vec<_>>(),
        ["tank-fram"]
    );
    assert_eq!((oil.gateways, oil.points), (2, 8));
}

#[test]
fn silence_is_not_live_and_a_retired_point_is_not_connected() {
    let points = vec![(level("T-1", "T-1"), Some(1.0))];
    let mut engine = engine(&[("oil/gw1", points)]);
    let id = EnterpriseId::new("oil").unwrap();
    let sum = |engine: &Engine| engine.coverage_of(&id).targets[0].counts;
    assert_eq!(sum(&engine), counts(1, 1, 1));
    for position in 100..120 {
        let at = Timestamp::from_millis(2_000_000);
        let tick = Input::Tick { at, hearing: true };
        engine.apply(position, tick, &mut Vec::new());
    }
    assert_eq!(sum(&engine), counts(1, 1, 0));
    let other = Arc::new(Catalog::new(vec![gas("g")]).unwrap());
    let key: fenghuo_model::GatewayKey = "oil/gw1".parse().unwrap();
    engine.apply(
        200,
        Input::Catalog(key.clone(), other.clone()),
        &mut Vec::new(),
    );
    // It speaks for the gateway from the first frame that names it.
    let mut frame = frame(key, &other, Vec::new(), Timestamp::from_millis(2_000_000));
    (frame.epoch, frame.seq, frame.epoch_first) = (2, 2, 2);
    engine.apply(201, Input::Frame(frame), &mut Vec::new());
    assert_eq!(sum(&engine), counts(1, 0, 0));
}

#[test]
fn a_change_of_the_register_resets_no_detector() {
    const RULE: &str = "[[rule]]\nid = \"r\"\nselect = { kind = \"level\" }\n[[rule.level]]\n\
                        name = \"H\"\nabove = 5\nseverity = \"yellow\"\n";
    let file = |text: String| Input::Rules(vec![("site.toml".to_owned(), text)]);
    let points = vec![
        (level("T-1", "T-1"), Some(1.0)),
        (level("T-2", "T-2"), Some(1.0)),
    ];
    let mut engine = engine(&[("oil/gw1", points)]);
    let mut load = |position, text: String| {
        engine.apply(position, file(text), &mut Vec::new());
        let reload = engine.reload();
        (reload.kept, reload.reset)
    };
    load(100, RULE.to_owned() + RULES);
    assert_eq!(
        load(101, RULE.to_owned() + &RULES.replace("开江", "开县")),
        (2, 0)
    );
    // A limit for one of two tanks begins that one anew.
    let limit = "[[limit]]\nrule = \"r\"\nlevel = \"H\"\nvalue = 4\ndocument = \"D\"\n\
                 select = { key = \"T-2\" }\n";
    let text = RULE.to_owned() + limit + RULES;
    assert_eq!(load(102, text.clone()), (1, 1));
    assert_eq!(load(103, text.replace("\"D\"", "\"E\"")), (2, 0));
    let bytes = engine.snapshot().unwrap();
    let restored = Engine::restore(&bytes).unwrap();
    assert_eq!(restored.coverage(), engine.coverage());
    assert_eq!(restored.rules(), engine.rules());
}
