//! A part of a window: what is kept of samples that stand next to each other.
//!
//! Two neighbouring parts make one, in the same way whatever their sizes, so a window can be
//! put together from parts without going back to its samples.

use serde::{Deserialize, Serialize};

use crate::rule::Stat;

/// What is kept of some samples. What the two numbers are depends on the statistic:
/// min, max, sum and mean: that of the values (a mean its sum), and nothing; delta: the first
/// and the last value; deviation: the mean, and the sum of the squares of the distances from
/// it; quantile: the mean and the number of the values in the oldest cell.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    pub(super) a: f64,
    pub(super) b: f64,
    /// Samples that have a value.
    pub values: u32,
    /// Samples that have none; with [`DOUBT`] where any value is in doubt. Packed, so that a
    /// cell takes a quarter of a cache line, or half of one.
    pub(super) marks: u32,
}

/// The bit that says "in doubt".
const DOUBT: u32 = 1 << 31;

impl Part {
    /// One sample without a value.
    pub const MISSING: Self = Self {
        a: 0.0,
        b: 0.0,
        values: 0,
        marks: 1,
    };

    /// Samples that have no value.
    #[inline]
    pub const fn missing(&self) -> u32 {
        self.marks & !DOUBT
    }

    /// Any value is in doubt.
    #[inline]
    pub const fn is_doubtful(&self) -> bool {
        self.marks & DOUBT != 0
    }

    /// One value.
    #[inline]
    pub fn of(stat: Stat, value: f64, doubtful: bool) -> Self {
        let b = match stat {
            Stat::Delta => value,
            Stat::Quantile(_) => 1.0,
            Stat::Min | Stat::Max | Stat::Mean | Stat::Sum | Stat::Deviation => 0.0,
        };
        Self {
            a: value,
            b,
            values: 1,
            marks: if doubtful { DOUBT } else { 0 },
        }
    }

    /// This part and the one after it.
    #[inline]
    pub fn with(&self, stat: Stat, newer: &Self) -> Self {
        let (a, b) = if self.values == 0 && !matches!(stat, Stat::Quantile(_)) {
            (newer.a, newer.b)
        } else if newer.values == 0 {
            (self.a, self.b)
        } else {
            self.merge(stat, newer)
        };
        let missing = (self.missing() + newer.missing()).min(!DOUBT);
        Self {
            a,
            b,
            values: self.values.saturating_add(newer.values),
            marks: missing | (self.marks | newer.marks) & DOUBT,
        }
    }

    #[inline]
    fn merge(&self, stat: Stat, newer: &Self) -> (f64, f64) {
        match stat {
            Stat::Min => (self.a.min(newer.a), 0.0),
            Stat::Max => (self.a.max(newer.a), 0.0),
            Stat::Mean | Stat::Sum => (self.a + newer.a, 0.0),
            Stat::Delta => (self.a, newer.b),
            Stat::Quantile(_) => (self.a, self.b),
            Stat::Deviation => self.spread(newer),
        }
    }

    /// Mean and squares of two parts, by the pairwise update of Chan, Golub and LeVeque
    /// (1979): no difference of large squares is ever taken.
    fn spread(&self, newer: &Self) -> (f64, f64) {
        let (n, m) = (f64::from(self.values), f64::from(newer.values));
        let apart = newer.a - self.a;
        let share = m / (n + m);
        (
            self.a + apart * share,
            self.b + newer.b + apart * apart * n * share,
        )
    }

    /// A cell's part and one sample more in the same cell.
    pub fn take(&self, stat: Stat, newer: &Self) -> Self {
        let both = self.with(stat, newer);
        if !matches!(stat, Stat::Quantile(_)) || newer.values == 0 {
            return both;
        }
        let count = self.b + newer.b;
        let a = self.a + (newer.a - self.a) * (newer.b / count);
        Self {
            a,
            b: count,
            ..both
        }
    }

    /// The value of a quantile's oldest cell, and how many it stands for.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of samples, kept as a float"
    )]
    pub fn entry(&self) -> (f64, u32) {
        (self.a, self.b as u32)
    }

    /// The statistic; not a quantile, which needs the values by size.
    pub fn number(&self, stat: Stat) -> f64 {
        let count = f64::from(self.values);
        match stat {
            Stat::Mean => self.a / count,
            Stat::Deviation => (self.b / count).sqrt(),
            Stat::Delta => self.b - self.a,
            Stat::Min | Stat::Max | Stat::Sum | Stat::Quantile(_) => self.a,
        }
    }
}
