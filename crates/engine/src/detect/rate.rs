//! Rate: how fast the value changes.
//!
//! - **Sees** the difference between the newest value and the one that stood `over` ago (the
//!   last sample at or before that instant), divided by the true time between the two samples
//!   and stated for `per`. `absolute` takes the speed, whatever its direction. A point that
//!   reports its changes only has not changed between two samples: the value of the last one
//!   is divided by `over` itself, and decays as time passes without a sample.
//! - **Unknown** while there is no sample that old (learning), and while the newest reading is
//!   bad, for its reason. Bad readings in between do not matter, nor (but for a point that reports
//!   its changes only) does a time in which the gateway was away: what is seen is the mean speed over the time, not the fastest. A number too large for a float is unknown
//!   (`not_a_number`).
//! - **In doubt** when either of the two samples is.
//! - **Memory** at most [`KEPT_MAX`] samples. Samples that come more often than a 120th of
//!   `over` are thinned, so the older of the two may be up to a 120th of `over` older than
//!   asked for; the division is by the true time, so a steady slope is seen exactly.
//! - **Cost** a comparison and a division per sample. Time alone changes nothing, but for a
//!   point that reports its changes only: a timer for each sample that leaves the window.
//!
//! ```toml
//! [[rule]]
//! id       = "tank.level.rate"
//! title    = { zh = "液位变化过快", en = "Tank level changes fast" }
//! select   = { kind = "level" }
//! unit     = "m"
//! detector = "rate"
//! over     = "5m"        # measured over
//! per      = "1h"        # the limit is per hour
//! absolute = true
//! [[rule.level]]
//! name     = "L1"
//! above    = 1.5
//! reset    = 1.0
//! severity = "yellow"
//! ```

use fenghuo_model::{Reason, Timestamp};
use serde::{Deserialize, Serialize};

use super::ring::{self, Ring};
use super::{Detect, Now, Seen};
use crate::event::Hold;
use crate::rule::Rate;

#[cfg(test)]
mod tests;

/// Most samples kept: 120 steps, the one before the window, and room to spare.
pub const KEPT_MAX: usize = 128;
/// Kept samples are at least `over` divided by this apart.
const STEPS: u64 = 120;

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Kept {
    at: Timestamp,
    value: f64,
    doubtful: bool,
}

/// The samples of the last `over`, thinned, and the last one before it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    kept: Ring<Kept, KEPT_MAX>,
    /// The newest value, kept or not.
    newest: Option<Kept>,
    /// The point reports its changes only.
    is_held: bool,
    /// Of such a point, the last look: time alone has done what it can until then.
    looked: Timestamp,
}

impl Detect for Memory {
    type Spec = Rate;

    fn see(&mut self, spec: &Rate, now: &Now) -> Seen {
        match now.reading {
            Err(hold) => return Seen::Unknown(hold),
            Ok((value, doubtful)) if now.fresh => self.take(spec, now.at, value, doubtful),
            Ok(_) => {}
        }
        if self.is_held {
            self.looked = now.at;
            self.drop_old(ring::before(now.at, spec.over_ms));
        }
        self.answer(spec, now.at)
            .unwrap_or(Seen::Unknown(Hold::Learning))
    }

    fn due(&self, spec: &Rate) -> Option<Timestamp> {
        if !self.is_held {
            return None;
        }
        // A sample becomes the base when it is as old as the window is long.
        let samples = self.kept.iter().take(2).chain(&self.newest);
        let due = samples.map(|kept| ring::after(kept.at, spec.over_ms));
        due.filter(|due| *due > self.looked).min()
    }

    fn shift(&mut self, by_ms: i64) {
        for kept in self.kept.iter_mut().chain(&mut self.newest) {
            ring::shift(&mut kept.at, by_ms);
        }
        ring::shift(&mut self.looked, by_ms);
    }

    fn forget(&mut self, _: &Rate) {
        // Two samples are enough to tell a mean speed, whatever was between them. But a change
        // that was not reported may have come at any time of the absence.
        if self.is_held {
            self.kept.clear();
            self.newest = None;
        }
    }

    fn join(&mut self, spec: &Rate, before: Self) {
        self.kept.prepend(before.kept);
        self.newest = self.newest.or(before.newest);
        self.is_held |= before.is_held;
        self.looked = self.looked.max(before.looked);
        if let Some(newest) = self.newest {
            self.drop_old(ring::before(newest.at, spec.over_ms));
        }
    }
}

impl Memory {
    fn take(&mut self, spec: &Rate, at: Timestamp, value: f64, doubtful: bool) {
        let at = self.newest.map_or(at, |newest| newest.at.max(at));
        let newest = Kept {
            at,
            value,
            doubtful,
        };
        self.newest = Some(newest);
        let step = spec.over_ms.div_ceil(STEPS).max(1);
        match self.kept.newest_mut() {
            // Of several at one instant the last stands.
            Some(last) if last.at == at => *last = newest,
            Some(last) if ring::elapsed(last.at, at) < step => {}
            _ => {
                self.kept.push(newest);
            }
        }
        self.drop_old(ring::before(at, spec.over_ms));
    }

    /// Drops what is older than the last sample at or before `begin`.
    fn drop_old(&mut self, begin: Timestamp) {
        while self.kept.get(1).is_some_and(|next| next.at <= begin) {
            self.kept.pop();
        }
    }

    /// Whether the point reports its changes only.
    #[inline]
    pub const fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// The two samples that tell the change over the time before `at`, and the time between
    /// them.
    fn ends(&self, spec: &Rate, at: Timestamp) -> Option<(Kept, Kept, u64)> {
        let newest = self.newest?;
        if !self.is_held {
            let begin = ring::before(newest.at, spec.over_ms);
            let base = *self.kept.oldest().filter(|base| base.at <= begin)?;
            return Some((base, newest, ring::elapsed(base.at, newest.at)));
        }
        let begin = ring::before(at, spec.over_ms);
        let oldest = self.kept.oldest().filter(|base| base.at <= begin);
        let base = if newest.at <= begin { newest } else { *oldest? };
        Some((base, newest, spec.over_ms))
    }

    fn answer(&self, spec: &Rate, at: Timestamp) -> Option<Seen> {
        let (base, newest, elapsed_ms) = self.ends(spec, at)?;
        let elapsed_ms = elapsed_ms.max(1);
        let change = newest.value - base.value;
        #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
        let rate = change / elapsed_ms as f64 * spec.per_ms as f64;
        if !rate.is_finite() {
            return Some(Seen::Unknown(Hold::Reading(Reason::NotANumber)));
        }
        let rate = if spec.absolute { rate.abs() } else { rate };
        Some(Seen::Number(rate, newest.doubtful || base.doubtful))
    }
}
