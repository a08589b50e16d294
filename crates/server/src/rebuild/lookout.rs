//! Frames that said nothing: told from the numbers that are missing between two that did.
//!
//! A collector sends a frame at least once a second, empty when nothing changed. Empty ones
//! leave no trace in history but their numbers. Between two frames with samples of one run,
//! as many are put evenly as numbers are missing, though no more than one for each
//! [`BEAT`]. Where they are too few for that they stand at the begin: a gateway that was
//! away comes back with samples.

use std::time::Duration;

use fenghuo_model::Timestamp;

/// How often a collector says something.
pub const BEAT: Duration = Duration::from_secs(1);
/// How far ahead the next sample of a quiet gateway is looked for.
pub const AHEAD: Duration = Duration::from_hours(24);

/// A frame with samples: its time and its number.
type Seen = (Timestamp, (u64, u64));

/// What is known of a gateway between slices.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    last: Option<Seen>,
    /// The next one, where it had to be looked for; or that there is none up to there.
    next: Option<Result<Seen, Timestamp>>,
}

/// Watches every gateway.
#[derive(Debug)]
pub struct Lookout(Vec<Known>);

impl Lookout {
    /// For so many gateways.
    pub fn new(gateways: usize) -> Self {
        Self(vec![Known::default(); gateways])
    }

    /// The empty frames of a gateway within a slice, given those that were `seen` in it, in
    /// order. `later` looks for the next frame after an instant.
    pub fn quiet(
        &mut self,
        gateway: usize,
        seen: &[Seen],
        (from, until): (Timestamp, Timestamp),
        later: impl Fn(Timestamp) -> Option<Seen>,
    ) -> Vec<Seen> {
        let known = &mut self.0[gateway];
        let mut quiet = Vec::new();
        for frame in seen {
            if let Some(last) = known.last {
                fill(last, *frame, (from, until), &mut quiet);
            }
            known.last = Some(*frame);
        }
        let Some(last) = known.last else {
            return quiet;
        };
        if last.0.plus(BEAT) >= until {
            return quiet;
        }
        let valid = match known.next {
            Some(Ok(next)) => next.0 >= until,
            Some(Err(none_until)) => none_until > until,
            None => false,
        };
        if !valid {
            known.next = Some(later(until).ok_or_else(|| until.plus(AHEAD)));
        }
        if let Some(Ok(next)) = known.next {
            fill(last, next, (from, until), &mut quiet);
        }
        quiet
    }
}

/// The empty frames between two, as far as they lie in the slice.
fn fill(last: Seen, next: Seen, (from, until): (Timestamp, Timestamp), quiet: &mut Vec<Seen>) {
    let ((begin, (epoch, seq)), (end, (other, to))) = (last, next);
    let span = end.since(begin).as_millis();
    let beats = u64::try_from(span / BEAT.as_millis()).unwrap_or(0);
    // Another run goes on with the numbers of the same spool, or begins anew.
    let missing = to.saturating_sub(seq).saturating_sub(1);
    if missing == 0 || beats == 0 || (epoch != other && to <= seq) {
        return;
    }
    // Too few for the whole time: then it was away, and what it says first after that are
    // samples. So they came right after the last one.
    let span = if missing + 1 < beats - beats / 10 {
        BEAT.as_millis() * u128::from(missing + 1)
    } else {
        span
    };
    let missing = missing.min(beats);
    let step = |number: u64| {
        let offset = span * u128::from(number) / u128::from(missing + 1);
        begin.plus(Duration::from_millis(
            u64::try_from(offset).unwrap_or(u64::MAX),
        ))
    };
    // Only those of this slice: the others were, or will be, another one's.
    let passed = from.since(begin).as_millis() * u128::from(missing + 1) / span.max(1);
    let first = u64::try_from(passed).unwrap_or(0).max(1);
    let all = (first..=missing).map(|number| (step(number), (epoch, seq + number)));
    let inside = all
        .skip_while(|(at, _)| *at < from)
        .take_while(|(at, _)| *at < until);
    quiet.extend(inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + second * 1_000)
    }

    fn frame(second: i64, seq: u64) -> Seen {
        (at(second), (7, seq))
    }

    fn seconds(quiet: &[Seen]) -> Vec<i64> {
        let second = |(time, _): &Seen| (time.as_millis() - 1_000_000) / 1_000;
        quiet.iter().map(second).collect()
    }

    #[test]
    fn missing_numbers_are_empty_frames_and_no_missing_number_is_absence() {
        let mut lookout = Lookout::new(1);
        let none = |_| None;
        let quiet = lookout.quiet(0, &[frame(0, 1), frame(5, 6)], (at(0), at(6)), none);
        assert_eq!(seconds(&quiet), [1, 2, 3, 4]);
        // It was away for a minute.
        let quiet = lookout.quiet(0, &[frame(66, 7)], (at(6), at(67)), none);
        assert!(quiet.is_empty());
        // It said nothing new for three seconds, and was away then.
        let quiet = lookout.quiet(0, &[frame(127, 11)], (at(67), at(128)), none);
        assert_eq!(seconds(&quiet), [67, 68, 69]);
        let quiet = lookout.quiet(0, &[frame(187, 15)], (at(128), at(188)), none);
        assert_eq!(seconds(&quiet), [128, 129, 130]);
    }

    #[test]
    fn a_quiet_gateway_is_known_to_live_by_what_it_says_later() {
        let mut lookout = Lookout::new(1);
        let later = |_| Some(frame(100, 101));
        let quiet = lookout.quiet(0, &[frame(0, 1)], (at(0), at(10)), later);
        assert_eq!(seconds(&quiet), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let asked = |_| panic!("it is known already");
        let quiet = lookout.quiet(0, &[], (at(10), at(13)), asked);
        assert_eq!(seconds(&quiet), [10, 11, 12]);
        let quiet = lookout.quiet(0, &[frame(100, 101)], (at(98), at(101)), asked);
        assert_eq!(seconds(&quiet), [98, 99]);
    }

    #[test]
    fn a_gateway_that_says_nothing_any_more_is_silent() {
        let mut lookout = Lookout::new(1);
        let quiet = lookout.quiet(0, &[frame(0, 1)], (at(0), at(60)), |_| None);
        assert!(quiet.is_empty());
    }
}
