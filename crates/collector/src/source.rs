//! Where samples come from. A source is a task that is given a bounded sender.

use fenghuo_model::{Reading, Sample, Timestamp};

use crate::status::SourceMeter;

pub mod change;
pub mod modbus;
pub mod mqtt;
pub mod state;

/// Reports that may wait for the batcher, over all sources. A report is one device's reply.
pub const REPORTS_MAX: usize = 256;

/// What a source tells the batcher.
#[derive(Debug)]
pub enum Report {
    /// Samples by their points' places in the catalog, in the order they were read.
    Samples(Vec<(u32, Sample)>),
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

    /// Hands on samples; waits while the batcher is busy.
    ///
    /// # Errors
    /// [`Closed`] when there is no batcher any more.
    pub async fn samples(&self, samples: Vec<(u32, Sample)>) -> Result<(), Closed> {
        if samples.is_empty() {
            return Ok(());
        }
        let place = self.reports.reserve().await.map_err(|_| Closed)?;
        self.meter.samples(&samples);
        place.send(Report::Samples(samples));
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
