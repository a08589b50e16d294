//! What the sink let go of: the stretches of time whose samples it must fetch from history,
//! and the log position up to which that holds.
//!
//! Samples are noted by their own times, so that late data in the part that was let go is
//! fetched too. Stretches near one another are one; there are at most [`SPANS_MAX`], and
//! when there would be more the closest two become one: more is fetched then, never less.

use fenghuo_model::Sample;

/// Most stretches.
pub const SPANS_MAX: usize = 64;
/// Stretches closer than this are one.
const JOIN_MS: i64 = 60_000;

/// A stretch of time, its end excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// First instant in milliseconds.
    pub from: i64,
    /// First instant after it.
    pub until: i64,
}

/// All that is missing on the other side.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hole {
    /// Sorted, apart from one another.
    spans: Vec<Span>,
    /// Log entries from here on were not let go.
    below: u64,
}

impl Hole {
    /// From what was stored.
    #[must_use]
    pub fn new(spans: Vec<Span>, below: u64) -> Self {
        let mut hole = Self {
            spans: Vec::new(),
            below,
        };
        for span in spans {
            hole.add(span);
        }
        hole
    }

    /// The stretches, oldest first.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// History must have come to this position before it can fill the hole.
    #[must_use]
    pub const fn below(&self) -> u64 {
        self.below
    }

    /// Whether nothing is missing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Milliseconds that are missing.
    #[must_use]
    pub fn length_ms(&self) -> i64 {
        self.spans.iter().map(|span| span.until - span.from).sum()
    }

    /// Entries below `position` are not held any more.
    pub fn let_go(&mut self, position: u64) {
        self.below = self.below.max(position);
    }

    /// Notes the times of samples.
    pub fn note<'a>(&mut self, samples: impl Iterator<Item = &'a Sample>) {
        let mut run: Option<Span> = None;
        for sample in samples {
            let at = sample.time.as_millis();
            match &mut run {
                Some(span) if at >= span.from - JOIN_MS && at < span.until + JOIN_MS => {
                    span.from = span.from.min(at);
                    span.until = span.until.max(at + 1);
                }
                _ => {
                    let fresh = Span {
                        from: at,
                        until: at + 1,
                    };
                    if let Some(done) = run.replace(fresh) {
                        self.add(done);
                    }
                }
            }
        }
        if let Some(done) = run {
            self.add(done);
        }
    }

    /// Adds a stretch.
    pub fn add(&mut self, span: Span) {
        if span.from >= span.until {
            return;
        }
        let near = |other: &Span| {
            other.from <= span.until.saturating_add(JOIN_MS)
                && span.from <= other.until.saturating_add(JOIN_MS)
        };
        let mut whole = span;
        self.spans.retain(|other| {
            let joins = near(other);
            if joins {
                whole.from = whole.from.min(other.from);
                whole.until = whole.until.max(other.until);
            }
            !joins
        });
        let at = self.spans.partition_point(|other| other.from < whole.from);
        self.spans.insert(at, whole);
        if self.spans.len() > SPANS_MAX {
            self.join_closest();
        }
    }

    fn join_closest(&mut self) {
        let gap = |at: &usize| self.spans[at + 1].from - self.spans[*at].until;
        if let Some(at) = (0..self.spans.len() - 1).min_by_key(gap) {
            let next = self.spans.remove(at + 1);
            self.spans[at].until = next.until;
        }
    }

    /// What lies before `until` was fetched.
    pub fn filled(&mut self, until: i64) {
        self.spans.retain_mut(|span| {
            span.from = span.from.max(until);
            span.from < span.until
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fenghuo_model::{Reading, Reason, Timestamp};

    fn span(from: i64, until: i64) -> Span {
        Span { from, until }
    }

    fn samples(times: &[i64]) -> Vec<Sample> {
        let sample = |at: &i64| Sample {
            time: Timestamp::from_millis(*at),
            reading: Reading::Bad(Reason::Timeout),
        };
        times.iter().map(sample).collect()
    }

    #[test]
    fn late_samples_are_a_stretch_of_their_own() {
        let mut hole = Hole::default();
        hole.note(samples(&[9_000_000, 9_000_100, 500, 400, 9_000_050]).iter());
        assert_eq!(hole.spans(), [span(400, 501), span(9_000_000, 9_000_101)]);
    }

    #[test]
    fn stretches_join_when_they_are_near() {
        let mut hole = Hole::default();
        hole.add(span(0, 10));
        hole.add(span(1_000_000, 1_000_010));
        hole.add(span(2_000_000, 2_000_010));
        hole.add(span(1_000_010 + JOIN_MS, 2_000_000 - JOIN_MS));
        assert_eq!(hole.spans(), [span(0, 10), span(1_000_000, 2_000_010)]);
        hole.add(span(5, 5));
        assert_eq!(hole.spans().len(), 2, "an empty stretch is none");
    }

    #[test]
    fn too_many_become_fewer_that_hold_more() {
        let mut hole = Hole::default();
        let far = 10 * JOIN_MS;
        for at in 0..200_i64 {
            hole.add(span(at * far, at * far + 1));
        }
        assert_eq!(hole.spans().len(), SPANS_MAX);
        for at in 0..200_i64 {
            let holds = |span: &Span| (span.from..span.until).contains(&(at * far));
            assert!(hole.spans().iter().any(holds), "{at}");
        }
    }

    #[test]
    fn what_was_fetched_goes_from_the_front() {
        let mut hole = Hole::new(vec![span(1_000_000, 1_000_100), span(0, 100)], 7);
        hole.filled(50);
        assert_eq!(hole.spans(), [span(50, 100), span(1_000_000, 1_000_100)]);
        assert_eq!(hole.length_ms(), 150);
        hole.filled(1_000_000);
        assert_eq!(hole.spans(), [span(1_000_000, 1_000_100)]);
        hole.filled(2_000_000);
        assert!(hole.is_empty());
        assert_eq!(hole.below(), 7);
    }
}
