//! The history of a stopped server, sample by sample with its identity.

use std::collections::BTreeMap;
use std::path::Path;

use fenghuo_history::{History, Options};
use fenghuo_log::Reader;
use fenghuo_model::{SampleId, Timestamp};

use crate::point::told;

/// Under this name the log keeps the name that history knows it by.
const HISTORY_MARK: &str = "history/id";

/// A sample in history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its point's key.
    pub point: String,
    /// When it was read.
    pub time: i64,
    /// What was read.
    pub told: String,
}

/// Everything in a history.
#[derive(Debug, Default)]
pub struct Kept {
    /// Where replay of the log would begin.
    pub replay_from: u64,
    /// The samples of each gateway.
    pub gateways: BTreeMap<String, BTreeMap<SampleId, Row>>,
}

impl Kept {
    /// One gateway's samples.
    #[must_use]
    pub fn of(&self, gateway: &str) -> &BTreeMap<SampleId, Row> {
        static NONE: BTreeMap<SampleId, Row> = BTreeMap::new();
        self.gateways.get(gateway).unwrap_or(&NONE)
    }

    /// One point's readings in the order of their times, and then of their identities.
    #[must_use]
    pub fn point(&self, gateway: &str, key: &str) -> Vec<Row> {
        let rows = self.of(gateway).iter();
        let mut rows: Vec<_> = rows.filter(|(_, row)| row.point == key).collect();
        rows.sort_by_key(|(id, row)| (row.time, **id));
        rows.into_iter().map(|(_, row)| row.clone()).collect()
    }

    /// A point's readings of one instant.
    #[must_use]
    pub fn point_at(&self, gateway: &str, key: &str, time: i64) -> Vec<String> {
        let rows = self.of(gateway).iter();
        rows.filter(|(_, row)| row.point == key && row.time == time)
            .map(|(_, row)| row.told.clone())
            .collect()
    }
}

/// Reads a history whose server is down.
///
/// # Panics
/// When it cannot be read, or holds an identity twice.
#[must_use]
pub fn read(data: &Path) -> Kept {
    let log = Reader::open(&data.join("log.db")).unwrap();
    let name = String::from_utf8(log.mark(HISTORY_MARK).unwrap().unwrap()).unwrap();
    let history = History::open(&data.join("history"), Options::new(&name)).unwrap();
    let mut kept = Kept {
        replay_from: history.replay_from(),
        ..Kept::default()
    };
    let mut points: Vec<_> = history
        .series()
        .into_iter()
        .map(|meta| meta.point)
        .collect();
    points.sort();
    points.dedup();
    for point in points {
        let all = (Timestamp::MIN, Timestamp::MAX);
        let found = history.range_identified(&point, all.0, all.1, usize::MAX);
        assert!(found.faults.is_empty(), "{point}: {:?}", found.faults);
        let rows: Vec<_> = found
            .series
            .into_iter()
            .flat_map(|(_, rows)| rows)
            .collect();
        // Readers leave out what they meet twice by identity; the plain way over one chunk
        // does not look at identities, so a double on disk shows as a difference.
        let plain = history.range(&point, all.0, all.1, usize::MAX);
        let plain: usize = plain.series.iter().map(|(_, rows)| rows.len()).sum();
        assert_eq!(plain, rows.len(), "{point} has doubles");
        let gateway = kept.gateways.entry(point.gateway.to_string()).or_default();
        for (id, sample) in rows {
            let row = Row {
                point: point.key.to_string(),
                time: sample.time.as_millis(),
                told: told(&sample.reading),
            };
            let before = gateway.insert(id, row);
            assert_eq!(before, None, "{point} {id:?} is there twice");
        }
    }
    kept
}
