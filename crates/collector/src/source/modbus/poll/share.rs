//! How much of a line's time may go to units that do not answer. Pure.
//!
//! Each try of a silent unit costs a time-out, and there may be more dead slaves on a line
//! than live ones. All of them together get [`SHARE`] of the line's time: at first a few tries
//! in a row, so that one that just died is known soon, and from then on what was spent is
//! waited for.

/// One part in so many.
pub const SHARE: u64 = 5;
/// How many tries may be saved up.
pub const TRIES: u64 = 3;

/// What may be spent, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// When everything that was spent is earned again.
    even_at: u64,
    /// How long before that it may be spent.
    saved: u64,
}

impl Share {
    /// Everything is saved up; a try costs so much.
    pub const fn new(try_ms: u64) -> Self {
        Self {
            even_at: 0,
            saved: try_ms * TRIES * SHARE,
        }
    }

    /// When a silent unit may be tried.
    pub const fn open_at(&self) -> u64 {
        self.even_at.saturating_sub(self.saved)
    }

    /// A try took so long, and brought nothing.
    pub fn spend(&mut self, ms: u64, now: u64) {
        self.even_at = self.even_at.max(now) + ms * SHARE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_take_a_fifth_of_the_time() {
        let mut share = Share::new(100);
        let (mut now, mut spent, mut first) = (10_000, 0, Vec::new());
        let begun = now;
        while now < begun + 100_000 {
            if now >= share.open_at() {
                if first.len() < 6 {
                    first.push(now - begun);
                }
                now += 100;
                spent += 100;
                share.spend(100, now);
            } else {
                now += 10;
            }
        }
        assert!((19_000..=21_000).contains(&spent), "{spent}");
        assert_eq!(first[..4], [0, 100, 200, 300], "{first:?}");
        assert!(first[5] - first[4] >= 490, "{first:?}");
    }
}
