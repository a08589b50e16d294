//! What several points say at one instant is looked at together.
//!
//! Points that are read in one request have one time, and stand one after the other in a
//! frame. A detector that compares them must not see one of them as it is now and the other
//! as it was: a motor and its fan that start in one scan would for a moment be a motor
//! without a fan. So it looks once, when all of the instant is known. What must stay true: it
//! looks before any later sample is taken and before any later timer runs.

use fenghuo_model::Timestamp;

use super::take::{Fresh, as_judged};
use super::{Lane, Work};
use crate::gateway::order::Held;

/// A detector that waits for the end of the instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Joint {
    /// Which.
    detector: u32,
    /// The sample that concerns it, by its place in the frame.
    place: u32,
    slot: u32,
}

impl Joint {
    pub const fn new(detector: u32, fresh: Fresh<'_>) -> Self {
        Self {
            detector,
            place: fresh.id.index,
            slot: fresh.slot,
        }
    }
}

impl Lane {
    /// Whether the frame had a sample of the point at this instant before: a second one is
    /// looked at after the first.
    pub(super) fn has_spoken(&self, slot: u32, frame: &Held, time: Timestamp) -> bool {
        let last = self.points[slot as usize].last.as_ref();
        last.is_some_and(|(id, sample)| {
            (id.epoch, id.seq) == (frame.epoch, frame.seq) && sample.time == time
        })
    }

    /// Every waiting detector looks, once. Its cause is the newest sample of its own point, or
    /// of another one where its own had none.
    pub(super) fn look_together(&mut self, frame: &Held, at: Timestamp, work: &mut Work<'_, '_>) {
        if work.joint.is_empty() {
            return;
        }
        let mut joint = std::mem::take(&mut work.joint);
        joint.sort_unstable();
        for same in joint.chunk_by(|one, other| one.detector == other.detector) {
            let detector = same[0].detector;
            let own = work.parts.wires.bound[detector as usize].slot;
            let newest_own = same.iter().rfind(|it| it.slot == own);
            let Some(cause) = newest_own.or(same.last()) else {
                continue;
            };
            let place = cause.place as usize;
            let Some((_, sample)) = frame.samples.get(place) else {
                continue;
            };
            let sample = as_judged(sample, at, work.stepped_ms);
            let fresh = Fresh {
                slot: cause.slot,
                id: frame.id_of(place),
                sample: &sample,
            };
            self.evaluate(detector, at, Some(fresh), work);
        }
        joint.clear();
        work.joint = joint;
    }
}
