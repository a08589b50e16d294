//! An expression as flat code over slots: what runs for every sample.
//!
//! What must stay true: the code never needs more than `stack` cells, which the compiler
//! counted and bounded by `STACK_MAX`; nothing is allocated, and each operation runs once.

use fenghuo_model::Reason;

use super::cell::Cell;
use super::tree::{Binary, Extreme, Unary};
use super::{Answer, DEPTH_MAX, Input};
use crate::event::Hold;

/// Most cells at once: a condition holds two while its third is computed, at each depth.
pub const STACK_MAX: usize = 2 * DEPTH_MAX + 2;
/// Most expressions need no more, and clearing them is most of a small one's cost.
const STACK_SMALL: usize = 6;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Op {
    /// Puts an input down.
    Number(u8),
    Truth(u8),
    Text(u8),
    /// Seconds since the input's last value.
    Age(u8),
    /// Puts a constant down.
    Constant(f64),
    Always(bool),
    Words(u8),
    /// Takes the top.
    Convert {
        factor: f64,
        offset: f64,
    },
    Unary(Unary),
    /// Takes the two on top.
    Binary(Binary),
    Extreme(Extreme),
    /// Takes three: the condition lies lowest.
    Choose,
}

/// A bound expression. 24 bytes an operation; texts and input names are its own.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    pub(super) ops: Box<[Op]>,
    pub(super) texts: Box<[Box<str>]>,
    pub(super) inputs: Box<[String]>,
    pub(super) stack: usize,
}

impl Program {
    /// The inputs that it reads, in the order of their slots.
    #[must_use]
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// What the expression says now. `get` gives an input by its slot; it may be asked more
    /// than once and must answer the same.
    pub fn eval<'a>(&self, get: impl Fn(usize) -> Input<'a>) -> Answer {
        let cell = if self.stack <= STACK_SMALL {
            self.run::<STACK_SMALL>(&get)
        } else {
            self.run::<STACK_MAX>(&get)
        };
        match cell {
            Cell::Number(value, doubtful) => Answer::Number { value, doubtful },
            Cell::Truth(value, doubtful) => Answer::Truth { value, doubtful },
            Cell::Text(..) => Answer::Unknown(Hold::Reading(Reason::WrongType)),
            Cell::Unknown(reason) => Answer::Unknown(reason),
        }
    }

    fn run<'s, 'a: 's, const N: usize>(&'s self, get: &impl Fn(usize) -> Input<'a>) -> Cell<'s> {
        let mut stack = [Cell::Truth(false, false); N];
        let mut top = 0;
        for op in &self.ops {
            let (taken, cell) = match *op {
                Op::Number(slot) => (0, number(get(usize::from(slot)))),
                Op::Truth(slot) => (0, truth(get(usize::from(slot)))),
                Op::Text(slot) => (0, text(get(usize::from(slot)))),
                Op::Age(slot) => (0, age(get(usize::from(slot)))),
                Op::Constant(value) => (0, Cell::Number(value, false)),
                Op::Always(value) => (0, Cell::Truth(value, false)),
                Op::Words(at) => (0, Cell::Text(&self.texts[usize::from(at)], false)),
                Op::Convert { factor, offset } => (1, stack[top - 1].convert(factor, offset)),
                Op::Unary(op) => (1, stack[top - 1].unary(op)),
                Op::Binary(op) => (2, stack[top - 2].binary(op, stack[top - 1])),
                Op::Extreme(op) => (2, stack[top - 2].extreme(op, stack[top - 1])),
                Op::Choose => (3, stack[top - 3].choose(stack[top - 2], stack[top - 1])),
            };
            top -= taken;
            stack[top] = cell;
            top += 1;
        }
        stack[0]
    }
}

const fn number(input: Input<'_>) -> Cell<'_> {
    match input {
        Input::Number {
            value, doubtful, ..
        } => Cell::number(value, doubtful),
        other => no_value(other),
    }
}

const fn truth(input: Input<'_>) -> Cell<'_> {
    match input {
        Input::Bool {
            value, doubtful, ..
        } => Cell::Truth(value, doubtful),
        other => no_value(other),
    }
}

const fn text(input: Input<'_>) -> Cell<'_> {
    match input {
        Input::Text {
            value, doubtful, ..
        } => Cell::Text(value, doubtful),
        other => no_value(other),
    }
}

/// An input that was bound as one type and gives another says nothing.
const fn no_value<'a>(input: Input<'a>) -> Cell<'a> {
    match input {
        Input::Unknown { reason, .. } => Cell::Unknown(reason),
        _ => Cell::Unknown(Hold::Reading(Reason::WrongType)),
    }
}

/// An age is known even while the input is not, and is never doubtful. Without one, an input
/// that has a value has no clock to tell by.
fn age(input: Input<'_>) -> Cell<'_> {
    let (age_ms, reason) = match input {
        Input::Number { age_ms, .. } | Input::Bool { age_ms, .. } | Input::Text { age_ms, .. } => {
            (age_ms, Hold::Reading(Reason::Clock))
        }
        Input::Unknown { age_ms, reason } => (age_ms, reason),
    };
    match age_ms {
        Some(ms) => Cell::Number(ms as f64 / 1_000.0, false),
        None => Cell::Unknown(reason),
    }
}
