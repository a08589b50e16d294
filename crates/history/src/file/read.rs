//! The readers' side of month files: connections of their own, kept for the next query.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{APPLICATION, TIME_BITS, VERSION, database, key_of, row_id};
use crate::error::sqlite;
use crate::{Month, Result, SeriesId};

/// Idle connections kept, over all months.
const IDLE_MAX: usize = 8;
const BUSY: Duration = Duration::from_secs(5);
const CACHE_KIB: i64 = 4_096;

/// Where a chunk lies and from when to when it reaches at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) id: i64,
    pub(crate) first: i64,
    pub(crate) count: i64,
}

impl Place {
    /// No sample of the chunk is later.
    pub(crate) const fn key(&self) -> i64 {
        key_of(self.id)
    }
}

/// Opens an existing month for reading.
pub(crate) fn open(path: &Path) -> Result<Connection> {
    let fail = sqlite(path, "open the database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&fail)?;
    connection.busy_timeout(BUSY).map_err(&fail)?;
    let set = |name, value: i64| connection.pragma_update(None, name, value).map_err(&fail);
    set("query_only", 1)?;
    set("cache_size", -CACHE_KIB)?;
    database::check(&connection, path, APPLICATION, VERSION)?;
    Ok(connection)
}

/// Connections between two queries.
#[derive(Default)]
pub(crate) struct Readers {
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    connections: Vec<(Month, Connection)>,
    /// Earlier months were dropped; a connection would keep their bytes on disk.
    oldest: Option<Month>,
}

impl Readers {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self, month: Month, path: &Path) -> Result<Connection> {
        let mut idle = self.idle();
        let at = idle.connections.iter().position(|(of, _)| *of == month);
        let kept = at.map(|at| idle.connections.remove(at).1);
        drop(idle);
        kept.map_or_else(|| open(path), Ok)
    }

    /// Keeps a connection for the next query, closing the least used one.
    pub(crate) fn give(&self, month: Month, connection: Connection) {
        let mut idle = self.idle();
        if idle.oldest.is_some_and(|oldest| month < oldest) {
            return;
        }
        if idle.connections.len() == IDLE_MAX {
            idle.connections.remove(0);
        }
        idle.connections.push((month, connection));
    }

    pub(crate) fn forget(&self, before: Month) {
        let mut idle = self.idle();
        idle.oldest = idle.oldest.max(Some(before));
        idle.connections.retain(|(month, _)| *month >= before);
    }
}

/// The chunks of a series that may hold samples in `from..until`, by key.
pub(crate) fn places(
    connection: &Connection,
    series: SeriesId,
    from: i64,
    until: i64,
) -> rusqlite::Result<Vec<Place>> {
    let span: Option<i64> = connection
        .prepare_cached("SELECT span FROM series WHERE series = ?1")?
        .query_row([series.number()], |row| row.get(0))
        .optional()?;
    let Some(span) = span else {
        return Ok(Vec::new());
    };
    let key_max = (1 << TIME_BITS) - 1;
    let low = row_id(series, from.clamp(0, key_max));
    let high = row_id(series, until.saturating_add(span).clamp(0, key_max));
    let mut select = connection.prepare_cached(
        "SELECT id, first, count FROM chunk WHERE id BETWEEN ?1 AND ?2 AND first < ?3 ORDER BY id",
    )?;
    let rows = select.query_map([low, high, until], place)?;
    rows.collect()
}

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place {
        id: row.get(0)?,
        first: row.get(1)?,
        count: row.get(2)?,
    })
}

/// The bytes of a chunk.
pub(crate) fn data(connection: &Connection, id: i64) -> rusqlite::Result<Vec<u8>> {
    connection
        .prepare_cached("SELECT data FROM chunk WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
}

/// The series' chunk with the highest key below `before`, with its bytes.
pub(crate) fn last_before(
    connection: &Connection,
    series: SeriesId,
    before: i64,
) -> rusqlite::Result<Option<(Place, Vec<u8>)>> {
    connection
        .prepare_cached(
            "SELECT id, first, count, data FROM chunk WHERE id >= ?1 AND id < ?2 \
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row([row_id(series, 0), before], |row| {
            Ok((place(row)?, row.get(3)?))
        })
        .optional()
}
