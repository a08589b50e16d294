//! Back-tests of hours that were really judged.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::rebuild::staged::{self, Plant, RULES, at, small_peaks};
use report::What;

const SECONDS: i64 = 3_600;

fn options(rules: Option<&str>) -> Options {
    Options {
        from: at(600_000),
        until: at(SECONDS * 1_000),
        rules: rules.map(files),
        shift: Duration::from_secs(1_800),
        warm_up: None,
    }
}

fn files(text: &str) -> Vec<(String, String)> {
    vec![("plant.toml".to_owned(), text.to_owned())]
}

/// Five minutes without the tank farm in the middle.
fn plant(dir: &Path) -> Plant {
    let mut plant = Plant::open(dir);
    plant.live(0..SECONDS, 1_500..1_800);
    plant.judge();
    plant
}

fn test(sources: &Sources, rules: Option<&str>) -> Report {
    let in_force = files(rules.unwrap_or(RULES));
    let report = backtest(sources, &in_force, &options(rules)).unwrap();
    assert_eq!((report.strange_samples, report.unreadable), (0, 0));
    report
}

#[test]
fn with_the_same_rules_nothing_differs_and_a_stricter_limit_adds_exactly_its_alarms() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = plant(dir.path());
    let sources = Sources::within(&plant.files, plant.history.clone()).unwrap();
    let report = test(&sources, None);
    assert!(report.alarms.is_same(), "{:#?}", report.differences);
    // A large peak every 200 s in two levels, and the tank farm's absence.
    assert_eq!(report.alarms.before, 2 * 15 + 1);
    assert_eq!(report.alarms.same, report.alarms.before);
    assert_eq!(report.shifts.len(), 2);
    assert_eq!(report.asked_from, None);
    assert!(report.late.is_empty(), "{:?}", report.late);
    // The same once the log is trimmed to the little that the server keeps.
    plant.trim(plant.next() - 100);
    let sources = Sources::within(&plant.files, plant.history.clone()).unwrap();
    assert_eq!(test(&sources, None).alarms, report.alarms);

    let stricter = RULES.replace("above = 1.0", "above = 0.9");
    let report = test(&sources, Some(&stricter));
    assert_eq!(report.alarms.added, small_peaks(SECONDS - 600));
    let others = report.alarms.removed + report.alarms.earlier + report.alarms.later;
    assert_eq!(others, 0, "{:#?}", report.differences);
    for difference in &report.differences {
        assert_eq!(difference.what, What::Added);
        assert_eq!(difference.alarm, "gas/L1@mine/gw1/CH4-1");
        let second = (difference.would.unwrap().as_millis() - staged::BEGIN_MS) / 1_000;
        assert_eq!(second % 200, 150);
    }
    let rule = report.rules.iter().find(|rule| rule.name == "gas").unwrap();
    assert_eq!(rule.counts.added, report.alarms.added);
    assert_eq!(report.top[0].name, "gas/L1@mine/gw1/CH4-1");
    let added: u64 = report.shifts.iter().map(|it| it.after - it.before).sum();
    assert_eq!(added, report.alarms.added);

    let longer = RULES.replace("for = \"5s\"", "for = \"7s\"");
    let report = test(&sources, Some(&longer));
    assert_eq!(report.alarms.later, 15);
    let gone = RULES.replace("for = \"5s\"", "for = \"20s\"");
    let report = test(&sources, Some(&gone));
    assert_eq!((report.alarms.removed, report.alarms.added), (15, 0));
    let mut text = Vec::new();
    print::print(&report, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("消失 removed 15"), "{text}");
}

#[test]
fn beyond_what_is_kept_nothing_is_made_up() {
    let dir = tempfile::tempdir().unwrap();
    let plant = plant(dir.path());
    let sources = Sources::within(&plant.files, plant.history.clone()).unwrap();
    let day = Duration::from_hours(24);
    let asked = Options {
        from: at(0).minus(day),
        until: at(SECONDS * 1_000).plus(day),
        ..options(None)
    };
    let report = backtest(&sources, &files(RULES), &asked).unwrap();
    // A day without a word would be two silent gateways.
    assert!(report.alarms.is_same(), "{:#?}", report.differences);
    assert_eq!(report.from, at(0).to_string());
    // The last tick.
    let end = at(SECONDS * 1_000 - 1_000 + 371);
    assert_eq!(report.until, end.to_string());
    assert_eq!(report.asked_from, Some(asked.from.to_string()));
    assert_eq!(report.asked_until, Some(asked.until.to_string()));
    let mut text = Vec::new();
    print::print(&report, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("日志止于 2026-11-01T08:59:59.371+08:00"),
        "{text}"
    );
    assert!(
        text.contains("自 2026-11-01T08:00:00.000+08:00 起"),
        "{text}"
    );

    let later = Options { from: end, ..asked };
    let why = backtest(&sources, &files(RULES), &later).unwrap_err();
    let range = "2026-11-01T08:00:00.000+08:00 … 2026-11-01T08:59:59.370+08:00";
    assert!(why.to_string().contains(range), "{why}");
}

#[test]
fn beside_a_running_server_the_log_has_what_history_holds_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let plant = plant(dir.path());
    // The server has history open, and its newest samples are in no file.
    let within = Sources::within(&plant.files, plant.history.clone()).unwrap();
    let beside = Sources::beside(&plant.files).unwrap();
    let (one, other) = (test(&within, None), test(&beside, None));
    assert_eq!(one.alarms, other.alarms);
    assert_eq!(one.samples, other.samples);
    assert!(other.alarms.is_same());
}

#[test]
fn data_that_came_late_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    plant.live(0..1_000, 0..0);
    plant.cut_off(1_000..1_300);
    plant.live(1_300..SECONDS, 0..0);
    plant.judge();
    let sources = Sources::within(&plant.files, plant.history.clone()).unwrap();
    let report = test(&sources, None);
    let mine = "mine/gw1".parse().unwrap();
    assert_eq!(report.late.len(), 1, "{:?}", report.late);
    assert_eq!(report.late[0].gateway, mine);
    assert!(report.late[0].from <= at(1_000_000) && report.late[0].until >= at(1_299_000));
    // To the server it was silent; its data says that it was not.
    let differs = &report.differences;
    assert_eq!(report.alarms.removed, 1, "{differs:#?}");
    assert!(differs.iter().all(|it| it.late), "{differs:#?}");
    assert!(differs[0].alarm.starts_with(late::SILENT_RULE));
    let mut text = Vec::new();
    print::print(&report, &mut text).unwrap();
    assert!(
        String::from_utf8(text)
            .unwrap()
            .contains("迟到 Late data  mine/gw1")
    );
}

/// `cargo test --release -p fenghuo --lib -- --ignored --nocapture how_fast`
#[test]
#[ignore = "a measurement"]
fn how_fast() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    plant.judge();
    plant.widen(500, 3_600);
    let sources = Sources::within(&plant.files, plant.history.clone()).unwrap();
    let report = backtest(&sources, &files(RULES), &options(None)).unwrap();
    println!(
        "{} samples in {} ms: {} a second",
        report.samples, report.took_ms, report.samples_per_second
    );
    assert_eq!(report.samples, 500 * 3_600);
}

#[test]
fn what_nobody_watches_any_more_is_up_no_longer() {
    use fenghuo_engine::event::{Raised, Unwatched};
    use fenghuo_engine::{Event, EventId, Transition};

    let raised = Raised {
        severity: fenghuo_model::Severity::Red,
        rule_version: "v".into(),
        op: None,
        limit: None,
        unit: None,
        seen: None,
        deciding: Vec::new(),
        retrospective: false,
        latch: false,
        shelve_ms: 0,
        realarm_ms: None,
        first_out: None,
        planned: None,
        repeated: false,
    };
    let (why, latched) = (Unwatched::Rule, false);
    for end in [Transition::Dismiss, Transition::Unwatch { why, latched }] {
        let mut happened = happened::Happened::new((at(0), at(60_000)));
        let raise = Transition::Raise(Box::new(raised.clone()));
        for (ordinal, (transition, ms)) in (0..).zip([(raise, 1_000), (end, 2_000)]) {
            happened.event(&Event {
                id: EventId {
                    position: 1,
                    ordinal,
                },
                occurrence: EventId::default(),
                alarm: "gas/L1@oil/gw1/T".parse().unwrap(),
                at: at(ms),
                transition,
            });
        }
        let intervals = happened.intervals().unwrap();
        let ends: Vec<_> = intervals.values().flatten().map(|it| it.end).collect();
        assert_eq!(ends, [Some(at(2_000))]);
    }
}
