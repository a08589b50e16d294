//! Samples: one reading of one point at one time.

use serde::{Deserialize, Serialize};

use crate::{Reason, Timestamp, ValueType};

/// Longest text value in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// A value as a device gave it. Floats are finite: see [`Value::finite`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Value {
    /// A yes-no state.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A finite number.
    F64(f64),
    /// A text, at most [`TEXT_BYTES_MAX`] bytes.
    Text(String),
}

impl Value {
    /// A number, unless it is NaN or infinite.
    #[must_use]
    pub fn finite(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self::F64(number))
    }

    /// The type that this value has.
    #[must_use]
    pub const fn value_type(&self) -> ValueType {
        match self {
            Self::Bool(_) => ValueType::Bool,
            Self::I64(_) => ValueType::I64,
            Self::U64(_) => ValueType::U64,
            Self::F64(_) => ValueType::F64,
            Self::Text(_) => ValueType::Text,
        }
    }

    /// The value on a number line: states as 0 and 1, texts not at all.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "limits are compared as f64")]
    pub const fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Bool(state) => Some(if *state { 1.0 } else { 0.0 }),
            Self::I64(number) => Some(*number as f64),
            Self::U64(number) => Some(*number as f64),
            Self::F64(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

/// What a read brought: a value, a doubtful value, or none. A bad reading has no value to
/// mistake for one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Reading {
    /// A value to act on.
    Good(Value),
    /// A value with a doubt.
    Uncertain(Value, Reason),
    /// No value, and why.
    Bad(Reason),
}

impl Reading {
    /// The value, when there is one.
    #[must_use]
    pub const fn value(&self) -> Option<&Value> {
        match self {
            Self::Good(value) | Self::Uncertain(value, _) => Some(value),
            Self::Bad(_) => None,
        }
    }

    /// The reason, when the reading is not good.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Good(_) => None,
            Self::Uncertain(_, reason) | Self::Bad(reason) => Some(*reason),
        }
    }

    /// `good`, `uncertain` or `bad`, as APIs and sinks write it.
    #[must_use]
    pub const fn quality(&self) -> &'static str {
        match self {
            Self::Good(_) => "good",
            Self::Uncertain(..) => "uncertain",
            Self::Bad(_) => "bad",
        }
    }
}

/// One reading and the time it was made, by the gateway's clock or the device's.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// When the value was read.
    pub time: Timestamp,
    /// What was read.
    pub reading: Reading,
}

/// What makes a sample the same sample everywhere, besides its gateway: the frame that
/// carries it and its place there. Ordered as the gateway spooled them.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct SampleId {
    /// The run of the collector that spooled the frame.
    pub epoch: u64,
    /// The frame's number.
    pub seq: u64,
    /// The sample's place in the frame.
    pub index: u32,
}
