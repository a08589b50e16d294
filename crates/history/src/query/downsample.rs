//! Trends: a stretch of time in a few hundred buckets, so that a screen gets what it can
//! show and no peak is lost.

use std::ops::ControlFlow;

use fenghuo_model::{PointRef, Timestamp, ValueType};

use super::scan::{Run, Scan};
use crate::block::number;
use crate::store::History;
use crate::{Fault, SeriesMeta};

/// Most buckets in one answer.
pub const BUCKETS_MAX: usize = 100_000;

/// The numbers in a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The first by time.
    pub first: f64,
    /// The last by time.
    pub last: f64,
}

/// What happened in a span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Where it begins.
    pub start: Timestamp,
    /// Samples with a value.
    pub count: u64,
    /// Samples without one.
    pub bad: u64,
    /// Their numbers, good and uncertain; nothing for texts or when no sample had a value.
    pub spread: Option<Spread>,
}

/// Buckets of a point by series, oldest series first. Empty buckets are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Downsampled {
    /// How long each bucket is, in milliseconds.
    pub width_ms: i64,
    /// The buckets; series without any are left out.
    pub series: Vec<(SeriesMeta, Vec<Bucket>)>,
    /// Stored samples that should be counted and cannot be read.
    pub faults: Vec<Fault>,
}

/// Fills buckets from samples that come in time order.
struct Filler {
    from: i64,
    width: i64,
    value_type: ValueType,
    /// Where the last bucket ends.
    end: i64,
    /// Numbers in the last bucket, and their sum.
    numbers: u64,
    sum: f64,
    buckets: Vec<Bucket>,
}

impl Filler {
    fn take(&mut self, run: &Run) {
        run.each(|time, quality, bits| {
            if time >= self.end {
                self.open(time);
            }
            let Some(bucket) = self.buckets.last_mut() else {
                return;
            };
            if !quality.has_value() {
                bucket.bad += 1;
                return;
            }
            bucket.count += 1;
            // A float that is no number has no place on a trend.
            let number = number(self.value_type, bits).filter(|number| number.is_finite());
            let Some(number) = number else {
                return;
            };
            self.numbers += 1;
            self.sum += number;
            let spread = bucket.spread.get_or_insert(Spread::of(number));
            spread.add(number, self.sum / self.numbers as f64);
        });
    }

    fn open(&mut self, time: i64) {
        let start = self.from + (time - self.from) / self.width * self.width;
        self.end = start + self.width;
        (self.numbers, self.sum) = (0, 0.0);
        self.buckets.push(Bucket {
            start: Timestamp::from_millis(start),
            count: 0,
            bad: 0,
            spread: None,
        });
    }
}

impl Spread {
    const fn of(number: f64) -> Self {
        Self {
            min: number,
            max: number,
            mean: number,
            first: number,
            last: number,
        }
    }

    const fn add(&mut self, number: f64, mean: f64) {
        self.mean = mean;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        self.last = number;
    }
}

impl History {
    /// The samples of a point from `from`, before `until`, in at most `buckets` buckets of
    /// equal width (1 to [`BUCKETS_MAX`]).
    #[must_use]
    pub fn downsample(
        &self,
        point: &PointRef,
        from: Timestamp,
        until: Timestamp,
        buckets: usize,
    ) -> Downsampled {
        // Nothing is stored outside; clamping keeps the sums below from overflowing.
        let from = from.clamp(Timestamp::MIN, Timestamp::MAX);
        let until = until.clamp(
            from,
            Timestamp::MAX.plus(std::time::Duration::from_millis(1)),
        );
        let count = i64::try_from(buckets.clamp(1, BUCKETS_MAX)).unwrap_or(1);
        let length = until.as_millis() - from.as_millis();
        let width = (length / count + i64::from(length % count != 0)).max(1);
        let mut answer = Downsampled {
            width_ms: width,
            series: Vec::new(),
            faults: Vec::new(),
        };
        for meta in self.series_of(point) {
            let mut filler = Filler {
                from: from.as_millis(),
                width,
                value_type: meta.value_type,
                end: i64::MIN,
                numbers: 0,
                sum: 0.0,
                buckets: Vec::new(),
            };
            let mut scan = Scan::new(&self.inner, &meta, from, until, false);
            scan.run(&mut |run| {
                filler.take(run);
                ControlFlow::Continue(())
            });
            answer.faults.append(&mut scan.faults);
            if !filler.buckets.is_empty() {
                answer.series.push((meta, filler.buckets));
            }
        }
        answer
    }
}
