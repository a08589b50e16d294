//! Debian's mosquitto as the broker of all, and `mosquitto_pub` as the device.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fenghuo_e2e::collector::{Collector, modbus};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::history::Row;
use fenghuo_e2e::http;
use fenghuo_e2e::mosquitto::{Device, Mosquitto};
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::wait;

use crate::counted;

const GATEWAY: &str = "dust/gw1";
const TOPIC: &str = "plant/dust/device/fan";
/// What the device's clock shows at its first message.
const FIRST_MS: i64 = 1_790_000_000_000;
/// Messages that must arrive, each time.
const MESSAGES: u64 = 300;
/// How often the broker is killed.
const KILLS: usize = 3;

const SOURCE: &str = r#"
[[mqtt]]
name = "devices"
url  = "mqtt://127.0.0.1:PORT"
[[mqtt.topic]]
filter = "plant/dust/device/+"
time   = { pointer = "/ts", format = "ms" }
[[mqtt.topic.point]]
key     = "n"
kind    = "count"
pointer = "/n"
type    = "u64"
[[mqtt.topic.point]]
key     = "speed"
kind    = "speed"
pointer = "/values/speed"
type    = "f64"
[[mqtt.topic.point]]
key     = "running"
kind    = "state"
pointer = "/values/running"
type    = "bool"
[[mqtt.topic.point]]
key     = "mode"
kind    = "other"
pointer = "/values/mode"
type    = "text"
"#;

/// The values of message `n`: speed, running, mode. Some are not what the mapping expects.
fn values(n: u64) -> (f64, bool, String) {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // All bits of a double, so that a parser that is nearly right is found.
    let speed = (mixed >> 11) as f64 / 1e11 - 4e4;
    (speed, mixed >> 63 == 1, format!("档位 {n} \u{1F525}"))
}

fn payload(n: u64) -> String {
    let (speed, running, mode) = values(n);
    let ts = FIRST_MS + i64::try_from(n).unwrap();
    let mut text = format!(r#"{{"ts":{ts},"n":{n},"values":{{"speed":"#);
    match n % 20 {
        7 => write!(text, r#""{speed}""#).unwrap(),
        _ => write!(text, "{speed:?}").unwrap(),
    }
    if n % 20 != 11 {
        write!(text, r#","running":{running}"#).unwrap();
    }
    write!(text, r#","mode":"{mode}"}}}}"#).unwrap();
    text
}

/// What history must have of message `n`, by point.
fn expected(n: u64) -> [(&'static str, String); 4] {
    let (speed, running, mode) = values(n);
    let speed = match n % 20 {
        7 => "x:wrong_type".to_owned(),
        _ => format!("f:{:016x}", speed.to_bits()),
    };
    let running = match n % 20 {
        11 => "x:missing_field".to_owned(),
        _ => format!("b:{}", u8::from(running)),
    };
    [
        ("n", format!("u:{n}")),
        ("speed", speed),
        ("running", running),
        ("mode", format!("t:{mode}")),
    ]
}

#[test]
fn a_device_on_mosquitto_arrives_exactly_though_the_broker_is_killed() {
    let dir = Folder::new();
    let mut broker = Mosquitto::start(dir.path());
    let points = counted::points(1, 10);
    let plc = Plc::start(dir.path(), &points);
    let settings = Settings {
        broker: Some(broker.port),
        ..Settings::default()
    };
    let mut server = Server::new(dir.path(), &settings);
    server.start();
    let sources = modbus(plc.port, 50, &points) + &SOURCE.replace("PORT", &broker.port.to_string());
    let mut collector = Collector::new(dir.path(), GATEWAY, broker.port, &sources);
    collector.start();

    let mut published = 0;
    let mut required = BTreeSet::new();
    for kill in 0..=KILLS {
        if kill > 0 {
            broker.kill();
            broker.restart();
        }
        let mut device = Device::connect(broker.port, TOPIC);
        // Until the collector has subscribed, what is published goes to nobody.
        let first = published;
        let heard = wait::for_some(wait::LONG, "a first message to arrive", || {
            device.publish(&payload(published));
            published += 1;
            current(&server).filter(|n| *n >= first)
        });
        required.extend(heard..published + MESSAGES);
        for _ in 0..MESSAGES {
            device.publish(&payload(published));
            published += 1;
        }
        device.finish();
        wait::until(wait::LONG, "the last message to arrive", || {
            current(&server) == Some(published - 1)
        });
    }
    collector.wait_delivered();
    collector.stop();
    let kept = server.stop_and_read();
    check_messages(&kept.point(GATEWAY, "n"), &required, published);
    for n in required.iter().copied() {
        let at = FIRST_MS + i64::try_from(n).unwrap();
        for (key, told) in expected(n) {
            let rows = kept.point_at(GATEWAY, key, at);
            assert_eq!(rows, [told], "{key} of message {n}");
        }
    }
    counted::check_spooled(&kept, GATEWAY, &collector.spooled());
    let lacks = counted::check_values(&plc, &kept, GATEWAY, 1);
    assert!(lacks.len() <= 1, "{lacks:?} are missing");
    println!(
        "{} of {published} messages were to arrive, and did",
        required.len()
    );
}

/// The number of the newest message that is shown.
fn current(server: &Server) -> Option<u64> {
    let shown = http::get(server.http, "/api/v1/current?enterprise=dust")?.json();
    let mut shown = shown.as_array()?.iter();
    shown.find(|it| it["id"] == "dust/gw1/n")?["value"].as_u64()
}

fn check_messages(rows: &[Row], required: &BTreeSet<u64>, published: u64) {
    let numbers: Vec<u64> = rows
        .iter()
        .filter_map(|row| row.told.strip_prefix("u:")?.parse().ok())
        .collect();
    let once: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(once.len(), numbers.len(), "doubled messages");
    let lost: Vec<_> = required.difference(&once).collect();
    assert!(lost.is_empty(), "{lost:?} of {published} are missing");
}
