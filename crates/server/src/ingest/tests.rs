//! Ingest over a real log in a temporary folder: frames by hand in, receipts out.

use std::path::Path;

use fenghuo_model::{
    Catalog, Kind, PointDef, PointKey, Reading, Sample, Timestamp, Title, Unit, Value, ValueType,
};
use fenghuo_uplink::frame::{Frame, FrameBuilder};
use fenghuo_uplink::hello::Hello;
use fenghuo_uplink::receipt::{Receipt, RefusalReason};
use fenghuo_uplink::wire::Envelope;
use tokio::sync::mpsc::Receiver;

use super::start::Parts;
use super::*;
use crate::intake::Arrived;
use crate::transport::Outgoing;

const EPOCH: u64 = 77;

fn catalog() -> Arc<Catalog> {
    let point = PointDef {
        key: PointKey::new("T-1").unwrap(),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::new(),
    };
    Arc::new(Catalog::new(vec![point]).unwrap())
}

fn key() -> GatewayKey {
    "oil/gw1".parse().unwrap()
}

struct World {
    ingest: Ingest,
    receipts: Receiver<Outgoing>,
}

impl World {
    fn open(dir: &Path, bytes_max: Option<u64>) -> Self {
        let log = Log::open(&dir.join("log.db"), bytes_max).unwrap();
        let (receipts, outgoing) = Receipts::queue();
        let parts = Parts {
            feed: Feed::new(log.head()),
            log,
            intake: Intake::default(),
            receipts,
            metrics: Arc::new(Metrics::new()),
            shared: Arc::default(),
            reserve_bytes: 1 << 20,
            keep_from: Box::new(|| 0),
        };
        Self {
            ingest: Ingest::start(parts, &[], &[]).unwrap(),
            receipts: outgoing,
        }
    }

    fn hello(&mut self) {
        let hello = Hello {
            nonce: 5,
            epoch: EPOCH,
            oldest: 1,
            ..Hello::default()
        };
        self.talk(Talk::Hello(hello.encode().into()));
    }

    fn talk(&mut self, talk: Talk) {
        self.ingest.control(vec![Control::Talk(key(), talk)]);
    }

    fn learn(&mut self) {
        for part in fenghuo_uplink::catalog::to_parts(&catalog()) {
            self.talk(Talk::Catalog(part.into()));
        }
    }

    fn send(&mut self, frame: Vec<u8>) {
        self.send_with(frame, 1);
    }

    /// A frame whose envelope says that all below `oldest` is done.
    fn send_with(&mut self, frame: Vec<u8>, oldest: u64) {
        let envelope = Envelope {
            frame,
            sent: 1_000,
            live_from: 1,
            oldest,
            live_oldest: oldest,
            gaps: Vec::new(),
        };
        self.ingest.frames(vec![Arrived {
            gateway: key(),
            envelope,
            received: 1_000,
        }]);
    }

    /// The newest receipt since the last look.
    fn receipt(&mut self) -> Option<Receipt> {
        let mut newest = None;
        while let Ok((_, payload)) = self.receipts.try_recv() {
            newest = Some(Receipt::decode(&payload).unwrap());
        }
        newest
    }

    fn frames_in_log(&self) -> usize {
        let reader = self.ingest.log.reader().unwrap();
        let entries = reader.read(0, 10_000, usize::MAX).unwrap();
        entries
            .iter()
            .filter(|entry| entry.kind == entry::FRAME)
            .count()
    }
}

fn frame(seq: u64, value: f64) -> Vec<u8> {
    let mut builder = FrameBuilder::new(catalog());
    let sample = Sample {
        time: Timestamp::from_millis(1_000),
        reading: Reading::Good(Value::F64(value)),
    };
    builder.push(0, &sample).unwrap();
    builder.finish(EPOCH, seq, 1, 1_000)
}

fn durable(receipt: &Receipt) -> Vec<(u64, u64)> {
    receipt
        .epochs
        .iter()
        .flat_map(|epoch| epoch.ranges.clone())
        .collect()
}

#[test]
fn a_receipt_means_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), Some(2 << 20));
    world.hello();
    world.learn();
    // Frames until the disk is full.
    let mut seq = 0;
    let last = loop {
        seq += 1;
        let mut builder = FrameBuilder::new(catalog());
        for _ in 0..4_000 {
            let sample = Sample {
                time: Timestamp::from_millis(1_000),
                reading: Reading::Good(Value::F64(0.5)),
            };
            builder.push(0, &sample).unwrap();
        }
        world.send(builder.finish(EPOCH, seq, 1, 1_000));
        let receipt = world.receipt().expect("every frame is answered");
        if receipt.live.frames == 0 {
            break receipt;
        }
        assert_eq!(durable(&receipt), [(1, seq)]);
        assert_eq!(
            world.frames_in_log() as u64,
            seq,
            "receipted and not on disk"
        );
    };
    assert_eq!(
        durable(&last),
        [(1, seq - 1)],
        "a frame that did not fit was receipted"
    );
    // A second server on the same disk knows exactly what was receipted.
    drop(world);
    let mut world = World::open(dir.path(), None);
    world.hello();
    assert_eq!(durable(&world.receipt().unwrap()), [(1, seq - 1)]);
}

#[test]
fn once() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    world.hello();
    world.learn();
    for _ in 0..3 {
        world.send(frame(1, 0.5));
        assert_eq!(durable(&world.receipt().unwrap()), [(1, 1)]);
    }
    drop(world);
    // Not even over a restart, and not with other bytes.
    let mut world = World::open(dir.path(), None);
    world.hello();
    world.send(frame(1, 0.5));
    world.send(frame(1, 99.0));
    assert_eq!(world.frames_in_log(), 1);
    let receipt = world.receipt().unwrap();
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(receipt.refused[0].why, RefusalReason::Conflict);
}

/// A hello overtakes frames that wait in the intake or at the broker. What they say of an
/// older talk must not hide what the collector offers now, for then it waits for ever.
#[test]
fn a_frame_of_an_older_talk_hides_no_receipt_of_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    world.learn();
    world.hello();
    for late in [500, u64::MAX] {
        world.send_with(frame(500, 0.5), late);
        world.send_with(frame(3, 0.5), 1);
        let receipt = world.receipt().unwrap();
        assert_eq!(durable(&receipt), [(3, 3), (500, 500)]);
    }
}

#[test]
fn an_unknown_catalog_is_asked_for_and_the_frame_not_receipted() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    world.hello();
    world.send(frame(1, 0.5));
    let receipt = world.receipt().unwrap();
    assert_eq!(receipt.want_catalogs, [catalog().id()]);
    assert!(durable(&receipt).is_empty());
    world.learn();
    assert!(world.receipt().unwrap().want_catalogs.is_empty());
    world.send(frame(1, 0.5));
    assert_eq!(durable(&world.receipt().unwrap()), [(1, 1)]);
}

#[test]
fn a_damaged_frame_is_counted_and_one_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    world.hello();
    world.learn();
    world.receipt();
    let mut damaged = frame(1, 0.5);
    damaged[5] ^= 1;
    world.send(damaged);
    assert_eq!(
        world.receipt(),
        None,
        "a damaged frame has no number to answer"
    );
    assert_eq!(world.ingest.gates[&key()].figures.corrupt, 1);
    let other_version = fenghuo_uplink::wire::Frame {
        version: 9,
        epoch: EPOCH,
        seq: 4,
        ..Default::default()
    };
    let mut bytes = other_version.encode_to_vec();
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    assert_eq!(Frame::numbers(&bytes), Some((EPOCH, 4)));
    world.send(bytes);
    let receipt = world.receipt().unwrap();
    assert_eq!(receipt.refused[0].why, RefusalReason::Version);
    assert_eq!(receipt.refused[0].seq, 4);
}

#[test]
fn a_frame_without_a_hello_is_taken_and_the_hello_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    world.learn();
    world.receipt();
    world.send(frame(1, 0.5));
    assert_eq!(world.receipt().unwrap().nonce, 0);
    assert_eq!(world.frames_in_log(), 1);
}

#[test]
fn a_log_that_is_older_than_its_receipts_gets_a_new_id() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    let id = world.ingest.log.id();
    let hello = Hello {
        nonce: 5,
        epoch: EPOCH,
        oldest: 10,
        newest: 12,
        log_id: Some(id.0),
        trimmed_below: 10,
        trimmed_epoch: EPOCH,
        ..Hello::default()
    };
    world.talk(Talk::Hello(hello.encode().into()));
    assert_ne!(world.ingest.log.id(), id);
    assert_eq!(world.receipt().unwrap().log_id, world.ingest.log.id().0);
}

#[test]
fn acts_enter_while_frames_have_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    world.ingest.set_room(false);
    let (answer, mut position) = tokio::sync::oneshot::channel();
    world.ingest.control(vec![Control::Act(ActRequest {
        by: "operator".to_owned(),
        comment: "seen".to_owned(),
        deed: fenghuo_engine::Deed::Acknowledge {
            alarm: fenghuo_engine::EventId::default(),
        },
        answer,
    })]);
    let position = position.try_recv().unwrap().unwrap();
    let entry = world
        .ingest
        .log
        .reader()
        .unwrap()
        .get(position)
        .unwrap()
        .unwrap();
    assert_eq!(entry.kind, entry::ACT);
}

#[test]
fn a_period_is_asked_for_until_a_hello_says_that_it_is_offered() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), None);
    world.hello();
    let (answer, mut position) = tokio::sync::oneshot::channel();
    let (from, until) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
    world.ingest.control(vec![Control::Act(ActRequest {
        by: "engineer".to_owned(),
        comment: "this version takes them".to_owned(),
        deed: fenghuo_engine::Deed::OfferAgain {
            gateway: key(),
            from,
            until,
        },
        answer,
    })]);
    let id = position.try_recv().unwrap().unwrap();
    let again = world.receipt().unwrap().again.unwrap();
    assert_eq!((again.id, again.from, again.until), (id, 5, 9));
    // A server that is killed goes on asking.
    drop(world);
    let mut world = World::open(dir.path(), None);
    world.hello();
    assert_eq!(world.receipt().unwrap().again.unwrap().id, id);
    let hello = Hello {
        nonce: 8,
        epoch: EPOCH,
        oldest: 1,
        offered: id,
        ..Hello::default()
    };
    world.talk(Talk::Hello(hello.encode().into()));
    assert_eq!(world.receipt().unwrap().again, None);
    drop(world);
    let mut world = World::open(dir.path(), None);
    world.hello();
    assert_eq!(world.receipt().unwrap().again, None);
}
