//! A link that was cut for an hour: the gateway by hand tells the story in event time.

use std::sync::Arc;

use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::gateway::{Around, Gateway, now};
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::wait;
use fenghuo_model::{Catalog, Reading, Sample, Timestamp, Value, ValueType};
use fenghuo_uplink::frame::FrameBuilder;
use serde_json::Value as Json;

use crate::frames::catalog;

const GATEWAY: &str = "mine/gw9";
const EPOCH: u64 = 0x9A9;
/// Between two frames of the gateway: less than what counts as its silence.
const STEP_MS: i64 = 5_000;
const MINUTE: u64 = 12;
/// Frames before the cut, in the hour of the cut, and after it.
const BEFORE: u64 = 10;
const CUT: u64 = 60 * MINUTE;
const LIVE: u64 = 5;
const PASSED_FROM: u64 = BEFORE + 20 * MINUTE;
const PASSED_UNTIL: u64 = BEFORE + 30 * MINUTE;
const LASTING_FROM: u64 = BEFORE + 50 * MINUTE;
/// A limit that is broken in the middle of the cut, and one from its 50th minute on.
const RULES: &str = r#"
[[rule]]
id     = "e2e.limit"
title  = { zh = "越限", en = "High" }
select = { role = "watched" }
unit   = ""
[[rule.level]]
name     = "H"
above    = 50.0
reset    = 40.0
for      = "0s"
severity = "red"
"#;

/// The point that is high from minute 20 to 30 of the cut, and the one that is high at the
/// end and still.
fn values(seq: u64) -> [f64; 2] {
    let high = |is_high| if is_high { 80.0 } else { 10.0 };
    [
        high((PASSED_FROM..PASSED_UNTIL).contains(&seq)),
        high(seq >= LASTING_FROM),
    ]
}

struct Story {
    catalog: Arc<Catalog>,
    /// The gateway's clock at frame 0.
    begin: i64,
}

impl Story {
    fn time(&self, seq: u64) -> i64 {
        self.begin + i64::try_from(seq).unwrap() * STEP_MS
    }

    /// Frame `seq`.
    fn frame(&self, seq: u64) -> Vec<u8> {
        let at = self.time(seq);
        let mut builder = FrameBuilder::new(self.catalog.clone());
        for (point, value) in (0..).zip(values(seq)) {
            let sample = Sample {
                time: Timestamp::from_millis(at),
                reading: Reading::Good(Value::F64(value)),
            };
            builder.push(point, &sample).unwrap();
        }
        builder.finish(EPOCH, seq, 1, at)
    }

    fn send(&self, gateway: &mut Gateway, seq: u64, live_from: u64, oldest: u64) {
        let around = Around {
            live_from,
            oldest,
            sent: self.time(seq.max(live_from)),
        };
        gateway.send(self.frame(seq), around);
        gateway.wait_receipted(seq);
    }
}

fn alarms(server: &Server, state: &str) -> Vec<Json> {
    let all = server.api(&format!("/api/v1/alarms?state={state}&enterprise=mine"));
    let all = all.as_array().unwrap().iter();
    // What the server says of the gateway itself is another matter.
    all.filter(|it| it["rule"] == "e2e.limit")
        .cloned()
        .collect()
}

#[test]
fn an_hour_of_backlog_gives_retrospective_alarms_and_leaves_the_live_one() {
    let dir = Folder::new();
    let settings = Settings {
        rules: RULES.to_owned(),
        ..Settings::default()
    };
    let mut server = Server::new(dir.path(), &settings);
    server.start();
    let story = Story {
        catalog: catalog(&[
            ("passed", ValueType::F64, "watched"),
            ("lasting", ValueType::F64, "watched"),
        ]),
        begin: now() - i64::try_from(BEFORE + CUT + LIVE).unwrap() * STEP_MS,
    };
    let mut gateway = Gateway::connect(server.mqtt, GATEWAY, EPOCH);
    gateway.hello(&story.catalog, 1, BEFORE);
    gateway.catalog(&story.catalog);
    for seq in 1..=BEFORE {
        story.send(&mut gateway, seq, 1, seq);
    }
    drop(gateway);

    // The link is back: live frames overtake the hour that is missing.
    let (first_cut, first_live) = (BEFORE + 1, BEFORE + CUT + 1);
    let newest = BEFORE + CUT + LIVE;
    let mut gateway = Gateway::connect(server.mqtt, GATEWAY, EPOCH);
    gateway.hello(&story.catalog, first_cut, newest);
    for seq in first_live..first_live + LIVE - 1 {
        story.send(&mut gateway, seq, first_live, first_cut);
    }
    let live = wait::for_some(wait::LONG, "the live alarm", || {
        alarms(&server, "active").pop()
    });
    assert_eq!(live["point"], "mine/gw9/lasting");
    assert_eq!(live["retrospective"], false, "{live}");
    assert_eq!(
        live["raised_at"],
        story.time(first_live),
        "as far as is known: {live}"
    );
    wait::until(wait::LONG, "the gateway to show its backlog", || {
        server
            .gateway(GATEWAY)
            .is_some_and(|it| it["state"] == "backlog")
    });

    for seq in first_cut..first_live {
        story.send(&mut gateway, seq, first_live, seq);
    }
    story.send(&mut gateway, newest, first_live, newest);
    wait::until(wait::LONG, "the lanes to join", || {
        let gateway = server.gateway(GATEWAY);
        gateway.is_some_and(|it| it["state"] == "live" && it["backlog_frames"] == 0)
    });
    check_alarms(&server, &story);
    server.stop();
    println!("{}", server.prove(&[]));
}

fn check_alarms(server: &Server, story: &Story) {
    let active = alarms(server, "active");
    let of =
        |point: &str| -> Vec<&Json> { active.iter().filter(|it| it["point"] == point).collect() };
    let [passed] = of("mine/gw9/passed")[..] else {
        panic!("one alarm was expected: {active:?}")
    };
    assert_eq!(passed["retrospective"], true, "{passed}");
    assert_eq!(passed["raised_at"], story.time(PASSED_FROM), "{passed}");
    assert_eq!(passed["returned_at"], story.time(PASSED_UNTIL), "{passed}");
    let [lasting] = of("mine/gw9/lasting")[..] else {
        panic!("one alarm was expected: {active:?}")
    };
    assert_eq!(lasting["state"], "unacknowledged", "it stays: {lasting}");
    assert_eq!(lasting["returned_at"], Json::Null, "{lasting}");
    assert_eq!(lasting["held"], Json::Null, "{lasting}");
    assert_eq!(
        lasting["raised_at"],
        story.time(LASTING_FROM),
        "its true begin: {lasting}"
    );
}
