//! A look at a lane that changes nothing: what an explanation is made of.
//!
//! A detector is asked in a lane that is a copy of what it looks at, its memory included, so
//! that being asked never decides anything. The copy has a place for every point of the
//! gateway (and contents for those that are watched): a question costs some microseconds for
//! a thousand points.

use std::collections::BTreeMap;
use std::time::Duration;

use fenghuo_model::{Sample, SampleId, Timestamp};

use super::see::{Around, worse};
use super::{Lane, PointState};
use crate::detect::forecast::Ahead;
use crate::detect::several::Item;
use crate::detect::{Memory, Seen};
use crate::event::Hold;
use crate::gateway::Slot;
use crate::gateway::bind::stale_after;
use crate::gateway::bind::{Bound, Test};
use crate::gateway::verdict::Condition;
use crate::rule::{Detector, Needs};

/// What a lane knows of a point.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Known {
    /// The last sample.
    pub last: Option<(SampleId, Sample)>,
    /// When anything was last heard of it, by the gateway's watermark.
    pub heard: Option<Timestamp>,
    /// When it last had a value, by the gateway's watermark.
    pub valued: Option<Timestamp>,
    /// Why nothing is to be expected of it, if so.
    pub away: Option<Hold>,
    /// It is away after so long without a word; never, when the point has no interval.
    pub stale_after: Option<Duration>,
}

/// How a group of points or alarms stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// How many are beyond the limit, or up.
    pub beyond: u32,
    /// How many cannot be told.
    pub unknown: u32,
    /// Of how many.
    pub of: u32,
    /// How many it takes.
    pub needed: u32,
}

/// What a level's condition is now.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LevelGlance {
    /// The condition.
    pub condition: Condition,
    /// Of a vote or a roll-up.
    pub tally: Option<Tally>,
    /// Of a forecast.
    pub ahead: Option<Ahead>,
}

/// What a detector sees now.
#[derive(Clone, PartialEq, Debug)]
pub struct Glance {
    /// The lane's watermark, at which it looked.
    pub at: Timestamp,
    /// What it sees.
    pub seen: Seen,
    /// By level.
    pub levels: Vec<LevelGlance>,
}

impl Lane {
    /// What a detector sees at the lane's watermark; none before its first frame.
    #[must_use]
    pub fn glance(&self, detector: u32, around: Around<'_>) -> Option<Glance> {
        let wires = around.wires;
        let at = self.watermark?;
        let bound = wires.bound.get(detector as usize)?;
        let mut copy = self.copy(detector, bound)?;
        let seen = copy.see(detector, bound, at, false);
        // A roll-up looks at others' states, which the copy has not.
        let lane = match bound.rule.detector {
            Detector::Rollup { .. } => self,
            _ => &copy,
        };
        let levels = (0..bound.levels.len()).map(|number| LevelGlance {
            condition: lane.condition((detector, number), seen, at, around),
            tally: self.tally(bound, number, around),
            ahead: copy.ahead(detector, bound, number, at),
        });
        Some(Glance {
            at,
            seen,
            levels: levels.collect(),
        })
    }

    /// A lane that knows no more than a detector looks at.
    fn copy(&self, detector: u32, bound: &Bound) -> Option<Self> {
        let mut copy = Self {
            begin: self.begin,
            points: vec![PointState::default(); self.points.len()],
            ..Self::default()
        };
        for slot in bound.watched().into_iter().chain([bound.slot]) {
            copy.points[slot as usize] = self.points[slot as usize].clone();
        }
        let memory = self.memory.get(detector as usize)?.clone();
        copy.memory = vec![Memory::None; detector as usize];
        copy.memory.push(memory);
        Some(copy)
    }

    /// What is known of a point.
    #[must_use]
    pub fn known(&self, slot: u32, slots: &[Slot]) -> Known {
        let point = &self.points[slot as usize];
        Known {
            last: point.last.clone(),
            heard: point.heard,
            valued: point.valued,
            away: point.away(),
            stale_after: stale_after(&slots[slot as usize]),
        }
    }

    fn tally(&self, bound: &Bound, number: usize, around: Around<'_>) -> Option<Tally> {
        let limit = bound.levels[number].limit;
        match (&bound.rule.detector, &bound.test, limit) {
            (Detector::Vote { k, .. }, Test::Others(others), Some(limit)) => {
                let mut tally = Tally {
                    needed: *k,
                    ..Tally::default()
                };
                for other in others {
                    let reading = self.points[*other as usize].usable();
                    tally.of += 1;
                    tally.unknown += u32::from(reading.is_err());
                    let beyond = reading.is_ok_and(|(it, _)| limit.op.holds(it, limit.value));
                    tally.beyond += u32::from(beyond);
                }
                Some(tally)
            }
            (Detector::Rollup { .. }, Test::Items(items), _) => {
                let needs = bound.rule.levels[number].needs?;
                Some(self.count_items(items, needs, around))
            }
            _ => None,
        }
    }

    /// Several detectors may stand for one point: the worst of them counts, once.
    fn count_items(&self, items: &[(u32, u32)], needs: Needs, around: Around<'_>) -> Tally {
        let mut worst: BTreeMap<u32, Item> = BTreeMap::new();
        for (point, detector) in items {
            let item = self.item(*detector, around);
            let known = worst.entry(*point).or_insert(item);
            *known = worse(*known, item);
        }
        let mut tally = Tally {
            needed: needs.count,
            ..Tally::default()
        };
        for item in worst.values() {
            tally.of += 1;
            match item {
                Item::Up(severity) if *severity >= needs.of => tally.beyond += 1,
                Item::Unknown(_) => tally.unknown += 1,
                Item::Up(_) | Item::Clear => {}
            }
        }
        tally
    }

    /// When a forecast's limit will be reached.
    fn ahead(&self, detector: u32, bound: &Bound, number: usize, at: Timestamp) -> Option<Ahead> {
        let memory = self.memory.get(detector as usize)?;
        match (memory, &bound.rule.detector, bound.levels[number].limit) {
            (Memory::Forecast(memory), Detector::Forecast(spec), Some(limit)) => {
                memory.time_to(spec, limit.op.is_upper(), limit.value, at)
            }
            _ => None,
        }
    }
}
