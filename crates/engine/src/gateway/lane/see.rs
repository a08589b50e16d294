//! What detectors see of a lane's points.

use std::time::Duration;

use fenghuo_model::Timestamp;

use super::Lane;
use crate::event::Hold;
use crate::gateway::bind::{Bound, BoundLevel, Test};
use crate::gateway::verdict::Condition;

impl Lane {
    /// What a level of a detector sees at `at`.
    pub(super) fn condition(&self, bound: &Bound, level: &BoundLevel, at: Timestamp) -> Condition {
        match &bound.test {
            Test::Level => self.compare(bound.slot, level),
            Test::Stale { within_ms } => {
                let since = self.points[bound.slot as usize].valued.or(self.begin);
                let within = Duration::from_millis(*within_ms);
                let stale = since.is_some_and(|since| at >= since.plus(within));
                if stale {
                    Condition::True
                } else {
                    Condition::False
                }
            }
            Test::Interlock { when_on, needs } => self.interlock(bound.slot, *when_on, needs),
        }
    }

    fn compare(&self, slot: u32, level: &BoundLevel) -> Condition {
        let Some(limit) = level.limit else {
            return Condition::Unknown(Hold::Rule);
        };
        match self.points[slot as usize].usable() {
            Err(why) => Condition::Unknown(why),
            Ok((value, _)) if limit.op.holds(value, limit.value) => Condition::True,
            Ok((value, doubtful)) if doubtful || limit.op.holds(value, limit.reset) => {
                Condition::Keep
            }
            Ok(_) => Condition::False,
        }
    }

    fn interlock(&self, slot: u32, when_on: bool, needs: &[u32]) -> Condition {
        let on = |slot: u32| {
            self.points[slot as usize]
                .usable()
                .map(|(n, doubt)| (n != 0.0, doubt))
        };
        let (state, doubt) = match on(slot) {
            Err(why) => return Condition::Unknown(why),
            Ok(known) => known,
        };
        if state != when_on {
            return if doubt {
                Condition::Keep
            } else {
                Condition::False
            };
        }
        let others: Vec<_> = needs.iter().map(|need| on(*need)).collect();
        if others.iter().any(|other| matches!(other, Ok((false, _)))) {
            return Condition::True;
        }
        match others.iter().find_map(|other| other.as_ref().err()) {
            Some(why) => Condition::Unknown(*why),
            None if others.iter().any(|other| matches!(other, Ok((_, true)))) => Condition::Keep,
            None => Condition::False,
        }
    }

    /// When a stale detector's verdict changes by time alone.
    pub(super) fn stale_due(&self, bound: &Bound) -> Option<Timestamp> {
        let Test::Stale { within_ms } = bound.test else {
            return None;
        };
        let since = self.points[bound.slot as usize].valued.or(self.begin)?;
        Some(since.plus(Duration::from_millis(within_ms)))
    }
}
