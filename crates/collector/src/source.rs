//! Where samples come from. A source is a task that is given a bounded sender.
//!
//! A source numbers its points from 0, as its definition has them. Which points of the catalog
//! those are is the batcher's to know ([`Placement`]): a report that waits while another
//! configuration comes into force means the same points before and after.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fenghuo_model::Catalog;
use fenghuo_model::{Reading, Sample, Timestamp};
use fenghuo_uplink::custody::Outcome;

use crate::status::SourceMeter;

use change::ChangeFilter;

pub mod change;
pub mod modbus;
pub mod mqtt;
pub mod state;
pub mod stop;

/// Reports that may wait for the batcher, over all sources. A report is one device's reply.
pub const REPORTS_MAX: usize = 256;

/// What came of reads.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Reads {
    /// Samples by the numbers that their source has for the points, in the order they were
    /// read.
    pub samples: Vec<(u32, Sample)>,
    /// Reads that say what was said before, and are not sent.
    pub unchanged: Vec<(u32, Timestamp, Outcome)>,
}

impl Reads {
    /// Adds a sample if its point's filter says that it is worth reporting.
    pub fn sift(&mut self, point: u32, sample: Sample, filter: &mut ChangeFilter) {
        if filter.passes(&sample) {
            self.samples.push((point, sample));
        } else {
            let outcome = Outcome::of(&sample.reading);
            self.unchanged.push((point, sample.time, outcome));
        }
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.unchanged.is_empty()
    }
}

impl From<Vec<(u32, Sample)>> for Reads {
    fn from(samples: Vec<(u32, Sample)>) -> Self {
        Self {
            samples,
            unchanged: Vec::new(),
        }
    }
}

/// Names a source that was started; another start has another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourceId(pub u64);

/// Which points of a catalog the running sources' points are.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Where each source's points stand in it.
    pub places: BTreeMap<SourceId, Range<u32>>,
    /// How often a frame is closed when there is anything to keep.
    pub flush: Duration,
}

/// What a source tells the batcher.
#[derive(Debug)]
pub enum Report {
    /// What came of reads.
    Reads(SourceId, Reads),
    /// Reads of these points were due and not made, because those before them took too long.
    Skipped {
        /// Whose.
        source: SourceId,
        /// Read clock when they were.
        time: Timestamp,
        /// By the numbers that their source has for them.
        points: Vec<u32>,
        /// How many of each.
        reads: u32,
    },
    /// Something that a source could not hand on: its queue was full.
    Missed {
        /// Read clock of the first thing missed.
        from: Timestamp,
        /// And of the last.
        until: Timestamp,
        /// How many readings.
        count: u64,
    },
    /// What follows is of another configuration. Sources that are not in it have said all
    /// that they had to say.
    Place(Box<Placement>),
}

/// The way from a source to the batcher.
#[derive(Clone, Debug)]
pub struct Outlet {
    source: SourceId,
    reports: tokio::sync::mpsc::Sender<Report>,
    meter: SourceMeter,
    /// Whether the source waits for the batcher.
    is_handing: Arc<AtomicBool>,
}

/// Stands while something is handed on.
struct Handing<'o>(&'o AtomicBool);

impl Drop for Handing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The batcher is gone: the collector stops.
#[derive(Debug, thiserror::Error)]
#[error("the batcher has stopped")]
pub struct Closed;

impl Outlet {
    /// An outlet of one source.
    #[must_use]
    pub fn new(
        source: SourceId,
        reports: tokio::sync::mpsc::Sender<Report>,
        meter: SourceMeter,
    ) -> Self {
        Self {
            source,
            reports,
            meter,
            is_handing: Arc::default(),
        }
    }

    /// The source's counters.
    #[must_use]
    pub const fn meter(&self) -> &SourceMeter {
        &self.meter
    }

    /// Hands on what came of reads; waits while the batcher is busy.
    ///
    /// # Errors
    /// [`Closed`] when there is no batcher any more.
    pub async fn reads(&self, reads: Reads) -> Result<(), Closed> {
        if reads.is_empty() {
            return Ok(());
        }
        let _handing = self.handing();
        let place = self.reports.reserve().await.map_err(|_| Closed)?;
        self.meter.samples(&reads.samples);
        place.send(Report::Reads(self.source, reads));
        Ok(())
    }

    /// Says that these points were due so many times and not read.
    ///
    /// # Errors
    /// [`Closed`] when there is no batcher any more.
    pub async fn skipped(
        &self,
        time: Timestamp,
        points: Vec<u32>,
        reads: u64,
    ) -> Result<(), Closed> {
        let reads = u32::try_from(reads).unwrap_or(u32::MAX);
        let source = self.source;
        let report = Report::Skipped {
            source,
            time,
            points,
            reads,
        };
        self.report(report).await
    }

    /// Hands on any report; waits while the batcher is busy.
    ///
    /// # Errors
    /// [`Closed`] when there is no batcher any more.
    pub async fn report(&self, report: Report) -> Result<(), Closed> {
        let _handing = self.handing();
        self.reports.send(report).await.map_err(|_| Closed)
    }

    /// Whether something is being handed on, and waits for the batcher. To be asked by the
    /// source's own task only.
    #[must_use]
    pub fn hands_over(&self) -> bool {
        self.is_handing.load(Ordering::Relaxed)
    }

    fn handing(&self) -> Handing<'_> {
        self.is_handing.store(true, Ordering::Relaxed);
        Handing(&self.is_handing)
    }
}

/// A sample without a value.
#[must_use]
pub const fn bad(time: Timestamp, reason: fenghuo_model::Reason) -> Sample {
    Sample {
        time,
        reading: Reading::Bad(reason),
    }
}
