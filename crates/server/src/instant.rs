//! Instants as people write them on the command line and in queries.
//!
//! `2026-11-23T08:00:00Z`, with `+08:00` in its place, without either (then it is China's
//! time, as in rule files), `2026-11-23T08:00`, `2026-11-23`, or milliseconds since 1970.

use fenghuo_model::{CHINA_OFFSET_MIN, Timestamp};

/// China's, where an instant says no other.
const OFFSET_MIN: i64 = CHINA_OFFSET_MIN as i64;

/// Reads one; none when it is not an instant that can be stored.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(ms) = text.parse::<i64>() {
        return storable(ms);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let days = days(date)?;
    let (clock, offset) = match rest.strip_prefix(['T', ' ']) {
        None if rest.is_empty() => ("00:00", Some(OFFSET_MIN)),
        None => return None,
        Some(rest) => zone(rest),
    };
    let ms = clock_ms(clock)?;
    storable(days * 86_400_000 + ms - offset? * 60_000)
}

/// Reads one for clap.
///
/// # Errors
/// When it is none.
pub fn parse_arg(text: &str) -> Result<Timestamp, String> {
    parse(text).ok_or_else(|| "an instant like 2026-11-23T08:00:00+08:00 is expected".to_owned())
}

fn storable(ms: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(ms)).filter(|at| at.is_storable())
}

/// The clock and the distance from UTC in minutes.
fn zone(rest: &str) -> (&str, Option<i64>) {
    if let Some(clock) = rest.strip_suffix('Z') {
        return (clock, Some(0));
    }
    let Some(at) = rest.rfind(['+', '-']) else {
        return (rest, Some(OFFSET_MIN));
    };
    let sign = if rest[at..].starts_with('-') { -1 } else { 1 };
    let minutes = clock_ms(&rest[at + 1..]).map(|ms| sign * ms / 60_000);
    (&rest[..at], minutes)
}

fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [
        31,
        if leap { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = *lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if parts.next().is_some() || !(1970..=2109).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let before = year - 1;
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(before) - leaps(1969);
    let months: i64 = lengths[..usize::try_from(month - 1).ok()?].iter().sum();
    Some(years + months + day - 1)
}

fn clock_ms(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let number = |part: &str| part.parse::<i64>().ok();
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let second: f64 = parts.next().map_or(Some(0.0), |part| part.parse().ok())?;
    let fits = (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..60.0).contains(&second)
        && parts.next().is_none();
    #[expect(clippy::cast_possible_truncation, reason = "below 60,000")]
    let ms = (second * 1e3).round() as i64;
    fits.then_some((hour * 60 + minute) * 60_000 + ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_instant() {
        let ms = |text| parse(text).map(Timestamp::as_millis);
        assert_eq!(ms("2026-11-23T00:00:00Z"), Some(1_795_392_000_000));
        assert_eq!(ms("2026-11-23T08:00:00+08:00"), Some(1_795_392_000_000));
        assert_eq!(ms("2026-11-23 08:00"), Some(1_795_392_000_000));
        assert_eq!(ms("2026-11-22T19:00:00.250-05:00"), Some(1_795_392_000_250));
        assert_eq!(ms("1795392000000"), Some(1_795_392_000_000));
        assert_eq!(ms("2000-03-01T00:00:00Z"), Some(951_868_800_000));
        for wrong in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-11-23T24:00",
            "gestern",
            "-5",
            "2026-11-23x",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }
}
