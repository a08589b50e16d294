//! Reading: each reader has its own connection and its own pace.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use crate::{LogError, schema};

/// One entry of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its place, which never changes and never returns.
    pub position: u64,
    /// What the owner of the log said it is.
    pub kind: u8,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// A reader with its own connection.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens a reader beside (or without) a writer.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        Ok(Self {
            conn: schema::open_reader(path).map_err(LogError::or_full)?,
            path: path.to_owned(),
        })
    }

    /// Entries from `from` on, in order, until one more would pass `entries_max` or
    /// `bytes_max`; at least one when there is any.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn read(
        &self,
        from: u64,
        entries_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Entry>, LogError> {
        let sqlite = |source| LogError::sqlite(&self.path, source);
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT position, kind, body FROM entry WHERE position >= ?1
                 ORDER BY position LIMIT ?2",
            )
            .map_err(sqlite)?;
        let limit = i64::try_from(entries_max.max(1)).unwrap_or(i64::MAX);
        let mut rows = statement.query((to_sql(from), limit)).map_err(sqlite)?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(sqlite)? {
            let entry = Entry {
                position: row.get::<_, i64>(0).map(from_sql).map_err(sqlite)?,
                kind: row.get(1).map_err(sqlite)?,
                body: row.get(2).map_err(sqlite)?,
            };
            bytes += entry.body.len();
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The entry at `position`, if it is (still) there.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn get(&self, position: u64) -> Result<Option<Entry>, LogError> {
        let entries = self.read(position, 1, usize::MAX)?;
        Ok(entries.into_iter().find(|entry| entry.position == position))
    }

    /// The oldest position still there.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn first(&self) -> Result<Option<u64>, LogError> {
        self.conn
            .query_row("SELECT min(position) FROM entry", [], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .map(|position| position.map(from_sql))
            .map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// The newest position that is there.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn last(&self) -> Result<Option<u64>, LogError> {
        self.conn
            .query_row("SELECT max(position) FROM entry", [], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .map(|position| position.map(from_sql))
            .map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// A mark's value as of the last commit.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn mark(&self, key: &str) -> Result<Option<Vec<u8>>, LogError> {
        mark(&self.conn, key).map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Every mark whose key starts with `prefix`, in key order, as of the last commit.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn marks(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        marks(&self.conn, prefix).map_err(|source| LogError::sqlite(&self.path, source))
    }
}

pub fn mark(conn: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached("SELECT value FROM mark WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

pub fn marks(conn: &Connection, prefix: &str) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let mut statement = conn
        .prepare_cached("SELECT key, value FROM mark WHERE substr(key, 1, ?2) = ?1 ORDER BY key")?;
    let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
    let rows = statement.query_map((prefix, length), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Positions stay far below 2^63: at a million entries a second that is 290,000 years.
pub fn to_sql(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

pub fn from_sql(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}
