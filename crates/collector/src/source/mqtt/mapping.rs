//! From a payload to samples. Pure and total: any bytes give samples or reasons.
//!
//! A payload that cannot be read costs every point of its topic a sample without value; a
//! field that is missing, null or of another type costs its own point one. A device's time is
//! taken when it can be right; else the time of arrival stands, and the value is uncertain.

use std::time::Duration;

use fenghuo_model::{Reading, Reason, Sample, Timestamp};

use super::point::Point;
use super::topic::Filter;
use crate::source::bad;

pub mod csv;
pub mod flag;
pub mod json;

use csv::Csv;
use json::{Items, Object};

/// Longest payload that is looked at.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 10;
/// Most rows or items of one payload; more are not what a mapping was written for.
pub const ROWS_MAX: usize = 1_000;
/// A device's time further ahead of the read clock than this cannot be right.
pub const AHEAD_MAX: Duration = Duration::from_hours(24);
/// A device's time before this cannot be right either: its clock has lost its battery and
/// started again at 1970 or 2000. Its values are of now, and must be judged as such.
pub const EARLIEST: Timestamp = Timestamp::from_millis(1_577_836_800_000);

/// What the payloads of some topics hold.
#[derive(Clone, PartialEq, Debug)]
pub struct Mapping {
    /// The topics.
    pub filter: Filter,
    /// What stands there.
    pub payload: Payload,
}

/// How a payload is written, and where in it each point stands.
#[derive(Clone, PartialEq, Debug)]
pub enum Payload {
    /// A JSON value with points at fixed places.
    Json(Object),
    /// A JSON array of items, each of which names its point.
    Items(Items),
    /// The whole payload is the value, of each of these points.
    Text(Vec<Point>),
    /// Lines of columns.
    Csv(Csv),
}

/// A sample of the payload's n-th point, in the order of [`Payload::points`].
pub type Slotted = (usize, Sample);

/// A payload's readings, or why it has none.
#[derive(Debug)]
pub enum Mapped {
    /// What its points read, in the order of the payload.
    Samples(Vec<Slotted>),
    /// It is not what the mapping expects: every point's sample without value.
    Malformed(Vec<Slotted>),
}

impl Payload {
    /// Its points.
    #[must_use]
    pub fn points(&self) -> Vec<&Point> {
        match self {
            Self::Json(object) => object.fields.iter().map(|field| &field.point).collect(),
            Self::Items(items) => items.items.iter().map(|item| &item.point).collect(),
            Self::Text(points) => points.iter().collect(),
            Self::Csv(csv) => csv.cells.iter().map(|cell| &cell.point).collect(),
        }
    }

    /// Reads a payload that arrived at `now`. A retained one may be of any age.
    #[must_use]
    pub fn read(&self, payload: &[u8], is_retained: bool, now: Timestamp) -> Mapped {
        let arrival = Arrival { now, is_retained };
        let samples = (payload.len() <= PAYLOAD_BYTES_MAX)
            .then(|| match self {
                Self::Json(object) => object.read(payload, arrival),
                Self::Items(items) => items.read(payload, arrival),
                Self::Text(points) => text(points, payload, arrival),
                Self::Csv(csv) => csv.read(payload, arrival),
            })
            .flatten();
        samples.map_or_else(
            || Mapped::Malformed(self.all_bad(now, Reason::BadPayload)),
            Mapped::Samples,
        )
    }

    /// Every point's sample without value.
    #[must_use]
    pub fn all_bad(&self, now: Timestamp, reason: Reason) -> Vec<Slotted> {
        let slots = 0..self.points().len();
        slots.map(|slot| (slot, bad(now, reason))).collect()
    }
}

/// The whole payload as a text; `None` when it is none.
fn text(points: &[Point], payload: &[u8], arrival: Arrival) -> Option<Vec<Slotted>> {
    let text = std::str::from_utf8(payload).ok()?.trim();
    let when = arrival.when(None);
    let samples = points.iter().enumerate().map(|(slot, point)| {
        let reading = point.read(point.of_text(text));
        (slot, when.sample(reading))
    });
    Some(samples.collect())
}

/// When a payload came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// The read clock.
    pub now: Timestamp,
    /// Whether the broker had kept it.
    pub is_retained: bool,
}

/// The time of a reading, and whether it is sure.
#[derive(Clone, Copy, Debug)]
pub struct When {
    time: Timestamp,
    is_sure: bool,
}

impl Arrival {
    /// The time to stand: the one that the device gave, if it gives any (the outer option) and
    /// this one can be right (the inner).
    #[must_use]
    pub fn when(self, given: Option<Option<Timestamp>>) -> When {
        let can_be = |time: &Timestamp| *time >= EARLIEST && *time <= self.now.plus(AHEAD_MAX);
        match given.map(|time| time.filter(can_be)) {
            Some(Some(time)) => When {
                time,
                is_sure: true,
            },
            Some(None) => When {
                time: self.now,
                is_sure: false,
            },
            None => When {
                time: self.now,
                is_sure: !self.is_retained,
            },
        }
    }
}

impl When {
    /// Whether the device gave it, or nobody had to.
    #[must_use]
    pub const fn is_sure(self) -> bool {
        self.is_sure
    }

    /// A reading of this time.
    #[must_use]
    pub fn sample(self, reading: Reading) -> Sample {
        let reading = match reading {
            Reading::Good(value) if !self.is_sure => Reading::Uncertain(value, Reason::DeviceTime),
            reading => reading,
        };
        let time = self.time;
        Sample { time, reading }
    }
}

#[cfg(test)]
mod tests;
