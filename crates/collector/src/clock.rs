//! The read clock: wall time at the start plus elapsed monotonic time. This file and [`kernel`]
//! alone ask the machine what time it is; [`reckoning`] decides what follows from it.
//!
//! Samples and watermarks carry this clock. What must stay true:
//! - within an epoch it never goes back, nor from one run to the next; where it must (it ran
//!   in a wrong future and the wall clock was set right), a new epoch begins, see
//!   [`crate::batcher`];
//! - a clock step record says by how much it moved, in the first frame whose watermark shows
//!   the step: [`ReadClock::mark`] gives both at once. `by = 0` marks the moment at which the
//!   wall clock was set back and was not followed;
//! - what is read while nobody knows which clock is right is uncertain(clock); what is on
//!   disk already is never changed;
//! - ages are told by [`ReadClock::steady`], which no step touches.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fenghuo_model::Timestamp;
use fenghuo_uplink::frame::ClockStep;

mod kernel;
mod reckoning;

pub use reckoning::Standing;
use reckoning::{Reckoning, Seen};

/// Steps that wait for a frame; with more, the last ones are told as one.
const STEPS_MAX: usize = 32;

/// What a frame that is closed now carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The read clock.
    pub watermark: Timestamp,
    /// The steady clock.
    pub steady: Timestamp,
    /// What became of the read clock since the mark before.
    pub steps: Vec<ClockStep>,
}

/// The read clock of one run. Shared by reference.
#[derive(Debug)]
pub struct ReadClock {
    start: Instant,
    /// The read clock at `start`, without any step.
    first: i64,
    /// The same with every step: a copy of what `inner` has, for [`ReadClock::now`].
    base: AtomicI64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    reckoning: Reckoning,
    steps: Vec<ClockStep>,
}

impl ReadClock {
    /// Starts at wall time, or just after `floor`, the last run's watermark, when wall time is
    /// not after it or cannot be right.
    #[must_use]
    pub fn start(floor: Option<Timestamp>) -> Self {
        Self::start_at(wall(), floor)
    }

    /// The same with a wall clock that shows something else.
    pub(crate) fn start_at(wall: i64, floor: Option<Timestamp>) -> Self {
        let reckoning = Reckoning::start(wall, floor.map(Timestamp::as_millis));
        Self {
            start: Instant::now(),
            first: reckoning.base(),
            base: AtomicI64::new(reckoning.base()),
            inner: Mutex::new(Inner {
                reckoning,
                steps: Vec::new(),
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> i64 {
        i64::try_from(self.monotonic()).unwrap_or(i64::MAX)
    }

    /// The read clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        bounded(
            self.base
                .load(Ordering::Acquire)
                .saturating_add(self.elapsed()),
        )
    }

    /// The read clock as it would be without the steps of this run.
    #[must_use]
    pub fn steady(&self) -> Timestamp {
        bounded(self.first.saturating_add(self.elapsed()))
    }

    /// Milliseconds since the start: for deadlines.
    #[must_use]
    pub fn monotonic(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Sleeps until [`ReadClock::monotonic`] reaches `at`.
    pub async fn sleep_until(&self, at: u64) {
        let wait = at.saturating_sub(self.monotonic());
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    /// What a frame that is closed now carries; the steps in it are not told again.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let mut inner = self.inner();
        Mark {
            watermark: self.now(),
            steady: self.steady(),
            steps: std::mem::take(&mut inner.steps),
        }
    }

    /// The times of the read clock at which that was not known to be right, while something
    /// that was read then may still be on its way.
    #[must_use]
    pub fn doubtful(&self) -> Option<RangeInclusive<Timestamp>> {
        let span = self.inner().reckoning.doubtful(self.elapsed())?;
        Some(bounded(*span.start())..=bounded(*span.end()))
    }

    /// Compares with the wall clock, and says how they stand.
    pub fn compare(&self) -> Standing {
        self.compare_with(wall(), kernel::is_synchronised(), self.elapsed())
    }

    /// The same with a wall clock that nobody keeps, and a time since the start, that are given.
    #[cfg(test)]
    pub(crate) fn compare_at(&self, wall: i64, elapsed: i64) -> Standing {
        self.compare_with(wall, false, elapsed)
    }

    /// The same with all of it given.
    pub(crate) fn compare_with(&self, wall: i64, is_synced: bool, elapsed: i64) -> Standing {
        let mut inner = self.inner();
        let seen = inner.reckoning.look(wall, is_synced, elapsed);
        self.base.store(inner.reckoning.base(), Ordering::Release);
        match seen {
            Seen::Same => {}
            Seen::Stepped { at, by } => {
                tracing::warn!(by_ms = by, "the wall clock was set, the read clock follows");
                inner.note(ClockStep { at, by });
            }
            Seen::Held { at } => {
                let ahead_ms = inner.reckoning.standing().ahead;
                tracing::warn!(ahead_ms, "the wall clock is behind the read clock");
                inner.note(ClockStep { at, by: 0 });
            }
        }
        inner.reckoning.standing()
    }

    /// How the clocks stood when they were last compared.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.inner().reckoning.standing()
    }
}

impl Inner {
    fn note(&mut self, step: ClockStep) {
        let is_full = self.steps.len() == STEPS_MAX;
        let last = self.steps.pop_if(|_| is_full);
        let by = last.map_or(0, |last| last.by).saturating_add(step.by);
        self.steps.push(ClockStep { at: step.at, by });
    }
}

fn bounded(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).min(Timestamp::MAX)
}

/// The wall clock itself, for what happens before there is a read clock.
#[must_use]
pub fn wall_time() -> Timestamp {
    Timestamp::from_millis(wall())
}

fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |span| i64::try_from(span.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
