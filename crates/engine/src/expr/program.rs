//! An expression as flat code over slots: what runs for every sample.
//!
//! What must stay true: the code never needs more than `stack` cells, which the compiler
//! counted and bounded by `STACK_MAX`; nothing is allocated, and each operation runs once.

use fenghuo_model::Reason;

use super::cell::{Cell, State};
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
    /// Takes two texts: whether their being equal is so.
    Same(bool),
    /// Takes three: the condition lies lowest.
    Choose,
}

/// A text on the stack is a number: those of the program, from here on the slots.
const TEXT_SLOTS: usize = 1 << 16;

/// A bound expression. 24 bytes an operation; texts and input names are its own.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    pub(super) ops: Box<[Op]>,
    pub(super) texts: Box<[Box<str>]>,
    pub(super) inputs: Box<[String]>,
    pub(super) stack: usize,
    /// It gives true or false; else a number.
    pub(super) truth: bool,
}

impl Program {
    /// The inputs that it reads, in the order of their slots.
    #[must_use]
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Whether it asks how old a value is: time alone changes what it says then.
    #[must_use]
    pub fn asks_age(&self) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::Age(_)))
    }

    /// What the expression says now. `get` gives an input by its slot; it may be asked more
    /// than once and must answer the same.
    pub fn eval<'a>(&self, get: impl Fn(usize) -> Input<'a>) -> Answer {
        let cell = if self.stack <= STACK_SMALL {
            self.run::<STACK_SMALL>(&get)
        } else {
            self.run::<STACK_MAX>(&get)
        };
        let doubtful = match cell.state {
            State::Unknown(reason) => return Answer::Unknown(reason),
            state => state == State::Doubtful,
        };
        if self.truth {
            let value = cell.is_true();
            Answer::Truth { value, doubtful }
        } else {
            let value = cell.value;
            Answer::Number { value, doubtful }
        }
    }

    fn run<'a, const N: usize>(&self, get: &impl Fn(usize) -> Input<'a>) -> Cell {
        let mut stack = [Cell::EMPTY; N];
        let mut top = 0;
        for op in &self.ops {
            let (taken, cell) = match *op {
                Op::Number(slot) => (0, number(get(usize::from(slot)))),
                Op::Truth(slot) => (0, truth(get(usize::from(slot)))),
                Op::Text(slot) => (0, text(slot, get(usize::from(slot)))),
                Op::Age(slot) => (0, age(get(usize::from(slot)))),
                Op::Constant(value) => (0, Cell::constant(value)),
                Op::Always(value) => (0, Cell::truth(value, State::Good)),
                Op::Words(at) => (0, Cell::constant(f64::from(at))),
                Op::Convert { factor, offset } => (1, stack[top - 1].convert(factor, offset)),
                Op::Unary(op) => (1, stack[top - 1].unary(op)),
                Op::Binary(op) => (2, stack[top - 2].binary(op, stack[top - 1])),
                Op::Extreme(op) => (2, stack[top - 2].extreme(op, stack[top - 1])),
                Op::Same(wanted) => (2, self.same(wanted, stack[top - 2], stack[top - 1], get)),
                Op::Choose => (3, stack[top - 3].choose(stack[top - 2], stack[top - 1])),
            };
            top -= taken;
            stack[top] = cell;
            top += 1;
        }
        stack[0]
    }

    fn same<'a>(
        &self,
        wanted: bool,
        left: Cell,
        right: Cell,
        get: &impl Fn(usize) -> Input<'a>,
    ) -> Cell {
        let words = |cell: Cell| {
            let at = cell.value as usize;
            match at.checked_sub(TEXT_SLOTS).map(get) {
                Some(Input::Text { value, .. }) => Some(value),
                Some(_) => None,
                None => self.texts.get(at).map(AsRef::as_ref),
            }
        };
        let numbers = left.binary(Binary::Equal, right);
        Cell::truth((words(left) == words(right)) == wanted, numbers.state)
    }
}

#[inline]
const fn number(input: Input<'_>) -> Cell {
    match input {
        Input::Number {
            value, doubtful, ..
        } => Cell::number(value, State::known(doubtful)),
        other => no_value(other),
    }
}

#[inline]
const fn truth(input: Input<'_>) -> Cell {
    match input {
        Input::Bool {
            value, doubtful, ..
        } => Cell::truth(value, State::known(doubtful)),
        other => no_value(other),
    }
}

fn text(slot: u8, input: Input<'_>) -> Cell {
    match input {
        Input::Text { doubtful, .. } => Cell {
            value: f64::from(slot) + TEXT_SLOTS as f64,
            state: State::known(doubtful),
        },
        other => no_value(other),
    }
}

/// An input that was bound as one type and gives another says nothing.
const fn no_value(input: Input<'_>) -> Cell {
    match input {
        Input::Unknown { reason, .. } => Cell::unknown(reason),
        _ => Cell::unknown(Hold::Reading(Reason::WrongType)),
    }
}

/// An age is known even while the input is not, and is never doubtful. Without one, an input
/// that has a value has no clock to tell by.
fn age(input: Input<'_>) -> Cell {
    let (age_ms, reason) = match input {
        Input::Number { age_ms, .. } | Input::Bool { age_ms, .. } | Input::Text { age_ms, .. } => {
            (age_ms, Hold::Reading(Reason::Clock))
        }
        Input::Unknown { age_ms, reason } => (age_ms, reason),
    };
    age_ms.map_or(Cell::unknown(reason), |ms| {
        Cell::constant(ms as f64 / 1_000.0)
    })
}
