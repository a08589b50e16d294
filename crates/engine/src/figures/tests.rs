use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1_000)
}

fn day() -> Between {
    Between {
        from: at(0),
        until: at(86_400),
    }
}

fn announced(second: i64, alarm: &'static str, ended: Option<i64>) -> Announced<'static> {
    Announced {
        at: at(second),
        alarm,
        severity: Severity::Yellow,
        ended: ended.map(at),
    }
}

#[test]
fn an_empty_day_is_a_quiet_one() {
    let figures = figures(&[], day());
    assert_eq!(figures, Figures::default());
    assert!(figures.judged().iter().all(|it| it.value <= it.at_most));
}

#[test]
fn rates_and_peaks_are_counted_in_any_ten_minutes() {
    // Six on each side of a ten-minute boundary: two slices of 6, but 12 within ten minutes.
    let mut all: Vec<_> = (0..6).map(|n| announced(590 - n * 10, "a", None)).collect();
    all.extend((0..6).map(|n| announced(600 + n * 10, "b", None)));
    let figures = figures(&all, day());
    assert_eq!(figures.announced, 12);
    assert_eq!(figures.per_hour, 0.5);
    assert_eq!(figures.peak_ten_minutes, 12);
    assert_eq!(figures.peak_hour, 12);
    assert_eq!(figures.peak_minute, 6);
    assert_eq!(figures.busy_slices, 0.0);
    assert_eq!(figures.floods, 1);
}

#[test]
fn a_flood_lasts_until_fewer_than_five_are_left() {
    // Eleven, one a second, at 1000 to 1010: the flood begins with the eleventh. The seventh
    // leaves the last ten minutes at 1606; then four are left.
    let all: Vec<_> = (0..11).map(|n| announced(1_000 + n, "a", None)).collect();
    let figures = figures(&all, day());
    assert_eq!(figures.floods, 1);
    let seconds = figures.in_flood * 86_400.0;
    assert!((seconds - 596.0).abs() < 1e-6, "{seconds}");
}

#[test]
fn ten_in_ten_minutes_are_no_flood() {
    let all: Vec<_> = (0..10).map(|n| announced(1_000 + n, "a", None)).collect();
    assert_eq!(figures(&all, day()).floods, 0);
}

#[test]
fn chattering_fleeting_and_stale_alarms_are_named() {
    let all = [
        announced(-90_000, "old", None),
        announced(100, "bad", Some(110)),
        announced(120, "bad", Some(130)),
        announced(150, "bad", Some(500)),
        announced(1_000, "calm", None),
        announced(1_061, "calm", None),
        announced(1_122, "calm", None),
    ];
    let figures = figures(&all, day());
    assert_eq!(figures.chattering, ["bad"]);
    assert_eq!(figures.fleeting, 2);
    assert_eq!(figures.stale, ["old"]);
    assert_eq!(figures.top, [("bad".to_owned(), 3), ("calm".to_owned(), 3)]);
    assert_eq!(figures.by_severity, [0, 6, 0, 0]);
}
