//! Anomaly: how unusual a value is for this hour of the week.
//!
//! Sees how far the value is from what it was in the same hour of past weeks, in robust
//! standard deviations: `|value - median| / max(1.4826 * MAD, floor)`. Median and MAD (the
//! median distance from the median) are taken over one number a week; 1.4826 makes the MAD
//! of normal noise its standard deviation. It speaks of both directions.
//!
//! What is learned: the value at each full minute (the last sample's, for at most
//! [`HELD_MS_MAX`]); the median of an hour's minutes is that hour's number. An hour of which
//! fewer than [`MINUTES_MIN`] minutes were seen is not learned, and so a point that speaks
//! more rarely than every quarter of an hour never is. Of each hour of the week the newest
//! `weeks` numbers are kept. Nothing is taken out because an alarm was up: a median over the
//! weeks does not follow one bad week out of three, nor three out of eight. A state that lasts
//! for more than half of the weeks becomes the usual one: this detector finds what is new,
//! limits find what is wrong.
//!
//! Unknown: while the newest reading is bad (its reason), and as learning until `trust` weeks
//! of this hour are known. Doubtful values are judged, as doubtful, and not learned.
//!
//! Memory: [`HOURS`] hours with at most [`WEEKS_MAX`] numbers each and the minutes of one
//! hour: at most about 26 KiB, none of it before the first hour is learned. Cost: O(1) a
//! sample, a sort of at most 16 numbers twice an hour.
//!
//! ```toml
//! [[rule]]
//! id         = "fan.power.unusual"
//! title      = { zh = "风机功率异常", en = "Fan power unusual for this hour" }
//! select     = { kind = "power", machine = "main_fan" }
//! unit       = "kW"
//! detector   = "anomaly"
//! weeks      = 8
//! trust      = 3
//! floor      = 2.0
//! utc_offset = "+08:00"
//! [[rule.level]]
//! name     = "unusual"
//! above    = 6.0
//! reset    = 4.0
//! for      = "5min"
//! severity = "blue"
//! ```

use std::time::Duration;

use fenghuo_model::{Reason, Timestamp};
use serde::{Deserialize, Serialize};

use super::several::median;
use super::{Detect, Now, Seen};
use crate::event::Hold;
use crate::rule;

/// Hours in a week.
pub const HOURS: usize = 168;
/// Most weeks that are kept.
pub const WEEKS_MAX: usize = 16;
/// A sample stands for the minutes after it for at most so long.
pub const HELD_MS_MAX: u64 = 15 * 60_000;
/// Fewest minutes that make an hour known.
pub const MINUTES_MIN: usize = 30;
const MINUTES: usize = 60;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// 1970-01-01 was a Thursday: three days after a Monday, with which a week begins here.
const EPOCH_HOUR: i64 = 3 * 24;
/// The MAD of normal noise times this is its standard deviation.
const MAD_TO_DEVIATION: f64 = 1.4826;

/// The hour that is running.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Hour {
    /// Hours since 1970 in local time.
    number: i64,
    /// The values at its full minutes.
    minutes: Vec<f64>,
}

/// What is usual in an hour.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Usual {
    median: f64,
    /// The median distance from it.
    mad: f64,
}

/// What it remembers.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// By hour of the week, oldest week first; empty until an hour was learned.
    profile: Vec<Vec<f64>>,
    hour: Option<Hour>,
    /// The newest good value, and since when.
    held: Option<(Timestamp, f64)>,
    /// What is usual in the hour of this number.
    usual: Option<(i64, Option<Usual>)>,
}

impl Memory {
    /// What is usual at an instant: the median of past weeks and its robust standard
    /// deviation, for people to read. None before it is trusted.
    #[must_use]
    pub fn usual_at(&self, spec: &rule::Anomaly, at: Timestamp) -> Option<(f64, f64)> {
        let usual = self.usual_in(spec, hour_number(spec, at))?;
        Some((usual.median, deviation(spec, usual)))
    }

    fn usual_in(&self, spec: &rule::Anomaly, hour: i64) -> Option<Usual> {
        let weeks = self.profile.get(hour_of_week(hour))?;
        if weeks.len() < (spec.trust as usize).max(1) {
            return None;
        }
        let mut values = weeks.clone();
        let median_value = median(&mut values);
        for value in &mut values {
            *value = (*value - median_value).abs();
        }
        let mad = median(&mut values);
        Some(Usual {
            median: median_value,
            mad,
        })
    }

    /// Follows time and the newest reading.
    fn learn(&mut self, spec: &rule::Anomaly, at: Timestamp, reading: Result<(f64, bool), Hold>) {
        if let Some((since, value)) = self.held
            && at.since(since) <= Duration::from_millis(HELD_MS_MAX)
        {
            self.hold_minutes(spec, (since, at), value);
        }
        self.leave_hour(spec, hour_number(spec, at));
        self.held = match reading {
            Ok((value, false)) => Some((at, value)),
            Ok((_, true)) | Err(_) => None,
        };
    }

    /// The value stood at the full minutes from the one instant until before the other.
    fn hold_minutes(
        &mut self,
        spec: &rule::Anomaly,
        (from, until): (Timestamp, Timestamp),
        value: f64,
    ) {
        let first_after =
            |at: Timestamp| at.as_millis().saturating_sub(1).div_euclid(MINUTE_MS) + 1;
        for minute in first_after(from)..first_after(until) {
            let number = hour_number(spec, Timestamp::from_millis(minute * MINUTE_MS));
            self.leave_hour(spec, number);
            let hour = self.hour.get_or_insert_with(|| Hour {
                number,
                minutes: Vec::with_capacity(MINUTES),
            });
            if hour.minutes.len() < MINUTES {
                hour.minutes.push(value);
            }
        }
    }

    /// Learns the running hour when this is another one.
    fn leave_hour(&mut self, spec: &rule::Anomaly, now: i64) {
        if self.hour.as_ref().is_some_and(|hour| hour.number != now) {
            self.finish_hour(spec);
        }
    }

    fn finish_hour(&mut self, spec: &rule::Anomaly) {
        let Some(mut hour) = self.hour.take() else {
            return;
        };
        if hour.minutes.len() < MINUTES_MIN {
            return;
        }
        self.profile.resize_with(HOURS, Vec::new);
        let weeks = &mut self.profile[hour_of_week(hour.number)];
        weeks.push(median(&mut hour.minutes));
        keep_newest(weeks, spec);
        self.usual = None;
    }
}

impl Detect for Memory {
    type Spec = rule::Anomaly;

    fn see(&mut self, spec: &rule::Anomaly, now: &Now) -> Seen {
        if now.fresh {
            self.learn(spec, now.at, now.reading);
        }
        let (value, doubtful) = match now.reading {
            Ok(known) => known,
            Err(why) => return Seen::Unknown(why),
        };
        let hour = hour_number(spec, now.at);
        let usual = match self.usual {
            Some((of, usual)) if of == hour => usual,
            _ => {
                let usual = self.usual_in(spec, hour);
                self.usual = Some((hour, usual));
                usual
            }
        };
        let Some(usual) = usual else {
            return Seen::Unknown(Hold::Learning);
        };
        let score = (value - usual.median).abs() / deviation(spec, usual);
        if score.is_finite() {
            Seen::Number(score, doubtful)
        } else {
            Seen::Unknown(Hold::Reading(Reason::NotANumber))
        }
    }

    /// What is usual changes with the hour; it is looked at with each sample.
    fn due(&self, _: &rule::Anomaly) -> Option<Timestamp> {
        None
    }

    /// A clock that is set by a minute or more costs the hour in which that happens: its
    /// minutes may belong to another one.
    fn shift(&mut self, by_ms: i64) {
        if let Some((since, _)) = &mut self.held {
            *since = Timestamp::from_millis(since.as_millis().saturating_add(by_ms));
        }
        if by_ms.unsigned_abs() >= MINUTE_MS.unsigned_abs() {
            self.hour = None;
        }
    }

    /// The last value does not stand for the time of an absence.
    fn forget(&mut self, _: &rule::Anomaly) {
        self.held = None;
    }

    fn join(&mut self, spec: &rule::Anomaly, mut before: Self) {
        let began = self.hour.as_ref().map(|hour| hour.number);
        let began = began.or(self.held.map(|(since, _)| hour_number(spec, since)));
        match (&mut before.hour, &mut self.hour) {
            (Some(older), Some(newer)) if older.number == newer.number => {
                older.minutes.append(&mut newer.minutes);
                older.minutes.truncate(MINUTES);
                self.hour = before.hour.take();
            }
            (Some(older), None) if began.is_none_or(|began| began == older.number) => {
                self.hour = before.hour.take();
            }
            _ => before.finish_hour(spec),
        }
        if before.profile.is_empty() {
            before.profile = std::mem::take(&mut self.profile);
        }
        for (weeks, newer) in before.profile.iter_mut().zip(&mut self.profile) {
            weeks.append(newer);
            keep_newest(weeks, spec);
        }
        self.profile = before.profile;
        self.held = self.held.or(before.held);
        self.usual = None;
    }
}

fn keep_newest(weeks: &mut Vec<f64>, spec: &rule::Anomaly) {
    let kept = (spec.weeks as usize).clamp(1, WEEKS_MAX);
    weeks.drain(..weeks.len().saturating_sub(kept));
}

/// The robust standard deviation; never 0, so that a constant past divides nothing by it.
fn deviation(spec: &rule::Anomaly, usual: Usual) -> f64 {
    let floor = spec.floor.max(f64::MIN_POSITIVE);
    (MAD_TO_DEVIATION * usual.mad).max(floor)
}

fn hour_number(spec: &rule::Anomaly, at: Timestamp) -> i64 {
    let offset = i64::from(spec.utc_offset_min) * MINUTE_MS;
    at.as_millis().saturating_add(offset).div_euclid(HOUR_MS)
}

/// From 0, Monday 00:00.
fn hour_of_week(number: i64) -> usize {
    let hour = (number + EPOCH_HOUR).rem_euclid(HOURS as i64);
    usize::try_from(hour).unwrap_or(0)
}

#[cfg(test)]
mod tests;
