//! Every type in every order, and everything that must not become a value.

use super::*;

const EIGHT: &[&str] = &[
    "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF", "FEHGBADC", "DCBAHGFE",
];
const SPANS: [(Raw, &[&str]); 12] = [
    (Raw::F16, &["AB", "BA"]),
    (Raw::Bcd(1), &["AB", "BA"]),
    (Raw::Bcd(2), &["ABCD", "CDAB", "BADC", "DCBA"]),
    (Raw::Bcd(4), EIGHT),
    (Raw::U16, &["AB", "BA"]),
    (Raw::I16, &["AB", "BA"]),
    (Raw::U32, &["ABCD", "CDAB", "BADC", "DCBA"]),
    (Raw::I32, &["ABCD", "CDAB", "BADC", "DCBA"]),
    (Raw::F32, &["ABCD", "CDAB", "BADC", "DCBA"]),
    (Raw::U64, EIGHT),
    (Raw::I64, EIGHT),
    (Raw::F64, EIGHT),
];

fn decode(raw: Raw, order: &str) -> Decode {
    Decode::plain(raw, Order::parse(order, raw.order_width()).unwrap())
}

fn read(decode: &Decode, words: &[u16]) -> Reading {
    decode.words(words, None)
}

/// Lays big-endian bytes out as the order's letters say: an oracle that knows nothing of
/// words and swaps.
fn lay_out(bytes: &[u8], order: &str) -> Vec<u16> {
    let wire: Vec<u8> = order
        .bytes()
        .map(|letter| bytes[usize::from(letter - b'A')])
        .collect();
    wire.chunks(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}

fn samples(raw: Raw) -> Vec<(Vec<u8>, Value)> {
    match raw {
        Raw::F16 => [0.0, -1.5, 21.25, 65_504.0]
            .map(|n: f32| {
                (
                    half::f16::from_f32(n).to_be_bytes().to_vec(),
                    Value::F64(n.into()),
                )
            })
            .into(),
        Raw::Bcd(1) => [0_u16, 9, 1_234, 9_999]
            .map(|n| (bcd(n.into(), 2), Value::U64(n.into())))
            .into(),
        Raw::Bcd(registers) => [0, 12_345_678]
            .map(|n| (bcd(n, registers * 2), Value::U64(n)))
            .into(),
        Raw::U16 => (0..=u16::MAX)
            .map(|n| (n.to_be_bytes().to_vec(), Value::U64(n.into())))
            .collect(),
        Raw::I16 => (i16::MIN..=i16::MAX)
            .map(|n| (n.to_be_bytes().to_vec(), Value::I64(n.into())))
            .collect(),
        Raw::U32 => [0, 1, 0x0102_0304, 0x8000_0000, u32::MAX]
            .map(|n: u32| (n.to_be_bytes().to_vec(), Value::U64(n.into())))
            .into(),
        Raw::I32 => [0, -1, 0x0102_0304, i32::MIN, i32::MAX]
            .map(|n: i32| (n.to_be_bytes().to_vec(), Value::I64(n.into())))
            .into(),
        Raw::U64 => [0, 0x0102_0304_0506_0708, 1 << 63, u64::MAX]
            .map(|n: u64| (n.to_be_bytes().to_vec(), Value::U64(n)))
            .into(),
        Raw::I64 => [0, -1, 0x0102_0304_0506_0708, i64::MIN]
            .map(|n: i64| (n.to_be_bytes().to_vec(), Value::I64(n)))
            .into(),
        Raw::F32 => [0.0, -1.5, 21.3, f32::MIN_POSITIVE, f32::MAX]
            .map(|n: f32| (n.to_be_bytes().to_vec(), Value::F64(n.into())))
            .into(),
        Raw::F64 => [0.0, -1.5, 21.3, f64::MIN_POSITIVE, f64::MAX]
            .map(|n: f64| (n.to_be_bytes().to_vec(), Value::F64(n)))
            .into(),
        other => unreachable!("{other:?} is not in the table"),
    }
}

#[test]
fn every_type_reads_back_in_every_order() {
    for (raw, orders) in SPANS {
        for order in orders {
            let decode = decode(raw, order);
            for (bytes, value) in samples(raw) {
                let words = lay_out(&bytes, order);
                assert_eq!(
                    read(&decode, &words),
                    Reading::Good(value),
                    "{raw:?} {order} {words:x?}"
                );
            }
        }
    }
}

#[test]
fn an_order_of_another_width_is_none() {
    assert_eq!(Order::parse("ABCD", 1), None);
    assert_eq!(Order::parse("AB", 2), None);
    assert_eq!(Order::parse("ABDC", 2), None);
}

#[test]
fn a_bit_of_a_register_follows_the_byte_order() {
    for bit in 0..16 {
        let plain = decode(Raw::Bit(bit), "AB");
        let swapped = decode(Raw::Bit(bit), "BA");
        for word in [0, 1 << bit, !(1 << bit), u16::MAX] {
            let on = Reading::Good(Value::Bool(word >> bit & 1 == 1));
            assert_eq!(read(&plain, &[word]), on);
            assert_eq!(read(&swapped, &[word.swap_bytes()]), on);
        }
    }
}

#[test]
fn nan_and_infinity_are_never_values() {
    for bits in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(f32::to_bits) {
        let words = lay_out(&bits.to_be_bytes(), "ABCD");
        assert_eq!(
            read(&decode(Raw::F32, "ABCD"), &words),
            Reading::Bad(Reason::NotANumber)
        );
    }
    let mut huge = decode(Raw::F64, "ABCDEFGH");
    huge.linear = Some((10.0, 0.0));
    let words = lay_out(&f64::MAX.to_be_bytes(), "ABCDEFGH");
    assert_eq!(read(&huge, &words), Reading::Bad(Reason::NotANumber));
}

#[test]
fn scale_comes_before_the_range() {
    let mut decode = decode(Raw::I16, "AB");
    decode.linear = Some((0.1, -40.0));
    decode.range = Some(Limits {
        low: -40.0,
        high: 60.0,
    });
    assert_eq!(decode.value_type(), ValueType::F64);
    assert_eq!(read(&decode, &[0]), Reading::Good(Value::F64(-40.0)));
    assert_eq!(read(&decode, &[1000]), Reading::Good(Value::F64(60.0)));
    assert_eq!(read(&decode, &[1001]), Reading::Bad(Reason::OutOfRange));
    assert_eq!(read(&decode, &[0xffff]), Reading::Bad(Reason::OutOfRange));
}

#[test]
fn too_few_registers_are_a_bad_reply() {
    assert_eq!(
        read(&decode(Raw::U32, "ABCD"), &[1]),
        Reading::Bad(Reason::BadReply)
    );
}

/// A number's decimal digits, two a byte.
fn bcd(number: u64, bytes: u8) -> Vec<u8> {
    let digits = format!("{number:0width$}", width = usize::from(bytes) * 2);
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|two| (two[0] - b'0') << 4 | (two[1] - b'0'))
        .collect()
}

#[test]
fn a_digit_above_nine_is_no_number() {
    let none = Reading::Bad(Reason::NotANumber);
    assert_eq!(read(&decode(Raw::Bcd(1), "AB"), &[0x12a4]), none);
    assert_eq!(read(&decode(Raw::Bcd(2), "ABCD"), &[0xf000, 0x0001]), none);
}

#[test]
fn halves_and_fields_of_registers() {
    let one = |raw, words: &[u16], order| read(&decode(raw, order), words);
    let (unsigned, signed) = (
        |n| Reading::Good(Value::U64(n)),
        |n| Reading::Good(Value::I64(n)),
    );
    assert_eq!(one(Raw::U8(Half::High), &[0xfe01], "AB"), unsigned(0xfe));
    assert_eq!(one(Raw::U8(Half::Low), &[0xfe01], "AB"), unsigned(1));
    assert_eq!(one(Raw::I8(Half::High), &[0xfe01], "AB"), signed(-2));
    assert_eq!(one(Raw::I8(Half::High), &[0x01fe], "BA"), signed(-2));
    let field = |low, bits, registers| Raw::Field {
        low,
        bits,
        registers,
    };
    assert_eq!(one(field(4, 3, 1), &[0b0101_0000], "AB"), unsigned(0b101));
    assert_eq!(
        one(field(12, 8, 2), &[0x000a, 0xb000], "ABCD"),
        unsigned(0xab)
    );
    assert_eq!(
        one(field(12, 8, 2), &[0xb000, 0x000a], "CDAB"),
        unsigned(0xab)
    );
    assert_eq!(
        one(field(0, 63, 4), &[u16::MAX; 4], "ABCDEFGH"),
        unsigned(u64::MAX >> 1)
    );
}

#[test]
fn codes_for_no_number_are_no_values() {
    let mut decode = decode(Raw::I16, "BA");
    decode.absent = [0x8000, 0x7fff].into();
    let none = Reading::Bad(Reason::NotANumber);
    assert_eq!(read(&decode, &[0x0080]), none);
    assert_eq!(read(&decode, &[0xff7f]), none);
    assert_eq!(read(&decode, &[0xfe7f]), Reading::Good(Value::I64(0x7ffe)));
}

#[test]
fn an_enumeration_names_what_it_knows() {
    let mut decode = decode(Raw::I16, "AB");
    let names = [(0, "停止"), (1, "运行"), (-1, "故障")];
    decode.names = Some(Arc::new(
        names.map(|(code, name)| (code, name.to_owned())).into(),
    ));
    assert_eq!(decode.value_type(), ValueType::Text);
    let text = |text: &str| Reading::Good(Value::Text(text.to_owned()));
    assert_eq!(read(&decode, &[1]), text("运行"));
    assert_eq!(read(&decode, &[0xffff]), text("故障"));
    assert_eq!(read(&decode, &[2]), Reading::Bad(Reason::OutOfRange));
}

#[test]
fn texts_of_both_layouts_end_at_a_zero() {
    let text = |layout, registers, words: &[u16], order| match read(
        &decode(
            Raw::Text {
                registers,
                layout,
                charset: Charset::Utf8,
            },
            order,
        ),
        words,
    ) {
        Reading::Good(Value::Text(text)) => text,
        other => format!("{other:?}"),
    };
    let word = |two: &[u8; 2]| u16::from_be_bytes(*two);
    let packed = [word(b"PT"), word(b"-1"), word(b"7\0"), word(b"xx")];
    assert_eq!(text(Layout::Packed, 4, &packed, "AB"), "PT-17");
    let swapped = packed.map(u16::swap_bytes);
    assert_eq!(text(Layout::Packed, 4, &swapped, "BA"), "PT-17");
    let single = b"PT 1  ".map(u16::from);
    assert_eq!(text(Layout::BytePerRegister, 6, &single, "AB"), "PT 1");
    assert_eq!(text(Layout::Packed, 1, &[0xffff], "AB"), "Bad(BadPayload)");
    assert_eq!(text(Layout::Packed, 2, &[0], "AB"), "Bad(BadReply)");
    assert_eq!(text(Layout::Packed, 1, &[0], "AB"), "");
}

#[test]
fn texts_of_chinese_instruments_are_gbk() {
    let text = |words: &[u16]| {
        let raw = Raw::Text {
            registers: u8::try_from(words.len()).unwrap(),
            layout: Layout::Packed,
            charset: Charset::Gbk,
        };
        read(&decode(raw, "AB"), words)
    };
    let good = |text: &str| Reading::Good(Value::Text(text.to_owned()));
    // 储罐 1, with a blank and a zero behind it.
    assert_eq!(text(&[0xb4a2, 0xb9de, 0x3120, 0x0041]), good("储罐1"));
    assert_eq!(text(&[0x4f4b]), good("OK"));
    let bad = Reading::Bad(Reason::BadPayload);
    assert_eq!(text(&[0xb4a2, 0xb900]), bad, "half a character");
    assert_eq!(text(&[0xffff]), bad);
}

#[test]
fn a_factor_of_a_register_scales_before_the_configuration() {
    let mut decode = decode(Raw::U16, "AB");
    decode.scale = Some(ScaleRegister {
        address: 9,
        holds: ScaleWord::Factor,
    });
    decode.linear = Some((0.5, 1.0));
    assert_eq!(decode.value_type(), ValueType::F64);
    assert_eq!(
        decode.words(&[3], Some(10)),
        Reading::Good(Value::F64(16.0))
    );
    assert_eq!(decode.words(&[3], None), Reading::Bad(Reason::BadReply));
}
