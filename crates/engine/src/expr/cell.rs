//! One value while it is computed, and what the operations do with the unknown.
//!
//! What must stay true: a number is finite, or it is unknown; an operand of the wrong type
//! (which the compiler excludes) makes unknown, never a guess.

use std::cmp::Ordering;

use fenghuo_model::Reason;

use super::tree::{Binary, Extreme, Unary};
use crate::event::Hold;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Cell<'a> {
    Unknown(Hold),
    Number(f64, bool),
    Truth(bool, bool),
    Text(&'a str, bool),
}

const WRONG_TYPE: Cell<'static> = Cell::Unknown(Hold::Reading(Reason::WrongType));

impl<'a> Cell<'a> {
    /// A number, if it is one.
    pub const fn number(value: f64, doubtful: bool) -> Self {
        if value.is_finite() {
            Self::Number(value, doubtful)
        } else {
            Self::Unknown(Hold::Reading(Reason::NotANumber))
        }
    }

    /// The first unknown of two, or the wrong type.
    const fn unknown(self, right: Self) -> Self {
        match (self, right) {
            (Self::Unknown(_), _) => self,
            (_, Self::Unknown(_)) => right,
            _ => WRONG_TYPE,
        }
    }

    pub fn unary(self, op: Unary) -> Self {
        let doubtful = match self {
            Self::Unknown(_) => None,
            Self::Number(_, doubtful) | Self::Truth(_, doubtful) | Self::Text(_, doubtful) => {
                Some(doubtful)
            }
        };
        match (op, self) {
            (Unary::Known, _) => Self::Truth(doubtful.is_some(), false),
            (Unary::Good, _) => Self::Truth(doubtful == Some(false), false),
            (Unary::Doubtful, _) => Self::Truth(doubtful == Some(true), false),
            (_, Self::Unknown(_)) => self,
            (Unary::Not, Self::Truth(value, doubtful)) => Self::Truth(!value, doubtful),
            (Unary::Negate, Self::Number(x, doubtful)) => Self::number(-x, doubtful),
            (Unary::Abs, Self::Number(x, doubtful)) => Self::number(x.abs(), doubtful),
            (Unary::Sqrt, Self::Number(x, doubtful)) => Self::number(x.sqrt(), doubtful),
            (Unary::Floor, Self::Number(x, doubtful)) => Self::number(x.floor(), doubtful),
            (Unary::Ceil, Self::Number(x, doubtful)) => Self::number(x.ceil(), doubtful),
            (Unary::Round, Self::Number(x, doubtful)) => Self::number(x.round(), doubtful),
            _ => WRONG_TYPE,
        }
    }

    pub fn convert(self, factor: f64, offset: f64) -> Self {
        match self {
            Self::Number(x, doubtful) => Self::number(x * factor + offset, doubtful),
            _ => self.unknown(self),
        }
    }

    #[inline]
    pub fn binary(self, op: Binary, right: Self) -> Self {
        match op {
            Binary::And => self.decided_by(false, right),
            Binary::Or => self.decided_by(true, right),
            Binary::Equal | Binary::Unequal => self.equal(right, op == Binary::Equal),
            Binary::Less => self.compare(right, |a, b| a < b),
            Binary::LessEqual => self.compare(right, |a, b| a <= b),
            Binary::Greater => self.compare(right, |a, b| a > b),
            Binary::GreaterEqual => self.compare(right, |a, b| a >= b),
            Binary::Add => self.arithmetic(right, |a, b| a + b),
            Binary::Subtract => self.arithmetic(right, |a, b| a - b),
            Binary::Multiply => self.arithmetic(right, |a, b| a * b),
            Binary::Divide => self.arithmetic(right, |a, b| a / b),
            Binary::Remainder => self.arithmetic(right, |a, b| a % b),
        }
    }

    #[inline]
    fn arithmetic(self, right: Self, op: impl Fn(f64, f64) -> f64) -> Self {
        match (self, right) {
            (Self::Number(a, x), Self::Number(b, y)) => Self::number(op(a, b), x | y),
            _ => self.unknown(right),
        }
    }

    #[inline]
    fn compare(self, right: Self, op: impl Fn(f64, f64) -> bool) -> Self {
        match (self, right) {
            (Self::Number(a, x), Self::Number(b, y)) => Self::Truth(op(a, b), x | y),
            _ => self.unknown(right),
        }
    }

    #[inline]
    fn equal(self, right: Self, wanted: bool) -> Self {
        let (equal, doubtful) = match (self, right) {
            (Self::Number(a, x), Self::Number(b, y)) => {
                (a.partial_cmp(&b) == Some(Ordering::Equal), x | y)
            }
            (Self::Truth(a, x), Self::Truth(b, y)) => (a == b, x | y),
            (Self::Text(a, x), Self::Text(b, y)) => (a == b, x | y),
            _ => return self.unknown(right),
        };
        Self::Truth(equal == wanted, doubtful)
    }

    /// Kleene's `&&` (one `false` decides) and `||` (one `true` does). A good one decides
    /// before a doubtful one.
    #[inline]
    fn decided_by(self, decider: bool, right: Self) -> Self {
        match (self, right) {
            (Self::Truth(a, x), Self::Truth(b, y)) => {
                let doubtful = match (a == decider, b == decider) {
                    (true, true) => x & y,
                    (true, false) => x,
                    (false, true) => y,
                    (false, false) => x | y,
                };
                Self::Truth(if a == decider { a } else { b }, doubtful)
            }
            (Self::Truth(value, _), Self::Unknown(_)) if value == decider => self,
            (Self::Unknown(_), Self::Truth(value, _)) if value == decider => right,
            _ => self.unknown(right),
        }
    }

    pub fn extreme(self, op: Extreme, right: Self) -> Self {
        match op {
            Extreme::Min => self.arithmetic(right, f64::min),
            Extreme::Max => self.arithmetic(right, f64::max),
        }
    }

    /// `self ? yes : no`; what was not chosen does not matter.
    pub const fn choose(self, yes: Self, no: Self) -> Self {
        let (chosen, doubtful) = match self {
            Self::Truth(true, doubtful) => (yes, doubtful),
            Self::Truth(false, doubtful) => (no, doubtful),
            _ => return self.unknown(self),
        };
        match chosen {
            Self::Unknown(_) => chosen,
            Self::Number(value, own) => Self::Number(value, own | doubtful),
            Self::Truth(value, own) => Self::Truth(value, own | doubtful),
            Self::Text(value, own) => Self::Text(value, own | doubtful),
        }
    }
}
