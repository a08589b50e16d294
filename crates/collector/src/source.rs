//! Where samples come from. A source is a task that is given a bounded sender.

use fenghuo_model::{Reading, Sample, Timestamp};
use fenghuo_uplink::custody::Outcome;

use crate::status::SourceMeter;

use change::ChangeFilter;

pub mod change;
pub mod modbus;
pub mod mqtt;
pub mod state;

/// Reports that may wait for the batcher, over all sources. A report is one device's reply.
pub const REPORTS_MAX: usize = 256;

/// What came of reads.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Reads {
    /// Samples by their points' places in the catalog, in the order they were read.
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

/// What a source tells the batcher.
#[derive(Debug)]
pub enum Report {
    /// What came of reads.
    Reads(Reads),
    /// Reads of these points were due and not made, because those before them took too long.
    Skipped {
        /// Read clock when they were.
        time: Timestamp,
        /// By their places in the catalog.
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
}

/// The way from a source to the batcher.
#[derive(Clone, Debug)]
pub struct Outlet {
    reports: tokio::sync::mpsc::Sender<Report>,
    meter: SourceMeter,
}

/// The batcher is gone: the collector stops.
#[derive(Debug, thiserror::Error)]
#[error("the batcher has stopped")]
pub struct Closed;

impl Outlet {
    /// An outlet of one source.
    #[must_use]
    pub const fn new(reports: tokio::sync::mpsc::Sender<Report>, meter: SourceMeter) -> Self {
        Self { reports, meter }
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
        let place = self.reports.reserve().await.map_err(|_| Closed)?;
        self.meter.samples(&reads.samples);
        place.send(Report::Reads(reads));
        Ok(())
    }

    /// Hands on any report; waits while the batcher is busy.
    ///
    /// # Errors
    /// [`Closed`] when there is no batcher any more.
    pub async fn report(&self, report: Report) -> Result<(), Closed> {
        self.reports.send(report).await.map_err(|_| Closed)
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
