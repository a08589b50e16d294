//! How many samples of a point there are by quality, hour by hour or in any other width.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use fenghuo_model::{PointRef, Reason, Timestamp};

use super::scan::Scan;
use crate::Fault;
use crate::store::History;

/// Most stretches of time that are counted at once.
pub const COUNTS_MAX: usize = 1_000;

/// Samples by quality.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Count {
    /// With a value without a doubt.
    pub good: u64,
    /// With a doubtful value.
    pub uncertain: u64,
    /// Without a value, by reason.
    pub bad: BTreeMap<Reason, u64>,
}

impl Count {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.good + self.uncertain + self.bad.values().sum::<u64>()
    }
}

/// Counts of neighbouring stretches of time, all of one width.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// One a stretch, the first from where it was asked for.
    pub counts: Vec<Count>,
    /// Stored samples that should be counted and cannot be read.
    pub faults: Vec<Fault>,
}

impl History {
    /// Counts a point's samples over all of its series, in `stretches` of `width_ms` from
    /// `from` on; at most [`COUNTS_MAX`].
    #[must_use]
    pub fn counts(
        &self,
        point: &PointRef,
        from: Timestamp,
        width_ms: i64,
        stretches: usize,
    ) -> Counts {
        let stretches = stretches.min(COUNTS_MAX);
        let width = width_ms.max(1);
        let span = width.saturating_mul(i64::try_from(stretches).unwrap_or(i64::MAX));
        let start = from.as_millis();
        let until = Timestamp::from_millis(start.saturating_add(span));
        let mut counts = vec![Count::default(); stretches];
        let mut faults = Vec::new();
        for meta in self.series_of(point) {
            let mut scan = Scan::new(&self.inner, &meta, from, until, false);
            scan.run(&mut |run| {
                run.each(|time, quality, _| {
                    let at = usize::try_from((time - start).div_euclid(width));
                    let Some(count) = at.ok().and_then(|at| counts.get_mut(at)) else {
                        return;
                    };
                    match quality.verdict() {
                        None => count.good += 1,
                        Some((true, _)) => count.uncertain += 1,
                        Some((false, reason)) => *count.bad.entry(reason).or_default() += 1,
                    }
                });
                ControlFlow::Continue(())
            });
            faults.append(&mut scan.faults);
        }
        Counts { counts, faults }
    }
}
