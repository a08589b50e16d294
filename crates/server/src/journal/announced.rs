//! What was announced to people, by the time they were told: what alarm figures are made of.
//!
//! Rows follow from events in the same transaction: one for each live raise, promotion and
//! re-alarm of an alarm that nothing covers, with when it was over and when it was seen; and
//! one for each cover (shelf, suppression, out of service). Reading is bounded by
//! [`ROWS_MAX`].

use std::collections::BTreeMap;

use fenghuo_engine::EventId;
use fenghuo_engine::figures::Between;
use fenghuo_model::{Severity, Timestamp};
use rusqlite::{Transaction, params};

use super::{JournalError, JournalReader, sql};
use crate::view::EventView;

/// Most rows that one reading takes in; a day with more is cut there, and says so.
pub const ROWS_MAX: usize = 200_000;

/// The tables. What stands for long is few, and has an index of its own.
pub(super) const TABLES: &str = "
    CREATE TABLE announced (
        position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        first_position INTEGER NOT NULL, first_ordinal INTEGER NOT NULL,
        at INTEGER NOT NULL, enterprise TEXT NOT NULL, alarm TEXT NOT NULL,
        severity TEXT NOT NULL, ended INTEGER, seen INTEGER,
        PRIMARY KEY (position, ordinal)) WITHOUT ROWID;
    CREATE INDEX announced_at ON announced (at);
    CREATE INDEX announced_open ON announced (first_position, first_ordinal)
        WHERE ended IS NULL OR seen IS NULL;
    CREATE INDEX announced_long ON announced (at)
        WHERE ended IS NULL OR ended - at > 86400000;
    CREATE TABLE cover (
        position INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        first_position INTEGER NOT NULL, first_ordinal INTEGER NOT NULL,
        at INTEGER NOT NULL, enterprise TEXT NOT NULL, kind TEXT NOT NULL, ended INTEGER,
        PRIMARY KEY (position, ordinal)) WITHOUT ROWID;
    CREATE INDEX cover_at ON cover (at);
    CREATE INDEX cover_open ON cover (first_position, first_ordinal) WHERE ended IS NULL;
";

/// When people were told of an event.
#[must_use]
pub fn told_at(event: &EventView) -> i64 {
    let stamps = &event.alarm.stamps;
    let told = stamps.journaled.or(stamps.judged);
    told.unwrap_or(event.alarm.changed_at)
}

/// Whether an event announces its alarm to people: a live raise, a promotion or a re-alarm
/// of one that nothing covers.
#[must_use]
pub fn announces(event: &EventView) -> bool {
    let alarm = &event.alarm;
    let covered = matches!(
        alarm.state.as_str(),
        "shelved" | "suppressed" | "out_of_service"
    );
    let live = match event.transition.as_str() {
        "raise" => !alarm.retrospective,
        "promote" | "realarm" => true,
        _ => false,
    };
    live && !covered
}

/// Writes what follows from an event.
pub(super) fn write(
    tx: &Transaction<'_>,
    id: EventId,
    occurrence: EventId,
    event: &EventView,
) -> rusqlite::Result<()> {
    let at = told_at(event);
    let first = (sql(occurrence.position), occurrence.ordinal);
    if announces(event) {
        tx.prepare_cached(
            "INSERT INTO announced VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL, NULL)",
        )?
        .execute(params![
            sql(id.position),
            id.ordinal,
            first.0,
            first.1,
            at,
            event.alarm.enterprise,
            event.alarm.alarm,
            event.alarm.severity,
        ])?;
    }
    let close = |sql: &str| -> rusqlite::Result<()> {
        tx.prepare_cached(sql)?
            .execute((at, first.0, first.1))
            .map(drop)
    };
    match event.transition.as_str() {
        "return" | "dismiss" | "unwatch" | "latch" => close(ENDED),
        "acknowledge" => close(SEEN),
        "shelve" | "suppress" | "take_out_of_service" => begin_cover(tx, id, first, event, at),
        "unshelve" => close(UNSHELVED),
        "unsuppress" => close(UNSUPPRESSED),
        "put_back_in_service" => close(PUT_BACK),
        _ => Ok(()),
    }
}

const ENDED: &str = "UPDATE announced SET ended = ?1
    WHERE first_position = ?2 AND first_ordinal = ?3 AND ended IS NULL";
const SEEN: &str = "UPDATE announced SET seen = ?1
    WHERE first_position = ?2 AND first_ordinal = ?3 AND seen IS NULL";
const UNSHELVED: &str = "UPDATE cover SET ended = ?1
    WHERE first_position = ?2 AND first_ordinal = ?3 AND ended IS NULL AND kind = 'shelve'";
const UNSUPPRESSED: &str = "UPDATE cover SET ended = ?1
    WHERE first_position = ?2 AND first_ordinal = ?3 AND ended IS NULL AND kind = 'suppress'";
const PUT_BACK: &str = "UPDATE cover SET ended = ?1
    WHERE first_position = ?2 AND first_ordinal = ?3 AND ended IS NULL
    AND kind = 'take_out_of_service'";

fn begin_cover(
    tx: &Transaction<'_>,
    id: EventId,
    first: (i64, u32),
    event: &EventView,
    at: i64,
) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO cover VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)")?
        .execute(params![
            sql(id.position),
            id.ordinal,
            first.0,
            first.1,
            at,
            event.alarm.enterprise,
            event.transition,
        ])
        .map(drop)
}

/// One announcement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// When people were told.
    pub at: Timestamp,
    /// The alarm's place in [`Announcements::names`].
    pub alarm: usize,
    /// How bad.
    pub severity: Severity,
    /// When it was over, if it is.
    pub ended: Option<Timestamp>,
    /// When somebody acknowledged it, if so.
    pub seen: Option<Timestamp>,
}

/// What was announced in a span, and what still stood from before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Announcements {
    /// The alarms' names.
    pub names: Vec<String>,
    /// In the order of time; first what is older than the span.
    pub rows: Vec<Row>,
    /// There are more than [`ROWS_MAX`]: the latest are missing.
    pub is_cut: bool,
    /// Covers by kind: begun in the span, and standing at its end.
    pub covers: BTreeMap<String, (u64, u64)>,
}

impl JournalReader {
    /// What was announced in a span, of one enterprise or of all.
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn announcements(
        &self,
        enterprise: Option<&str>,
        span: Between,
    ) -> Result<Announcements, JournalError> {
        let mut found = Announcements::default();
        self.announced(enterprise, span, &mut found)
            .and_then(|()| self.covers(enterprise, span, &mut found))
            .map_err(|error| self.error(&error))?;
        Ok(found)
    }

    fn announced(
        &self,
        enterprise: Option<&str>,
        span: Between,
        found: &mut Announcements,
    ) -> rusqlite::Result<()> {
        let mut names = BTreeMap::new();
        for sql in [
            "SELECT at, alarm, severity, ended, seen FROM announced INDEXED BY announced_long
             WHERE at < ?1 AND (ended IS NULL OR ended - at > 86400000)
             AND (ended IS NULL OR ended >= ?2) AND (?3 IS NULL OR enterprise = ?3)
             ORDER BY at LIMIT ?4",
            "SELECT at, alarm, severity, ended, seen FROM announced INDEXED BY announced_at
             WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR enterprise = ?3)
             ORDER BY at LIMIT ?4",
        ] {
            let mut statement = self.conn.prepare_cached(sql)?;
            let room = i64::try_from(ROWS_MAX + 1 - found.rows.len()).unwrap_or(i64::MAX);
            let (from, until) = (span.from.as_millis(), span.until.as_millis());
            let mut rows = statement.query(params![from, until, enterprise, room])?;
            while let Some(row) = rows.next()? {
                let next = names.len();
                let alarm = *names.entry(row.get::<_, String>(1)?).or_insert(next);
                let time = |at: Option<i64>| at.map(Timestamp::from_millis);
                found.rows.push(Row {
                    at: Timestamp::from_millis(row.get(0)?),
                    alarm,
                    severity: severity(&row.get::<_, String>(2)?),
                    ended: time(row.get(3)?),
                    seen: time(row.get(4)?),
                });
            }
            if found.rows.len() > ROWS_MAX {
                found.is_cut = true;
                found.rows.truncate(ROWS_MAX);
                break;
            }
        }
        found.names = vec![String::new(); names.len()];
        for (name, at) in names {
            found.names[at] = name;
        }
        Ok(())
    }

    fn covers(
        &self,
        enterprise: Option<&str>,
        span: Between,
        found: &mut Announcements,
    ) -> rusqlite::Result<()> {
        let mut statement = self.conn.prepare_cached(
            "SELECT kind, sum(at >= ?1), sum(ended IS NULL OR ended >= ?2) FROM cover
             WHERE at < ?2 AND (at >= ?1 OR ended IS NULL OR ended >= ?2)
             AND (?3 IS NULL OR enterprise = ?3) GROUP BY kind",
        )?;
        let (from, until) = (span.from.as_millis(), span.until.as_millis());
        let mut rows = statement.query(params![from, until, enterprise])?;
        while let Some(row) = rows.next()? {
            let count = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
            let counts = (count(1)?, count(2)?);
            found.covers.insert(row.get(0)?, counts);
        }
        Ok(())
    }

    /// Announcements since an instant as (enterprise, time), oldest first, at most
    /// [`ROWS_MAX`].
    ///
    /// # Errors
    /// [`JournalError`] when the file cannot be read.
    pub fn announced_since(&self, from: Timestamp) -> Result<Vec<(String, i64)>, JournalError> {
        let read = || -> rusqlite::Result<Vec<(String, i64)>> {
            let mut statement = self.conn.prepare_cached(
                "SELECT enterprise, at FROM announced WHERE at >= ?1 ORDER BY at LIMIT ?2",
            )?;
            let limit = i64::try_from(ROWS_MAX).unwrap_or(i64::MAX);
            let rows = statement.query_map((from.as_millis(), limit), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }
}

/// A word that is not known counts as the worst, so that it is not overlooked.
fn severity(word: &str) -> Severity {
    Severity::parse(word).unwrap_or(Severity::Red)
}

#[cfg(test)]
mod tests;
