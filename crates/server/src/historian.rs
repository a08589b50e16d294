//! The historian: reads the log at its own pace and puts every sample into history.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fenghuo_history::{History, Row, SeriesId};
use fenghuo_model::{CatalogId, GatewayKey, PointRef, SampleId};

use crate::entry::{Decoded, FrameEntry};
use crate::feed::FeedReader;
use crate::metrics::Metrics;

/// Entries read in one go.
const READ_ENTRIES: usize = 256;
/// Months of history dropped and figures shown this often, in ticks (seconds).
const CARE_TICKS: u64 = 60;

/// What the historian works with.
pub struct Historian {
    /// The log's entries.
    pub feed: FeedReader,
    /// Where samples go.
    pub history: History,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// What went wrong last, if it still is.
    pub fault: Arc<Mutex<Option<String>>>,
    /// Whole months that are kept besides the current one; 0 keeps all.
    pub retention_months: u16,
    /// Set to end the thread.
    pub stop: Arc<AtomicBool>,
}

/// The series of each point of a catalog, in index order.
type Columns = HashMap<(GatewayKey, CatalogId), Arc<[SeriesId]>>;

impl Historian {
    /// Runs until told to stop; seals what is in memory then.
    pub fn run(mut self) {
        let mut next = self.history.replay_from();
        let mut columns = Columns::new();
        let mut rows = Vec::new();
        let mut ticks = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let entries = match self.feed.read(next, READ_ENTRIES) {
                Ok(entries) => entries,
                Err(error) => {
                    self.trouble(&error.to_string());
                    continue;
                }
            };
            if entries.is_empty() {
                self.feed.wait(next, Duration::from_millis(250));
                continue;
            }
            for (position, entry) in entries {
                let done = match &*entry {
                    Decoded::Frame(frame) => self.frame(position, frame, &mut columns, &mut rows),
                    Decoded::Small(_, _, fenghuo_engine::Input::Tick { at, .. }) => {
                        ticks += 1;
                        self.tick(*at, ticks)
                    }
                    Decoded::Small(..) => Ok(()),
                };
                if let Err(error) = done {
                    self.trouble(&error.to_string());
                    break;
                }
                next = position + 1;
            }
        }
        if let Err(error) = self.history.seal_all() {
            tracing::error!(%error, "history could not be sealed; it is replayed at the next start");
        }
    }

    fn trouble(&self, what: &str) {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.as_deref() != Some(what) {
            tracing::error!(what, "history takes nothing");
        }
        *fault = Some(what.to_owned());
        drop(fault);
        std::thread::sleep(Duration::from_millis(500));
    }

    fn frame(
        &self,
        position: u64,
        frame: &FrameEntry,
        columns: &mut Columns,
        rows: &mut Vec<Row>,
    ) -> fenghuo_history::Result<()> {
        let series = self.columns(frame, columns)?;
        rows.clear();
        rows.extend((0..).zip(&frame.samples).map(|(index, sample)| Row {
            series: series[sample.point as usize],
            id: SampleId {
                epoch: frame.head.epoch,
                seq: frame.head.seq,
                index,
            },
            sample: sample.sample.clone(),
        }));
        let applied = self.history.apply(position, rows)?;
        self.metrics.history_written(applied.stored as u64);
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn columns(
        &self,
        frame: &FrameEntry,
        columns: &mut Columns,
    ) -> fenghuo_history::Result<Arc<[SeriesId]>> {
        let key = (frame.gateway.clone(), frame.head.catalog);
        if let Some(series) = columns.get(&key) {
            return Ok(series.clone());
        }
        let wanted: Vec<_> = frame
            .catalog
            .points()
            .iter()
            .map(|def| {
                let point = PointRef {
                    gateway: frame.gateway.clone(),
                    key: def.key.clone(),
                };
                (point, def.unit, def.value_type)
            })
            .collect();
        let series: Arc<[SeriesId]> = self.history.series_for_all(&wanted)?.into();
        if columns.len() >= 10_000 {
            columns.clear();
        }
        columns.insert(key, series.clone());
        Ok(series)
    }

    /// Seals all that is due, in groups, so that a stop never waits long. Only history falls
    /// behind meanwhile: judge and ingest go at their own pace.
    fn tick(&self, at: fenghuo_model::Timestamp, ticks: u64) -> fenghuo_history::Result<()> {
        while self.history.tick(at)? && !self.stop.load(Ordering::Relaxed) {}
        if ticks.is_multiple_of(CARE_TICKS) {
            self.metrics
                .history_size(&self.history.stats(), self.history.replay_from());
            if self.retention_months > 0 {
                let months = self.retention_months;
                self.history
                    .drop_before(fenghuo_history::Month::of(at).earlier(months))?;
            }
        }
        Ok(())
    }
}
