//! Every type in every order, and everything that must not become a value.

use super::*;

const SPANS: [(Raw, &[&str]); 8] = [
    (Raw::U16, &["AB", "BA"]),
    (Raw::I16, &["AB", "BA"]),
    (Raw::U32, &["ABCD", "CDAB", "BADC", "DCBA"]),
    (Raw::I32, &["ABCD", "CDAB", "BADC", "DCBA"]),
    (Raw::F32, &["ABCD", "CDAB", "BADC", "DCBA"]),
    (Raw::U64, &["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"]),
    (Raw::I64, &["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"]),
    (Raw::F64, &["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"]),
];

fn decode(raw: Raw, order: &str) -> Decode {
    Decode {
        raw,
        order: Order::parse(order, raw.width()).unwrap(),
        linear: None,
        range: None,
    }
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
        Raw::Bool | Raw::Bit(_) => unreachable!("not in the table"),
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
                    decode.words(&words),
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
            assert_eq!(plain.words(&[word]), on);
            assert_eq!(swapped.words(&[word.swap_bytes()]), on);
        }
    }
}

#[test]
fn nan_and_infinity_are_never_values() {
    for bits in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(f32::to_bits) {
        let words = lay_out(&bits.to_be_bytes(), "ABCD");
        assert_eq!(
            decode(Raw::F32, "ABCD").words(&words),
            Reading::Bad(Reason::NotANumber)
        );
    }
    let mut huge = decode(Raw::F64, "ABCDEFGH");
    huge.linear = Some((10.0, 0.0));
    let words = lay_out(&f64::MAX.to_be_bytes(), "ABCDEFGH");
    assert_eq!(huge.words(&words), Reading::Bad(Reason::NotANumber));
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
    assert_eq!(decode.words(&[0]), Reading::Good(Value::F64(-40.0)));
    assert_eq!(decode.words(&[1000]), Reading::Good(Value::F64(60.0)));
    assert_eq!(decode.words(&[1001]), Reading::Bad(Reason::OutOfRange));
    assert_eq!(decode.words(&[0xffff]), Reading::Bad(Reason::OutOfRange));
}

#[test]
fn too_few_registers_are_a_bad_reply() {
    assert_eq!(
        decode(Raw::U32, "ABCD").words(&[1]),
        Reading::Bad(Reason::BadReply)
    );
}
