//! What a plant's PLC holds at one moment: every point's value and words, and the faults
//! that are on.
//!
//! An image is immutable and shared; a request is answered from one image, so that the
//! words of one value never come from two moments.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::plant::{Place, PlantKind, Point, Span};
use crate::register::Table;
use crate::scenario::Fault;

/// One cell of one address space of one unit.
type Cell = (u8, Table, u16);

/// Where a plant's points stand; made once a plant.
#[derive(Debug)]
pub struct RegisterMap {
    kind: PlantKind,
    points: Vec<Point>,
    cells: BTreeMap<Cell, Vec<usize>>,
}

impl RegisterMap {
    /// The map of a plant.
    #[must_use]
    pub fn new(kind: PlantKind) -> Self {
        let points = kind.points();
        let mut cells: BTreeMap<Cell, Vec<usize>> = BTreeMap::new();
        for (at, point) in points.iter().enumerate() {
            if let Place::Register {
                unit,
                table,
                address,
                encoding,
            } = point.place
            {
                for cell in 0..encoding.raw.cells() {
                    let used = cells.entry((unit, table, address + cell)).or_default();
                    used.push(at);
                }
            }
        }
        Self {
            kind,
            points,
            cells,
        }
    }

    /// Which plant.
    #[must_use]
    pub const fn kind(&self) -> PlantKind {
        self.kind
    }

    /// The plant's points.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Cells that two points claim, unless both are bits of one register.
    #[must_use]
    pub fn clashes(&self) -> Vec<String> {
        let whole = |at: &usize| match self.points[*at].place {
            Place::Register { encoding, .. } => {
                !matches!(encoding.raw, crate::register::Raw::RegisterBit(_))
            }
            Place::Device { .. } => true,
        };
        let twice = self.cells.iter().filter(|(_, users)| users.len() > 1);
        twice
            .filter(|(_, users)| users.iter().any(whole))
            .map(|(cell, users)| format!("{cell:?} is used by points {users:?}"))
            .collect()
    }
}

/// A point that a request read in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// Its place in the map's points.
    pub point: usize,
    /// Its words as sent.
    pub words: Vec<u16>,
}

/// What the PLC says to a read.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// No such unit: silence.
    NoUnit,
    /// Some address is not there: exception 2.
    IllegalAddress,
    /// The cells, and the points that they hold in full.
    Cells {
        /// One word or bit (0 or 1) a cell.
        words: Vec<u16>,
        /// What was served.
        served: Vec<Served>,
    },
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Image {
    map: Arc<RegisterMap>,
    /// Seconds of plant time since the start.
    pub plant_s: f64,
    /// The faults that are on.
    pub faults: Vec<Fault>,
    values: Vec<f64>,
    words: BTreeMap<Cell, u16>,
}

impl Image {
    /// Encodes `values`, which stand in the order of the map's points.
    #[must_use]
    pub fn new(map: Arc<RegisterMap>, plant_s: f64, values: Vec<f64>, faults: Vec<Fault>) -> Self {
        let mut words = BTreeMap::new();
        for (at, (point, value)) in map.points.iter().zip(&values).enumerate() {
            if let Place::Register {
                unit,
                table,
                address,
                encoding,
            } = point.place
            {
                let spoilt = faults
                    .iter()
                    .any(|fault| matches!(fault, Fault::Nan { point } if *point == at));
                let value = if spoilt { f64::NAN } else { *value };
                for (cell, word) in (address..).zip(encoding.words(value)) {
                    *words.entry((unit, table, cell)).or_insert(0) |= word;
                }
            }
        }
        Self {
            map,
            plant_s,
            faults,
            values,
            words,
        }
    }

    /// The plant's map.
    #[must_use]
    pub fn map(&self) -> &RegisterMap {
        &self.map
    }

    /// The physical value of a point, before any encoding.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<f64> {
        let at = self.map.points.iter().position(|point| point.key == key)?;
        self.values.get(at).copied()
    }

    /// Values in the order of the map's points.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Reads `count` cells from `first`.
    #[must_use]
    pub fn read(&self, unit: u8, table: Table, first: u16, count: u16) -> Answer {
        let spans = self.map.kind.spans();
        if !spans.iter().any(|span| span.unit == unit) {
            return Answer::NoUnit;
        }
        let Some(last) = first.checked_add(count.saturating_sub(1)) else {
            return Answer::IllegalAddress;
        };
        let exists = |span: &&Span| span.unit == unit && span.table == table;
        let held = |at: u16| {
            let mut spans = spans.iter().filter(exists);
            spans.any(|span| (span.first..=span.last).contains(&at))
        };
        if !(first..=last).all(held) {
            return Answer::IllegalAddress;
        }
        let word = |at| self.words.get(&(unit, table, at)).copied().unwrap_or(0);
        Answer::Cells {
            words: (first..=last).map(word).collect(),
            served: self.served(unit, table, first, last),
        }
    }

    /// The points of which a read of these cells touches any.
    pub fn touched(&self, unit: u8, table: Table, first: u16, last: u16) -> Vec<usize> {
        let cells = self
            .map
            .cells
            .range((unit, table, first)..=(unit, table, last));
        let mut points: Vec<usize> = cells.flat_map(|(_, users)| users).copied().collect();
        points.sort_unstable();
        points.dedup();
        points
    }

    fn served(&self, unit: u8, table: Table, first: u16, last: u16) -> Vec<Served> {
        let in_full = |point: usize| {
            let Place::Register {
                address, encoding, ..
            } = self.map.points[point].place
            else {
                return None;
            };
            let end = address + (encoding.raw.cells() - 1);
            let word = |at| self.words.get(&(unit, table, at)).copied().unwrap_or(0);
            (address >= first && end <= last).then(|| Served {
                point,
                words: (address..=end).map(word).collect(),
            })
        };
        self.touched(unit, table, first, last)
            .into_iter()
            .filter_map(in_full)
            .collect()
    }
}
