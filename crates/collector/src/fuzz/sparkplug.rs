//! Messages of a Sparkplug edge node: lives of which any message may be harmed.

use fenghuo_model::{Timestamp, ValueType};
use prost::Message as _;

use super::payloads::assert_sound;
use super::{Corpus, config, hunt, mutate};
use crate::source::mqtt::Carries;
use crate::source::mqtt::mapping::Arrival;
use crate::source::mqtt::point::Point;
use crate::source::mqtt::sparkplug::payload::{Metric, MetricValue, Payload};
use crate::source::mqtt::sparkplug::{Edge, Plan, Topic, Wanted};

const NOW_MS: u64 = 1_795_392_000_000;
const NOW: Timestamp = Timestamp::from_millis(1_795_392_000_000);
const KINDS: [&str; 6] = [
    "spBv1.0/kaijiang/NBIRTH/gw7",
    "spBv1.0/kaijiang/DBIRTH/gw7/tank1",
    "spBv1.0/kaijiang/NDATA/gw7",
    "spBv1.0/kaijiang/DDATA/gw7/tank1",
    "spBv1.0/kaijiang/DDEATH/gw7/tank1",
    "spBv1.0/kaijiang/NDEATH/gw7",
];
const WORDS: [&[u8]; 9] = [
    b"Level",
    b"bdSeq",
    &[0x18, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    // Not a number, and infinite, as a double and as a float.
    &[0x69, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
    &[0x69, 0, 0, 0, 0, 0, 0, 0xf0, 0xff],
    &[0x65, 0, 0, 0x80, 0x7f],
    &[0x38, 0x01],
    &[0x28, 0x01],
];

fn metric(name: Option<&str>, alias: u64, datatype: Option<u32>, value: MetricValue) -> Metric {
    Metric {
        name: name.map(str::to_owned),
        alias: Some(alias),
        timestamp: Some(NOW_MS - 1_000),
        datatype,
        value: Some(value),
        ..Metric::default()
    }
}

/// The message of a kind in a life in which all is well.
fn message(kind: usize, seq: u64) -> Vec<u8> {
    let level = MetricValue::Double(3.5);
    let metrics = match kind {
        0 => vec![
            metric(Some("bdSeq"), 0, Some(8), MetricValue::Long(1)),
            metric(Some("Load"), 1, Some(10), MetricValue::Double(0.5)),
        ],
        1 => vec![metric(Some("Level"), 2, Some(10), level)],
        2 => vec![metric(None, 1, None, MetricValue::Float(0.25))],
        3 => vec![metric(None, 2, None, level)],
        5 => vec![metric(Some("bdSeq"), 0, Some(8), MetricValue::Long(1))],
        _ => Vec::new(),
    };
    let payload = Payload {
        timestamp: Some(NOW_MS),
        metrics,
        seq: (kind != 5).then_some(seq),
    };
    payload.encode_to_vec()
}

fn plan() -> Plan {
    let config = config::of_the_documents();
    let subscriptions = config.mqtt.into_iter().flat_map(|feed| feed.subscriptions);
    let mut plans = subscriptions.filter_map(|it| match it.carries {
        Carries::Edge(plan) => Some(plan),
        Carries::Payloads(_) => None,
    });
    let mut plan = plans.next().expect("the documents show Sparkplug");
    let point = Point {
        index: 0,
        value_type: ValueType::I64,
        linear: None,
        range: None,
        exception: None,
    };
    for device in [None, Some("tank1".to_owned())] {
        let name = if device.is_some() { "Level" } else { "Load" };
        plan.metrics.push(Wanted {
            point: point.clone(),
            device,
            name: name.to_owned(),
        });
    }
    plan
}

#[test]
fn harmed_lives_of_an_edge_node_give_sound_samples_or_none() {
    let plan = plan();
    let arrival = Arrival {
        now: NOW,
        is_retained: false,
    };
    let inputs: Vec<_> = (0..KINDS.len()).map(|kind| message(kind, 3)).collect();
    let corpus = Corpus::new(inputs, &WORDS);
    let again = Corpus::new(corpus.inputs.clone(), &WORDS);
    hunt("sparkplug", (4, 2), &corpus, move |first, dice| {
        let mut edge = Edge::new(plan.clone());
        let mut has_value = false;
        edge.subscribed(0);
        let points: Vec<_> = plan.metrics.iter().map(|it| &it.point).collect();
        for seq in 0..10 {
            let kind = match seq {
                0 | 1 => seq as usize,
                _ => (dice.roll() % KINDS.len() as u64) as usize,
            };
            let mut bytes = message(kind, seq);
            match dice.roll() % 8 {
                0 => bytes.clone_from(&first.to_vec()),
                1 => mutate::change(&mut bytes, &again, dice),
                _ => {}
            }
            let topic = Topic::parse(KINDS[kind]).expect("a Sparkplug topic");
            let mut outcome = edge.take(&topic, &bytes, arrival, seq * 100);
            outcome
                .samples
                .extend(edge.beat(seq * 100 + 50, NOW).samples);
            for sample in &outcome.samples {
                assert_sound(sample, &points);
                has_value |= sample.1.reading.value().is_some();
            }
        }
        // A life that is well from its birth on is believed, whatever came before.
        let mut outcome = edge.take(
            &Topic::parse(KINDS[0]).unwrap(),
            &message(0, 0),
            arrival,
            5_000,
        );
        let device = edge.take(
            &Topic::parse(KINDS[1]).unwrap(),
            &message(1, 1),
            arrival,
            5_001,
        );
        outcome.samples.extend(device.samples);
        let values = outcome
            .samples
            .iter()
            .filter(|it| it.1.reading.value().is_some());
        assert!(values.count() >= 1, "{outcome:?}");
        has_value
    });
}
