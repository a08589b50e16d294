//! What of an edge node's messages is believed, and when it is asked for a birth.

use fenghuo_model::{Value, ValueType};

use super::payload::{PropertySet, PropertyValue};
use super::*;
use crate::source::mqtt::point::Point;

const NOW: Timestamp = Timestamp::from_millis(1_795_392_000_000);
const NOW_MS: u64 = 1_795_392_000_000;

const ARRIVAL: Arrival = Arrival {
    now: NOW,
    is_retained: false,
};

fn wanted(device: Option<&str>, name: &str, value_type: ValueType) -> Wanted {
    Wanted {
        point: Point {
            index: 0,
            value_type,
            linear: None,
            range: None,
            exception: None,
        },
        device: device.map(str::to_owned),
        name: name.to_owned(),
    }
}

/// Slot 0 is the edge node's own, slots 1 and 2 are of device `d`.
fn edge() -> Edge {
    Edge::new(Plan {
        group: "g".to_owned(),
        edge: "e".to_owned(),
        metrics: vec![
            wanted(None, "Load", ValueType::F64),
            wanted(Some("d"), "Level", ValueType::F64),
            wanted(Some("d"), "Count", ValueType::I64),
        ],
    })
}

fn metric(name: &str, alias: u64, datatype: u32, value: MetricValue) -> Metric {
    Metric {
        name: Some(name.to_owned()),
        alias: Some(alias),
        timestamp: Some(NOW_MS - 5_000),
        datatype: Some(datatype),
        value: Some(value),
        ..Metric::default()
    }
}

/// As data has it: the alias alone.
fn by_alias(alias: u64, value: MetricValue) -> Metric {
    Metric {
        alias: Some(alias),
        timestamp: Some(NOW_MS - 1_000),
        value: Some(value),
        ..Metric::default()
    }
}

fn send(edge: &mut Edge, topic: &str, seq: Option<u64>, metrics: Vec<Metric>) -> Outcome {
    send_at(edge, topic, seq, metrics, 100)
}

fn send_at(
    edge: &mut Edge,
    topic: &str,
    seq: Option<u64>,
    metrics: Vec<Metric>,
    tick: u64,
) -> Outcome {
    let payload = Payload {
        timestamp: Some(NOW_MS - 2_000),
        metrics,
        seq,
    };
    let topic = Topic::parse(topic).unwrap();
    edge.take(&topic, &payload.encode_to_vec(), ARRIVAL, tick)
}

fn birth(edge: &mut Edge, bd_seq: u64) -> Outcome {
    let bd_seq = metric("bdSeq", 0, 4, MetricValue::Long(bd_seq));
    let load = metric("Load", 1, 10, MetricValue::Double(0.5));
    send(edge, "spBv1.0/g/NBIRTH/e", Some(0), vec![bd_seq, load])
}

fn device_birth(edge: &mut Edge, seq: u64) -> Outcome {
    let level = metric("Level", 2, 9, MetricValue::Float(3.5));
    let count = metric("Count", 3, 3, MetricValue::Int(u32::MAX));
    send(edge, "spBv1.0/g/DBIRTH/e/d", Some(seq), vec![level, count])
}

fn born() -> Edge {
    let mut edge = edge();
    birth(&mut edge, 7);
    device_birth(&mut edge, 1);
    edge
}

fn readings(outcome: &Outcome) -> Vec<(usize, Reading)> {
    let samples = outcome.samples.iter();
    samples
        .map(|(slot, it)| (*slot, it.reading.clone()))
        .collect()
}

fn level(edge: &mut Edge, seq: u64, level: f32) -> Outcome {
    let metric = by_alias(2, MetricValue::Float(level));
    send(edge, "spBv1.0/g/DDATA/e/d", Some(seq), vec![metric])
}

const fn good(number: f64) -> Reading {
    Reading::Good(Value::F64(number))
}

fn all_bad(reason: Reason) -> Vec<(usize, Reading)> {
    (0..3).map(|slot| (slot, Reading::Bad(reason))).collect()
}

#[test]
fn births_give_current_values_of_their_own_time() {
    let mut edge = edge();
    let node = birth(&mut edge, 7);
    assert_eq!(readings(&node), [(0, good(0.5))]);
    // When the value was taken does not matter: it is the current one now.
    assert_eq!(node.samples[0].1.time.as_millis(), 1_795_391_998_000);
    let device = device_birth(&mut edge, 1);
    let minus_one = Reading::Good(Value::I64(-1));
    assert_eq!(readings(&device), [(1, good(3.5)), (2, minus_one)]);
    assert!(!device.asks_birth);
}

#[test]
fn data_is_read_by_alias_and_by_name_with_its_own_time() {
    let mut edge = born();
    let data = level(&mut edge, 2, 4.25);
    assert_eq!(readings(&data), [(1, good(4.25))]);
    assert_eq!(data.samples[0].1.time.as_millis(), 1_795_391_999_000);
    let named = Metric {
        name: Some("Load".to_owned()),
        value: Some(MetricValue::Double(0.75)),
        ..Metric::default()
    };
    let data = send(&mut edge, "spBv1.0/g/NDATA/e", Some(3), vec![named]);
    assert_eq!(readings(&data), [(0, good(0.75))]);
    assert_eq!(data.samples[0].1.time.as_millis(), 1_795_391_998_000);
}

#[test]
fn numbers_go_round_at_256() {
    let mut edge = born();
    for seq in 2..=255 {
        assert!(!level(&mut edge, seq, 1.0).asks_birth, "{seq}");
    }
    assert_eq!(readings(&level(&mut edge, 0, 2.0)), [(1, good(2.0))]);
}

#[test]
fn after_a_gap_nothing_is_believed_until_the_next_birth() {
    let mut edge = born();
    let gap = level(&mut edge, 3, 9.0);
    assert!(gap.asks_birth);
    assert_eq!(readings(&gap), all_bad(Reason::BadReply));
    // Later ones are not believed either, though they follow, and are not asked about again.
    let after = level(&mut edge, 4, 9.0);
    assert!(after.samples.is_empty() && !after.asks_birth);
    let late = send_at(
        &mut edge,
        "spBv1.0/g/DDATA/e/d",
        Some(5),
        vec![],
        100 + REBIRTH_EVERY_MS,
    );
    assert!(late.asks_birth);
    assert_eq!(readings(&birth(&mut edge, 7)), [(0, good(0.5))]);
    // Aliases are those of the new birth.
    assert!(
        level(&mut edge, 1, 9.0).asks_birth,
        "its device is not born again"
    );
    let mut edge = born();
    assert!(
        level(&mut edge, 1, 1.0).asks_birth,
        "a repeated number is a gap too"
    );
}

#[test]
fn a_message_without_number_or_sense_is_a_gap() {
    let mut edge = born();
    let none = send(&mut edge, "spBv1.0/g/NDATA/e", None, vec![]);
    assert!(none.asks_birth);
    let mut edge = born();
    let topic = Topic::parse("spBv1.0/g/NDATA/e").unwrap();
    let broken = edge.take(&topic, &[0xff, 0xff, 0xff], ARRIVAL, 100);
    assert!(broken.asks_birth);
    assert_eq!(readings(&broken), all_bad(Reason::BadReply));
}

#[test]
fn an_alias_under_another_device_is_a_gap() {
    let mut edge = born();
    let metric = by_alias(2, MetricValue::Float(9.0));
    let wrong = send(&mut edge, "spBv1.0/g/NDATA/e", Some(2), vec![metric]);
    assert!(wrong.asks_birth);
    assert_eq!(readings(&wrong), all_bad(Reason::BadReply));
}

#[test]
fn aliases_of_an_old_birth_mean_nothing() {
    let mut edge = born();
    let load = metric("Load", 2, 10, MetricValue::Double(0.5));
    send(&mut edge, "spBv1.0/g/NBIRTH/e", Some(0), vec![load]);
    // Alias 2 was the level; now it is the load, and alias 1 is nobody's.
    let two = by_alias(2, MetricValue::Double(0.25));
    let one = by_alias(1, MetricValue::Double(8.0));
    let data = send(&mut edge, "spBv1.0/g/NDATA/e", Some(1), vec![one, two]);
    assert_eq!(readings(&data), [(0, good(0.25))]);
}

#[test]
fn deaths_take_the_values_away() {
    let mut edge = born();
    let device = send(&mut edge, "spBv1.0/g/DDEATH/e/d", Some(2), vec![]);
    let offline = Reading::Bad(Reason::DeviceOffline);
    assert_eq!(readings(&device), [(1, offline.clone()), (2, offline)]);
    let again = edge.beat(100 + TELL_EVERY_MS, NOW);
    assert_eq!(readings(&again).len(), 2);
    let bd_seq = |number| vec![metric("bdSeq", 0, 4, MetricValue::Long(number))];
    // The will of an older connection, which the broker says late.
    let old = send(&mut edge, "spBv1.0/g/NDEATH/e", None, bd_seq(6));
    assert!(old.samples.is_empty());
    let node = send(&mut edge, "spBv1.0/g/NDEATH/e", None, bd_seq(7));
    assert_eq!(readings(&node), all_bad(Reason::DeviceOffline));
    // The dead are not asked for a birth: they give one when they come.
    let beat = edge.beat(100 + TELL_EVERY_MS, NOW);
    assert!(!beat.asks_birth);
    assert_eq!(readings(&beat), all_bad(Reason::DeviceOffline));
}

#[test]
fn what_a_birth_lacks_has_no_value() {
    let mut edge = edge();
    birth(&mut edge, 7);
    let null = Metric {
        is_null: Some(true),
        value: None,
        ..metric("Level", 2, 9, MetricValue::Float(0.0))
    };
    let born = send(&mut edge, "spBv1.0/g/DBIRTH/e/d", Some(1), vec![null]);
    let missing = Reading::Bad(Reason::MissingField);
    assert_eq!(readings(&born), [(1, missing.clone()), (2, missing)]);
    // The level was born, and may have a value later.
    assert_eq!(readings(&level(&mut edge, 2, 1.0)), [(1, good(1.0))]);
    let count = Metric {
        name: Some("Count".to_owned()),
        value: Some(MetricValue::Int(3)),
        ..Metric::default()
    };
    let unborn = send(&mut edge, "spBv1.0/g/DDATA/e/d", Some(3), vec![count]);
    assert!(unborn.asks_birth);
}

#[test]
fn historical_values_keep_their_time_or_are_not_placed() {
    let mut edge = born();
    let old = Metric {
        is_historical: Some(true),
        timestamp: Some(NOW_MS - 3_600_000),
        ..by_alias(2, MetricValue::Float(2.0))
    };
    let impossible = Metric {
        timestamp: Some(1),
        ..old.clone()
    };
    let data = send(
        &mut edge,
        "spBv1.0/g/DDATA/e/d",
        Some(2),
        vec![old, impossible],
    );
    assert_eq!(readings(&data), [(1, good(2.0))]);
    assert_eq!(data.samples[0].1.time.as_millis(), 1_795_388_400_000);
    assert_eq!(data.unplaced, 1);
}

#[test]
fn values_of_a_wrong_type_or_quality_are_none() {
    let mut edge = born();
    let int = by_alias(2, MetricValue::Int(9));
    let changed = Metric {
        datatype: Some(10),
        ..by_alias(2, MetricValue::Double(9.0))
    };
    let stale = Metric {
        properties: Some(PropertySet {
            keys: vec!["Quality".to_owned()],
            values: vec![PropertyValue {
                int: Some(500),
                long: None,
            }],
        }),
        ..by_alias(2, MetricValue::Float(9.0))
    };
    let data = send(
        &mut edge,
        "spBv1.0/g/DDATA/e/d",
        Some(2),
        vec![int, changed, stale],
    );
    let wrong = Reading::Bad(Reason::WrongType);
    let flagged = Reading::Bad(Reason::DeviceFlag);
    assert_eq!(
        readings(&data),
        [(1, wrong.clone()), (1, wrong), (1, flagged)]
    );
}

#[test]
fn without_a_birth_one_is_asked_for_again_and_points_stay_without_value() {
    let mut edge = edge();
    assert!(edge.subscribed(1_000).asks_birth);
    assert_eq!(edge.next_beat(), 1_000 + REBIRTH_EVERY_MS);
    assert!(!edge.beat(1_500, NOW).asks_birth);
    let asked = edge.beat(1_000 + REBIRTH_EVERY_MS, NOW);
    assert!(asked.asks_birth && asked.samples.is_empty());
    let told = edge.beat(1_000 + TELL_EVERY_MS, NOW);
    assert_eq!(readings(&told), all_bad(Reason::NotConnected));
    // Data before any birth is not believed.
    let data = level(&mut edge, 5, 1.0);
    assert!(data.samples.is_empty());
    let away = edge.away(20_000, NOW);
    assert_eq!(away.len(), 3);
}

#[test]
fn the_request_is_what_the_specification_says() {
    let payload = Payload::decode(rebirth(NOW).as_slice()).unwrap();
    assert_eq!((payload.seq, payload.timestamp), (None, Some(NOW_MS)));
    let [metric] = payload.metrics.as_slice() else {
        panic!("{payload:?}");
    };
    assert_eq!(metric.name.as_deref(), Some("Node Control/Rebirth"));
    assert_eq!(metric.value, Some(MetricValue::Boolean(true)));
    assert_eq!(command("g", "e"), "spBv1.0/g/NCMD/e");
}

#[test]
fn a_birth_may_be_numbered_as_high_as_the_message_can_hold() {
    let mut edge = edge();
    let load = metric("Load", 1, 10, MetricValue::Double(0.5));
    send(&mut edge, "spBv1.0/g/NBIRTH/e", Some(u64::MAX), vec![load]);
    let data = vec![by_alias(1, MetricValue::Double(0.75))];
    let outcome = send(&mut edge, "spBv1.0/g/NDATA/e", Some(0), data);
    let value = outcome.samples[0].1.reading.value();
    assert_eq!(value, Some(&Value::F64(0.75)));
}

/// A broker, or whoever writes to it, may name devices without end.
#[test]
fn devices_that_nothing_is_read_of_are_not_kept() {
    let mut edge = born();
    let mut seq = 1;
    for number in 0..1_000 {
        let mut next = || {
            seq = (seq + 1) % 256;
            Some(seq)
        };
        let (birth, data) = ("spBv1.0/g/DBIRTH/e/x", "spBv1.0/g/DDATA/e/x");
        let of = |topic: &str| format!("{topic}{number}");
        let value = MetricValue::Double(1.0);
        let born = send(
            &mut edge,
            &of(birth),
            next(),
            vec![metric("Level", 9, 10, value)],
        );
        let value = MetricValue::Double(2.0);
        let told = send(&mut edge, &of(data), next(), vec![by_alias(9, value)]);
        assert_eq!(readings(&born), []);
        assert_eq!((readings(&told), told.asks_birth), (vec![], false));
    }
    let Life::Born(birth) = &edge.life else {
        panic!("{edge:?}");
    };
    assert_eq!(birth.devices, BTreeSet::from(["d".to_owned()]));
}
