//! Detectors that look at several points at one instant: vote, deviation and roll-up.
//!
//! They remember nothing: the answer depends on the newest readings alone. Memory: none
//! kept. Cost: one look at each reading; a deviation also copies the others' values to
//! select their median. The bound is the number of points that the lane binds together.
//!
//! # Vote
//! Sees whether at least `k` points of a group are beyond the limit. An unknown point counts
//! neither for nor against: where the known ones alone decide, they do; where it could tip
//! the vote, the vote is unknown. A doubtful value counts when it is beyond the limit, and
//! keeps what is up when it is not. Example: two of a room's gas detectors, so that one that
//! drifted does not shut the line. A booked window plans its alarm only while fewer than `k`
//! of the members beyond the limit are not booked.
//! ```toml
//! [[rule]]
//! id       = "gas.room.vote"
//! title    = { zh = "可燃气体二取多", en = "Combustible gas, two or more agree" }
//! select   = { kind = "concentration", substance = "combustible" }
//! unit     = "%LEL"
//! detector = "vote"
//! k        = 2
//! group    = "room"
//! [[rule.level]]
//! name     = "trip"
//! above    = 50.0
//! reset    = 25.0
//! severity = "red"
//! ```
//!
//! # Deviation
//! Sees how far the point is from the median of other points: a transmitter that drifts, or
//! a place that warms alone. Unknown when the point itself is, when fewer than half of the
//! others are known (a median of the few that are left could be anything), or when there are
//! no others. One of the others may be wrong by any amount without moving a median of three.
//! ```toml
//! [[rule]]
//! id       = "tank.level.disagree"
//! title    = { zh = "液位计示值偏差", en = "Level transmitters disagree" }
//! select   = { kind = "level", role = "main" }
//! unit     = "mm"
//! detector = "deviation"
//! from     = { kind = "level", role = "check" }
//! absolute = true
//! [[rule.level]]
//! name     = "differ"
//! above    = 50.0
//! reset    = 30.0
//! for      = "60s"
//! severity = "yellow"
//! ```
//!
//! # Roll-up
//! Sees whether so many alarms of a group are up at a severity or worse (GB 39496-2020 5.5.4
//! makes several low warnings one higher warning). An alarm that is held is still up; one of
//! which it is unknown whether it is up counts neither way, as in a vote. One that is planned,
//! suppressed or out of service is nobody's concern and does not count; one on the shelf does.
//! ```toml
//! [[rule]]
//! id       = "tailings.displacement.item"
//! title    = { zh = "位移监测项预警", en = "Displacement item warning" }
//! select   = { kind = "displacement" }
//! detector = "rollup"
//! rules    = ["tailings.displacement"]
//! group    = "dam"
//! [[rule.level]]
//! name     = "yellow"
//! count    = 4
//! of       = "blue"
//! severity = "yellow"
//! ```

use fenghuo_model::{Reason, Severity};

use super::Seen;
use crate::event::Hold;
use crate::rule::Needs;

/// A point's value and whether it is in doubt, or why there is none.
pub type Reading = Result<(f64, bool), Hold>;

/// What several points say together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vote {
    /// The condition holds, whatever the unknown ones are.
    True,
    /// Not enough to raise, too much to clear.
    Keep,
    /// The condition does not hold, whatever the unknown ones are.
    False,
    /// The unknown ones could tip it; the first one's reason.
    Unknown(Hold),
}

/// Whether at least `k` readings are beyond the limit. `beyond` compares with the limit,
/// `kept` with the reset; what is beyond the limit is beyond the reset, too.
pub fn vote(
    k: u32,
    readings: impl IntoIterator<Item = Reading>,
    beyond: impl Fn(f64) -> bool,
    kept: impl Fn(f64) -> bool,
) -> Vote {
    let mut tally = Tally::default();
    for reading in readings {
        match reading {
            Err(why) => tally.unknown(why),
            Ok((value, _)) if beyond(value) => tally.for_it += 1,
            Ok((value, doubtful)) if doubtful || kept(value) => tally.keeping += 1,
            Ok(_) => {}
        }
    }
    tally.decide(k)
}

/// The point's value minus the median of the known others; of two middle ones their mean.
pub fn deviation(own: Reading, others: impl IntoIterator<Item = Reading>, absolute: bool) -> Seen {
    let (value, mut doubtful) = match own {
        Ok(known) => known,
        Err(why) => return Seen::Unknown(why),
    };
    let mut known = Vec::new();
    let mut missing = (0, None);
    for other in others {
        match other {
            Ok((value, doubt)) => {
                known.push(value);
                doubtful |= doubt;
            }
            Err(why) => missing = (missing.0 + 1, missing.1.or(Some(why))),
        }
    }
    if known.is_empty() || known.len() < missing.0 {
        return Seen::Unknown(missing.1.unwrap_or(Hold::Learning));
    }
    let away = value - median(&mut known);
    if !away.is_finite() {
        return Seen::Unknown(Hold::Reading(Reason::NotANumber));
    }
    Seen::Number(if absolute { away.abs() } else { away }, doubtful)
}

/// One thing that a roll-up counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// Its alarm is up, this bad at worst.
    Up(Severity),
    /// No alarm is up.
    Clear,
    /// It cannot be told whether one is up.
    Unknown(Hold),
}

/// Whether so many items are up at the severity that is asked for, or worse.
pub fn rollup(items: impl IntoIterator<Item = Item>, needs: Needs) -> Vote {
    let mut tally = Tally::default();
    for item in items {
        match item {
            Item::Up(severity) if severity >= needs.of => tally.for_it += 1,
            // A milder alarm that is up says nothing of the worse one: it is not.
            Item::Up(_) | Item::Clear => {}
            Item::Unknown(why) => tally.unknown(why),
        }
    }
    tally.decide(needs.count)
}

#[derive(Default)]
struct Tally {
    for_it: u64,
    keeping: u64,
    unknown: u64,
    first: Option<Hold>,
}

impl Tally {
    fn unknown(&mut self, why: Hold) {
        self.unknown += 1;
        self.first.get_or_insert(why);
    }

    /// A vote of none would always hold: at least one is asked for.
    fn decide(self, k: u32) -> Vote {
        let k = u64::from(k.max(1));
        let kept = self.for_it + self.keeping;
        match self.first {
            _ if self.for_it >= k => Vote::True,
            _ if kept >= k => Vote::Keep,
            Some(why) if kept + self.unknown >= k => Vote::Unknown(why),
            _ => Vote::False,
        }
    }
}

/// The middle value, or the mean of the two middle ones; 0 of none. Reorders the values.
pub(super) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if odd {
        return upper;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp);
    f64::midpoint(lower.unwrap_or(upper), upper)
}

#[cfg(test)]
mod tests;
