//! A full disk: frames are refused and everybody can see it; ticks and acknowledgements go
//! on; acceptance comes back by itself.
//!
//! The disk is made full without owning one: the server must keep as a reserve nearly all
//! that is free now, and a ballast file takes the rest.

use std::path::{Path, PathBuf};
use std::process::Command;

use fenghuo_e2e::collector::{Collector, modbus};
use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::gateway::{Around, Gateway, holds, now};
use fenghuo_e2e::plc::Plc;
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::{http, wait};
use fenghuo_log::Log;
use fenghuo_model::{Reading, Sample, Timestamp, Value, ValueType};
use fenghuo_uplink::frame::FrameBuilder;
use serde_json::{Value as Json, json};

use crate::{counted, frames};

const GATEWAY: &str = "oil/gw7";
/// Frames that must wait while there is no room.
const FRAMES: f64 = 20.0;
/// What others may take or free on the machine's disk during the test.
const MARGIN_MAX: u64 = 1 << 30;
/// Largest reserve that can be configured.
const RESERVE_MB_MAX: u64 = 1 << 20;

/// Free bytes of the disk that a folder is on.
fn free_bytes(dir: &Path) -> u64 {
    let log = Log::open(&dir.join("probe.db"), None).unwrap();
    log.space().unwrap().disk_free_bytes
}

struct Ballast(PathBuf);

impl Ballast {
    fn take(dir: &Path, bytes: u64) -> Self {
        let path = dir.join("ballast");
        let made = Command::new("fallocate")
            .args(["-l", &bytes.to_string()])
            .arg(&path)
            .status();
        assert!(made.unwrap().success(), "fallocate of {bytes} bytes");
        Self(path)
    }

    fn drop_it(self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

fn status(server: &Server) -> String {
    let health = server.api("/api/v1/health");
    health["status"].as_str().unwrap().to_owned()
}

fn wait_refusing(server: &Server) {
    wait::until(wait::LONG, "health to say refusing", || {
        status(server) == "refusing"
    });
    let health = server.api("/api/v1/health");
    let mut problems = health["problems"].as_array().unwrap().iter();
    assert!(problems.any(|it| it["code"] == "no_room"), "{health}");
    assert_eq!(health["log"]["free_bytes"], 0, "{health}");
}

fn accepted(server: &Server) -> f64 {
    server.figure("frames_total{result=\"accepted\"}").unwrap()
}

#[test]
fn a_full_disk_stops_frames_and_nothing_else() {
    let dir = Folder::new();
    let free = free_bytes(dir.path());
    let margin = MARGIN_MAX.min(free / 8);
    let reserve_mb = ((free - margin) >> 20).min(RESERVE_MB_MAX);
    let points = counted::points(1, 10);
    let plc = Plc::start(dir.path(), &points);
    let settings = Settings {
        rules: counted::RULES.to_owned(),
        reserve_mb: u32::try_from(reserve_mb).unwrap(),
        ..Settings::default()
    };
    let mut server = Server::new(dir.path(), &settings);
    server.start();
    let sources = modbus(plc.port, 50, &points);
    let mut collector = Collector::new(dir.path(), GATEWAY, server.mqtt, &sources);
    collector.start();
    let alarm = wait::for_some(wait::LONG, "an alarm", || {
        let alarms = server.api("/api/v1/alarms?state=active&enterprise=oil");
        alarms.as_array().unwrap().first().cloned()
    });

    let ballast = Ballast::take(dir.path(), free - (reserve_mb << 20) + margin);
    wait_refusing(&server);
    let (before, ticks) = (accepted(&server), server.figure("ticks_total").unwrap());
    wait::until(wait::LONG, "frames to wait in the spool", || {
        collector
            .delivery("frames_pending")
            .is_some_and(|pending| pending >= FRAMES)
    });
    acknowledge(&server, &alarm);
    wait::until(wait::LONG, "ticks to go on", || {
        server
            .figure("ticks_total")
            .is_some_and(|now| now >= ticks + 3.0)
    });
    assert_eq!(status(&server), "refusing");
    assert!(
        (accepted(&server) - before).abs() < 0.5,
        "frames were accepted"
    );

    ballast.drop_it();
    wait::until(wait::LONG, "health to say that there is room", || {
        status(&server) != "refusing"
    });
    collector.wait_delivered();
    collector.stop();
    let kept = server.stop_and_read();
    let count = counted::check_spooled(&kept, GATEWAY, &collector.spooled());
    let lacks = counted::check_values(&plc, &kept, GATEWAY, 1);
    assert!(lacks.len() <= 1, "{lacks:?} are missing");
    println!("{count} samples, none lost\n{}", server.prove(&[]));
}

/// A person's act goes through, and is kept.
fn acknowledge(server: &Server, alarm: &Json) {
    let act = json!({
        "alarm": alarm["alarm"], "occurrence": alarm["occurrence"],
        "by": "李值班", "comment": "磁盘满时确认",
    });
    let answer = http::post(server.http, "/api/v1/ack", &act).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["acked_by"], "李值班", "{}", answer.body);
}

/// A frame that fills a fifth of a megabyte.
fn large(builder: &mut FrameBuilder, seq: u64) -> Vec<u8> {
    let at = now();
    for _ in 0..200 {
        let sample = Sample {
            time: Timestamp::from_millis(at),
            reading: Reading::Good(Value::Text("x".repeat(1_000))),
        };
        builder.push(0, &sample).unwrap();
    }
    builder.finish(7, seq, 1, at)
}

#[test]
fn a_log_at_its_budget_refuses_and_takes_the_same_frame_when_it_may_grow() {
    let dir = Folder::new();
    let budget = |budget_mb| Settings {
        budget_mb: Some(budget_mb),
        ..Settings::default()
    };
    let mut server = Server::new(dir.path(), &budget(16));
    server.start();
    let catalog = frames::catalog(&[("note", ValueType::Text, "")]);
    let mut builder = FrameBuilder::new(catalog.clone());
    let mut gateway = Gateway::connect(server.mqtt, GATEWAY, 7);
    gateway.hello(&catalog, 1, 1);
    gateway.catalog(&catalog);
    let (mut seq, mut last) = (0, Vec::new());
    let around = |oldest| Around {
        live_from: 1,
        oldest,
        sent: now(),
    };
    wait::until(wait::LONG, "the window to be closed", || {
        seq += 1;
        last = large(&mut builder, seq);
        gateway.send(last.clone(), around(seq));
        let answer = gateway.receipt("a receipt or a closed window", |receipt| {
            holds(receipt, 7, seq) || receipt.live.frames == 0
        });
        !holds(&answer, 7, seq)
    });
    wait_refusing(&server);
    println!("refused at frame {seq}");
    drop(gateway);
    server.stop();

    server.configure(&budget(64));
    server.start();
    let mut gateway = Gateway::connect(server.mqtt, GATEWAY, 7);
    let answer = gateway.hello(&catalog, seq, seq);
    assert!(answer.live.frames > 0, "{answer:?}");
    gateway.send(last, around(seq));
    gateway.wait_receipted(seq);
    let kept = server.stop_and_read();
    let frames: std::collections::BTreeSet<_> = kept.of(GATEWAY).keys().map(|id| id.seq).collect();
    assert_eq!(frames, (1..=seq).collect());
}
