//! The read clock: wall time at the start plus elapsed monotonic time. The only file that
//! asks the machine what time it is.
//!
//! Samples and watermarks carry this clock. What must stay true: it never goes back, not
//! within a run and not from one run to the next (a run starts no earlier than the last
//! spooled watermark), so a frame's watermark is never less than that of the frame before.
//!
//! The wall clock may be set meanwhile; [`ReadClock::compare`] looks once a second.
//! - Set forward by more than [`STEP_MS`]: the read clock jumps along, and a clock step
//!   record says by how much.
//! - Set back: the read clock cannot follow. It goes on from where it is and stays ahead of
//!   the wall clock by a fixed offset (it keeps its own pace, so spans stay right), until the
//!   wall clock catches up. A clock step record with `by = 0` marks the moment, since the
//!   read clock itself did not move, and health says how far ahead it is.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fenghuo_model::Timestamp;

/// Smaller differences between the clocks are left alone.
pub const STEP_MS: i64 = 1_000;

/// What comparing with the wall clock found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    /// The clocks agree, or the difference is known already.
    Same,
    /// The read clock moved forward by this much, to `at`.
    Forward {
        /// The read clock just after the step.
        at: Timestamp,
        /// How far it moved, in milliseconds.
        by: i64,
    },
    /// The wall clock is behind; the read clock is held.
    Held {
        /// The read clock when it was noticed.
        at: Timestamp,
        /// How far the read clock is ahead, in milliseconds.
        ahead: i64,
    },
}

/// The read clock of one run. Shared by reference.
#[derive(Debug)]
pub struct ReadClock {
    start: Instant,
    /// Read clock at `start`, in milliseconds. Only grows.
    base: AtomicI64,
    /// How far the read clock was ahead of the wall clock when that was last said.
    ahead: AtomicI64,
}

impl ReadClock {
    /// Starts at wall time, or just after `floor` when wall time is not after it.
    #[must_use]
    pub fn start(floor: Option<Timestamp>) -> Self {
        let floor = floor.map_or(0, |floor| floor.as_millis().saturating_add(1));
        Self {
            start: Instant::now(),
            base: AtomicI64::new(wall().max(floor)),
            ahead: AtomicI64::new(0),
        }
    }

    /// The read clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.monotonic()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.base.load(Ordering::Acquire).saturating_add(elapsed))
            .min(Timestamp::MAX)
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

    /// Compares with the wall clock and follows it if that is forward.
    pub fn compare(&self) -> Compared {
        self.compare_with(wall())
    }

    fn compare_with(&self, wall: i64) -> Compared {
        let read = self.now();
        let drift = wall - read.as_millis();
        if drift > STEP_MS {
            self.base.fetch_add(drift, Ordering::AcqRel);
            self.ahead.store(0, Ordering::Release);
            let at = self.now();
            return Compared::Forward { at, by: drift };
        }
        let ahead = if drift < -STEP_MS { -drift } else { 0 };
        let said = self.ahead.load(Ordering::Acquire);
        if (ahead - said).abs() <= STEP_MS && (ahead == 0) == (said == 0) {
            return Compared::Same;
        }
        self.ahead.store(ahead, Ordering::Release);
        if ahead == 0 {
            return Compared::Same;
        }
        Compared::Held { at: read, ahead }
    }

    /// How far the read clock is ahead of the wall clock, in milliseconds; 0 when it is not.
    #[must_use]
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Acquire)
    }
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
mod tests {
    use super::*;

    #[test]
    fn a_run_starts_after_the_last_watermark() {
        let later = Timestamp::from_millis(wall() + 3_600_000);
        let clock = ReadClock::start(Some(later));
        assert!(clock.now() > later);
        let Compared::Held { ahead, .. } = clock.compare() else {
            panic!("an hour ahead is said");
        };
        assert!((3_590_000..3_610_000).contains(&ahead));
        assert_eq!(clock.compare(), Compared::Same);
    }

    #[test]
    fn it_follows_forward_and_never_back() {
        let clock = ReadClock::start(None);
        let before = clock.now();
        let forward = clock.compare_with(before.as_millis() + 60_000);
        let Compared::Forward { at, by } = forward else {
            panic!("{forward:?}");
        };
        assert!((59_000..=60_000).contains(&by) && at >= before.plus(Duration::from_secs(59)));
        let held = clock.compare_with(before.as_millis());
        assert!(matches!(held, Compared::Held { ahead, .. } if ahead > 59_000));
        assert!(clock.now() >= at);
        assert!(clock.ahead() > 59_000);
        // It is said once, again when the wall clock goes back further, and it ends.
        assert_eq!(clock.compare_with(before.as_millis()), Compared::Same);
        let further = clock.compare_with(before.as_millis() - 5_000);
        assert!(matches!(further, Compared::Held { .. }));
        let caught_up = clock.now().as_millis();
        assert_eq!(clock.compare_with(caught_up), Compared::Same);
        assert_eq!(clock.ahead(), 0);
    }

    #[test]
    fn a_small_difference_is_left_alone() {
        let clock = ReadClock::start(None);
        let now = clock.now().as_millis();
        assert_eq!(clock.compare_with(now + 900), Compared::Same);
        assert_eq!(clock.compare_with(now - 900), Compared::Same);
    }
}
