//! JSON, lines of columns and plain texts, read by the mappings that the documentation shows.

use fenghuo_model::sample::TEXT_BYTES_MAX;
use fenghuo_model::{Reading, Timestamp, Value};

use super::{Corpus, config, hunt};
use crate::source::mqtt::Carries;
use crate::source::mqtt::mapping::{Mapped, PAYLOAD_BYTES_MAX, Payload, ROWS_MAX, Slotted};
use crate::source::mqtt::point::Point;

const NOW: Timestamp = Timestamp::from_millis(1_795_392_000_000);
const INPUTS: [&str; 9] = [
    r#"{"values":{"lel":12.5},"ts":1795391999000,"q":0}"#,
    r#"{"values":{"lel":null},"ts":"1795391999000","q":"ok"}"#,
    r#"{"data":[{"name":"PT-1","value":101.3,"t":1795391999,"q":0},{"name":"PT-2","value":-1e-3}]}"#,
    "time;flow;q\n2026-11-22 23:59:58;3.5;0\n2026-11-22 23:59:59;-4;0\n",
    "flow;time\r\n\"1,5\";2026-11-23 08:00:00\r\n",
    "true",
    " -12.5e-3\r\n",
    "on",
    "18446744073709551615",
];
const WORDS: [&[u8]; 22] = [
    b"1e999",
    b"-1e-400",
    b"NaN",
    b"inf",
    b"null",
    b"true",
    b"{\"values\":",
    b"[[[[[[[[",
    b"}",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1795391999000",
    b"\n",
    b";",
    b"\r\n;;\n",
    b"\xef\xbb\xbf",
    b"{\"data\":[",
    b"2026-13-32 25:61:61",
    b"+",
];

/// What may be believed of a sample, whatever bytes it came from.
pub fn assert_sound((slot, sample): &Slotted, points: &[&Point]) {
    let point = points[*slot];
    assert!(sample.time.is_storable(), "{sample:?}");
    let Some(value) = sample.reading.value() else {
        return;
    };
    assert_eq!(value.value_type(), point.value_type, "{sample:?}");
    match value {
        Value::F64(number) => assert!(number.is_finite()),
        Value::Text(text) => assert!(text.len() <= TEXT_BYTES_MAX),
        Value::I64(_) | Value::U64(_) | Value::Bool(_) => {}
    }
    if let (Some(range), Reading::Good(value)) = (point.range, &sample.reading) {
        let number = value.as_f64().unwrap();
        assert!(range.low <= number && number <= range.high, "{sample:?}");
    }
}

fn mappings() -> Vec<Payload> {
    let config = config::of_the_documents();
    let subscriptions = config.mqtt.into_iter().flat_map(|feed| feed.subscriptions);
    let mappings = subscriptions.flat_map(|it| match it.carries {
        Carries::Payloads(mappings) => mappings,
        Carries::Edge(_) => Vec::new(),
    });
    mappings.map(|mapping| mapping.payload).collect()
}

#[test]
fn harmed_payloads_give_sound_samples_or_none() {
    let mappings = mappings();
    let has = |is: fn(&Payload) -> bool| mappings.iter().any(is);
    assert!(has(|it| matches!(it, Payload::Json(_))) && has(|it| matches!(it, Payload::Items(_))));
    assert!(has(|it| matches!(it, Payload::Csv(_))) && has(|it| matches!(it, Payload::Text(_))));
    let corpus = Corpus::new(INPUTS, &WORDS);
    let mut good = 0;
    for input in INPUTS {
        for mapping in &mappings {
            if let Mapped::Samples(samples) = mapping.read(input.as_bytes(), false, NOW) {
                let values = samples.iter().filter(|it| it.1.reading.value().is_some());
                good += values.count();
            }
        }
    }
    assert!(good >= 6, "the inputs are no good: {good} values");
    hunt("payload", (1, 20), &corpus, move |bytes, dice| {
        let is_retained = dice.roll() % 4 == 0;
        let mut has_value = false;
        for mapping in &mappings {
            let points = mapping.points();
            let samples = match mapping.read(bytes, is_retained, NOW) {
                Mapped::Samples(samples) => samples,
                Mapped::Malformed(samples) => {
                    assert!(samples.iter().all(|it| it.1.reading.value().is_none()));
                    assert_eq!(samples.len(), points.len());
                    samples
                }
            };
            assert!(bytes.len() <= PAYLOAD_BYTES_MAX || samples.len() == points.len());
            assert!(samples.len() <= points.len() * ROWS_MAX);
            if matches!(mapping, Payload::Json(_) | Payload::Text(_)) {
                assert_eq!(samples.len(), points.len());
            }
            for sample in &samples {
                assert_sound(sample, &points);
                has_value |= sample.1.reading.value().is_some();
            }
        }
        has_value
    });
}
