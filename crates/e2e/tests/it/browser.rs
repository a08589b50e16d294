//! The console in Chromium, served by the real server, with an alarm of the real path.

use std::fs::File;
use std::process::Command;

use fenghuo_e2e::collector::{Collector, modbus};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::point::{Point, Wave};
use fenghuo_e2e::server::{Server, Settings, words};
use fenghuo_e2e::{binary, http, wait};

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

#[test]
fn a_person_sees_an_alarm_in_the_browser_and_acknowledges_it() {
    prepare();
    let dir = Folder::new();
    let points = [Point {
        role: "watched",
        ..Point::new("counter", "holding", 1, "u32").wave(Wave::Count)
    }];
    let plc = Plc::start(dir.path(), &points);
    let settings = Settings {
        rules: RULES.to_owned(),
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

    let output = Command::new("node")
        .arg(binary::workspace("crates/e2e/browser/ack.mjs"))
        .arg(format!("http://127.0.0.1:{}/", server.http))
        .args(["读数过多", "王建国", COMMENT])
        .output()
        .expect("node is missing: install Node.js 20 or newer");
    assert!(output.status.success(), "{}", words(&output));
    println!("{}", words(&output));
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
