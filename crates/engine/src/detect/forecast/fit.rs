//! The straight line through samples that an outlier does not move: the method is told in
//! the parent module.
//!
//! Plain arithmetic and square roots only: these give the same bits on every machine, which
//! a library's logarithm need not.

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Kept;
use crate::detect::several::median;

/// A line by its slope and its height at the fit's instant.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Units per millisecond.
    pub per_ms: f64,
    /// The height at the fit's instant.
    level: f64,
}

impl Line {
    /// The line with this slope through the middle of the samples: as many lie above it as
    /// below.
    fn through(kept: &[Kept], per_ms: f64, origin: Timestamp) -> Self {
        let mut heights: Vec<f64> = kept
            .iter()
            .map(|kept| kept.value - per_ms * ms_between(origin, kept.at))
            .collect();
        Self {
            per_ms,
            level: median(&mut heights),
        }
    }

    /// Its height at an instant.
    pub fn at(self, at: Timestamp, origin: Timestamp) -> f64 {
        self.level + self.per_ms * ms_between(origin, at)
    }

    /// Milliseconds until it reaches the limit; none when it does not lead there.
    pub fn until(self, upper: bool, limit: f64, at: Timestamp, origin: Timestamp) -> Option<u64> {
        let side = if upper { 1.0 } else { -1.0 };
        let missing = (limit - self.at(at, origin)) * side;
        let speed = self.per_ms * side;
        if missing <= 0.0 {
            return Some(0);
        }
        let ms = missing / speed;
        // Past the type's end the cast stops there, which is as far away as can be said.
        (speed > 0.0 && ms.is_finite()).then(|| ms.ceil() as u64)
    }
}

/// What the samples say of the trend.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fit {
    /// The newest sample in it; lines are given from here.
    pub at: Timestamp,
    /// With the median slope.
    pub likely: Line,
    /// With the slope that the true one exceeds at the rule's confidence.
    low: Line,
    /// With the slope that the true one stays under at the rule's confidence.
    high: Line,
    /// A sample in it is in doubt.
    pub doubtful: bool,
}

impl Fit {
    /// The fit of samples in order of time; none of fewer than two.
    pub fn of(kept: &[Kept], confidence: f64) -> Option<Self> {
        let at = kept.last()?.at;
        let mut slopes = pairwise(kept);
        if slopes.is_empty() {
            return None;
        }
        let likely = median(&mut slopes);
        let low = low_index(kept.len(), slopes.len(), confidence);
        let high = slopes.len() - 1 - low;
        let mut slope_at = |index| *slopes.select_nth_unstable_by(index, f64::total_cmp).1;
        let (low, high) = (slope_at(low), slope_at(high));
        let through = |slope| Line::through(kept, slope, at);
        Some(Self {
            at,
            likely: through(likely),
            low: through(low),
            high: through(high),
            doubtful: kept.iter().any(|kept| kept.doubtful),
        })
    }

    /// The line that counts for a limit above (`upper`) or below.
    pub const fn sure(&self, upper: bool) -> Line {
        if upper { self.low } else { self.high }
    }
}

fn pairwise(kept: &[Kept]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(kept.len() * kept.len() / 2);
    for (index, later) in kept.iter().enumerate() {
        for earlier in &kept[..index] {
            let ms = ms_between(earlier.at, later.at);
            let slope = (later.value - earlier.value) / ms;
            if ms > 0.0 && slope.is_finite() {
                slopes.push(slope);
            }
        }
    }
    slopes
}

/// The place, among the slopes in order, of the one that the true slope exceeds with this
/// probability.
fn low_index(samples: usize, slopes: usize, confidence: f64) -> usize {
    let n = samples as f64;
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    let reach = normal_quantile(confidence) * variance.sqrt();
    let index = (slopes as f64 - 1.0 - reach) / 2.0;
    // The cast cuts off the fraction, to the careful side. Slopes that overflowed are not
    // among the counted: the middle is as far as the index may go.
    (index.max(0.0) as usize).min(slopes.saturating_sub(1) / 2)
}

/// The standard normal quantile of a probability from 0.5 to 0.99.
pub fn normal_quantile(probability: f64) -> f64 {
    let wanted = probability.clamp(0.5, 0.99) - 0.5;
    let (mut low, mut high) = (0.0, 3.0);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if normal_from_zero(middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The area under the standard normal density from 0 to z: its power series, which for z up
/// to 3 has settled after 40 terms.
fn normal_from_zero(z: f64) -> f64 {
    let half_square = z * z / 2.0;
    let (mut power, mut sum) = (z, 0.0);
    for k in 0..40 {
        let k = f64::from(k);
        sum += power / (2.0 * k + 1.0);
        power *= -half_square / (k + 1.0);
    }
    sum / std::f64::consts::TAU.sqrt()
}

fn ms_between(from: Timestamp, to: Timestamp) -> f64 {
    to.as_millis().saturating_sub(from.as_millis()) as f64
}
