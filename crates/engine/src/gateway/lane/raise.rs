//! What a raise says, and alarms that mean nothing in the plant's present state.

use fenghuo_model::{Sample, SampleId, Timestamp};

use super::{Lane, Parts, Work};
use crate::detect::Seen;
use crate::event::{Raised, Transition};
use crate::gateway::bind::{Bound, Test};
use crate::gateway::emit::Emit;
use crate::rule::Scale;

/// Most deciding samples that a raise carries.
const DECIDING_MAX: usize = 16;

/// The sample that began it, and what was seen.
pub type Evidence = (Option<(SampleId, Sample)>, Seen);

impl Lane {
    pub(super) fn raise(
        &mut self,
        bound: &Bound,
        number: usize,
        evidence: Evidence,
        at: Timestamp,
        work: &mut Work<'_, '_>,
    ) {
        let slots = work.parts.slots;
        let key = bound.key(number, slots);
        let slot = &slots[bound.slot as usize];
        let mut raised = self.raised(bound, number, evidence);
        raised.unit = Some(slot.def.unit);
        raised.planned = work.emit.book.planned(&slot.point, &slot.def, at);
        let extra = bound.extra.as_deref();
        let group = extra.and_then(|extra| extra.first_out.clone());
        if !self.is_backlog {
            self.cover(bound, number, at, work.parts, work.emit);
        }
        let occurrence = work.emit.raise(key, at, raised, group);
        self.states[bound.state(number)].alarm = Some(occurrence);
    }

    /// Lays a cover before an alarm comes up, or out of the backlog, in a state of the plant in
    /// which it means nothing.
    pub fn cover(
        &self,
        bound: &Bound,
        number: usize,
        at: Timestamp,
        parts: Parts<'_>,
        emit: &mut Emit<'_>,
    ) {
        let Some(by) = self.suppressing(bound) else {
            return;
        };
        let key = bound.key(number, parts.slots);
        let covered = emit.book.newest(&key, false);
        let is_open = covered.is_none_or(|alarm| !alarm.place.suppressed);
        if is_open && bound.rule.levels[number].shelve_ms > 0 {
            let by = parts.slots[by as usize].point.to_string();
            emit.change_key(&key, at, Transition::Suppress { by });
        }
    }

    fn raised(&self, bound: &Bound, number: usize, evidence: Evidence) -> Raised {
        let (first, seen) = evidence;
        let level = &bound.rule.levels[number];
        let limit = bound.levels[number].limit;
        let last = self.points[bound.slot as usize].last.clone();
        // The own point's last sample comes last: it is the value that people are shown.
        let others: &[u32] = match &bound.test {
            Test::Others(others) => others,
            Test::Program(program) => &program.slots,
            Test::Own | Test::Held | Test::Scaled(_) | Test::Items(_) => &[],
        };
        let others = others.iter().filter(|other| **other != bound.slot);
        let others = others.filter_map(|other| self.points[*other as usize].last.clone());
        let others = others.take(DECIDING_MAX);
        let mut deciding: Vec<_> = first.into_iter().chain(others).chain(last).collect();
        deciding.dedup();
        let own_value = matches!(bound.rule.detector, crate::rule::Detector::Level);
        let seen = match seen {
            Seen::Number(number, _) if !own_value => Some(number),
            _ => None,
        };
        Raised {
            severity: bound.levels[number].severity,
            rule_version: bound.rule.version.clone(),
            op: limit.map(|limit| limit.op),
            limit: limit.map(|limit| limit.value),
            unit: None,
            seen: seen.filter(|_| bound.rule.detector.scale() != Scale::Truth),
            deciding: deciding
                .into_iter()
                .map(|(id, sample)| (Some(id), sample))
                .collect(),
            retrospective: self.is_backlog,
            latch: bound.levels[number].latch,
            shelve_ms: level.shelve_ms,
            realarm_ms: level.realarm_ms,
            first_out: None,
            planned: None,
            repeated: false,
        }
    }

    /// The point whose state makes a detector's alarms meaningless just now.
    fn suppressing(&self, bound: &Bound) -> Option<u32> {
        let (points, while_on) = bound.extra.as_ref()?.suppress.as_ref()?;
        let says_so = |slot: &&u32| {
            // A state that is not known for certain suppresses nothing.
            matches!(self.points[**slot as usize].usable(),
                Ok((value, false)) if (value != 0.0) == *while_on)
        };
        points.iter().find(says_so).copied()
    }

    /// Lays the cover over the alarms that are up, and takes it away.
    pub(super) fn suppress(&self, bound: &Bound, at: Timestamp, work: &mut Work<'_, '_>) {
        if bound.extra.as_ref().is_none_or(|it| it.suppress.is_none()) {
            return;
        }
        let by = self.suppressing(bound);
        for (number, level) in bound.rule.levels.iter().enumerate() {
            let key = bound.key(number, work.parts.slots);
            let Some(alarm) = work.emit.book.newest(&key, false) else {
                continue;
            };
            match (by, alarm.place.suppressed) {
                (Some(by), false) if level.shelve_ms > 0 && alarm.place.life.is_active() => {
                    let by = work.parts.slots[by as usize].point.to_string();
                    work.emit.change_key(&key, at, Transition::Suppress { by });
                }
                (None, true) => work.emit.change_key(&key, at, Transition::Unsuppress),
                _ => {}
            }
        }
    }
}
