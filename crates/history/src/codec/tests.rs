use fenghuo_model::{Reading, Reason, Sample, SampleId, Timestamp, Value};
use proptest::prelude::*;

use super::*;

fn value(value_type: ValueType) -> BoxedStrategy<Value> {
    match value_type {
        ValueType::F64 => prop_oneof![
            any::<f64>().prop_map(|x| Value::F64(if x.is_nan() { 0.0 } else { x })),
            (-500..500_i32).prop_map(|x| Value::F64(f64::from(x) / 10.0)),
        ]
        .boxed(),
        ValueType::I64 => any::<i64>().prop_map(Value::I64).boxed(),
        ValueType::U64 => any::<u64>().prop_map(Value::U64).boxed(),
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::Text => prop_oneof![Just("关".to_owned()), ".{0,20}"]
            .prop_map(Value::Text)
            .boxed(),
    }
}

fn samples(value_type: ValueType) -> impl Strategy<Value = Vec<(SampleId, Sample)>> {
    let reason = (0..Reason::ALL.len()).prop_map(|at| Reason::ALL[at]);
    let reading =
        (value(value_type), reason, 0..8_u8).prop_map(|(value, reason, kind)| match kind {
            0 => Reading::Bad(reason),
            1 => Reading::Uncertain(value, reason),
            _ => Reading::Good(value),
        });
    let row = (
        0..Timestamp::MAX.as_millis(),
        0..3_u64,
        any::<u64>(),
        any::<u32>(),
        reading,
    );
    let row = row.prop_map(|(ms, epoch, seq, index, reading)| {
        let time = Timestamp::from_millis(ms);
        (SampleId { epoch, seq, index }, Sample { time, reading })
    });
    proptest::collection::vec(row, 1..200)
}

fn packed(value_type: ValueType, samples: &[(SampleId, Sample)]) -> (Block, Vec<u8>) {
    let mut block = Block::default();
    for (id, sample) in samples {
        block.push(*id, sample);
    }
    block.sort();
    let bytes = encode(7, value_type, &block.entries, &block.texts).unwrap();
    (block, bytes)
}

fn listed(value_type: ValueType, block: &Block) -> Vec<(SampleId, Sample)> {
    let one = |entry: &Entry| (entry.id(), block.sample(value_type, entry));
    block.entries.iter().map(one).collect()
}

fn any_samples() -> impl Strategy<Value = (ValueType, Vec<(SampleId, Sample)>)> {
    let types = [
        ValueType::F64,
        ValueType::I64,
        ValueType::U64,
        ValueType::Bool,
        ValueType::Text,
    ];
    (0..types.len()).prop_flat_map(move |at| (Just(types[at]), samples(types[at])))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_packed_comes_back((value_type, samples) in any_samples()) {
        let (block, bytes) = packed(value_type, &samples);
        let back = Chunk::open(7, value_type, &bytes).unwrap().block().unwrap();
        prop_assert_eq!(listed(value_type, &back), listed(value_type, &block));
    }

    #[test]
    fn a_changed_byte_is_seen(
        (value_type, samples) in any_samples(),
        place in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let (_, mut bytes) = packed(value_type, &samples);
        let at = place.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Chunk::open(7, value_type, &bytes).is_err());
    }

    #[test]
    fn nonsense_under_a_right_checksum_never_panics(
        body in proptest::collection::vec(any::<u8>(), 0..200), at in 0..5_usize,
    ) {
        let value_type = [
            ValueType::F64, ValueType::I64, ValueType::U64, ValueType::Bool, ValueType::Text,
        ][at];
        let mut tagged = vec![VERSION, type_code(value_type)];
        tagged.extend_from_slice(&body);
        let mut bytes = checksum(7, &tagged).to_le_bytes().to_vec();
        bytes.extend_from_slice(&tagged);
        if let Ok(chunk) = Chunk::open(7, value_type, &bytes) {
            drop(chunk.block());
        }
    }
}

#[test]
fn another_series_or_type_is_refused() {
    let sample = Sample {
        time: Timestamp::from_millis(5),
        reading: Reading::Good(Value::U64(1)),
    };
    let (_, bytes) = packed(ValueType::U64, &[(SampleId::default(), sample)]);
    assert!(Chunk::open(7, ValueType::U64, &bytes).is_ok());
    assert!(Chunk::open(8, ValueType::U64, &bytes).is_err());
    assert!(Chunk::open(7, ValueType::I64, &bytes).is_err());
    assert!(Chunk::open(7, ValueType::U64, &[]).is_err());
}

#[test]
fn a_regular_series_costs_little() {
    let sample = |at: u32| {
        let reading = Reading::Good(Value::Bool((at / 400).is_multiple_of(2)));
        let time = Timestamp::from_millis(1_795_392_000_000 + i64::from(at) * 1_000);
        let seq = u64::from(at) + 9;
        (
            SampleId {
                epoch: 3,
                seq,
                index: 17,
            },
            Sample { time, reading },
        )
    };
    let samples: Vec<_> = (0..1_024).map(sample).collect();
    let (_, bytes) = packed(ValueType::Bool, &samples);
    assert!(bytes.len() < 80, "{} bytes", bytes.len());
}
