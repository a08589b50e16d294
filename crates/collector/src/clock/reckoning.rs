//! What the read clock shows, and whether that is to be believed. Pure: wall time and the
//! time since the start are passed in, in milliseconds.
//!
//! Cheap gateways have no clock of their own: they boot in 1970, or when they were shut down
//! last, and are set by the network minutes later, in several steps, or never. Others boot in
//! 2099. What must stay true:
//! - a wall clock outside [`EARLIEST`]..=[`LATEST`] is never followed;
//! - a run starts after the last spooled watermark, unless that is later than [`LATEST`];
//! - a wall clock that is ahead is followed at once;
//! - one that is behind by no more than [`HOLD_MS`] is not followed: the read clock goes on
//!   at its own pace, ahead by a fixed offset, so that times do not come twice;
//! - one that is further behind may be right or wrong. Only when it was seen being set, and
//!   then left alone for a while, it is taken for right and followed back: [`SETTLE_MS`] when
//!   the read clock came from the same wall clock, [`SETTLE_LONG_MS`] when it came from an
//!   earlier run, because a wall clock that boots wrong is wrong more often than a watermark.
//!   Or when the system has kept it by a source of time for [`SYNCED_MS`], whoever set it and
//!   when: a run in a wrong future must not need a person to end it;
//! - while neither clock is known to be right the reckoning is in doubt, and says since when.

use std::ops::RangeInclusive;

/// Nobody ran this program before 2025: a wall clock below is wrong.
pub const EARLIEST: i64 = 1_735_689_600_000;
/// Nor will this version run in 2045: a wall clock, or a watermark, above is wrong.
pub const LATEST: i64 = 2_366_841_600_000;
/// Smaller differences between the clocks are left alone.
pub const STEP_MS: i64 = 1_000;
/// A wall clock behind by more is either wrong, or shows that the read clock is.
pub const HOLD_MS: i64 = 5 * 60_000;
/// A wall clock that was set far back is taken for right after this long without another
/// step: what boots with a wrong time is commonly set more than once.
pub const SETTLE_MS: i64 = 10 * 60_000;
/// The same where the read clock goes on from an earlier run's watermark.
pub const SETTLE_LONG_MS: i64 = 24 * 3_600_000;
/// A wall clock that the system keeps by a source of time is taken for right after this long
/// without a step, for a source may be wrong too at first.
pub const SYNCED_MS: i64 = 3_600_000;
/// So long after a doubt has ended, readings made in it may still be on their way.
const STRAGGLER_MS: i64 = 60_000;

/// What a look at the wall clock led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Nothing new.
    Same,
    /// The read clock was moved, forward or back.
    Stepped {
        /// The read clock just after.
        at: i64,
        /// How far it moved.
        by: i64,
    },
    /// The wall clock is behind, further than when it was said last, and is not followed.
    Held {
        /// The read clock.
        at: i64,
    },
}

/// How the two clocks stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The wall clock cannot be right.
    pub is_nonsense: bool,
    /// The read clock is not known to be right.
    pub is_doubted: bool,
    /// How far it is ahead of a wall clock that may be right; 0 when it is not.
    pub ahead: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doubt {
    None,
    /// Since this time of the read clock.
    Since(i64),
    /// From and until these times of the read clock, which ended `at` after the start.
    Over {
        from: i64,
        until: i64,
        at: i64,
    },
}

/// The read clock of one run.
#[derive(Clone, Debug)]
pub struct Reckoning {
    /// The read clock at the start, moved along with each step.
    base: i64,
    doubt: Doubt,
    /// What the wall clock showed, and when.
    last: (i64, i64),
    is_nonsense: bool,
    /// When it was last seen being set.
    set_at: Option<i64>,
    /// Since when the system keeps it by a source of time, without a step.
    synced_at: Option<i64>,
    settle_ms: i64,
    ahead: i64,
}

fn is_plausible(wall: i64) -> bool {
    (EARLIEST..=LATEST).contains(&wall)
}

impl Reckoning {
    /// Starts at wall time, or just after `floor` when wall time is not after it or is wrong.
    pub fn start(wall: i64, floor: Option<i64>) -> Self {
        let floor = floor.filter(|floor| *floor <= LATEST);
        let lowest = floor.map_or(EARLIEST, |floor| (floor + 1).max(EARLIEST));
        let is_nonsense = !is_plausible(wall);
        let base = if is_nonsense {
            lowest
        } else {
            wall.max(lowest)
        };
        let is_sure = !is_nonsense && base - wall <= HOLD_MS;
        Self {
            base,
            doubt: if is_sure {
                Doubt::None
            } else {
                Doubt::Since(base)
            },
            last: (wall, 0),
            is_nonsense,
            set_at: None,
            synced_at: None,
            settle_ms: if is_sure { SETTLE_MS } else { SETTLE_LONG_MS },
            ahead: 0,
        }
    }

    /// The read clock.
    pub const fn read(&self, elapsed: i64) -> i64 {
        self.base.saturating_add(elapsed)
    }

    /// The read clock at the start, with every step since.
    pub const fn base(&self) -> i64 {
        self.base
    }

    /// Compares with the wall clock, which the system keeps by a source of time or does not,
    /// and follows it where it may be followed.
    pub fn look(&mut self, wall: i64, is_synced: bool, elapsed: i64) -> Seen {
        let (before, then) = std::mem::replace(&mut self.last, (wall, elapsed));
        let was_set = (wall - before - (elapsed - then)).abs() > STEP_MS;
        if was_set {
            self.set_at = Some(elapsed);
        }
        let before = self.synced_at.filter(|_| !was_set);
        self.synced_at = is_synced.then(|| before.unwrap_or(elapsed));
        self.is_nonsense = !is_plausible(wall);
        if self.is_nonsense {
            // Its own pace is right as long as it was right before.
            self.ahead = 0;
            return Seen::Same;
        }
        let drift = wall - self.read(elapsed);
        if drift > STEP_MS {
            return self.step(drift, elapsed);
        }
        if drift >= -STEP_MS {
            self.ahead = 0;
            self.trust(elapsed);
            return Seen::Same;
        }
        if -drift <= HOLD_MS {
            if was_set {
                self.trust(elapsed);
            }
        } else if self.is_settled(elapsed) {
            return self.step(drift, elapsed);
        } else {
            self.doubt(elapsed);
        }
        self.hold(-drift, elapsed)
    }

    /// Whether a wall clock that is far behind is to be taken for right.
    fn is_settled(&self, elapsed: i64) -> bool {
        let is_past = |at: Option<i64>, wait| at.is_some_and(|at| elapsed - at >= wait);
        is_past(self.set_at, self.settle_ms) || is_past(self.synced_at, SYNCED_MS)
    }

    fn step(&mut self, by: i64, elapsed: i64) -> Seen {
        self.trust(elapsed);
        self.base += by;
        self.ahead = 0;
        Seen::Stepped {
            at: self.read(elapsed),
            by,
        }
    }

    const fn hold(&mut self, ahead: i64, elapsed: i64) -> Seen {
        let is_known = (ahead - self.ahead).abs() <= STEP_MS && self.ahead != 0;
        if is_known {
            return Seen::Same;
        }
        self.ahead = ahead;
        Seen::Held {
            at: self.read(elapsed),
        }
    }

    const fn doubt(&mut self, elapsed: i64) {
        if !matches!(self.doubt, Doubt::Since(_)) {
            self.doubt = Doubt::Since(self.read(elapsed));
        }
    }

    /// The clocks agree, or will in a moment.
    const fn trust(&mut self, elapsed: i64) {
        self.settle_ms = SETTLE_MS;
        if let Doubt::Since(from) = self.doubt {
            self.doubt = Doubt::Over {
                from,
                until: self.read(elapsed),
                at: elapsed,
            };
        }
    }

    /// The times of the read clock at which it was in doubt, while something that was read then
    /// may still be on its way.
    pub fn doubtful(&self, elapsed: i64) -> Option<RangeInclusive<i64>> {
        match self.doubt {
            Doubt::None => None,
            Doubt::Since(from) => Some(from..=self.read(elapsed)),
            Doubt::Over { from, until, at } => {
                (elapsed - at <= STRAGGLER_MS).then_some(from..=until)
            }
        }
    }

    /// How the clocks stand.
    pub const fn standing(&self) -> Standing {
        Standing {
            is_nonsense: self.is_nonsense,
            is_doubted: matches!(self.doubt, Doubt::Since(_)),
            ahead: self.ahead,
        }
    }
}

#[cfg(test)]
mod tests;
