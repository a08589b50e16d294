//! Asked of the past: from the log while it reaches, from history after that.

use fenghuo_engine::event::Cause;
use fenghuo_engine::{Deed, EventId};

use super::past::{Basis, Samples};
use super::view::ExplainView;
use super::*;
use crate::journal::JournalReader;
use crate::rebuild::staged::{Plant, RULES, at};

fn ask(plant: &Plant, second: i64) -> past::Past {
    let point = "mine/gw1/CH4-1".parse().unwrap();
    let samples = Samples::Within(plant.history.clone());
    let then = Some(at(second * 1_000 + 500));
    past::explain(&plant.files, samples, ("gas", &point), then)
        .unwrap()
        .unwrap()
}

fn says(past: &past::Past) -> &str {
    &past.explanations[0].verdict.zh
}

#[test]
fn the_past_is_told_from_the_log_and_later_from_history_alike() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    plant.live(0..1_500, 0..0);
    plant.judge();
    let moments = [840, 852, 857, 862, 950];
    let log: Vec<_> = moments.iter().map(|second| ask(&plant, *second)).collect();
    assert!(log.iter().all(|past| matches!(past.basis, Basis::Log(_))));
    assert!(
        says(&log[0]).contains("当前值 0.2 %CH4 低于限值"),
        "{}",
        says(&log[0])
    );
    assert!(says(&log[1]).contains("报警中"), "{}", says(&log[1]));
    assert!(says(&log[4]).contains("0.95"), "{}", says(&log[4]));
    // The log is trimmed as the server does it: to what the oldest snapshot needs.
    plant.trim(plant.next() - 10);
    for (second, before) in moments.into_iter().zip(&log) {
        let now = ask(&plant, second);
        assert!(matches!(now.basis, Basis::History(_)));
        assert_eq!(says(&now), says(before));
        let (
            ExplainView {
                explanations: a, ..
            },
            ExplainView {
                explanations: b, ..
            },
        ) = (ExplainView::past(&now), ExplainView::past(before));
        let (a, b) = (a[0].watched.clone().unwrap(), b[0].watched.clone().unwrap());
        // Samples keep their own identities.
        assert_eq!(a.inputs[0].last, b.inputs[0].last);
        assert_eq!(a.levels[1].why, b.levels[1].why);
    }
}

#[test]
fn what_nobody_lived_through_is_refused_and_the_range_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    plant.live(0..1_500, 0..0);
    plant.judge();
    let point = "mine/gw1/CH4-1".parse().unwrap();
    let refused = |plant: &Plant, ms| {
        let samples = Samples::Within(plant.history.clone());
        past::explain(&plant.files, samples, ("gas", &point), Some(at(ms)))
            .unwrap()
            .err()
            .map(|outside| outside.to_string())
    };
    let range = "2026-11-01T08:00:00.000+08:00 … 2026-11-01T08:24:59.370+08:00";
    for trimmed in [false, true] {
        if trimmed {
            plant.trim(plant.next() - 10);
        }
        // Its first start, and its last entry.
        assert_eq!(refused(&plant, 0), None);
        assert_eq!(refused(&plant, 1_499_370), None);
        for outside in [-1, 1_499_371, 9_000_000] {
            let why = refused(&plant, outside).unwrap();
            assert!(why.contains(range), "{why}");
            assert!(why.contains(&at(outside).to_string()), "{why}");
        }
    }
}

#[test]
fn an_occurrence_is_told_with_its_samples_its_people_and_its_rule() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    plant.live(0..53, 0..0);
    plant.judge();
    let journal = JournalReader::open(&plant.files.journal).unwrap();
    let raised = journal.events(EventId::default(), 1).unwrap()[0].id;
    plant.act(53_000, &Deed::Acknowledge { alarm: raised });
    plant.live(53..70, 0..0);
    plant.judge();
    let told = occurrence::tell(&journal, raised).unwrap().unwrap();
    let steps: Vec<_> = told
        .events
        .iter()
        .map(|it| it.transition.as_str())
        .collect();
    assert_eq!(steps, ["raise", "acknowledge", "return"]);
    assert_eq!(told.events[1].by.as_deref(), Some("张三"));
    assert_eq!(told.events[1].comment.as_deref(), Some("已到现场"));
    let deciding = &told.events[0].deciding[0];
    assert_eq!(deciding.id.as_deref(), Some("0000000000000007:51:0"));
    assert_eq!(deciding.time, at(50_010).as_millis());
    let rule = told.rule.clone().unwrap();
    assert_eq!((rule.file.as_str(), rule.position), ("plant.toml", 1));
    assert!(
        rule.text.starts_with("[[rule]]\nid = \"gas\""),
        "{}",
        rule.text
    );
    assert!(!rule.text.contains("gas.mean"));
    let mut text = Vec::new();
    print::print(&ExplainView::told(told), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("acknowledge → acknowledged  张三：已到现场"),
        "{text}"
    );
    assert!(
        occurrence::tell(&journal, EventId::default())
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_closed_case_is_told_with_its_cause_its_measure_and_who_verified_it() {
    let dir = tempfile::tempdir().unwrap();
    let duty = "acknowledge = \"5m\"\ncause = \"1h\"\nverify = \"2h\"\nclose_by_person = true";
    let rules = format!("{RULES}\n[closed_loop.yellow]\n{duty}\n");
    let mut plant = Plant::under(dir.path(), &rules);
    plant.live(0..70, 0..0);
    plant.judge();
    let journal = JournalReader::open(&plant.files.journal).unwrap();
    let alarm = journal.events(EventId::default(), 1).unwrap()[0].id;
    let cause = Cause::SensorFault;
    let accepted = true;
    for (second, deed) in [
        (71, Deed::Acknowledge { alarm }),
        (72, Deed::State { alarm, cause }),
        (
            73,
            Deed::Verify {
                alarm,
                accepted: false,
            },
        ),
        (
            74,
            Deed::State {
                alarm,
                cause: Cause::True,
            },
        ),
        (75, Deed::Verify { alarm, accepted }),
        (76, Deed::Close { alarm }),
    ] {
        plant.act(second * 1_000, &deed);
    }
    plant.judge();
    let told = occurrence::tell(&journal, alarm).unwrap().unwrap();
    assert!(told.alarm.over);
    let steps: Vec<_> = told
        .events
        .iter()
        .map(|it| (it.transition.as_str(), it.cause.as_deref(), it.accepted))
        .collect();
    assert_eq!(
        steps[2..],
        [
            ("acknowledge", None, None),
            ("state_cause", Some("sensor_fault"), None),
            ("verify", None, Some(false)),
            ("state_cause", Some("true"), None),
            ("verify", None, Some(true)),
            ("close", None, None),
        ]
    );
    assert_eq!(told.events[7].at, at(76_000).as_millis());
    let mut text = Vec::new();
    print::print(&ExplainView::told(told), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("原因 cause: sensor_fault  张三：已到现场"),
        "{text}"
    );
    assert!(text.contains("不认可 not accepted  张三"), "{text}");
}

#[test]
fn the_queue_of_questions_has_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let plant = Plant::open(dir.path());
    let (desk, questions) = Desk::new(&plant.files, &plant.history, None);
    let point: PointRef = "mine/gw1/CH4-1".parse().unwrap();
    let asked: Vec<_> = (0..=WAITING_MAX).map(|_| desk.ask("gas", &point)).collect();
    assert_eq!(asked.iter().flatten().count(), WAITING_MAX);
    let engine = Engine::default();
    questions.answer(&engine);
    let mut answers = asked.into_iter().flatten();
    let (position, said) = answers.next().unwrap().try_recv().unwrap();
    assert_eq!((position, said.len()), (0, 1));
    assert!(answers.nth(AT_ONCE).unwrap().try_recv().is_err());
    drop(questions);
    assert!(desk.ask("gas", &point).is_none());
}
