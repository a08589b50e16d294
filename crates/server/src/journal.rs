//! The journal: every alarm event, before anyone sees it, for good.
//!
//! One SQLite file. An event's body is the engine's event as JSON and depends on the log
//! alone; the stamps beside it tell when it was judged and written. Bodies form a hash
//! chain: `hash = SHA-256(hash before ‖ body)`, beginning with 32 zero bytes, so that a
//! later change of any of them shows. Notices to people are written in the same transaction
//! as the events that call for them. What must stay true:
//! - an event enters once, by its (position, ordinal); the same id with another body is a
//!   fault that is reported and never written over;
//! - [`Journal::append`] returns when the events are on disk (WAL, synchronous=FULL).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fenghuo_engine::EventId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction};
use sha2::{Digest, Sha256};

use crate::view::{AlarmView, EventView};

pub mod announced;
pub mod notices;
pub mod past;
mod schema;

use notices::WrittenNotice;

/// The last change of the rules, as JSON.
const RELOAD: &str = "reload";

/// The journal's failure, with its file.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct JournalError {
    /// The file.
    pub path: PathBuf,
    /// What went wrong.
    pub what: String,
    /// Whether the disk is full: it may pass by itself.
    pub full: bool,
}

impl JournalError {
    fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        Self {
            path: path.to_owned(),
            what: error.to_string(),
            full: error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
        }
    }

    pub(crate) fn other(path: &Path, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            what: what.into(),
            full: false,
        }
    }
}

/// One event on its way in.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its place.
    pub id: EventId,
    /// Its occurrence.
    pub occurrence: EventId,
    /// The engine's event as JSON.
    pub body: String,
    /// What screens see.
    pub view: EventView,
}

/// What is written in one transaction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// Events, newer than [`Journal::last`].
    pub events: &'a [Written],
    /// Small log entries as (position, kind, body).
    pub entries: &'a [(u64, u8, &'a [u8])],
    /// Notices that follow from them.
    pub notices: &'a [WrittenNotice],
    /// The log position up to which notices are written then, where it changed.
    pub noticed: Option<u64>,
    /// What the last change of the rules did, as JSON, where there was one.
    pub reload: Option<&'a str>,
}

impl Batch<'_> {
    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.entries.is_empty()
            && self.notices.is_empty()
            && self.noticed.is_none()
            && self.reload.is_none()
    }
}

/// Alarms that are not over, by occurrence.
pub type Active = BTreeMap<EventId, Arc<AlarmView>>;

/// An event as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its place.
    pub id: EventId,
    /// The hashed body.
    pub body: String,
    /// The chain up to it.
    pub hash: [u8; 32],
    /// What screens see.
    pub view: EventView,
}

/// The journal's one writer.
#[derive(Debug)]
pub struct Journal {
    conn: Connection,
    path: PathBuf,
    hash: [u8; 32],
    last: Option<EventId>,
    noticed: u64,
}

/// A reader with its own connection.
#[derive(Debug)]
pub struct JournalReader {
    conn: Connection,
    path: PathBuf,
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    Ok(conn)
}

impl Journal {
    /// Opens or creates the journal.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let sqlite = |error| JournalError::sqlite(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut conn = connect(path, flags).map_err(sqlite)?;
        conn.pragma_update(None, "journal_mode", "WAL")
            .map_err(sqlite)?;
        conn.pragma_update(None, "synchronous", "FULL")
            .map_err(sqlite)?;
        if let schema::Found::Other(other) = schema::prepare(&mut conn).map_err(sqlite)? {
            let what = format!(
                "日志簿是版本 {other}，本程序写版本 {}：请保留该文件和原程序，换用新的数据目录 \
                 a journal of version {other}, but this program writes version {}: \
                 keep the file and its program, and begin with a new data folder",
                schema::VERSION,
                schema::VERSION
            );
            return Err(JournalError::other(path, what));
        }
        let tail = conn
            .query_row(
                "SELECT position, ordinal, hash FROM event ORDER BY position DESC, ordinal DESC LIMIT 1",
                [],
                |row| Ok((event_id(row.get(0)?, row.get(1)?), row.get::<_, [u8; 32]>(2)?)),
            )
            .optional()
            .map_err(sqlite)?;
        let noticed = notices::noticed(&conn).map_err(sqlite)?;
        Ok(Self {
            conn,
            noticed,
            path: path.to_owned(),
            hash: tail.map_or([0; 32], |(_, hash)| hash),
            last: tail.map(|(id, _)| id),
        })
    }

    /// Another reader of the same file.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be opened again.
    pub fn reader(&self) -> Result<JournalReader, JournalError> {
        JournalReader::open(&self.path)
    }

    /// The newest event.
    #[must_use]
    pub const fn last(&self) -> Option<EventId> {
        self.last
    }

    /// The log position up to which notices were written: those that a replay gives again up
    /// to there are known.
    #[must_use]
    pub const fn noticed(&self) -> u64 {
        self.noticed
    }

    /// Forgets notices that were decided and became due before an instant, `limit` at most; how
    /// many. What was announced, and every event, stays.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be written.
    pub fn forget_notices(&mut self, before: i64, limit: usize) -> Result<usize, JournalError> {
        notices::forget(&self.conn, before, limit)
            .map_err(|error| JournalError::sqlite(&self.path, &error))
    }

    /// Writes events and the small log entries beside them, as [`Journal::write`] does.
    ///
    /// # Errors
    /// On any error nothing of it was kept.
    pub fn append(
        &mut self,
        events: &[Written],
        entries: &[(u64, u8, &[u8])],
    ) -> Result<(), JournalError> {
        self.write(Batch {
            events,
            entries,
            ..Batch::default()
        })
    }

    /// Writes in one transaction.
    ///
    /// # Errors
    /// On any error nothing of it was kept.
    pub fn write(&mut self, batch: Batch<'_>) -> Result<(), JournalError> {
        if batch.is_empty() {
            return Ok(());
        }
        let sqlite = |error| JournalError::sqlite(&self.path, &error);
        let tx = self.conn.transaction().map_err(sqlite)?;
        let hash = write(&tx, batch, self.hash).map_err(sqlite)?;
        tx.commit().map_err(sqlite)?;
        self.hash = hash;
        self.last = batch.events.last().map(|event| event.id).or(self.last);
        self.noticed = batch.noticed.unwrap_or(self.noticed);
        Ok(())
    }

    /// An alarm by its occurrence, over or not, as its last written event left it.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn alarm(&self, occurrence: EventId) -> Result<Option<AlarmView>, JournalError> {
        alarm(&self.conn, occurrence).map_err(|error| JournalError::sqlite(&self.path, &error))
    }

    /// What the last change of the rules did, as JSON, if there was one.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn reload(&self) -> Result<Option<String>, JournalError> {
        self.conn
            .query_row("SELECT value FROM meta WHERE key = ?1", [RELOAD], |row| {
                row.get(0)
            })
            .optional()
            .map_err(|error| JournalError::sqlite(&self.path, &error))
    }

    /// The body of a stored event, to compare a replayed one with.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn body(&self, id: EventId) -> Result<Option<String>, JournalError> {
        self.conn
            .prepare_cached("SELECT body FROM event WHERE position = ?1 AND ordinal = ?2")
            .and_then(|mut statement| {
                statement
                    .query_row((sql(id.position), id.ordinal), |row| row.get(0))
                    .optional()
            })
            .map_err(|error| JournalError::sqlite(&self.path, &error))
    }
}

fn write(tx: &Transaction<'_>, batch: Batch<'_>, mut hash: [u8; 32]) -> rusqlite::Result<[u8; 32]> {
    let mut event = tx.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5)")?;
    // Written over in its place: a row put back would wander through the file.
    let mut alarm = tx.prepare_cached(
        "INSERT INTO alarm VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (position, ordinal) DO UPDATE
         SET enterprise = ?3, over = ?4, changed = ?5, view = ?6",
    )?;
    let mut entry = tx.prepare_cached("INSERT OR IGNORE INTO entry VALUES (?1, ?2, ?3)")?;
    for written in batch.events {
        let (position, ordinal) = (sql(written.id.position), written.id.ordinal);
        hash = chain(hash, &written.body);
        let view = text(&written.view)?;
        event.execute((position, ordinal, &written.body, hash, view))?;
        let shown = &written.view.alarm;
        let first = (sql(written.occurrence.position), written.occurrence.ordinal);
        let over = shown.over;
        let view = text(shown)?;
        alarm.execute((
            first.0,
            first.1,
            &shown.enterprise,
            over,
            shown.changed_at,
            view,
        ))?;
        announced::write(tx, written.id, written.occurrence, &written.view)?;
    }
    for (position, kind, body) in batch.entries {
        entry.execute((sql(*position), kind, body))?;
    }
    notices::write(tx, batch.notices, batch.noticed)?;
    if let Some(reload) = batch.reload {
        tx.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
            .execute((RELOAD, reload))?;
    }
    Ok(hash)
}

fn text(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The next link of the chain.
#[must_use]
pub fn chain(before: [u8; 32], body: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(before)
        .chain_update(body.as_bytes())
        .finalize()
        .into()
}

fn event_id(position: i64, ordinal: u32) -> EventId {
    EventId {
        position: position.cast_unsigned(),
        ordinal,
    }
}

/// Positions stay far below 2^63.
const fn sql(position: u64) -> i64 {
    position.cast_signed()
}

impl JournalReader {
    /// Opens a reader.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|error| JournalError::sqlite(path, &error))?;
        Ok(Self {
            conn,
            path: path.to_owned(),
        })
    }

    fn error(&self, error: &rusqlite::Error) -> JournalError {
        JournalError::sqlite(&self.path, error)
    }

    /// Events after `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn events(&self, after: EventId, limit: usize) -> Result<Vec<Stored>, JournalError> {
        let read = || -> rusqlite::Result<Vec<Stored>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT position, ordinal, body, hash, view FROM event
                 WHERE (position, ordinal) > (?1, ?2) ORDER BY position, ordinal LIMIT ?3",
            )?;
            let rows = statement.query_map(
                (
                    sql(after.position),
                    after.ordinal,
                    i64::try_from(limit).unwrap_or(i64::MAX),
                ),
                |row| {
                    Ok(Stored {
                        id: event_id(row.get(0)?, row.get(1)?),
                        body: row.get(2)?,
                        hash: row.get(3)?,
                        view: parsed(&row.get::<_, String>(4)?)?,
                    })
                },
            )?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Alarms that are over, last changed first, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn ended(
        &self,
        enterprise: Option<&str>,
        severity: Option<&str>,
        limit: usize,
    ) -> Result<Vec<AlarmView>, JournalError> {
        let read = || -> rusqlite::Result<Vec<AlarmView>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT view FROM alarm WHERE over = 1 AND (?1 IS NULL OR enterprise = ?1)
                 AND (?2 IS NULL OR view ->> '$.severity' = ?2)
                 ORDER BY changed DESC LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((enterprise, severity, limit), |row| view(row, 0))?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Alarms that are not over, as the last event left them: what the board starts with.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn active(&self) -> Result<Active, JournalError> {
        let read = || -> rusqlite::Result<Active> {
            // In the order of their change they stand one behind the other in the file.
            let mut statement = self.conn.prepare_cached(
                "SELECT position, ordinal, view FROM alarm WHERE over = 0 ORDER BY changed",
            )?;
            let rows = statement.query_map((), |row| {
                Ok((event_id(row.get(0)?, row.get(1)?), Arc::new(view(row, 2)?)))
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// An alarm by its occurrence, over or not.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn alarm(&self, occurrence: EventId) -> Result<Option<AlarmView>, JournalError> {
        alarm(&self.conn, occurrence).map_err(|error| self.error(&error))
    }

    /// Checks the whole hash chain. Answers how many events it holds, or the first one that
    /// does not fit.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn verify(&self) -> Result<Result<u64, EventId>, JournalError> {
        let (mut hash, mut after, mut count) = ([0; 32], EventId::default(), 0);
        loop {
            let events = self.events(after, 1_000)?;
            let Some(last) = events.last() else {
                return Ok(Ok(count));
            };
            after = last.id;
            for event in &events {
                hash = chain(hash, &event.body);
                if hash != event.hash {
                    return Ok(Err(event.id));
                }
                count += 1;
            }
        }
    }
}

fn alarm(conn: &Connection, occurrence: EventId) -> rusqlite::Result<Option<AlarmView>> {
    conn.prepare_cached("SELECT view FROM alarm WHERE position = ?1 AND ordinal = ?2")?
        .query_row((sql(occurrence.position), occurrence.ordinal), |row| {
            view(row, 0)
        })
        .optional()
}

/// An alarm out of a row, without a copy of its text.
fn view(row: &Row<'_>, column: usize) -> rusqlite::Result<AlarmView> {
    parsed(row.get_ref(column)?.as_str()?)
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
