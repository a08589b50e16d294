//! Reading: ranges, downsampled ranges, the latest sample, figures of the store.
//!
//! A reader copies what the head has of its series under a short lock, then reads the
//! month files on a connection of its own. What was sealed in between it meets twice, in
//! the copy and in a file; both lie in one stretch of time and are merged by identity.

mod counts;
mod downsample;
mod latest;
mod scan;
mod stats;

use std::ops::ControlFlow;

use fenghuo_model::{PointRef, Sample, SampleId, Timestamp};

use crate::store::History;
use crate::{Fault, SeriesMeta};
use scan::{Run, Scan};

pub use counts::{COUNTS_MAX, Count, Counts};
pub use downsample::{BUCKETS_MAX, Bucket, Downsampled, Spread};
pub use latest::Latest;
pub use stats::Stats;

/// A sample with its identity.
pub type Identified = (SampleId, Sample);

/// Samples of a point by series, oldest series first; within a series by time, then
/// identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Range<T = Sample> {
    /// The samples; series without any are left out.
    pub series: Vec<(SeriesMeta, Vec<T>)>,
    /// Whether the limit cut it off.
    pub truncated: bool,
    /// Stored samples that should be here and cannot be read.
    pub faults: Vec<Fault>,
}

impl History {
    /// The samples of a point from `from`, before `until`, at most `limit`.
    #[must_use]
    pub fn range(
        &self,
        point: &PointRef,
        from: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Range {
        self.collect(
            point,
            (from, until),
            limit,
            false,
            |meta, run, room, out| {
                run.samples(meta.value_type, room, out);
            },
        )
    }

    /// The same, each with its identity.
    #[must_use]
    pub fn range_identified(
        &self,
        point: &PointRef,
        from: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Range<Identified> {
        self.collect(point, (from, until), limit, true, |meta, run, room, out| {
            run.identified(meta.value_type, room, out);
        })
    }

    fn collect<T>(
        &self,
        point: &PointRef,
        (from, until): (Timestamp, Timestamp),
        limit: usize,
        identities: bool,
        put: impl Fn(&SeriesMeta, &Run, usize, &mut Vec<T>),
    ) -> Range<T> {
        let mut range = Range {
            series: Vec::new(),
            truncated: false,
            faults: Vec::new(),
        };
        let mut room = limit;
        for meta in self.series_of(point) {
            let mut samples = Vec::new();
            let mut scan = Scan::new(&self.inner, &meta, from, until, identities);
            scan.run(&mut |run| {
                let fits = run.len().min(room);
                range.truncated |= fits < run.len();
                put(&meta, run, fits, &mut samples);
                room -= fits;
                if range.truncated {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            range.faults.append(&mut scan.faults);
            if !samples.is_empty() {
                range.series.push((meta, samples));
            }
            if range.truncated {
                break;
            }
        }
        range
    }
}
