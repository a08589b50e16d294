//! A plant that is upgraded in the middle of its alarms, beside one that is not.

use std::path::Path;
use std::sync::Arc;

use fenghuo_engine::event::Cause;

use super::*;
use crate::rebuild::staged::{Plant, RULES};
use crate::snapshot::Snapshots;

/// The gas is high, and has been for six seconds.
const HIGH: i64 = 656;
/// The end of the story.
const END: i64 = 900;
/// Entries that stay in the log.
const KEPT: u64 = 400;

/// Writes another version's number into every snapshot: what follows it is not looked at.
fn of_another_version(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let mut body = std::fs::read(&path).unwrap().split_off(4);
        assert_eq!(u32::from(body[0]), ENGINE_VERSION);
        body[0] = 99;
        // No version reads another one's state.
        body.truncate(body.len() / 2);
        let crc = crc32c::crc32c(&body).to_le_bytes();
        std::fs::write(path, [&crc[..], &body].concat()).unwrap();
    }
}

fn events(files: &Files) -> Vec<String> {
    let reader = JournalReader::open(&files.journal).unwrap();
    let bodies = reader.bodies(EventId::default(), 10_000).unwrap();
    bodies.into_iter().map(|(_, body)| body).collect()
}

fn active(files: &Files) -> Vec<AlarmView> {
    let reader = JournalReader::open(&files.journal).unwrap();
    let alarms = reader.active().unwrap().into_values();
    alarms.map(Arc::unwrap_or_clone).collect()
}

/// Lives until the gas is high, and somebody has seen it.
fn until_high(plant: &mut Plant) {
    plant.live(0..HIGH, 0..0);
    plant.judge();
    let up = active(&plant.files);
    let seen = up.iter().find(|alarm| alarm.level == "L1").unwrap();
    let alarm = seen.occurrence.parse().unwrap();
    plant.act(HIGH * 1_000 - 200, &Deed::Acknowledge { alarm });
    let cause = Cause::True;
    plant.act(HIGH * 1_000 - 100, &Deed::State { alarm, cause });
    plant.judge();
}

fn upgraded(
    plant: &Plant,
    journal: &Journal,
    rules: &[(String, String)],
) -> anyhow::Result<Upgraded> {
    let stores = Stores {
        files: &plant.files,
        log: plant.log(),
        journal,
        rules,
    };
    upgrade(&stores, 99)
}

#[test]
fn an_upgraded_server_tells_what_the_other_one_tells() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [mut same, mut other] = [Plant::open(dirs[0].path()), Plant::open(dirs[1].path())];
    until_high(&mut same);
    until_high(&mut other);
    let before = active(&other.files);
    assert!(before.iter().any(|alarm| alarm.state == "acknowledged"));
    assert!(
        before
            .iter()
            .any(|alarm| alarm.level == "L2" && alarm.active)
    );

    let below = other.next() - KEPT;
    other.trim(below);
    of_another_version(&other.files.snapshots);
    let snapshots = Snapshots::open(&other.files.snapshots, 2).unwrap();
    assert_eq!(snapshots.newest().unwrap().other, Some(99));
    let journal = Journal::open(&other.files.journal).unwrap();
    let it = upgraded(&other, &journal, &[]).unwrap();
    assert_eq!(it.unwatched, []);
    assert_eq!(it.engine.position(), journal.last().unwrap().position);
    drop(journal);
    snapshots.take_over(&it.engine).unwrap();
    let found = snapshots.newest().unwrap();
    assert_eq!((found.other, found.faults.len()), (None, 0));
    assert_eq!(found.engine.unwrap().position(), it.engine.position());

    for plant in [&mut same, &mut other] {
        plant.live(HIGH..END, 0..0);
        plant.judge();
    }
    assert_eq!(events(&same.files), events(&other.files));
    let files = std::fs::read_dir(&other.files.snapshots).unwrap();
    let aside = files.filter(|it| {
        let path = it.as_ref().unwrap().path();
        path.extension().is_some_and(|it| it == "snapshot-v99")
    });
    assert_eq!(
        aside.count(),
        0,
        "put aside until there are enough of this version"
    );
}

#[test]
fn what_another_version_left_is_put_aside_and_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    until_high(&mut plant);
    of_another_version(&plant.files.snapshots);
    let files = || {
        let files = std::fs::read_dir(&plant.files.snapshots).unwrap();
        let mut names: Vec<_> = files
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let before = files();
    let snapshots = Snapshots::open(&plant.files.snapshots, 2).unwrap();
    let journal = Journal::open(&plant.files.journal).unwrap();
    let it = upgraded(&plant, &journal, &[]).unwrap();
    assert_eq!(files(), before, "nothing is changed before it is whole");
    snapshots.take_over(&it.engine).unwrap();
    let aside = files();
    let aside: Vec<_> = aside
        .iter()
        .filter(|it| it.ends_with(".snapshot-v99"))
        .collect();
    assert_eq!(aside.len(), before.len());
}

#[test]
fn an_event_that_does_not_fit_is_refused_in_clear_words() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    until_high(&mut plant);
    of_another_version(&plant.files.snapshots);
    let sql = rusqlite::Connection::open(&plant.files.journal).unwrap();
    let raise = "UPDATE event SET body = replace(body, '\"yellow\"', '\"purple\"')";
    assert!(sql.execute(raise, []).unwrap() > 0);
    drop(sql);
    let journal = Journal::open(&plant.files.journal).unwrap();
    let error = upgraded(&plant, &journal, &[]).err().unwrap();
    let text = format!("{error:#}");
    assert!(text.contains("数据由引擎版本 99 写成"), "{text}");
    assert!(text.contains("written by engine version 99"), "{text}");
    assert!(text.contains("无法读取"), "{text}");
}

#[test]
fn an_alarm_that_would_be_lost_stops_the_upgrade() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    until_high(&mut plant);
    let sql = rusqlite::Connection::open(&plant.files.journal).unwrap();
    let acknowledged = "UPDATE alarm SET view = replace(view, '\"acknowledged\"', '\"shelved\"')
                        WHERE over = 0";
    assert!(sql.execute(acknowledged, []).unwrap() > 0);
    drop(sql);
    let journal = Journal::open(&plant.files.journal).unwrap();
    let error = upgraded(&plant, &journal, &[]).err().unwrap();
    assert!(format!("{error:#}").contains("与日志簿不符"), "{error:#}");
}

#[test]
fn rules_that_this_version_refuses_are_those_of_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let mut plant = Plant::open(dir.path());
    until_high(&mut plant);
    let sql = rusqlite::Connection::open(&plant.files.journal).unwrap();
    // As if the version before had taken a key that this one does not know.
    let spoil = "UPDATE entry SET body = cast(replace(cast(body AS TEXT), 'reset = 0.8', 'resat = 0.8') AS BLOB)
                 WHERE kind = 4";
    assert_eq!(sql.execute(spoil, []).unwrap(), 1);
    drop(sql);
    let below = plant.next() - KEPT;
    plant.trim(below);
    let journal = Journal::open(&plant.files.journal).unwrap();
    let rules = [("plant.toml".to_owned(), RULES.to_owned())];
    let it = upgraded(&plant, &journal, &rules).unwrap();
    assert_eq!(it.unwatched, []);
    let without = upgraded(&plant, &journal, &[]).unwrap();
    assert!(!without.unwatched.is_empty(), "nothing else watches them");
}
