//! Trends: samples, buckets, states, texts, a change of unit.

use fenghuo_history::Row;
use fenghuo_model::{
    PointRef, Reading, Reason, Sample, SampleId, Timestamp, Unit, Value, ValueType,
};

use super::*;

const POINT: &str = "mine/gw1/ch4";

/// Stores readings a second apart from `start` on.
fn store(world: &World, unit: &str, ty: ValueType, start: i64, seq: u64, readings: &[Reading]) {
    let point: PointRef = POINT.parse().unwrap();
    let history = &world.api.history;
    let series = history
        .series_for(&point, Unit::parse(unit).unwrap(), ty)
        .unwrap();
    let row = |(at, reading): (usize, &Reading)| Row {
        series,
        id: SampleId {
            epoch: 1,
            seq,
            index: u32::try_from(at).unwrap(),
        },
        sample: Sample {
            time: Timestamp::from_millis(start + 1_000 * i64::try_from(at).unwrap()),
            reading: reading.clone(),
        },
    };
    let rows: Vec<Row> = readings.iter().enumerate().map(row).collect();
    assert_eq!(history.apply(seq, &rows).unwrap().stored, rows.len());
}

fn numbers(values: impl IntoIterator<Item = f64>) -> Vec<Reading> {
    values
        .into_iter()
        .map(|it| Reading::Good(Value::F64(it)))
        .collect()
}

#[tokio::test]
async fn few_samples_come_as_they_are() {
    let world = World::new();
    let readings = [
        Reading::Good(Value::F64(1.5)),
        Reading::Bad(Reason::Timeout),
        Reading::Uncertain(Value::F64(2.5), Reason::Clock),
    ];
    store(&world, "m", ValueType::F64, 100_000, 1, &readings);
    let uri = format!("/api/v1/range?point={POINT}&from=100000&to=200000");
    let trend = world.get(&uri).await.json();
    assert_eq!(
        trend,
        json!({"point": POINT, "unit": "m", "downsampled": false, "step_ms": 0,
               "t": [100_000, 101_000, 102_000], "mean": [1.5, null, 2.5],
               "min": [1.5, null, 2.5], "max": [1.5, null, 2.5], "bad": [0, 1, 0],
               "unreadable": 0})
    );
}

#[tokio::test]
async fn many_samples_come_as_buckets_that_keep_the_peak() {
    let world = World::new();
    let peak = |at: i32| if at == 77 { 99.0 } else { f64::from(at % 2) };
    store(
        &world,
        "m",
        ValueType::F64,
        0,
        1,
        &numbers((0..200).map(peak)),
    );
    let uri = format!("/api/v1/range?point={POINT}&from=0&to=200000&max=20");
    let trend = world.get(&uri).await.json();
    assert_eq!(
        (&trend["downsampled"], &trend["step_ms"]),
        (&json!(true), &json!(10_000))
    );
    assert_eq!(trend["t"].as_array().unwrap().len(), 20);
    assert_eq!(trend["max"][7], 99.0);
    assert_eq!(trend["mean"][0], 0.5);
    let exactly = world.get(&uri.replace("max=20", "max=200")).await.json();
    assert_eq!(exactly["downsampled"], false);
    assert_eq!(exactly["t"].as_array().unwrap().len(), 200);
}

#[tokio::test]
async fn after_a_change_of_unit_only_the_newest_is_shown() {
    let world = World::new();
    store(
        &world,
        "kPa",
        ValueType::F64,
        0,
        1,
        &numbers([100.0, 101.0]),
    );
    store(&world, "MPa", ValueType::F64, 5_000, 2, &numbers([0.1]));
    let integers = [Reading::Good(Value::I64(3)), Reading::Good(Value::I64(4))];
    store(&world, "MPa", ValueType::I64, 4_500, 3, &integers);
    let uri = format!("/api/v1/range?point={POINT}&from=0&to=100000");
    let trend = world.get(&uri).await.json();
    assert_eq!(trend["unit"], "MPa");
    assert_eq!(trend["t"], json!([4_500, 5_000, 5_500]));
    assert_eq!(trend["mean"], json!([3.0, 0.1, 4.0]));
    let before = world.get(&uri.replace("to=100000", "to=4000")).await.json();
    assert_eq!(
        (&before["unit"], &before["mean"]),
        (&json!("kPa"), &json!([100.0, 101.0]))
    );
}

#[tokio::test]
async fn buckets_of_two_series_are_joined() {
    let world = World::new();
    store(
        &world,
        "m",
        ValueType::F64,
        0,
        1,
        &numbers((0..30).map(f64::from)),
    );
    let integers: Vec<_> = (0..10)
        .map(|it| Reading::Good(Value::I64(100 + it)))
        .collect();
    store(&world, "m", ValueType::I64, 0, 2, &integers);
    let uri = format!("/api/v1/range?point={POINT}&from=0&to=100000&max=10");
    let trend = world.get(&uri).await.json();
    assert_eq!(trend["t"], json!([0, 10_000, 20_000]));
    assert_eq!(
        (&trend["min"][0], &trend["max"][0]),
        (&json!(0.0), &json!(109.0))
    );
    assert_eq!(trend["mean"][0], f64::midpoint(4.5, 104.5));
}

#[tokio::test]
async fn states_are_numbers_and_texts_have_none() {
    let world = World::new();
    let states = [
        Reading::Good(Value::Bool(true)),
        Reading::Good(Value::Bool(false)),
    ];
    store(&world, "", ValueType::Bool, 0, 1, &states);
    let uri = format!("/api/v1/range?point={POINT}&from=0&to=5000");
    assert_eq!(world.get(&uri).await.json()["mean"], json!([1.0, 0.0]));
    store(
        &world,
        "",
        ValueType::Text,
        7_000,
        2,
        &[Reading::Good(Value::Text("on".to_owned()))],
    );
    let texts = world.get(&uri.replace("to=5000", "to=9000")).await.json();
    assert!(texts.get("mean").is_none(), "{texts}");
}

#[tokio::test]
async fn a_wrong_question_is_named_and_an_empty_answer_is_no_error() {
    let world = World::new();
    let uri = |rest: &str| format!("/api/v1/range?point={rest}");
    for rest in [
        "nonsense&from=0&to=1",
        "a/b/c&from=5&to=5",
        "a/b/c&from=-5&to=5",
        "a/b/c&from=0&to=9223372036854775807",
        "a/b/c&from=0&to=5&max=9",
        "a/b/c&from=0&to=5&max=10001",
    ] {
        assert_eq!(
            world.get(&uri(rest)).await.refused(400),
            "invalid",
            "{rest}"
        );
    }
    let rest = "a/b/c&from=x&to=5";
    assert_eq!(world.get(&uri(rest)).await.refused(400), "bad_query");
    let rest = "a/b/c&from=0&to=5";
    assert_eq!(world.get(&uri(rest)).await.refused(404), "unknown_point");
    store(&world, "m", ValueType::F64, 0, 1, &numbers([1.0]));
    let empty = world
        .get(&uri(&format!("{POINT}&from=50000&to=60000")))
        .await
        .json();
    assert_eq!((&empty["unit"], &empty["t"]), (&json!("m"), &json!([])));
    let far = uri(&format!(
        "{POINT}&from=9223372036854775000&to=9223372036854775807"
    ));
    assert_eq!(world.get(&far).await.json()["t"], json!([]));
}
