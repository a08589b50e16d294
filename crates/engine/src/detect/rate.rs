//! Rate: how fast the value changes.
//!
//! - **Sees** the difference between the newest value and the one that stood `over` ago (the
//!   last sample at or before that instant), divided by the true time between the two samples
//!   and stated for `per`. `absolute` takes the speed, whatever its direction.
//! - **Unknown** while there is no sample that old (learning), and while the newest reading is
//!   bad, for its reason. Bad readings in between do not matter: what is seen is the mean
//!   speed over the time, not the fastest. A number too large for a float is unknown
//!   (`not_a_number`).
//! - **In doubt** when either of the two samples is.
//! - **Memory** at most [`KEPT_MAX`] samples. Samples that come more often than a 120th of
//!   `over` are thinned, so the older of the two may be up to a 120th of `over` older than
//!   asked for; the division is by the true time, so a steady slope is seen exactly.
//! - **Cost** a comparison and a division per sample; time alone changes nothing.
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
}

impl Detect for Memory {
    type Spec = Rate;

    fn see(&mut self, spec: &Rate, now: &Now) -> Seen {
        match now.reading {
            Err(hold) => return Seen::Unknown(hold),
            Ok((value, doubtful)) if now.fresh => self.take(spec, now.at, value, doubtful),
            Ok(_) => {}
        }
        self.answer(spec).unwrap_or(Seen::Unknown(Hold::Learning))
    }

    fn due(&self, _: &Rate) -> Option<Timestamp> {
        None
    }

    fn shift(&mut self, by_ms: i64) {
        for kept in self.kept.iter_mut().chain(&mut self.newest) {
            ring::shift(&mut kept.at, by_ms);
        }
    }

    fn forget(&mut self) {
        *self = Self::default();
    }

    fn join(&mut self, spec: &Rate, before: Self) {
        self.kept.prepend(before.kept);
        self.newest = self.newest.or(before.newest);
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

    fn answer(&self, spec: &Rate) -> Option<Seen> {
        let newest = self.newest?;
        let begin = ring::before(newest.at, spec.over_ms);
        let base = self.kept.oldest().filter(|base| base.at <= begin)?;
        let elapsed_ms = ring::elapsed(base.at, newest.at).max(1);
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
