//! How fast frames may go.
//!
//! With a limit, frames of both lanes take from one bucket and backlog from a second one that
//! fills with its share. A frame may overdraw a bucket, which then stays shut until it is
//! above zero again: a large frame on a slow link must still go at some time.
//!
//! With or without one, backlog gives way: when live frames wait long for their receipts, less
//! of it may be under way (halved), and more again (by what was delivered) when they do not.
//! So a link whose speed nobody knows is filled, and a queue before it stays short.

use super::Lane;

/// How much may go over the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most bytes in a second.
    pub bytes_per_second: Option<u64>,
    /// Of these, for backlog: 1 to 100.
    pub backlog_percent: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_per_second: None,
            backlog_percent: 100,
        }
    }
}

/// A live frame that waits longer for its receipt stands in a queue.
const SLOW_MS: u64 = 1_000;
/// Backlog under way: at first, at least, at most.
const WINDOW: u64 = 64 << 10;
const WINDOW_MIN: u64 = 4 << 10;
const WINDOW_MAX: u64 = 16 << 20;
/// What a frame takes on the link beside its bytes: topic, MQTT, TCP and IP.
const AROUND_BYTES: u64 = 128;

/// The pace of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Limits,
    /// Thousandths of a byte that may go now, by lane: live is the bucket of all.
    credit: [i64; 2],
    filled: u64,
    backlog_window: u64,
    /// No further halving before: what is under way has to show the last one first.
    halved_until: u64,
}

impl Pace {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            credit: [0, 0],
            filled: 0,
            backlog_window: WINDOW,
            halved_until: 0,
        }
    }

    /// Other limits from now on. What was overdrawn under the old ones is forgiven.
    pub(super) const fn limit(&mut self, limits: Limits) {
        self.limits = limits;
        self.credit = [0, 0];
    }

    /// Bytes in a second for a lane.
    fn rate(&self, lane: Lane) -> Option<u64> {
        let rate = self.limits.bytes_per_second?;
        Some(match lane {
            Lane::Live => rate,
            Lane::Backlog => (rate * self.limits.backlog_percent / 100).max(1),
        })
    }

    fn fill(&mut self, now: u64) {
        let passed = now.saturating_sub(self.filled);
        self.filled = now.max(self.filled);
        for lane in [Lane::Live, Lane::Backlog] {
            if let Some(rate) = self.rate(lane) {
                let rate = i64::try_from(rate).unwrap_or(i64::MAX);
                let more = rate.saturating_mul(i64::try_from(passed).unwrap_or(i64::MAX));
                let credit = &mut self.credit[lane as usize];
                // At most what one second gives may be saved up.
                *credit = credit.saturating_add(more).min(rate.saturating_mul(1_000));
            }
        }
    }

    /// Whether a frame may go, with so many bytes of its lane under way.
    pub(super) fn allows(&mut self, lane: Lane, under_way: u64, now: u64) -> bool {
        if lane == Lane::Backlog && under_way >= self.backlog_window {
            return false;
        }
        self.limits.bytes_per_second.is_none() || {
            self.fill(now);
            self.credit[0] > 0 && self.credit[lane as usize] > 0
        }
    }

    /// When the buckets that a lane takes from are above zero again; `None` when they are.
    pub(super) fn opens_at(&self, lane: Lane) -> Option<u64> {
        let shut = |bucket: Lane| {
            let rate = i64::try_from(self.rate(bucket)?).unwrap_or(i64::MAX);
            let lacks = -self.credit[bucket as usize];
            let wait = (lacks >= 0).then(|| lacks / rate + 1)?;
            Some(self.filled + u64::try_from(wait).unwrap_or(0))
        };
        shut(Lane::Live).max(shut(lane))
    }

    /// A frame went.
    pub(super) fn sent(&mut self, lane: Lane, bytes: u64) {
        if self.limits.bytes_per_second.is_none() {
            return;
        }
        let cost = i64::try_from((bytes + AROUND_BYTES) * 1_000).unwrap_or(i64::MAX);
        self.credit[0] = self.credit[0].saturating_sub(cost);
        if lane == Lane::Backlog {
            self.credit[1] = self.credit[1].saturating_sub(cost);
        }
    }

    /// A frame was receipted so long after it went for the first time.
    pub(super) fn delivered(&mut self, lane: Lane, bytes: u64, after_ms: u64, now: u64) {
        match lane {
            Lane::Live if after_ms > SLOW_MS => {
                if now >= self.halved_until {
                    self.backlog_window = (self.backlog_window / 2).max(WINDOW_MIN);
                    self.halved_until = now + after_ms;
                }
            }
            Lane::Live => {}
            Lane::Backlog => {
                if now >= self.halved_until {
                    self.backlog_window = (self.backlog_window + bytes).min(WINDOW_MAX);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(bytes_per_second: u64, backlog_percent: u64) -> Pace {
        Pace::new(Limits {
            bytes_per_second: Some(bytes_per_second),
            backlog_percent,
        })
    }

    /// Sends whatever may go for a simulated minute. Returns bytes by lane.
    fn minute(pace: &mut Pace, wants: [bool; 2], bytes: u64) -> [u64; 2] {
        let mut sent = [0; 2];
        for now in 0..60_000 {
            for lane in [Lane::Live, Lane::Backlog] {
                while wants[lane as usize] && pace.allows(lane, 0, now) {
                    pace.sent(lane, bytes);
                    sent[lane as usize] += bytes + AROUND_BYTES;
                }
            }
        }
        sent
    }

    #[test]
    fn a_limit_holds_and_backlog_keeps_to_its_share() {
        let [live, backlog] = minute(&mut limited(8_000, 25), [false, true], 500);
        assert_eq!(live, 0);
        assert!((119_000..=123_000).contains(&backlog), "{backlog}");
        let [live, backlog] = minute(&mut limited(8_000, 25), [true, true], 500);
        // Live goes first and may take all of it.
        assert!(
            (479_000..=489_000).contains(&(live + backlog)),
            "{live} {backlog}"
        );
        assert!(live > 470_000, "{live}");
    }

    #[test]
    fn a_frame_larger_than_a_second_goes_and_is_paid_for() {
        let mut pace = limited(1_000, 50);
        assert!(pace.allows(Lane::Backlog, 0, 1));
        pace.sent(Lane::Backlog, 100_000);
        assert!(!pace.allows(Lane::Live, 0, 50_000));
        let opens = pace.opens_at(Lane::Live).unwrap();
        assert!((100_000..101_000).contains(&opens), "{opens}");
        let later = pace.opens_at(Lane::Backlog).unwrap();
        assert!((200_000..202_000).contains(&later), "{later}");
        assert!(pace.allows(Lane::Live, 0, opens));
        assert_eq!(pace.opens_at(Lane::Live), None);
        assert!(!pace.allows(Lane::Backlog, 0, opens));
    }

    #[test]
    fn backlog_gives_way_when_live_frames_wait_and_comes_back() {
        let mut pace = Pace::new(Limits::default());
        assert!(pace.allows(Lane::Backlog, WINDOW - 1, 0));
        assert!(!pace.allows(Lane::Backlog, WINDOW, 0));
        for now in [0, 500, 2_999, 3_000, 6_000] {
            pace.delivered(Lane::Live, 100, 3_000, now);
        }
        // Halved at 0, 3,000 and 6,000 only.
        assert!(!pace.allows(Lane::Backlog, WINDOW / 8, 6_000));
        assert!(pace.allows(Lane::Backlog, WINDOW / 8 - 1, 6_000));
        pace.delivered(Lane::Live, 100, 20, 20_000);
        for at in 0..100 {
            pace.delivered(Lane::Backlog, 10_000, 50, 20_000 + at);
        }
        assert!(pace.allows(Lane::Backlog, 1_000_000, 20_100));
        assert!(pace.allows(Lane::Live, u64::MAX, 20_100));
    }
}
