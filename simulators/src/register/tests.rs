use super::*;

#[test]
fn known_words() {
    // 1.0 as float32 is 3F 80 00 00.
    let words = |order| Encoding::wide(Raw::F32, order, 1.0).words(1.0);
    assert_eq!(words("ABCD"), [0x3F80, 0x0000]);
    assert_eq!(words("CDAB"), [0x0000, 0x3F80]);
    assert_eq!(words("BADC"), [0x803F, 0x0000]);
    assert_eq!(words("DCBA"), [0x0000, 0x803F]);
    let minus_two = Encoding::wide(Raw::I32, "CDAB", 1.0);
    assert_eq!(minus_two.words(-2.0), [0xFFFE, 0xFFFF]);
    let counter = Encoding::wide(Raw::U64, "GHEFCDAB", 1.0);
    assert_eq!(
        counter.words(65_536.0 * 3.0 + 7.0),
        [0x0007, 0x0003, 0, 0],
        "words swapped, bytes not"
    );
    assert_eq!(Encoding::word(Raw::U16, 0.1, -40.0).words(25.0), [650]);
    assert_eq!(Encoding::register_bit(3).words(1.0), [8]);
}

#[test]
fn every_encoding_goes_there_and_back() {
    let all = [
        (Encoding::word(Raw::U16, 0.1, 0.0), 123.4, 0.05),
        (Encoding::word(Raw::I16, 0.01, 50.0), -123.45, 0.005),
        (Encoding::wide(Raw::U32, "ABCD", 0.01), 654_321.12, 0.005),
        (Encoding::wide(Raw::I32, "DCBA", 1.0), -2_400.0, 0.0),
        (Encoding::wide(Raw::F32, "BADC", 1.0), 7.25, 0.0),
        (Encoding::wide(Raw::F64, "BADCFEHG", 1.0), -0.1, 0.0),
        (Encoding::wide(Raw::U64, "HGFEDCBA", 0.1), 123_456.7, 0.05),
        (Encoding::wide(Raw::I64, "ABCDEFGH", 1.0), -9.0, 0.0),
        (Encoding::bit(), 1.0, 0.0),
        (Encoding::register_bit(15), 1.0, 0.0),
    ];
    for (encoding, value, error) in all {
        let back = encoding.value(&encoding.words(value)).unwrap();
        assert!(
            (back - value).abs() <= error + 1e-9,
            "{encoding:?}: {value} came back as {back}"
        );
        assert_eq!(encoding.value(&[]), None);
    }
}

#[test]
fn what_does_not_fit_saturates() {
    let word = Encoding::word(Raw::U16, 1.0, 0.0);
    assert_eq!(word.words(-5.0), [0]);
    assert_eq!(word.words(70_000.0), [65_535]);
    let nan = Encoding::wide(Raw::F32, "ABCD", 1.0).words(f64::NAN);
    assert!(f32::from_bits(u32::from(nan[0]) << 16 | u32::from(nan[1])).is_nan());
}
