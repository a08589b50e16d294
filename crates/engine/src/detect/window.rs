//! Window: a statistic over the last samples.
//!
//! - **Sees** the smallest, largest or mean value, the standard deviation (of the population),
//!   a quantile (interpolated between neighbours: h = (n - 1) q), the sum, or last minus
//!   first. The window is a time, (now - `over`, now], or a number of samples, `last`. Every
//!   sample weighs the same, whatever the time to the next: of a point that reports its
//!   changes only, the mean is not one over time.
//!   A sliding window moves with each sample, and by time. With `tumbling = true` the answer
//!   is that of the last complete window and changes only where one ends: [k `over`,
//!   (k + 1) `over`) from 1970-01-01T00:00Z on, or every `last` samples from the first.
//! - **Unknown** (learning) until the window has been watched for its whole length or is
//!   filled, and where no sample falls into it. A sample without a value is missing: where the
//!   missing are a larger share than `missing`, it is unknown for the newest such reason. A
//!   number too large for a float is unknown (`not_a_number`). A tumbling window in which the
//!   gateway's clock was set is not whole. After the gateway or the point was away a window of
//!   time begins anew; a sliding window of samples goes on.
//! - **In doubt** when any value in the window is.
//! - **Memory** at most [`CELLS_MAX`] cells of 32 bytes (a quantile: 48; min, max, mean and
//!   sum of so many samples: 16): one for a tumbling window without a quantile. Up to [`EXACT`] samples are kept one by one. With
//!   more in a window of time, samples that come within `over` / [`STEPS`] share a cell: they
//!   leave together, when the last of them does (so up to that late), and for a quantile each
//!   of them counts as their mean.
//! - **Cost** O(1) per sample over time, without subtraction (see `queue`), so that rounding
//!   cannot build up. A quantile: O(log n) to find the place and O(n) to make room. A timer
//!   when the oldest cell leaves, or a tumbling window ends.
//!
//! ```toml
//! [[rule]]
//! id       = "co.mean"
//! title    = { zh = "一氧化碳8小时均值偏高", en = "CO mean over 8 h is high" }
//! select   = { kind = "concentration", substance = "co" }
//! unit     = "ppm"
//! detector = "window"
//! stat     = "mean"      # min, max, mean, stddev, quantile (with q), sum, delta
//! over     = "8h"        # or: last = 60
//! missing  = 0.1
//! [[rule.level]]
//! name     = "L1"
//! above    = 10.0
//! severity = "yellow"
//! ```

use fenghuo_model::{Reason, Timestamp};
use serde::{Deserialize, Serialize};

use self::part::Part;
use self::queue::Queue;
use self::sorted::Sorted;
use super::ring;
use super::{Detect, Now, Seen};
use crate::event::Hold;
use crate::rule::{Span, Stat, Window};

mod cells;
mod part;
mod queue;
mod sorted;
#[cfg(test)]
mod tests;

/// Most cells.
pub const CELLS_MAX: usize = 4_096;
/// So many samples are kept one by one whatever their distance.
pub const EXACT: usize = 2_048;
/// Past that, samples within `over` divided by this share a cell. Two less than half of the
/// cells, for the one that is filling and the one that is leaving.
pub const STEPS: u64 = 2_046;

/// What a window saw: a number and whether it is in doubt, or why there is none.
type Answer = Result<(f64, bool), Hold>;

/// The samples of a window.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The first and the newest instant.
    known: Option<Known>,
    queue: Queue,
    /// The values by size, for a quantile.
    sorted: Sorted,
    /// Why the newest sample without a value has none.
    missing: Option<Hold>,
    /// The last complete tumbling window.
    done: Option<Answer>,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Known {
    /// The window has been watched since.
    begin: Timestamp,
    /// A tumbling window that begins here or later is whole.
    whole_from: Timestamp,
    newest: Timestamp,
}

impl Detect for Memory {
    type Spec = Window;

    fn see(&mut self, spec: &Window, now: &Now) -> Seen {
        let at = self.advance(spec, now.at);
        if now.fresh {
            self.take(spec, at, now.reading);
        }
        match self.answer(spec, at) {
            Ok((number, doubtful)) => Seen::Number(number, doubtful),
            Err(hold) => Seen::Unknown(hold),
        }
    }

    fn due(&self, spec: &Window) -> Option<Timestamp> {
        let known = self.known?;
        let Span::Time(over_ms) = spec.span else {
            return None;
        };
        let end = if spec.tumbling {
            ring::after(start(known.newest, over_ms), over_ms)
        } else {
            let filled = ring::after(known.begin, over_ms);
            if filled > known.newest {
                filled
            } else {
                ring::after(self.queue.leaves()?, over_ms)
            }
        };
        (end > known.newest).then_some(end)
    }

    fn shift(&mut self, by_ms: i64) {
        if let Some(known) = &mut self.known {
            ring::shift(&mut known.begin, by_ms);
            ring::shift(&mut known.newest, by_ms);
            known.whole_from = known.newest;
        }
        self.queue.shift(by_ms);
    }

    fn forget(&mut self, spec: &Window) {
        // The last so many samples are the last so many, whatever was between them.
        if spec.tumbling || matches!(spec.span, Span::Time(_)) {
            *self = Self::default();
        }
    }

    fn join(&mut self, spec: &Window, mut before: Self) {
        let (Some(known), Some(_)) = (self.known, before.known) else {
            if self.known.is_none() {
                *self = before;
            }
            return;
        };
        before.advance(spec, known.begin);
        if spec.tumbling && !self.can_go_on(spec, &before) {
            return;
        }
        self.done = self.done.or(before.done);
        self.missing = self.missing.or(before.missing);
        self.queue.prepend(spec.stat, before.queue);
        self.known = before.known.map(|was| Known {
            begin: was.begin,
            // Unless the clock was set since.
            whole_from: if known.whole_from > known.begin {
                known.whole_from
            } else {
                was.whole_from
            },
            newest: known.newest,
        });
        self.slide(spec, known.newest);
        self.sorted = Sorted::default();
        if let Stat::Quantile(_) = spec.stat {
            self.sorted.extend(self.queue.entries());
        }
    }
}

/// The begin of the tumbling window in which `at` lies.
fn start(at: Timestamp, over_ms: u64) -> Timestamp {
    let over = ring::signed(over_ms).max(1);
    let ms = at.as_millis();
    Timestamp::from_millis(ms.saturating_sub(ms.rem_euclid(over)))
}

impl Memory {
    /// Lets time pass; gives the instant, which never goes back.
    fn advance(&mut self, spec: &Window, at: Timestamp) -> Timestamp {
        let known = self.known.get_or_insert(Known {
            begin: at,
            whole_from: at,
            newest: at,
        });
        let was = known.newest;
        let at = at.max(was);
        known.newest = at;
        if !spec.tumbling {
            self.slide(spec, at);
        } else if let Span::Time(over_ms) = spec.span {
            let (old, new) = (start(was, over_ms), start(at, over_ms));
            if new > old {
                self.close(spec, old);
            }
            if new > ring::after(old, over_ms) {
                // The last complete window is a later one, without samples.
                self.done = Some(Err(Hold::Learning));
            }
        }
        at
    }

    /// Drops what has left a sliding window.
    fn slide(&mut self, spec: &Window, at: Timestamp) {
        if spec.tumbling {
            return;
        }
        match spec.span {
            Span::Time(over_ms) => {
                let begin = ring::before(at, over_ms);
                while self.queue.leaves().is_some_and(|last| last <= begin) {
                    self.drop_oldest(spec);
                }
            }
            Span::Samples(count) => {
                while self.queue.len() > count as usize {
                    self.drop_oldest(spec);
                }
            }
        }
    }

    fn drop_oldest(&mut self, spec: &Window) {
        if let (Some(part), Stat::Quantile(_)) = (self.queue.pop(spec.stat), spec.stat) {
            self.sorted.remove(part.entry());
        }
    }

    fn take(&mut self, spec: &Window, at: Timestamp, reading: Answer) {
        let part = match reading {
            Ok((value, doubtful)) => Part::of(spec.stat, value, doubtful),
            Err(hold) => {
                self.missing = Some(hold);
                Part::MISSING
            }
        };
        self.add(spec, at, &part);
        if let (Span::Samples(count), true) = (spec.span, spec.tumbling)
            && self.queue.samples(spec.stat) >= count
        {
            self.close(spec, at);
        }
    }

    fn add(&mut self, spec: &Window, at: Timestamp, part: &Part) {
        let is_quantile = matches!(spec.stat, Stat::Quantile(_));
        if self.shares(spec, at, is_quantile) {
            let cell = self.queue.absorb(spec.stat, at, part);
            if let (Some((was, now)), true) = (cell, is_quantile) {
                self.sorted.remove(was.entry());
                self.sorted.insert(now.entry());
            }
            return;
        }
        self.make_room(spec);
        self.queue.push(spec, at, *part);
        if is_quantile {
            self.sorted.insert(part.entry());
        }
    }

    /// A window of samples lets go of the oldest before the next comes.
    fn make_room(&mut self, spec: &Window) {
        let most = match spec.span {
            Span::Samples(count) if !spec.tumbling => count as usize,
            _ => CELLS_MAX,
        };
        while self.queue.len() >= most.clamp(1, CELLS_MAX) {
            self.drop_oldest(spec);
        }
    }

    /// Whether a sample shares the newest cell.
    fn shares(&self, spec: &Window, at: Timestamp, is_quantile: bool) -> bool {
        if spec.tumbling && !is_quantile {
            return !self.queue.is_empty();
        }
        let Span::Time(over_ms) = spec.span else {
            return false;
        };
        if self.queue.len() < EXACT {
            return false;
        }
        let width = over_ms.div_ceil(STEPS).max(1);
        let is_near = ring::elapsed(self.queue.newest_begin(), at) < width;
        self.queue.is_full() || is_near
    }

    /// A tumbling window that began at `begin` is complete.
    fn close(&mut self, spec: &Window, begin: Timestamp) {
        let is_whole = match spec.span {
            Span::Time(_) => self.known.is_some_and(|known| known.whole_from <= begin),
            Span::Samples(_) => true,
        };
        let answer = if is_whole {
            self.number(spec)
        } else {
            Err(Hold::Learning)
        };
        self.done = Some(answer);
        self.queue.clear();
        self.sorted.clear();
    }

    fn answer(&self, spec: &Window, at: Timestamp) -> Answer {
        if spec.tumbling {
            return self.done.unwrap_or(Err(Hold::Learning));
        }
        let is_filled = match spec.span {
            Span::Time(over_ms) => self
                .known
                .is_some_and(|known| ring::elapsed(known.begin, at) >= over_ms),
            Span::Samples(count) => self.queue.len() >= count as usize,
        };
        if is_filled {
            self.number(spec)
        } else {
            Err(Hold::Learning)
        }
    }

    fn number(&self, spec: &Window) -> Answer {
        let whole = self.queue.whole(spec.stat);
        if whole.missing() > 0 || whole.values == 0 {
            self.check_missing(spec, &whole)?;
        }
        let number = match spec.stat {
            Stat::Quantile(share) => self.sorted.quantile(share),
            stat => Some(whole.number(stat)),
        };
        number
            .filter(|number| number.is_finite())
            .map(|number| (number, whole.is_doubtful()))
            .ok_or(Hold::Reading(Reason::NotANumber))
    }

    fn check_missing(&self, spec: &Window, whole: &Part) -> Result<(), Hold> {
        if whole.missing() == 0 {
            return Err(Hold::Learning);
        }
        let samples = f64::from(whole.values) + f64::from(whole.missing());
        let is_too_many = f64::from(whole.missing()) / samples > spec.missing;
        if is_too_many || whole.values == 0 {
            return Err(self.missing.unwrap_or(Hold::Learning));
        }
        Ok(())
    }

    /// Whether a tumbling window can go on from an older memory: none has ended since, and
    /// the samples of both fit one window.
    fn can_go_on(&self, spec: &Window, before: &Self) -> bool {
        let fits = match spec.span {
            Span::Time(_) => true,
            Span::Samples(count) => {
                let samples = before.queue.samples(spec.stat);
                samples.saturating_add(self.queue.samples(spec.stat)) < count
            }
        };
        self.done.is_none() && fits
    }
}
