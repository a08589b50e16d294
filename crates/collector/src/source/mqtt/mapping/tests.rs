//! Every payload gives a sample for every field, and a value only where there is one.

use proptest::prelude::*;

use super::*;
use crate::source::mqtt::time::TimeFormat;

const NOW: Timestamp = Timestamp::from_millis(1_795_392_000_000);

fn field(pointer: &str, value_type: ValueType) -> Field {
    Field {
        index: 7,
        pointer: pointer.to_owned(),
        value_type,
        linear: None,
        range: None,
        exception: None,
    }
}

fn mapping(field: Field) -> Mapping {
    Mapping {
        filter: "plant/+".to_owned(),
        time: Some(TimeField {
            pointer: "/ts".to_owned(),
            format: TimeFormat::Millis,
        }),
        fields: vec![field],
    }
}

fn one(mapping: &Mapping, payload: &str) -> Sample {
    match mapping.read(payload.as_bytes(), false, NOW) {
        Mapped::Samples(samples) | Mapped::Malformed(samples) => {
            assert_eq!((samples.len(), samples[0].0), (1, 7));
            samples[0].1.clone()
        }
    }
}

fn reading(value_type: ValueType, json: &str) -> Reading {
    let mapping = Mapping {
        time: None,
        ..mapping(field("/v", value_type))
    };
    one(&mapping, &format!("{{\"v\": {json}}}")).reading
}

#[test]
fn values_have_the_points_type_or_are_none() {
    use ValueType::{Bool, F64, I64, Text, U64};
    let wrong = Reading::Bad(Reason::WrongType);
    assert_eq!(reading(F64, "3"), Reading::Good(Value::F64(3.0)));
    assert_eq!(reading(F64, "\"3\""), wrong);
    assert_eq!(reading(F64, "true"), wrong);
    assert_eq!(reading(I64, "-3.0"), Reading::Good(Value::I64(-3)));
    assert_eq!(reading(I64, "-3.5"), wrong);
    assert_eq!(reading(U64, "-3"), wrong);
    assert_eq!(
        reading(U64, "18446744073709551615"),
        Reading::Good(Value::U64(u64::MAX))
    );
    assert_eq!(reading(Bool, "true"), Reading::Good(Value::Bool(true)));
    assert_eq!(reading(Bool, "1"), Reading::Good(Value::Bool(true)));
    assert_eq!(reading(Bool, "2"), wrong);
    assert_eq!(
        reading(Text, "\"开\""),
        Reading::Good(Value::Text("开".to_owned()))
    );
    assert_eq!(reading(Text, &format!("\"{}\"", "x".repeat(1_025))), wrong);
    assert_eq!(reading(F64, "null"), Reading::Bad(Reason::MissingField));
    assert_eq!(reading(F64, "1e999"), Reading::Bad(Reason::BadPayload));
}

#[test]
fn missing_fields_and_broken_payloads_have_their_reasons() {
    let mapping = mapping(field("/values/lel", ValueType::F64));
    let reason = |payload: &str| one(&mapping, payload).reading;
    assert_eq!(reason("{\"ts\":1}"), Reading::Bad(Reason::MissingField));
    for broken in ["", "{", "nonsense", "\u{feff}{}", &"[".repeat(500)] {
        assert_eq!(reason(broken), Reading::Bad(Reason::BadPayload), "{broken}");
    }
    let long = format!(
        "{{\"values\":{{\"lel\":1}},\"x\":\"{}\"}}",
        "x".repeat(PAYLOAD_BYTES_MAX)
    );
    assert_eq!(reason(&long), Reading::Bad(Reason::BadPayload));
}

#[test]
fn a_devices_time_stands_when_it_can_be_right() {
    let mapping = mapping(field("/v", ValueType::F64));
    let at = |ts: &str| one(&mapping, &format!("{{\"v\":1,\"ts\":{ts}}}"));
    let good = at("1795391990000");
    assert_eq!(good.time.as_millis(), 1_795_391_990_000);
    assert_eq!(good.reading, Reading::Good(Value::F64(1.0)));
    // A device may run ahead a little; a day is too much, and so is a time without storage.
    assert_eq!(at("1795392060000").reading, Reading::Good(Value::F64(1.0)));
    for odd in ["1795999999999", "99999999999999", "-5", "\"noon\"", "null"] {
        let sample = at(odd);
        assert_eq!(sample.time, NOW, "{odd}");
        let unsure = Reading::Uncertain(Value::F64(1.0), Reason::DeviceTime);
        assert_eq!(sample.reading, unsure, "{odd}");
    }
}

#[test]
fn a_retained_payload_without_time_is_uncertain() {
    let mapping = Mapping {
        time: None,
        ..mapping(field("/v", ValueType::F64))
    };
    let Mapped::Samples(samples) = mapping.read(b"{\"v\":1}", true, NOW) else {
        panic!("it is JSON");
    };
    let unsure = Reading::Uncertain(Value::F64(1.0), Reason::DeviceTime);
    assert_eq!(samples[0].1.reading, unsure);
}

#[test]
fn scale_comes_before_the_range() {
    let scaled = Field {
        linear: Some((0.1, 0.0)),
        range: Some(Limits {
            low: 0.0,
            high: 10.0,
        }),
        ..field("/v", ValueType::F64)
    };
    let mapping = mapping(scaled);
    let read = |v: &str| one(&mapping, &format!("{{\"v\":{v},\"ts\":1}}")).reading;
    assert_eq!(read("100"), Reading::Good(Value::F64(10.0)));
    assert_eq!(read("101"), Reading::Bad(Reason::OutOfRange));
    assert_eq!(read("true"), Reading::Bad(Reason::WrongType));
}

proptest! {
    /// A parser that is fast and nearly right would change the last bit of some numbers.
    #[test]
    fn every_number_is_read_to_its_last_bit(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let mapping = mapping(field("/v", ValueType::F64));
        let sample = one(&mapping, &format!("{{\"v\":{number:?},\"ts\":1}}"));
        prop_assert_eq!(sample.reading, Reading::Good(Value::F64(number)));
    }

    #[test]
    fn any_bytes_give_one_storable_sample(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let mapping = mapping(field("/v", ValueType::F64));
        let (Mapped::Samples(samples) | Mapped::Malformed(samples)) =
            mapping.read(&payload, false, NOW);
        prop_assert_eq!(samples.len(), 1);
        prop_assert!(samples[0].1.time.is_storable());
    }
}
