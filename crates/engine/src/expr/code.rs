//! Pieces of code while they are put together.

use std::ops::Range;

use super::program::Op;
use super::scale::Scale;

/// What an expression gives.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Type {
    Truth,
    Number(Scale),
    Text,
}

impl Type {
    /// In a fault.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truth => "true or false",
            Self::Number(_) => "a number",
            Self::Text => "a text",
        }
    }
}

/// Code that leaves one cell.
pub struct Code {
    pub ops: Vec<Op>,
    pub ty: Type,
    pub stack: usize,
    pub span: Range<usize>,
}

impl Code {
    /// The number, if it is one whatever the inputs.
    pub fn constant(&self) -> Option<f64> {
        match self.ops.as_slice() {
            [Op::Constant(value)] => Some(*value),
            _ => None,
        }
    }
}

/// One operation.
pub fn leaf(span: &Range<usize>, op: Op, ty: Type) -> Option<Code> {
    Some(Code {
        ops: vec![op],
        ty,
        stack: 1,
        span: span.clone(),
    })
}

/// The code of two, then what takes both.
pub fn both(left: Code, right: Code, op: Op, ty: Type, span: &Range<usize>) -> Code {
    let stack = left.stack.max(1 + right.stack);
    let mut ops = left.ops;
    ops.extend(right.ops);
    ops.push(op);
    let span = span.clone();
    Code {
        ops,
        ty,
        stack,
        span,
    }
}

/// What a person would write: a conversion's last bits are noise (0.07 * 100 is not 7).
pub fn in_15_digits(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}
