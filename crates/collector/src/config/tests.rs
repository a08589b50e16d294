//! Every problem of a file is named, with line and key.

use super::*;

mod modbus;
mod mqtt;

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
filter = "plant/a/gas"
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
ca_file = "/nonexistent"
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
    let all = [
        "T-101.level",
        "P-1.run",
        "fenghuo.device.plc1.1",
        "fenghuo.line.plc1",
        "GD-01.lel",
        "fenghuo.line.devices",
    ];
    assert_eq!(keys, all);
    assert_eq!(points[1].value_type, fenghuo_model::ValueType::Bool);
    assert_eq!(points[1].title.zh, "P-1.run");
    // Read twice a second, and told when it changed: its heartbeat is what to expect.
    assert_eq!(points[0].interval_ms, 10_000);
    assert_eq!(points[1].interval_ms, 500);
    let unit = &config.modbus[0].units[0];
    assert_eq!(unit.points[1].index, 1);
    assert!(unit.points[0].exception.is_some());
    assert_eq!(config.mqtt[0].broker.port, 1_883);
    assert!(config.mqtt[0].find(0).is_some());
    let places: Vec<_> = config.places.values().cloned().collect();
    assert_eq!(places, [4..6, 0..4]);
    assert_eq!(config.number_at("devices", 5), Some(1));
    assert_eq!(config.number_at("devices", 3), None);
}

#[test]
fn points_say_what_they_lie_behind() {
    let config = parse("good.toml", GOOD, &none()).unwrap();
    let points = config.catalog.points();
    let own = |at: usize| -> Vec<String> {
        let labels = points[at].labels.iter();
        let own = labels.filter(|(name, _)| name.starts_with("fenghuo."));
        own.map(|(name, value)| format!("{name}={value}")).collect()
    };
    let (device, line) = ("fenghuo.device=plc1/1", "fenghuo.line=plc1");
    let (read, changes) = ("fenghuo.read_ms=500", "fenghuo.report=changes");
    assert_eq!(own(0), [device, line, read, changes]);
    assert_eq!(points[0].labels["tank"], "T-101");
    assert_eq!(own(1), [device, line]);
    assert_eq!(own(2), [device, line, "fenghuo.source=device"]);
    assert_eq!(
        own(3),
        [line, "fenghuo.protocol=modbus", "fenghuo.source=line"]
    );
    assert_eq!(own(4), ["fenghuo.line=devices"]);
    assert_eq!(
        own(5),
        [
            "fenghuo.line=devices",
            "fenghuo.protocol=mqtt",
            "fenghuo.source=line"
        ]
    );
    assert_eq!(points[2].title.zh, "设备 plc1/1 通信");
    assert_eq!(points[3].title.en, "Line plc1 communication");
    assert_eq!(points[3].kind, fenghuo_model::Kind::State);
    assert_eq!(points[3].value_type, fenghuo_model::ValueType::Bool);
    assert_eq!(points[3].unit.to_string(), "1");
    assert_eq!(points[3].interval_ms, 5_000);
    let line = &config.modbus[0];
    assert_eq!((line.units[0].state, line.state), (2, 3));
    assert_eq!(config.mqtt[0].state, 1);
}

/// The problems of the good file with one thing changed.
fn problems_with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let text = GOOD.replacen(from, to, 1);
    parse("x.toml", &text, &none()).unwrap_err().to_string()
}

#[test]
fn names_of_the_collectors_own_are_reserved() {
    let said = problems_with("key = \"P-1.run\"", "key = \"fenghuo.line.plc1\"");
    let wanted = "x.toml:31: modbus[0].unit[0].point[1].key: `fenghuo.line.plc1` begins with \
                  `fenghuo.`, as the collector's own do";
    assert_eq!(said, wanted);
    let said = problems_with("substance =", "\"fenghuo.line\" =");
    let wanted = "mqtt[0].topic[0].point[0].labels: `fenghuo.line` begins with `fenghuo.`, as the \
                  collector's own do";
    assert!(said.ends_with(wanted), "{said}");
}

#[test]
fn a_name_that_no_key_can_hold_is_the_only_problem_it_makes() {
    for (name, wanted) in [
        ("1号", "has the character '号'"),
        ("a/b", "has the character '/'"),
        ("", "has 0 bytes; 1 to 45 are allowed"),
        (&"x".repeat(46), "has 46 bytes; 1 to 45 are allowed"),
    ] {
        let said = problems_with("name = \"plc1\"", &format!("name = \"{name}\""));
        assert!(said.starts_with("x.toml:13: modbus[0].name: "), "{said}");
        assert!(said.contains(wanted), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        let said = problems_with("name = \"devices\"", &format!("name = \"{name}\""));
        assert!(
            said.contains("mqtt[0].name: ") && said.contains(wanted),
            "{said}"
        );
    }
    let longest = "x".repeat(45);
    let text = GOOD.replace("name = \"plc1\"", &format!("name = \"{longest}\""));
    parse("x.toml", &text, &none()).unwrap();
}

#[test]
fn a_unit_that_stands_twice_is_named() {
    let said = problems_with("[[mqtt]]", "[[modbus.unit]]\nid = 1\npoint = []\n[[mqtt]]");
    assert!(
        said.ends_with("modbus[0].unit[1].id: 1 stands twice behind this address"),
        "{said}"
    );
}

#[test]
fn own_labels_leave_room_for_those_of_the_collector() {
    let labels: Vec<String> = (0..30).map(|at| format!("l{at} = \"\"")).collect();
    let said = problems_with(
        "labels = { substance = \"combustible\" }",
        &format!("labels = {{ {} }}", labels.join(", ")),
    );
    assert!(said.ends_with("labels: 30 labels; at most 29"), "{said}");
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
    let broker = &config.destinations[0].broker;
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

const TWO: &str = r#"
enterprise = "kaijiang"
gateway = "gw1"
[spool]
dir = "/tmp/spool"
keep_hours = 2
[[destination]]
name = "plant"
url = "mqtt://127.0.0.1"
[[destination]]
name = "county-2"
url = "mqtt://county"
limit_kbit_s = 64
backlog_percent = 30
[[modbus]]
name = "plc1"
address = "plc:502"
[[modbus.unit]]
id = 1
[[modbus.unit.point]]
key = "x"
kind = "state"
table = "holding"
address = 1
type = "u16"
"#;

#[test]
fn several_destinations_each_with_its_own_settings() {
    let login = [
        ("DESTINATION__COUNTY_2__USERNAME", "gw"),
        ("DESTINATION__COUNTY_2__PASSWORD", "s3cret"),
    ];
    let config = parse("two.toml", TWO, &variables(&login)).unwrap();
    assert_eq!(config.spool.keep, Duration::from_secs(7_200));
    let [plant, county] = &config.destinations[..] else {
        panic!("{:?}", config.destinations);
    };
    assert_eq!((plant.bytes_per_second, plant.backlog_percent), (None, 50));
    assert_eq!(
        (county.bytes_per_second, county.backlog_percent),
        (Some(8_000), 30)
    );
    assert!(plant.broker.login.is_none());
    let (user, password) = county.broker.login.as_ref().unwrap();
    assert_eq!((user.as_str(), password.reveal()), ("gw", "s3cret"));

    let nameless = variables(&[("DESTINATION__URL", "mqtt://x")]);
    let problems = parse("two.toml", TWO, &nameless).unwrap_err().to_string();
    assert!(
        problems.contains("`.._DESTINATION__<NAME>__..`"),
        "{problems}"
    );
    let same = TWO.replace("mqtt://county", "mqtt://127.0.0.1:1883");
    let problems = parse("two.toml", &same, &none()).unwrap_err().to_string();
    assert!(
        problems.contains("is the broker of destination `plant` too"),
        "{problems}"
    );
    let same = TWO.replace("county-2", "plant");
    let problems = parse("two.toml", &same, &none()).unwrap_err().to_string();
    assert!(
        problems.contains("`plant` names two destinations"),
        "{problems}"
    );
    let odd = TWO.replace("county-2", "County/2");
    let problems = parse("two.toml", &odd, &none()).unwrap_err().to_string();
    assert!(problems.contains("`a`-`z`"), "{problems}");
}

#[test]
fn the_example_of_the_delivery_manual_can_be_run() {
    let manual = include_str!("../../../../docs/collector-delivery.md");
    let example = manual.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let rest = TWO.split("[spool]").next().unwrap();
    let sources = &TWO[TWO.find("[[modbus]]").unwrap()..];
    let text = format!("{rest}{example}{sources}");
    let config = parse("manual.toml", &text, &none()).unwrap();
    let names = config.destination_names();
    assert_eq!(names, ["plant", "county"]);
    assert_eq!(config.destinations[1].bytes_per_second, Some(8_000));
}
