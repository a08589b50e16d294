//! Instants as milliseconds since the Unix epoch, UTC; people read them in China's time.
//!
//! There is one way to write an instant for people, [`Timestamp`]'s `Display`, and it always
//! shows its offset from UTC: a command and a notice about one alarm must say the same.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// China's offset from UTC, where the plants stand: in minutes. No daylight saving since 1991.
pub const CHINA_OFFSET_MIN: i32 = 8 * 60;
const DAY_MS: i64 = 86_400_000;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant that storage can hold: the epoch.
    pub const MIN: Self = Self(0);
    /// The latest instant that storage can hold: 2^42 - 1 ms, in the year 2109.
    pub const MAX: Self = Self((1 << 42) - 1);

    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whether storage can hold it: [`Timestamp::MIN`] to [`Timestamp::MAX`].
    #[must_use]
    pub fn is_storable(self) -> bool {
        (Self::MIN..=Self::MAX).contains(&self)
    }

    /// This instant moved later; stops at the type's end.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(ms))
    }

    /// This instant moved earlier; stops at the type's end.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(ms))
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let ms = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in China's time with milliseconds, `2026-11-23T08:00:00.040+08:00`; `{:#}` is
    /// for sentences, `2026-11-23 08:00:00 +08:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self
            .0
            .saturating_add(i64::from(CHINA_OFFSET_MIN).saturating_mul(60_000));
        let (days, ms) = (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS));
        let (year, month, day) = date_of(days);
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        let (hours, minutes) = (CHINA_OFFSET_MIN / 60, CHINA_OFFSET_MIN % 60);
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        if f.alternate() {
            write!(f, " {h:02}:{m:02}:{s:02} ")?;
        } else {
            write!(f, "T{h:02}:{m:02}:{s:02}.{:03}", ms % 1_000)?;
        }
        write!(f, "+{hours:02}:{minutes:02}")
    }
}

/// Year, month and day of so many days since 1970-01-01, by the civil-from-days method on the
/// proleptic Gregorian calendar.
#[must_use]
pub const fn date_of(days: i64) -> (i64, i64, i64) {
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let early = if month <= 2 { 1 } else { 0 };
    (year_of_era + era * 400 + early, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_in_chinas_time_with_their_offset() {
        let show = |ms| Timestamp::from_millis(ms).to_string();
        assert_eq!(show(0), "1970-01-01T08:00:00.000+08:00");
        assert_eq!(show(951_782_400_123), "2000-02-29T08:00:00.123+08:00");
        assert_eq!(show(1_795_392_000_000), "2026-11-23T08:00:00.000+08:00");
        assert_eq!(show(-28_800_001), "1969-12-31T23:59:59.999+08:00");
        // A day begins eight hours before it does in UTC.
        assert_eq!(show(1_795_363_200_000), "2026-11-23T00:00:00.000+08:00");
        let at = Timestamp::from_millis(1_795_363_199_999);
        assert_eq!(format!("{at:#}"), "2026-11-22 23:59:59 +08:00");
    }

    #[test]
    fn no_instant_is_too_far_to_print() {
        for ms in [i64::MIN, i64::MAX] {
            assert!(Timestamp::from_millis(ms).to_string().ends_with("+08:00"));
        }
    }

    #[test]
    fn spans_never_wrap() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::MIN.since(end), Duration::ZERO);
    }
}
