//! The cells of a window in the order of time, with the whole at hand.
//!
//! A queue made of two stacks: the older cells hold the part from themselves to the newest of
//! the old ones, the newer ones each hold their own, and `back` the part of all newer ones. So
//! the whole is the oldest cell's part with `back`. When the old ones are used up the newer
//! ones become old, which costs one step for each: O(1) per sample over time. Nothing is ever
//! subtracted, so rounding cannot build up, and an outlier leaves without a trace.
//!
//! The newest cell is never old, so that it can take in samples.

use std::ops::Range;

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::cells::{Cell, Cells, keeps_rest};
use super::part::Part;
use super::sorted::Entry;
use crate::detect::ring;
use crate::rule::{Stat, Window};

/// Cells, oldest first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Queue {
    cells: Cells,
    /// So many of them are old.
    old: u32,
    /// Of all that are not old.
    back: Part,
    /// The oldest sample of the newest cell.
    begin: Timestamp,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.cells.is_full()
    }

    /// The newest sample of the oldest cell.
    pub fn leaves(&self) -> Option<Timestamp> {
        self.cells.get(0).map(|cell| cell.last)
    }

    /// The oldest sample of the newest cell.
    pub fn newest_begin(&self) -> Timestamp {
        self.begin
    }

    /// All samples together.
    pub fn whole(&self, stat: Stat) -> Part {
        match self.cells.get(0) {
            Some(oldest) if self.old > 0 => oldest.part.with(stat, &self.back),
            _ => self.back,
        }
    }

    /// How many samples there are, with or without value.
    pub fn samples(&self, stat: Stat) -> u32 {
        let whole = self.whole(stat);
        whole.values.saturating_add(whole.missing())
    }

    /// Adds a cell; there must be room.
    pub fn push(&mut self, spec: &Window, at: Timestamp, part: Part) {
        debug_assert!(!self.is_full(), "whoever adds makes room first");
        self.back = self.back.with(spec.stat, &part);
        self.begin = at;
        self.cells.push(Cell { last: at, part }, keeps_rest(spec));
    }

    /// Takes a sample into the newest cell; gives what the cell was and is.
    pub fn absorb(&mut self, stat: Stat, at: Timestamp, part: &Part) -> Option<(Part, Part)> {
        let newest = self.len().checked_sub(1)?;
        let was = self.cells.get(newest)?.part;
        let now = was.take(stat, part);
        self.cells.set(
            newest,
            Cell {
                last: at,
                part: now,
            },
        );
        self.back = self.back.with(stat, part);
        Some((was, now))
    }

    /// Takes the oldest cell.
    pub fn pop(&mut self, stat: Stat) -> Option<Part> {
        if self.old == 0 {
            self.turn(stat);
        }
        let cell = self.cells.pop()?;
        match self.old.checked_sub(1) {
            Some(old) => self.old = old,
            None => self.back = Part::default(),
        }
        Some(cell.part)
    }

    /// Makes all cells old but the newest.
    fn turn(&mut self, stat: Stat) {
        let Some(newest) = self.len().checked_sub(1) else {
            return;
        };
        self.back = self.cells.get(newest).unwrap_or_default().part;
        gather(&mut self.cells, stat, Part::default(), 0..newest);
        self.old = u32::try_from(newest).unwrap_or(u32::MAX);
    }

    /// Puts the cells of an older queue before its own; the oldest go where they are too many.
    pub fn prepend(&mut self, stat: Stat, mut older: Self) {
        if self.is_empty() {
            *self = older;
            return;
        }
        let mut rest = match self.cells.get(0) {
            Some(oldest) if self.old > 0 => oldest.part,
            _ => Part::default(),
        };
        let (old, all) = (older.old as usize, older.len());
        gather(&mut older.cells, stat, rest, old..all);
        rest = older.back.with(stat, &rest);
        for at in 0..old {
            let mut cell = older.cells.get(at).unwrap_or_default();
            cell.part = cell.part.with(stat, &rest);
            older.cells.set(at, cell);
        }
        let both = self.len() + all;
        self.cells.prepend(older.cells);
        let moved = all.saturating_sub(both - self.len());
        self.old += u32::try_from(moved).unwrap_or(u32::MAX);
    }

    /// Each cell's own value and how many it stands for, for a quantile.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.cells.iter().map(|cell| cell.part.entry())
    }

    /// Moves every instant.
    pub fn shift(&mut self, by_ms: i64) {
        self.cells.shift(by_ms);
        ring::shift(&mut self.begin, by_ms);
    }

    /// Forgets all; keeps the room.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.old = 0;
        self.back = Part::default();
    }
}

/// Gives each cell of a range, from newer to older, the part from itself to the end of `rest`.
fn gather(cells: &mut Cells, stat: Stat, mut rest: Part, range: Range<usize>) {
    for at in range.rev() {
        let mut cell = cells.get(at).unwrap_or_default();
        cell.part = cell.part.with(stat, &rest);
        rest = cell.part;
        cells.set(at, cell);
    }
}
