//! Forecast: when a trend will reach a limit.
//!
//! Sees the robust slope of the last `over`, in units per hour; a level asks whether its
//! limit will be reached within `ahead` ([`Memory::crosses`]). A point whose newest value is
//! beyond the limit has reached it.
//!
//! The window is cut into [`BUCKETS`] parts. Each leaves one real sample: the one whose value
//! is the median of its part, so that outliers go before they are fitted, and a straight line
//! stays exactly that. The slope is the median of the slopes of all pairs (Theil 1950,
//! Proc. Kon. Ned. Akad. v. Wetensch. 53; Sen 1968, J. Am. Stat. Assoc. 63, 1379), the line
//! passes through the median of what that slope leaves over. Up to 29 % of the kept samples
//! may be arbitrarily wrong without moving it far.
//!
//! `confidence` is about the slope. For a limit above, the line is drawn with a slope that
//! the true one exceeds with that probability, for a limit below with one it stays under:
//! of N pairwise slopes of n samples, put in order, the one at index
//! `(N - 1 - z * sqrt(n (n - 1) (2n + 5) / 18)) / 2` from that end. This is one side of Sen's
//! interval, with Kendall's variance and a correction for continuity; `z` is the normal
//! quantile of `confidence`, and 0.5 gives the median slope itself. The probability is that
//! of independent errors about a straight line. Errors that follow each other, a trend that
//! bends and a pump that stops are not in it: with those it is a margin, not a promise.
//!
//! Unknown: while the newest reading is bad (its reason), and as learning until at least
//! [`KEPT_MIN`] samples span three quarters of the window, the newest of them not older than
//! a quarter. A doubtful sample in the fit makes the answer doubtful.
//!
//! Memory: at most [`KEPT_MAX`] samples and [`BUCKET_MAX`] of the running part, about 2 KiB.
//! Cost: O(1) a sample; the fit (at most 2,016 slopes, three of them selected) is made once
//! per part, which is once a sample where samples are no closer than `over` / 60.
//!
//! ```toml
//! [[rule]]
//! id         = "pond.level.ahead"
//! title      = { zh = "库水位预计超限", en = "Pond level will reach its limit" }
//! select     = { kind = "level", place = "pond" }
//! unit       = "m"
//! detector   = "forecast"
//! over       = "6h"
//! ahead      = "3h"
//! confidence = 0.9
//! [[rule.level]]
//! name     = "soon"
//! above    = 118.5
//! for      = "15min"
//! off_for  = "1h"
//! severity = "yellow"
//! ```

use std::time::Duration;

use fenghuo_model::{Reason, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Detect, Now, Seen};
use crate::event::Hold;
use crate::rule;

mod fit;
mod thin;

use fit::{Fit, Line};
use thin::Thin;

/// Parts of the window, each of which leaves one sample.
pub const BUCKETS: u64 = 60;
/// Most samples that are kept of the window.
pub const KEPT_MAX: usize = 64;
/// Fewest samples that make a trend.
pub const KEPT_MIN: usize = 12;
/// Most samples of the running part.
pub const BUCKET_MAX: usize = 16;
const HOUR_MS: f64 = 3_600_000.0;

/// A sample that is fitted.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Kept {
    at: Timestamp,
    value: f64,
    doubtful: bool,
}

/// The part of the window that is running.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Bucket {
    since: Timestamp,
    samples: Thin<Kept, BUCKET_MAX>,
}

impl Bucket {
    fn new(first: Kept) -> Self {
        let mut samples = Thin::default();
        samples.push(first);
        Self {
            since: first.at,
            samples,
        }
    }

    /// The sample in the middle by value; the lower one of two.
    fn median(&self) -> Option<Kept> {
        let mut sorted = self.samples.items().to_vec();
        sorted.sort_by(|a, b| a.value.total_cmp(&b.value));
        sorted.get(sorted.len().saturating_sub(1) / 2).copied()
    }
}

/// When a limit will be reached, in milliseconds from the instant asked about; none where
/// the trend does not lead there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ahead {
    /// By the most likely slope.
    pub likely_ms: Option<u64>,
    /// By the slope at the rule's confidence: the later one, which decides.
    pub sure_ms: Option<u64>,
}

/// What it remembers.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// In order of time, strictly.
    kept: Vec<Kept>,
    bucket: Option<Bucket>,
    newest: Option<Result<(f64, bool), Hold>>,
    fit: Option<Fit>,
}

impl Memory {
    /// Whether the limit is reached within `ahead`: it is already, or the trend leads there
    /// at the rule's confidence. `upper` tells on which side of the limit the danger is.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub fn crosses(
        &self,
        spec: &rule::Forecast,
        upper: bool,
        limit: f64,
        at: Timestamp,
    ) -> Result<bool, Hold> {
        let (value, _) = self.newest.unwrap_or(Err(Hold::Learning))?;
        if is_beyond(upper, value, limit) {
            return Ok(true);
        }
        let fit = self.ready(spec, at).ok_or(Hold::Learning)?;
        let ahead = Duration::from_millis(spec.ahead_ms);
        let reached = fit.sure(upper).at(at.plus(ahead), fit.at);
        if !reached.is_finite() {
            return Err(Hold::Reading(Reason::NotANumber));
        }
        Ok(is_beyond(upper, reached, limit))
    }

    /// When the limit will be reached, for people to read; none when that cannot be told.
    #[must_use]
    pub fn time_to(
        &self,
        spec: &rule::Forecast,
        upper: bool,
        limit: f64,
        at: Timestamp,
    ) -> Option<Ahead> {
        let (value, _) = self.newest?.ok()?;
        if is_beyond(upper, value, limit) {
            return Some(Ahead {
                likely_ms: Some(0),
                sure_ms: Some(0),
            });
        }
        let fit = self.ready(spec, at)?;
        let until = |line: Line| line.until(upper, limit, at, fit.at);
        Some(Ahead {
            likely_ms: until(fit.likely),
            sure_ms: until(fit.sure(upper)),
        })
    }

    /// The fit, when it says something of this instant.
    fn ready(&self, spec: &rule::Forecast, at: Timestamp) -> Option<&Fit> {
        let fit = self.fit.as_ref()?;
        (at.since(fit.at) <= Duration::from_millis(spec.over_ms / 4)).then_some(fit)
    }

    fn take(&mut self, spec: &rule::Forecast, sample: Kept) {
        let spacing = Duration::from_millis((spec.over_ms / BUCKETS).max(1));
        match &mut self.bucket {
            Some(bucket) if sample.at < bucket.since.plus(spacing) => {
                bucket.samples.push(sample);
            }
            _ => {
                self.finish_bucket();
                self.bucket = Some(Bucket::new(sample));
                self.refit(spec);
            }
        }
    }

    fn finish_bucket(&mut self) {
        let middle = self.bucket.take().and_then(|bucket| bucket.median());
        let after = self.kept.last().map(|last| last.at);
        self.kept
            .extend(middle.filter(|middle| after.is_none_or(|after| middle.at > after)));
    }

    fn refit(&mut self, spec: &rule::Forecast) {
        self.fit = None;
        let Some(newest) = self.kept.last().map(|last| last.at) else {
            return;
        };
        let begin = newest.minus(Duration::from_millis(spec.over_ms));
        let surplus = self.kept.len().saturating_sub(KEPT_MAX);
        let old = self.kept.partition_point(|kept| kept.at < begin);
        self.kept.drain(..old.max(surplus));
        let spans = newest.since(self.kept[0].at);
        let needed = Duration::from_millis(spec.over_ms / 4 * 3);
        if self.kept.len() >= KEPT_MIN && spans >= needed {
            self.fit = Fit::of(&self.kept, spec.confidence);
        }
    }

    /// The time of the first sample that it knows.
    fn first(&self) -> Option<Timestamp> {
        let kept = self.kept.first().map(|kept| kept.at);
        kept.or(self.bucket.as_ref().map(|bucket| bucket.since))
    }
}

impl Detect for Memory {
    type Spec = rule::Forecast;

    fn see(&mut self, spec: &rule::Forecast, now: &Now) -> Seen {
        self.newest = Some(now.reading);
        let (value, doubtful) = match now.reading {
            Ok(known) => known,
            Err(why) => return Seen::Unknown(why),
        };
        if now.fresh {
            let at = now.at;
            self.take(
                spec,
                Kept {
                    at,
                    value,
                    doubtful,
                },
            );
        }
        match self.ready(spec, now.at) {
            None => Seen::Unknown(Hold::Learning),
            Some(fit) => {
                let slope = fit.likely.per_ms * HOUR_MS;
                if slope.is_finite() {
                    Seen::Number(slope, doubtful || fit.doubtful)
                } else {
                    Seen::Unknown(Hold::Reading(Reason::NotANumber))
                }
            }
        }
    }

    /// A trend is looked at with each sample; a point without samples falls silent.
    fn due(&self, _: &rule::Forecast) -> Option<Timestamp> {
        None
    }

    fn shift(&mut self, by_ms: i64) {
        let shift = |at: &mut Timestamp| {
            *at = Timestamp::from_millis(at.as_millis().saturating_add(by_ms));
        };
        self.kept.iter_mut().for_each(|kept| shift(&mut kept.at));
        if let Some(bucket) = &mut self.bucket {
            shift(&mut bucket.since);
            for sample in bucket.samples.items_mut() {
                shift(&mut sample.at);
            }
        }
        if let Some(fit) = &mut self.fit {
            shift(&mut fit.at);
        }
    }

    /// What was measured stays measured; only the newest reading is none any more.
    fn forget(&mut self, _: &rule::Forecast) {
        self.newest = None;
    }

    fn join(&mut self, spec: &rule::Forecast, mut before: Self) {
        let Some(first) = self.first() else {
            let newest = self.newest.or(before.newest);
            *self = before;
            self.newest = newest;
            return;
        };
        before.finish_bucket();
        before.kept.retain(|kept| kept.at < first);
        before.kept.append(&mut self.kept);
        self.kept = before.kept;
        self.refit(spec);
    }
}

fn is_beyond(upper: bool, value: f64, limit: f64) -> bool {
    if upper {
        value >= limit
    } else {
        value <= limit
    }
}

#[cfg(test)]
mod tests;
