//! One point of a payload: from what stands there to a reading. Pure and total.

use fenghuo_model::sample::TEXT_BYTES_MAX;
use fenghuo_model::{Limits, Reading, Reason, Value, ValueType};

use crate::source::change::Exception;
use crate::source::modbus::decode::within;

/// A point that some payload holds, however it holds it.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// Its number among the feed's points.
    pub index: u32,
    /// The type of its values.
    pub value_type: ValueType,
    /// `number * scale + offset`, when the point has either.
    pub linear: Option<(f64, f64)>,
    /// What the instrument can measure, after scaling.
    pub range: Option<Limits>,
    /// When it is worth reporting; always without.
    pub exception: Option<Exception>,
}

/// What stands in a payload, before anybody asks for its type.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Raw<'a> {
    /// Nothing: the field is not there, null or empty.
    Absent,
    /// A whole number.
    Whole(i64),
    /// A whole number that may be too large for the other.
    Natural(u64),
    /// Any number; it may be none (NaN) or infinite.
    Number(f64),
    /// A truth.
    Truth(bool),
    /// A text.
    Text(&'a str),
    /// Something that no point can hold.
    Other,
}

impl Point {
    /// The reading of what stands there.
    #[must_use]
    pub fn read(&self, raw: Raw<'_>) -> Reading {
        let value = match (raw, self.linear) {
            (Raw::Absent, _) => return Reading::Bad(Reason::MissingField),
            (Raw::Number(number), _) if !number.is_finite() => {
                return Reading::Bad(Reason::NotANumber);
            }
            (raw, Some((scale, offset))) => match raw.number() {
                None => None,
                Some(number) => match Value::finite(number * scale + offset) {
                    None => return Reading::Bad(Reason::NotANumber),
                    value => value,
                },
            },
            (raw, None) => self.plain(raw),
        };
        value.map_or(Reading::Bad(Reason::WrongType), |value| {
            within(self.range, value)
        })
    }

    fn plain(&self, raw: Raw<'_>) -> Option<Value> {
        match self.value_type {
            ValueType::F64 => raw.number().and_then(Value::finite),
            ValueType::I64 => raw.whole().map(Value::I64),
            ValueType::U64 => match raw {
                Raw::Natural(number) => Some(Value::U64(number)),
                raw => u64::try_from(raw.whole()?).ok().map(Value::U64),
            },
            // Many devices write states as 0 and 1; any other number is not a state.
            ValueType::Bool => match (raw, raw.whole()) {
                (Raw::Truth(truth), _) => Some(Value::Bool(truth)),
                (Raw::Number(_), _) => None,
                (_, Some(0)) => Some(Value::Bool(false)),
                (_, Some(1)) => Some(Value::Bool(true)),
                _ => None,
            },
            ValueType::Text => match raw {
                Raw::Text(text) if text.len() <= TEXT_BYTES_MAX => {
                    Some(Value::Text(text.to_owned()))
                }
                _ => None,
            },
        }
    }

    /// What a text says for this point's type, when the payload has nothing but texts.
    #[must_use]
    pub fn of_text<'a>(&self, text: &'a str) -> Raw<'a> {
        if text.is_empty() {
            return Raw::Absent;
        }
        match self.value_type {
            ValueType::Text => Raw::Text(text),
            ValueType::Bool => truth(text).map_or(Raw::Other, Raw::Truth),
            ValueType::F64 | ValueType::I64 | ValueType::U64 => number(text),
        }
    }
}

/// Whole numbers stay whole, since a float holds them to 2^53 only.
fn number<'a>(text: &str) -> Raw<'a> {
    if let Ok(number) = text.parse() {
        return Raw::Whole(number);
    }
    if let Ok(number) = text.parse() {
        return Raw::Natural(number);
    }
    text.parse().map_or(Raw::Other, Raw::Number)
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match (is(["true", "on", "1"]), is(["false", "off", "0"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

impl Raw<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a point of floats asked for it")]
    const fn number(self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(number as f64),
            Self::Natural(number) => Some(number as f64),
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number, also one that was written with a point, such as `3.0`.
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
    fn whole(self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(number),
            Self::Natural(number) => i64::try_from(number).ok(),
            Self::Number(number) => {
                let fits = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
                fits.then_some(number as i64)
            }
            _ => None,
        }
    }
}
