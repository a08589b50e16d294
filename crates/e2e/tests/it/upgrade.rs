//! The server is replaced by another version while alarms come and go and the log is trimmed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fenghuo_e2e::collector::{Collector, modbus};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::{log, wait};

use crate::counted;

const GATEWAY: &str = "mine/gw1";
const INTERVAL_MS: u32 = 50;
/// Alarm events before the upgrade, and after it.
const EVENTS: usize = 12;

/// Makes every snapshot one of another version, which this one cannot read.
fn of_another_version(snapshots: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(snapshots).unwrap() {
        let path = entry.unwrap().path();
        let mut body = fs::read(&path).unwrap().split_off(4);
        body[0] = 99;
        body.truncate(body.len() / 2);
        let crc = crc32c::crc32c(&body).to_le_bytes();
        fs::write(path, [&crc[..], &body].concat()).unwrap();
        count += 1;
    }
    count
}

/// Every event as (alarm, occurrence, transition), in order.
fn events(server: &Server) -> Vec<(String, String, String)> {
    let (mut after, mut all) = ("0.0".to_owned(), Vec::new());
    loop {
        let page = server.api(&format!("/api/v1/events?after={after}&limit=1000"));
        let page = page.as_array().unwrap();
        let Some(last) = page.last() else {
            return all;
        };
        after = last["event"].as_str().unwrap().to_owned();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        all.extend(page.iter().map(|it| {
            (
                text(&it["alarm"]),
                text(&it["occurrence"]),
                text(&it["transition"]),
            )
        }));
    }
}

fn wait_for_events(server: &Server, count: usize) -> usize {
    wait::until(wait::LONG, "alarm events", || events(server).len() >= count);
    events(server).len()
}

#[test]
fn another_version_goes_on_with_the_alarms_of_a_trimmed_log() {
    let dir = Folder::new();
    let points = counted::points(1, 5);
    let plc = Plc::start(dir.path(), &points);
    let settings = Settings {
        rules: counted::RULES.to_owned(),
        trim: true,
        ..Settings::default()
    };
    let mut server = Server::new(dir.path(), &settings);
    server.start();
    let sources = modbus(plc.port, INTERVAL_MS, &points);
    let mut collector = Collector::new(dir.path(), GATEWAY, server.mqtt, &sources);
    collector.start();
    let before = wait_for_events(&server, EVENTS);
    wait::until(wait::LONG, "the log to be trimmed", || {
        server.api("/api/v1/health")["log"]["first"].as_u64() > Some(1)
    });
    // Not even orderly.
    server.kill();
    assert!(log::first(&server.data) > 1);
    assert!(of_another_version(&server.data.join("snapshots")) > 0);

    server.start();
    let health = server.api("/api/v1/health");
    assert_eq!(health["status"], "ok", "{health}");
    wait_for_events(&server, before + EVENTS);
    // What is up is raised once, and only what is up returns.
    let mut up: BTreeMap<String, bool> = BTreeMap::new();
    for (alarm, occurrence, transition) in events(&server) {
        let is_up = up.entry(alarm.clone()).or_default();
        match transition.as_str() {
            "raise" => assert!(
                !std::mem::replace(is_up, true),
                "{alarm} {occurrence} is raised twice"
            ),
            "return" => assert!(
                std::mem::replace(is_up, false),
                "{alarm} {occurrence} returns twice"
            ),
            _ => {}
        }
    }
    collector.stop();
    server.stop();
    println!("{}", server.prove(&["--from-snapshot"]));
}
