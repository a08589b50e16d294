//! A link on which one frame takes longer than two keep-alives still delivers it, and a link
//! that is dead is left as soon as on any other.

use std::fmt::Write as _;

use fenghuo_model::{Reading, Value};

use crate::broker::{Broker, say};
use crate::collector::Collector;
use crate::narrow::Narrow;
use crate::server::{Server, until};

/// As a modem carries, and some more, so that the test comes to an end.
const BYTES_PER_SECOND: usize = 1_500;
const ROWS: usize = 60;
/// The frame of that many rows, compressed, is larger than this.
const LARGE: usize = 40_000;

fn source(url: &str) -> String {
    format!(
        "[[mqtt]]\nname = \"devices\"\nurl = \"{url}\"\n\
         [[mqtt.topic]]\nfilter = \"a\"\npayload = \"csv\"\nseparator = \";\"\n\
         [[mqtt.topic.point]]\nkey = \"a\"\nkind = \"state\"\ntype = \"text\"\ncolumn = 1\n"
    )
}

/// Rows of a thousand letters without any order, all different.
fn rows() -> Vec<String> {
    let mut dice = 7_u64;
    let mut letter = || {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + u8::try_from((dice >> 33) % 74).unwrap())
    };
    let mut row = || (0..1_000).map(|_| letter()).filter(|c| *c != ';').collect();
    (0..ROWS).map(|_| row()).collect()
}

async fn a_large_frame_goes(version: u8, is_strict: bool) {
    let (up, devices) = (Broker::start(), Broker::start());
    let server = Server::start(up.port);
    let link = Narrow::start(up.port, BYTES_PER_SECOND, is_strict).await;
    let destination = format!(
        "[[destination]]\nname = \"server\"\nurl = \"{}\"\nmqtt_version = {version}\n",
        link.url()
    );
    let mut collector = Collector::with(&destination, &source(&devices.url()));
    collector.write_with("flush_ms = 20", "flush_ms = 1000", &source(&devices.url()));
    collector.start();
    let is_up = || collector.metric("fenghuo_collector_link_up{") == Some(1);
    until("both are connected", 30, || {
        is_up() && collector.metric("fenghuo_collector_source_connected{") == Some(1)
    })
    .await;
    assert_eq!(
        link.keep_alive(),
        10,
        "a link is not slow before it is known"
    );
    let rows = rows();
    let mut payload = String::new();
    for row in &rows {
        writeln!(payload, "{row}").unwrap();
    }
    say(devices.port, "a", &payload);
    let expected: Vec<_> = rows.iter().map(|row| text(row)).collect();
    let mut troubles = 0;
    until("all of it is there", 200, || {
        troubles += usize::from(collector.page("/healthz").contains("destination_down"));
        server.samples().remove("a").is_some_and(|got| {
            let texts = got.into_iter().filter(|it| matches!(it, Reading::Good(_)));
            texts.eq(expected.iter().cloned())
        })
    })
    .await;
    assert_eq!(link.packets_from(LARGE), 1, "it goes once");
    if is_strict {
        assert_eq!(link.connections(), 2);
        assert!(link.keep_alive() > 20, "{}", link.keep_alive());
    } else {
        assert_eq!(link.connections(), 1);
        assert_eq!(troubles, 0, "nothing is amiss");
    }
    until("what came meanwhile follows", 30, || {
        collector.metric("fenghuo_collector_frames_pending{") < Some(3)
    })
    .await;
    assert!(collector.stop().success());
}

fn text(row: &str) -> Reading {
    Reading::Good(Value::Text(row.into()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_takes_longer_than_two_keep_alives_is_delivered() {
    tokio::join!(
        a_large_frame_goes(4, false),
        a_large_frame_goes(5, false),
        a_large_frame_goes(4, true),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_link_is_left_within_two_keep_alives() {
    let (up, devices) = (Broker::start(), Broker::start());
    let server = Server::start(up.port);
    let link = Narrow::start(up.port, 200_000, false).await;
    let mut collector = Collector::new(&link.url(), &source(&devices.url()));
    collector.start();
    until("it delivers", 30, || {
        server.memory.lock().unwrap().frames.len() > 2
    })
    .await;
    link.hang();
    assert_eq!(link.connections(), 1);
    until("it is left", 24, || link.connections() == 2).await;
    assert!(collector.stop().success());
}
