//! From raw words to a reading. Pure and total: any words give a reading.
//!
//! A number goes through these steps, each of which may end it as a reading without value:
//! bits in their order, the codes that mean "no number", the number itself, its scale (of the
//! configuration and of a register beside it), its name, and what the instrument can measure.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::sample::TEXT_BYTES_MAX;
use fenghuo_model::{Limits, Reading, Reason, Value, ValueType};

pub mod order;
pub mod raw;

pub use order::Order;
pub use raw::{Charset, Half, Layout, Raw};
use raw::{Number, Sort};

/// A register beside the number that says how to scale it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScaleRegister {
    /// Its address, in the number's own table.
    pub address: u16,
    /// What it holds.
    pub holds: ScaleWord,
}

/// What a scale register holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScaleWord {
    /// A power of ten, -10 to 10, in two's complement (`SunSpec` information model, `sunssf`).
    PowerOfTen,
    /// An unsigned factor.
    Factor,
}

impl ScaleWord {
    /// The number scaled; `None` when the word is no scale.
    fn scale(self, word: u16, number: f64) -> Option<f64> {
        match self {
            Self::Factor => Some(number * f64::from(word)),
            Self::PowerOfTen => match i32::from(word.cast_signed()) {
                power @ 0..=10 => Some(number * 10_f64.powi(power)),
                // A division by a power of ten is exact to the last bit; its inverse is not.
                power @ -10..0 => Some(number / 10_f64.powi(-power)),
                _ => None,
            },
        }
    }
}

/// How to make a point's reading.
#[derive(Clone, PartialEq, Debug)]
pub struct Decode {
    /// What stands in the registers.
    pub raw: Raw,
    /// How its bytes lie.
    pub order: Order,
    /// Raw bits by which the device says that it has no number.
    pub absent: Arc<[u64]>,
    /// The register that scales it.
    pub scale: Option<ScaleRegister>,
    /// `number * scale + offset`, when the point has either.
    pub linear: Option<(f64, f64)>,
    /// Names of its numbers: an enumeration. A number without one is not allowed.
    pub names: Option<Arc<BTreeMap<i64, String>>>,
    /// What the instrument can measure, after scaling.
    pub range: Option<Limits>,
}

impl Decode {
    /// A raw type as it is.
    #[must_use]
    pub fn plain(raw: Raw, order: Order) -> Self {
        Self {
            raw,
            order,
            absent: Arc::default(),
            scale: None,
            linear: None,
            names: None,
            range: None,
        }
    }

    /// The type of its values.
    #[must_use]
    pub const fn value_type(&self) -> ValueType {
        if self.names.is_some() {
            return ValueType::Text;
        }
        let is_scaled = self.linear.is_some() || self.scale.is_some();
        match self.raw.sort() {
            Sort::Bool => ValueType::Bool,
            Sort::Text => ValueType::Text,
            Sort::Float => ValueType::F64,
            Sort::Signed | Sort::Unsigned if is_scaled => ValueType::F64,
            Sort::Signed => ValueType::I64,
            Sort::Unsigned => ValueType::U64,
        }
    }

    /// The reading of one coil or discrete input.
    #[must_use]
    pub const fn bit(&self, on: bool) -> Reading {
        Reading::Good(Value::Bool(on))
    }

    /// The reading of a point's registers, and of its scale register if it has one. Fewer than
    /// it needs are a bad reply.
    #[must_use]
    pub fn words(&self, words: &[u16], scale: Option<u16>) -> Reading {
        let width = usize::from(self.raw.width());
        let Some(words) = words.get(..width) else {
            return Reading::Bad(Reason::BadReply);
        };
        if let Raw::Text {
            layout, charset, ..
        } = self.raw
        {
            return self.text(words, layout, charset);
        }
        let bits = self.raw.own_bits(self.order.number(words));
        if self.absent.contains(&bits) {
            return Reading::Bad(Reason::NotANumber);
        }
        match (self.raw.sort(), self.raw.number(bits)) {
            (Sort::Bool, _) => Reading::Good(Value::Bool(bits != 0)),
            (_, None) => Reading::Bad(Reason::NotANumber),
            (_, Some(number)) => self.number(number, scale),
        }
    }

    fn number(&self, number: Number, scale: Option<u16>) -> Reading {
        if let Some(names) = &self.names {
            return named(names, number);
        }
        let value = match (number, self.scale, self.linear) {
            (Number::Unsigned(number), None, None) => Some(Value::U64(number)),
            (Number::Signed(number), None, None) => Some(Value::I64(number)),
            (number, None, _) => self.linear(number.as_f64()),
            (number, Some(register), _) => {
                let Some(word) = scale else {
                    return Reading::Bad(Reason::BadReply);
                };
                let scaled = register.holds.scale(word, number.as_f64());
                scaled.and_then(|number| self.linear(number))
            }
        };
        value.map_or(Reading::Bad(Reason::NotANumber), |value| {
            within(self.range, value)
        })
    }

    fn linear(&self, number: f64) -> Option<Value> {
        let (scale, offset) = self.linear.unwrap_or((1.0, 0.0));
        Value::finite(number * scale + offset)
    }

    /// The letters up to the first zero byte, without blanks at the end.
    fn text(&self, words: &[u16], layout: Layout, charset: Charset) -> Reading {
        let mut bytes = Vec::with_capacity(words.len() * 2);
        for word in words {
            match layout {
                Layout::Packed => bytes.extend(self.order.bytes(*word)),
                Layout::BytePerRegister => bytes.push(self.order.bytes(*word)[1]),
            }
        }
        let letters = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        match charset.text(letters.trim_ascii_end()) {
            Some(text) if text.len() <= TEXT_BYTES_MAX => Reading::Good(Value::Text(text)),
            _ => Reading::Bad(Reason::BadPayload),
        }
    }
}

/// The name of a number; one without a name is a state that nobody foresaw.
fn named(names: &BTreeMap<i64, String>, number: Number) -> Reading {
    let code = match number {
        Number::Unsigned(number) => i64::try_from(number).ok(),
        Number::Signed(number) => Some(number),
        Number::Float(_) => None,
    };
    let name = code.and_then(|code| names.get(&code));
    name.map_or(Reading::Bad(Reason::OutOfRange), |name| {
        Reading::Good(Value::Text(name.clone()))
    })
}

/// The value, unless it lies outside what the instrument can measure.
#[must_use]
pub fn within(range: Option<Limits>, value: Value) -> Reading {
    if let (Some(range), Some(number)) = (range, value.as_f64())
        && !(range.low..=range.high).contains(&number)
        && value.value_type() != ValueType::Bool
    {
        return Reading::Bad(Reason::OutOfRange);
    }
    Reading::Good(value)
}

#[cfg(test)]
mod tests;
