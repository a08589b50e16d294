//! The InfluxDB sink against VictoriaMetrics, which keeps numbers only and answers 204 to
//! anything, so only what is read back counts; and against a scripted server that refuses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::IntoResponse;
use fenghuo_model::{Reading, Reason, Sample, Timestamp, Value};
use fenghuo_server::sink::{Influx, InfluxConfig};
use fenghuo_server::view::Trouble;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::peers::{Scripted, Series, Victoria, free_port, status, until};
use crate::plant::{Plant, T0, TYPES, write_events};

mod away;

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    keep_from: Arc<AtomicU64>,
    fault: Arc<Mutex<Option<Trouble>>>,
}

impl Running {
    fn start(plant: &Plant, port: u16, budget_bytes: u64) -> Self {
        Self::start_aged(
            plant,
            port,
            budget_bytes,
            Duration::from_secs(86_400 * 365 * 100),
        )
    }

    fn start_aged(plant: &Plant, port: u16, budget_bytes: u64, budget_age: Duration) -> Self {
        let config = InfluxConfig {
            url: format!("http://127.0.0.1:{port}"),
            org: "county".to_owned(),
            bucket: "fenghuo".to_owned(),
            token: "secret".to_owned(),
            budget_bytes,
            budget_age,
        };
        let influx = Influx::new(config, &plant.log.lock().unwrap(), plant.parts()).unwrap();
        let (keep_from, fault) = (influx.keep_from(), influx.fault());
        let (stop, stopped) = watch::channel(false);
        Self {
            stop,
            task: tokio::spawn(influx.run(stopped)),
            keep_from,
            fault,
        }
    }

    fn keep_from(&self) -> u64 {
        self.keep_from.load(Ordering::Relaxed)
    }

    fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap()
            .as_ref()
            .map(|fault| fault.code.clone())
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }

    /// Waits until everything in the log and the journal is written, and stored as such.
    async fn all_written(&self, plant: &Plant) {
        let next = plant.log.lock().unwrap().next();
        let event = plant.journal.last().unwrap_or_default();
        until("all is written", async || {
            plant.stored_cursor().is_some_and(|cursor| {
                cursor.position == next && cursor.event == event && cursor.hole.is_empty()
            })
        })
        .await;
    }
}

const ROOMY: u64 = 1 << 30;
/// The database shows what it took after this long at most.
const SHOWN_WITHIN: Duration = Duration::from_secs(40);

/// What should be read back: (field, point) to values by time.
#[derive(Default)]
struct Expected(BTreeMap<(&'static str, &'static str), BTreeMap<i64, f64>>);

impl Expected {
    #[expect(clippy::cast_precision_loss, reason = "the database holds floats")]
    fn add(&mut self, point: u32, sample: &Sample) {
        let reading = &sample.reading;
        let value = reading.value();
        let number = value.and_then(Value::as_f64);
        let own = match value {
            Some(Value::I64(number)) => Some(("int", *number as f64)),
            Some(Value::U64(number)) => Some(("uint", *number as f64)),
            Some(Value::Bool(state)) => Some(("state", f64::from(u8::from(*state)))),
            // Any text is kept as a zero.
            Some(Value::Text(_)) => Some(("text", 0.0)),
            Some(Value::F64(_)) | None => None,
        };
        let fields = [
            number.map(|number| ("value", number)),
            own,
            Some(("quality", 0.0)),
            reading.reason().map(|_| ("reason", 0.0)),
        ];
        for (field, number) in fields.into_iter().flatten() {
            let series = self.0.entry((field, TYPES[point as usize].0)).or_default();
            series.insert(sample.time.as_millis(), number);
        }
    }

    /// Reads everything back and compares every number and every label, both ways. What the
    /// database took it shows a few seconds later.
    async fn check(&self, victoria: &Victoria) -> Series {
        let started = Instant::now();
        loop {
            let found = victoria.export("sample_").await;
            match self.difference(&found) {
                None => return found,
                Some(what) => assert!(started.elapsed() < SHOWN_WITHIN, "{what}"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    fn difference(&self, found: &Series) -> Option<String> {
        let mut left: Vec<_> = self.0.keys().collect();
        for (labels, values) in found {
            let field = labels["__name__"].strip_prefix("sample_").unwrap();
            let point = labels["point"].as_str();
            let Some(at) = left.iter().position(|key| **key == (field, point)) else {
                return Some(format!("an unexpected series: {labels:?}"));
            };
            let key = left.swap_remove(at);
            let unit = TYPES.iter().find(|it| it.0 == point).unwrap().2;
            let tags = [
                ("enterprise", "kaijiang-oil"),
                ("gateway", "gw-1"),
                ("kind", "flow"),
                ("unit", unit),
            ];
            if tags.iter().any(|(tag, value)| labels[*tag] != *value) {
                return Some(format!("other labels: {labels:?}"));
            }
            if let Some(what) = values_differ(values, &self.0[key]) {
                return Some(format!("{key:?}: {what}"));
            }
        }
        (!left.is_empty()).then(|| format!("missing: {left:?}"))
    }
}

fn values_differ(found: &BTreeMap<i64, f64>, expected: &BTreeMap<i64, f64>) -> Option<String> {
    if let Some(time) = expected.keys().find(|at| !found.contains_key(at)) {
        return Some(format!(
            "{} of {} values, none at {time}",
            found.len(),
            expected.len()
        ));
    }
    found.iter().find_map(|(time, value)| {
        let Some(wanted) = expected.get(time) else {
            return Some(format!("a value that was not written at {time}: {value}"));
        };
        // The database keeps decimals, of 12 digits at least.
        let large = wanted.abs() > 9e15;
        let near = value == wanted || (large && (value / wanted - 1.0).abs() < 1e-12);
        (!near).then(|| format!("at {time}: {value} instead of {wanted}"))
    })
}

fn sample(time: i64, reading: Reading) -> Sample {
    Sample {
        time: Timestamp::from_millis(time),
        reading,
    }
}

/// Values of all types, good, uncertain and bad, with texts that try to break out.
fn samples(from: i64, count: i64) -> Vec<(u32, Sample)> {
    let mut samples = Vec::new();
    for at in 0..count {
        let time = from + at * 1_000;
        let step = i32::try_from(at).unwrap();
        let float = (f64::from(step).sin() * 10_f64.powi(step % 6 + 4)).round() / 1e4;
        let evil =
            format!("x\" {time}\nsample,point=evil value=666 {time}\r\n\\{at}\u{2028}，烽火");
        let values = [
            Value::F64(if at % 7 == 0 { -0.0 } else { float }),
            Value::I64([i64::MIN, -1, 0, 1, i64::MAX][usize::try_from(at % 5).unwrap()]),
            Value::U64([0, 1, u64::MAX / 4][usize::try_from(at % 3).unwrap()]),
            Value::Bool(at % 2 == 0),
            Value::Text(evil),
        ];
        for (point, value) in (0..).zip(values) {
            let reading = match (at + i64::from(point)) % 6 {
                0 => Reading::Bad(Reason::ALL[usize::try_from(at).unwrap() % Reason::ALL.len()]),
                1 => Reading::Uncertain(value, Reason::Clock),
                _ => Reading::Good(value),
            };
            samples.push((point, sample(time, reading)));
        }
    }
    samples
}

/// Appends samples in frames of 200 and notes what should be read back.
fn feed(plant: &mut Plant, expected: &mut Expected, samples: &[(u32, Sample)]) {
    for frame in samples.chunks(200) {
        let received = frame.last().unwrap().1.time.as_millis();
        plant.frame(received, frame);
        for (point, sample) in frame {
            expected.add(*point, sample);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_is_read_back_and_writing_twice_changes_nothing() {
    let mut plant = Plant::new();
    let storage = tempfile::tempdir().unwrap();
    let victoria = Victoria::start(storage.path(), free_port()).await;
    let mut expected = Expected::default();
    feed(&mut plant, &mut expected, &samples(T0, 1_000));
    write_events(&mut plant.journal, 3..6, &[]);

    let running = Running::start(&plant, victoria.port, ROOMY);
    running.all_written(&plant).await;
    let next = plant.log.lock().unwrap().next();
    until("the log is free", async || running.keep_from() == next).await;
    assert_eq!(running.fault(), None);
    running.stop().await;
    let first = expected.check(&victoria).await;
    let alarms = check_alarms(&victoria).await;

    plant.forget_cursor();
    let running = Running::start(&plant, victoria.port, ROOMY);
    running.all_written(&plant).await;
    running.stop().await;
    assert_eq!(victoria.export("sample_").await, first);
    assert_eq!(victoria.export("alarm_").await, alarms);
    assert_eq!(victoria.invalid_rows().await, 0);
    let all = victoria.export("").await;
    let names = all.keys().map(|labels| labels["__name__"].clone());
    let strangers: Vec<_> = names
        .filter(|name| !name.starts_with("sample_") && !name.starts_with("alarm_"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

/// The three events that the tests write.
async fn check_alarms(victoria: &Victoria) -> Series {
    let raises = async || {
        let mut found = victoria.export("alarm_raises").await;
        found.pop_first().map(|series| (series, found))
    };
    let all = async || {
        raises()
            .await
            .is_some_and(|((_, values), _)| values.len() == 3)
    };
    until("the alarm events are there", all).await;
    let ((labels, values), others) = raises().await.unwrap();
    assert!(others.is_empty(), "{others:?}");
    let expected = [
        ("enterprise", "kaijiang-oil"),
        ("gateway", "gw-1"),
        ("point", "p.f64"),
        ("rule", "gas.combustible"),
        ("level", "L2 hostile,=/"),
        ("severity", "orange"),
        ("transition", "raise"),
        ("occurrence", "1.0"),
    ];
    assert!(
        expected.iter().all(|(tag, value)| labels[*tag] == *value),
        "{labels:?}"
    );
    let times: Vec<_> = values.keys().copied().collect();
    assert_eq!(times, [T0 + 3, T0 + 4, T0 + 5]);
    assert!(values.values().all(|raises| *raises == 1.0));
    victoria.export("alarm_").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_line_is_dropped_alone() {
    let mut plant = Plant::new();
    let mut expected = Expected::default();
    let mut list = samples(T0, 100);
    list.push((
        4,
        sample(T0 + 1, Reading::Good(Value::Text("poison".to_owned()))),
    ));
    feed(&mut plant, &mut expected, &list);
    let script = |_, request: &crate::peers::Request| {
        let body = std::str::from_utf8(&request.body).unwrap();
        assert_eq!(
            request.uri.query(),
            Some("bucket=fenghuo&org=county&precision=ms")
        );
        assert_eq!(request.headers["authorization"], "Token secret");
        if body.contains("poison") {
            Some((StatusCode::BAD_REQUEST, "unable to parse").into_response())
        } else {
            status(204)
        }
    };
    let server = Scripted::start(Box::new(script)).await;
    let running = Running::start(&plant, server.address.port(), ROOMY);
    running.all_written(&plant).await;
    running.stop().await;
    let taken: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|it| !contains(&it.body, "poison"))
        .collect();
    let lines: usize = taken
        .iter()
        .map(|request| std::str::from_utf8(&request.body).unwrap().lines().count())
        .sum();
    assert_eq!(lines, list.len() - 1, "each other line was taken once");
}

fn contains(body: &[u8], text: &str) -> bool {
    std::str::from_utf8(body).unwrap().contains(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_restart_goes_on_where_it_was() {
    let mut plant = Plant::new();
    let mut expected = Expected::default();
    let server = Scripted::start(Box::new(|_, _| status(204))).await;
    let mut lines = 0;
    for round in 0..3 {
        let list = samples(T0 + round * 1_000_000, 50);
        feed(&mut plant, &mut expected, &list);
        lines += list.len();
        let running = Running::start(&plant, server.address.port(), ROOMY);
        running.all_written(&plant).await;
        running.stop().await;
    }
    let sent: usize = server
        .requests()
        .iter()
        .map(|request| std::str::from_utf8(&request.body).unwrap().lines().count())
        .sum();
    assert_eq!(sent, lines, "nothing twice, nothing left out");
}
