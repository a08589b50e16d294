//! Small random numbers: epochs, nonces, and jitter so that gateways do not march in step.

use std::time::Duration;

/// A random number from the operating system.
///
/// # Errors
/// When the system gives no randomness; a collector cannot draw an epoch then.
pub fn draw() -> std::io::Result<u64> {
    getrandom::u64().map_err(|error| std::io::Error::other(error.to_string()))
}

/// Cheap random numbers for jitter (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Waits that double from the first to the longest, each up to a quarter longer by chance.
#[derive(Clone, Debug)]
pub struct Backoff {
    first_ms: u64,
    longest_ms: u64,
    tries: u32,
    dice: Dice,
}

impl Backoff {
    /// Waits between these two.
    #[must_use]
    pub const fn new(first_ms: u64, longest_ms: u64, dice: Dice) -> Self {
        Self {
            first_ms,
            longest_ms,
            tries: 0,
            dice,
        }
    }

    /// The next wait in milliseconds.
    pub fn next_ms(&mut self) -> u64 {
        let wait = (self.first_ms << self.tries.min(16)).min(self.longest_ms);
        self.tries = self.tries.saturating_add(1);
        wait + self.dice.roll() % (wait / 4).max(1)
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        Duration::from_millis(self.next_ms())
    }

    /// How many waits were taken since the last success.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// It worked: start over.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over() {
        let mut backoff = Backoff::new(200, 10_000, Dice::new(7));
        let mut floor = 200;
        for _ in 0..12 {
            let wait = backoff.next_ms();
            assert!((floor..=floor + floor / 4).contains(&wait), "{wait}");
            floor = (floor * 2).min(10_000);
        }
        backoff.reset();
        assert!(backoff.next_ms() <= 250);
    }

    /// As sources and delivery wait for a broker: never longer than the 5 s that are promised.
    #[test]
    fn gateways_that_lost_one_broker_try_again_at_different_times() {
        use crate::mqtt::{WAIT_MS, WAIT_MS_MAX};
        let waits = |seed| {
            let mut backoff = Backoff::new(WAIT_MS, WAIT_MS_MAX, Dice::new(seed));
            (0..8).map(|_| backoff.next_ms()).collect::<Vec<_>>()
        };
        let mut tries: Vec<u64> = Vec::new();
        for seed in 0..200 {
            let waits = waits(seed);
            assert!(waits.iter().all(|wait| *wait <= 5_000), "{waits:?}");
            tries.push(waits.iter().sum());
        }
        tries.sort_unstable();
        let spread = tries[199] - tries[0];
        tries.dedup();
        assert!(
            tries.len() > 150 && spread > 1_000,
            "{} {spread}",
            tries.len()
        );
    }
}
