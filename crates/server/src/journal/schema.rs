//! The journal's tables, and how a file of the version before becomes one of this version.
//!
//! Events and alarms are a kilobyte or two each: in a table without row ids SQLite keeps rows
//! of that size in pages of their own (468 MB for 100,000 events instead of 165 MB). What
//! must stay true: a migration is one transaction, and changes no body, hash or view.

use rusqlite::Connection;

use super::{announced, notices};

/// Version of the tables.
pub const VERSION: i32 = 3;
/// The one before, whose `event` and `alarm` had no row ids.
const BEFORE: i32 = 2;

const TABLES: &str = "
    CREATE TABLE event (
        position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        body TEXT NOT NULL, hash BLOB NOT NULL, view TEXT NOT NULL,
        PRIMARY KEY (position, ordinal));
    CREATE TABLE alarm (
        position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        enterprise TEXT NOT NULL, over INTEGER NOT NULL, changed INTEGER NOT NULL,
        view TEXT NOT NULL, PRIMARY KEY (position, ordinal));
    CREATE INDEX alarm_over ON alarm (over, changed);
";
const SMALL_TABLES: &str = "
    CREATE TABLE entry (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
";
const ASIDE: &str = "
    DROP INDEX alarm_over;
    ALTER TABLE event RENAME TO event_before;
    ALTER TABLE alarm RENAME TO alarm_before;
";
const OVER: &str = "
    INSERT INTO event SELECT * FROM event_before ORDER BY position, ordinal;
    INSERT INTO alarm SELECT * FROM alarm_before ORDER BY position, ordinal;
    DROP TABLE event_before;
    DROP TABLE alarm_before;
";

/// What was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// The tables are those of [`VERSION`] now.
    Ready,
    /// The file is of this other version, and nothing was touched.
    Other(i32),
}

/// Makes the tables of a new file, or those of the version before over.
///
/// # Errors
/// When SQLite cannot; the file is as it was then.
pub fn prepare(conn: &mut Connection) -> rusqlite::Result<Found> {
    let found = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        0 => {
            let (announced, notices) = (announced::TABLES, notices::TABLES);
            change(conn, &[TABLES, SMALL_TABLES, announced, notices])?;
        }
        BEFORE => {
            tracing::info!("making the journal over to version {VERSION}: it may take a while");
            change(conn, &[ASIDE, TABLES, OVER])?;
        }
        VERSION => {}
        other => return Ok(Found::Other(other)),
    }
    Ok(Found::Ready)
}

fn change(conn: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let tx = conn.transaction()?;
    for step in steps {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", VERSION)?;
    tx.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables as version 2 made them.
    const OF_BEFORE: &str = "
        CREATE TABLE event (
            position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
            body TEXT NOT NULL, hash BLOB NOT NULL, view TEXT NOT NULL,
            PRIMARY KEY (position, ordinal)) WITHOUT ROWID;
        CREATE TABLE alarm (
            position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
            enterprise TEXT NOT NULL, over INTEGER NOT NULL, changed INTEGER NOT NULL,
            view TEXT NOT NULL, PRIMARY KEY (position, ordinal)) WITHOUT ROWID;
        CREATE INDEX alarm_over ON alarm (over, changed);
        INSERT INTO event VALUES (7, 1, 'later', x'02', '{}'), (7, 0, 'first', x'01', '{}');
        INSERT INTO alarm VALUES (7, 0, 'oil', 0, 5, '{\"a\":1}');
        PRAGMA user_version = 2;
    ";

    #[test]
    fn a_journal_of_the_version_before_is_made_over_with_all_it_holds() {
        let mut conn = Connection::open_in_memory().unwrap();
        let small = format!(
            "{OF_BEFORE} {SMALL_TABLES} {} {}",
            announced::TABLES,
            notices::TABLES
        );
        conn.execute_batch(&small).unwrap();
        assert_eq!(prepare(&mut conn).unwrap(), Found::Ready);
        let mut statement = conn
            .prepare("SELECT ordinal, body, hash FROM event ORDER BY rowid")
            .unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows: Vec<(u32, String, Vec<u8>)> = statement
            .query_map([], row)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let wanted = [(0, "first", 1), (1, "later", 2)];
        assert_eq!(
            rows,
            wanted.map(|(at, body, hash)| (at, body.to_owned(), vec![hash]))
        );
        let alarm: String = conn
            .query_row("SELECT view FROM alarm WHERE over = 0", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(alarm, "{\"a\":1}");
        drop(statement);
        assert_eq!(prepare(&mut conn).unwrap(), Found::Ready, "once is enough");
    }
}
