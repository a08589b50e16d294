//! `[[mqtt]]`: every kind of payload, parts of topics, Sparkplug, TLS.

use super::*;
use crate::source::mqtt::Place;
use crate::source::mqtt::mapping::Payload;

const HEAD: &str = r#"
enterprise = "oil"
gateway = "gw1"
[spool]
dir = "spool"
[[destination]]
name = "server"
url = "mqtt://127.0.0.1"
[[mqtt]]
name = "devices"
url = "mqtt://127.0.0.1"
"#;

/// What every point needs besides its place.
const POINT: &str = "kind = \"level\"\nunit = \"m\"\ntype = \"f64\"\n";

fn read(rest: &str) -> Result<Config, String> {
    let text = format!("{HEAD}{}", rest.replace("POINT", POINT));
    parse("x.toml", &text, &none()).map_err(|problems| problems.to_string())
}

/// The problems without the file's name and lines.
fn problems(rest: &str) -> String {
    let said = read(rest).unwrap_err();
    let lines = said
        .lines()
        .map(|line| line.splitn(3, ':').nth(2).unwrap_or(line).trim());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn payloads_may_be_text_csv_or_arrays_of_items() {
    let config = read(
        r#"
[[mqtt.topic]]
filter = "a"
payload = "text"
[[mqtt.topic.point]]
key = "a"
POINT
[[mqtt.topic]]
filter = "b"
payload = "csv"
separator = ";"
header = true
time = { column = "zeit", format = "%Y-%m-%d %H:%M:%S", offset = "+08:00" }
quality = { column = 2, bad = ["err", 1] }
[[mqtt.topic.point]]
key = "b"
column = "level"
POINT
[[mqtt.topic]]
filter = "c"
items = "/data"
name_pointer = "/n"
value_pointer = "/v"
time = { pointer = "/t", format = "ns" }
quality = { pointer = "/q", good = [true, 192, "ok"] }
[[mqtt.topic.point]]
key = "c"
name = "LT-1"
POINT
"#,
    )
    .unwrap();
    let feed = &config.mqtt[0];
    let kinds: Vec<&str> = feed
        .points()
        .map(|(_, _, place)| match place {
            Place::Payload(mapping, _) => match &mapping.payload {
                Payload::Json(_) => "json",
                Payload::Items(_) => "items",
                Payload::Text(_) => "text",
                Payload::Csv(_) => "csv",
            },
            Place::Edge(..) => "edge",
        })
        .collect();
    assert_eq!(kinds, ["text", "csv", "items"]);
}

#[test]
fn wrong_payloads_are_named() {
    let said = problems(
        r#"
[[mqtt.topic]]
filter = "b"
payload = "csv"
separator = ";;"
time = { column = "t", format = "%Y-%m-%d %H:%M:%S" }
quality = { column = 2 }
[[mqtt.topic.point]]
key = "b"
POINT
[[mqtt.topic]]
filter = "c"
payload = "xml"
[[mqtt.topic.point]]
key = "c"
POINT
[[mqtt.topic]]
filter = "d"
items = "data"
[[mqtt.topic.point]]
key = "d"
pointer = "/v"
POINT
"#,
    );
    for wanted in [
        "topic[0].separator: `;;` is not one character",
        "topic[0].time.column: is a name; that needs `header = true`",
        "topic[0].time.offset: is missing: a local time needs one",
        "topic[0].quality.good: needs a list of marks",
        "topic[0].point[0].column: is missing",
        "topic[1].payload: `xml` is not one of json, text, csv",
        "topic[2].items: `data` is not a JSON pointer",
        "topic[2].name_pointer: is missing",
        "topic[2].point[0].name: is missing",
    ] {
        assert!(said.contains(wanted), "lacks {wanted}:\n{said}");
    }
}

#[test]
fn parts_of_a_topic_make_points_of_their_own() {
    let config = read(
        r#"
[[mqtt.topic]]
filter = "plant/+/tank/+/level"
parts = ["a/1", "b/2"]
[[mqtt.topic.point]]
key = "{1}.T-{2}.level"
title = { zh = "{1} 区 {2} 号罐液位" }
labels = { area = "{1}" }
pointer = "/v"
POINT
"#,
    )
    .unwrap();
    let points = config.catalog.points();
    let keys: Vec<&str> = points.iter().map(|point| point.key.as_str()).collect();
    assert_eq!(keys, ["a.T-1.level", "b.T-2.level", "fenghuo.line.devices"]);
    assert_eq!(points[1].labels["area"], "b");
    assert_eq!(points[1].title.zh, "b 区 2 号罐液位");
    let feed = &config.mqtt[0];
    // One subscription, and each part's points on its own topic only.
    assert_eq!(feed.subscriptions.len(), 1);
    assert_eq!(
        feed.subscriptions[0].filter.as_str(),
        "plant/+/tank/+/level"
    );
    let (filter, Place::Payload(mapping, _)) = feed.find(1).unwrap() else {
        panic!("it is a payload");
    };
    assert_eq!(filter.as_str(), "plant/+/tank/+/level");
    assert_eq!(mapping.filter.as_str(), "plant/b/tank/2/level");
}

#[test]
fn parts_that_do_not_fit_are_named() {
    let topic = |filter: &str, rest: &str| {
        problems(&format!(
            "[[mqtt.topic]]\nfilter = \"{filter}\"\n{rest}\n\
             [[mqtt.topic.point]]\nkey = \"{{1}}\"\npointer = \"/v\"\nPOINT"
        ))
    };
    let said = topic("plant/+", "parts = [\"a\", \"a/b\", \"+\"]");
    assert!(said.contains("`a/b` does not fill the 1 `+`"), "{said}");
    assert!(said.contains("`+` does not fill the 1 `+`"), "{said}");
    let said = topic("plant/+", "");
    assert!(
        said.contains("key: holds `{1}`, and the topic has no such part"),
        "{said}"
    );
    let said = topic("plant/#", "parts = [\"a\"]");
    assert!(said.contains("parts stand for the `+`"), "{said}");
    let said = topic("plant/+", "parts = [\"a\", \"a\"]");
    assert!(said.contains("`a` is already another point"), "{said}");
    let said = topic("plant/+", "parts = [\"罐\"]");
    assert!(said.contains("has the character"), "{said}");
}

#[test]
fn edge_nodes_are_read() {
    let config = read(
        r#"
host_id = "fenghuo"
[[mqtt.sparkplug]]
group = "开江"
edge = "gw7"
[[mqtt.sparkplug.point]]
device = "tank1"
metric = "Level/Value"
key = "T-1.level"
POINT
"#,
    )
    .unwrap();
    let feed = &config.mqtt[0];
    assert_eq!(feed.host_id.as_deref(), Some("fenghuo"));
    let (filter, Place::Edge(plan, 0)) = feed.find(0).unwrap() else {
        panic!("it is a metric");
    };
    assert_eq!(filter.as_str(), "spBv1.0/开江/+/gw7/#");
    assert_eq!(plan.metrics[0].device.as_deref(), Some("tank1"));
    let said = problems("[[mqtt.sparkplug]]\ngroup = \"a/b\"\nedge = \"\"\npoint = []");
    assert!(said.contains("group: `a/b` is no single level"), "{said}");
    assert!(said.contains("edge: `` is no single level"), "{said}");
    let said = problems("host_id = \"x\"\n[[mqtt.topic]]\nfilter = \"a\"\npoint = []");
    assert!(
        said.contains("host_id: is for [[mqtt.sparkplug]]"),
        "{said}"
    );
}

#[test]
fn tls_and_version_are_settings_of_any_broker() {
    let topic =
        "[[mqtt.topic]]\nfilter = \"a\"\n[[mqtt.topic.point]]\nkey = \"a\"\npointer = \"\"\nPOINT";
    let config = read(&format!("mqtt_version = 5\n{topic}")).unwrap();
    assert_eq!(config.mqtt[0].broker.version, Version::V5);
    assert_eq!(config.destinations[0].broker.version, Version::V4);
    let said = problems(&format!("mqtt_version = 6\nca_file = \"ca.pem\"\n{topic}"));
    assert!(
        said.contains("mqtt_version: is 6; 3 to 5 is allowed"),
        "{said}"
    );
    assert!(said.contains("ca_file: is for mqtts://"), "{said}");
    let with = |more: &str| {
        let text = format!("{HEAD}{more}\n{}", topic.replace("POINT", POINT));
        let text = text.replace(
            "name = \"devices\"\nurl = \"mqtt://",
            "name = \"devices\"\nurl = \"mqtts://",
        );
        parse("x.toml", &text, &none()).unwrap_err().to_string()
    };
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let said = with(&format!("ca_file = \"{}\"", empty.display()));
    assert!(
        said.contains("ca_file: ") && said.contains("holds no certificate"),
        "{said}"
    );
    let said = with("cert_file = \"a\"");
    assert!(
        said.contains("key_file: is missing, and there is a cert_file"),
        "{said}"
    );
}

#[test]
fn the_examples_of_the_manual_are_good() {
    let manual = include_str!("../../../../../docs/collector-mqtt.md");
    let blocks = manual.split("```toml\n").skip(1);
    let mut seen = 0;
    for block in blocks.filter_map(|block| block.split("```").next()) {
        seen += 1;
        let head = match HEAD.split_once("[[mqtt]]") {
            Some((head, _)) if block.starts_with("[[mqtt]]") => head,
            _ => HEAD,
        };
        // The files of the example are not here.
        let kept = block.lines().filter(|line| !line.contains("_file"));
        let mut text = format!("{head}{}\n", kept.collect::<Vec<_>>().join("\n"));
        if !block.contains("point]]") {
            let topic = "[[mqtt.topic]]\nfilter = \"a\"\npayload = \"text\"\n";
            text += &format!("{topic}[[mqtt.topic.point]]\nkey = \"a\"\n{POINT}");
        }
        if let Err(problems) = parse("manual.toml", &text, &none()) {
            panic!("{problems}\n{text}");
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn devices_that_share_a_point_are_warned_of() {
    let text = |filter: &str, more: &str| {
        format!(
            "[[mqtt.topic]]\nfilter = \"{filter}\"\n{more}\n[[mqtt.topic.point]]\n\
             key = \"p{{1}}\"\npointer = \"/v\"\nPOINT"
        )
    };
    for filter in ["plant/+", "plant/#"] {
        let config = read(&text(filter, "").replace("{1}", "")).unwrap();
        let [warning] = config.warnings.as_slice() else {
            panic!("{:?}", config.warnings);
        };
        assert_eq!(warning.key, "mqtt[0].topic[0].filter");
        assert!(warning.what.contains("混进同一个测点"), "{warning}");
        assert!(
            warning.what.contains("list the devices in parts"),
            "{warning}"
        );
    }
    let parted = text("plant/+", "parts = [\"a\", \"b\"]");
    assert_eq!(read(&parted).unwrap().warnings, []);
    let one = text("plant/a", "").replace("{1}", "");
    assert_eq!(read(&one).unwrap().warnings, []);
}
