//! The time that a device gives with its values: a number, RFC 3339, or a local time in a
//! pattern of its own. Pure.

use fenghuo_model::Timestamp;
use serde_json::Value as Json;

mod pattern;

pub use pattern::Pattern;

/// How a payload writes time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimeFormat {
    /// A number since 1970, or the same as a text.
    Epoch(Tick),
    /// `2026-11-23T08:00:00.5+08:00`.
    Rfc3339,
    /// As the pattern says.
    Local(Pattern),
}

/// What a number since 1970 counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tick {
    /// Seconds, with or without a fraction.
    Second,
    /// Thousandths.
    Milli,
    /// Millionths.
    Micro,
    /// Billionths.
    Nano,
}

impl Tick {
    const fn millis(self) -> f64 {
        match self {
            Self::Second => 1_000.0,
            Self::Milli => 1.0,
            Self::Micro => 1e-3,
            Self::Nano => 1e-6,
        }
    }
}

impl TimeFormat {
    /// By its name in configuration; a pattern has none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "s" => Some(Self::Epoch(Tick::Second)),
            "ms" => Some(Self::Epoch(Tick::Milli)),
            "us" => Some(Self::Epoch(Tick::Micro)),
            "ns" => Some(Self::Epoch(Tick::Nano)),
            "rfc3339" => Some(Self::Rfc3339),
            _ => None,
        }
    }

    /// The time that a field holds; `None` when it is none that storage can hold.
    #[must_use]
    pub fn of_json(&self, field: &Json) -> Option<Timestamp> {
        match (self, field) {
            (_, Json::String(text)) => self.of_text(text),
            (Self::Epoch(tick), Json::Number(number)) => since_1970(number.as_f64()?, *tick),
            // A date in one number, such as 20261123080000.
            (Self::Local(_), Json::Number(number)) => self.of_text(&number.to_string()),
            _ => None,
        }
    }

    /// The same for a text.
    #[must_use]
    pub fn of_text(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        let time = match self {
            Self::Epoch(tick) => since_1970(text.parse().ok()?, *tick)?,
            Self::Rfc3339 => rfc3339(text)?,
            Self::Local(pattern) => pattern.read(text)?,
        };
        Some(time).filter(|time| time.is_storable())
    }
}

/// Within 2^53 every millisecond is exact; more is not storable.
#[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
fn since_1970(count: f64, tick: Tick) -> Option<Timestamp> {
    let ms = count * tick.millis();
    (0.0..=9e15)
        .contains(&ms)
        .then(|| Timestamp::from_millis(ms.round() as i64))
        .filter(|time| time.is_storable())
}

/// RFC 3339, to the millisecond. A leap second is taken as the second after.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, count: usize| -> Option<i64> {
        let part = text.get(from..from + count)?;
        part.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        part.parse().ok()
    };
    let sign_at = |at: usize, wanted: &[u8]| -> Option<()> {
        wanted.contains(text.as_bytes().get(at)?).then_some(())
    };
    sign_at(4, b"-")?;
    sign_at(7, b"-")?;
    sign_at(10, b"Tt ")?;
    sign_at(13, b":")?;
    sign_at(16, b":")?;
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    let fits = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let rest = text.get(19..)?;
    let (ms, zone) = fraction(rest)?;
    let offset = offset_minutes(zone)?;
    let minutes = days(year, month, day) * 1_440 + hour * 60 + minute - offset;
    fits.then(|| Timestamp::from_millis((minutes * 60 + second) * 1_000 + ms))
}

/// Milliseconds of `.123` and what follows it.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(rest) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    let padded = format!("{:0<3}", rest.get(..end)?);
    (end > 0).then_some(())?;
    Some((padded.get(..3)?.parse().ok()?, rest.get(end..)?))
}

fn offset_minutes(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let part = |text: &str, max| {
        let is_two_digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_two_digits
            .then(|| text.parse::<i64>().ok())?
            .filter(|n| *n <= max)
    };
    Some(sign * (part(hours, 23)? * 60 + part(minutes, 59)?))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a civil date: years counted from March, in 400-year eras.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(format: &str, field: Json) -> Option<i64> {
        let format = TimeFormat::parse(format).unwrap();
        format.of_json(&field).map(Timestamp::as_millis)
    }

    #[test]
    fn numbers_since_1970_may_be_texts() {
        let wanted = Some(1_795_392_000_123);
        for (format, field) in [
            ("ms", json!(1_795_392_000_123_u64)),
            ("ms", json!("1795392000123")),
            ("s", json!(1_795_392_000.123)),
            ("s", json!(" 1795392000.123 ")),
            ("us", json!(1_795_392_000_123_456_u64)),
            ("ns", json!(1_795_392_000_123_456_789_u64)),
            ("ns", json!("1795392000123456789")),
        ] {
            assert_eq!(read(format, field.clone()), wanted, "{format} {field}");
        }
        for bad in [
            json!(-1),
            json!("noon"),
            json!(""),
            json!(null),
            json!(1e300),
            json!("inf"),
            json!(true),
            json!([1]),
        ] {
            assert_eq!(read("ms", bad.clone()), None, "{bad}");
        }
        // More than storage holds.
        assert_eq!(read("s", json!(1_795_392_000_123_u64)), None);
    }

    #[test]
    fn rfc_3339_texts_are_read_to_the_millisecond() {
        let read = |text: &str| read("rfc3339", json!(text));
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("2000-02-29T00:00:00.123Z"), Some(951_782_400_123));
        assert_eq!(read("2026-11-23T08:00:00+08:00"), Some(1_795_392_000_000));
        assert_eq!(read("2026-11-22T18:30:00.5-05:30"), Some(1_795_392_000_500));
        assert_eq!(
            read("2026-11-23t00:00:00.1239999z"),
            Some(1_795_392_000_123)
        );
        for bad in [
            "2026-11-23",
            "2026-11-23T08:00:00",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T08:00:00.Z",
            "2026-11-23T08:00:00+8:00",
            "2026-11-23T08:00:00Zx",
            "２026-11-23T08:00:00Z",
            "",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn it_reads_what_timestamps_print() {
        for ms in (0..4_000_000_000_000).step_by(86_399_999_017) {
            let text = Timestamp::from_millis(ms).to_string();
            assert_eq!(read("rfc3339", json!(text)), Some(ms));
        }
    }
}
