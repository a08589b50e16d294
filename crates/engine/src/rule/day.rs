//! Days without a time: until when a standard is valid.

use std::fmt;

use fenghuo_model::{Timestamp, date_of};
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// A calendar day, as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Day(i64);

impl Day {
    /// Reads `2027-01-01`; days before 1970 and days that no calendar has are none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        day_number(text).map(Self)
    }

    /// The day at an instant, where clocks are so many minutes ahead of UTC.
    #[must_use]
    pub const fn of(at: Timestamp, utc_offset_min: i32) -> Self {
        let local = at.as_millis() + utc_offset_min as i64 * MINUTE_MS;
        Self(local.div_euclid(DAY_MS))
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
fn day_number(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let shaped = year.len() == 4 && month.len() == 2 && day.len() == 2 && parts.next().is_none();
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !shaped || !digits {
        return None;
    }
    let (year, month, day): (i64, i64, i64) =
        (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month - 1).ok()?;
    if !(1..=*lengths.get(index)?).contains(&day) || year < 1970 {
        return None;
    }
    let years = (1970..year).map(|y| {
        let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
        if leap { 366 } else { 365 }
    });
    Some(years.sum::<i64>() + lengths[..index].iter().sum::<i64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_and_print() {
        for text in ["1970-01-01", "2024-02-29", "2027-01-01", "2100-12-31"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "2027-02-29",
            "2027-13-01",
            "2027-1-1",
            "27-01-01",
            "",
            "2027-01-01T",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_local_midnight() {
        let at = Timestamp::from_millis(1_795_392_000_000); // 2026-11-23T00:00Z
        assert_eq!(Day::of(at, 0).to_string(), "2026-11-23");
        assert_eq!(Day::of(at, 480).to_string(), "2026-11-23");
        assert_eq!(Day::of(at, -1).to_string(), "2026-11-22");
    }
}
