//! A lane: the judging of frames in order, with the state that takes.
//!
//! Durations follow the gateway's watermark. A sample whose own time lies outside the span
//! since the last frame (a device with a wrong clock) counts at the nearer end of it, so a
//! device's clock can neither hurry nor delay an alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fenghuo_model::{Reading, Reason, Sample, SampleId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Slot;
use super::bind::{Bound, BoundLevel};
use super::emit::Emit;
use super::order::{Held, Order};
use super::verdict::{LevelState, Step, Verdict};
use crate::event::{Hold, Raised, Transition};

mod see;
mod time;

/// A point is stale after this many of its intervals without a word, and never before
/// [`STALE_MS_MIN`].
const STALE_INTERVALS: u64 = 3;
/// The least time before a point is stale.
const STALE_MS_MIN: u64 = 5_000;

/// What is known of a point.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct PointState {
    /// The last sample.
    pub last: Option<(SampleId, Sample)>,
    /// The watermark at which anything was last heard of it.
    heard: Option<Timestamp>,
    /// The watermark at which it last had a value.
    valued: Option<Timestamp>,
    /// It has fallen silent, for this reason.
    pub silent: Option<Hold>,
}

impl PointState {
    /// What rules may use: a number and whether it is in doubt, or why there is none.
    fn usable(&self) -> Result<(f64, bool), Hold> {
        if let Some(silent) = self.silent {
            return Err(silent);
        }
        let never = Err(Hold::Reading(Reason::Stale));
        self.last
            .as_ref()
            .map_or(never, |(_, sample)| match &sample.reading {
                Reading::Good(value) => number(value).map(|number| (number, false)),
                Reading::Uncertain(value, _) => number(value).map(|number| (number, true)),
                Reading::Bad(reason) => Err(Hold::Reading(*reason)),
            })
    }
}

fn number(value: &fenghuo_model::Value) -> Result<f64, Hold> {
    value.as_f64().ok_or(Hold::Reading(Reason::WrongType))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
enum Timer {
    /// The point may have fallen silent.
    Stale(u32),
    /// A detector's verdict may change by time alone.
    Detector(u32),
}

/// Detectors by slot, and the points: what judging needs besides the lane.
pub type Parts<'a> = (&'a [Bound], &'a [Vec<u32>], &'a [Slot]);

/// Slots that changed, each once. Marking one costs no more than a look: it is done for
/// every sample.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Dirty {
    marked: Vec<bool>,
    slots: Vec<u32>,
}

impl Dirty {
    /// Marks a slot.
    pub fn insert(&mut self, slot: u32) {
        let at = slot as usize;
        if at >= self.marked.len() {
            self.marked.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.marked[at], true) {
            self.slots.push(slot);
        }
    }

    /// The marked slots in order; none is marked then.
    pub fn take(&mut self) -> Vec<u32> {
        let mut slots = std::mem::take(&mut self.slots);
        for slot in &slots {
            self.marked[*slot as usize] = false;
        }
        slots.sort_unstable();
        slots
    }
}

/// One lane of a gateway.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Lane {
    /// Which frame is next.
    pub order: Order,
    /// The newest watermark judged.
    pub watermark: Option<Timestamp>,
    /// The watermark before the lane's first frame was judged.
    begin: Option<Timestamp>,
    /// By slot.
    pub points: Vec<PointState>,
    /// By detector, then level.
    pub states: Vec<Vec<LevelState>>,
    /// A lane of backlog: its alarms are retrospective.
    pub is_backlog: bool,
    /// Slots changed since the last look.
    #[serde(skip)]
    pub dirty: Dirty,
    #[serde(skip)]
    timers: BTreeSet<(Timestamp, Timer)>,
}

impl Lane {
    /// The live lane after a break: no readings, unknown verdicts, the same alarms.
    #[must_use]
    pub fn fresh(&self, next: u64) -> Self {
        let carried = |state: &LevelState| LevelState {
            verdict: Verdict::Unknown,
            alarm: state.alarm,
        };
        Self {
            order: Order::starting_at(next),
            points: vec![PointState::default(); self.points.len()],
            states: self
                .states
                .iter()
                .map(|levels| levels.iter().map(carried).collect())
                .collect(),
            ..Self::default()
        }
    }

    /// Follows a change of detectors: the state of those that are the same stays.
    pub fn rebind(&mut self, before: &[Bound], now: &[Bound], slots: usize) {
        self.points.resize_with(slots, PointState::default);
        let mut old: BTreeMap<_, _> = before
            .iter()
            .zip(std::mem::take(&mut self.states))
            .map(|(bound, states)| ((bound.rule.clone(), bound.slot), (bound, states)))
            .collect();
        self.states = now
            .iter()
            .map(
                |bound| match old.remove(&(bound.rule.clone(), bound.slot)) {
                    Some((was, states)) if was == bound => states,
                    Some((was, states)) => carry(was, &states, bound),
                    None => vec![LevelState::default(); bound.levels.len()],
                },
            )
            .collect();
    }

    /// Sets the timers that the state calls for.
    pub fn rearm(&mut self, bound: &[Bound], slots: &[Slot]) {
        self.timers.clear();
        for (slot, state) in (0..).zip(&self.points) {
            if let (Some(heard), Some(wait)) = (state.heard, stale_after(&slots[slot as usize])) {
                self.timers.insert((heard.plus(wait), Timer::Stale(slot)));
            }
        }
        for (at, (bound, levels)) in (0..).zip(bound.iter().zip(&self.states)) {
            for (level, state) in bound.levels.iter().zip(levels) {
                if let Verdict::Pending { since, .. } = state.verdict {
                    let due = since.plus(Duration::from_millis(level.for_ms));
                    self.timers.insert((due, Timer::Detector(at)));
                }
            }
            if let Some(due) = self.stale_due(bound) {
                self.timers.insert((due, Timer::Detector(at)));
            }
        }
    }

    /// Judges a frame whose turn it is. `live` is the other lane when this is the backlog.
    pub fn judge(
        &mut self,
        frame: &Held,
        parts: Parts<'_>,
        live: Option<&Self>,
        emit: &mut Emit<'_>,
    ) {
        self.is_backlog = live.is_some();
        self.follow_clock(frame, parts);
        self.bridge_absence(frame.watermark, parts, emit);
        let before = self
            .watermark
            .unwrap_or(frame.watermark)
            .min(frame.watermark);
        if self.begin.is_none() {
            self.begin = Some(before);
            self.rearm(parts.0, parts.2);
        }
        for (index, (point, sample)) in (0..).zip(&frame.samples) {
            let slot = frame.slots.get(*point as usize).copied();
            let Some(slot) = slot.filter(|slot| (*slot as usize) < self.points.len()) else {
                continue;
            };
            let id = SampleId {
                epoch: frame.epoch,
                seq: frame.seq,
                index,
            };
            let at = sample.time.clamp(before, frame.watermark);
            self.take(slot, id, sample, at, parts, live, emit);
        }
        self.watermark = Some(frame.watermark);
        self.run_timers(frame.watermark, parts, live, emit);
    }

    #[expect(clippy::too_many_arguments, reason = "one call, on the hot path")]
    fn take(
        &mut self,
        slot: u32,
        id: SampleId,
        sample: &Sample,
        at: Timestamp,
        parts: Parts<'_>,
        live: Option<&Self>,
        emit: &mut Emit<'_>,
    ) {
        let point = &mut self.points[slot as usize];
        let armed = point.heard.is_some() && point.silent.is_none();
        point.last = Some((id, sample.clone()));
        point.heard = Some(at);
        point.silent = None;
        if sample.reading.value().is_some() {
            point.valued = Some(at);
        }
        self.dirty.insert(slot);
        if let (false, Some(wait)) = (armed, stale_after(&parts.2[slot as usize])) {
            self.timers.insert((at.plus(wait), Timer::Stale(slot)));
        }
        for &detector in &parts.1[slot as usize] {
            self.evaluate(detector, at, Some((id, sample)), parts, live, emit);
        }
    }

    fn run_timers(
        &mut self,
        now: Timestamp,
        parts: Parts<'_>,
        live: Option<&Self>,
        emit: &mut Emit<'_>,
    ) {
        while let Some(&(due, timer)) = self.timers.first() {
            if due > now {
                return;
            }
            self.timers.pop_first();
            match timer {
                Timer::Stale(slot) => self.check_stale(slot, due, parts, live, emit),
                Timer::Detector(detector) => {
                    self.evaluate(detector, due, None, parts, live, emit);
                }
            }
        }
    }

    fn check_stale(
        &mut self,
        slot: u32,
        due: Timestamp,
        parts: Parts<'_>,
        live: Option<&Self>,
        emit: &mut Emit<'_>,
    ) {
        let point = &mut self.points[slot as usize];
        let (Some(heard), Some(wait)) = (point.heard, stale_after(&parts.2[slot as usize])) else {
            return;
        };
        if point.silent.is_some() {
            return;
        }
        if heard.plus(wait) > due {
            self.timers.insert((heard.plus(wait), Timer::Stale(slot)));
            return;
        }
        point.silent = Some(Hold::Reading(Reason::Stale));
        self.dirty.insert(slot);
        for &detector in &parts.1[slot as usize] {
            self.evaluate(detector, due, None, parts, live, emit);
        }
    }

    /// Evaluates a detector and tells what follows.
    fn evaluate(
        &mut self,
        detector: u32,
        at: Timestamp,
        sample: Option<(SampleId, &Sample)>,
        parts: Parts<'_>,
        live: Option<&Self>,
        emit: &mut Emit<'_>,
    ) {
        let bound = &parts.0[detector as usize];
        let mut ended = false;
        for (number, level) in bound.levels.iter().enumerate() {
            let condition = self.condition(bound, level, at);
            let state = &mut self.states[detector as usize][number];
            match state.step(condition, at, level.for_ms, sample) {
                Step::None => {}
                Step::Wait(due) => {
                    self.timers.insert((due, Timer::Detector(detector)));
                }
                Step::Raise(first) => {
                    let raised = self.raised(bound, level, first, sample);
                    let occurrence = emit.raise(level.key.clone(), at, raised);
                    self.states[detector as usize][number].alarm = Some(occurrence);
                }
                Step::Confirm(alarm) => self.release(alarm, at, emit),
                Step::Return(alarm) => {
                    ended = true;
                    self.end(alarm, at, (detector, number), live, emit);
                }
                Step::Hold(alarm, why) => self.hold(alarm, why, at, emit),
            }
        }
        // While a point reports, one timer stands for all its samples.
        if (ended || sample.is_none())
            && let Some(due) = self.stale_due(bound).filter(|due| *due > at)
        {
            self.timers.insert((due, Timer::Detector(detector)));
        }
    }

    fn raised(
        &self,
        bound: &Bound,
        level: &BoundLevel,
        first: Option<(SampleId, Sample)>,
        now: Option<(SampleId, &Sample)>,
    ) -> Raised {
        let last = now.map(|(id, sample)| (id, sample.clone()));
        let last = last.or_else(|| self.points[bound.slot as usize].last.clone());
        let mut deciding: Vec<_> = first.into_iter().chain(last).collect();
        deciding.dedup();
        Raised {
            severity: level.severity,
            rule_version: bound.version.clone(),
            op: level.limit.map(|limit| limit.op),
            limit: level.limit.map(|limit| limit.value),
            unit: Some(level.unit),
            deciding: deciding
                .into_iter()
                .map(|(id, sample)| (Some(id), sample))
                .collect(),
            retrospective: self.is_backlog,
        }
    }

    fn release(&self, alarm: crate::EventId, at: Timestamp, emit: &mut Emit<'_>) {
        let held = emit
            .book
            .get(alarm)
            .is_some_and(|alarm| alarm.held.is_some());
        if held && self.may_tell(alarm, emit) {
            emit.change(alarm, at, Transition::Release);
        }
    }

    fn hold(&self, alarm: crate::EventId, why: Hold, at: Timestamp, emit: &mut Emit<'_>) {
        let news = emit
            .book
            .get(alarm)
            .is_some_and(|alarm| alarm.held.is_none());
        if news && self.may_tell(alarm, emit) {
            emit.change(alarm, at, Transition::Hold(why));
        }
    }

    /// Backlog speaks only of the alarms that it found itself.
    fn may_tell(&self, alarm: crate::EventId, emit: &Emit<'_>) -> bool {
        !self.is_backlog
            || emit
                .book
                .get(alarm)
                .is_some_and(|alarm| alarm.retrospective)
    }

    /// The condition is over. Backlog never ends a live alarm; where the live lane has ended
    /// it already, backlog knows the true end.
    fn end(
        &self,
        alarm: crate::EventId,
        at: Timestamp,
        (detector, level): (u32, usize),
        live: Option<&Self>,
        emit: &mut Emit<'_>,
    ) {
        if self.may_tell(alarm, emit) {
            emit.change(alarm, at, Transition::Return);
            return;
        }
        let still =
            live.and_then(|live| live.states[detector as usize][level].alarm) == Some(alarm);
        if !still
            && emit
                .book
                .get(alarm)
                .is_some_and(|alarm| alarm.returned_at > Some(at))
        {
            let returned_at = Some(at);
            let raised_at = None;
            emit.change(
                alarm,
                at,
                Transition::Amend {
                    raised_at,
                    returned_at,
                },
            );
        }
    }

    /// Everything that is up becomes held.
    pub fn hold_all(&self, why: Hold, at: Timestamp, emit: &mut Emit<'_>) {
        for state in self.states.iter().flatten() {
            if let Some(alarm) = state.alarm {
                self.hold(alarm, why, at, emit);
            }
        }
    }

    /// Every point is to be shown again.
    pub fn all_dirty(&mut self) {
        let slots = u32::try_from(self.points.len()).unwrap_or(u32::MAX);
        (0..slots).for_each(|slot| self.dirty.insert(slot));
    }

    /// Open verdicts do not reach over samples that this lane does not see.
    pub fn drop_pending(&mut self) {
        self.states
            .iter_mut()
            .flatten()
            .for_each(LevelState::drop_pending);
    }
}

/// A changed rule keeps the alarms of levels that still exist; what it knows begins anew.
fn carry(was: &Bound, states: &[LevelState], now: &Bound) -> Vec<LevelState> {
    let alarm = |level: &BoundLevel| {
        let at = was.levels.iter().position(|old| old.key == level.key)?;
        states.get(at)?.alarm
    };
    now.levels
        .iter()
        .map(|level| LevelState {
            verdict: Verdict::Unknown,
            alarm: alarm(level),
        })
        .collect()
}

fn stale_after(slot: &Slot) -> Option<Duration> {
    let interval = u64::from(slot.def.interval_ms);
    let wait = (interval * STALE_INTERVALS).max(STALE_MS_MIN);
    (interval > 0).then(|| Duration::from_millis(wait))
}
