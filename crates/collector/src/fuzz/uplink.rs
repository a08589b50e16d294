//! What the two ends of the uplink send each other. Both ends decode with the same code.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{
    Catalog, CatalogId, Kind, PointDef, PointKey, Reading, Reason, Sample, Timestamp, Title, Unit,
    Value, ValueType,
};
use fenghuo_uplink::catalog::{Assembler, CatalogError, from_bytes, to_bytes, to_parts};
use fenghuo_uplink::custody::{Account, HOUR_MS, Outcome, Tally, stretches};
use fenghuo_uplink::frame::{
    ClockStep, Frame, FrameBuilder, FrameSample, Gap, GapReason, Head, Packer, Record,
};
use fenghuo_uplink::hello::{EpochSpan, Hello};
use fenghuo_uplink::receipt::{Again, EpochReceipt, Receipt, Refusal, RefusalReason, Window};
use fenghuo_uplink::wire::Envelope;
use prost::Message as _;

use super::{Corpus, hunt};

const NOW: i64 = 1_795_392_000_000;
/// Tags, lengths and numbers of protobuf that lead astray.
const WORDS: [&[u8]; 8] = [
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
    &[0x0a, 0x00],
    &[0x12, 0x7f],
    &[0x3a, 0xff, 0xff, 0x03],
    &[0x08, 0x02],
    &[0xf8, 0xff, 0x7f],
];

fn catalog() -> Arc<Catalog> {
    let types = [
        ValueType::F64,
        ValueType::I64,
        ValueType::U64,
        ValueType::Bool,
        ValueType::Text,
    ];
    let points = types
        .into_iter()
        .enumerate()
        .map(|(at, value_type)| PointDef {
            key: PointKey::new(&format!("p{at}")).unwrap(),
            title: Title::default(),
            kind: Kind::Other,
            unit: Unit::ONE,
            value_type,
            range: None,
            interval_ms: 1_000,
            labels: BTreeMap::from([("area".to_owned(), "罐区".to_owned())]),
        });
    Arc::new(Catalog::new(points.collect()).unwrap())
}

/// Frames of some samples of each type, of gaps and steps, and of nothing.
fn frames() -> Vec<Vec<u8>> {
    let values = [
        Value::F64(-12.5),
        Value::I64(i64::MIN),
        Value::U64(u64::MAX),
        Value::Bool(true),
        Value::Text("阀".to_owned()),
    ];
    let mut all = Vec::new();
    for samples in [0_u32, 1, 5, 40] {
        let mut builder = FrameBuilder::new(catalog());
        for number in 0..samples {
            let value = values[number as usize % 5].clone();
            let reading = match number % 7 {
                0 => Reading::Bad(Reason::Timeout),
                1 => Reading::Uncertain(value, Reason::Clock),
                _ => Reading::Good(value),
            };
            let time = Timestamp::from_millis(NOW - i64::from(number) * 37);
            builder.push(number % 5, &Sample { time, reading }).unwrap();
        }
        if samples % 2 == 1 {
            builder.gap(NOW - 9_000, NOW, 3, GapReason::Budget);
            builder.clock_step(ClockStep { at: NOW, by: -7 });
            builder.custody(&account());
        }
        let seq = 1 + u64::from(samples);
        if samples % 5 == 0 {
            let head = Head {
                epoch: 7,
                seq,
                epoch_first: 1,
                watermark: NOW,
            };
            all.push(builder.finish_packed(&mut Packer::new().unwrap(), &head));
        } else {
            all.push(builder.finish(7, seq, 1, NOW));
        }
    }
    all
}

/// What became of a few reads.
fn account() -> Account {
    let mut tallies = [Tally::default(); 5];
    tallies[0].skipped(7);
    tallies[3].sent(Outcome::Good);
    tallies[4].unchanged(Outcome::Answered);
    Account {
        hour: NOW / HOUR_MS,
        from: Timestamp::from_millis(NOW - 60_000),
        until: Timestamp::from_millis(NOW),
        stretches: stretches(&tallies),
    }
}

/// Written again as a collector would write it, a frame holds the same.
fn assert_written_again(frame: &Frame, catalog: &Arc<Catalog>) -> bool {
    let mut samples = Vec::new();
    if frame.samples(catalog, &mut samples).is_err() {
        return false;
    }
    assert_eq!(samples.len(), frame.sample_count());
    let mut builder = FrameBuilder::new(catalog.clone());
    for FrameSample { point, sample } in &samples {
        assert!(sample.time.is_storable());
        if let Some(Value::F64(number)) = sample.reading.value() {
            assert!(number.is_finite());
        }
        builder.push(*point, sample).unwrap();
    }
    let others = |frame: &Frame| {
        let others = frame.records.iter();
        let others = others.filter(|it| !matches!(it, Record::Samples(_)));
        others.cloned().collect::<Vec<_>>()
    };
    for record in others(frame) {
        match record {
            Record::Gap(gap) => {
                builder.gap(
                    gap.from,
                    gap.until,
                    gap.count,
                    GapReason::from_code(gap.why),
                );
            }
            Record::ClockStep(step) => builder.clock_step(step),
            Record::Custody(account) => builder.custody(&account),
            Record::Samples(_) => {}
        }
    }
    let head = frame.head;
    let watermark = head.watermark.as_millis();
    let bytes = builder.finish(head.epoch, head.seq, head.epoch_first, watermark);
    // What one frame of the wire holds may be too much for a frame of ours.
    let Ok(again) = Frame::decode(&bytes) else {
        assert!(bytes.len() > fenghuo_uplink::FRAME_BYTES_MAX);
        return true;
    };
    let mut back = Vec::new();
    again.samples(catalog, &mut back).unwrap();
    assert_eq!((again.head, back), (head, samples));
    let known = |record: &Record| match record {
        // A reason of a newer version is "unknown" here.
        Record::Gap(gap) => Record::Gap(Gap {
            why: GapReason::from_code(gap.why) as u32,
            ..*gap
        }),
        other => other.clone(),
    };
    let (before, after) = (others(frame), others(&again));
    assert_eq!(
        before.iter().map(known).collect::<Vec<_>>(),
        after.iter().map(known).collect::<Vec<_>>()
    );
    true
}

#[test]
fn a_harmed_frame_is_refused() {
    let corpus = Corpus::new(frames(), &WORDS);
    let good = corpus.inputs.clone();
    hunt("frame", (1, 5_000), &corpus, move |bytes, _| {
        let is_good = good.iter().any(|it| it == bytes);
        assert_eq!(Frame::decode(bytes).is_ok(), is_good);
        // A checksum alone may fit by chance: that of four bytes of ones is four bytes of ones.
        assert!(!is_good || fenghuo_uplink::frame::is_whole(bytes));
        is_good
    });
}

#[test]
fn a_frame_that_was_written_wrong_is_refused_or_means_one_thing() {
    let bodies = frames().into_iter().map(|mut frame| {
        frame.truncate(frame.len() - 4);
        frame
    });
    let mut words = WORDS.to_vec();
    let catalog = catalog();
    let id = catalog.id();
    words.push(&id.0);
    let corpus = Corpus::new(bodies, &words);
    hunt("frame body", (1, 50), &corpus, {
        let catalog = catalog.clone();
        move |body, _| {
            let mut bytes = body.to_vec();
            bytes.extend(crc32c::crc32c(body).to_le_bytes());
            let Ok(frame) = Frame::decode(&bytes) else {
                return false;
            };
            assert_eq!(
                Frame::numbers(&bytes),
                Some((frame.head.epoch, frame.head.seq))
            );
            assert_written_again(&frame, &catalog)
        }
    });
}

#[test]
fn harmed_hellos_and_receipts_mean_one_thing() {
    let id = CatalogId([0xab; 16]);
    let hello = Hello {
        nonce: 5,
        epoch: 9,
        oldest: 10,
        newest: 300,
        catalogs: vec![id, CatalogId([1; 16])],
        sent: NOW,
        log_id: Some([7; 16]),
        epochs: vec![EpochSpan {
            epoch: 9,
            first: 10,
            last: 300,
        }],
        software: "fenghuo-collector".to_owned(),
        ..Hello::default()
    };
    let corpus = Corpus::new([hello.encode(), Hello::default().encode()], &WORDS);
    hunt("hello", (1, 20), &corpus, |bytes, _| {
        let decoded = Hello::decode(bytes);
        if let Ok(hello) = &decoded {
            assert_eq!(Hello::decode(&hello.encode()).as_ref(), Ok(hello));
        }
        decoded.is_ok()
    });
    let window = Window {
        frames: 16,
        bytes: 1 << 20,
    };
    let receipt = Receipt {
        log_id: [7; 16],
        nonce: 5,
        epochs: vec![EpochReceipt {
            epoch: 9,
            ranges: vec![(10, 20), (30, 30)],
        }],
        refused: vec![Refusal {
            epoch: 9,
            seq: 25,
            why: RefusalReason::Conflict,
        }],
        want_catalogs: vec![id],
        live: window,
        backlog: Window::default(),
        again: Some(Again {
            id: 3,
            from: NOW - 60_000,
            until: NOW,
        }),
    };
    let corpus = Corpus::new([receipt.encode(), Receipt::default().encode()], &WORDS);
    hunt("receipt", (1, 20), &corpus, |bytes, _| {
        let decoded = Receipt::decode(bytes);
        if let Ok(receipt) = &decoded {
            assert_eq!(Receipt::decode(&receipt.encode()).as_ref(), Ok(receipt));
        }
        decoded.is_ok()
    });
}

#[test]
fn a_harmed_envelope_means_one_thing() {
    let envelopes = frames().into_iter().map(|frame| {
        let envelope = Envelope {
            frame,
            sent: NOW,
            live_from: 3,
            oldest: 1,
            live_oldest: 3,
            gaps: vec![Gap {
                from: NOW - 9_000,
                until: NOW,
                count: 3,
                why: GapReason::Budget as u32,
            }],
        };
        envelope.encode_to_vec()
    });
    let corpus = Corpus::new(envelopes, &WORDS);
    hunt("envelope", (1, 20), &corpus, |bytes, _| {
        let decoded = Envelope::decode(bytes);
        if let Ok(envelope) = &decoded {
            let again = Envelope::decode(envelope.encode_to_vec().as_slice());
            assert_eq!(again.as_ref(), Ok(envelope));
        }
        decoded.is_ok()
    });
}

/// The bytes with the id that their content has, where that is all that is wrong with them.
fn with_right_id<T>(bytes: &[u8], read: Result<T, CatalogError>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Err(CatalogError::Id { claimed, found }) = read
        && let Some(at) = bytes.windows(16).position(|it| it == claimed.0)
    {
        bytes.splice(at..at + 16, found.0);
    }
    bytes
}

#[test]
fn a_harmed_catalog_is_refused_or_means_one_thing() {
    let catalog = catalog();
    let corpus = Corpus::new([to_bytes(&catalog)], &WORDS);
    hunt("catalog", (4, 50), &corpus, |bytes, _| {
        let decoded = from_bytes(&with_right_id(bytes, from_bytes(bytes)));
        if let Ok(catalog) = &decoded {
            let again = from_bytes(&to_bytes(catalog)).unwrap();
            assert_eq!(
                (again.id(), again.points()),
                (catalog.id(), catalog.points())
            );
        }
        decoded.is_ok()
    });
    let corpus = Corpus::new(to_parts(&catalog), &WORDS);
    let id = catalog.id();
    hunt("catalog part", (4, 50), &corpus, move |part, _| {
        let taken = Assembler::default().take(part);
        if let Ok(Some(taken)) = &taken {
            assert_eq!(taken.id(), id, "its id is the hash of what it holds");
        }
        let mut assembler = Assembler::default();
        let right = assembler.take(&with_right_id(part, taken));
        if let Ok(Some(catalog)) = &right {
            assert_eq!(from_bytes(&to_bytes(catalog)).unwrap().id(), catalog.id());
        }
        right.is_ok()
    });
}
