//! The latest sample of a point, by time and then identity.

use fenghuo_model::{PointRef, Sample, SampleId};
use rusqlite::Connection;

use crate::codec::Chunk;
use crate::file::TIME_BITS;
use crate::file::read;
use crate::file::row_id;
use crate::store::{History, Inner};
use crate::{Fault, Month, SeriesMeta};

/// What is known last.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// The sample, with the series that it is in.
    pub found: Option<(SeriesMeta, Sample)>,
    /// Stored samples that may be later and cannot be read.
    pub faults: Vec<Fault>,
}

type Found = ((i64, SampleId), Sample);

impl History {
    /// The latest sample of a point over all of its series. In doubt over equal times, the
    /// identity decides.
    #[must_use]
    pub fn latest(&self, point: &PointRef) -> Latest {
        let mut best: Option<(SeriesMeta, Found)> = None;
        let mut faults = Vec::new();
        for meta in self.series_of(point) {
            let found = of_series(&self.inner, &meta, &mut faults);
            if let Some(found) = found
                && best.as_ref().is_none_or(|(_, best)| found.0 > best.0)
            {
                best = Some((meta, found));
            }
        }
        let found = best.map(|(meta, (_, sample))| (meta, sample));
        Latest { found, faults }
    }
}

fn of_series(inner: &Inner, meta: &SeriesMeta, faults: &mut Vec<Fault>) -> Option<Found> {
    let held = inner.heads().latest(meta.id);
    let mut best = held;
    for (month, _) in inner.months.all().into_iter().rev() {
        let later = |best: &Found| month.end().as_millis() <= best.0.0;
        if best.as_ref().is_some_and(later) {
            break;
        }
        let stored = of_month(inner, meta, month, faults);
        best = best.into_iter().chain(stored).max_by_key(|found| found.0);
    }
    best
}

fn of_month(
    inner: &Inner,
    meta: &SeriesMeta,
    month: Month,
    faults: &mut Vec<Fault>,
) -> Option<Found> {
    let path = inner.months.path(month);
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
            return None;
        }
    };
    let found = in_file(&connection, meta, &mut fault);
    inner.readers.give(month, connection);
    found
}

/// Goes back from the highest key: a chunk's samples are never later than its key, so the
/// search ends at the first key that is earlier than what was found.
fn in_file(
    connection: &Connection,
    meta: &SeriesMeta,
    fault: &mut impl FnMut(Option<i64>, String),
) -> Option<Found> {
    let mut best: Option<Found> = None;
    let mut before = row_id(meta.id, 0) + (1 << TIME_BITS);
    loop {
        let (place, data) = match read::last_before(connection, meta.id, before) {
            Ok(Some(row)) => row,
            Ok(None) => return best,
            Err(error) => {
                fault(None, error.to_string());
                return best;
            }
        };
        if best.as_ref().is_some_and(|best| place.key() < best.0.0) {
            return best;
        }
        match last_of(meta, &data) {
            Ok(found) => best = best.into_iter().chain(found).max_by_key(|found| found.0),
            Err(what) => fault(Some(place.id), what),
        }
        before = place.id;
    }
}

fn last_of(meta: &SeriesMeta, data: &[u8]) -> Result<Option<Found>, String> {
    let block = Chunk::open(meta.id.number(), meta.value_type, data)?.block()?;
    let last = block.entries.last();
    Ok(last.map(|entry| (entry.key(), block.sample(meta.value_type, entry))))
}
