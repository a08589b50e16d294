//! What is known of one subscription's points between two messages: when each was last
//! reported, and what was complained of. Pure; the time is passed in.

use fenghuo_model::{Reason, Timestamp};

use super::mapping::{Arrival, Mapped, Mapping, Payload, Slotted};
use super::point::Point;
use super::sparkplug::{Edge, Plan};
use super::{AWAY_EVERY_MS, MALFORMED_EVERY_MS};
use crate::source::Reads;
use crate::source::change::ChangeFilter;

/// Points in the order of their places, and their filters.
#[derive(Debug)]
pub struct Desk {
    points: Vec<(u32, ChangeFilter)>,
}

impl Desk {
    fn new<'p>(points: impl IntoIterator<Item = &'p Point>) -> Self {
        let points = points.into_iter();
        let entry = |point: &Point| (point.index, ChangeFilter::new(point.exception));
        Self {
            points: points.map(entry).collect(),
        }
    }

    /// What of these is worth reporting.
    pub fn pass(&mut self, samples: Vec<Slotted>, out: &mut Reads) {
        for (slot, sample) in samples {
            if let Some((index, filter)) = self.points.get_mut(slot) {
                out.sift(*index, sample, filter);
            }
        }
    }

    /// All of these: a point without value is told however little time has passed. The
    /// filters learn of it, so that the next value, were it the last one again, is told too.
    pub fn tell(&mut self, samples: Vec<Slotted>, out: &mut Reads) {
        for (slot, sample) in samples {
            if let Some((index, filter)) = self.points.get_mut(slot) {
                filter.note(&sample);
                out.samples.push((*index, sample));
            }
        }
    }
}

/// One mapping at work.
#[derive(Debug)]
pub struct Reader {
    payload: Payload,
    desk: Desk,
    malformed_at: Option<u64>,
}

impl Reader {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(mapping: Mapping) -> Self {
        Self {
            desk: Desk::new(mapping.payload.points()),
            payload: mapping.payload,
            malformed_at: None,
        }
    }

    /// Reads a payload; whether it is one to complain of. One that is not new was taken before:
    /// what it says of a time that the device gave is no other reading.
    pub fn take(
        &mut self,
        (payload, is_new): (&[u8], bool),
        arrival: Arrival,
        tick: u64,
        out: &mut Reads,
    ) -> bool {
        match self.payload.read(payload, arrival.is_retained, arrival.now) {
            Mapped::Samples(mut samples) => {
                samples.retain(|(_, sample)| is_new || sample.time == arrival.now);
                self.desk.pass(samples, out);
                false
            }
            Mapped::Malformed(samples) => {
                let is_due = self
                    .malformed_at
                    .is_none_or(|at| tick >= at + MALFORMED_EVERY_MS);
                if is_due {
                    self.malformed_at = Some(tick);
                    self.desk.tell(samples, out);
                }
                is_due
            }
        }
    }

    /// Every point without value.
    pub fn all_bad(&mut self, now: Timestamp, reason: Reason, out: &mut Reads) {
        self.desk.tell(self.payload.all_bad(now, reason), out);
    }
}

/// One edge node at work.
#[derive(Debug)]
pub struct EdgeDesk {
    /// What of its messages may be believed.
    pub edge: Edge,
    /// Its points.
    pub desk: Desk,
}

impl EdgeDesk {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        let points = plan.metrics.iter().map(|wanted| &wanted.point);
        Self {
            desk: Desk::new(points),
            edge: Edge::new(plan),
        }
    }
}

/// A subscription that the broker refused: when its points are told without value, and the
/// broker is asked again.
#[derive(Debug, Default)]
pub struct Refusal(Option<u64>);

impl Refusal {
    /// It was refused, or taken after all.
    pub fn set(&mut self, is_refused: bool, tick: u64) {
        self.0 = is_refused.then_some(tick + AWAY_EVERY_MS);
    }

    /// Whether it is refused, as far as we know.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.0.is_some()
    }

    /// When it is to be asked for again.
    #[must_use]
    pub const fn due_at(&self) -> Option<u64> {
        self.0
    }
}

/// Each subscription that was asked for with its answer. One without counts as refused: it
/// must never pass for one that delivers.
pub fn answered(
    asked: Vec<usize>,
    answers: Vec<Result<(), String>>,
) -> impl Iterator<Item = (usize, Result<(), String>)> {
    let none = std::iter::repeat_with(|| Err("no answer".to_owned()));
    asked.into_iter().zip(answers.into_iter().chain(none))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_without_answer_is_refused() {
        let answers = vec![Ok(()), Err("Failure".to_owned())];
        let answered: Vec<_> = answered(vec![4, 7, 9], answers).collect();
        let is_granted: Vec<_> = answered.iter().map(|(at, it)| (*at, it.is_ok())).collect();
        assert_eq!(is_granted, [(4, true), (7, false), (9, false)]);
    }

    #[test]
    fn a_refusal_is_asked_about_again() {
        let mut refusal = Refusal::default();
        assert!(!refusal.stands());
        refusal.set(true, 1_000);
        assert_eq!(refusal.due_at(), Some(1_000 + AWAY_EVERY_MS));
        refusal.set(false, 2_000);
        assert!(!refusal.stands());
    }
}
