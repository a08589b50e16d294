//! Every payload gives a sample for every field, and a value only where there is one.

use proptest::prelude::*;

use super::csv::{Cell, Column};
use super::flag::Marks;
use super::json::{Field, Item};
use super::*;
use crate::source::mqtt::time::TimeFormat;
use fenghuo_model::{Limits, Value, ValueType};

const NOW: Timestamp = Timestamp::from_millis(1_795_392_000_000);

fn point(value_type: ValueType) -> Point {
    Point {
        index: 7,
        value_type,
        linear: None,
        range: None,
        exception: None,
    }
}

fn field(pointer: &str, value_type: ValueType) -> Field {
    Field {
        point: point(value_type),
        pointer: pointer.to_owned(),
        flag: None,
    }
}

fn millis() -> TimeFormat {
    TimeFormat::parse("ms").unwrap()
}

fn timed(field: Field) -> Payload {
    Payload::Json(Object {
        time: Some(("/ts".to_owned(), millis())),
        fields: vec![field],
    })
}

fn untimed(field: Field) -> Payload {
    Payload::Json(Object {
        time: None,
        fields: vec![field],
    })
}

fn all(payload: &Payload, bytes: &[u8]) -> Vec<Slotted> {
    match payload.read(bytes, false, NOW) {
        Mapped::Samples(samples) | Mapped::Malformed(samples) => samples,
    }
}

fn one(payload: &Payload, text: &str) -> Sample {
    let samples = all(payload, text.as_bytes());
    assert_eq!((samples.len(), samples[0].0), (1, 0));
    samples[0].1.clone()
}

fn reading(value_type: ValueType, json: &str) -> Reading {
    let payload = untimed(field("/v", value_type));
    one(&payload, &format!("{{\"v\": {json}}}")).reading
}

/// Readings with their slots, for payloads of several.
fn readings(payload: &Payload, text: &str) -> Vec<(usize, Reading)> {
    let samples = all(payload, text.as_bytes()).into_iter();
    samples.map(|(slot, it)| (slot, it.reading)).collect()
}

const fn good(number: f64) -> Reading {
    Reading::Good(Value::F64(number))
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
    let mapping = timed(field("/values/lel", ValueType::F64));
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
    let mapping = timed(field("/v", ValueType::F64));
    let at = |ts: &str| one(&mapping, &format!("{{\"v\":1,\"ts\":{ts}}}"));
    let good = at("1795391990000");
    assert_eq!(good.time.as_millis(), 1_795_391_990_000);
    assert_eq!(good.reading, Reading::Good(Value::F64(1.0)));
    // A device may run ahead a little; a day is too much, and so is a time without storage.
    assert_eq!(at("1795392060000").reading, Reading::Good(Value::F64(1.0)));
    for odd in [
        "1795999999999",
        "99999999999999",
        "-5",
        "\"noon\"",
        "null",
        "0",
        "946684800000",
    ] {
        let sample = at(odd);
        assert_eq!(sample.time, NOW, "{odd}");
        let unsure = Reading::Uncertain(Value::F64(1.0), Reason::DeviceTime);
        assert_eq!(sample.reading, unsure, "{odd}");
    }
}

#[test]
fn a_retained_payload_without_time_is_uncertain() {
    let mapping = untimed(field("/v", ValueType::F64));
    let Mapped::Samples(samples) = mapping.read(b"{\"v\":1}", true, NOW) else {
        panic!("it is JSON");
    };
    let unsure = Reading::Uncertain(Value::F64(1.0), Reason::DeviceTime);
    assert_eq!(samples[0].1.reading, unsure);
}

#[test]
fn scale_comes_before_the_range() {
    let scaled = Point {
        linear: Some((0.1, 0.0)),
        range: Some(Limits {
            low: 0.0,
            high: 10.0,
        }),
        ..point(ValueType::F64)
    };
    let mapping = untimed(Field {
        point: scaled,
        ..field("/v", ValueType::F64)
    });
    let read = |v: &str| one(&mapping, &format!("{{\"v\":{v}}}")).reading;
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
        let mapping = timed(field("/v", ValueType::F64));
        let sample = one(&mapping, &format!("{{\"v\":{number:?},\"ts\":1795391990000}}"));
        prop_assert_eq!(sample.reading, Reading::Good(Value::F64(number)));
    }

    #[test]
    fn any_bytes_give_storable_samples(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for payload in [timed(field("/v", ValueType::F64)), lines(true), items(), whole()] {
            for (_, sample) in all(&payload, &bytes) {
                prop_assert!(sample.time.is_storable());
            }
        }
        prop_assert_eq!(all(&timed(field("/v", ValueType::F64)), &bytes).len(), 1);
        prop_assert_eq!(all(&whole(), &bytes).len(), 1);
    }
}

fn whole() -> Payload {
    Payload::Text(vec![point(ValueType::F64)])
}

#[test]
fn a_text_is_the_value_of_its_points_type() {
    use ValueType::{Bool, F64, I64, Text, U64};
    let read = |value_type, text: &str| one(&Payload::Text(vec![point(value_type)]), text).reading;
    let wrong = Reading::Bad(Reason::WrongType);
    assert_eq!(read(F64, " 12.5\r\n"), good(12.5));
    assert_eq!(read(F64, "-3"), good(-3.0));
    for bad in ["12.5 %", "12,5", "0x10", "1_000", "twelve"] {
        assert_eq!(read(F64, bad), wrong, "{bad}");
    }
    for none in ["NaN", "inf", "1e999"] {
        assert_eq!(read(F64, none), Reading::Bad(Reason::NotANumber), "{none}");
    }
    assert_eq!(read(F64, "  "), Reading::Bad(Reason::MissingField));
    assert_eq!(read(I64, "-7"), Reading::Good(Value::I64(-7)));
    assert_eq!(read(I64, "7.5"), wrong);
    let largest = Reading::Good(Value::U64(u64::MAX));
    assert_eq!(read(U64, "18446744073709551615"), largest);
    assert_eq!(read(U64, "-1"), wrong);
    assert_eq!(read(Bool, "ON"), Reading::Good(Value::Bool(true)));
    assert_eq!(read(Bool, "0"), Reading::Good(Value::Bool(false)));
    assert_eq!(read(Bool, "2"), wrong);
    let open = Reading::Good(Value::Text("开".to_owned()));
    assert_eq!(read(Text, " 开 "), open);
    let samples = all(&whole(), &[0xff, 0x31]);
    assert_eq!(samples[0].1.reading, Reading::Bad(Reason::BadPayload));
}

/// Columns: time, quality, a, b; `b` by the header's name when there is one.
fn lines(has_header: bool) -> Payload {
    let named = match has_header {
        true => Column::Named("b".to_owned()),
        false => Column::At(3),
    };
    let cell = |column| Cell {
        point: point(ValueType::F64),
        column,
    };
    Payload::Csv(Csv {
        separator: ';',
        has_header,
        time: Some((Column::At(0), millis())),
        flag: Some((Column::At(1), Marks::Good(vec!["ok".to_owned()]))),
        cells: vec![cell(Column::At(2)), cell(named)],
    })
}

#[test]
fn every_line_is_a_sample_of_each_column() {
    let text = "\u{feff}t;q;\"a;x\";b\r\n1795391990000;ok;1.5;2\r\n\r\n\
                1795391991000;ok; \"3\" ;\r\n1795391992000;bad;5;6";
    let samples = all(&lines(true), text.as_bytes());
    let times: Vec<i64> = samples.iter().map(|(_, it)| it.time.as_millis()).collect();
    let [a, b, c] = [1_795_391_990_000, 1_795_391_991_000, 1_795_391_992_000];
    assert_eq!(times, [a, a, b, b, c, c]);
    let flagged = Reading::Bad(Reason::DeviceFlag);
    let missing = Reading::Bad(Reason::MissingField);
    let wanted = [
        (0, good(1.5)),
        (1, good(2.0)),
        (0, good(3.0)),
        (1, missing),
        (0, flagged.clone()),
        (1, flagged),
    ];
    assert_eq!(readings(&lines(true), text), wanted);
}

#[test]
fn lines_without_header_or_with_a_wrong_one_have_their_reasons() {
    let plain = lines(false);
    let wanted = [(0, good(1.0)), (1, good(2.0))];
    assert_eq!(readings(&plain, "1795391990000;ok;1;2\n"), wanted);
    // A row that ends early lacks its last cells; its mark is not there either.
    let short = readings(&plain, "1795391990000");
    let missing = Reading::Bad(Reason::MissingField);
    assert_eq!(short, [(0, missing.clone()), (1, missing.clone())]);
    for header in ["t;q;a;c", "t;b;a;b"] {
        let row = readings(&lines(true), &format!("{header}\n1795391990000;ok;1;2"));
        assert_eq!(row, [(0, good(1.0)), (1, missing.clone())], "{header}");
    }
    let bad = Reading::Bad(Reason::BadPayload);
    for text in ["", "\n\n", "1;ok;\"1;2", "1;ok;\"1\"x;2"] {
        let wanted = [(0, bad.clone()), (1, bad.clone())];
        assert_eq!(readings(&plain, text), wanted, "{text}");
    }
    let many = "1795391990000;ok;1;2\n".repeat(ROWS_MAX + 1);
    assert_eq!(readings(&plain, &many), [(0, bad.clone()), (1, bad)]);
}

fn items() -> Payload {
    let item = |name: &str| Item {
        point: point(ValueType::F64),
        name: name.to_owned(),
    };
    Payload::Items(Items {
        at: "/data".to_owned(),
        name: "/n".to_owned(),
        value: "/v".to_owned(),
        flag: Some(("/q".to_owned(), Marks::Bad(vec!["1".to_owned()]))),
        time: Some(("/t".to_owned(), millis())),
        items: vec![item("a"), item("b")],
    })
}

#[test]
fn items_are_found_by_name_with_their_own_times() {
    let text = r#"{"data": [
        {"n": "b", "v": 2, "t": 1795391991000, "q": 0},
        {"n": "stranger", "v": 9, "t": 1795391991000},
        {"n": "a", "v": 1, "t": "1795391990000"},
        {"n": "a", "v": 1.5, "t": 1795391992000, "q": 1},
        {"n": "a", "t": 1795391993000},
        {"v": 4}, 5
    ]}"#;
    let samples = all(&items(), text.as_bytes());
    let times: Vec<i64> = samples.iter().map(|(_, it)| it.time.as_millis()).collect();
    let second = |s: i64| 1_795_391_990_000 + s * 1_000;
    assert_eq!(times, [second(1), second(0), second(2), second(3)]);
    let wanted = [
        (1, good(2.0)),
        (0, good(1.0)),
        (0, Reading::Bad(Reason::DeviceFlag)),
        (0, Reading::Bad(Reason::MissingField)),
    ];
    assert_eq!(readings(&items(), text), wanted);
    let bad = Reading::Bad(Reason::BadPayload);
    for text in ["{}", "{\"data\": {}}", "[1", "{\"data\": 3}"] {
        let wanted = [(0, bad.clone()), (1, bad.clone())];
        assert_eq!(readings(&items(), text), wanted, "{text}");
    }
}

#[test]
fn a_mark_decides_whether_a_value_stands() {
    let under = |marks: Marks, json: &str| {
        let flagged = Field {
            flag: Some(("/q".to_owned(), marks)),
            ..field("/v", ValueType::F64)
        };
        one(&untimed(flagged), json).reading
    };
    let list = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let flagged = Reading::Bad(Reason::DeviceFlag);
    for (mark, reading) in [
        ("192", good(1.0)),
        ("\"ok\"", good(1.0)),
        ("true", good(1.0)),
        ("0", flagged.clone()),
        ("null", flagged.clone()),
    ] {
        let json = format!("{{\"v\":1,\"q\":{mark}}}");
        let marks = Marks::Good(list(&["192", "ok", "true"]));
        assert_eq!(under(marks, &json), reading, "{mark}");
    }
    let marks = || Marks::Bad(list(&["fault"]));
    assert_eq!(under(marks(), "{\"v\":1,\"q\":\"fault\"}"), flagged);
    assert_eq!(under(marks(), "{\"v\":1}"), good(1.0));
    // What has no value keeps its own reason.
    let missing = Reading::Bad(Reason::MissingField);
    assert_eq!(under(marks(), "{\"q\":\"fault\"}"), missing);
}
