//! The judge over a real log and journal in a temporary folder.

use std::sync::atomic::AtomicBool;

use fenghuo_engine::Deed;
use fenghuo_history::{History, Options};
use fenghuo_log::{Batch, Log};
use prost::Message;
use tokio::sync::Notify;

use super::*;
use crate::board::Update;
use crate::entry::{RawGateways, RawTime};
use crate::feed::Feed;
use crate::journal::JournalReader;
use crate::serve::Files;

mod health;
mod notices;
mod windows;

struct World {
    files: Files,
    log: Log,
    feed: Feed,
    board: Arc<Board>,
    history: History,
}

impl World {
    fn open(dir: &std::path::Path) -> Self {
        let files = Files::new(dir);
        let log = Log::open(&files.log, None).unwrap();
        Self {
            feed: Feed::new(log.head()),
            board: Arc::new(Board::default()),
            history: History::open(&files.history, Options::new("test")).unwrap(),
            files,
            log,
        }
    }

    fn judge(&self) -> Judge {
        let snapshots = Snapshots::open(&self.files.snapshots, 2).unwrap();
        let engine = snapshots.newest().unwrap().engine;
        let journal = Journal::open(&self.files.journal).unwrap();
        let parts = Parts {
            feed: self.feed.reader(&self.files.log).unwrap(),
            alarms: journal.reader().unwrap().active().unwrap(),
            journal,
            snapshots,
            snapshot_every: Duration::from_secs(3_600),
            keep_notices: None,
            board: self.board.clone(),
            metrics: Arc::new(Metrics::new()),
            shared: Arc::default(),
            carriers: vec!["duty".to_owned()],
            judged: watch::channel(0).0,
            sources: Sources {
                log_id: String::new(),
                history: self.history.clone(),
                history_fault: Arc::default(),
                told: Arc::new(Notify::new()),
                outward: Vec::new(),
                intake: crate::intake::Intake::default(),
                at_start: Vec::new(),
            },
            questions: Questions::default(),
            stop: Arc::new(AtomicBool::new(false)),
        };
        Judge::new(parts, engine).unwrap()
    }

    /// Expected gateways that never report, and the seconds that pass over it.
    fn silence(&mut self, gateways: usize) {
        let gateways = (0..gateways).map(|at| format!("oil/gw{at}")).collect();
        let mut batch = Batch::default();
        batch.push(entry::EXPECTED, RawGateways { gateways }.encode_to_vec());
        batch.push(entry::STARTED, RawTime { at: 1_000_000 }.encode_to_vec());
        for second in 1..=40 {
            let at = 1_000_000 + second * 1_000;
            batch.push(entry::TICK, RawTime { at }.encode_to_vec());
        }
        self.log.append(&batch).unwrap();
    }

    fn rules(&mut self, text: &str) {
        let file = entry::RawFile {
            name: "site.toml".to_owned(),
            text: text.to_owned(),
        };
        let mut batch = Batch::default();
        let files = vec![file];
        batch.push(entry::RULES, entry::RawRules { files }.encode_to_vec());
        self.log.append(&batch).unwrap();
    }

    fn catch_up(judge: &mut Judge) {
        loop {
            let entries = judge.parts.feed.read(judge.next, 5).unwrap();
            if entries.is_empty() {
                return;
            }
            judge.judge(&entries);
        }
    }
}

#[test]
fn written_before_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.silence(3);
    let mut screen = world.board.subscribe();
    let mut judge = world.judge();
    let path = world.files.journal.clone();
    // A screen that asks the journal, on its own connection, the moment it is told.
    let watcher = std::thread::spawn(move || {
        let mut seen = 0;
        while seen < 3 {
            if let Update::Alarm(id, _) = screen.blocking_recv().unwrap() {
                let reader = JournalReader::open(&path).unwrap();
                let events = reader.events(EventId::default(), 100).unwrap();
                assert!(
                    events.iter().any(|event| event.id == id),
                    "{id} was told unwritten"
                );
                seen += 1;
            }
        }
    });
    World::catch_up(&mut judge);
    watcher.join().unwrap();
    let reader = JournalReader::open(&world.files.journal).unwrap();
    assert_eq!(reader.verify().unwrap(), Ok(3));
    let told = crate::journal::notices::Notices::open(&world.files.journal).unwrap();
    assert_eq!(told.due("duty", i64::MAX, 10).unwrap().len(), 3);
}

#[test]
fn a_restart_tells_nothing_twice_and_knows_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.silence(2);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let before = judge.engine.snapshot().unwrap();
    drop(judge);
    // Killed before any snapshot: the whole log is folded again.
    let mut screen = world.board.subscribe();
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    assert_eq!(judge.engine.snapshot().unwrap(), before);
    assert_eq!(judge.differences, 0);
    while let Ok(update) = screen.try_recv() {
        assert!(
            !matches!(update, Update::Alarm(..)),
            "an old event was told again"
        );
    }
    assert_eq!(
        judge.parts.journal.reader().unwrap().verify().unwrap(),
        Ok(2)
    );
    assert_eq!(world.board.read().alarms.len(), 2);
}

#[test]
fn a_journal_that_says_otherwise_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.silence(1);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    drop(judge);
    let journal = rusqlite::Connection::open(&world.files.journal).unwrap();
    journal
        .execute("UPDATE event SET body = replace(body, 'oil', 'gas')", [])
        .unwrap();
    drop(journal);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    assert_eq!(judge.differences, 1);
    assert!(
        judge
            .parts
            .journal
            .reader()
            .unwrap()
            .verify()
            .unwrap()
            .is_err(),
        "the chain hides it"
    );
}

/// A rule with a design limit, and a register of two enterprises.
const SITE: &str = r#"
[[rule]]
id     = "level"
select = { kind = "level" }
source = { ship = "DES", confidence = "U" }
[[rule.level]]
name     = "H"
above    = "design"
severity = "yellow"
[[target]]
id     = "gas"
plant  = "tank-farm"
title  = { zh = "气体", en = "Gas" }
select = { kind = "concentration" }
[[enterprise]]
id       = "oil"
name     = "石化"
township = "新宁镇"
industry = "hazchem"
plants   = ["tank-farm"]
[[enterprise]]
id       = "dark"
name     = "未接入"
township = "新宁镇"
industry = "hazchem"
plants   = ["tank-farm"]
"#;

#[test]
fn coverage_is_shown_and_follows_the_register() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.rules(SITE);
    world.silence(1);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let shown = |world: &World| -> Vec<(String, u64, bool)> {
        let board = world.board.read();
        let all = board.coverage.values();
        all.map(|it| {
            (
                it.id.to_string(),
                it.sum().required,
                it.registered.is_some(),
            )
        })
        .collect()
    };
    let (dark, oil) = (("dark".to_owned(), 1, true), ("oil".to_owned(), 1, true));
    assert_eq!(shown(&world), [dark, oil]);
    world.rules("");
    world.silence(0);
    World::catch_up(&mut judge);
    assert_eq!(shown(&world), [("oil".to_owned(), 0, false)]);
}

#[test]
fn what_people_did_is_shown_as_the_checks_of_acts_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path());
    world.silence(1);
    let mut judge = world.judge();
    World::catch_up(&mut judge);
    let shown = |world: &World| {
        let shown = world.board.read();
        let alarm = shown.alarms.values().next().unwrap();
        crate::view::AlarmView::clone(alarm)
    };
    let alarm: fenghuo_engine::AlarmKey = shown(&world).alarm.parse().unwrap();
    let occurrence: EventId = shown(&world).occurrence.parse().unwrap();
    let until = fenghuo_model::Timestamp::from_millis(1_000_000 + 3_600_000);
    let mut now = 1_041_000;
    let mut act = |world: &mut World, by: &str, deed: Deed| {
        now += 1_000;
        let act = crate::entry::RawAct {
            at: now,
            by: by.to_owned(),
            comment: "why".to_owned(),
            deed: entry::deed_text(&deed),
        };
        let mut batch = Batch::default();
        batch.push(entry::ACT, act.encode_to_vec());
        world.log.append(&batch).unwrap();
        World::catch_up(&mut judge);
        shown(world)
    };
    let key = || alarm.clone();
    let it = act(&mut world, "a", Deed::Acknowledge { alarm: occurrence });
    assert_eq!((it.life.as_str(), it.active), ("acknowledged", true));
    let one_shot = false;
    let shelve = Deed::Shelve {
        alarm: key(),
        until,
        one_shot,
    };
    let it = act(&mut world, "a", shelve);
    assert_eq!(
        (it.state.as_str(), it.life.as_str()),
        ("shelved", "acknowledged")
    );
    assert_eq!(it.shelf.unwrap().comment, "why");
    let it = act(&mut world, "a", Deed::Unshelve { alarm: key() });
    assert_eq!((it.state.as_str(), it.shelf), ("acknowledged", None));
    let permit = "P-1".to_owned();
    let ask = Deed::AskOut {
        alarm: key(),
        permit,
        until,
    };
    let it = act(&mut world, "a", ask);
    assert_eq!(
        (it.state.as_str(), it.permit.unwrap().agreed_by),
        ("acknowledged", None)
    );
    let it = act(&mut world, "a", Deed::AgreeOut { alarm: key() });
    assert_eq!(it.permit.unwrap().agreed_by, None, "the same person");
    let it = act(&mut world, "b", Deed::AgreeOut { alarm: key() });
    assert_eq!(it.state, "out_of_service");
    assert_eq!(it.permit.unwrap().agreed_by.as_deref(), Some("b"));
    let it = act(&mut world, "b", Deed::PutBack { alarm: key() });
    assert_eq!((it.state.as_str(), it.permit), ("acknowledged", None));
    assert_eq!(judge.engine.impossible(), 0);
}
