//! Frames that no collector sends, by hand: each is treated as the uplink says, counted and
//! shown.

use std::sync::Arc;

use fenghuo_e2e::folder::Folder;
use fenghuo_e2e::gateway::{Around, Gateway, holds, now};
use fenghuo_e2e::server::{Server, Settings};
use fenghuo_e2e::wait;
use fenghuo_model::{
    Catalog, Kind, PointDef, PointKey, Reading, Sample, Timestamp, Title, Unit, Value, ValueType,
};
use fenghuo_uplink::FRAME_BYTES_MAX;
use fenghuo_uplink::frame::FrameBuilder;
use fenghuo_uplink::receipt::{Receipt, RefusalReason};
use fenghuo_uplink::topic::Channel;
use fenghuo_uplink::wire;
use prost::Message;

const GATEWAY: &str = "bad/gw1";
const EPOCH: u64 = 0xB0B;

/// A gateway's points: texts too, to make large frames of.
pub fn catalog(keys: &[(&str, ValueType, &str)]) -> Arc<Catalog> {
    let point = |(key, value_type, role): &(&str, ValueType, &str)| PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title {
            zh: (*key).to_owned(),
            en: (*key).to_owned(),
        },
        kind: Kind::Other,
        unit: Unit::parse("").unwrap(),
        value_type: *value_type,
        range: None,
        interval_ms: 1_000,
        labels: [("role".to_owned(), (*role).to_owned())].into(),
    };
    Arc::new(Catalog::new(keys.iter().map(point).collect()).unwrap())
}

/// A whole frame of one number.
fn frame(catalog: &Arc<Catalog>, seq: u64, value: f64, at: i64) -> Vec<u8> {
    let mut builder = FrameBuilder::new(catalog.clone());
    let sample = Sample {
        time: Timestamp::from_millis(at),
        reading: Reading::Good(Value::F64(value)),
    };
    builder.push(0, &sample).unwrap();
    builder.finish(EPOCH, seq, 1, at)
}

/// A frame that is no frame otherwise, with a CRC that fits.
fn sealed(raw: &wire::Frame) -> Vec<u8> {
    let mut bytes = raw.encode_to_vec();
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

struct Stage {
    server: Server,
    gateway: Gateway,
    catalog: Arc<Catalog>,
    _dir: Folder,
}

impl Stage {
    /// A server with a gateway that said hello and sent its catalog.
    fn set() -> Self {
        let dir = Folder::new();
        let mut server = Server::new(dir.path(), &Settings::default());
        server.start();
        let catalog = catalog(&[("x", ValueType::F64, ""), ("note", ValueType::Text, "")]);
        let mut gateway = Gateway::connect(server.mqtt, GATEWAY, EPOCH);
        let receipt = gateway.hello(&catalog, 1, 9);
        assert_eq!(receipt.want_catalogs, [catalog.id()]);
        assert!(receipt.live.frames > 0, "there is room");
        gateway.catalog(&catalog);
        Self {
            server,
            gateway,
            catalog,
            _dir: dir,
        }
    }

    fn send(&mut self, bytes: Vec<u8>) {
        let around = Around {
            live_from: 1,
            oldest: 1,
            sent: now(),
        };
        self.gateway.send(bytes, around);
    }

    /// Sends a good frame and waits for its receipt: everything before it is dealt with.
    fn good(&mut self, seq: u64) -> Receipt {
        let bytes = frame(&self.catalog, seq, seq as f64, now());
        self.send(bytes);
        self.gateway.wait_receipted(seq)
    }

    /// Waits until a figure of the frames is so.
    fn wait_frames(&self, result: &str, count: f64) {
        let name = format!("frames_total{{result=\"{result}\"}}");
        let what = format!("{name} to be {count}");
        wait::until(wait::LONG, &what, || {
            self.server.figure(&name) == Some(count)
        });
    }

    /// Waits until the API shows a count, and a fault with this code if it is one.
    fn wait_shown(&self, field: &str, count: u64, fault: Option<&str>) {
        let what = format!("{field} to be {count} in the api");
        wait::until(wait::LONG, &what, || {
            let shown = self.server.gateway(GATEWAY);
            shown.is_some_and(|shown| {
                let has = |code| {
                    let mut faults = shown["faults"].as_array().unwrap().iter();
                    faults.any(|it| it["code"] == code)
                };
                shown[field] == count && fault.is_none_or(has)
            })
        });
    }

    fn refusal(&self, seq: u64, why: RefusalReason) {
        let what = format!("{seq} to be refused");
        self.gateway.receipt(&what, |receipt| {
            let mut refused = receipt.refused.iter();
            refused.any(|it| (it.epoch, it.seq, it.why) == (EPOCH, seq, why))
        });
    }

    /// What history has of the point, after the end.
    fn values(mut self) -> Vec<String> {
        let kept = self.server.stop_and_read();
        let rows = kept.point(GATEWAY, "x");
        rows.into_iter().map(|row| row.told).collect()
    }
}

fn told(values: &[f64]) -> Vec<String> {
    values
        .iter()
        .map(|it| format!("f:{:016x}", it.to_bits()))
        .collect()
}

#[test]
fn a_damaged_frame_is_counted_and_not_receipted() {
    let mut stage = Stage::set();
    let whole = frame(&stage.catalog, 1, 1.0, now());
    let mut damaged = whole.clone();
    damaged[20] ^= 0x10;
    stage.send(damaged);
    stage.wait_frames("corrupt", 1.0);
    let receipt = stage.good(2);
    assert!(!holds(&receipt, EPOCH, 1), "{receipt:?}");
    assert_eq!(receipt.refused, [], "it may come again");
    stage.wait_shown("corrupt", 1, Some("corrupt"));
    stage.send(whole);
    stage.gateway.wait_receipted(1);
    assert_eq!(stage.values().len(), 2);
}

#[test]
fn a_repeated_frame_is_receipted_again_and_kept_once() {
    let mut stage = Stage::set();
    let bytes = frame(&stage.catalog, 1, 1.0, now());
    for _ in 0..3 {
        stage.gateway.drain();
        stage.send(bytes.clone());
        stage.gateway.wait_receipted(1);
    }
    stage.wait_frames("duplicate", 2.0);
    stage.wait_shown("duplicates", 2, None);
    assert_eq!(stage.values(), told(&[1.0]));
}

#[test]
fn the_same_number_with_other_bytes_is_refused() {
    let mut stage = Stage::set();
    stage.good(1);
    let other = frame(&stage.catalog, 1, 99.0, now());
    stage.send(other);
    stage.refusal(1, RefusalReason::Conflict);
    stage.wait_frames("conflict", 1.0);
    stage.wait_shown("refused", 1, Some("refused"));
    assert_eq!(stage.values(), told(&[1.0]));
}

#[test]
fn a_frame_from_beyond_the_calendar_is_refused() {
    let mut stage = Stage::set();
    let raw = wire::Frame {
        version: fenghuo_uplink::VERSION,
        catalog: stage.catalog.id().0.to_vec(),
        epoch: EPOCH,
        seq: 1,
        epoch_first: 1,
        watermark: Timestamp::MAX.as_millis() + 1,
        records: Vec::new(),
        packed: Vec::new(),
    };
    stage.send(sealed(&raw));
    stage.refusal(1, RefusalReason::Future);
    stage.wait_frames("future", 1.0);
    let newer = wire::Frame {
        // The next one is that of packed frames.
        version: fenghuo_uplink::VERSION + 2,
        seq: 2,
        watermark: now(),
        ..raw
    };
    stage.send(sealed(&newer));
    stage.refusal(2, RefusalReason::Version);
    stage.wait_frames("version", 1.0);
    stage.wait_shown("refused", 2, Some("refused"));
    stage.good(3);
    assert_eq!(stage.values(), told(&[3.0]));
}

#[test]
fn a_frame_that_is_too_large_is_refused_and_a_huge_one_does_not_harm() {
    let mut stage = Stage::set();
    let bytes = FRAME_BYTES_MAX + 8;
    let mut raw = wire::Frame {
        version: fenghuo_uplink::VERSION,
        catalog: stage.catalog.id().0.to_vec(),
        epoch: EPOCH,
        seq: 1,
        epoch_first: 1,
        watermark: now(),
        records: vec![texts(1)],
        packed: Vec::new(),
    };
    let missing = bytes - sealed(&raw).len();
    raw.records = vec![texts(1 + missing)];
    let large = sealed(&raw);
    assert!(large.len() > FRAME_BYTES_MAX);
    stage.send(large);
    stage.refusal(1, RefusalReason::Invalid);
    stage.wait_frames("invalid", 1.0);
    stage.wait_shown("refused", 1, Some("refused"));

    // What is far over the bound does not come through the broker at all.
    let other = Gateway::connect(stage.server.mqtt, "bad/gw2", EPOCH);
    other.publish(Channel::Data, vec![0; 2 * FRAME_BYTES_MAX]);
    stage.good(2);
    other.wait_end();
    assert_eq!(stage.values(), told(&[2.0]));
}

/// A record of one text of this length.
fn texts(length: usize) -> wire::Record {
    wire::Record {
        is: Some(wire::record::Is::Samples(wire::SampleColumns {
            point: vec![1],
            time: vec![0],
            text: vec!["x".repeat(length)],
            ..wire::SampleColumns::default()
        })),
    }
}

#[test]
fn an_unknown_catalog_is_asked_for_and_the_frame_comes_again() {
    let mut stage = Stage::set();
    let newer = catalog(&[("x", ValueType::F64, ""), ("y", ValueType::F64, "")]);
    let bytes = frame(&newer, 1, 5.0, now());
    stage.send(bytes.clone());
    let receipt = stage
        .gateway
        .receipt("the catalog to be asked for", |receipt| {
            receipt.want_catalogs == [newer.id()]
        });
    assert!(!holds(&receipt, EPOCH, 1));
    stage.wait_frames("unknown_catalog", 1.0);
    stage.gateway.catalog(&newer);
    stage.send(bytes);
    stage.gateway.wait_receipted(1);
    let points = stage.server.api("/api/v1/points?enterprise=bad");
    let has = |key: &str| points.as_array().unwrap().iter().any(|it| it["key"] == key);
    assert!(has("y"), "a new point appears by itself: {points}");
    assert_eq!(stage.values(), told(&[5.0]));
}

#[test]
fn rubbish_is_counted() {
    let mut stage = Stage::set();
    stage.gateway.publish(Channel::Data, vec![0xFF; 40]);
    stage.gateway.publish(Channel::Hello, vec![0xFF; 40]);
    stage.gateway.publish(Channel::Catalog, vec![0xFF; 40]);
    let name = "intake_dropped_total{queue=\"malformed\"}";
    wait::until(wait::LONG, "rubbish to be counted", || {
        stage.server.figure(name) == Some(1.0)
    });
    stage.good(1);
    stage.wait_shown("refused", 0, Some("malformed"));
    assert_eq!(stage.values(), told(&[1.0]));
}
