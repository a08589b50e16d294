//! From reports to frames: collects what sources say and closes a frame in time.
//!
//! A frame is closed every flush interval if anything came, when it is full, and at least
//! once every [`EMPTY_EVERY_MS`] even when nothing came, so that "unchanged" and "dead"
//! differ. Whatever a source handed over before a frame is closed is in that frame or an
//! earlier one. When the spool is behind, the batcher waits, and the sources behind it.
//!
//! A frame says how the read clock moved since the frame before. Where it went back, a new
//! epoch begins: within one, watermarks never decrease. What was read while the clock was in
//! doubt is uncertain(clock) here, unless the source knows worse of it.
//!
//! A frame names one catalog. Sources number their points themselves, and what they say is
//! placed in the catalog here: when another configuration comes into force the frame is closed
//! under the old catalog, and the next sample is of the new one, whenever it was read. Counts of
//! an epoch and a catalog only grow: where an older catalog comes into force again, so does a
//! new epoch.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fenghuo_model::{CatalogId, Reading, Reason, Sample, Timestamp};
use fenghuo_uplink::custody::{Account, Outcome};
use fenghuo_uplink::frame::{FrameBuilder, GapReason};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior};

use crate::clock::ReadClock;
use crate::ledger::Ledger;
use crate::source::{Placement, REPORTS_MAX, Reads, Report, SourceId};
use crate::spool::{Closed, Command, Commands};
use crate::status::Status;

/// Longest time without a frame.
pub const EMPTY_EVERY_MS: u64 = 1_000;
/// Catalogs that are remembered to have been in force in an epoch.
const LEFT_MAX: usize = 64;

/// The spool's thread has ended.
#[derive(Debug, thiserror::Error)]
#[error("the spool has stopped")]
pub struct SpoolGone;

/// Collects until every source is gone, then writes what is left and returns when it is on
/// disk.
///
/// # Errors
/// [`SpoolGone`] when there is no spool any more.
pub async fn run(
    placement: Placement,
    clock: Arc<ReadClock>,
    mut reports: mpsc::Receiver<Report>,
    spool: Commands,
    status: Status,
) -> Result<(), SpoolGone> {
    let ledger = Ledger::new(
        placement.catalog.points().len(),
        clock.now(),
        clock.monotonic(),
    );
    let mut batcher = Batcher {
        builder: FrameBuilder::new(placement.catalog.clone()),
        ticks: ticks(placement.flush),
        placement,
        closed_at: None,
        watermark: Timestamp::MIN,
        ledger,
        accounts: VecDeque::new(),
        left: BTreeSet::new(),
        clock,
        spool,
        status,
    };
    loop {
        tokio::select! {
            report = reports.recv() => match report {
                Some(report) => batcher.take(report).await?,
                None => return batcher.end().await,
            },
            _ = batcher.ticks.tick() => {
                for _ in 0..REPORTS_MAX {
                    let Ok(report) = reports.try_recv() else { break };
                    batcher.take(report).await?;
                }
                batcher.tick().await?;
            }
        }
    }
}

/// When to look whether a frame is to be closed.
fn ticks(flush: Duration) -> Interval {
    let mut ticks = tokio::time::interval(flush);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

struct Batcher {
    placement: Placement,
    ticks: Interval,
    builder: FrameBuilder,
    closed_at: Option<u64>,
    /// Of the last frame.
    watermark: Timestamp,
    ledger: Ledger,
    /// Accounts that wait for a frame; an emptied ledger's at most.
    accounts: VecDeque<Account>,
    /// Catalogs that were in force in this epoch, and are not any more.
    left: BTreeSet<CatalogId>,
    clock: Arc<ReadClock>,
    spool: Commands,
    status: Status,
}

impl Batcher {
    async fn take(&mut self, report: Report) -> Result<(), SpoolGone> {
        match report {
            Report::Reads(source, reads) => self.reads(source, reads).await?,
            Report::Skipped {
                source,
                time,
                points,
                reads,
            } => {
                let place = self.place(source).unwrap_or_default();
                for point in points {
                    self.ledger.skipped(index(&place, point), time, reads);
                }
            }
            Report::Missed { from, until, count } => {
                let (from, until) = (from.as_millis(), until.as_millis());
                self.builder.gap(from, until, count, GapReason::Queue);
                self.status.metrics.gap(GapReason::Queue);
            }
            Report::Place(placement) => self.go_over(*placement).await?,
        }
        if self.builder.is_full() {
            self.close().await?;
        }
        Ok(())
    }

    /// Another configuration comes into force.
    async fn go_over(&mut self, placement: Placement) -> Result<(), SpoolGone> {
        if placement.flush != self.placement.flush {
            self.ticks = ticks(placement.flush);
        }
        let (was, is) = (self.placement.catalog.id(), placement.catalog.id());
        if was == is {
            self.placement = placement;
            return Ok(());
        }
        // What was counted is of the old catalog's points.
        self.close_told().await?;
        self.left.insert(was);
        if self.left.contains(&is) || self.left.len() > LEFT_MAX {
            self.left.clear();
            self.send(Command::NewEpoch).await?;
        }
        self.builder = FrameBuilder::new(placement.catalog.clone());
        self.placement = placement;
        self.count_anew();
        Ok(())
    }

    fn count_anew(&mut self) {
        let points = self.placement.catalog.points().len();
        self.ledger = Ledger::new(points, self.watermark, self.clock.monotonic());
    }

    async fn reads(&mut self, source: SourceId, reads: Reads) -> Result<(), SpoolGone> {
        let Some(place) = self.place(source) else {
            // A fault of ours: a source is placed before it starts.
            tracing::error!(?source, "samples of no source that is known are lost");
            return Ok(());
        };
        let doubtful = self.clock.doubtful();
        let is_doubtful = |time| doubtful.as_ref().is_some_and(|it| it.contains(&time));
        for (point, mut sample) in reads.samples {
            if is_doubtful(sample.time) {
                sample.reading = doubted(sample.reading);
            }
            self.push(&place, point, &sample).await?;
        }
        for (point, time, outcome) in reads.unchanged {
            let outcome = match outcome {
                Outcome::Good if is_doubtful(time) => Outcome::Answered,
                outcome => outcome,
            };
            self.ledger.unchanged(index(&place, point), time, outcome);
        }
        Ok(())
    }

    fn place(&self, source: SourceId) -> Option<Range<u32>> {
        self.placement.places.get(&source).cloned()
    }

    /// Adds a sample of a source's point number `point`.
    async fn push(
        &mut self,
        place: &Range<u32>,
        point: u32,
        sample: &Sample,
    ) -> Result<(), SpoolGone> {
        if self.builder.is_full() {
            self.close().await?;
        }
        let index = index(place, point);
        let pushed = match index < place.end {
            true => self.builder.push(index, sample).map_err(|e| e.to_string()),
            false => Err(format!("its source has {} points", place.len())),
        };
        if let Err(error) = pushed {
            // A source made a sample that its catalog does not allow: a fault of ours.
            tracing::error!(point, %error, "a sample does not fit its point and is lost");
        } else {
            self.ledger.sent(index, sample);
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), SpoolGone> {
        let now = self.clock.monotonic();
        let flush = self.placement.flush.as_millis();
        let half_flush = u64::try_from(flush).unwrap_or(EMPTY_EVERY_MS) / 2;
        let due = self
            .closed_at
            .is_none_or(|at| now + half_flush >= at + EMPTY_EVERY_MS);
        if due || !self.builder.is_empty() {
            self.close().await?;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), SpoolGone> {
        let tick = self.clock.monotonic();
        self.closed_at = Some(tick);
        let mark = self.clock.mark();
        for step in mark.steps {
            self.builder.clock_step(step);
        }
        if mark.watermark < self.watermark {
            self.tell_last(mark.steady).await?;
            self.send(Command::NewEpoch).await?;
            self.left.clear();
            self.watermark = mark.watermark;
            self.count_anew();
        }
        self.watermark = mark.watermark;
        let next = FrameBuilder::new(self.placement.catalog.clone());
        let frame = Closed {
            builder: std::mem::replace(&mut self.builder, next),
            watermark: mark.watermark,
            steady: mark.steady,
        };
        self.send(Command::Append(Box::new(frame))).await?;
        if self.accounts.is_empty() {
            self.accounts.extend(self.ledger.due(self.watermark, tick));
        }
        self.write_account();
        Ok(())
    }

    /// Tells all that was counted in the epoch that ends, in frames of that epoch: under the new
    /// one's name a server would count it beside what it was told before.
    async fn tell_last(&mut self, steady: Timestamp) -> Result<(), SpoolGone> {
        let mut frame = self.builder.take_accounts();
        self.accounts.extend(self.ledger.tell(self.watermark));
        loop {
            if frame.is_empty() {
                let Some(account) = self.accounts.pop_front() else {
                    return Ok(());
                };
                frame.custody(&account);
            }
            let next = FrameBuilder::new(self.placement.catalog.clone());
            let frame = Closed {
                builder: std::mem::replace(&mut frame, next),
                watermark: self.watermark,
                steady,
            };
            self.send(Command::Append(Box::new(frame))).await?;
        }
    }

    /// Puts the next account that waits into the frame, which is empty.
    fn write_account(&mut self) {
        if let Some(account) = self.accounts.pop_front() {
            self.builder.custody(&account);
        }
    }

    /// Closes frames until everything that was counted is told in them.
    async fn close_told(&mut self) -> Result<(), SpoolGone> {
        self.close().await?;
        self.accounts.extend(self.ledger.tell(self.watermark));
        if self.builder.is_empty() {
            self.write_account();
        }
        while !self.builder.is_empty() {
            self.close().await?;
        }
        Ok(())
    }

    async fn end(mut self) -> Result<(), SpoolGone> {
        self.close_told().await?;
        let (answer, done) = oneshot::channel();
        self.send(Command::Flush(answer)).await?;
        done.await.map_err(|_| SpoolGone)
    }

    async fn send(&self, command: Command) -> Result<(), SpoolGone> {
        self.spool.send(command).await.map_err(|_| SpoolGone)
    }
}

/// The place in the catalog of a source's point: never a neighbour's, whatever a source says.
fn index(place: &Range<u32>, point: u32) -> u32 {
    let index = place.start.saturating_add(point);
    if index < place.end { index } else { u32::MAX }
}

fn doubted(reading: Reading) -> Reading {
    match reading {
        Reading::Good(value) => Reading::Uncertain(value, Reason::Clock),
        worse => worse,
    }
}

#[cfg(test)]
mod tests;
