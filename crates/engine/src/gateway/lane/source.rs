//! Lines and devices: one communication alarm, and everything behind it held.
//!
//! A collector reports for each line and device whether it answers, as a point like any
//! other. While one does not, nothing is expected of the points behind it: their detectors
//! see unknown (no stale alarm for each of them), what is up among them is held, and the
//! status point's own rule raises the one alarm that people see.

use fenghuo_model::{Reading, Timestamp};

use super::{Lane, Timer, Work};
use crate::event::Hold;
use crate::gateway::bind::Wires;

impl Lane {
    /// A status point spoke.
    pub(super) fn follow_source(&mut self, slot: u32, at: Timestamp, work: &mut Work<'_, '_>) {
        let point = &self.points[slot as usize];
        let reading = point.last.as_ref().map(|(_, sample)| &sample.reading);
        let down = match reading {
            Some(Reading::Good(value)) => value.as_f64() == Some(0.0),
            // It cannot be told: what it said last still stands.
            _ => return,
        };
        if down == point.is_down {
            return;
        }
        self.points[slot as usize].is_down = down;
        let children = work.parts.wires.children.get(&slot);
        for &child in children.into_iter().flatten() {
            self.follow_parent(child, down, at, work);
        }
    }

    fn follow_parent(&mut self, child: u32, down: bool, at: Timestamp, work: &mut Work<'_, '_>) {
        let point = &mut self.points[child as usize];
        let before = point.down;
        point.down = if down {
            before.saturating_add(1)
        } else {
            before.saturating_sub(1)
        };
        if !down && point.down == 0 {
            self.wait_for(child, at, work.parts.wires);
        }
        let point = &self.points[child as usize];
        if (before == 0) == (point.down == 0) {
            return;
        }
        self.dirty.insert(child);
        for watch in work.parts.wires.watches(child) {
            self.evaluate(watch.detector, at, None, work);
        }
    }

    /// What stood behind it has its whole time to report again. What a point said before or
    /// meanwhile is not what it says now, unless it speaks of changes only.
    fn wait_for(&mut self, child: u32, at: Timestamp, wires: &Wires) {
        let point = &mut self.points[child as usize];
        point.valued = point.valued.max(Some(at));
        if let Some(wait) = wires.by_slot[child as usize].stale_after {
            let given_up = point.is_given_up() || point.heard.is_none();
            point.heard = Some(at);
            point.silent = Some(Hold::Source);
            if given_up {
                self.timers.set(at.plus(wait), Timer::Stale(child));
            }
        }
    }

    /// Counts anew which points stand behind what does not answer: points, or the labels
    /// that say where they stand, may have changed. To be followed by [`Lane::rearm`].
    pub fn recount_sources(&mut self, wires: &Wires) {
        let before: Vec<bool> = self.points.iter().map(|point| point.down > 0).collect();
        self.count_sources(wires);
        let now = self.watermark.or(self.begin);
        for (slot, was_down) in (0..).zip(before) {
            let is_down = self.points[slot as usize].down > 0;
            if was_down == is_down {
                continue;
            }
            if let (false, Some(now)) = (is_down, now) {
                self.wait_for(slot, now, wires);
            }
            self.look_at(slot, wires);
        }
    }

    /// Those who look at a point look again when the next frame is judged: no sample may come.
    pub(super) fn look_at(&mut self, slot: u32, wires: &Wires) {
        self.dirty.insert(slot);
        let watches = wires.watches(slot).iter();
        self.anew.extend(watches.map(|watch| watch.detector));
    }

    fn count_sources(&mut self, wires: &Wires) {
        for point in &mut self.points {
            point.down = 0;
        }
        for (source, children) in &wires.children {
            if !self.points[*source as usize].is_down {
                continue;
            }
            for child in children {
                let down = &mut self.points[*child as usize].down;
                *down = down.saturating_add(1);
            }
        }
    }
}
