//! From raw words to a reading. Pure and total: any words give a reading.
//!
//! Orders are named as a device's manual does: letters are bytes, A the most significant,
//! written as they arrive. Every order is one of four: words in order or reversed, bytes of
//! a word in order or swapped.

use fenghuo_model::{Limits, Reading, Reason, Value, ValueType};

/// How the bytes of a number lie in its registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    words_reversed: bool,
    bytes_swapped: bool,
}

impl Order {
    /// Parses an order for a number of this many registers.
    #[must_use]
    pub fn parse(text: &str, words: u16) -> Option<Self> {
        let order = |words_reversed, bytes_swapped| {
            Some(Self {
                words_reversed,
                bytes_swapped,
            })
        };
        match (words, text) {
            (1, "AB") | (2, "ABCD") | (4, "ABCDEFGH") => order(false, false),
            (1, "BA") | (2, "BADC") | (4, "BADCFEHG") => order(false, true),
            (2, "CDAB") | (4, "GHEFCDAB") => order(true, false),
            (2, "DCBA") | (4, "HGFEDCBA") => order(true, true),
            _ => None,
        }
    }

    /// The names for a number of this many registers.
    #[must_use]
    pub const fn names(words: u16) -> &'static str {
        match words {
            1 => "AB, BA",
            2 => "ABCD, CDAB, BADC, DCBA",
            _ => "ABCDEFGH, GHEFCDAB, BADCFEHG, HGFEDCBA",
        }
    }
}

/// What stands in the registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Raw {
    /// One coil or discrete input.
    Bool,
    /// One bit of a register, 0 the lowest.
    Bit(u8),
    /// Unsigned, one register.
    U16,
    /// Two's complement, one register.
    I16,
    /// Unsigned, two registers.
    U32,
    /// Two's complement, two registers.
    I32,
    /// Unsigned, four registers.
    U64,
    /// Two's complement, four registers.
    I64,
    /// IEEE 754, two registers.
    F32,
    /// IEEE 754, four registers.
    F64,
}

impl Raw {
    /// Registers (or bits) that it takes.
    #[must_use]
    pub const fn width(self) -> u16 {
        match self {
            Self::Bool | Self::Bit(_) | Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }
}

/// How to make a point's reading.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Decode {
    /// What stands in the registers.
    pub raw: Raw,
    /// How its bytes lie.
    pub order: Order,
    /// `number * scale + offset`, when the point has either.
    pub linear: Option<(f64, f64)>,
    /// What the instrument can measure, after scaling.
    pub range: Option<Limits>,
}

impl Decode {
    /// The type of its values.
    #[must_use]
    pub const fn value_type(&self) -> ValueType {
        match (self.raw, self.linear) {
            (Raw::Bool | Raw::Bit(_), _) => ValueType::Bool,
            (Raw::F32 | Raw::F64, _) | (_, Some(_)) => ValueType::F64,
            (Raw::I16 | Raw::I32 | Raw::I64, None) => ValueType::I64,
            (Raw::U16 | Raw::U32 | Raw::U64, None) => ValueType::U64,
        }
    }

    /// The reading of one coil or discrete input.
    #[must_use]
    pub const fn bit(&self, on: bool) -> Reading {
        Reading::Good(Value::Bool(on))
    }

    /// The reading of a point's registers. Fewer than it needs are a bad reply.
    #[must_use]
    pub fn words(&self, words: &[u16]) -> Reading {
        let Some(bits) = self.bits(words) else {
            return Reading::Bad(Reason::BadReply);
        };
        self.limit(self.value(bits))
    }

    /// The registers as one number of up to 64 bits, most significant first.
    fn bits(&self, words: &[u16]) -> Option<u64> {
        let width = usize::from(self.raw.width());
        let words = words.get(..width)?;
        let mut bits = 0;
        for at in 0..width {
            let word = words[if self.order.words_reversed {
                width - 1 - at
            } else {
                at
            }];
            let word = if self.order.bytes_swapped {
                word.swap_bytes()
            } else {
                word
            };
            bits = bits << 16 | u64::from(word);
        }
        Some(bits)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        reason = "the bits of a register are reinterpreted; scaled numbers are floats"
    )]
    fn value(&self, bits: u64) -> Option<Value> {
        let signed = |number: i64| match self.linear {
            None => Some(Value::I64(number)),
            Some(_) => self.scaled(number as f64),
        };
        match self.raw {
            Raw::Bool => Some(Value::Bool(bits != 0)),
            Raw::Bit(bit) => Some(Value::Bool(bits >> bit & 1 == 1)),
            Raw::U16 | Raw::U32 | Raw::U64 => match self.linear {
                None => Some(Value::U64(bits)),
                Some(_) => self.scaled(bits as f64),
            },
            Raw::I16 => signed(i64::from(bits as u16 as i16)),
            Raw::I32 => signed(i64::from(bits as u32 as i32)),
            Raw::I64 => signed(bits as i64),
            Raw::F32 => self.scaled(f64::from(f32::from_bits(bits as u32))),
            Raw::F64 => self.scaled(f64::from_bits(bits)),
        }
    }

    fn scaled(&self, number: f64) -> Option<Value> {
        let (scale, offset) = self.linear.unwrap_or((1.0, 0.0));
        Value::finite(number * scale + offset)
    }

    fn limit(&self, value: Option<Value>) -> Reading {
        match value {
            None => Reading::Bad(Reason::NotANumber),
            Some(value) => within(self.range, value),
        }
    }
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
