use fenghuo_model::{Reading, Reason, Value};
use fenghuo_uplink::custody::Stretch;

use super::*;

/// 2026-11-26T02:00:00Z.
const HOUR: i64 = 498_794;

fn at(minute: i64, second: i64) -> Timestamp {
    Timestamp::from_millis(HOUR * HOUR_MS + minute * 60_000 + second * 1_000)
}

fn good(time: Timestamp) -> Sample {
    let reading = Reading::Good(Value::F64(1.0));
    Sample { time, reading }
}

fn counts(account: &Account) -> Vec<(u32, u32, [u32; 5])> {
    let of = |it: &Stretch| {
        let tally = it.tally;
        let counts = [
            tally.due,
            tally.made,
            tally.good,
            tally.unchanged,
            tally.sent,
        ];
        (it.first, it.points, counts)
    };
    account.stretches.iter().map(of).collect()
}

#[test]
fn every_read_ends_in_one_count() {
    let mut ledger = Ledger::new(3, at(0, 0), 0);
    ledger.sent(0, &good(at(0, 1)));
    ledger.unchanged(0, at(0, 2), Outcome::Good);
    let bad = |reason| crate::source::bad(at(0, 3), reason);
    ledger.sent(1, &bad(Reason::Timeout));
    ledger.sent(1, &bad(Reason::IllegalAddress));
    ledger.skipped(2, at(0, 4), 7);
    let told = ledger.tell(at(0, 5));
    assert_eq!(told.len(), 1);
    assert_eq!(
        counts(&told[0]),
        [
            (0, 1, [2, 2, 2, 1, 1]),
            (1, 1, [2, 1, 0, 0, 2]),
            (2, 1, [7, 0, 0, 0, 0]),
        ]
    );
    assert_eq!((told[0].from, told[0].until), (at(0, 0), at(0, 5)));
}

#[test]
fn it_is_told_every_minute_with_all_that_was_counted() {
    let mut ledger = Ledger::new(1, at(0, 0), 500);
    ledger.sent(0, &good(at(0, 1)));
    assert!(ledger.due(at(0, 4), 5_000).is_empty());
    let first = ledger.due(at(0, 5), 5_500);
    assert_eq!(counts(&first[0]), [(0, 1, [1, 1, 1, 0, 1])]);
    ledger.sent(0, &good(at(1, 1)));
    assert!(ledger.due(at(1, 1), 61_000).is_empty());
    let second = ledger.due(at(2, 1), 65_500);
    assert_eq!(counts(&second[0]), [(0, 1, [2, 2, 2, 0, 2])]);
    assert_eq!((second[0].from, second[0].until), (at(0, 0), at(2, 1)));
}

#[test]
fn a_read_counts_in_its_own_hour_also_when_it_comes_late() {
    let mut ledger = Ledger::new(1, at(58, 0), 55_000);
    ledger.sent(0, &good(at(59, 59)));
    ledger.sent(0, &good(at(60, 1)));
    ledger.sent(0, &good(at(59, 58)));
    let told = ledger.due(at(60, 2), 60_000);
    let shape: Vec<_> = told
        .iter()
        .map(|it| (it.hour - HOUR, it.from, it.until))
        .collect();
    assert_eq!(
        shape,
        [(0, at(58, 0), at(60, 0)), (1, at(60, 0), at(60, 2))]
    );
    assert_eq!(counts(&told[0]), [(0, 1, [2, 2, 2, 0, 2])]);
    // An hour that is over is told again only when something came for it.
    let told = ledger.due(at(61, 2), 120_000);
    assert_eq!(told.len(), 1);
    ledger.sent(0, &good(at(59, 57)));
    let told = ledger.due(at(62, 2), 180_000);
    assert_eq!(counts(&told[0]), [(0, 1, [3, 3, 3, 0, 3])]);
    assert_eq!(told[0].hour, HOUR);
}

#[test]
fn an_hour_that_is_pushed_out_is_told_before() {
    let mut ledger = Ledger::new(1, at(0, 0), 0);
    ledger.sent(0, &good(at(0, 1)));
    // The clock leaps by hours twice within a minute.
    assert!(ledger.due(at(600, 0), 1_000).is_empty());
    ledger.sent(0, &good(at(600, 1)));
    let told = ledger.due(at(1_200, 0), 2_000);
    let shape: Vec<_> = told.iter().map(|it| (it.hour - HOUR, it.from)).collect();
    assert_eq!(shape, [(0, at(0, 0)), (10, at(600, 0)), (20, at(1_200, 0))]);
}

#[test]
fn times_of_far_hours_and_points_that_are_not_there_are_left() {
    let mut ledger = Ledger::new(1, at(0, 0), 0);
    ledger.sent(0, &good(at(-600, 0)));
    ledger.sent(0, &good(at(600, 0)));
    ledger.sent(9, &good(at(1, 0)));
    assert_eq!(counts(&ledger.tell(at(1, 0))[0]), []);
}

#[test]
fn what_no_frame_has_room_for_is_told_in_parts() {
    let points = u32::try_from(STRETCHES_MAX).unwrap() + 1;
    let mut ledger = Ledger::new(points as usize, at(0, 0), 0);
    for point in 0..points {
        ledger.skipped(point, at(0, 1), 1 + point % 2);
    }
    let told = ledger.tell(at(0, 2));
    let lengths: Vec<_> = told.iter().map(|it| it.stretches.len()).collect();
    assert_eq!(lengths, [STRETCHES_MAX, 1]);
}

#[test]
fn a_device_that_runs_ahead_does_not_end_the_counting_of_others() {
    let mut ledger = Ledger::new(2, at(0, 0), 0);
    ledger.sent(0, &good(at(1, 0)));
    // A device's backlog of times to come, hour by hour.
    for ahead in 1..=4 {
        ledger.sent(1, &good(at(60 * ahead, 1)));
    }
    ledger.unchanged(0, at(2, 0), Outcome::Good);
    let told = ledger.tell(at(3, 0));
    assert_eq!(counts(&told[0]), [(0, 1, [2, 2, 2, 1, 1])]);
    assert_eq!((told[0].hour, told[0].until), (HOUR, at(3, 0)));
    // What is of the hour to come is counted, and goes on when that comes.
    assert_eq!(counts(&told[1]), [(1, 1, [1, 1, 1, 0, 1])]);
    ledger.due(at(60, 0), 1);
    ledger.sent(1, &good(at(60, 2)));
    let told = ledger.tell(at(60, 3));
    assert_eq!((told[0].hour, told[0].from), (HOUR + 1, at(60, 0)));
    assert_eq!(counts(&told[0]), [(1, 1, [2, 2, 2, 0, 2])]);
    // Leapt over, it is told all the same.
    ledger.sent(1, &good(at(120, 1)));
    let told = ledger.due(at(600, 0), 2);
    let hours: Vec<_> = told.iter().map(|it| it.hour - HOUR).collect();
    assert!(hours.contains(&2) && hours.contains(&10), "{hours:?}");
}
