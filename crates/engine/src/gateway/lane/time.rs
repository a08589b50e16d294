//! A lane's clock: set, gone back, or with a hole in it.

use fenghuo_model::Timestamp;

use super::{GATEWAY_SILENT, Lane, Parts};
use crate::detect::ring;
use crate::gateway::bind::Wires;
use crate::gateway::emit::Emit;
use crate::gateway::order::Held;
use crate::gateway::verdict::Verdict;

/// A gap in the watermarks after which the gateway itself was away.
const ABSENT_MS: u64 = 10_000;

/// No step is longer than what storage can hold.
const STEP_MS_MAX: i64 = Timestamp::MAX.as_millis();

impl Lane {
    /// A clock that was set, or a new run that began before the old one's watermark, moves
    /// all running durations with it.
    pub(super) fn follow_clock(&mut self, frame: &Held, parts: Parts<'_>) {
        let Some(watermark) = self.watermark else {
            // What a break left behind ended before it.
            let by = frame.clock_step_ms.clamp(-STEP_MS_MAX, STEP_MS_MAX);
            self.stepped_ms = self.stepped_ms.saturating_add(by);
            return;
        };
        let by = step(frame, watermark);
        if by != 0 {
            self.stepped_ms = self.stepped_ms.saturating_add(by);
            self.shift(by);
            self.rearm(parts);
        }
    }

    /// Moves every instant that the lane remembers. To be followed by [`Lane::rearm`].
    pub fn shift(&mut self, by: i64) {
        let shift = |at: &mut Timestamp| ring::shift(at, by);
        self.watermark
            .iter_mut()
            .chain(&mut self.begin)
            .for_each(shift);
        for point in &mut self.points {
            point
                .heard
                .iter_mut()
                .chain(&mut point.valued)
                .for_each(shift);
        }
        for level in &mut self.states {
            level.shift(by);
        }
        for memory in &mut self.memory {
            memory.shift(by);
        }
    }

    /// The clock was set in frames that this lane hopped over, because the other one judged
    /// them.
    pub(super) fn follow_hop(&mut self, frame: &Held, parts: Parts<'_>) {
        if frame.hopped_ms != 0 {
            self.shift(frame.hopped_ms);
            self.rearm(parts);
        }
    }

    /// A gateway says something at least once a second. Where its frames leave out more than
    /// [`ABSENT_MS`], it was away itself (stopped, or its spool lost them): nothing is known of
    /// that time, so no delay runs through it, no point is called stale for it, and what is up
    /// is held until its point reports again.
    pub(super) fn bridge_absence(
        &mut self,
        watermark: Timestamp,
        parts: Parts<'_>,
        emit: &mut Emit<'_>,
    ) {
        let Some(last) = self.watermark else {
            return;
        };
        if !is_absence(last, watermark) {
            return;
        }
        let away = watermark.since(last);
        self.hold_all(GATEWAY_SILENT, watermark, emit);
        self.forget_points(watermark, parts.wires);
        for point in &mut self.points {
            if let Some(valued) = &mut point.valued {
                *valued = valued.plus(away);
            }
        }
        if let Some(begin) = &mut self.begin {
            *begin = begin.plus(away);
        }
        // Not from the old watermark on: an absence of years must not be gone through second
        // by second.
        self.rearm_from(parts, Some(watermark));
        // Nothing else would look again at a point that had been given up before.
        for (at, _) in (0..).zip(&parts.wires.bound) {
            self.wake_at(at, watermark);
        }
    }

    /// What the gateway said before an absence that the frame is the first to come after is not
    /// known to be so any more, and decides nothing when the frame names another catalog.
    pub fn forget_if_absent(&mut self, frame: &Held, wires: &Wires) {
        let Some(mut last) = self.watermark else {
            return;
        };
        ring::shift(&mut last, frame.hopped_ms);
        let by = step(frame, last);
        ring::shift(&mut last, by);
        if is_absence(last, frame.watermark) {
            self.forget_points(frame.watermark, wires);
        }
    }

    /// The gateway was away: no reading is fresh any more, and each point has its whole time
    /// to report again.
    fn forget_points(&mut self, watermark: Timestamp, wires: &Wires) {
        for (slot, point) in (0..).zip(&mut self.points) {
            if point.last.is_some() && point.silent.is_none() {
                point.silent = Some(GATEWAY_SILENT);
                self.dirty.insert(slot);
            }
            if !point.is_given_up() {
                point.heard = point.heard.map(|_| watermark);
            }
        }
        for state in &mut self.states {
            state.verdict = Verdict::Unknown;
        }
        self.forget(wires);
    }
}

/// By how much the frame's clock was set since the last watermark: as far as the frame says, so
/// that the time between the two is not lost; but never past the frame's own watermark, whatever
/// it says.
fn step(frame: &Held, last: Timestamp) -> i64 {
    let back = frame.watermark.as_millis() - last.as_millis();
    frame.clock_step_ms.max(-STEP_MS_MAX).min(back)
}

fn is_absence(last: Timestamp, watermark: Timestamp) -> bool {
    watermark.since(last).as_millis() > u128::from(ABSENT_MS)
}
