//! How a lane begins, follows a change of the rules, and sets its timers.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_model::Timestamp;

use super::super::order::Held;
use super::leave::KeptUp;
use super::{Around, Calm, Lane, LevelState, Order, Parts, PointState, Timer};
use crate::Alarm;
use crate::detect::Memory;
use crate::event::EventId;
use crate::gateway::bind::{Bound, Test, Wires};
use crate::gateway::verdict::Verdict;
use crate::rule::Detector;

/// What a change of the rules did to a lane's detectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rebound {
    /// They go on.
    pub kept: usize,
    /// They begin anew: their definition changed. Alarms of levels that still exist stay.
    pub reset: usize,
    /// They are new.
    pub new: usize,
    /// They are gone.
    pub gone: usize,
}

impl Lane {
    /// The live lane after a break: no readings, unknown verdicts, the same alarms.
    #[must_use]
    pub fn fresh(&self, next: u64, wires: &Wires) -> Self {
        let carried = |state: &LevelState| LevelState {
            verdict: Verdict::Unknown,
            alarm: state.alarm,
        };
        let memory = wires
            .bound
            .iter()
            .map(|bound| Memory::of(&bound.rule.detector));
        Self {
            order: Order::starting_at(next),
            points: vec![PointState::default(); self.points.len()],
            states: self.states.iter().map(carried).collect(),
            memory: memory.collect(),
            ..Self::default()
        }
    }

    /// Follows a change of detectors: the state of those that are the same stays. `is_its` tells
    /// which alarms are the lane's to end.
    pub fn rebind(
        &mut self,
        before: &Wires,
        around: Around<'_>,
        slots: usize,
        is_its: impl Fn(&Alarm) -> bool,
    ) -> Rebound {
        let now = around.wires;
        let joined = self.points.len();
        self.points.resize_with(slots, PointState::default);
        for slot in joined..slots {
            self.expect(slot);
            // Until a frame of this lane names the catalog that has it.
            self.points[slot].is_unlisted = self.catalog.is_some();
        }
        let anew_before = std::mem::take(&mut self.anew);
        let mut did = Rebound::default();
        let mut lost = KeptUp::new();
        let mut memory = std::mem::take(&mut self.memory);
        memory.resize_with(before.bound.len(), Memory::default);
        let mut old: BTreeMap<_, _> = (0..)
            .zip(before.bound.iter().zip(memory))
            .map(|(at, (bound, memory))| (bound.name(), (at, bound, memory)))
            .collect();
        let states = std::mem::take(&mut self.states);
        let levels = now.bound.iter().map(|bound| bound.levels.len()).sum();
        self.states.reserve_exact(levels);
        self.memory.reserve_exact(now.bound.len());
        for (number, bound) in (0..).zip(&now.bound) {
            let found = old.remove(&bound.name());
            let same = |was: &Bound| was.decides_as(&before.bound, bound, &now.bound);
            let same = found.as_ref().is_some_and(|(_, was, _)| same(was));
            if found
                .as_ref()
                .is_none_or(|(at, ..)| anew_before.contains(at) || !same)
                && self.has_something_for(bound)
            {
                self.anew.insert(number);
            }
            match found {
                Some((_, was, memory)) if same => {
                    did.kept += 1;
                    self.memory.push(memory);
                    let from = was.state(0);
                    self.states
                        .extend_from_slice(&states[from..from + was.levels.len()]);
                }
                Some((_, was, _)) => {
                    did.reset += 1;
                    self.memory.push(Memory::of(&bound.rule.detector));
                    self.states.extend(carry(was, &states, bound));
                    if was.loses_a_member(&before.bound, bound, &now.bound) {
                        lost.insert(number, was.kept_up(&states));
                    }
                }
                None => {
                    did.new += 1;
                    self.memory.push(Memory::of(&bound.rule.detector));
                    self.states
                        .extend(bound.levels.iter().map(|_| LevelState::default()));
                }
            }
        }
        did.gone = old.len();
        self.let_go(lost, around, is_its);
        did
    }

    /// The frame names the catalog in use: of a point that it has nothing is known before, and
    /// of one that it has not nothing is expected.
    pub(super) fn follow_list(&mut self, frame: &Held, parts: Parts<'_>) {
        if self.catalog == Some(frame.catalog) || !frame.is_known {
            return;
        }
        self.catalog = Some(frame.catalog);
        let mut is_listed = vec![false; self.points.len()];
        for slot in &*frame.slots {
            if let Some(listed) = is_listed.get_mut(*slot as usize) {
                *listed = true;
            }
        }
        for (slot, listed) in is_listed.into_iter().enumerate() {
            let was_unlisted = std::mem::replace(&mut self.points[slot].is_unlisted, !listed);
            if was_unlisted && listed {
                // What it said when it was here before is not what it says now.
                self.points[slot] = PointState {
                    came_again: true,
                    ..PointState::default()
                };
                self.expect(slot);
            } else if !was_unlisted && !listed {
                self.look_at(u32::try_from(slot).unwrap_or(u32::MAX), parts.wires);
            }
        }
        self.recount_sources(parts.wires);
        self.rearm(parts);
    }

    /// Of a point of which it knows nothing it goes on from what the backlog knows. Whether the
    /// point is there is still this lane's catalog to say: what one that was there in the outage
    /// only said is not what it says when it comes again, nor is what one said that came again
    /// since.
    pub fn take_over(&mut self, slot: u32, before: PointState, wires: &Wires) {
        let now = self.points.get_mut(slot as usize);
        let Some(now) = now.filter(|now| now.last.is_none()) else {
            return;
        };
        let is_unlisted = match self.catalog {
            Some(_) => now.is_unlisted,
            None => before.is_unlisted,
        };
        if now.came_again || (before.is_unlisted && !is_unlisted) {
            self.look_at(slot, wires);
            return;
        }
        *now = PointState {
            is_unlisted,
            ..before
        };
        self.dirty.insert(slot);
    }

    /// A point is expected from now on: it has its whole time to report.
    pub fn expect(&mut self, slot: usize) {
        let now = self.watermark;
        // One that the lane does not know yet is expected from the next change of detectors on.
        let Some(point) = self.points.get_mut(slot) else {
            return;
        };
        point.heard = point.heard.max(now);
        point.valued = point.valued.max(now);
    }

    /// A detector looks at what is there already when the next frame comes.
    pub fn look_anew(&mut self, detector: u32) {
        self.anew.insert(detector);
    }

    /// Roll-ups look at what is up, for not a sample changed what they count.
    pub fn count_anew(&mut self, wires: &Wires) {
        let counts = |bound: &Bound| matches!(bound.test, Test::Items(_));
        let rollups = (0..).zip(&wires.bound).filter(|(_, it)| counts(it));
        self.anew.extend(rollups.map(|(at, _)| at));
    }

    /// Roll-ups that count one of these alarms look at what is up.
    pub fn recount(&mut self, wires: &Wires, changed: &BTreeSet<EventId>) {
        for (item, rollups) in &wires.dependents {
            let bound = &wires.bound[*item as usize];
            let mut states = self.states[bound.state(0)..bound.state(bound.levels.len())].iter();
            if !states.any(|state| state.alarm.is_some_and(|it| changed.contains(&it))) {
                continue;
            }
            for rollup in rollups {
                self.anew.insert(*rollup);
                if let Some(now) = self.watermark.or(self.begin) {
                    self.wake_at(*rollup, now);
                }
            }
        }
    }

    /// Whether a detector without a memory of its own can judge what is there already.
    fn has_something_for(&self, bound: &Bound) -> bool {
        let is_known = |slot: &u32| self.points[*slot as usize].last.is_some();
        match bound.rule.detector {
            Detector::Stale { .. } | Detector::Rollup { .. } => self.watermark.is_some(),
            _ => {
                Memory::of(&bound.rule.detector) == Memory::None
                    && bound.watched().iter().any(is_known)
            }
        }
    }

    /// Sets the timers that the state calls for, and concludes nothing from it: to be called
    /// whenever it changed in another way than by an evaluation. Before the first frame no time
    /// passes: there are no timers.
    pub fn rearm(&mut self, parts: Parts<'_>) {
        self.rearm_from(parts, self.watermark.or(self.begin));
    }

    /// Sets the timers; what time alone decides is looked at from `now` on.
    pub(super) fn rearm_from(&mut self, parts: Parts<'_>, now: Option<Timestamp>) {
        self.timers.clear();
        self.calm = vec![Calm::NONE; parts.wires.bound.len()];
        self.wake = vec![i64::MAX; parts.wires.bound.len()];
        let Some(now) = now else {
            return;
        };
        for ((slot, state), looks) in (0..).zip(&self.points).zip(&parts.wires.by_slot) {
            if let (Some(heard), Some(wait)) = (state.heard, looks.stale_after) {
                self.timers.set(heard.plus(wait), Timer::Stale(slot));
            }
        }
        for detector in self.anew.clone() {
            self.wake_at(detector, now);
        }
        for (at, bound) in (0..).zip(&parts.wires.bound) {
            for (number, level) in bound.levels.iter().enumerate() {
                if let Some(due) = self.states[bound.state(number)].due(level.delays) {
                    self.wake_at(at, due);
                }
            }
            if let Some(due) = self.due(at, bound, now) {
                self.wake_at(at, due);
            }
        }
    }

    /// Sees to it that a detector is looked at again when time alone may change it.
    pub(super) fn wake(&mut self, detector: u32, bound: &Bound, now: Timestamp) {
        let due = self.due(detector, bound, now);
        if let Some(due) = due.filter(|due| *due > now) {
            self.wake_at(detector, due);
        }
    }

    /// A detector is looked at again then, or earlier.
    pub(super) fn wake_at(&mut self, detector: u32, due: Timestamp) {
        let wake = &mut self.wake[detector as usize];
        if due.as_millis() < *wake {
            *wake = due.as_millis();
            self.timers.set(due, Timer::Detector(detector));
        }
    }
}

/// A changed rule keeps the alarms of levels that still exist; what it knows begins anew.
fn carry<'a>(
    was: &'a Bound,
    states: &'a [LevelState],
    now: &'a Bound,
) -> impl Iterator<Item = LevelState> + 'a {
    now.rule.levels.iter().map(move |level| {
        let same = |old: &crate::Level| old.name == level.name;
        let at = was.rule.levels.iter().position(same);
        LevelState {
            verdict: Verdict::Unknown,
            alarm: at.and_then(|at| states[was.state(at)].alarm),
        }
    })
}
