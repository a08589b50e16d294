//! What a raise says, and alarms that mean nothing in the plant's present state.

use fenghuo_model::{Sample, SampleId, Timestamp};

use super::{Lane, Parts, Work};
use crate::detect::Seen;
use crate::event::{Raised, Transition};
use crate::gateway::bind::{Bound, BoundLimit, Test};
use crate::gateway::emit::Emit;
use crate::rule::{Detector, Scale};

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
        let planned = self.planned((bound, number), slots, work.emit.book, at);
        raised.planned = planned.map(|booking| booking.id.clone());
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
        if is_open && bound.shelve_ms(number) > 0 {
            let by = parts.slots[by as usize].point.to_string();
            emit.change_key(&key, at, Transition::Suppress { by });
        }
    }

    fn raised(&self, bound: &Bound, number: usize, evidence: Evidence) -> Raised {
        let (first, seen) = evidence;
        let level = &bound.rule.levels[number];
        let limit = bound.levels[number].limit;
        let decided = self.decided(bound, limit).into_iter();
        let decided = decided.filter_map(|slot| self.points[slot as usize].last.clone());
        let mut deciding: Vec<_> = first.into_iter().chain(decided).collect();
        deciding.dedup();
        let own_value = matches!(bound.rule.detector, Detector::Level);
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
            shelve_ms: bound.shelve_ms(number),
            realarm_ms: level.realarm_ms,
            first_out: None,
            planned: None,
            repeated: false,
        }
    }

    /// The points whose samples decided. The last one's value is what people are shown: of a
    /// vote the worst that is beyond the limit, of a roll-up none.
    fn decided(&self, bound: &Bound, limit: Option<BoundLimit>) -> Vec<u32> {
        let others: &[u32] = match (&bound.rule.detector, &bound.test) {
            (Detector::Vote { .. }, Test::Others(members)) => {
                return limit.map_or_else(Vec::new, |limit| self.beyond(members, limit));
            }
            (_, Test::Items(_)) => return Vec::new(),
            (_, Test::Others(others)) => others,
            (_, Test::Program(program)) => &program.slots,
            (_, Test::Own | Test::Held | Test::Scaled(_)) => &[],
        };
        let others = others.iter().copied().filter(|other| *other != bound.slot);
        others.take(DECIDING_MAX).chain([bound.slot]).collect()
    }

    /// The members that are beyond a limit, the worst last.
    fn beyond(&self, members: &[u32], limit: BoundLimit) -> Vec<u32> {
        let value = |member: u32| Some((member, self.points[member as usize].usable().ok()?.0));
        let values = members.iter().filter_map(|member| value(*member));
        let mut beyond: Vec<_> = values
            .filter(|(_, value)| limit.op.holds(*value, limit.value))
            .collect();
        beyond.sort_by(|(_, one), (_, other)| match limit.op.is_upper() {
            true => one.total_cmp(other),
            false => other.total_cmp(one),
        });
        let mild = beyond.len().saturating_sub(DECIDING_MAX);
        beyond
            .into_iter()
            .skip(mild)
            .map(|(slot, _)| slot)
            .collect()
    }

    /// The point whose state makes a detector's alarms meaningless just now.
    pub(super) fn suppressing(&self, bound: &Bound) -> Option<u32> {
        let (points, while_on) = bound.extra.as_ref()?.suppress.as_ref()?;
        let says_so = |slot: &&u32| {
            // A state that is not known for certain suppresses nothing.
            matches!(self.points[**slot as usize].usable(),
                Ok((value, false)) if (value != 0.0) == *while_on)
        };
        points.iter().find(says_so).copied()
    }

    /// Lays the cover over the alarms that are up, and takes it away; whether it did either.
    pub(super) fn suppress(&self, bound: &Bound, at: Timestamp, work: &mut Work<'_, '_>) -> bool {
        let mut changed = false;
        if bound.extra.as_ref().is_none_or(|it| it.suppress.is_none()) {
            return false;
        }
        let by = self.suppressing(bound);
        for number in 0..bound.levels.len() {
            let key = bound.key(number, work.parts.slots);
            let Some(alarm) = work.emit.book.newest(&key, false) else {
                continue;
            };
            let may_be = bound.shelve_ms(number) > 0 && !alarm.is_red();
            match (by, alarm.place.suppressed) {
                (Some(by), false) if may_be && alarm.place.life.is_active() => {
                    let by = work.parts.slots[by as usize].point.to_string();
                    work.emit.change_key(&key, at, Transition::Suppress { by });
                    changed = true;
                }
                (None, true) => {
                    work.emit.change_key(&key, at, Transition::Unsuppress);
                    changed = true;
                }
                _ => {}
            }
        }
        changed
    }
}
