//! Golden bytes of every message but the frame (which has its own): a contract with
//! collectors in the field. A change here needs a new version of the protocol.

use std::collections::BTreeMap;

use fenghuo_model::{Catalog, CatalogId, Kind, Limits, PointDef, PointKey, Title, Unit, ValueType};
use prost::Message;

use crate::hello::{EpochSpan, Hello};
use crate::receipt::{EpochReceipt, Receipt, Refusal, RefusalReason, Window};
use crate::wire;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_envelope() {
    let envelope = wire::Envelope {
        frame: vec![1, 2, 3],
        sent: -5,
        live_from: 300,
        oldest: 7,
        live_oldest: 301,
        gaps: vec![wire::Gap {
            from: 1,
            until: 2,
            count: 3,
            why: 2,
        }],
    };
    assert_eq!(
        hex(&envelope.encode_to_vec()),
        "0a03010203100918ac02200728ad0232080802100418032002"
    );
}

#[test]
fn a_hello() {
    let hello = Hello {
        nonce: 0x0102_0304_0506_0708,
        epoch: 9,
        oldest: 10,
        newest: 300,
        catalogs: vec![CatalogId([0xab; 16])],
        sent: 1_795_392_000_000,
        log_id: Some([0xcd; 16]),
        trimmed_below: 10,
        trimmed_epoch: 8,
        epochs: vec![EpochSpan {
            epoch: 9,
            first: 5,
            last: 300,
        }],
        software: "x".to_owned(),
        offered: 21,
    };
    assert_eq!(
        hex(&hello.encode()),
        concat!(
            "0801110807060504030201190900000000000000200a28ac023210ababababababababababababab",
            "ababab3880c09edbc0684210cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd480a5108000000000000005a",
            "0e090900000000000000100518ac026201786815"
        )
    );
    assert_eq!(Hello::decode(&hello.encode()).unwrap(), hello);
}

#[test]
fn a_receipt() {
    let window = Window {
        frames: 64,
        bytes: 8 << 20,
    };
    let receipt = Receipt {
        log_id: [0xcd; 16],
        nonce: 3,
        epochs: vec![EpochReceipt {
            epoch: 9,
            ranges: vec![(1, 5), (7, 300)],
        }],
        refused: vec![Refusal {
            epoch: 9,
            seq: 6,
            why: RefusalReason::Invalid,
        }],
        want_catalogs: vec![CatalogId([0xab; 16])],
        live: window,
        backlog: Window::default(),
        again: Some(wire::Again {
            id: 1,
            from: 2,
            until: 3,
        }),
    };
    assert_eq!(
        hex(&receipt.encode()),
        concat!(
            "0a10cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd1103000000000000001a160909000000000000001204",
            "080110051205080710ac02220d090900000000000000100618022a10abababababababababababab",
            "abababab3207084010808080043a004206080110041806"
        )
    );
    assert_eq!(Receipt::decode(&receipt.encode()).unwrap(), receipt);
}

#[test]
fn a_catalog() {
    let catalog = Catalog::new(vec![PointDef {
        key: PointKey::new("T-1").unwrap(),
        title: Title {
            zh: "液位".to_owned(),
            en: "level".to_owned(),
        },
        kind: Kind::Level,
        unit: Unit::parse("m").unwrap(),
        value_type: ValueType::F64,
        range: Some(Limits {
            low: 0.0,
            high: 12.0,
        }),
        interval_ms: 500,
        labels: BTreeMap::from([("area".to_owned(), "a".to_owned())]),
    }])
    .unwrap();
    assert_eq!(
        hex(&crate::catalog::to_bytes(&catalog)),
        concat!(
            "0a10757d69eb1408bc1b438863a8fe99d5111801223e0a03542d311206e6b6b2e4bd8d1a056c6576",
            "656c22056c6576656c2a016d39000000000000000041000000000000284048f40352090a04617265",
            "61120161"
        )
    );
}

#[test]
fn a_state() {
    let state = wire::State {
        online: true,
        epoch: 9,
    };
    assert_eq!(hex(&state.encode_to_vec()), "0801110900000000000000");
}
