use crate::journal::{Journal, Written};
use crate::view::{AlarmView, EventView};

use super::*;

/// Writes events as (position, occurrence, transition, state, time in seconds).
fn journal(events: &[(u64, u64, &str, &str, i64)]) -> (tempfile::TempDir, JournalReader) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&dir.path().join("journal.db")).unwrap();
    let id = |position| EventId {
        position,
        ordinal: 0,
    };
    for (position, occurrence, transition, state, at) in events {
        let mut alarm = AlarmView {
            alarm: format!("gas/L@oil/g/{occurrence}"),
            enterprise: if *occurrence < 50 { "oil" } else { "coal" }.to_owned(),
            severity: "yellow".to_owned(),
            state: (*state).to_owned(),
            ..AlarmView::default()
        };
        alarm.stamps.journaled = Some(at * 1_000);
        let written = Written {
            id: id(*position),
            occurrence: id(*occurrence),
            body: String::new(),
            view: EventView {
                transition: (*transition).to_owned(),
                alarm,
            },
        };
        journal.append(&[written], &[]).unwrap();
    }
    let reader = journal.reader().unwrap();
    (dir, reader)
}

const UNSEEN: &str = "unacknowledged";
const DAY: i64 = 86_400;

fn span() -> Between {
    Between {
        from: Timestamp::from_millis(DAY * 1_000),
        until: Timestamp::from_millis(2 * DAY * 1_000),
    }
}

#[test]
fn announcements_know_their_end_and_who_saw_them() {
    let (_dir, journal) = journal(&[
        (1, 1, "raise", UNSEEN, 10),
        (2, 2, "raise", UNSEEN, DAY - 10),
        (3, 2, "return", "returned_unacknowledged", DAY + 10),
        (4, 4, "raise", UNSEEN, DAY + 20),
        (5, 4, "acknowledge", "acknowledged", DAY + 50),
        (6, 4, "realarm", UNSEEN, DAY + 100),
        (7, 4, "latch", "latched_unacknowledged", DAY + 110),
        (8, 8, "raise", "shelved", DAY + 120),
        (9, 50, "raise", UNSEEN, DAY + 130),
        (10, 1, "return", "returned_unacknowledged", 2 * DAY + 5),
    ]);
    let found = journal.announcements(Some("oil"), span()).unwrap();
    let second = |at: Timestamp| at.as_millis() / 1_000;
    let rows = found.rows.iter().map(|row| {
        let name = found.names[row.alarm].as_str();
        (
            second(row.at),
            name,
            row.ended.map(second),
            row.seen.map(second),
        )
    });
    let rows: Vec<_> = rows.collect();
    let expected = [
        (10, "gas/L@oil/g/1", Some(2 * DAY + 5), None),
        (DAY + 20, "gas/L@oil/g/4", Some(DAY + 110), Some(DAY + 50)),
        (DAY + 100, "gas/L@oil/g/4", Some(DAY + 110), None),
    ];
    assert_eq!(rows, expected);
    let all = journal.announcements(None, span()).unwrap();
    assert_eq!(all.rows.len(), 4);
    assert!(!all.is_cut);
    let since = Timestamp::from_millis((DAY + 100) * 1_000);
    let newest = journal.announced_since(since).unwrap();
    assert_eq!(newest.len(), 2);
}

#[test]
fn covers_are_counted_as_begun_and_as_standing() {
    let (_dir, journal) = journal(&[
        (1, 1, "shelve", "shelved", 10),
        (2, 2, "shelve", "shelved", DAY + 10),
        (3, 2, "unshelve", UNSEEN, DAY + 20),
        (4, 3, "suppress", "suppressed", DAY + 30),
        (5, 3, "shelve", "suppressed", DAY + 40),
        (6, 3, "unshelve", "suppressed", DAY + 50),
        (7, 9, "take_out_of_service", "out_of_service", 20),
        (8, 9, "put_back_in_service", UNSEEN, 30),
    ]);
    let found = journal.announcements(None, span()).unwrap();
    let covers: Vec<_> = found.covers.into_iter().collect();
    assert_eq!(
        covers,
        [
            ("shelve".to_owned(), (2, 1)),
            ("suppress".to_owned(), (1, 1))
        ]
    );
}

#[test]
fn reading_uses_the_indexes() {
    let (_dir, journal) = journal(&[]);
    for sql in [ENDED, SEEN, UNSHELVED, PUT_BACK] {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let mut statement = journal.conn.prepare(&explain).unwrap();
        let plan = statement.query_map((0, 0, 0), |row| row.get::<_, String>(3));
        let plan: Vec<_> = plan.unwrap().map(Result::unwrap).collect();
        assert!(plan.iter().any(|step| step.contains("_open")), "{plan:?}");
    }
}

#[test]
fn a_journal_of_other_tables_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    drop(Journal::open(&path).unwrap());
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 1).unwrap();
    drop(conn);
    let error = Journal::open(&path).unwrap_err().to_string();
    assert!(error.contains("a journal of version 1") && error.contains("new data folder"));
}
