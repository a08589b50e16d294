//! What decides: the detectors' settings, as a rule states them.
//!
//! What each sees, what unknown does, its memory and its cost stand with its code in
//! `detect`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Select;
use crate::expr::Source;

/// What decides.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Detector {
    /// The point's value.
    Level,
    /// How fast it changes.
    Rate(Rate),
    /// How far it is from what other points say.
    Deviation {
        /// The others, on the same gateway and in the same area; their median counts.
        from: Select,
        /// The distance, whatever its sign.
        absolute: bool,
    },
    /// At least `k` points of a group are beyond the limit.
    Vote {
        /// How many must agree.
        k: u32,
        /// The label whose value makes the group.
        group: Arc<str>,
    },
    /// No value for this long, in milliseconds.
    Stale {
        /// The time without a value.
        within_ms: u64,
    },
    /// It does not move.
    Flat(Flat),
    /// How often something happened of late.
    Count(Count),
    /// A statistic over a window.
    Window(Window),
    /// It is (or is not) in a state. How long is the level's `for`.
    State {
        /// The state.
        is: Is,
        /// It must be another one.
        not: bool,
    },
    /// On (or off) while a required point is not on.
    Interlock {
        /// Whether the point's `on` or its `off` needs the other.
        when_on: bool,
        /// The points that must be on.
        requires: Select,
    },
    /// One point, then another.
    Sequence(Sequence),
    /// How many of a group's alarms are up.
    Rollup {
        /// The rules whose alarms count; other roll-ups may be among them.
        of: Vec<Arc<str>>,
        /// The label whose value makes the group.
        group: Arc<str>,
    },
    /// When it will reach a limit.
    Forecast(Forecast),
    /// How unusual it is for this hour of the week.
    Anomaly(Anomaly),
    /// An expression over several points.
    Expression(Expression),
}

/// How a detector's number relates to the point's unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scale {
    /// It is a value of the point.
    Value,
    /// It is a difference of values: °C convert to K without their offset.
    Difference,
    /// It has no unit.
    Bare,
    /// It is no number, but a truth.
    Truth,
}

impl Detector {
    /// The stable name in rule files and APIs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Rate(_) => "rate",
            Self::Deviation { .. } => "deviation",
            Self::Vote { .. } => "vote",
            Self::Stale { .. } => "stale",
            Self::Flat(_) => "flat",
            Self::Count(_) => "count",
            Self::Window(_) => "window",
            Self::State { .. } => "state",
            Self::Interlock { .. } => "interlock",
            Self::Sequence(_) => "sequence",
            Self::Rollup { .. } => "rollup",
            Self::Forecast(_) => "forecast",
            Self::Anomaly(_) => "anomaly",
            Self::Expression(_) => "expression",
        }
    }

    /// How its number relates to the point's unit.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        match self {
            Self::Level | Self::Vote { .. } | Self::Forecast(_) => Scale::Value,
            Self::Rate(_) | Self::Deviation { .. } => Scale::Difference,
            Self::Window(window) => match window.stat {
                Stat::Min | Stat::Max | Stat::Mean | Stat::Quantile(_) | Stat::Sum => Scale::Value,
                Stat::Deviation | Stat::Delta => Scale::Difference,
            },
            Self::Count(_) | Self::Anomaly(_) => Scale::Bare,
            Self::Expression(expression) if expression.number => Scale::Value,
            Self::Stale { .. }
            | Self::Flat(_)
            | Self::State { .. }
            | Self::Interlock { .. }
            | Self::Sequence(_)
            | Self::Rollup { .. }
            | Self::Expression(_) => Scale::Truth,
        }
    }
}

/// A state that a point can be in.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Is {
    /// True, or a number that is not 0.
    On,
    /// False, or 0.
    Off,
    /// This number: a code of an enumeration.
    Number(f64),
    /// This text.
    Text(String),
}

/// The change over a time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rate {
    /// The time over which it is measured, in milliseconds.
    pub over_ms: u64,
    /// The time for which the limit is stated, in milliseconds.
    pub per_ms: u64,
    /// The speed, whatever its direction.
    pub absolute: bool,
}

/// No movement.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Flat {
    /// How long, in milliseconds.
    pub within_ms: u64,
    /// What does not count as movement, in the point's unit.
    pub band: f64,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Counted {
    /// The point turned on (from 0 to another number).
    Rises,
    /// How far a counter went up; a counter that begins anew counts from 0.
    Increase,
    /// Samples that have a value.
    Samples,
}

/// How often something happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Count {
    /// What.
    pub of: Counted,
    /// In how long, in milliseconds.
    pub over_ms: u64,
}

/// A statistic.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Stat {
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The arithmetic mean.
    Mean,
    /// The standard deviation (of the population).
    Deviation,
    /// The value below which this share lies (0 to 1), interpolated between neighbours.
    Quantile(f64),
    /// The sum.
    Sum,
    /// Last minus first.
    Delta,
}

/// How far a window reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Span {
    /// Milliseconds.
    Time(u64),
    /// Samples.
    Samples(u32),
}

/// A window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Window {
    /// What is taken of it.
    pub stat: Stat,
    /// How far it reaches.
    pub span: Span,
    /// It moves by its own length instead of by each sample.
    pub tumbling: bool,
    /// The share of samples that may lack a value (0 to 1).
    pub missing: f64,
}

/// What a sequence watches for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Order {
    /// The second follows in time: that is the alarm.
    Follows,
    /// The second does not follow in time: that is the alarm.
    Missing,
}

/// One point turns on, then another within a time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sequence {
    /// The points one of which comes second, on the same gateway and in the same area.
    pub then: Select,
    /// Within this, in milliseconds.
    pub within_ms: u64,
    /// Which of the two is the alarm.
    pub order: Order,
}

/// A look ahead.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Forecast {
    /// How far it looks back, in milliseconds.
    pub over_ms: u64,
    /// The limit is reached within this, in milliseconds.
    pub ahead_ms: u64,
    /// How sure it must be (0.5 to 0.99).
    pub confidence: f64,
}

/// A comparison with what is usual.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Anomaly {
    /// Weeks of which the profile is made.
    pub weeks: u32,
    /// Weeks after which it is trusted.
    pub trust: u32,
    /// The least spread assumed, in the point's unit: what the instrument cannot tell apart.
    pub floor: f64,
    /// The site's distance from UTC, in minutes: whose hours of the week.
    pub utc_offset_min: i32,
}

/// An expression.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Expression {
    /// The text, in CEL syntax, read.
    pub when: Source,
    /// Other points by the names that the text gives them: one on the same gateway and in the
    /// same area each.
    pub inputs: BTreeMap<String, Select>,
    /// It gives a number, for levels that have limits; otherwise a truth.
    pub number: bool,
}
