//! From a JSON payload to samples. Pure and total: any bytes give samples or reasons.
//!
//! A payload that is no JSON costs every point of its topic a sample without value; a field
//! that is missing, null or of another type costs its own point one. A device's time is
//! taken when it can be right; else the time of arrival stands, and the value is uncertain.

use std::time::Duration;

use fenghuo_model::sample::TEXT_BYTES_MAX;
use fenghuo_model::{Limits, Reading, Reason, Sample, Timestamp, Value, ValueType};
use serde_json::Value as Json;

use super::time::TimeField;
use crate::source::bad;
use crate::source::change::Exception;
use crate::source::modbus::decode::within;

/// Longest payload that is looked at.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 10;
/// A device's time further ahead of the read clock than this cannot be right.
pub const AHEAD_MAX: Duration = Duration::from_hours(24);

/// What a topic's payloads hold.
#[derive(Clone, PartialEq, Debug)]
pub struct Mapping {
    /// Topic filter.
    pub filter: String,
    /// Where the time stands; the time of arrival without.
    pub time: Option<TimeField>,
    /// What is taken out.
    pub fields: Vec<Field>,
}

/// One point of a payload.
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    /// Its place in the catalog.
    pub index: u32,
    /// JSON pointer.
    pub pointer: String,
    /// The type of its values.
    pub value_type: ValueType,
    /// `number * scale + offset`, when the point has either.
    pub linear: Option<(f64, f64)>,
    /// What the instrument can measure, after scaling.
    pub range: Option<Limits>,
    /// When it is worth reporting; always without.
    pub exception: Option<Exception>,
}

/// A payload's readings, or why it has none.
#[derive(Debug)]
pub enum Mapped {
    /// One sample for each field.
    Samples(Vec<(u32, Sample)>),
    /// It is not JSON, or too long: every field's sample without value.
    Malformed(Vec<(u32, Sample)>),
}

impl Mapping {
    /// Reads a payload that arrived at `now`. A retained one may be of any age.
    #[must_use]
    pub fn read(&self, payload: &[u8], is_retained: bool, now: Timestamp) -> Mapped {
        let json = (payload.len() <= PAYLOAD_BYTES_MAX)
            .then(|| serde_json::from_slice::<Json>(payload).ok())
            .flatten();
        let Some(json) = json else {
            let all = self.fields.iter();
            let all = all.map(|field| (field.index, bad(now, Reason::BadPayload)));
            return Mapped::Malformed(all.collect());
        };
        let given = self.time.as_ref().map(|time| {
            let time = time.read(&json);
            time.filter(|time| *time <= now.plus(AHEAD_MAX))
        });
        let (time, is_sure) = match given {
            Some(Some(time)) => (time, true),
            Some(None) => (now, false),
            None => (now, !is_retained),
        };
        let samples = self.fields.iter().map(|field| {
            let reading = match field.read(&json) {
                Reading::Good(value) if !is_sure => Reading::Uncertain(value, Reason::DeviceTime),
                reading => reading,
            };
            (field.index, Sample { time, reading })
        });
        Mapped::Samples(samples.collect())
    }

    /// Every field's sample without value.
    #[must_use]
    pub fn all_bad(&self, now: Timestamp, reason: Reason) -> Vec<(u32, Sample)> {
        let all = self.fields.iter();
        all.map(|field| (field.index, bad(now, reason))).collect()
    }
}

impl Field {
    fn read(&self, payload: &Json) -> Reading {
        let field = match payload.pointer(&self.pointer) {
            None | Some(Json::Null) => return Reading::Bad(Reason::MissingField),
            Some(field) => field,
        };
        let value = match self.linear {
            Some((scale, offset)) => match field.as_f64() {
                None => None,
                Some(number) => match Value::finite(number * scale + offset) {
                    None => return Reading::Bad(Reason::NotANumber),
                    value => value,
                },
            },
            None => plain(self.value_type, field),
        };
        value.map_or(Reading::Bad(Reason::WrongType), |value| {
            within(self.range, value)
        })
    }
}

fn plain(value_type: ValueType, field: &Json) -> Option<Value> {
    match value_type {
        ValueType::F64 => field.as_f64().and_then(Value::finite),
        ValueType::I64 => field.as_i64().or_else(|| whole(field)).map(Value::I64),
        ValueType::U64 => {
            let whole = || whole(field).and_then(|number| u64::try_from(number).ok());
            field.as_u64().or_else(whole).map(Value::U64)
        }
        // Many devices write states as 0 and 1; any other number is not a state.
        ValueType::Bool => match field.as_u64() {
            Some(0) => Some(Value::Bool(false)),
            Some(1) => Some(Value::Bool(true)),
            _ => field.as_bool().map(Value::Bool),
        },
        ValueType::Text => field
            .as_str()
            .filter(|text| text.len() <= TEXT_BYTES_MAX)
            .map(|text| Value::Text(text.to_owned())),
    }
}

/// A whole number that was written with a point, such as `3.0`.
#[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
fn whole(field: &Json) -> Option<i64> {
    let number = field.as_f64()?;
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests;
