//! One value while it is computed, and what the operations do with the unknown.
//!
//! What must stay true: a number is finite, or its cell is unknown. A cell does not say its
//! type, the compiler knows it; so it fits two registers, which is most of the speed.

use fenghuo_model::Reason;

use super::tree::{Binary, Extreme, Unary};
use crate::event::Hold;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum State {
    Good,
    Doubtful,
    Unknown(Hold),
}

const NOT_A_NUMBER: State = State::Unknown(Hold::Reading(Reason::NotANumber));

impl State {
    pub const fn known(doubtful: bool) -> Self {
        if doubtful { Self::Doubtful } else { Self::Good }
    }

    const fn is_unknown(self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Of what needs both: the first unknown, or the doubt of either.
    const fn and(self, right: Self) -> Self {
        match (self, right) {
            (Self::Unknown(_), _) | (Self::Doubtful, Self::Good) => self,
            _ => right,
        }
    }
}

/// A number; 1 or 0 for true or false; the number of a text. Without meaning when unknown.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cell {
    pub value: f64,
    pub state: State,
}

impl Cell {
    pub const EMPTY: Self = Self::unknown(Hold::Rule);

    pub const fn unknown(reason: Hold) -> Self {
        Self {
            value: 0.0,
            state: State::Unknown(reason),
        }
    }

    /// A number, if it is one.
    #[inline]
    pub const fn number(value: f64, state: State) -> Self {
        let state = if value.is_finite() || state.is_unknown() {
            state
        } else {
            NOT_A_NUMBER
        };
        Self { value, state }
    }

    #[inline]
    pub const fn truth(value: bool, state: State) -> Self {
        let value = if value { 1.0 } else { 0.0 };
        Self { value, state }
    }

    /// Constants are good.
    pub const fn constant(value: f64) -> Self {
        Self::number(value, State::Good)
    }

    #[inline]
    pub const fn is_true(self) -> bool {
        self.value != 0.0
    }

    #[inline]
    pub fn unary(self, op: Unary) -> Self {
        let Self { value, state } = self;
        match op {
            Unary::Known => Self::truth(!state.is_unknown(), State::Good),
            Unary::Good => Self::truth(state == State::Good, State::Good),
            Unary::Doubtful => Self::truth(state == State::Doubtful, State::Good),
            Unary::Not => Self::truth(!self.is_true(), state),
            Unary::Negate => Self::number(-value, state),
            Unary::Abs => Self::number(value.abs(), state),
            Unary::Sqrt => Self::number(value.sqrt(), state),
            Unary::Floor => Self::number(value.floor(), state),
            Unary::Ceil => Self::number(value.ceil(), state),
            Unary::Round => Self::number(value.round(), state),
        }
    }

    #[inline]
    pub fn convert(self, factor: f64, offset: f64) -> Self {
        Self::number(self.value * factor + offset, self.state)
    }

    #[inline]
    pub fn binary(self, op: Binary, right: Self) -> Self {
        let (a, b) = (self.value, right.value);
        let number = |value| Self::number(value, self.state.and(right.state));
        let truth = |value| Self::truth(value, self.state.and(right.state));
        match op {
            Binary::And => self.decided_by(false, right),
            Binary::Or => self.decided_by(true, right),
            Binary::Equal => truth(a == b),
            Binary::Unequal => truth(a != b),
            Binary::Less => truth(a < b),
            Binary::LessEqual => truth(a <= b),
            Binary::Greater => truth(a > b),
            Binary::GreaterEqual => truth(a >= b),
            Binary::Add => number(a + b),
            Binary::Subtract => number(a - b),
            Binary::Multiply => number(a * b),
            Binary::Divide => number(a / b),
            Binary::Remainder => number(a % b),
        }
    }

    /// Kleene's `&&` (one `false` decides) and `||` (one `true` does). A good one decides
    /// before a doubtful one.
    #[inline]
    fn decided_by(self, decider: bool, right: Self) -> Self {
        let decides = |cell: Self| !cell.state.is_unknown() && cell.is_true() == decider;
        match (decides(self), decides(right)) {
            (true, false) => self,
            (false, true) => right,
            (true, true) if self.state == State::Good => self,
            (true, true) => right,
            (false, false) => Self::truth(!decider, self.state.and(right.state)),
        }
    }

    #[inline]
    pub fn extreme(self, op: Extreme, right: Self) -> Self {
        let value = match op {
            Extreme::Min => self.value.min(right.value),
            Extreme::Max => self.value.max(right.value),
        };
        Self::number(value, self.state.and(right.state))
    }

    /// `self ? yes : no`; what was not chosen does not matter.
    #[inline]
    pub const fn choose(self, yes: Self, no: Self) -> Self {
        let chosen = if self.is_true() { yes } else { no };
        let value = chosen.value;
        let state = self.state.and(chosen.state);
        Self { value, state }
    }
}
