//! Calm: the numbers at which a detector has nothing to say.
//!
//! Nearly every sample changes nothing. Where all of a detector's levels are normal, no alarm
//! of it is up and nothing but its number can change that, the lane keeps the span of numbers
//! that leave it so. A sample within it needs a comparison instead of the whole evaluation,
//! which would find the same. What must stay true:
//! - a calm is a conclusion from the states: it is drawn anew after each evaluation, and all
//!   are dropped when states change in another way (see [`Lane::rearm`]);
//! - it holds for doubtful numbers too: doubt may hold back a clear, and there is nothing to
//!   clear.

use super::Lane;
use crate::gateway::bind::{Bound, BoundLevel, BoundLimit};
use crate::gateway::verdict::{LevelState, Verdict};
use crate::rule::{Detector, Op};

/// A span of numbers, both ends included; empty when `low` is above `high`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Calm {
    low: f64,
    high: f64,
}

impl Calm {
    /// No number.
    pub const NONE: Self = Self {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
    };
    /// Every number.
    const ALL: Self = Self {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
    };

    /// Whether a number lies in it.
    #[inline]
    pub fn holds(self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }

    /// Whether any number does.
    #[inline]
    pub fn is_any(self) -> bool {
        self.low <= self.high
    }

    /// Every number that breaks no limit. A level that is not armed is never broken.
    fn of_levels(levels: &[BoundLevel]) -> Self {
        let armed = levels.iter().filter(|level| level.armed);
        armed.fold(Self::ALL, |calm, level| {
            level.limit.map_or(Self::NONE, |limit| calm.without(limit))
        })
    }

    fn without(self, BoundLimit { op, value, .. }: BoundLimit) -> Self {
        let Self { low, high } = self;
        match op {
            Op::Above => Self {
                high: high.min(value.next_down()),
                low,
            },
            Op::Over => Self {
                high: high.min(value),
                low,
            },
            Op::Below => Self {
                low: low.max(value.next_up()),
                high,
            },
            Op::Under => Self {
                low: low.max(value),
                high,
            },
        }
    }
}

impl Lane {
    /// The numbers at which a detector has nothing to say, as it stands now.
    pub(super) fn calm_of(&self, detector: u32, bound: &Bound) -> Calm {
        let never_looked_at_again = bound.timed && self.wake[detector as usize] == i64::MAX;
        if bound.extra.is_some() || never_looked_at_again || !self.is_quiet(bound) {
            return Calm::NONE;
        }
        match &bound.rule.detector {
            Detector::Level | Detector::Rate(_) | Detector::Window(_) => {
                Calm::of_levels(&bound.levels)
            }
            // Any number is a sign of life, and a timer waits for the end of it.
            Detector::Stale { .. } => Calm::ALL,
            Detector::Interlock { when_on, .. } => self.at_rest(bound, *when_on),
            _ => Calm::NONE,
        }
    }

    fn is_quiet(&self, bound: &Bound) -> bool {
        let quiet = |state: &LevelState| state.verdict == Verdict::Normal && state.alarm.is_none();
        self.states[bound.state(0)..bound.state(bound.levels.len())]
            .iter()
            .all(quiet)
    }

    /// While an interlock's own point is not in the state that needs the others, they do not
    /// matter.
    fn at_rest(&self, bound: &Bound, when_on: bool) -> Calm {
        let zero = Calm {
            low: 0.0,
            high: 0.0,
        };
        match self.points[bound.slot as usize].usable() {
            Ok((value, _)) if (value != 0.0) == when_on => Calm::NONE,
            Ok((value, _)) if value > 0.0 => Calm {
                low: 0.0_f64.next_up(),
                ..Calm::ALL
            },
            Ok((value, _)) if value < 0.0 => Calm {
                high: 0.0_f64.next_down(),
                ..Calm::ALL
            },
            Ok(_) => zero,
            Err(_) => Calm::NONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(op: Op, value: f64) -> BoundLimit {
        BoundLimit {
            op,
            value,
            reset: value,
        }
    }

    #[test]
    fn a_calm_holds_exactly_what_breaks_no_limit() {
        let around = |value: f64| [value.next_down(), value, value.next_up()];
        for op in [Op::Above, Op::Over, Op::Below, Op::Under] {
            for value in [-1.5, 0.0, 100.0] {
                let calm = Calm::ALL.without(limit(op, value));
                for number in around(value).into_iter().chain([f64::MIN, f64::MAX]) {
                    assert_eq!(
                        calm.holds(number),
                        !op.holds(number, value),
                        "{op:?} {number}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_empty_calm_holds_nothing() {
        let between = Calm::ALL
            .without(limit(Op::Above, 1.0))
            .without(limit(Op::Below, 1.0));
        for calm in [Calm::NONE, between] {
            assert!(!calm.is_any());
            for number in [0.0, 1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
                assert!(!calm.holds(number));
            }
        }
        assert!(!Calm::ALL.holds(f64::NAN));
    }
}
