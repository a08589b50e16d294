//! Who is told, what is written of it, and that it is written once.

use super::*;
use crate::journal::notices::{Notice, Notices};

const RECEIVERS: &str = r#"
[[receiver]]
name     = "room"
carriers = ["duty", "dutty"]
repeat   = "1m"
settle   = "0s"
[[receiver]]
name     = "heads"
carriers = ["*"]
tier     = 1
[closed_loop.orange]
acknowledge = "100s"
"#;

impl World {
    fn seconds(&mut self, seconds: std::ops::Range<i64>) {
        let mut batch = Batch::default();
        for second in seconds {
            let at = 1_000_000 + second * 1_000;
            batch.push(entry::TICK, RawTime { at }.encode_to_vec());
        }
        self.log.append(&batch).unwrap();
    }

    fn told(&self) -> Vec<Notice> {
        let notices = Notices::open(&self.files.journal).unwrap();
        notices.due("duty", i64::MAX, 100).unwrap()
    }

    fn kinds(&self) -> Vec<(String, String)> {
        let told = self.told().into_iter();
        told.map(|it| (it.view.receiver, it.view.kind)).collect()
    }
}

fn row(receiver: &str, kind: &str) -> (String, String) {
    (receiver.to_owned(), kind.to_owned())
}

#[test]
fn without_receivers_every_carrier_is_told_with_the_event() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.silence(1);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let told = world.told();
    assert_eq!(told.len(), 1);
    let notice = &told[0];
    assert_eq!((notice.view.kind.as_str(), notice.view.more), ("alarm", 0));
    let event = notice.event.as_ref().unwrap();
    assert_eq!(event.transition, "raise");
    assert_eq!(event.alarm.alarm, notice.view.alarms[0].alarm.alarm);
    assert_eq!(notice.view.raises.sum(), 1);
    assert!(
        notice.view.text.zh.contains("oil gw0 网关失联"),
        "{:?}",
        notice.view.text
    );
}

#[test]
fn planned_notices_are_written_once_whenever_the_server_dies() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.rules(RECEIVERS);
    world.silence(1);
    world.seconds(41..200);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let expected = [
        row("room", "alarm"),
        row("room", "repeat"),
        row("heads", "escalation"),
        row("room", "repeat"),
    ];
    assert_eq!(world.kinds(), expected);
    let told = world.told();
    assert!(
        told[1].view.text.zh.starts_with("第1次提醒"),
        "{:?}",
        told[1].view.text
    );
    assert_eq!(told[2].view.step.as_deref(), Some("acknowledge"));
    assert!(
        told[2]
            .view
            .text
            .zh
            .starts_with("超时未核警，已升级到第1级")
    );
    assert!(told[3].view.text.zh.starts_with("第2次提醒"));
    let places: Vec<_> = told.iter().map(|it| it.place).collect();
    drop(judge);

    // Killed before any snapshot: repeats come from ticks that wrote no event.
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let again: Vec<_> = world.told().iter().map(|it| it.place).collect();
    assert_eq!(again, places);
    world.seconds(200..215);
    World::catch_up(&mut judge);
    assert_eq!(world.told().len(), places.len() + 1);
}

#[test]
fn a_batch_that_was_not_written_is_told_after_the_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.silence(1);
    let mut judge = world.judge();
    // The engine knows of the alarm, the journal does not yet: killed between.
    let mut written = Vec::new();
    let entries = judge.parts.feed.read(1, 100).unwrap();
    for (position, entry) in &entries {
        if let Decoded::Small(_, _, input) = &**entry {
            judge
                .engine
                .apply(*position, input.clone(), &mut judge.events);
        }
        judge.write_down(Origin::default(), &mut written);
        let first = written.len() - usize::from(!written.is_empty());
        super::super::notices::collect(&mut judge, *position, &written, first);
    }
    assert_eq!((written.len(), judge.told.rows.len()), (1, 1));
    drop(judge);
    assert!(world.told().is_empty());
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_carrier_that_is_not_there_is_reported_and_its_notices_are_kept_as_failed() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.rules(RECEIVERS);
    world.silence(1);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let notices = Notices::open(&world.files.journal).unwrap();
    assert_eq!(notices.counts("duty").unwrap(), [1, 0, 0]);
    assert_eq!(notices.counts("dutty").unwrap(), [0, 0, 1]);
    let health = world.board.read().health.clone();
    let found = health.problems.iter().find(|it| it.code == "no_carrier");
    assert!(found.unwrap().en.contains("receiver room"));
}

#[test]
fn a_notice_calls_an_enterprise_as_the_register_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    let register = r#"
[[enterprise]]
id       = "oil"
name     = { zh = "开江油品", en = "Kaijiang Oil" }
township = { zh = "普安", en = "Pu'an" }
industry = "hazchem"
plants   = []
"#;
    world.rules(&format!("{RECEIVERS}{register}"));
    world.silence(1);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let text = world.told()[0].view.text.clone();
    assert!(text.zh.contains("开江油品 gw0 "), "{}", text.zh);
    assert!(text.en.contains("Kaijiang Oil gw0: "), "{}", text.en);
}

#[test]
fn what_was_told_is_kept_for_its_days_and_what_waits_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.rules(RECEIVERS);
    world.silence(3);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let notices = Notices::open(&world.files.journal).unwrap();
    let counts = || {
        (
            notices.counts("duty").unwrap(),
            notices.counts("dutty").unwrap(),
        )
    };
    let (duty, dutty) = counts();
    assert!(duty[0] > 1 && dutty[2] > 0);
    let first = notices.due("duty", i64::MAX, 1).unwrap()[0].id;
    notices.told(first, 1).unwrap();
    let due = judge.engine.now().as_millis() + 1;
    let long_ago = 1;
    assert_eq!(
        judge.parts.journal.forget_notices(long_ago, 100).unwrap(),
        0
    );
    let decided = usize::try_from(1 + dutty[2]).unwrap();
    assert_eq!(
        judge.parts.journal.forget_notices(due, 100).unwrap(),
        decided
    );
    assert_eq!(counts(), ([duty[0] - 1, 0, 0], [0; 3]));
}

#[test]
fn notices_are_forgotten_as_the_settings_say() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.rules("[[receiver]]\nname = \"room\"\ncarriers = [\"dutty\"]\nsettle = \"0s\"");
    world.silence(1);
    let mut judge = world.judge();
    judge.parts.keep_notices = Some(std::time::Duration::from_secs(3_600));
    World::catch_up(&mut judge);
    let notices = Notices::open(&world.files.journal).unwrap();
    let failed = || notices.counts("dutty").unwrap()[2];
    assert_eq!(failed(), 1);
    world.seconds(3_000..3_031);
    World::catch_up(&mut judge);
    assert_eq!(failed(), 1);
    world.seconds(9_000..9_031);
    World::catch_up(&mut judge);
    assert_eq!(failed(), 0);
}

#[test]
fn health_is_degraded_while_a_carrier_cannot_deliver() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.seconds(0..1);
    let mut judge = world.judge();
    let fault = std::sync::Arc::new(std::sync::Mutex::new(None));
    judge.parts.sources.outward.push(fault.clone());
    let has_room = &judge.parts.shared.has_room;
    has_room.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut status = |trouble| {
        *fault.lock().unwrap() = trouble;
        super::super::status::show(&mut judge);
        world.board.read().health.status.clone()
    };
    assert_eq!(status(None), "ok");
    assert_eq!(
        status(Some(crate::view::Trouble::new(
            "carrier",
            "送不出去",
            "stuck"
        ))),
        "degraded"
    );
    assert_eq!(status(None), "ok");
}

#[test]
fn rules_in_force_are_shown_and_a_change_says_what_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.rules(SITE);
    world.seconds(0..1);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let rule = |world: &World, id: &str| {
        let board = world.board.read();
        board.rules.iter().find(|rule| rule.id == id).cloned()
    };
    let level = rule(&world, "level").unwrap();
    assert_eq!((level.state.as_str(), level.bound), ("unarmed", 0));
    assert_eq!(level.source.unwrap().ship, "DES");
    let line = rule(&world, "fenghuo.line-down").unwrap();
    assert!(line.builtin && line.state == "armed");
    let reload = world.board.read().reload.clone().unwrap();
    assert_eq!(
        (reload.position, reload.added),
        (1, vec!["level".to_owned()])
    );

    world.rules(RECEIVERS);
    world.seconds(1..2);
    World::catch_up(&mut judge);
    assert!(rule(&world, "level").is_none());
    let removed = world.board.read().reload.clone().unwrap();
    assert_eq!(removed.removed, ["level"]);
    judge.take_snapshot();
    drop(judge);
    world.board = Arc::new(Board::default());
    let judge = world.judge();
    assert_eq!(world.board.read().reload.as_ref(), Some(&removed));
    assert!(rule(&world, "fenghuo.line-down").is_some());
    drop(judge);
}

#[test]
fn the_load_is_shown_by_enterprise() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.silence(12);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let text = judge.parts.metrics.render();
    assert!(text.contains("fenghuo_alarms_per_10min{enterprise=\"oil\"} 12\n"));
    assert!(text.contains("fenghuo_alarm_flood{enterprise=\"oil\"} 1\n"));
    drop(judge);
    // A restart knows what was told shortly before.
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let text = judge.parts.metrics.render();
    assert!(text.contains("fenghuo_alarms_per_10min{enterprise=\"oil\"} 12\n"));
}
