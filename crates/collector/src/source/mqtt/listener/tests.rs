//! A listener without a broker: what is handed on of what comes in.

use std::collections::BTreeMap;

use fenghuo_model::{Reading, Sample, Value};
use tokio::sync::mpsc;

use super::*;
use crate::mqtt::{self, Manner};
use crate::source::{REPORTS_MAX, SourceId};
use crate::status::Status;

const CONFIG: &str = r#"
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
[[mqtt.topic]]
filter = "timed/+"
parts = ["a", "b"]
time = { pointer = "/ts", format = "ms" }
[[mqtt.topic.point]]
key = "timed.{1}"
pointer = "/v"
kind = "level"
unit = "m"
type = "f64"
[[mqtt.topic]]
filter = "plain"
payload = "text"
[[mqtt.topic.point]]
key = "plain"
kind = "level"
unit = "m"
type = "f64"
"#;

fn listener() -> (Listener, mpsc::Receiver<Report>) {
    let config = crate::config::parse("x.toml", CONFIG, &BTreeMap::new()).unwrap();
    let feed = config.mqtt[0].clone();
    let manner = Manner {
        client_id: "x".to_owned(),
        packet_bytes_max: 1_024,
        message_bytes_max: None,
        requests_max: 8,
        inflight_max: 8,
        will: None,
    };
    let (client, _) = mqtt::open(&feed.broker, manner);
    let (out, reports) = mpsc::channel(REPORTS_MAX);
    let out = Outlet::new(SourceId(1), out, Status::default().source("devices"));
    let clock = Arc::new(ReadClock::start(None));
    (Listener::new(feed, client, clock, out), reports)
}

/// What came of a message.
async fn samples(
    listener: &mut Listener,
    reports: &mut mpsc::Receiver<Report>,
    (topic, payload, is_retained): (&str, &str, bool),
) -> Vec<Sample> {
    let message = Message::of(topic, payload, is_retained);
    assert!(listener.take(&message).await.is_ok());
    let mut all = Vec::new();
    while let Ok(report) = reports.try_recv() {
        let Report::Reads(_, reads) = report else {
            panic!("{report:?}");
        };
        assert!(reads.unchanged.is_empty());
        all.extend(reads.samples.into_iter().map(|(_, sample)| sample));
    }
    all
}

#[tokio::test]
async fn a_kept_reading_is_taken_once_however_often_the_broker_gives_it_out() {
    let (mut listener, mut reports) = listener();
    let ts = listener.clock.now().as_millis() - 60_000;
    let first = format!("{{\"v\":1,\"ts\":{ts}}}");
    let next = format!("{{\"v\":1,\"ts\":{}}}", ts + 1_000);
    let mut count = async |topic, payload: &str, is_retained| {
        let message = (topic, payload, is_retained);
        samples(&mut listener, &mut reports, message).await.len()
    };
    assert_eq!(count("timed/a", &first, false).await, 1);
    assert_eq!(count("timed/a", &first, true).await, 0, "after a reconnect");
    assert_eq!(count("timed/b", &first, true).await, 1, "another device");
    assert_eq!(count("timed/b", &first, true).await, 0);
    assert_eq!(
        count("timed/a", &next, true).await,
        1,
        "it came while we were away"
    );
    assert_eq!(
        count("timed/a", &next, false).await,
        1,
        "said by the device itself"
    );
}

/// A device that publishes once a day must not stay without value for a day because the broker
/// was gone for a second.
#[tokio::test]
async fn a_kept_reading_is_taken_again_after_its_point_was_told_without_value() {
    let (mut listener, mut reports) = listener();
    let ts = listener.clock.now().as_millis() - 60_000;
    let payload = format!("{{\"v\":1,\"ts\":{ts}}}");
    let kept = ("timed/a", payload.as_str(), true);
    let before = samples(&mut listener, &mut reports, kept).await;
    let trouble = Trouble::new("断开", "closed");
    assert!(listener.away(&trouble, true).await.is_ok());
    let Ok(Report::Reads(_, told)) = reports.try_recv() else {
        panic!("its points are told without value");
    };
    let lost = Reading::Bad(Reason::NotConnected);
    assert!(
        told.samples
            .iter()
            .any(|(_, sample)| sample.reading == lost)
    );
    let after = samples(&mut listener, &mut reports, kept).await;
    assert_eq!((after.len(), &after), (1, &before));
    let again = samples(&mut listener, &mut reports, kept).await;
    assert!(again.is_empty(), "nothing was told since");
}

/// Nobody can tell how old it is: it is shown for what the broker holds now, and in doubt.
#[tokio::test]
async fn a_kept_reading_without_a_time_of_its_own_is_never_sure() {
    let (mut listener, mut reports) = listener();
    for _ in 0..2 {
        for (topic, payload) in [("plain", "1"), ("timed/a", "{\"v\":1,\"ts\":0}")] {
            let before = listener.clock.now();
            let got = samples(&mut listener, &mut reports, (topic, payload, true)).await;
            let [sample] = got.as_slice() else {
                panic!("{got:?}");
            };
            let unsure = Reading::Uncertain(Value::F64(1.0), Reason::DeviceTime);
            assert_eq!(sample.reading, unsure);
            assert!(sample.time >= before);
        }
    }
}

#[tokio::test]
async fn what_a_full_queue_had_no_room_for_is_told_when_there_is_room() {
    let (mut listener, mut reports) = listener();
    let ts = listener.clock.now().as_millis() - 1_000;
    let payload = |nth: i64| format!("{{\"v\":{nth},\"ts\":{}}}", ts + nth);
    let message = |nth, is_retained| Message::of("timed/a", &payload(nth), is_retained);
    let places = i64::try_from(REPORTS_MAX).unwrap();
    for nth in 0..places {
        assert!(listener.take(&message(nth, false)).await.is_ok());
    }
    let before = listener.clock.now();
    for nth in places..places + 2 {
        assert!(
            listener.take(&message(nth, false)).await.is_ok(),
            "it listens on"
        );
    }
    let after = listener.clock.now();
    for _ in 0..places {
        assert!(matches!(reports.recv().await, Some(Report::Reads(..))));
    }
    // The last one was not taken, so it is new when the broker has kept it.
    let kept = message(places + 1, true);
    assert!(listener.take(&kept).await.is_ok());
    let Some(Report::Missed { from, until, count }) = reports.recv().await else {
        panic!("the gap comes before what follows it");
    };
    assert_eq!(count, 2);
    assert!(before <= from && from < until && until <= after);
    let Some(Report::Reads(_, reads)) = reports.recv().await else {
        panic!("the reading follows");
    };
    assert_eq!(reads.samples.len(), 1);
}
