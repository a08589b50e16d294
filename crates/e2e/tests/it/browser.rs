//! The console in Chromium, served by the real server, with an alarm of the real path.

use std::fs::File;
use std::process::Command;

use fenghuo_e2e::collector::{Collector, modbus};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::point::{Point, Wave};
use fenghuo_e2e::server::{Server, Settings, words};
use fenghuo_e2e::{binary, http, wait};
use serde_json::{Value as Json, json};

use crate::custody::{HOUR_MS, wall_ms};

const RULES: &str = r#"
[[rule]]
id     = "e2e.counted"
title  = { zh = "读数过多", en = "Counted too far" }
select = { role = "watched" }
unit   = ""
[[rule.level]]
name     = "H"
above    = 5.0
reset    = 3.0
for      = "0s"
severity = "orange"
"#;

const COMMENT: &str = "已到现场查看 <b>正常</b>";

/// Makes sure that there is a browser, and a driver for it among the console's packages.
fn prepare() {
    if std::env::var_os("CHROMIUM").is_none() {
        let path = binary::installed(&["/usr/bin/chromium"], "apt-get install chromium");
        println!("{}", path.display());
    }
    let page = binary::workspace("crates/console/page");
    let lock = File::create(binary::target().join("e2e-npm.lock")).unwrap();
    lock.lock().unwrap();
    if !page.join("node_modules/playwright-core").exists() {
        eprintln!("npm ci in {} (once)", page.display());
        let output = Command::new("npm").arg("ci").current_dir(&page).output();
        let output = output.expect("npm is missing: install Node.js 20 or newer");
        assert!(output.status.success(), "npm ci: {}", words(&output));
    }
}

/// What a gateway's silence asks of people.
const CASE: &str = r#"
[closed_loop.orange]
acknowledge     = "1h"
cause           = "2h"
verify          = "4h"
close_by_person = true
"#;

/// A server with the console, and one with a line to a plant.
fn plant(dir: &Folder, rules: &str) -> (Plc, Server, Collector) {
    let points = [Point {
        role: "watched",
        ..Point::new("counter", "holding", 1, "u32").wave(Wave::Count)
    }];
    let plc = Plc::start(dir.path(), &points);
    let settings = Settings {
        rules: rules.to_owned(),
        ..Settings::default()
    };
    let mut server = Server::new(dir.path(), &settings);
    server.start();
    let index = http::get(server.http, "/").unwrap().body;
    assert!(
        index.contains("assets/"),
        "the server was built without the console: run `make console`, then `make build`\n{index}"
    );
    let sources = modbus(plc.port, 100, &points);
    let mut collector = Collector::new(dir.path(), "dust/gw3", server.mqtt, &sources);
    collector.start();
    (plc, server, collector)
}

/// Runs a person at the console.
fn person(server: &Server, script: &str, arguments: &[&str]) {
    let output = Command::new("node")
        .arg(binary::workspace("crates/e2e/browser").join(script))
        .arg(format!("http://127.0.0.1:{}/", server.http))
        .args(arguments)
        .output()
        .expect("node is missing: install Node.js 20 or newer");
    assert!(output.status.success(), "{}", words(&output));
    println!("{}", words(&output));
}

#[test]
fn a_person_books_silences_and_closes_a_case_in_the_browser() {
    prepare();
    let dir = Folder::new();
    let (_plc, mut server, mut collector) = plant(&dir, CASE);
    collector.wait_delivered();
    let silence = |state: &str| {
        let path = "/api/v1/alarms?state=open&enterprise=dust";
        let what = format!("the gateway's alarm, {state}");
        wait::for_some(wait::LONG, &what, || {
            let alarms = server.api(path).as_array().unwrap().clone();
            let is_it = |it: &Json| it["rule"] == "fenghuo.gateway-silent" && it["state"] == *state;
            alarms.into_iter().find(is_it)
        })
    };
    collector.stop();
    silence("unacknowledged");
    collector.start();
    silence("returned_unacknowledged");

    person(&server, "pages.mjs", &["网关失联", "dust"]);
    let booking = &server.api("/api/v1/bookings")[0];
    assert_eq!(booking["booking"], "校验");
    assert_eq!(booking["made"]["by"], "赵刚");
    assert_eq!(booking["made"]["comment"], "半年一次");
    assert_eq!(booking["select"], json!({"enterprise": ["dust"]}));
    // A restart still knows who.
    server.stop();
    server.start();
    let silence = &server.api("/api/v1/silences")[0];
    assert_eq!(silence["silence"], "检修");
    assert_eq!(
        (&silence["made"]["by"], &silence["ended"]["by"]),
        (&json!("赵刚"), &json!("李敏"))
    );
    assert_eq!(server.api("/api/v1/bookings")[0]["made"]["by"], "赵刚");
    collector.stop();
    server.stop();
    println!("{}", server.prove(&[]));
}

#[test]
fn a_person_finds_out_why_samples_are_missing_and_asks_for_them_again() {
    prepare();
    let dir = Folder::new();
    let (mut plc, mut server, mut collector) = plant(&dir, "");
    let read = |quality: &str| {
        wait::until(wait::LONG, &format!("a {quality} reading"), || {
            let current = server.api("/api/v1/current");
            let is_it = |it: &Json| it["id"] == "dust/gw3/counter" && it["quality"] == *quality;
            current.as_array().unwrap().iter().any(is_it)
        });
    };
    read("good");
    plc.kill();
    read("bad");
    plc.restart();
    // A run tells what it counted when it stops; the next one tells that there was none.
    collector.stop();
    collector.start();
    let now = wall_ms();
    let path = format!(
        "/api/v1/custody?gateway=dust/gw3&from={}&to={now}&point=counter",
        now - 24 * HOUR_MS
    );
    wait::until(wait::LONG, "the account and its gap", || {
        let view = server.api(&path);
        view["gaps"] != json!([]) && view["points"].to_string().contains("not_connected")
    });
    person(&server, "custody.mjs", &["dust/gw3", "counter"]);
    // It has everything: the gateway hears of the period, and nothing of it is taken twice.
    wait::until(wait::LONG, "the gateway to hear of the period", || {
        let log = std::fs::read_to_string(collector.dir.join("run-0002.log")).unwrap();
        log.contains("the server wants a period again")
    });
    collector.wait_delivered();
    let gateway = server.gateway("dust/gw3").unwrap();
    assert_eq!(
        (&gateway["duplicates"], &gateway["refused"]),
        (&json!(0), &json!(0))
    );
    collector.stop();
    server.stop();
    println!("{}", server.prove(&[]));
}

#[test]
fn a_person_sees_an_alarm_in_the_browser_and_acknowledges_it() {
    prepare();
    let dir = Folder::new();
    let (_plc, mut server, mut collector) = plant(&dir, RULES);
    person(&server, "ack.mjs", &["读数过多", "王建国", COMMENT]);
    let alarm = wait::for_some(wait::LONG, "the alarm in the api", || {
        let alarms = server.api("/api/v1/alarms?state=active&enterprise=dust");
        let mut alarms = alarms.as_array().unwrap().clone().into_iter();
        alarms.find(|it| it["rule"] == "e2e.counted")
    });
    assert_eq!(alarm["state"], "acknowledged", "{alarm}");
    assert_eq!(alarm["acked_by"], "王建国");
    assert_eq!(alarm["comment"], COMMENT);
    collector.stop();
    server.stop();
    println!("{}", server.prove(&[]));
}
