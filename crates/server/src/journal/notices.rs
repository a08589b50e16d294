//! Notices on their way to people: a queue in the journal, so that none is forgotten when
//! the server dies, and each says whether it was told, failed or repeated.
//!
//! The judge writes a notice once, in the transaction of the events that it follows from,
//! together with the log position up to which notices are written. One row a carrier.

use std::path::{Path, PathBuf};

use fenghuo_engine::{EventId, NoticeId};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction};

use super::{JournalError, connect, parsed, sql, text};
use crate::view::{EventView, NoticeView};

/// The queue's table.
pub(super) const TABLES: &str = "
    CREATE TABLE notice (
        id INTEGER PRIMARY KEY, position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        carrier TEXT NOT NULL, receiver TEXT NOT NULL, kind TEXT NOT NULL, view TEXT NOT NULL,
        event_position INTEGER, event_ordinal INTEGER,
        state TEXT NOT NULL, tries INTEGER NOT NULL,
        due INTEGER NOT NULL, told INTEGER, error TEXT,
        UNIQUE (position, ordinal, carrier));
    CREATE INDEX notice_due ON notice (state, due);
";
/// The log position up to which notices were written.
const NOTICED: &str = "noticed";

/// A notice on its way in.
#[derive(Clone, Debug)]
pub struct WrittenNotice {
    /// Its place.
    pub id: NoticeId,
    /// The carriers that bring it.
    pub carriers: Vec<String>,
    /// Carriers that its receiver names and that this server does not have: kept as failed.
    pub missing: Vec<String>,
    /// What is told.
    pub view: NoticeView,
    /// The event that it tells of, when it is about one.
    pub event: Option<EventId>,
}

/// Why a notice for a carrier that is not there failed.
const NO_CARRIER: &str = "the server has no carrier of this name";

/// Writes notices; `up_to` says to which log position they are written then.
pub(super) fn write(
    tx: &Transaction<'_>,
    notices: &[WrittenNotice],
    up_to: Option<u64>,
) -> rusqlite::Result<()> {
    let mut row = tx.prepare_cached(
        "INSERT OR IGNORE INTO notice (position, ordinal, carrier, receiver, kind, view,
         event_position, event_ordinal, state, tries, due, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10)",
    )?;
    for notice in notices {
        let view = text(&notice.view)?;
        let event = notice.event.map(|id| (sql(id.position), id.ordinal));
        let mut insert = |carrier: &str, state, error: Option<&str>| {
            row.execute(rusqlite::params![
                sql(notice.id.position),
                notice.id.ordinal,
                carrier,
                notice.view.receiver,
                notice.view.kind,
                view,
                event.map(|event| event.0),
                event.map(|event| event.1),
                state,
                error,
            ])
        };
        for carrier in &notice.carriers {
            insert(carrier, "pending", None)?;
        }
        for carrier in &notice.missing {
            insert(carrier, "failed", Some(NO_CARRIER))?;
        }
    }
    if let Some(position) = up_to {
        tx.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
            .execute((NOTICED, sql(position)))?;
    }
    Ok(())
}

/// Forgets what was decided (told, or given up) and became due before an instant; of the
/// oldest `limit` notices only, so that nobody waits for it.
pub(super) fn forget(conn: &Connection, before: i64, limit: usize) -> rusqlite::Result<usize> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    conn.prepare_cached(
        "DELETE FROM notice WHERE id IN (
            SELECT id FROM (
                SELECT id, view FROM notice WHERE state <> 'pending' ORDER BY id LIMIT ?2)
            WHERE json_extract(view, '$.at') < ?1)",
    )?
    .execute((before, limit))
}

/// The log position up to which notices were written; 0 for none.
pub(super) fn noticed(conn: &Connection) -> rusqlite::Result<u64> {
    let found = conn
        .query_row("SELECT value FROM meta WHERE key = ?1", [NOTICED], |row| {
            row.get::<_, i64>(0)
        })
        .optional()?;
    Ok(found.map_or(0, i64::cast_unsigned))
}

/// A notice that is due.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its number: the same at each try.
    pub id: i64,
    /// Its place: the same on each carrier.
    pub place: NoticeId,
    /// What is told.
    pub view: NoticeView,
    /// The event that it tells of, when it is about one.
    pub event: Option<EventView>,
    /// Tries before this one; more than 0 means that it may be a repeat.
    pub tries: u32,
}

/// What waits of a carrier though it was tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// How many notices wait, those included that were not tried yet.
    pub count: u64,
    /// When the oldest one that was tried became due.
    pub since: i64,
    /// Why its last try failed.
    pub error: String,
}

/// The carriers' connection to the queue.
#[derive(Debug)]
pub struct Notices {
    conn: Connection,
    path: PathBuf,
}

impl Notices {
    /// Opens the queue of an existing journal.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let error = |error| JournalError::sqlite(path, &error);
        let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(error)?;
        conn.pragma_update(None, "synchronous", "FULL")
            .map_err(error)?;
        Ok(Self {
            conn,
            path: path.to_owned(),
        })
    }

    /// What is due for a carrier, oldest first.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn due(&self, carrier: &str, now: i64, limit: usize) -> Result<Vec<Notice>, JournalError> {
        let read = || -> rusqlite::Result<Vec<Notice>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT notice.id, notice.position, notice.ordinal, tries, notice.view, event.view
                 FROM notice LEFT JOIN event
                 ON event.position = event_position AND event.ordinal = event_ordinal
                 WHERE state = 'pending' AND due <= ?1 AND carrier = ?2 ORDER BY notice.id LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((now, carrier, limit), |row| {
                let event: Option<String> = row.get(5)?;
                Ok(Notice {
                    id: row.get(0)?,
                    place: NoticeId {
                        position: row.get::<_, i64>(1)?.cast_unsigned(),
                        ordinal: row.get(2)?,
                    },
                    tries: row.get(3)?,
                    view: parsed(&row.get::<_, String>(4)?)?,
                    event: event.map(|event| parsed(&event)).transpose()?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| JournalError::sqlite(&self.path, &error))
    }

    /// A try begins: written before it is made, so that a kill during it shows as a repeat.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written; do not send then.
    pub fn begin(&self, id: i64, retry_at: i64) -> Result<(), JournalError> {
        self.set(
            "UPDATE notice SET tries = tries + 1, due = ?2 WHERE id = ?1",
            (id, retry_at),
        )
    }

    /// It was taken by the other side.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written; it will be sent again.
    pub fn told(&self, id: i64, at: i64) -> Result<(), JournalError> {
        self.set(
            "UPDATE notice SET state = 'told', told = ?2, error = NULL WHERE id = ?1",
            (id, at),
        )
    }

    /// It was not; `for_ever` when trying again is of no use.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be written.
    pub fn failed(&self, id: i64, error: &str, for_ever: bool) -> Result<(), JournalError> {
        let state = if for_ever { "failed" } else { "pending" };
        self.set(
            "UPDATE notice SET state = ?2, error = ?3 WHERE id = ?1",
            (id, state, error),
        )
    }

    /// How many notices of a carrier wait, were told, and failed for ever.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn counts(&self, carrier: &str) -> Result<[u64; 3], JournalError> {
        let count = |state: &str| {
            let sql = "SELECT count(*) FROM notice WHERE carrier = ?1 AND state = ?2";
            let count = self
                .conn
                .query_row(sql, (carrier, state), |row| row.get::<_, i64>(0));
            count
                .map(i64::cast_unsigned)
                .map_err(|error| JournalError::sqlite(&self.path, &error))
        };
        Ok([count("pending")?, count("told")?, count("failed")?])
    }

    /// What waits of a carrier; nothing while nothing was tried in vain.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn waiting(&self, carrier: &str) -> Result<Option<Waiting>, JournalError> {
        let read = || -> rusqlite::Result<Option<Waiting>> {
            let mut oldest = self.conn.prepare_cached(
                "SELECT view, error FROM notice WHERE state = 'pending' AND carrier = ?1
                 AND tries > 0 AND error IS NOT NULL ORDER BY id LIMIT 1",
            )?;
            let oldest = oldest
                .query_row([carrier], |row| {
                    let view: NoticeView = parsed(&row.get::<_, String>(0)?)?;
                    Ok((view.at, row.get(1)?))
                })
                .optional()?;
            let Some((since, error)) = oldest else {
                return Ok(None);
            };
            let mut count = self.conn.prepare_cached(
                "SELECT count(*) FROM notice WHERE state = 'pending' AND carrier = ?1",
            )?;
            let count: i64 = count.query_row([carrier], |row| row.get(0))?;
            Ok(Some(Waiting {
                count: count.cast_unsigned(),
                since,
                error,
            }))
        };
        read().map_err(|error| JournalError::sqlite(&self.path, &error))
    }

    fn set(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), JournalError> {
        self.conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map(drop)
            .map_err(|error| JournalError::sqlite(&self.path, &error))
    }
}
