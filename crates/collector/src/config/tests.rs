//! Every problem of a file is named, with line and key.

use super::*;

const GOOD: &str = r#"
enterprise = "kaijiang-tank-farm"
gateway    = "gw1"
[spool]
dir = "data/spool"
budget_mb = 64
[[destination]]
name = "server"
url = "mqtt://127.0.0.1:1883"
[status]
listen = "127.0.0.1:9101"
[[modbus]]
name = "plc1"
address = "127.0.0.1:15021"
[[modbus.unit]]
id = 1
interval_ms = 500
[[modbus.unit.point]]
key = "T-101.level"
title = { zh = "T-101 液位", en = "T-101 level" }
kind = "level"
unit = "m"
table = "holding"
address = 100
type = "f32"
order = "CDAB"
range = { low = 0.0, high = 12 }
deadband = 0.01
labels = { area = "罐区", tank = "T-101" }
[[modbus.unit.point]]
key = "P-1.run"
kind = "state"
table = "holding"
address = 200
type = "bool"
bit = 3
[[mqtt]]
name = "devices"
url = "mqtt://broker"
[[mqtt.topic]]
filter = "plant/+/gas"
time = { pointer = "/ts", format = "ms" }
[[mqtt.topic.point]]
key = "GD-01.lel"
kind = "concentration"
unit = "%LEL"
pointer = "/values/lel"
type = "f64"
labels = { substance = "combustible" }
"#;

const BAD: &str = r#"
enterprise = "kai jiang"
speed = 3
[spool]
budget_mb = 1
[[destination]]
name = "a"
url = "http://server"
[[destination]]
name = "b"
[status]
listen = "nine"
[[modbus]]
name = "plc1"
address = "plc"
timeout_ms = "fast"
[[modbus.unit]]
id = 300
[[modbus.unit]]
id = 1
[[modbus.unit.point]]
key = "a/b"
kind = "weather"
unit = "furlong"
table = "shelf"
address = 70000
type = "f23"
[[modbus.unit.point]]
key = "x"
kind = "level"
table = "holding"
address = 65535
type = "f32"
order = "AB"
range = { low = 3, high = 1 }
deadbnad = 0.1
[[modbus.unit.point]]
key = "x"
kind = "state"
table = "holding"
address = 1
type = "bool"
scale = 2.0
[[modbus.unit.point]]
key = "y"
kind = "state"
table = "coil"
address = 1
type = "u16"
[[modbus.unit.point]]
key = "b"
kind = "state"
table = "holding"
address = 400101
type = "bool"
bit = 16
[[mqtt]]
name = "plc1"
url = "mqtts://broker"
[[mqtt.topic]]
filter = "plant/#/x"
time = { pointer = "ts", format = "days" }
[[mqtt.topic.point]]
key = "z"
kind = "flow"
pointer = "values"
type = "f32"
"#;

fn none() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn variables(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter()
        .map(|(name, value)| {
            (
                format!("{}_{name}", environment::PREFIX),
                (*value).to_owned(),
            )
        })
        .collect()
}

#[test]
fn a_good_file_is_read_whole() {
    let config = parse("good.toml", GOOD, &none()).unwrap();
    assert_eq!(config.gateway.to_string(), "kaijiang-tank-farm/gw1");
    assert_eq!(config.spool.budget_bytes, 64 << 20);
    let points = config.catalog.points();
    let keys: Vec<&str> = points.iter().map(|point| point.key.as_str()).collect();
    assert_eq!(keys, ["T-101.level", "P-1.run", "GD-01.lel"]);
    assert_eq!(points[1].value_type, fenghuo_model::ValueType::Bool);
    assert_eq!(points[1].title.zh, "P-1.run");
    assert_eq!(points[0].interval_ms, 500);
    let unit = &config.modbus[0].units[0];
    assert_eq!(unit.points[1].index, 1);
    assert!(unit.points[0].exception.is_some());
    assert_eq!(config.mqtt[0].broker.port, 1_883);
    assert_eq!(config.mqtt[0].topics[0].fields[0].index, 2);
}

#[test]
fn the_environment_wins_over_the_file() {
    let environment = variables(&[
        ("SPOOL__DIR", "/var/lib/x"),
        ("SPOOL__BUDGET_MB", "128"),
        ("DESTINATION__URL", "mqtt://other:2883"),
        ("DESTINATION__USERNAME", "gw1"),
        ("DESTINATION__PASSWORD", "secret"),
        ("STATUS__LISTEN", "127.0.0.1:0"),
    ]);
    let config = parse("good.toml", GOOD, &environment).unwrap();
    assert_eq!(config.spool.dir, Path::new("/var/lib/x"));
    assert_eq!(config.spool.budget_bytes, 128 << 20);
    assert_eq!(config.status.port(), 0);
    let broker = &config.destination.broker;
    assert_eq!((broker.host.as_str(), broker.port), ("other", 2_883));
    let (name, password) = broker.login.as_ref().unwrap();
    assert_eq!((name.as_str(), password.reveal()), ("gw1", "secret"));
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn every_problem_is_named_with_its_line() {
    let environment = variables(&[("SPOOL__FLUSH_MS", "soon"), ("TYPO", "1")]);
    let problems = parse("bad.toml", BAD, &environment)
        .unwrap_err()
        .to_string();
    let said = format!("{problems}\n");
    if std::env::var_os("UPDATE").is_some() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/config/golden_problems.txt"
        );
        std::fs::write(path, &said).unwrap();
    }
    assert_eq!(said, include_str!("golden_problems.txt"));
}

#[test]
fn broken_toml_is_named_with_its_line() {
    let problems = parse("x.toml", "enterprise = \"a\ngateway = 3\n[[\n", &none()).unwrap_err();
    assert!(problems.list.iter().any(|problem| problem.line == Some(1)));
    assert!(problems.to_string().starts_with("x.toml:1: "));
}

#[test]
fn a_bit_past_15_is_the_only_problem_it_makes() {
    let text = GOOD.replace("bit = 3", "bit = 16");
    let problems = parse("x.toml", &text, &none()).unwrap_err().to_string();
    let said = "modbus[0].unit[0].point[1].bit: is 16; 0 to 15 is allowed";
    assert!(problems.ends_with(said), "{problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn an_address_out_of_a_manual_is_warned_of() {
    assert_eq!(parse("x.toml", GOOD, &none()).unwrap().warnings, []);
    let text = GOOD.replace("address = 100", "address = 40101");
    let config = parse("x.toml", &text, &none()).unwrap();
    assert_eq!(config.modbus[0].units[0].points[0].register.address, 40_101);
    let [warning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings);
    };
    assert_eq!(warning.key, "modbus[0].unit[0].point[0].address");
    assert!(warning.what.ends_with("where 40101 is 100"), "{warning}");
}

#[test]
fn a_password_without_its_file_is_a_problem() {
    let text = GOOD.replace(
        "url = \"mqtt://127.0.0.1:1883\"",
        "url = \"mqtt://u:p@127.0.0.1\"\npassword_file = \"/nonexistent\"",
    );
    let problems = parse("x.toml", &text, &none()).unwrap_err().to_string();
    assert!(problems.contains("url: holds a login"), "{problems}");
    assert!(
        problems.contains("password_file: `/nonexistent`"),
        "{problems}"
    );
}
