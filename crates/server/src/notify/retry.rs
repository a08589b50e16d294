//! How long to wait before trying again: twice as long each time, within bounds, and spread
//! by chance, so that those who failed together do not come back together.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Bounds of the wait.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row, without chance.
    #[must_use]
    pub fn step(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        self.first.saturating_mul(1 << doublings).min(self.most)
    }

    /// The same, drawn evenly from its upper half.
    #[must_use]
    pub fn wait(self, failures: u32) -> Duration {
        let half = self.step(failures) / 2;
        half + half.mul_f64(chance())
    }
}

/// A number from 0 to 1. Each `RandomState` has keys of its own, seeded by the system.
fn chance() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 32;
    f64::from(u32::try_from(bits).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_within_its_bounds() {
        let backoff = Backoff {
            first: Duration::from_secs(1),
            most: Duration::from_secs(300),
        };
        let steps: Vec<_> = (0..12)
            .map(|failures| backoff.step(failures).as_secs())
            .collect();
        assert_eq!(steps, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff.step(u32::MAX), backoff.most);
        for failures in 0..40 {
            let wait = backoff.wait(failures);
            assert!(wait >= backoff.step(failures) / 2 && wait <= backoff.step(failures));
        }
    }
}
