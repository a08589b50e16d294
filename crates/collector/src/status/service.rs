//! What systemd is told: ready, loading again, stopping, and that the work goes on.
//!
//! The watchdog is fed only while frames become durable: a collector that still answers but
//! whose spool hangs is started anew. One that knows that it cannot write, and says so, is
//! not, as long as its spool's thread goes on trying: frames wait in its memory, which a start
//! would throw away. Without systemd nothing of it happens.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sd_notify::NotifyState;

use super::{Code, Status};

/// Says one thing; a fault is logged, for nothing else can be done about it.
fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}

/// It collects, by the configuration that is in force.
pub fn ready() {
    say(&[NotifyState::Ready]);
}

/// The start takes long, and goes on: this much more time is asked for, again and again.
const MORE: Duration = Duration::from_secs(300);

/// The start goes on, with this.
pub fn goes_on(what: &str) {
    let more = u32::try_from(MORE.as_micros()).unwrap_or(u32::MAX);
    say(&[
        NotifyState::ExtendTimeoutUsec(more),
        NotifyState::Status(what),
    ]);
}

/// What took long is over.
pub fn went_on() {
    say(&[NotifyState::Status("")]);
}

/// The configuration is loaded again, until it is [`ready`] again, whatever came of it.
pub fn reloading() {
    // In one message with the time, by which systemd knows which reload it is.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd cannot be told"),
    }
}

/// It ends in order.
pub fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Feeds the watchdog for ever, at half its time; returns at once when there is none.
pub async fn feed_watchdog(status: Status) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut beat = Beat::default();
    let mut ticks = tokio::time::interval((limit / 2).max(Duration::from_millis(100)));
    loop {
        ticks.tick().await;
        let seen = Seen {
            frames: status.metrics.frames_spooled.get(),
            rounds: status.spool_rounds.load(Ordering::Relaxed),
        };
        if beat.goes_on(seen, status.health.has(Code::SpoolFailing)) {
            say(&[NotifyState::Watchdog]);
        }
    }
}

/// Whether there is progress. A frame is spooled at least once a second, empty if need be.
#[derive(Debug, Default)]
struct Beat {
    last: Option<Seen>,
}

/// What the spool has done since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    frames: u64,
    rounds: u64,
}

impl Beat {
    fn goes_on(&mut self, seen: Seen, is_failing: bool) -> bool {
        let Some(last) = self.last.replace(seen) else {
            return true;
        };
        seen.frames != last.frames || (is_failing && seen.rounds != last.rounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_progress_or_a_fault_that_is_worked_on_feeds_the_watchdog() {
        let seen = |frames, rounds| Seen { frames, rounds };
        let mut beat = Beat::default();
        assert!(
            beat.goes_on(seen(0, 0), false),
            "the first look knows nothing"
        );
        assert!(
            !beat.goes_on(seen(0, 1), false),
            "rounds alone write nothing"
        );
        assert!(beat.goes_on(seen(3, 2), false));
        assert!(!beat.goes_on(seen(3, 3), false));
        assert!(beat.goes_on(seen(3, 4), true), "it tries again");
        assert!(!beat.goes_on(seen(3, 4), true), "it hangs in a write");
        assert!(beat.goes_on(seen(3, 5), true));
    }
}
