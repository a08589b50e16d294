//! By which booked window a level's alarm is planned.
//!
//! What must stay true: an alarm is planned only for what the work in the window does. A
//! vote's alarm that would hold with the booked members left out is somebody's, whichever of
//! its members are booked besides.

use fenghuo_model::Timestamp;

use super::{Lane, Work};
use crate::Book;
use crate::event::Transition;
use crate::gateway::Slot;
use crate::gateway::bind::{Bound, BoundLimit, Test};
use crate::input::Booking;
use crate::rule::Detector;

impl Lane {
    /// The window by which a level's alarm is planned at an instant of its data.
    pub fn planned<'b>(
        &self,
        (bound, number): (&Bound, usize),
        slots: &[Slot],
        book: &'b Book,
        at: Timestamp,
    ) -> Option<&'b Booking> {
        let window = |slot: u32| {
            let Slot { point, def, .. } = &slots[slot as usize];
            book.covering(point, def, at)
        };
        match (&bound.rule.detector, &bound.test) {
            (Detector::Vote { k, .. }, Test::Others(members)) => {
                let limit = bound.levels[number].limit?;
                self.vote_planned(*k, members, limit, window)
            }
            // What is planned is not counted: what it counts is somebody's.
            (Detector::Rollup { .. }, _) => None,
            _ => window(bound.slot),
        }
    }

    /// Of several windows the one that is over first: it is asked again then.
    fn vote_planned<'b>(
        &self,
        k: u32,
        members: &[u32],
        BoundLimit { op, value, reset }: BoundLimit,
        window: impl Fn(u32) -> Option<&'b Booking>,
    ) -> Option<&'b Booking> {
        let mut without = 0;
        let mut windows = Vec::new();
        for member in members {
            let reading = self.points[*member as usize].usable();
            match window(*member) {
                None => without += u32::from(reading.is_ok_and(|(it, _)| op.holds(it, value))),
                // One of which it is known that it says nothing plans nothing.
                Some(window) => match reading {
                    Ok((it, false)) if !op.holds(it, reset) => {}
                    _ => windows.push(window),
                },
            }
        }
        let planned = without < k.max(1);
        let first = windows.into_iter().min_by_key(|window| window.until);
        first.filter(|_| planned)
    }

    /// A vote that comes to hold without its booked members is planned no more; whether one did.
    pub(super) fn follow_plan(
        &self,
        bound: &Bound,
        at: Timestamp,
        work: &mut Work<'_, '_>,
    ) -> bool {
        let mut changed = false;
        if !matches!(bound.rule.detector, Detector::Vote { .. }) {
            return false;
        }
        for number in 0..bound.levels.len() {
            let up = self.states[bound.state(number)].alarm;
            let Some(alarm) = up.and_then(|up| work.emit.book.get(up)) else {
                continue;
            };
            let (occurrence, booking) = (alarm.occurrence, alarm.planned().map(str::to_owned));
            let still = self.planned((bound, number), work.parts.slots, work.emit.book, at);
            if let (Some(booking), true, false) = (booking, still.is_none(), alarm.retrospective) {
                let over = Transition::PlanOver { booking };
                work.emit.change(occurrence, at, over);
                changed = true;
            }
        }
        changed
    }
}
