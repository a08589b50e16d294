//! The cells themselves, in two halves.
//!
//! The mean of the last 60 samples is the commonest window and must stay small: at 10,000
//! points its cells decide whether the memories fit a processor's cache. So what every
//! window needs lies in one ring, and what only some need, in another, which is empty for the
//! others. What must stay true: the second ring is empty or as long as the first.

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::CELLS_MAX;
use super::part::Part;
use crate::detect::ring::{self, Ring};
use crate::rule::{Span, Stat, Window};

/// A cell.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cell {
    /// Its newest sample; without meaning where [`keeps_rest`] says no.
    pub last: Timestamp,
    /// What is kept of its samples.
    pub part: Part,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Lean {
    a: f64,
    values: u32,
    marks: u32,
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Rest {
    last: Timestamp,
    b: f64,
}

/// Whether a window needs more of a cell than one number and the counts.
pub fn keeps_rest(spec: &Window) -> bool {
    let has_one_number = matches!(spec.stat, Stat::Min | Stat::Max | Stat::Mean | Stat::Sum);
    !has_one_number || matches!(spec.span, Span::Time(_))
}

/// Cells, oldest first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Cells {
    lean: Ring<Lean, CELLS_MAX>,
    rest: Ring<Rest, CELLS_MAX>,
}

impl Cell {
    const fn halves(self) -> (Lean, Rest) {
        let Self { last, part } = self;
        let Part {
            a,
            b,
            values,
            marks,
        } = part;
        (Lean { a, values, marks }, Rest { last, b })
    }

    fn of(lean: Lean, rest: Option<Rest>) -> Self {
        let Lean { a, values, marks } = lean;
        let Rest { last, b } = rest.unwrap_or_default();
        let part = Part {
            a,
            b,
            values,
            marks,
        };
        Self { last, part }
    }
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.lean.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.lean.is_empty()
    }

    /// There is room for no more.
    pub fn is_full(&self) -> bool {
        self.lean.is_full()
    }

    /// By age: 0 is the oldest.
    #[inline]
    pub fn get(&self, at: usize) -> Option<Cell> {
        let lean = self.lean.get(at)?;
        Some(Cell::of(*lean, self.rest.get(at).copied()))
    }

    /// Puts another one in its place.
    #[inline]
    pub fn set(&mut self, at: usize, cell: Cell) {
        let (lean, rest) = cell.halves();
        if let Some(place) = self.lean.get_mut(at) {
            *place = lean;
        }
        if let Some(place) = self.rest.get_mut(at) {
            *place = rest;
        }
    }

    /// Adds the newest. `with_rest`: see [`keeps_rest`]; always the same for one queue.
    #[inline]
    pub fn push(&mut self, cell: Cell, with_rest: bool) {
        let (lean, rest) = cell.halves();
        self.lean.push(lean);
        if with_rest {
            self.rest.push(rest);
        }
    }

    /// Takes the oldest.
    #[inline]
    pub fn pop(&mut self) -> Option<Cell> {
        let rest = self.rest.pop();
        self.lean.pop().map(|lean| Cell::of(lean, rest))
    }

    /// From the oldest to the newest.
    pub fn iter(&self) -> impl Iterator<Item = Cell> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Puts older ones before its own. Where both are too many the oldest go.
    pub fn prepend(&mut self, older: Self) {
        self.lean.prepend(older.lean);
        self.rest.prepend(older.rest);
    }

    /// Moves every instant.
    pub fn shift(&mut self, by_ms: i64) {
        for rest in self.rest.iter_mut() {
            ring::shift(&mut rest.last, by_ms);
        }
    }

    /// Forgets all; keeps the room.
    pub fn clear(&mut self) {
        self.lean.clear();
        self.rest.clear();
    }
}
