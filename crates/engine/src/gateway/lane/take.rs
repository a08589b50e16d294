//! A sample reaches its point and the detectors that look at it.

use std::borrow::Cow;

use fenghuo_model::{Reading, Reason, Sample, SampleId, Timestamp, Value};

use super::instant::Joint;
use super::timer::Timer;
use super::{Lane, Work};
use crate::detect::{Now, Seen};
use crate::gateway::bind::{How, Watch};

/// A reading that is older than this when its frame begins is not taken for one of now. The
/// same as the horizon between live and late frames.
const AGED_MS: i64 = 60_000;

/// A sample on its way.
#[derive(Clone, Copy)]
pub struct Fresh<'a> {
    /// Whose it is.
    pub slot: u32,
    /// Its name.
    pub id: SampleId,
    /// What was read.
    pub sample: &'a Sample,
}

impl Lane {
    pub(super) fn take(&mut self, fresh: Fresh<'_>, at: Timestamp, work: &mut Work<'_, '_>) {
        let Fresh { slot, id, sample } = fresh;
        let judged = as_judged(sample, at, work.stepped_ms);
        let sample = &*judged;
        let fresh = Fresh { slot, id, sample };
        let wires = work.parts.wires;
        let point = &mut self.points[slot as usize];
        let armed = point.heard.is_some() && !point.is_given_up();
        keep(&mut point.last, id, sample);
        point.heard = Some(at);
        point.silent = None;
        if sample.reading.value().is_some() {
            point.valued = Some(at);
        }
        let number = if point.down == 0 {
            number(sample)
        } else {
            None
        };
        self.dirty.insert(slot);
        let looks = &wires.by_slot[slot as usize];
        if let (false, Some(wait)) = (armed, looks.stale_after) {
            self.timers.set(at.plus(wait), Timer::Stale(slot));
        }
        if looks.is_source {
            self.follow_source(slot, at, work);
        }
        for watch in wires.watches(slot) {
            self.look(*watch, fresh, number, at, work);
        }
    }

    /// Shows a detector the sample: in full only where it may have something to say.
    /// `number`: the sample's number and whether it is in doubt, if rules may use it.
    #[inline]
    fn look(
        &mut self,
        Watch {
            detector,
            how,
            is_joint,
        }: Watch,
        fresh: Fresh<'_>,
        number: Option<(f64, bool)>,
        at: Timestamp,
        work: &mut Work<'_, '_>,
    ) {
        let calm = self.calm[detector as usize];
        match (how, number) {
            (How::Number, Some((number, _))) if calm.holds(number) => {}
            (How::Beside, _) if calm.is_any() => {}
            (How::Memory, Some(number)) => {
                let now = Now {
                    at,
                    reading: Ok(number),
                    fresh: true,
                };
                let bound = &work.parts.wires.bound[detector as usize];
                match self.remember(detector, bound, now) {
                    Seen::Number(number, _) if calm.holds(number) => {}
                    seen => self.decide(detector, seen, at, Some(fresh), work),
                }
            }
            _ if is_joint => work.joint.push(Joint::new(detector, fresh)),
            _ => self.evaluate(detector, at, Some(fresh), work),
        }
    }
}

/// A good value whose own time is long before `at`: what a device had stored, a broker had
/// kept, or of a device with a wrong clock. Nobody can tell which, so it is in doubt: it may
/// raise an alarm, and clears none.
#[inline]
pub(super) fn as_judged(sample: &Sample, at: Timestamp, stepped_ms: i64) -> Cow<'_, Sample> {
    let age = at.as_millis().saturating_sub(sample.time.as_millis());
    match &sample.reading {
        Reading::Good(value) if age.saturating_sub(stepped_ms) > AGED_MS => Cow::Owned(Sample {
            time: sample.time,
            reading: Reading::Uncertain(value.clone(), Reason::DeviceTime),
        }),
        _ => Cow::Borrowed(sample),
    }
}

/// Keeps a sample as the last one. A number takes the place of a number, the commonest case,
/// without a copy of the room that a text would need.
#[inline]
fn keep(last: &mut Option<(SampleId, Sample)>, id: SampleId, sample: &Sample) {
    match (&mut *last, &sample.reading) {
        (
            Some((
                known,
                Sample {
                    time,
                    reading: Reading::Good(Value::F64(number)),
                },
            )),
            Reading::Good(Value::F64(now)),
        ) => (*known, *time, *number) = (id, sample.time, *now),
        _ => *last = Some((id, sample.clone())),
    }
}

fn number(sample: &Sample) -> Option<(f64, bool)> {
    match &sample.reading {
        Reading::Good(value) => Some((value.as_f64()?, false)),
        Reading::Uncertain(value, _) => Some((value.as_f64()?, true)),
        Reading::Bad(_) => None,
    }
}
