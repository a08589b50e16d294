//! The server's clock: time that passed, and time that was only set.
//!
//! What people wait for (the end of a shelf, a step of the closed loop, a repeat) runs on the
//! time that really passed. Between two ticks that is a second, or a few where the disk stood
//! still: a tick that shows anything else tells of a clock that was set, and every deadline
//! moves with it. Windows and calendars, which people name by the clock on the wall, do not.

use fenghuo_model::Timestamp;

/// From one tick to the next.
const TICK_MS: i64 = 1_000;
/// A tick may come so much later, in milliseconds.
const LATE_MS: i64 = 5_000;

/// How far the clock was set between two ticks, in milliseconds; 0 when it only went on.
pub fn set_between_ticks(last: Timestamp, at: Timestamp) -> i64 {
    let shown = between(last, at);
    if (0..=TICK_MS + LATE_MS).contains(&shown) {
        0
    } else {
        shown - TICK_MS
    }
}

/// How far it was set while the server was down, as far as that can be known: time does not
/// go back.
pub fn set_while_down(last: Timestamp, at: Timestamp) -> i64 {
    between(last, at).min(0)
}

/// What a person names by a clock that was set since the last tick, by the clock of then.
pub fn as_of(last: Timestamp, at: Timestamp, named: Timestamp) -> Timestamp {
    let shown = between(last, at);
    if (-TICK_MS..=TICK_MS + LATE_MS).contains(&shown) {
        named
    } else {
        moved(named, -shown)
    }
}

/// An instant by a clock that was set.
pub const fn moved(instant: Timestamp, by_ms: i64) -> Timestamp {
    Timestamp::from_millis(instant.as_millis().saturating_add(by_ms))
}

fn between(last: Timestamp, at: Timestamp) -> i64 {
    at.as_millis().saturating_sub(last.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000_000 + ms)
    }

    #[test]
    fn a_tick_that_shows_more_or_less_than_its_second_is_a_clock_that_was_set() {
        for (shown, set) in [
            (0, 0),
            (1_000, 0),
            (6_000, 0),
            (6_001, 5_001),
            (86_401_000, 86_400_000),
            (-1, -1_001),
            (-3_599_000, -3_600_000),
        ] {
            assert_eq!(set_between_ticks(at(0), at(shown)), set, "{shown}");
        }
    }

    #[test]
    fn a_downtime_passes_and_never_goes_back() {
        assert_eq!(set_while_down(at(0), at(86_400_000)), 0);
        assert_eq!(set_while_down(at(0), at(-5)), -5);
    }

    #[test]
    fn what_is_named_by_a_new_clock_lasts_as_long_by_the_old_one() {
        assert_eq!(as_of(at(0), at(900), at(60_900)), at(60_900));
        assert_eq!(as_of(at(0), at(-50), at(60_000)), at(60_000));
        let (day, hour) = (86_400_000, 3_600_000);
        assert_eq!(as_of(at(0), at(day), at(day + hour)), at(hour));
        assert_eq!(as_of(at(0), at(-day), at(hour - day)), at(hour));
    }
}
