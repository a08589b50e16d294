use fenghuo_model::Reason;
use fenghuo_uplink::custody::HOUR_MS;

use super::*;

const HOUR: i64 = 498_794;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(HOUR * HOUR_MS + minute * 60_000)
}

fn tally([due, made, good, unchanged, unchanged_bad, sent]: [u32; 6]) -> Tally {
    Tally {
        due,
        made,
        good,
        unchanged,
        unchanged_bad,
        sent,
    }
}

fn run(from: i64, until: i64, counts: [u32; 6]) -> Known {
    Known {
        from: at(from),
        until: at(until),
        tally: tally(counts),
    }
}

fn count(good: u64, bad: &[(Reason, u64)]) -> Count {
    Count {
        good,
        uncertain: 0,
        bad: bad.iter().copied().collect(),
    }
}

fn gap(from: i64, until: i64, count: u64, why: GapReason) -> Gap {
    Gap {
        from: at(from).as_millis(),
        until: at(until).as_millis(),
        count,
        why: why as u32,
    }
}

/// A point of one read a second.
fn of(known: &[Known], count: &Count, gaps: &[Gap]) -> Cell {
    reckon((at(0), at(60)), 1_000, known, count, gaps)
}

fn causes(cell: &Cell) -> Vec<(&str, u64)> {
    cell.causes.iter().map(|it| (it.why, it.reads)).collect()
}

/// Every read is good or has one cause.
fn assert_whole(cell: &Cell) {
    let causes: u64 = cell.causes.iter().map(|it| it.reads).sum();
    assert_eq!(cell.good + causes, cell.due, "{cell:?}");
    assert!(cell.good <= cell.made && cell.made <= cell.due, "{cell:?}");
}

#[test]
fn a_whole_hour_has_no_cause() {
    let cell = of(
        &[run(0, 60, [3_600, 3_600, 3_600, 0, 0, 3_600])],
        &count(3_600, &[]),
        &[],
    );
    assert_eq!((cell.due, cell.good, cell.delivered), (3_600, 3_600, 3_600));
    assert_eq!(causes(&cell), []);
}

#[test]
fn what_was_held_back_is_good_and_not_missing() {
    let cell = of(
        &[run(0, 60, [3_600, 3_600, 3_600, 3_200, 0, 400])],
        &count(400, &[]),
        &[],
    );
    assert_eq!(
        (cell.good, cell.unchanged, cell.delivered),
        (3_600, 3_200, 400)
    );
    assert_whole(&cell);
    // The same without a value: the line was dead and each read said so again.
    let silent = [(Reason::NotConnected, 400)];
    let cell = of(
        &[run(0, 60, [3_600, 0, 0, 3_200, 3_200, 400])],
        &count(0, &silent),
        &[],
    );
    assert_eq!(
        causes(&cell),
        [("unchanged_without_value", 3_200), ("not_connected", 400)]
    );
    assert_whole(&cell);
}

#[test]
fn reads_without_a_good_value_have_their_reasons() {
    let bad = [(Reason::Timeout, 30), (Reason::IllegalAddress, 10)];
    let mut count = count(3_500, &bad);
    count.uncertain = 20;
    let cell = of(
        &[run(0, 60, [3_600, 3_530, 3_500, 0, 0, 3_560])],
        &count,
        &[],
    );
    assert_eq!(
        causes(&cell),
        [
            ("skipped", 40),
            ("timeout", 30),
            ("uncertain", 20),
            ("illegal_address", 10)
        ]
    );
    assert_whole(&cell);
}

#[test]
fn a_time_without_collector_is_told_as_such() {
    let runs = [
        run(0, 20, [1_200, 1_200, 1_200, 0, 0, 1_200]),
        run(40, 60, [1_200; 6]),
    ];
    let runs = [
        runs[0],
        Known {
            tally: tally([1_200, 1_200, 1_200, 0, 0, 1_200]),
            ..runs[1]
        },
    ];
    let restart = gap(25, 40, 0, GapReason::Restart);
    let cell = of(&runs, &count(2_400, &[]), &[restart]);
    assert_eq!((cell.due, cell.good), (3_600, 2_400));
    assert_eq!(causes(&cell), [("restart", 900), ("no_account", 300)]);
    assert_whole(&cell);
    // What a killed run delivered and did not live to tell of counts as delivered.
    let cell = of(&runs, &count(2_700, &[]), &[restart]);
    assert_eq!((cell.due, cell.made, cell.good), (3_600, 2_700, 2_700));
    assert_eq!(causes(&cell), [("restart", 675), ("no_account", 225)]);
    assert_whole(&cell);
}

#[test]
fn what_was_spooled_and_is_not_here_is_lost_for_the_reason_told_or_under_way() {
    let whole = [run(0, 60, [3_600, 3_600, 3_600, 0, 0, 3_600])];
    let some = count(3_000, &[]);
    let cell = of(&whole, &some, &[]);
    assert_eq!(causes(&cell), [("under_way", 600)]);
    assert_whole(&cell);
    let gaps = [
        gap(-30, 5, 7, GapReason::Corrupt),
        gap(5, 15, 9, GapReason::Budget),
        gap(90, 95, 99, GapReason::Refused),
    ];
    assert_eq!(causes(&of(&whole, &some, &gaps)), [("budget", 600)]);
}

#[test]
fn nobody_told_anything() {
    let cell = of(&[], &count(0, &[]), &[]);
    assert_eq!(
        (cell.due, causes(&cell)),
        (3_600, vec![("no_account", 3_600)])
    );
    // A source that speaks when it likes lets nothing be expected.
    let cell = reckon((at(0), at(60)), 0, &[], &count(5, &[]), &[]);
    assert_eq!((cell.due, cell.good), (5, 5));
}

#[test]
fn a_point_told_by_its_heartbeat_is_due_as_often_as_it_is_read() {
    use fenghuo_model::{Kind, PointKey, Title, Unit, ValueType};
    let mut point = PointDef {
        key: PointKey::new("p").unwrap(),
        title: Title::default(),
        kind: Kind::Other,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 10_000,
        labels: BTreeMap::new(),
    };
    assert_eq!(read_ms(&point), 10_000, "as an older collector says it");
    let label = (LABEL_READ_MS.to_owned(), "1000".to_owned());
    point.labels.extend([label]);
    let cell = reckon((at(0), at(60)), read_ms(&point), &[], &count(0, &[]), &[]);
    assert_eq!(cell.due, 3_600);
}

#[test]
fn an_hour_that_is_not_over_is_due_as_far_as_it_has_come() {
    let runs = [run(0, 10, [600, 600, 600, 0, 0, 600])];
    let cell = reckon((at(0), at(10)), 1_000, &runs, &count(600, &[]), &[]);
    assert_eq!((cell.due, cell.causes.len()), (600, 0));
}

#[test]
fn before_there_was_a_gateway_nothing_was_due() {
    let runs = [run(50, 60, [600, 600, 600, 0, 0, 600])];
    let cell = reckon((at(50), at(60)), 1_000, &runs, &count(600, &[]), &[]);
    assert_eq!((cell.due, cell.causes.len()), (600, 0));
    let cell = reckon((at(90), at(60)), 1_000, &[], &count(0, &[]), &[]);
    assert_eq!(cell, Cell::default());
}

#[test]
fn runs_that_overlap_by_a_clock_set_back_light_their_time_once() {
    let runs = [
        run(0, 40, [2_400, 2_400, 2_400, 0, 0, 2_400]),
        run(30, 60, [1_800, 1_800, 1_800, 0, 0, 1_800]),
    ];
    let cell = of(&runs, &count(4_200, &[]), &[]);
    assert_eq!((cell.due, cell.good), (4_200, 4_200));
    assert_whole(&cell);
}

#[test]
fn absurd_counts_add_up_too() {
    let most = u32::MAX;
    let known = [
        run(0, 30, [most, most, most, 0, 0, most]),
        run(30, 60, [most, most, most, most, 0, 0]),
    ];
    let cell = of(&known, &count(5, &[]), &[]);
    assert_whole(&cell);
    assert_eq!(cell.due, 2 * u64::from(most));
}
