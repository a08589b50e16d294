//! What stands in the registers, and the number that their bits are.

use half::f16;

/// Most registers of one text: all that one read can bring.
pub const TEXT_REGISTERS_MAX: u8 = 125;

/// What stands in the registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Raw {
    /// One coil or discrete input.
    Bool,
    /// One bit of a register, 0 the lowest.
    Bit(u8),
    /// Some bits of one, two or four registers as an unsigned number.
    Field {
        /// The lowest of them, 0 the lowest of all.
        low: u8,
        /// How many, 1 to 63.
        bits: u8,
        /// How many registers they are taken from.
        registers: u8,
    },
    /// Unsigned, half a register.
    U8(Half),
    /// Two's complement, half a register.
    I8(Half),
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
    /// IEEE 754, one register.
    F16,
    /// IEEE 754, two registers.
    F32,
    /// IEEE 754, four registers.
    F64,
    /// Decimal digits of four bits each, in this many registers (1, 2 or 4).
    Bcd(u8),
    /// A text.
    Text {
        /// How many registers it may fill.
        registers: u8,
        /// How many characters stand in each.
        layout: Layout,
        /// Which letters its bytes are.
        charset: Charset,
    },
}

/// Which half of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// The more significant one.
    High,
    /// The less significant one.
    Low,
}

/// How the bytes of a text lie in its registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// Two in each.
    Packed,
    /// One in each, in its lower half.
    BytePerRegister,
}

/// Which letters the bytes of a text are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charset {
    /// As the world writes.
    Utf8,
    /// As Chinese instruments do.
    Gbk,
}

impl Charset {
    /// The text; `None` when the bytes are none.
    #[must_use]
    pub fn text(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Gbk => {
                let text =
                    encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(bytes);
                text.map(std::borrow::Cow::into_owned)
            }
        }
    }
}

/// A number of any kind.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// Of an unsigned type.
    Unsigned(u64),
    /// Of a signed type.
    Signed(i64),
    /// Of a floating type; may be NaN or infinite.
    Float(f64),
}

impl Number {
    /// As a float, the nearest one.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number that is scaled is a float"
    )]
    pub const fn as_f64(self) -> f64 {
        match self {
            Self::Unsigned(number) => number as f64,
            Self::Signed(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// What kind of values a raw type gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// Yes or no.
    Bool,
    /// Never below zero.
    Unsigned,
    /// Of both signs.
    Signed,
    /// With a fraction.
    Float,
    /// Letters.
    Text,
}

impl Raw {
    /// Registers (or bits) that it takes.
    #[must_use]
    pub const fn width(self) -> u16 {
        match self {
            Self::Bool | Self::Bit(_) | Self::U8(_) | Self::I8(_) => 1,
            Self::U16 | Self::I16 | Self::F16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
            Self::Bcd(registers) | Self::Field { registers, .. } | Self::Text { registers, .. } => {
                registers as u16
            }
        }
    }

    /// The width by which its byte order is named.
    #[must_use]
    pub const fn order_width(self) -> u16 {
        match self {
            Self::Text { .. } => 1,
            _ => self.width(),
        }
    }

    /// The kind of its values, before any scaling.
    #[must_use]
    pub const fn sort(self) -> Sort {
        match self {
            Self::Bool | Self::Bit(_) => Sort::Bool,
            Self::U8(_) | Self::U16 | Self::U32 | Self::U64 => Sort::Unsigned,
            Self::Bcd(_) | Self::Field { .. } => Sort::Unsigned,
            Self::I8(_) | Self::I16 | Self::I32 | Self::I64 => Sort::Signed,
            Self::F16 | Self::F32 | Self::F64 => Sort::Float,
            Self::Text { .. } => Sort::Text,
        }
    }

    /// The bits that the type reads out of its registers: those of its half, or its field.
    #[must_use]
    pub const fn own_bits(self, bits: u64) -> u64 {
        match self {
            Self::U8(Half::High) | Self::I8(Half::High) => bits >> 8 & 0xff,
            Self::U8(Half::Low) | Self::I8(Half::Low) => bits & 0xff,
            Self::Field {
                low, bits: count, ..
            } => bits >> low & ((1 << count) - 1),
            Self::Bit(bit) => bits >> bit & 1,
            _ => bits,
        }
    }

    /// The number that its own bits are; `None` when a decimal digit is above nine.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the bits of a register are reinterpreted"
    )]
    pub fn number(self, bits: u64) -> Option<Number> {
        Some(match self {
            Self::Bool | Self::Bit(_) | Self::Field { .. } | Self::U8(_) => Number::Unsigned(bits),
            Self::U16 | Self::U32 | Self::U64 | Self::Text { .. } => Number::Unsigned(bits),
            Self::I8(_) => Number::Signed(i64::from(bits as u8 as i8)),
            Self::I16 => Number::Signed(i64::from(bits as u16 as i16)),
            Self::I32 => Number::Signed(i64::from(bits as u32 as i32)),
            Self::I64 => Number::Signed(bits as i64),
            Self::F16 => Number::Float(f16::from_bits(bits as u16).into()),
            Self::F32 => Number::Float(f64::from(f32::from_bits(bits as u32))),
            Self::F64 => Number::Float(f64::from_bits(bits)),
            Self::Bcd(registers) => Number::Unsigned(digits(bits, u32::from(registers) * 4)?),
        })
    }
}

/// Decimal digits of four bits each, the most significant first.
fn digits(bits: u64, count: u32) -> Option<u64> {
    (0..count).rev().try_fold(0, |number, at| {
        let digit = bits >> (at * 4) & 0xf;
        (digit <= 9).then_some(number * 10 + digit)
    })
}
