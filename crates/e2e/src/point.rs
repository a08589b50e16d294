//! Points that a PLC serves and a collector reads: one list, told to both.

use std::fmt::Write as _;

use fenghuo_model::{Reading, Value};
use serde_json::{Value as Json, json};

/// How a point's value goes.
#[derive(Clone, Copy, Debug)]
pub enum Wave {
    /// Any value of its type, another one at each read.
    Mix,
    /// The number of the read: no two reads have the same.
    Count,
    /// A saw tooth of this many milliseconds, and as high.
    Saw(u16),
    /// A saw tooth of a second, a twentieth as high as what it stands on: it moves and never
    /// leaps.
    Drift,
}

/// A Modbus point.
#[derive(Clone, Debug)]
pub struct Point {
    /// Its key.
    pub key: String,
    /// The unit that has it.
    pub unit: u8,
    /// coil, discrete, input, holding.
    pub table: &'static str,
    /// Where.
    pub address: u16,
    /// u16 to f64, or bool.
    pub kind: &'static str,
    /// Its byte order; none for a bool.
    pub order: &'static str,
    /// Which bit of a register.
    pub bit: Option<u8>,
    /// Scale and offset.
    pub linear: Option<(f64, f64)>,
    /// What the instrument can measure.
    pub range: Option<(f64, f64)>,
    /// What it does.
    pub wave: Wave,
    /// The label that rules select by.
    pub role: &'static str,
}

impl Point {
    /// A register of a type, in the usual order.
    #[must_use]
    pub fn new(key: &str, table: &'static str, address: u16, kind: &'static str) -> Self {
        Self {
            key: key.to_owned(),
            unit: 1,
            table,
            address,
            kind,
            order: match kind {
                "bool" => "",
                "u16" | "i16" => "AB",
                "u32" | "i32" | "f32" => "ABCD",
                _ => "ABCDEFGH",
            },
            bit: None,
            linear: None,
            range: None,
            wave: Wave::Mix,
            role: "",
        }
    }

    /// With another order.
    #[must_use]
    pub const fn order(mut self, order: &'static str) -> Self {
        self.order = order;
        self
    }

    /// With scale and offset.
    #[must_use]
    pub const fn linear(mut self, scale: f64, offset: f64) -> Self {
        self.linear = Some((scale, offset));
        self
    }

    /// With a range.
    #[must_use]
    pub const fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// With another wave.
    #[must_use]
    pub const fn wave(mut self, wave: Wave) -> Self {
        self.wave = wave;
        self
    }

    /// As the PLC is told.
    #[must_use]
    pub fn json(&self, salt: usize) -> Json {
        json!({
            "key": self.key, "unit": self.unit, "table": self.table, "address": self.address,
            "type": self.kind, "order": self.order, "bit": self.bit.unwrap_or(0), "salt": salt,
            "linear": self.linear.map(|(scale, offset)| [scale, offset]),
            "range": self.range.map(|(low, high)| [low, high]),
            "wave": match self.wave {
                Wave::Mix => json!("mix"),
                Wave::Count => json!("count"),
                Wave::Saw(period) => json!(period),
                Wave::Drift => json!("drift"),
            },
        })
    }

    /// As the collector is told.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut text = format!(
            "[[modbus.unit.point]]\nkey = {:?}\nkind = \"other\"\ntable = {:?}\n\
             address = {}\ntype = {:?}\n",
            self.key, self.table, self.address, self.kind
        );
        let mut line = |words: String| writeln!(text, "{words}").unwrap();
        if !self.order.is_empty() {
            line(format!("order = {:?}", self.order));
        }
        if let Some(bit) = self.bit {
            line(format!("bit = {bit}"));
        }
        if let Some((scale, offset)) = self.linear {
            line(format!("scale = {scale:?}\noffset = {offset:?}"));
        }
        if let Some((low, high)) = self.range {
            line(format!("range = {{ low = {low:?}, high = {high:?} }}"));
        }
        if !self.role.is_empty() {
            line(format!("labels = {{ role = {:?} }}", self.role));
        }
        text
    }
}

/// A reading as the PLC writes it down: the same text means the same reading, bit by bit.
#[must_use]
pub fn told(reading: &Reading) -> String {
    match reading {
        Reading::Good(Value::Bool(state)) => format!("b:{}", u8::from(*state)),
        Reading::Good(Value::I64(number)) => format!("i:{number}"),
        Reading::Good(Value::U64(number)) => format!("u:{number}"),
        Reading::Good(Value::F64(number)) => format!("f:{:016x}", number.to_bits()),
        Reading::Good(Value::Text(text)) => format!("t:{text}"),
        Reading::Uncertain(_, reason) => format!("uncertain:{}", reason.as_str()),
        Reading::Bad(reason) => format!("x:{}", reason.as_str()),
    }
}
