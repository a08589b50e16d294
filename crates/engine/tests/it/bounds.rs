//! Bounded memory, whatever comes: the snapshot is all that the engine remembers, so its size
//! is the measure.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_engine::input::Booking;
use fenghuo_engine::rule::Select;
use fenghuo_engine::{Act, AlarmKey, Deed, Engine, Input, Subject};
use fenghuo_model::{
    Catalog, GatewayKey, Kind, PointDef, PointKey, Reading, Sample, Timestamp, Title, Unit, Value,
    ValueType,
};

use super::plant::{Dice, Fold, POINTS, at, catalog, frame};

const GATEWAY: &str = "a/gw1";

fn size(engine: &Engine) -> usize {
    engine.snapshot().unwrap().len()
}

/// A kilohertz on every point, through every detector: it grows to its bound and stays there.
#[test]
fn a_kilohertz_through_every_detector_stays_bounded() {
    const SECONDS: i64 = 90;
    const BYTES_MAX: usize = 2 << 20;
    let mut fold = Fold::new(&[GATEWAY]);
    let gateway: GatewayKey = GATEWAY.parse().unwrap();
    let catalog = catalog().id();
    let mut dice = Dice(7);
    let mut sizes = Vec::new();
    for second in 1..=SECONDS {
        let mut samples = Vec::new();
        for point in 0..POINTS {
            for ms in 0..1_000 {
                let time = at((second - 1) * 1_000 + ms + 1);
                let reading = match dice.roll(50) {
                    0 => dice.bad(),
                    roll if point < 3 => Reading::Good(Value::F64(roll as f64 / 5.0)),
                    roll => Reading::Good(Value::Bool(roll < 25)),
                };
                samples.push((point, Sample { time, reading }));
            }
        }
        fold.put(Input::Frame(frame(&gateway, catalog, second, samples)));
        fold.events.clear();
        if second % 30 == 0 {
            sizes.push(size(&fold.engine));
        }
    }
    println!("snapshot sizes at 1 kHz: {sizes:?}");
    assert!(sizes.iter().all(|size| *size < BYTES_MAX), "{sizes:?}");
    assert!(sizes[2] < sizes[1] + sizes[1] / 10, "it grows: {sizes:?}");
}

fn act(second: i64, deed: Deed) -> Input {
    Input::Act(Act {
        at: at(second * 1_000),
        by: "li".to_owned(),
        comment: "hostile".to_owned(),
        deed,
    })
}

/// Acts on alarms that cannot be leave no record; bookings have a bound of their own.
#[test]
fn ten_thousand_different_acts_leave_no_more_records_than_there_are_alarms() {
    let mut fold = Fold::new(&[GATEWAY]);
    let before = size(&fold.engine);
    for number in 0..10_000 {
        let gateway: GatewayKey = match number % 3 {
            0 => format!("a/x{number}").parse().unwrap(),
            _ => GATEWAY.parse().unwrap(),
        };
        let rule = match number % 4 {
            0 => "level",
            1 => "fenghuo.gateway-silent",
            2 => "fenghuo.line-down",
            _ => "nothing",
        };
        let subject = match number % 2 {
            0 => Subject::Group(gateway, format!("group={number}").into()),
            _ => Subject::Gateway(gateway),
        };
        let alarm = AlarmKey {
            rule: rule.into(),
            level: (if number % 5 == 0 { "now" } else { "alarm" }).into(),
            subject,
        };
        let until = at(86_400_000);
        let deed = match number % 7 {
            0..4 => Deed::Shelve {
                alarm,
                until,
                one_shot: false,
            },
            4 => Deed::AgreeOut { alarm },
            5 => Deed::Unbook {
                booking: format!("b{number}"),
            },
            _ => Deed::AskOut {
                alarm,
                permit: format!("P{number}"),
                until,
            },
        };
        fold.put(act(1, deed));
    }
    assert!(
        fold.engine.book().len() <= fold.engine.alarm_keys().count() + 1,
        "{} records",
        fold.engine.book().len()
    );
    assert!(size(&fold.engine) < before + 4_096);
}

#[test]
fn bookings_have_a_bound() {
    let mut fold = Fold::new(&[GATEWAY]);
    let book = |number: i64| {
        Deed::Book(Booking {
            id: format!("b{number}"),
            select: Select([("key".to_owned(), vec!["x0".to_owned()])].into()),
            from: at(0),
            until: at(1_000_000),
        })
    };
    for number in 0..12_000 {
        fold.put(act(1, book(number)));
    }
    assert_eq!(fold.engine.book().bookings().count(), 10_000);
    // Those that are over make room.
    fold.put(Input::Tick {
        at: at(2_000_000),
        hearing: true,
    });
    fold.put(act(2_000, book(50_000)));
    assert_eq!(fold.engine.book().bookings().count(), 1);
}

fn point(key: String) -> PointDef {
    PointDef {
        key: PointKey::new(&key).unwrap(),
        title: Title::default(),
        kind: Kind::Other,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 0,
        labels: BTreeMap::new(),
    }
}

/// Catalogs of ever new points fill the table of points and no more.
#[test]
fn catalogs_of_ever_new_points_stay_bounded() {
    const EACH: usize = 50_000;
    let gateway: GatewayKey = GATEWAY.parse().unwrap();
    let mut engine = Engine::default();
    let mut sizes = Vec::new();
    for number in 0..7_u64 {
        let points = (0..EACH).map(|at| point(format!("p{number}-{at}")));
        let catalog = Catalog::new(points.collect()).unwrap();
        let input = Input::Catalog(gateway.clone(), Arc::new(catalog));
        engine.apply(number + 1, input, &mut Vec::new());
        sizes.push(size(&engine));
    }
    println!("snapshot sizes with 50,000 new points each: {sizes:?}");
    // What grows beyond the table is the catalog's column alone: 5 bytes a point, 64 catalogs.
    assert!(sizes[6] - sizes[4] <= 2 * EACH * 5 + 1_024, "{sizes:?}");
}

/// The same points, listed anew each second.
#[test]
fn catalogs_that_change_every_second_stay_bounded() {
    let mut fold = Fold::new(&[GATEWAY]);
    let gateway: GatewayKey = GATEWAY.parse().unwrap();
    let mut sizes = Vec::new();
    for second in 1..=600 {
        let mut points = catalog().points().to_vec();
        points.push(point(format!("extra{}", second % 100)));
        let catalog = Catalog::new(points).unwrap();
        let id = catalog.id();
        fold.put(Input::Catalog(gateway.clone(), Arc::new(catalog)));
        let time: Timestamp = at(second * 1_000);
        let reading = Reading::Good(Value::F64(9.5));
        let samples = vec![(0, Sample { time, reading })];
        fold.put(Input::Frame(frame(&gateway, id, second, samples)));
        if second % 200 == 0 {
            sizes.push(size(&fold.engine));
        }
    }
    println!("snapshot sizes with a catalog a second: {sizes:?}");
    assert!(sizes[2] < sizes[0] + sizes[0] / 10, "it grows: {sizes:?}");
}
