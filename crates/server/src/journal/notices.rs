//! Notices on their way to people: a queue in the journal, so that none is forgotten when
//! the server dies, and each says whether it was told, failed or repeated.

use std::path::{Path, PathBuf};

use fenghuo_engine::EventId;
use rusqlite::{Connection, OpenFlags};

use super::{JournalError, connect, event_id, parsed};
use crate::view::EventView;

/// A notice that is due.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its number: the same at each try.
    pub id: i64,
    /// The event it tells of.
    pub event: EventId,
    /// What screens see of it.
    pub view: EventView,
    /// Tries before this one; more than 0 means that it may be a repeat.
    pub tries: u32,
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
                "SELECT notice.id, notice.position, notice.ordinal, tries, view FROM notice
                 JOIN event ON event.position = notice.position AND event.ordinal = notice.ordinal
                 WHERE state = 'pending' AND due <= ?1 AND carrier = ?2 ORDER BY notice.id LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((now, carrier, limit), |row| {
                Ok(Notice {
                    id: row.get(0)?,
                    event: event_id(row.get(1)?, row.get(2)?),
                    tries: row.get(3)?,
                    view: parsed(&row.get::<_, String>(4)?)?,
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

    fn set(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), JournalError> {
        self.conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map(drop)
            .map_err(|error| JournalError::sqlite(&self.path, &error))
    }
}
