//! Flat: the value does not move, as when an instrument hangs or its signal is frozen.
//!
//! - **Sees** the truth of "for `within` no value was further than `band` from the anchor". The
//!   anchor is the first value, and then each value that was further from it than `band`: so
//!   a slow drift counts as movement once it has gone further than `band`.
//! - **Unknown** while the newest reading is bad, for its reason. Movement cannot be ruled out
//!   meanwhile, so the time begins anew afterwards. Until then a movement is seen or `within`
//!   is over, neither "it stands" nor "it moves" is known: unknown (learning), so that a
//!   standing alarm is not cleared by a bad reading. The same holds for the beginning.
//!   And while the rule's `suppress` holds: a valve of a plant that is off does not hang. The
//!   time begins when that is over.
//! - **In doubt**: a movement to a doubtful value neither raises nor clears. It ends the
//!   stillness, but the answer is then a doubtful "no" until a movement between good values is
//!   seen. Doubtful values that do not move make a doubtful "yes".
//! - **Memory** two anchors (of all values, of the good ones), 100 bytes. **Cost** a few
//!   comparisons per sample, and a timer `within` after the last movement.
//!
//! ```toml
//! [[rule]]
//! id       = "gas.flat"
//! title    = { zh = "传感器读数不变", en = "Sensor reading does not move" }
//! select   = { kind = "concentration" }
//! unit     = "%LEL"
//! detector = "flat"
//! within   = "24h"
//! band     = 0.01
//! [[rule.level]]
//! name     = "L1"
//! severity = "blue"
//! ```

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::ring;
use super::{Detect, Now, Seen};
use crate::event::Hold;
use crate::rule::Flat;

#[cfg(test)]
mod tests;

/// Since when values have stayed near an anchor.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Still {
    anchor: f64,
    since: Timestamp,
    /// It began with a movement that was seen, not where knowledge began.
    moved: bool,
    /// The smallest and largest value since.
    low: f64,
    high: f64,
}

/// What has stood still, and since when.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The newest instant.
    at: Option<Timestamp>,
    /// Of all values.
    all: Option<Still>,
    /// Of the good values alone.
    good: Option<Still>,
    /// Something was not seen since this memory began: it cannot go on from an older one.
    broken: bool,
    /// Time does not count just now: the next look begins anew, with the value there is then.
    paused: bool,
}

impl Detect for Memory {
    type Spec = Flat;

    fn see(&mut self, spec: &Flat, now: &Now) -> Seen {
        let at = self.at.map_or(now.at, |newest| newest.max(now.at));
        self.at = Some(at);
        match now.reading {
            Err(hold) => {
                self.lose();
                Seen::Unknown(hold)
            }
            Ok((value, doubtful)) => {
                if std::mem::take(&mut self.paused) || now.fresh {
                    Still::take(&mut self.all, spec, at, value);
                    if !doubtful {
                        Still::take(&mut self.good, spec, at, value);
                    }
                }
                self.answer(spec, at, doubtful)
            }
        }
    }

    fn due(&self, spec: &Flat) -> Option<Timestamp> {
        let at = self.at?;
        let ends = [self.all, self.good].into_iter().flatten();
        ends.map(|still| ring::after(still.since, spec.within_ms))
            .filter(|end| *end > at)
            .min()
    }

    fn shift(&mut self, by_ms: i64) {
        let tracks = [&mut self.all, &mut self.good].into_iter().flatten();
        for at in tracks.map(|still| &mut still.since).chain(&mut self.at) {
            ring::shift(at, by_ms);
        }
    }

    fn forget(&mut self, _: &Flat) {
        self.lose();
    }

    fn join(&mut self, spec: &Flat, before: Self) {
        self.at = self.at.or(before.at);
        if self.broken {
            return;
        }
        Still::join(&mut self.all, spec, before.all);
        Still::join(&mut self.good, spec, before.good);
        self.broken = before.broken;
    }
}

impl Memory {
    /// The plant is in a state in which nothing moves: that is no stillness, and the time
    /// begins anew when the state is over.
    pub fn pause(&mut self) -> Seen {
        self.lose();
        self.paused = true;
        Seen::Unknown(Hold::Learning)
    }

    fn lose(&mut self) {
        self.all = None;
        self.good = None;
        self.broken = true;
    }

    fn answer(&self, spec: &Flat, at: Timestamp, doubtful: bool) -> Seen {
        let over = |still: &Still| ring::elapsed(still.since, at) >= spec.within_ms;
        let Some(all) = self.all else {
            return Seen::Unknown(Hold::Learning);
        };
        let good_is_over = self.good.is_some_and(|good| over(&good));
        let good_moved = self.good.is_some_and(|good| good.moved && !over(&good));
        if good_moved {
            Seen::Truth(false, false)
        } else if over(&all) {
            Seen::Truth(true, doubtful || !good_is_over)
        } else if all.moved {
            Seen::Truth(false, true)
        } else {
            Seen::Unknown(Hold::Learning)
        }
    }
}

impl Still {
    fn take(track: &mut Option<Self>, spec: &Flat, at: Timestamp, value: f64) {
        match track {
            Some(still) if still.holds(spec, value) => {
                still.low = still.low.min(value);
                still.high = still.high.max(value);
            }
            _ => {
                *track = Some(Self {
                    anchor: value,
                    since: at,
                    moved: track.is_some(),
                    low: value,
                    high: value,
                });
            }
        }
    }

    fn holds(&self, spec: &Flat, value: f64) -> bool {
        (value - self.anchor).abs() <= spec.band
    }

    /// Goes on from `before` where no movement came between. Where one did, it may have come
    /// at any time since this one began: the longest stillness is assumed.
    fn join(track: &mut Option<Self>, spec: &Flat, before: Option<Self>) {
        let Some(before) = before else { return };
        match track {
            None => *track = Some(before),
            Some(still) if still.moved => {}
            Some(still) if before.holds(spec, still.low) && before.holds(spec, still.high) => {
                still.anchor = before.anchor;
                still.since = before.since;
                still.moved = before.moved;
                still.low = still.low.min(before.low);
                still.high = still.high.max(before.high);
            }
            Some(still) => still.moved = true,
        }
    }
}
