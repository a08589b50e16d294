//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(50);

/// The usual deadline: long, because test machines are shared; nothing waits for it when all
/// is well.
pub const LONG: Duration = Duration::from_secs(60);

/// Waits until something is there.
///
/// # Panics
/// When it is not there in time.
pub fn for_some<T>(most: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + most;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            Instant::now() < end,
            "waited {} s for: {what}",
            most.as_secs()
        );
        std::thread::sleep(EVERY);
    }
}

/// Waits until it is so.
///
/// # Panics
/// When it is not so in time.
pub fn until(most: Duration, what: &str, mut look: impl FnMut() -> bool) {
    for_some(most, what, || look().then_some(()));
}
