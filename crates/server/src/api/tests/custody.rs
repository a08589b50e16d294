//! What became of reads, over HTTP.

use std::collections::BTreeMap;

use fenghuo_history::Row;
use fenghuo_model::{
    Catalog, Kind, PointDef, PointKey, Reading, Reason, Sample, SampleId, Timestamp, Title, Unit,
    Value, ValueType,
};
use fenghuo_uplink::custody::{Account, HOUR_MS, Tally, stretches};
use fenghuo_uplink::frame::{FrameHead, Gap, GapReason};

use super::*;
use crate::custody::Custody;
use crate::entry::FrameEntry;

/// 2025-01-01T02:00:00Z: an hour that is long over.
const HOUR: i64 = 482_138;
const START: i64 = HOUR * HOUR_MS;

fn catalog(points: u32) -> Arc<Catalog> {
    let point = |at| PointDef {
        key: PointKey::new(&format!("p{at:04}")).unwrap(),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::new(),
    };
    Arc::new(Catalog::new((0..points).map(point).collect()).unwrap())
}

/// An hour of a gateway: what it counted of each point, and a gap.
fn told(world: &World, points: u32, tally: Tally) {
    let catalog = catalog(points);
    let frame = FrameEntry {
        gateway: "mine/gw1".parse().unwrap(),
        received: 0,
        oldest: 1,
        live_from: 1,
        live_oldest: 1,
        head: FrameHead {
            catalog: catalog.id(),
            epoch: 1,
            seq: 9,
            epoch_first: 1,
            watermark: Timestamp::from_millis(START + HOUR_MS),
        },
        catalog,
        samples: Vec::new(),
        gaps: vec![Gap {
            from: START + 5,
            until: START + 900_000,
            count: 3,
            why: GapReason::Budget as u32,
        }],
        accounts: vec![Account {
            hour: HOUR,
            from: Timestamp::from_millis(START),
            until: Timestamp::from_millis(START + HOUR_MS),
            stretches: stretches(&vec![tally; points as usize]),
        }],
        clock_step_ms: 0,
    };
    let mut custody = Custody::open(&world.api.custody).unwrap();
    custody.write(&[&frame], 1).unwrap();
}

const WHOLE: Tally = Tally {
    due: 3_600,
    made: 3_600,
    good: 3_600,
    unchanged: 3_500,
    unchanged_bad: 0,
    sent: 100,
};

fn store(world: &World, key: &str, readings: &[Reading]) {
    let point = format!("mine/gw1/{key}").parse().unwrap();
    let series = world
        .api
        .history
        .series_for(&point, Unit::ONE, ValueType::F64);
    let series = series.unwrap();
    let rows: Vec<Row> = (0..)
        .zip(readings)
        .map(|(index, reading)| Row {
            series,
            id: SampleId {
                epoch: 1,
                seq: 1,
                index,
            },
            sample: Sample {
                time: Timestamp::from_millis(START + 1_000 * i64::from(index)),
                reading: reading.clone(),
            },
        })
        .collect();
    world.api.history.apply(1, &rows).unwrap();
}

fn uri(more: &str) -> String {
    let (from, to) = (START, START + HOUR_MS);
    format!("/api/v1/custody?gateway=mine/gw1&from={from}&to={to}{more}")
}

#[tokio::test]
async fn a_points_hour_is_told_with_its_causes() {
    let world = World::new();
    told(&world, 2, WHOLE);
    let mut readings = vec![Reading::Good(Value::F64(1.0)); 80];
    readings.extend(vec![Reading::Bad(Reason::Timeout); 5]);
    store(&world, "p0001", &readings);
    let view = world.get(&uri("&point=p0001")).await.json();
    let hour = json!({
        "hour": START, "due": 3_600, "made": 3_600, "good": 3_580, "unchanged": 3_500,
        "delivered": 85,
        "causes": [{"why": "budget", "reads": 15}, {"why": "timeout", "reads": 5}],
    });
    assert_eq!(
        view,
        json!({
            "gateway": "mine/gw1",
            "points": [{
                "key": "p0001", "title": {"zh": "", "en": ""}, "interval_ms": 1_000,
                "hours": [hour],
            }],
            "gaps": [{"from": START + 5, "until": START + 900_000, "count": 3, "why": "budget"}],
            "unreadable": 0,
        })
    );
}

#[tokio::test]
async fn many_points_come_in_pages_and_each_once() {
    let world = World::new();
    told(&world, 1_000, WHOLE);
    let (from, to) = (START - 12 * HOUR_MS, START + 12 * HOUR_MS);
    let mut keys = Vec::new();
    let mut after = String::new();
    loop {
        let uri = format!("/api/v1/custody?gateway=mine/gw1&from={from}&to={to}{after}");
        let page = world.get(&uri).await.json();
        for point in page["points"].as_array().unwrap() {
            keys.push(point["key"].as_str().unwrap().to_owned());
            // Before anything was told of the gateway nothing was due.
            let hours = point["hours"].as_array().unwrap();
            assert_eq!(
                (&hours[0]["due"], &hours[12]["due"]),
                (&json!(0), &json!(3_600))
            );
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    let wanted: Vec<_> = (0..1_000).map(|at| format!("p{at:04}")).collect();
    assert!(keys == wanted, "{} keys", keys.len());
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let world = World::new();
    told(&world, 1, WHOLE);
    let refused = |more: &str| format!("/api/v1/custody?{more}");
    for (query, word) in [
        ("gateway=mine&from=0&to=9", "gateway"),
        ("gateway=a/b&from=9&to=9", "from"),
        ("gateway=a/b&from=0&to=9&point=%20", "point"),
        ("gateway=a/b&from=0&to=99999999999999", "to"),
    ] {
        let answer = world.get(&refused(query)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.text.contains(word), "{}", answer.text);
    }
    let nobody = world.get(&refused("gateway=a/b&from=0&to=9")).await.json();
    assert_eq!(nobody["points"], json!([]));
}

#[tokio::test]
async fn without_its_book_it_says_so() {
    let answer = World::new().get(&uri("")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["code"], "custody_unavailable");
}
