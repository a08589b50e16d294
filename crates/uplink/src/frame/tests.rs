use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{Kind, PointKey, Title, Unit};
use proptest::prelude::*;

use super::*;

const TYPES: [ValueType; 5] = [
    ValueType::F64,
    ValueType::I64,
    ValueType::U64,
    ValueType::Bool,
    ValueType::Text,
];

fn catalog() -> Arc<Catalog> {
    let points = TYPES
        .iter()
        .enumerate()
        .map(|(at, value_type)| PointDef {
            key: PointKey::new(&format!("p{at}")).unwrap(),
            title: Title::default(),
            kind: Kind::Other,
            unit: Unit::ONE,
            value_type: *value_type,
            range: None,
            interval_ms: 1_000,
            labels: BTreeMap::new(),
        })
        .collect();
    Arc::new(Catalog::new(points).unwrap())
}

fn arbitrary_sample() -> impl Strategy<Value = FrameSample> {
    let value = (
        0_u32..5,
        any::<f64>(),
        any::<i64>(),
        any::<bool>(),
        ".{0,20}",
    )
        .prop_map(|(point, float, integer, state, text)| {
            let value = match point {
                0 => Value::finite(float).unwrap_or(Value::F64(-0.0)),
                1 => Value::I64(integer),
                2 => Value::U64(integer.cast_unsigned()),
                3 => Value::Bool(state),
                _ => Value::Text(text),
            };
            (point, value)
        });
    let reason = (0..Reason::ALL.len()).prop_map(|at| Reason::ALL[at]);
    (value, reason, 0_u8..3, 0_i64..1 << 42).prop_map(|((point, value), reason, quality, time)| {
        let reading = match quality {
            0 => Reading::Good(value),
            1 => Reading::Uncertain(value, reason),
            _ => Reading::Bad(reason),
        };
        FrameSample {
            point,
            sample: Sample {
                time: Timestamp::from_millis(time),
                reading,
            },
        }
    })
}

fn build(samples: &[FrameSample], watermark: i64) -> Vec<u8> {
    let mut builder = FrameBuilder::new(catalog());
    for sample in samples {
        builder.push(sample.point, &sample.sample).unwrap();
    }
    builder.finish(0xfeed, 12, 10, watermark)
}

proptest! {
    #[test]
    fn every_sample_comes_back_bit_for_bit(
        samples in prop::collection::vec(arbitrary_sample(), 0..60),
        watermark in 0_i64..1 << 42,
    ) {
        let bytes = build(&samples, watermark);
        let frame = Frame::decode(&bytes).unwrap();
        prop_assert_eq!(frame.head.watermark.as_millis(), watermark);
        let mut back = Vec::new();
        frame.samples(&catalog(), &mut back).unwrap();
        prop_assert_eq!(back, samples);
    }

    #[test]
    fn any_damage_is_an_error_and_never_a_panic(
        samples in prop::collection::vec(arbitrary_sample(), 0..20),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let mut bytes = build(&samples, 1_000);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let damaged = matches!(Frame::decode(&bytes), Err(FrameError::Crc { .. }));
        prop_assert!(damaged);
    }

    #[test]
    fn any_bytes_with_a_right_crc_decode_or_fail_cleanly(
        mut body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let crc = crc32c::crc32c(&body);
        body.extend_from_slice(&crc.to_le_bytes());
        if let Ok(frame) = Frame::decode(&body) {
            let mut out = Vec::new();
            prop_assert!(frame.samples(&catalog(), &mut out).is_err() || out.len() == frame.sample_count());
        }
    }
}

/// The bytes are a contract with collectors in the field: a change here needs a new version.
#[test]
fn golden_bytes() {
    let samples = [
        FrameSample {
            point: 0,
            sample: Sample {
                time: Timestamp::from_millis(1_795_392_000_000),
                reading: Reading::Good(Value::F64(1.5)),
            },
        },
        FrameSample {
            point: 3,
            sample: Sample {
                time: Timestamp::from_millis(1_795_392_000_010),
                reading: Reading::Uncertain(Value::Bool(true), Reason::Clock),
            },
        },
        FrameSample {
            point: 1,
            sample: Sample {
                time: Timestamp::from_millis(1_795_392_000_020),
                reading: Reading::Bad(Reason::Timeout),
            },
        },
    ];
    let mut builder = FrameBuilder::new(catalog());
    builder.gap(1, 2, 3, GapReason::Restart);
    builder.clock_step(ClockStep { at: 5, by: -7 });
    for sample in &samples {
        builder.push(sample.point, &sample.sample).unwrap();
    }
    let bytes = builder.finish(0x0102_0304_0506_0708, 300, 7, 1_795_392_000_100);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("golden_frame.hex").trim());
    let frame = Frame::decode(&bytes).unwrap();
    assert_eq!(frame.records.len(), 3);
    assert_eq!(
        (frame.head.epoch, frame.head.seq),
        (0x0102_0304_0506_0708, 300)
    );
}

fn with_crc(raw: &wire::Frame) -> Vec<u8> {
    let mut bytes = raw.encode_to_vec();
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn raw() -> wire::Frame {
    let bytes = build(&[], 1_000);
    wire::Frame::decode(&bytes[..bytes.len() - 4]).unwrap()
}

#[test]
fn a_wrong_head_is_named() {
    let check = |change: fn(&mut wire::Frame)| {
        let mut raw = raw();
        change(&mut raw);
        Frame::decode(&with_crc(&raw)).unwrap_err()
    };
    assert_eq!(check(|raw| raw.version = 3), FrameError::Version(3));
    assert_eq!(check(|raw| raw.seq = 0), FrameError::Field("seq"));
    assert_eq!(
        check(|raw| raw.catalog = vec![1]),
        FrameError::Field("catalog id")
    );
    assert_eq!(check(|raw| raw.watermark = i64::MAX), FrameError::Time);
    assert_eq!(check(|raw| raw.watermark = -1), FrameError::Time);
    assert_eq!(
        check(|raw| raw.epoch_first = 13),
        FrameError::Field("first seq of the epoch")
    );
    assert!(matches!(Frame::decode(&[0; 3]), Err(FrameError::Size(3))));
    assert!(matches!(
        Frame::decode(&vec![0; FRAME_BYTES_MAX + 1]),
        Err(FrameError::Size(_))
    ));
}

#[test]
fn a_nan_never_becomes_a_value() {
    let mut builder = FrameBuilder::new(catalog());
    let nan = Sample {
        time: Timestamp::from_millis(5),
        reading: Reading::Good(Value::F64(f64::NAN)),
    };
    assert!(builder.push(0, &nan).is_err());
    assert!(builder.is_empty());
    let mut raw = raw();
    raw.records.push(wire::Record {
        is: Some(Is::Samples(wire::SampleColumns {
            point: vec![0],
            time: vec![0],
            f64: vec![f64::NAN],
            ..Default::default()
        })),
    });
    let frame = Frame::decode(&with_crc(&raw)).unwrap();
    let mut out = Vec::new();
    let error = frame.samples(&catalog(), &mut out).unwrap_err();
    assert_eq!(
        error,
        FrameError::Sample {
            index: 0,
            what: "value"
        }
    );
    assert!(out.is_empty());
}

#[test]
fn a_full_frame_stays_within_its_bound() {
    let mut builder = FrameBuilder::new(catalog());
    let long = Sample {
        time: Timestamp::from_millis(1 << 41),
        reading: Reading::Good(Value::Text("x".repeat(1_024))),
    };
    while !builder.is_full() {
        builder.push(4, &long).unwrap();
    }
    assert!(builder.finish(u64::MAX, 1 << 40, 1, 1 << 41).len() <= FRAME_BYTES_MAX);
    let number = Sample {
        time: Timestamp::from_millis(1 << 41),
        reading: Reading::Uncertain(Value::I64(i64::MIN), Reason::Clock),
    };
    while !builder.is_full() {
        builder.push(1, &number).unwrap();
    }
    let bytes = builder.finish(u64::MAX, 1 << 40, 1, 1 << 41);
    assert!(bytes.len() <= FRAME_BYTES_MAX, "{}", bytes.len());
    Frame::decode(&bytes).unwrap();
}

const HEAD: Head = Head {
    epoch: 0xfeed,
    seq: 12,
    epoch_first: 10,
    watermark: 1 << 41,
};

fn packed(samples: &[FrameSample]) -> Vec<u8> {
    let mut builder = FrameBuilder::new(catalog());
    for sample in samples {
        builder.push(sample.point, &sample.sample).unwrap();
    }
    builder.finish_packed(&mut Packer::new().unwrap(), &HEAD)
}

/// Readings as a plant gives them: numbers of a tenth that wander.
fn plant(count: i32) -> Vec<FrameSample> {
    let sample = |at: i32| FrameSample {
        point: 0,
        sample: Sample {
            time: Timestamp::from_millis((1 << 41) - i64::from(at / 50)),
            reading: Reading::Good(Value::F64(f64::from(500 + (at * 7_919) % 23) * 0.1)),
        },
    };
    (0..count).map(sample).collect()
}

proptest! {
    #[test]
    fn a_packed_frame_means_what_the_plain_one_does(
        samples in prop::collection::vec(arbitrary_sample(), 0..300),
    ) {
        let (plain, packed) = (build(&samples, HEAD.watermark), packed(&samples));
        prop_assert!(packed.len() <= plain.len());
        let frame = Frame::decode(&packed).unwrap();
        prop_assert_eq!(&frame.records, &Frame::decode(&plain).unwrap().records);
        prop_assert_eq!(Frame::numbers(&packed), Some((HEAD.epoch, HEAD.seq)));
        prop_assert!(is_whole(&packed));
    }
}

#[test]
fn readings_of_a_plant_take_half_the_room_and_one_stays_plain() {
    let samples = plant(200);
    let (plain, packed) = (build(&samples, HEAD.watermark), packed(&samples));
    assert!(
        packed.len() * 2 < plain.len(),
        "{} of {}",
        packed.len(),
        plain.len()
    );
    let one = plant(1);
    assert_eq!(super::tests::packed(&one), build(&one, HEAD.watermark));
}

/// A packed frame as somebody wrote it.
fn forged(packed: Vec<u8>, records: Vec<wire::Record>) -> Vec<u8> {
    let raw = wire::Frame {
        version: PACKED,
        catalog: catalog().id().0.to_vec(),
        epoch: 1,
        seq: 1,
        epoch_first: 1,
        watermark: 1 << 41,
        records,
        packed,
    };
    let mut bytes = raw.encode_to_vec();
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn packed_records_that_cannot_be_are_refused() {
    let error = |packed, records| Frame::decode(&forged(packed, records)).unwrap_err();
    let field = FrameError::Field;
    assert_eq!(error(vec![1, 2, 3], Vec::new()), field("packed records"));
    assert_eq!(error(Vec::new(), Vec::new()), field("packed records"));
    // A few hundred bytes that would be sixteen megabytes.
    let bomb = zstd::bulk::compress(&vec![0; 16 << 20], 1).unwrap();
    assert!(bomb.len() < 4_096);
    assert_eq!(error(bomb, Vec::new()), field("packed records"));
    let whole = zstd::bulk::compress(&[0; 500], 1).unwrap();
    let cut = whole[..whole.len() - 1].to_vec();
    assert_eq!(error(cut, Vec::new()), field("packed records"));
    assert!(matches!(
        error(whole.clone(), Vec::new()),
        FrameError::Protobuf(_)
    ));
    let beside = vec![wire::Record { is: None }];
    assert_eq!(error(whole, beside), field("records beside packed ones"));
}
