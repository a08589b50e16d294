//! Configuration: the documentation's own examples, mistyped.

use std::collections::BTreeMap;

use super::{Corpus, hunt};
use crate::config::{Config, parse};

const HEAD: &str = r#"
enterprise = "kaijiang-tank-farm"
gateway    = "gw1"
[spool]
dir = "data/spool"
budget_mb = 64
flush_ms = 200
[[destination]]
name = "server"
url = "mqtt://127.0.0.1:1883"
[status]
listen = "127.0.0.1:9101"
"#;
const DEVICES: &str = "\n[[mqtt]]\nname = \"devices\"\nurl = \"mqtt://broker.plant\"\n";
const MODBUS: &str = r#"
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
key = "P-2.run"
kind = "state"
table = "holding"
address = 200
type = "bool"
bit = 3
"#;
const MQTT_DOCUMENT: &str = include_str!("../../../../docs/collector-mqtt.md");
const MODBUS_DOCUMENT: &str = include_str!("../../../../docs/collector-modbus.md");
const WORDS: [&[u8]; 26] = [
    b"\n[[modbus]]\n",
    b"\n[[modbus.unit]]\n",
    b"\n[[modbus.unit.point]]\n",
    b"\n[[mqtt]]\n",
    b"\n[[mqtt.topic]]\n",
    b"\n[[mqtt.topic.point]]\n",
    b"\n[spool]\n",
    b"\nkey = \"a\"\n",
    b"= \"\"",
    b"= -1",
    b"= 99999999999999999999",
    b"= 1e308",
    b"= nan",
    b"= []",
    b"= {}",
    b"= true",
    b"= [1, \"x\"]",
    b"= \"#\"",
    b"= \"{9}\"",
    b"= \"+/+/+\"",
    b"= 65535",
    b"= 65536",
    b"= \"mqtts://\"",
    b"\"",
    b"'''",
    "温度".as_bytes(),
];

/// The examples of a document, in order.
fn examples(document: &str) -> Vec<&str> {
    let parts = document.split("```toml\n").skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

fn text_of_the_documents() -> String {
    let mut text = format!("{HEAD}{MODBUS}{DEVICES}");
    // The first shows how to log in, with files that are not here.
    for example in examples(MQTT_DOCUMENT).iter().skip(1) {
        text.push_str(example);
    }
    text
}

/// A configuration of the examples in `docs/collector-mqtt.md`.
pub fn of_the_documents() -> Config {
    let parsed = parse("docs.toml", &text_of_the_documents(), &BTreeMap::new());
    parsed.unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn a_mistyped_configuration_is_accepted_or_every_problem_has_its_place() {
    let whole = text_of_the_documents();
    let mut inputs = vec![whole, format!("{HEAD}{MODBUS}")];
    let shown = examples(MQTT_DOCUMENT).into_iter();
    let shown = shown.chain(examples(MODBUS_DOCUMENT));
    inputs.extend(shown.map(|example| format!("{HEAD}{example}")));
    let corpus = Corpus::new(inputs, &WORDS);
    hunt("configuration", (10, 100), &corpus, |bytes, dice| {
        let text = String::from_utf8_lossy(bytes);
        let mut variables = BTreeMap::new();
        if dice.roll() % 4 == 0 {
            let name = "FENGHUO_COLLECTOR_SPOOL__BUDGET_MB".to_owned();
            variables.insert(name, format!("{}", dice.roll() % 4_096));
        }
        let lines = text.matches('\n').count() + 1;
        let parsed = parse("x.toml", &text, &variables);
        match &parsed {
            Ok(config) => {
                let sources = config.modbus.len() + config.mqtt.len();
                assert!(sources <= lines);
                let mut end = 0;
                let mut places: Vec<_> = config.places.values().collect();
                places.sort_by_key(|place| (place.start, place.end));
                for place in places {
                    assert_eq!(place.start, end, "sources stand side by side");
                    end = place.end;
                }
                assert_eq!(end as usize, config.catalog.points().len());
                for feed in &config.mqtt {
                    let place = &config.places[&feed.name];
                    assert!(
                        feed.points()
                            .all(|(number, ..)| (number as usize) < place.len())
                    );
                }
            }
            Err(problems) => {
                assert!(!problems.list.is_empty());
                for problem in &problems.list {
                    assert!(
                        problem.line.is_some() || !problem.key.is_empty(),
                        "{problems}"
                    );
                    assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)));
                    assert!(!problem.what.is_empty());
                }
            }
        }
        parsed.is_ok()
    });
}
