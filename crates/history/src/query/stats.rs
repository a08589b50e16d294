//! Figures of the store, and a check of all that it holds.

use crate::codec::Chunk;
use crate::file::{database, read, row_id};
use crate::store::History;
use crate::{Fault, Month, SeriesMeta};

/// How large the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stats {
    /// Registered series.
    pub series: usize,
    /// Samples in memory only.
    pub head_samples: usize,
    /// Blocks that wait for their turn to be sealed.
    pub due: usize,
    /// Month files.
    pub months: usize,
    /// Chunks in them.
    pub chunks: u64,
    /// Samples in them.
    pub samples: u64,
    /// Bytes on disk, with write-ahead logs.
    pub bytes: u64,
    /// Rows since start that could not be stored: see [`crate::Applied::refused`].
    pub refused: u64,
    /// Rows since start that were older than what retention keeps.
    pub expired: u64,
}

impl History {
    /// Counts; costs a look at each file's size.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let inner = &*self.inner;
        let (refused, expired) = {
            let writer = inner.writer();
            (writer.refused(), writer.expired())
        };
        let mut stats = Stats {
            series: inner.registry.count(),
            bytes: database::bytes(&inner.dir.join("series.db")),
            refused,
            expired,
            ..Stats::default()
        };
        for (month, counts) in inner.months.all() {
            stats.months += 1;
            stats.chunks += u64::try_from(counts.chunks).unwrap_or(0);
            stats.samples += u64::try_from(counts.samples).unwrap_or(0);
            stats.bytes += database::bytes(&inner.months.path(month));
        }
        let heads = inner.heads();
        stats.head_samples = heads.samples();
        stats.due = heads.due();
        stats
    }

    /// Reads every chunk of a month and answers what cannot be read.
    #[must_use]
    pub fn verify(&self, month: Month) -> Vec<Fault> {
        let inner = &*self.inner;
        let path = inner.months.path(month);
        let mut faults = Vec::new();
        for meta in inner.registry.all() {
            let mut fault = |chunk: Option<i64>, what: String| {
                let path = path.clone();
                let series = meta.id;
                faults.push(Fault {
                    path,
                    series,
                    chunk,
                    what,
                });
            };
            let connection = match inner.readers.take(month, &path) {
                Ok(connection) => connection,
                Err(error) => {
                    fault(None, error.to_string());
                    return faults;
                }
            };
            verify_series(&connection, &meta, &mut fault);
            inner.readers.give(month, connection);
        }
        faults
    }

    /// The months that have a file, oldest first.
    #[must_use]
    pub fn months(&self) -> Vec<Month> {
        self.inner
            .months
            .all()
            .into_iter()
            .map(|(month, _)| month)
            .collect()
    }
}

fn verify_series(
    connection: &rusqlite::Connection,
    meta: &SeriesMeta,
    fault: &mut impl FnMut(Option<i64>, String),
) {
    let places = match read::places(connection, meta.id, 0, i64::MAX) {
        Ok(places) => places,
        Err(error) => return fault(None, error.to_string()),
    };
    for place in places {
        let data = read::data(connection, place.id).map_err(|error| error.to_string());
        let read = data.and_then(|data| {
            let block = Chunk::open(meta.id.number(), meta.value_type, &data)?.block()?;
            let spread = block.entries.first().map(|row| row.time) == Some(place.first)
                && block
                    .entries
                    .last()
                    .is_some_and(|row| row.time <= place.key())
                && i64::try_from(block.len()) == Ok(place.count)
                && place.id >= row_id(meta.id, place.first);
            if spread {
                Ok(())
            } else {
                Err("times or count differ from its row".to_owned())
            }
        });
        if let Err(what) = read {
            fault(Some(place.id), what);
        }
    }
}
