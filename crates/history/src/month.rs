//! Calendar months in UTC: one file each, so that retention is an unlink.

use std::fmt;

use fenghuo_model::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// A month, counted from January 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month(u16);

impl Month {
    /// The month that holds an instant; instants outside of what storage can hold count as
    /// the nearest one inside.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        let time = time.clamp(Timestamp::MIN, Timestamp::MAX);
        let (year, month) = civil_month(time.as_millis().div_euclid(DAY_MS));
        let count = (year - 1970) * 12 + month - 1;
        Self(u16::try_from(count).expect("a storable time lies in the months 0 to 1680"))
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        let (year, month) = self.year_month();
        Timestamp::from_millis(days_before(year, month) * DAY_MS)
    }

    /// The first instant after it.
    #[must_use]
    pub fn end(self) -> Timestamp {
        Self(self.0 + 1).start()
    }

    /// The month `count` earlier; January 1970 is the earliest.
    #[must_use]
    pub fn earlier(self, count: u16) -> Self {
        Self(self.0.saturating_sub(count))
    }

    /// The file that holds it.
    pub(crate) fn file_name(self) -> String {
        format!("ts-{self}.db")
    }

    /// The month that a file of this name holds.
    pub(crate) fn from_file_name(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("ts-")?.strip_suffix(".db")?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (year, month) = digits.split_at(4);
        let (year, month): (u16, u16) = (year.parse().ok()?, month.parse().ok()?);
        let plausible = (1970..=2109).contains(&year) && (1..=12).contains(&month);
        plausible.then(|| Self((year - 1970) * 12 + month - 1))
    }

    /// Its number, as `series.db` stores it.
    pub(crate) const fn number(self) -> u16 {
        self.0
    }

    /// From its number.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        u16::try_from(number).ok().map(Self)
    }

    fn year_month(self) -> (i64, i64) {
        let count = i64::from(self.0);
        (1970 + count / 12, count % 12 + 1)
    }
}

impl fmt::Display for Month {
    /// `YYYYMM`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.year_month();
        write!(f, "{year:04}{month:02}")
    }
}

/// Days from 1970-01-01 to the first of a month: the days-from-civil method, with years
/// that begin in March so that the leap day comes last.
fn days_before(year: i64, month: i64) -> i64 {
    let (year, shifted) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * shifted + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The year and month that hold a day, the same method backwards.
fn civil_month(days: i64) -> (i64, i64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_storable_month_meets_the_next_without_a_gap() {
        let last = Month::of(Timestamp::MAX);
        for number in 0..=last.0 {
            let month = Month(number);
            assert_eq!(Month::of(month.start()), month);
            let final_ms = Timestamp::from_millis(month.end().as_millis() - 1);
            assert_eq!(Month::of(final_ms.min(Timestamp::MAX)), month);
            assert_eq!(Month::from_file_name(&month.file_name()), Some(month));
        }
    }

    #[test]
    fn months_print_as_their_calendar_name() {
        let month = Month::of(Timestamp::from_millis(1_795_392_000_000));
        assert_eq!(month.to_string(), "202611");
        assert_eq!(month.start().to_string(), "2026-11-01T08:00:00.000+08:00");
        assert_eq!(month.end().to_string(), "2026-12-01T08:00:00.000+08:00");
        assert_eq!(month.earlier(12).to_string(), "202511");
        assert_eq!(Month::of(Timestamp::from_millis(-5)), Month(0));
    }

    #[test]
    fn other_names_are_no_months() {
        for name in [
            "ts-202613.db",
            "ts-20261.db",
            "ts-202611.db-wal",
            "series.db",
            "ts-+20261.db",
        ] {
            assert_eq!(Month::from_file_name(name), None, "{name}");
        }
    }
}
