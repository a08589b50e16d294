//! A month on disk: `ts-YYYYMM.db`.
//!
//! A chunk's row id is `series << 42 | key`, where `key` is the time of its last sample, or
//! the next free millisecond after it when another chunk of the series ends at the same
//! one. So a key is never earlier than the chunk's last sample. `span` of a series is the
//! longest distance from a chunk's first sample to its key; a range thus finds all of its
//! chunks between `from` and `to + span`, however late some samples came.
//!
//! A series' newest chunk stays *open* while it is small: the next seal reads it, merges and
//! writes it again, so that slow series get full chunks although they are sealed by age.

pub(crate) mod database;
pub(crate) mod months;
pub(crate) mod read;
pub(crate) mod seal;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;

use crate::error::sqlite;
use crate::{Error, Month, Result, SeriesId};
use months::Months;

const APPLICATION: i64 = 0x4648_5453; // "FHTS"
const VERSION: i64 = 1;
const SCHEMA: &str = "
CREATE TABLE file (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    log TEXT NOT NULL,
    generation INTEGER NOT NULL,
    applied INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    samples INTEGER NOT NULL
) STRICT;
INSERT INTO file VALUES (0, '', 0, 0, 0, 0);
CREATE TABLE series (
    series INTEGER PRIMARY KEY,
    applied INTEGER NOT NULL,
    span INTEGER NOT NULL,
    open INTEGER
) STRICT;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
";

/// Bits of a row id that hold time.
pub(crate) const TIME_BITS: u32 = 42;
/// Keys at the end of time (2109) kept free for chunks that must move on to a free one.
pub(crate) const KEYS_SPARE: i64 = 1 << 20;
/// The latest sample that a chunk may hold.
pub(crate) const TIME_MAX: i64 = (1 << TIME_BITS) - 1 - KEYS_SPARE;
/// Month files that the writer keeps open; more months in turn cost an open each.
const OPEN_MAX: usize = 6;

/// The row id of a series' chunk with this key.
pub(crate) fn row_id(series: SeriesId, key: i64) -> i64 {
    i64::from(series.number()) << TIME_BITS | key
}

/// The key in a row id.
pub(crate) const fn key_of(id: i64) -> i64 {
    id & ((1 << TIME_BITS) - 1)
}

/// How far a series has come in a file.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Track {
    /// Every sample of this series and month up to this log position is in the file.
    pub(crate) applied: u64,
    /// The longest distance from a chunk's first sample to its key.
    pub(crate) span: i64,
    /// The chunk that the next seal goes on with.
    pub(crate) open: Option<i64>,
}

/// What a file holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    /// Seals so far; tells after a failed commit whether it happened.
    pub(crate) generation: i64,
    /// The highest log position that any of its series has come to.
    pub(crate) applied: u64,
    pub(crate) chunks: i64,
    pub(crate) samples: i64,
}

/// The writer's side of a month.
pub(crate) struct MonthFile {
    path: PathBuf,
    connection: Connection,
    tracks: Arc<Tracks>,
    counts: Counts,
}

/// How far each series has come; shared while a batch is checked against it.
pub(crate) type Tracks = HashMap<SeriesId, Track>;

impl MonthFile {
    fn open(path: PathBuf, log: &str, known: impl Fn(i64) -> Option<SeriesId>) -> Result<Self> {
        let connection = database::create(&path, APPLICATION, VERSION, SCHEMA)?;
        renounce_other_log(&connection, log).map_err(sqlite(&path, "take over the file"))?;
        let counts = counts(&connection).map_err(sqlite(&path, "read the counts"))?;
        let mut file = Self {
            path,
            connection,
            tracks: Arc::default(),
            counts,
        };
        file.load_tracks(known)?;
        Ok(file)
    }

    fn load_tracks(&mut self, known: impl Fn(i64) -> Option<SeriesId>) -> Result<()> {
        let fail = sqlite(&self.path, "read the series");
        let mut select = self
            .connection
            .prepare("SELECT series, applied, span, open FROM series")
            .map_err(&fail)?;
        let mut rows = select.query([]).map_err(&fail)?;
        let mut tracks = Tracks::new();
        while let Some(row) = rows.next().map_err(&fail)? {
            let number: i64 = row.get(0).map_err(&fail)?;
            let series = known(number).ok_or_else(|| Error::Registry {
                path: self.path.clone(),
                id: number,
                what: "is not in series.db".to_owned(),
            })?;
            let applied: i64 = row.get(1).map_err(&fail)?;
            let track = Track {
                applied: u64::try_from(applied).unwrap_or(0),
                span: row.get(2).map_err(&fail)?,
                open: row.get(3).map_err(&fail)?,
            };
            tracks.insert(series, track);
        }
        self.tracks = Arc::new(tracks);
        Ok(())
    }

    /// Makes the file full at this size.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages: i64) {
        let set = format!("PRAGMA max_page_count = {pages}");
        let limit: i64 = self
            .connection
            .query_row(&set, [], |row| row.get(0))
            .unwrap();
        assert!(limit >= pages);
    }

    pub(crate) fn tracks(&self) -> Arc<Tracks> {
        Arc::clone(&self.tracks)
    }
}

/// Positions of another log say nothing about this one.
fn renounce_other_log(connection: &Connection, log: &str) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let changed = transaction.execute(
        "UPDATE file SET log = ?1, applied = 0 WHERE log <> ?1",
        [log],
    )?;
    if changed > 0 {
        transaction.execute("UPDATE series SET applied = 0", [])?;
    }
    transaction.commit()
}

pub(crate) fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    let select = "SELECT generation, applied, chunks, samples FROM file";
    connection.query_row(select, [], |row| {
        Ok(Counts {
            generation: row.get(0)?,
            applied: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            chunks: row.get(2)?,
            samples: row.get(3)?,
        })
    })
}

/// The month files that the writer has open, the last used at the end.
#[derive(Default)]
pub(crate) struct OpenFiles {
    files: Vec<(Month, MonthFile)>,
}

impl OpenFiles {
    /// Opens or creates a month, closing the least used one when there are too many.
    pub(crate) fn get(
        &mut self,
        month: Month,
        months: &Months,
        log: &str,
        known: impl Fn(i64) -> Option<SeriesId>,
    ) -> Result<&mut MonthFile> {
        if let Some(at) = self.files.iter().position(|(open, _)| *open == month) {
            self.files[at..].rotate_left(1);
        } else {
            let file = MonthFile::open(months.path(month), log, known)?;
            months.set(month, file.counts);
            if self.files.len() == OPEN_MAX {
                self.files.remove(0);
            }
            self.files.push((month, file));
        }
        let (_, file) = self.files.last_mut().expect("one was just put there");
        Ok(file)
    }

    pub(crate) fn close(&mut self, month: Month) {
        self.files.retain(|(open, _)| *open != month);
    }
}
