//! How a value stands in Modbus registers: type, order of bytes, scale and offset.
//!
//! `value = raw * scale + offset`, as in the collector's configuration, but written here
//! on its own: the simulators are the truth that the collector is tested against, so the
//! two share no code. An integer that does not fit saturates, as PLC scaling blocks do.

/// The four address spaces of Modbus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Function 1, one bit.
    Coil,
    /// Function 2, one bit.
    Discrete,
    /// Function 4, one word.
    Input,
    /// Function 3, one word.
    Holding,
}

impl Table {
    /// Its name in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coil => "coil",
            Self::Discrete => "discrete",
            Self::Input => "input",
            Self::Holding => "holding",
        }
    }

    /// Whether a cell of it is a bit rather than a word.
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }
}

/// The raw type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw {
    /// A coil or a discrete input.
    Bit,
    /// One bit of a register, 0 being the lowest.
    RegisterBit(u8),
    /// One word.
    U16,
    /// One word.
    I16,
    /// Two words.
    U32,
    /// Two words.
    I32,
    /// Four words.
    U64,
    /// Four words.
    I64,
    /// Two words.
    F32,
    /// Four words.
    F64,
}

impl Raw {
    /// Its type name in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bit | Self::RegisterBit(_) => "bool",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Cells that it takes up.
    #[must_use]
    pub const fn cells(self) -> u16 {
        match self {
            Self::Bit | Self::RegisterBit(_) | Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }

    /// Whether it can hold NaN.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Whether its values are yes or no.
    #[must_use]
    pub const fn is_state(self) -> bool {
        matches!(self, Self::Bit | Self::RegisterBit(_))
    }
}

/// How a point's value becomes words.
#[derive(Debug, Clone, Copy)]
pub struct Encoding {
    /// The raw type.
    pub raw: Raw,
    /// The bytes as sent, `A` being the most significant: `ABCD`, `CDAB`, ..
    pub order: &'static str,
    /// What one raw count is worth.
    pub scale: f64,
    /// The value of raw zero.
    pub offset: f64,
}

impl Encoding {
    const fn plain(raw: Raw, order: &'static str) -> Self {
        Self {
            raw,
            order,
            scale: 1.0,
            offset: 0.0,
        }
    }

    /// A coil or a discrete input.
    #[must_use]
    pub const fn bit() -> Self {
        Self::plain(Raw::Bit, "AB")
    }

    /// Bit `bit` of a register.
    #[must_use]
    pub const fn register_bit(bit: u8) -> Self {
        Self::plain(Raw::RegisterBit(bit), "AB")
    }

    /// A number in one word, high byte first.
    #[must_use]
    pub const fn word(raw: Raw, scale: f64, offset: f64) -> Self {
        Self {
            raw,
            order: "AB",
            scale,
            offset,
        }
    }

    /// A number in two or four words.
    #[must_use]
    pub const fn wide(raw: Raw, order: &'static str, scale: f64) -> Self {
        Self {
            raw,
            order,
            scale,
            offset: 0.0,
        }
    }

    /// The words of `value`. For a bit of a register, the word with only that bit.
    #[must_use]
    pub fn words(&self, value: f64) -> Vec<u16> {
        if let Raw::RegisterBit(bit) = self.raw {
            return vec![u16::from(value != 0.0) << bit];
        }
        if self.raw == Raw::Bit {
            return vec![u16::from(value != 0.0)];
        }
        let bytes = self.bytes((value - self.offset) / self.scale);
        let sent: Vec<u8> = self.places().map(|place| bytes[place]).collect();
        sent.chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
            .collect()
    }

    /// The value in `words`; states are 0 and 1.
    #[must_use]
    pub fn value(&self, words: &[u16]) -> Option<f64> {
        if words.len() != usize::from(self.raw.cells()) {
            return None;
        }
        match self.raw {
            Raw::Bit => return Some(f64::from(words[0])),
            Raw::RegisterBit(bit) => return Some(f64::from((words[0] >> bit) & 1)),
            _ => {}
        }
        let sent = words.iter().flat_map(|word| word.to_be_bytes());
        let mut bytes = [0; 8];
        for (place, byte) in self.places().zip(sent) {
            bytes[place] = byte;
        }
        Some(self.number(bytes).mul_add(self.scale, self.offset))
    }

    /// For each byte as sent, its place in the big-endian number.
    fn places(&self) -> impl Iterator<Item = usize> {
        self.order.bytes().map(|letter| usize::from(letter - b'A'))
    }

    /// The big-endian bytes of a raw number, in front of the array.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, which is what is meant"
    )]
    fn bytes(&self, raw: f64) -> [u8; 8] {
        let mut bytes = [0; 8];
        let whole = raw.round();
        match self.raw {
            Raw::Bit | Raw::RegisterBit(_) => {}
            Raw::U16 => bytes[..2].copy_from_slice(&(whole as u16).to_be_bytes()),
            Raw::I16 => bytes[..2].copy_from_slice(&(whole as i16).to_be_bytes()),
            Raw::U32 => bytes[..4].copy_from_slice(&(whole as u32).to_be_bytes()),
            Raw::I32 => bytes[..4].copy_from_slice(&(whole as i32).to_be_bytes()),
            Raw::F32 => bytes[..4].copy_from_slice(&(raw as f32).to_be_bytes()),
            Raw::U64 => bytes = (whole as u64).to_be_bytes(),
            Raw::I64 => bytes = (whole as i64).to_be_bytes(),
            Raw::F64 => bytes = raw.to_be_bytes(),
        }
        bytes
    }

    /// The raw number whose big-endian bytes stand in front of the array.
    #[expect(clippy::cast_precision_loss, reason = "values are compared as f64")]
    fn number(&self, bytes: [u8; 8]) -> f64 {
        let [a, b, c, d, ..] = bytes;
        match self.raw {
            Raw::Bit | Raw::RegisterBit(_) | Raw::U16 => f64::from(u16::from_be_bytes([a, b])),
            Raw::I16 => f64::from(i16::from_be_bytes([a, b])),
            Raw::U32 => f64::from(u32::from_be_bytes([a, b, c, d])),
            Raw::I32 => f64::from(i32::from_be_bytes([a, b, c, d])),
            Raw::F32 => f64::from(f32::from_be_bytes([a, b, c, d])),
            Raw::U64 => u64::from_be_bytes(bytes) as f64,
            Raw::I64 => i64::from_be_bytes(bytes) as f64,
            Raw::F64 => f64::from_be_bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
