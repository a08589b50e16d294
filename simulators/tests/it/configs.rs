//! The demo's collector configurations against the register maps. The decoder here is
//! written from the configuration format alone, so that a slip on either side shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use fenghuo_model::{GatewayId, Kind, PointKey, Title, Unit};
use fenghuo_simulators::image::{Answer, Image};
use fenghuo_simulators::mqtt_face::{payload, topic};
use fenghuo_simulators::plant::PlantKind;
use fenghuo_simulators::register::Table;
use fenghuo_simulators::rig::Rig;
use fenghuo_simulators::scenario::Scenario;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    enterprise: String,
    gateway: String,
    spool: toml::Table,
    destination: Vec<toml::Table>,
    status: toml::Table,
    modbus: Vec<Modbus>,
    mqtt: Vec<Mqtt>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of the format is what is checked")]
struct Modbus {
    name: String,
    address: String,
    timeout_ms: u64,
    gap_registers: u16,
    unit: Vec<ModbusUnit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModbusUnit {
    id: u8,
    interval_ms: u64,
    point: Vec<ModbusPoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of the format is what is checked")]
struct ModbusPoint {
    key: String,
    title: Title,
    kind: Kind,
    #[serde(default)]
    unit: String,
    table: String,
    address: u16,
    #[serde(rename = "type")]
    value_type: String,
    order: Option<String>,
    bit: Option<u8>,
    scale: Option<f64>,
    offset: Option<f64>,
    range: Option<Range>,
    deadband: Option<f64>,
    heartbeat_ms: Option<u64>,
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct Range {
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of the format is what is checked")]
struct Mqtt {
    name: String,
    url: String,
    topic: Vec<Topic>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    filter: String,
    time: Option<Time>,
    point: Vec<MqttPoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    pointer: String,
    format: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MqttPoint {
    key: String,
    title: Title,
    #[expect(dead_code, reason = "parsing it is the check")]
    kind: Kind,
    #[serde(default)]
    unit: String,
    pointer: String,
    #[serde(rename = "type")]
    value_type: String,
    range: Option<Range>,
    labels: BTreeMap<String, String>,
}

fn config(kind: PlantKind) -> Config {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("demo/{kind}.toml"));
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn image(kind: PlantKind) -> Image {
    let scenarios = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let scenario = Scenario::load(&scenarios.join("calm.toml")).unwrap();
    let mut rig = Rig::new(kind, &scenario, 11);
    assert!(rig.run_to(61.3, 10_000));
    rig.image()
}

fn as_table(name: &str) -> Table {
    match name {
        "coil" => Table::Coil,
        "discrete" => Table::Discrete,
        "input" => Table::Input,
        "holding" => Table::Holding,
        other => panic!("no table `{other}`"),
    }
}

/// Reads the point as its configuration says.
fn decode(image: &Image, unit: u8, point: &ModbusPoint) -> f64 {
    let cells = match point.value_type.as_str() {
        "bool" | "u16" | "i16" => 1,
        "u32" | "i32" | "f32" => 2,
        "u64" | "i64" | "f64" => 4,
        other => panic!("no type `{other}`"),
    };
    let table = as_table(&point.table);
    let Answer::Cells { words, .. } = image.read(unit, table, point.address, cells) else {
        panic!("{} is not in the map", point.key);
    };
    if point.value_type == "bool" {
        assert_eq!(table.is_bits(), point.bit.is_none(), "{}", point.key);
        return f64::from((words[0] >> point.bit.unwrap_or(0)) & 1);
    }
    let plain = &"ABCDEFGH"[..usize::from(cells) * 2];
    let order = point.order.as_deref().unwrap_or(plain);
    let sent: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    // Byte A is the most significant: look up where each letter was sent.
    let bits = plain.chars().fold(0_u64, |bits, letter| {
        let at = order.find(letter).unwrap();
        bits << 8 | u64::from(sent[at])
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        reason = "the width is that of the type"
    )]
    let raw = match point.value_type.as_str() {
        "i16" => f64::from(bits as u16 as i16),
        "i32" => f64::from(bits as u32 as i32),
        "i64" => bits as i64 as f64,
        "f32" => f64::from(f32::from_bits(bits as u32)),
        "f64" => f64::from_bits(bits),
        _ => bits as f64,
    };
    raw * point.scale.unwrap_or(1.0) + point.offset.unwrap_or(0.0)
}

fn check_range(kind: PlantKind, key: &str, unit: &str, range: Option<Range>) {
    let points = kind.points();
    let point = points.iter().find(|point| point.key == key).unwrap();
    assert_eq!(unit, point.unit, "{key}");
    assert!(Unit::parse(unit).is_ok() && PointKey::new(key).is_ok());
    if let Some(range) = range {
        assert_eq!((range.low, range.high), (point.low, point.high), "{key}");
    } else {
        assert_eq!(point.unit, "", "{key} needs a range");
    }
}

#[test]
fn every_register_in_the_demo_configuration_decodes_to_its_point() {
    for kind in PlantKind::ALL {
        let (config, image) = (config(kind), image(kind));
        let mut seen = BTreeSet::new();
        let units = config.modbus.iter().flat_map(|modbus| &modbus.unit);
        for (unit, point) in units.flat_map(|unit| unit.point.iter().map(move |p| (unit, p))) {
            assert!(seen.insert(point.key.clone()), "{} twice", point.key);
            assert!(unit.interval_ms >= 100 && !point.title.zh.is_empty());
            check_range(kind, &point.key, &point.unit, point.range);
            let truth = image.value(&point.key).unwrap();
            let got = decode(&image, unit.id, point);
            // Half a count of an integer, or a float's own precision.
            let float = point.value_type.starts_with('f');
            let error = if float {
                truth.abs() * 1e-7
            } else {
                point.scale.unwrap_or(1.0) * 0.5
            };
            assert!(
                (got - truth).abs() <= error + 1e-9,
                "{}: {got}, not {truth}",
                point.key
            );
        }
        for topic_config in config.mqtt.iter().flat_map(|mqtt| &mqtt.topic) {
            check_topic(kind, &image, topic_config, &mut seen);
        }
        let points = kind.points();
        let all: BTreeSet<String> = points.iter().map(|point| point.key.to_owned()).collect();
        assert_eq!(
            seen, all,
            "{kind}: the configuration names every point once"
        );
    }
}

fn check_topic(kind: PlantKind, image: &Image, config: &Topic, seen: &mut BTreeSet<String>) {
    let mut devices = kind.devices().iter();
    let device = devices
        .find(|device| topic(kind, device.name) == config.filter)
        .unwrap();
    let said = payload(image, device, 1_700_000_123_456);
    let time = config.time.as_ref().map(|time| {
        let stamp = said.json.pointer(&time.pointer).unwrap().as_u64().unwrap();
        (time.format.as_str(), stamp)
    });
    let expected = match device.stamp {
        fenghuo_simulators::plant::Stamp::Millis(_) => Some(("ms", 1_700_000_123_456)),
        fenghuo_simulators::plant::Stamp::Seconds(_) => Some(("s", 1_700_000_123)),
        fenghuo_simulators::plant::Stamp::None => None,
    };
    assert_eq!(time, expected, "{}", config.filter);
    for point in &config.point {
        assert!(seen.insert(point.key.clone()), "{} twice", point.key);
        assert!(!point.title.en.is_empty() && point.labels["link"] == "device");
        check_range(kind, &point.key, &point.unit, point.range);
        let value = said.json.pointer(&point.pointer).unwrap();
        let truth = image.value(&point.key).unwrap();
        let got = match point.value_type.as_str() {
            "bool" => f64::from(u8::from(value.as_bool().unwrap())),
            "u64" => value.as_u64().unwrap() as f64,
            "f64" => value.as_f64().unwrap(),
            other => panic!("no type `{other}`"),
        };
        assert!(
            (got - truth).abs() <= 0.000_51,
            "{}: {got}, not {truth}",
            point.key
        );
    }
}

#[test]
fn the_demo_configurations_do_not_collide() {
    let configs: Vec<Config> = PlantKind::ALL.into_iter().map(config).collect();
    let distinct = |of: &dyn Fn(&Config) -> String| {
        let all: BTreeSet<String> = configs.iter().map(of).collect();
        assert_eq!(all.len(), configs.len(), "{all:?}");
    };
    distinct(&|config| config.enterprise.clone());
    distinct(&|config| config.spool["dir"].to_string());
    distinct(&|config| config.status["listen"].to_string());
    distinct(&|config| config.modbus[0].address.clone());
    for config in &configs {
        assert!(GatewayId::new(&config.gateway).is_ok());
        assert_eq!(config.destination.len(), 1);
    }
}
