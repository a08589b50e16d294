//! Every part of a file, changed alone: what goes on, what does not, and what is refused.

use std::collections::BTreeMap;

use super::*;
use crate::config::parse;

const HEAD: &str = r#"
enterprise = "oil"
gateway = "gw1"
[spool]
dir = "/var/spool"
budget_mb = 64
[[destination]]
name = "plant"
url = "mqtt://10.0.0.2"
[[destination]]
name = "county"
url = "mqtt://10.0.0.3"
"#;

const LINE: &str = r#"
[[modbus]]
name = "plc1"
address = "10.0.0.4:502"
[[modbus.unit]]
id = 1
[[modbus.unit.point]]
key = "T1.level"
title = { zh = "液位", en = "Level" }
kind = "level"
unit = "m"
table = "holding"
address = 10
type = "f32"
deadband = 0.5
[[modbus.unit.point]]
key = "T1.temp"
kind = "temperature"
unit = "°C"
table = "holding"
address = 12
type = "f32"
"#;

const CALLER: &str = r#"
[[modbus]]
name = "modem"
transport = "dial_in"
listen = "127.0.0.1:9000"
register = "DTU-1"
[[modbus.unit]]
id = 1
[[modbus.unit.point]]
key = "M.level"
kind = "level"
unit = "m"
table = "holding"
address = 1
type = "u16"
"#;

const FEED: &str = r#"
[[mqtt]]
name = "devices"
url = "mqtt://10.0.0.5"
[[mqtt.topic]]
filter = "gd/1"
[[mqtt.topic.point]]
key = "GD.lel"
kind = "concentration"
unit = "%LEL"
type = "f64"
pointer = "/lel"
[[mqtt.sparkplug]]
group = "g"
edge = "e"
[[mqtt.sparkplug.point]]
key = "E.n"
kind = "count"
type = "u64"
metric = "n"
"#;

fn config(text: &str) -> Config {
    let parsed = parse("x.toml", text, &BTreeMap::new());
    parsed.unwrap_or_else(|problems| panic!("{problems}"))
}

fn whole() -> String {
    [HEAD, LINE, CALLER, FEED].concat()
}

/// Everything as it is, with one thing changed.
fn with(from: &str, to: &str) -> Result<Difference, NeedsRestart> {
    assert!(whole().contains(from), "{from}");
    compare(&config(&whole()), &config(&whole().replacen(from, to, 1)))
}

fn fates(difference: &Difference) -> Vec<(&str, Fate)> {
    let fates = difference.sources.iter();
    fates.map(|(name, fate)| (name.as_str(), *fate)).collect()
}

/// Only this source has another fate than to go on.
fn only(name: &str, fate: Fate) -> Vec<(&str, Fate)> {
    let all = ["devices", "modem", "plc1"];
    let fate_of = |it: &'static str| (it, if it == name { fate } else { Fate::Kept });
    all.into_iter().map(fate_of).collect()
}

#[test]
fn nothing_has_changed_in_the_same_file() {
    let difference = with("", "# a comment\n").unwrap();
    assert_eq!(fates(&difference), only("", Fate::Kept));
    assert!(!difference.frames && !difference.spool);
    assert!(difference.destinations.is_empty());
}

#[test]
fn whatever_a_source_reads_by_changes_it_and_no_other() {
    for (name, from, to) in [
        ("plc1", "10.0.0.4:502", "10.0.0.4:503"),
        ("plc1", "id = 1\n", "id = 2\n"),
        ("plc1", "id = 1\n", "id = 1\ninterval_ms = 500\n"),
        ("plc1", "id = 1\n", "id = 1\ndrift_guard = true\n"),
        ("plc1", "id = 1\n", "id = 1\nholes = [\"holding 3\"]\n"),
        ("plc1", "name = \"plc1\"", "name = \"plc1\"\npause_ms = 5"),
        (
            "plc1",
            "name = \"plc1\"",
            "name = \"plc1\"\ntimeout_ms = 50",
        ),
        ("plc1", "address = 10\n", "address = 14\n"),
        ("plc1", "deadband = 0.5", "deadband = 0.25"),
        ("plc1", "deadband = 0.5", "deadband = 0.5\nscale = 10"),
        ("plc1", "type = \"f32\"", "type = \"i32\""),
        ("plc1", "deadband = 0.5", "range = { low = 0, high = 9 }"),
        // Not one that reads differently, but another point.
        ("plc1", "\"T1.level\"", "\"T2.level\""),
        ("plc1", "unit = \"m\"", "unit = \"mm\""),
        ("modem", "DTU-1", "DTU-2"),
        ("modem", ":9000", ":9001"),
        ("devices", "10.0.0.5", "10.0.0.6"),
        ("devices", "/lel", "/lel2"),
        ("devices", "metric = \"n\"", "metric = \"m\""),
        (
            "devices",
            "\"mqtt://10.0.0.5\"",
            "\"mqtt://10.0.0.5\"\nclient_id = \"x\"",
        ),
    ] {
        let difference = with(from, to).unwrap();
        assert_eq!(fates(&difference), only(name, Fate::Changed), "{to}");
        assert!(difference.frames, "{to}");
    }
}

#[test]
fn what_is_only_told_of_points_stops_nothing() {
    for to in [
        "zh = \"罐液位\"",
        "zh = \"液位\", en = \"x\" }\nlabels = { area = \"a\" }\n#",
    ] {
        let difference = with("zh = \"液位\"", to).unwrap();
        assert_eq!(fates(&difference), only("plc1", Fate::Described), "{to}");
        assert!(difference.frames);
    }
}

#[test]
fn sources_come_go_and_move() {
    let was = config(&whole());
    let moved = config(&[HEAD, CALLER, LINE, FEED].concat());
    let difference = compare(&was, &moved).unwrap();
    assert_eq!(fates(&difference), only("", Fate::Kept));
    assert!(difference.frames, "its points stand elsewhere");
    let less = config(&[HEAD, CALLER, FEED].concat());
    let difference = compare(&was, &less).unwrap();
    assert_eq!(fates(&difference), only("plc1", Fate::Stopped));
    let difference = compare(&less, &was).unwrap();
    assert_eq!(fates(&difference), only("plc1", Fate::Started));
    // A source of the same name and another kind.
    let feed = FEED.replace("\"devices\"", "\"plc1\"");
    let other = config(&[HEAD, CALLER, &feed].concat());
    let difference = compare(&was, &other).unwrap();
    assert_eq!(difference.sources["plc1"], Fate::Changed);
    assert_eq!(difference.sources["devices"], Fate::Stopped);
}

#[test]
fn two_points_that_change_places_change_their_line() {
    let swapped = whole().replace("\"T1.level\"", "\"x\"");
    let swapped = swapped.replace("\"T1.temp\"", "\"T1.level\"");
    let swapped = swapped.replace("\"x\"", "\"T1.temp\"");
    let difference = compare(&config(&whole()), &config(&swapped)).unwrap();
    assert_eq!(difference.sources["plc1"], Fate::Changed);
}

#[test]
fn spool_and_destinations_may_change_in_part() {
    let difference = with("budget_mb = 64", "budget_mb = 32").unwrap();
    assert!(difference.spool && !difference.frames);
    let difference = with("budget_mb = 64", "keep_hours = 1").unwrap();
    assert!(difference.spool);
    let difference = with("budget_mb = 64", "budget_mb = 64\nflush_ms = 20").unwrap();
    assert!(difference.frames && !difference.spool);
    for to in [
        "\"mqtt://10.0.0.9\"",
        "\"mqtt://10.0.0.3\"\nlimit_kbit_s = 64",
        "\"mqtt://10.0.0.3\"\nbacklog_percent = 10",
        "\"mqtt://10.0.0.3\"\nusername = \"gw\"",
        "\"mqtt://10.0.0.3\"\nmqtt_version = 5",
    ] {
        let difference = with("\"mqtt://10.0.0.3\"", to).unwrap();
        assert_eq!(difference.destinations, ["county"], "{to}");
        assert_eq!(fates(&difference), only("", Fate::Kept));
    }
}

#[test]
fn what_needs_a_restart_is_named_all_at_once() {
    let refused = |from: &str, to: &str| with(from, to).unwrap_err().keys;
    assert_eq!(refused("\"oil\"", "\"gas\""), ["enterprise"]);
    assert_eq!(refused("\"gw1\"", "\"gw2\""), ["gateway"]);
    assert_eq!(refused("/var/spool", "/var/other"), ["spool.dir"]);
    let status = "\n[status]\nlisten = \"127.0.0.1:9200\"\n[spool]";
    assert_eq!(refused("\n[spool]", status), ["status.listen"]);
    let named = [
        "destination `county` (removed)",
        "destination `city` (added)",
    ];
    assert_eq!(refused("\"county\"", "\"city\""), named);
    let text = whole()
        .replace("\"oil\"", "\"gas\"")
        .replace("/var/spool", "/x");
    let error = compare(&config(&whole()), &config(&text)).unwrap_err();
    assert_eq!(error.to_string(), "enterprise, spool.dir");
}
