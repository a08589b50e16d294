//! What a journal says of the past: kept log entries, the events of one occurrence, and
//! about when a log position was judged.

use fenghuo_engine::EventId;
use rusqlite::OptionalExtension;

use super::{JournalError, JournalReader, Stored, event_id, parsed, sql};

/// Most events looked at to find those of one occurrence.
const SCANNED_MAX: i64 = 5_000_000;

/// A log entry that the journal keeps: (position, kind, bytes).
pub type Kept = (u64, u8, Vec<u8>);

/// A log position and about when it was judged, by the server's clock.
pub type Judged = (u64, i64);

/// An event's place, when it was judged by the server's clock, and its body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JudgedBody {
    /// Its place.
    pub id: EventId,
    /// When it was judged.
    pub judged: Option<i64>,
    /// The hashed body.
    pub body: String,
}

impl JournalReader {
    /// The bodies of events after `after` and when they were judged, oldest first, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn judged_bodies(
        &self,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<JudgedBody>, JournalError> {
        let read = || -> rusqlite::Result<Vec<JudgedBody>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT position, ordinal, json_extract(view, '$.stamps.judged'), body FROM event
                 WHERE (position, ordinal) > (?1, ?2) ORDER BY position, ordinal LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((sql(after.position), after.ordinal, limit), |row| {
                Ok(JudgedBody {
                    id: event_id(row.get(0)?, row.get(1)?),
                    judged: row.get(2)?,
                    body: row.get(3)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Kept entries after a position, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn kept(&self, after: u64, limit: usize) -> Result<Vec<Kept>, JournalError> {
        let read = || -> rusqlite::Result<Vec<Kept>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT position, kind, body FROM entry WHERE position > ?1
                 ORDER BY position LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((sql(after), limit), |row| {
                let position: i64 = row.get(0)?;
                Ok((position.cast_unsigned(), row.get(1)?, row.get(2)?))
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// Kept entries of a kind up to a position, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn kept_of(
        &self,
        kind: u8,
        until: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, JournalError> {
        let read = || -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT position, body FROM entry WHERE kind = ?1 AND position <= ?2
                 ORDER BY position DESC LIMIT ?3",
            )?;
            let until = i64::try_from(until).unwrap_or(i64::MAX);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((kind, until, limit), |row| {
                let position: i64 = row.get(0)?;
                Ok((position.cast_unsigned(), row.get(1)?))
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// The first kept entry of a kind.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn first_of(&self, kind: u8) -> Result<Option<Vec<u8>>, JournalError> {
        let query = "SELECT body FROM entry WHERE kind = ?1 ORDER BY position LIMIT 1";
        let read = || {
            self.conn
                .prepare_cached(query)?
                .query_row([kind], |row| row.get(0))
                .optional()
        };
        read().map_err(|error| self.error(&error))
    }

    /// The bodies of events after `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn bodies(
        &self,
        after: EventId,
        limit: usize,
    ) -> Result<Vec<(EventId, String)>, JournalError> {
        let read = || -> rusqlite::Result<Vec<(EventId, String)>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT position, ordinal, body FROM event
                 WHERE (position, ordinal) > (?1, ?2) ORDER BY position, ordinal LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((sql(after.position), after.ordinal, limit), |row| {
                Ok((event_id(row.get(0)?, row.get(1)?), row.get(2)?))
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// The body of one event.
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
            .map_err(|error| self.error(&error))
    }

    /// The events of an occurrence up to `last`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn events_of(
        &self,
        occurrence: EventId,
        last: EventId,
        limit: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        let wanted = format!(
            "\"occurrence\":{{\"position\":{},\"ordinal\":{}}}",
            occurrence.position, occurrence.ordinal
        );
        let read = || -> rusqlite::Result<Vec<Stored>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT position, ordinal, body, hash, view FROM (
                     SELECT * FROM event
                     WHERE (position, ordinal) >= (?1, ?2) AND (position, ordinal) <= (?3, ?4)
                     ORDER BY position, ordinal LIMIT ?5)
                 WHERE instr(body, ?6) > 0 LIMIT ?7",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(
                (
                    sql(occurrence.position),
                    occurrence.ordinal,
                    sql(last.position),
                    last.ordinal,
                    SCANNED_MAX,
                    wanted,
                    limit,
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

    /// The nearest events before and after a position, and when each was judged.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn judged_around(
        &self,
        position: u64,
    ) -> Result<(Option<Judged>, Option<Judged>), JournalError> {
        const STAMP: &str = "coalesce(json_extract(view, '$.stamps.received'), \
                             json_extract(view, '$.stamps.judged'))";
        let one = |condition: &str| -> rusqlite::Result<Option<Judged>> {
            let query =
                format!("SELECT position, {STAMP} FROM event WHERE position {condition} LIMIT 1");
            self.conn
                .prepare_cached(&query)?
                .query_row([sql(position)], |row| {
                    let position: i64 = row.get(0)?;
                    Ok(row
                        .get::<_, Option<i64>>(1)?
                        .map(|at| (position.cast_unsigned(), at)))
                })
                .optional()
                .map(Option::flatten)
        };
        let both = || {
            Ok((
                one("<= ?1 ORDER BY position DESC, ordinal DESC")?,
                one(">= ?1 ORDER BY position, ordinal")?,
            ))
        };
        both().map_err(|error| self.error(&error))
    }
}
