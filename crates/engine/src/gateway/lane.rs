//! A lane: the judging of frames in order, with the state that takes.
//!
//! Durations follow the gateway's watermark. A sample whose own time lies outside the span
//! since the last frame (a device with a wrong clock) counts at the nearer end of it, so a
//! device's clock can neither hurry nor delay an alarm. One that is long past is in doubt, so
//! that old data never clears what is up now.

use std::collections::BTreeSet;

use fenghuo_model::{CatalogId, Reading, Reason, Sample, SampleId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Slot;
use super::bind::Wires;
use super::emit::Emit;
use super::order::{Held, Order};
use super::verdict::{LevelState, Step, Verdict};
use crate::detect::{Memory, Seen};
use crate::event::{EventId, Hold, Transition};

mod begin;
mod calm;
pub mod glance;
mod instant;
mod leave;
mod planned;
mod raise;
mod see;
mod source;
mod take;
mod time;
mod timer;

pub use begin::Rebound;
pub use see::Around;

use calm::Calm;
use instant::Joint;
use take::Fresh;
use timer::{Timer, Timers};

/// The gateway was away, and nothing was heard of the point since.
const GATEWAY_SILENT: Hold = Hold::Reading(Reason::GatewaySilent);

/// What is known of a point.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct PointState {
    /// The last sample.
    pub last: Option<(SampleId, Sample)>,
    /// The watermark at which anything was last heard of it, or since which it is expected.
    heard: Option<Timestamp>,
    /// The watermark at which it last had a value.
    valued: Option<Timestamp>,
    /// It has fallen silent, for this reason.
    pub silent: Option<Hold>,
    /// How many of the line and the device before it do not answer.
    pub down: u8,
    /// As a status point: what stands behind it counts it as down.
    pub is_down: bool,
    /// The catalog in use in this lane has it not: nothing is expected of it.
    is_unlisted: bool,
    /// It came into the catalog while this lane was judged: what was known of it elsewhere is
    /// not what it says now.
    came_again: bool,
}

impl PointState {
    /// Why nothing is to be expected of it, if so.
    #[must_use]
    pub fn away(&self) -> Option<Hold> {
        if self.is_unlisted {
            return Some(Hold::Break);
        }
        if self.down > 0 {
            return Some(Hold::Source);
        }
        self.silent
    }

    /// Whether it gives values now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let last = self.last.as_ref();
        self.away().is_none() && last.is_some_and(|(_, sample)| sample.reading.value().is_some())
    }

    /// Nothing waits for its next word. After its line, or the whole gateway, was
    /// away, it has its whole time to report again.
    fn is_given_up(&self) -> bool {
        let waits = |why| why == Hold::Source || why == GATEWAY_SILENT;
        self.is_unlisted || self.silent.is_some_and(|why| !waits(why))
    }

    /// What rules may use: a number and whether it is in doubt, or why there is none.
    fn usable(&self) -> Result<(f64, bool), Hold> {
        if let Some(away) = self.away() {
            return Err(away);
        }
        // Not stale before its time: the others may only have been read first.
        self.last
            .as_ref()
            .map_or(Err(Hold::Learning), |(_, sample)| match &sample.reading {
                Reading::Good(value) => number(value).map(|number| (number, false)),
                Reading::Uncertain(value, _) => number(value).map(|number| (number, true)),
                Reading::Bad(reason) => Err(Hold::Reading(*reason)),
            })
    }
}

fn number(value: &fenghuo_model::Value) -> Result<f64, Hold> {
    value.as_f64().ok_or(Hold::Reading(Reason::WrongType))
}

/// What judging needs besides the lane.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The compiled detectors.
    pub wires: &'a Wires,
    /// The points.
    pub slots: &'a [Slot],
}

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
    /// The catalog in use.
    catalog: Option<CatalogId>,
    /// The newest watermark judged.
    pub watermark: Option<Timestamp>,
    /// The watermark before the lane's first frame was judged.
    begin: Option<Timestamp>,
    /// By how much the clock was set since the lane began: a backlog that ends where it began
    /// still counts by the clock as it was.
    pub stepped_ms: i64,
    /// By slot.
    pub points: Vec<PointState>,
    /// By level, in the order of the detectors.
    pub states: Vec<LevelState>,
    /// By detector.
    pub memory: Vec<Memory>,
    /// Detectors that a change of rules or points began anew, and roll-ups that a join may have
    /// given more to count, until the next frame: they look at what is there already, for no
    /// other sample may come.
    anew: BTreeSet<u32>,
    /// A lane of backlog: its alarms are retrospective.
    pub is_backlog: bool,
    /// Slots changed since the last look.
    #[serde(skip)]
    pub dirty: Dirty,
    #[serde(skip)]
    timers: Timers,
    /// The nearest instant for which each detector has a timer; `i64::MAX` when it has none.
    #[serde(skip)]
    wake: Vec<i64>,
    /// By detector, the numbers at which it has nothing to say.
    #[serde(skip)]
    calm: Vec<Calm>,
}

impl Lane {
    /// Judges a frame whose turn it is. `live` is the other lane when this is the backlog.
    pub fn judge(
        &mut self,
        frame: &Held,
        parts: Parts<'_>,
        live: Option<&Self>,
        emit: &mut Emit<'_>,
    ) {
        self.is_backlog = live.is_some();
        self.follow_list(frame, parts);
        self.follow_hop(frame, parts);
        self.follow_clock(frame, parts);
        self.bridge_absence(frame.watermark, parts, emit);
        let before = self
            .watermark
            .unwrap_or(frame.watermark)
            .min(frame.watermark);
        if self.begin.is_none() {
            self.begin = Some(before);
            for point in &mut self.points {
                point.heard.get_or_insert(before);
            }
            self.rearm(parts);
        }
        let mut work = Work {
            parts,
            live,
            emit,
            joint: Vec::new(),
            stepped_ms: frame.clock_step_ms.max(0),
        };
        let mut instant = (Timestamp::default(), before);
        // Whatever column they stand in: what happened first is judged first, and what time
        // alone decides comes before what a later sample says.
        let order = frame.by_time();
        for place in 0..frame.samples.len() {
            let place = order.as_ref().map_or(place, |order| order[place] as usize);
            let Some((point, sample)) = frame.samples.get(place) else {
                continue;
            };
            let slot = frame.slots.get(*point as usize).copied();
            let Some(slot) = slot.filter(|slot| (*slot as usize) < self.points.len()) else {
                continue;
            };
            let fresh = Fresh {
                slot,
                id: frame.id_of(place),
                sample,
            };
            let at = sample.time.clamp(before, frame.watermark);
            if !work.joint.is_empty()
                && (sample.time != instant.0 || self.has_spoken(slot, frame, sample.time))
            {
                self.look_together(frame, instant.1, &mut work);
            }
            instant = (sample.time, at);
            self.run_timers(at, false, &mut work);
            self.take(fresh, at, &mut work);
        }
        self.look_together(frame, instant.1, &mut work);
        self.watermark = Some(frame.watermark);
        self.run_timers(frame.watermark, true, &mut work);
        self.anew.clear();
    }

    /// Runs what is due before `now`, or also at it.
    #[inline]
    fn run_timers(&mut self, now: Timestamp, at_it: bool, work: &mut Work<'_, '_>) {
        let end = now.as_millis().saturating_add(i64::from(at_it));
        while let Some((due, timer)) = self.timers.take_before(end) {
            match timer {
                Timer::Stale(slot) => self.check_stale(slot, due, work),
                Timer::Detector(detector) => {
                    self.wake[detector as usize] = i64::MAX;
                    self.evaluate(detector, due, None, work);
                }
            }
        }
    }

    fn check_stale(&mut self, slot: u32, due: Timestamp, work: &mut Work<'_, '_>) {
        let point = &mut self.points[slot as usize];
        let wires = work.parts.wires;
        let wait = wires.by_slot[slot as usize].stale_after;
        let (Some(heard), Some(wait)) = (point.heard, wait) else {
            return;
        };
        if point.is_given_up() {
            return;
        }
        if heard.plus(wait) > due {
            self.timers.set(heard.plus(wait), Timer::Stale(slot));
            return;
        }
        point.silent = Some(Hold::Reading(Reason::Stale));
        self.dirty.insert(slot);
        for watch in wires.watches(slot) {
            self.evaluate(watch.detector, due, None, work);
        }
    }

    /// Evaluates a detector and tells what follows. Without a sample, time has passed.
    fn evaluate(
        &mut self,
        detector: u32,
        at: Timestamp,
        fresh: Option<Fresh<'_>>,
        work: &mut Work<'_, '_>,
    ) {
        let bound = &work.parts.wires.bound[detector as usize];
        let is_own = fresh.is_some_and(|fresh| fresh.slot == bound.slot);
        let seen = self.see(detector, bound, at, is_own);
        self.decide(detector, seen, at, fresh, work);
    }

    /// Does what follows from what a detector sees.
    fn decide(
        &mut self,
        detector: u32,
        seen: Seen,
        at: Timestamp,
        fresh: Option<Fresh<'_>>,
        work: &mut Work<'_, '_>,
    ) {
        let wires = work.parts.wires;
        let bound = &wires.bound[detector as usize];
        let cause = fresh.map(|fresh| (fresh.id, fresh.sample));
        let (mut changed, mut learned) = (false, false);
        for number in 0..bound.levels.len() {
            let level = &bound.levels[number];
            let book = &*work.emit.book;
            let condition = self.condition((detector, number), seen, at, Around { wires, book });
            let state = &mut self.states[bound.state(number)];
            let unknown = state.verdict == Verdict::Unknown;
            let step = state.step(condition, at, level.delays, cause);
            // What counts alarms asks as well whether it is known that there is none, and whether
            // one is anybody's concern.
            learned |= unknown != (state.verdict == Verdict::Unknown);
            changed |= self.follow(step, (detector, number), seen, at, work);
        }
        if bound.extra.is_some() && !self.is_backlog {
            learned |= self.suppress(bound, at, work);
            learned |= self.follow_plan(bound, at, work);
        }
        // Always: another timer of the detector (a delay, a calendar's edge) may be set already
        // and be later than what the memory now asks for.
        if bound.timed {
            self.wake(detector, bound, at);
        }
        self.calm[detector as usize] = self.calm_of(detector, bound);
        if let (true, Some(dependents)) = (changed || learned, wires.dependents.get(&detector)) {
            for &dependent in dependents {
                self.evaluate(dependent, at, None, work);
            }
        }
    }

    /// Does what a step asks for; whether the level's alarm came or went.
    fn follow(
        &mut self,
        step: Step,
        (detector, number): (u32, usize),
        seen: Seen,
        at: Timestamp,
        work: &mut Work<'_, '_>,
    ) -> bool {
        let bound = &work.parts.wires.bound[detector as usize];
        match step {
            Step::None => false,
            Step::Wait(due) => {
                self.wake_at(detector, due);
                false
            }
            Step::Raise(first) => {
                self.raise(bound, number, (first, seen), at, work);
                true
            }
            Step::Confirm(alarm) => {
                self.release(alarm, at, work.emit);
                false
            }
            Step::Clear(alarm, due) => {
                self.release(alarm, at, work.emit);
                self.wake_at(detector, due);
                false
            }
            Step::Return(alarm) => {
                self.end(alarm, at, bound.state(number), work);
                true
            }
            Step::Hold(alarm, why) => {
                self.hold(alarm, why, at, work.emit);
                false
            }
        }
    }

    /// Backlog speaks only of the alarms that it found itself.
    fn may_tell(&self, alarm: EventId, emit: &Emit<'_>) -> bool {
        !self.is_backlog
            || emit
                .book
                .get(alarm)
                .is_some_and(|alarm| alarm.retrospective)
    }

    fn release(&self, alarm: EventId, at: Timestamp, emit: &mut Emit<'_>) {
        let held = emit
            .book
            .get(alarm)
            .is_some_and(|alarm| alarm.held.is_some());
        if held && self.may_tell(alarm, emit) {
            emit.change(alarm, at, Transition::Release);
        }
    }

    fn hold(&self, alarm: EventId, why: Hold, at: Timestamp, emit: &mut Emit<'_>) {
        let news = emit
            .book
            .get(alarm)
            .is_some_and(|alarm| alarm.held.is_none());
        if news && self.may_tell(alarm, emit) {
            emit.change(alarm, at, Transition::Hold(why));
        }
    }

    /// The condition is over. Backlog never ends a live alarm; where the live lane has ended
    /// it already, backlog knows the true end.
    fn end(&self, alarm: EventId, at: Timestamp, state: usize, work: &mut Work<'_, '_>) {
        if self.may_tell(alarm, work.emit) {
            work.emit.end(alarm, at);
            return;
        }
        let still = work.live.and_then(|live| live.states[state].alarm) == Some(alarm);
        let later = |alarm: &crate::Alarm| alarm.returned_at > Some(at);
        if !still && work.emit.book.get(alarm).is_some_and(later) {
            let amend = Transition::Amend {
                raised_at: None,
                returned_at: Some(at),
            };
            work.emit.change(alarm, at, amend);
        }
    }

    /// Everything that is up becomes held.
    pub fn hold_all(&self, why: Hold, at: Timestamp, emit: &mut Emit<'_>) {
        for state in &self.states {
            if let Some(alarm) = state.alarm {
                self.hold(alarm, why, at, emit);
            }
        }
    }

    /// The gateway speaks again: what its lane knows to be up needs no longer be held, though
    /// no sample may come of it (a point that stays stale).
    pub fn release_known(&self, at: Timestamp, emit: &mut Emit<'_>) {
        let silence = Some(GATEWAY_SILENT);
        for state in self
            .states
            .iter()
            .filter(|it| it.verdict != Verdict::Unknown)
        {
            let Some(alarm) = state.alarm else {
                continue;
            };
            if emit.book.get(alarm).is_some_and(|it| it.held == silence) {
                self.release(alarm, at, emit);
            }
        }
    }

    /// Every point is to be shown again.
    pub fn all_dirty(&mut self) {
        let slots = u32::try_from(self.points.len()).unwrap_or(u32::MAX);
        (0..slots).for_each(|slot| self.dirty.insert(slot));
    }

    /// Open verdicts do not reach over samples that this lane does not see.
    pub fn drop_pending(&mut self, wires: &Wires) {
        self.states.iter_mut().for_each(LevelState::drop_pending);
        self.forget(wires);
    }

    /// What rests on having seen everything begins anew.
    fn forget(&mut self, wires: &Wires) {
        for (memory, bound) in self.memory.iter_mut().zip(&wires.bound) {
            memory.forget(&bound.rule.detector);
        }
    }
}

/// What a lane works with while it judges a frame.
struct Work<'a, 'b> {
    parts: Parts<'a>,
    /// The other lane when this one is the backlog.
    live: Option<&'a Lane>,
    emit: &'a mut Emit<'b>,
    /// Who compares points of which the instant that is being judged had samples.
    joint: Vec<Joint>,
    /// How far the clock was set forward within the frame: what was read before seems so old.
    stepped_ms: i64,
}
