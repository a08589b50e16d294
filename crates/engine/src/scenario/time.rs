//! Spans, instants and dates as scenarios write them.

use fenghuo_model::Timestamp;

use super::text::{Fault, Word};

/// Longest span or offset: 60 days.
pub const SPAN_MS_MAX: i64 = 60 * DAY_MS;
/// Where scenarios begin when they do not say so: Monday 2026-01-05 08:00 +08:00.
pub const START: Timestamp = Timestamp::from_millis(1_767_571_200_000);

const DAY_MS: i64 = 86_400_000;
/// In the order in which they are written.
const UNITS: [(&str, i64); 5] = [
    ("d", DAY_MS),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A span such as `500ms`, `1.5s`, `90s`, `2m` or `1h30m`.
pub fn span(text: &str) -> Option<i64> {
    let mut rest = text;
    let (mut total, mut units) = (0.0, UNITS.iter());
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let number: f64 = rest[..unit_at].parse().ok()?;
        let unit_end = rest[unit_at..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .map_or(rest.len(), |at| unit_at + at);
        let name = &rest[unit_at..unit_end];
        let (_, ms) = units.find(|(unit, _)| *unit == name)?;
        total += number * *ms as f64;
        rest = &rest[unit_end..];
    }
    let fits = !text.is_empty() && (0.0..=SPAN_MS_MAX as f64).contains(&total);
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    fits.then(|| total.round() as i64)
}

/// A span that must be there.
pub fn need_span(word: &Word<'_>) -> Result<i64, Fault> {
    let what = "a time such as 500ms, 1.5s, 2m or 1h30m is expected, at most 60 days";
    span(word.text).ok_or_else(|| word.fault(what))
}

/// `+90s` or `-1h`.
pub fn need_signed(word: &Word<'_>) -> Result<i64, Fault> {
    signed(word.text).ok_or_else(|| word.fault("a step such as +90s or -1h is expected"))
}

/// `+90s` or `-1h`.
pub fn signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(back) => Some(-span(back)?),
        None => span(text.strip_prefix('+')?),
    }
}

/// An offset as expected lines write it: plain seconds below ten minutes, `1h0m2s` above.
#[must_use]
pub fn offset(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let seconds = |ms: u64| {
        let (whole, part) = (ms / 1_000, ms % 1_000);
        if part == 0 {
            format!("{whole}s")
        } else {
            let text = format!("{whole}.{part:03}");
            format!("{}s", text.trim_end_matches('0'))
        }
    };
    if ms < 600_000 {
        return format!("{sign}{}", seconds(ms));
    }
    let (days, hours) = (ms / 86_400_000, ms / 3_600_000 % 24);
    let (minutes, rest) = (ms / 60_000 % 60, ms % 60_000);
    let mut text = sign.to_owned();
    for (count, unit) in [(days, "d"), (hours, "h"), (minutes, "m")] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if rest > 0 {
        text.push_str(&seconds(rest));
    }
    text
}

/// A date, a time of day and an offset from UTC: `2026-01-05`, `08:00` or `08:00:30`,
/// `+08:00` or `Z`.
pub fn instant(date: &str, clock: &str, zone: &str) -> Option<Timestamp> {
    let numbers = |text: &str, by: char| -> Option<Vec<i64>> {
        let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
        let part = |part: &str| digits(part).then(|| part.parse().ok()).flatten();
        text.split(by).map(part).collect()
    };
    let date = numbers(date, '-')?;
    let [year @ 1970..=2100, month @ 1..=12, day @ 1..=31] = date[..] else {
        return None;
    };
    let clock = numbers(clock, ':')?;
    let ([hour @ 0..=23, minute @ 0..=59] | [hour @ 0..=23, minute @ 0..=59, _]) = clock[..] else {
        return None;
    };
    let second = *clock.get(2).filter(|second| **second < 60).unwrap_or(&0);
    let zone_minutes = if zone == "Z" {
        0
    } else {
        let sign = match zone.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let [hours @ 0..=14, minutes @ 0..=59] = numbers(&zone[1..], ':')?[..] else {
            return None;
        };
        sign * (hours * 60 + minutes)
    };
    let minutes = days(year, month, day) * 1_440 + hour * 60 + minute - zone_minutes;
    Some(Timestamp::from_millis((minutes * 60 + second) * 1_000))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar: the year is taken to begin in
/// March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}
