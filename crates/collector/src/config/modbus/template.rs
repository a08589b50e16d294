//! `[[template]]`: the registers of a device type, once for all devices of it; and `block`:
//! registers that repeat at equal steps.
//!
//! In keys, titles and labels `{name}` stands for the unit's name and `{n}` for the number of
//! the block. A template's addresses are counted from the unit's `base`.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::super::point::Points;
use super::super::table::Table;
use super::point::{self, Around};
use crate::source::modbus::Point;

/// The templates of a file.
pub struct Templates<'t> {
    list: Vec<Template<'t>>,
}

struct Template<'t> {
    name: Option<&'t str>,
    table: Table<'t>,
    is_used: Cell<bool>,
}

impl<'t> Templates<'t> {
    pub fn of(root: &Table<'t>) -> Self {
        let mut names = BTreeSet::new();
        let tables = root.tables("template").into_iter().map(|table| {
            let name = table.needed_text("name");
            if let Some(name) = name
                && !names.insert(name)
            {
                table.problem("name", format!("`{name}` names two templates"));
            }
            Template {
                name,
                table,
                is_used: Cell::new(false),
            }
        });
        Self {
            list: tables.collect(),
        }
    }

    /// The template that a unit asks for, if it does.
    pub fn used_by(&self, unit: &Table<'t>) -> Option<&Table<'t>> {
        let wanted = unit.text("template")?;
        let found = self.list.iter().find(|it| it.name == Some(wanted));
        let Some(found) = found else {
            let known: Vec<&str> = self.list.iter().filter_map(|it| it.name).collect();
            let what = format!("`{wanted}` is no template; known are: {}", known.join(", "));
            unit.problem("template", what);
            return None;
        };
        found.is_used.set(true);
        Some(&found.table)
    }

    /// Notes what nobody asked for. A template of which no unit is has not been read at all.
    pub fn finish(&self) {
        for template in &self.list {
            if template.is_used.get() {
                template.table.finish();
            } else {
                template.table.warn("name", "no unit uses this template");
            }
        }
    }
}

/// Most repetitions of one block.
const COUNT_MAX: u64 = 1_000;

/// The points of a block, each time at its place.
pub fn block(table: &Table<'_>, around: &Around, points: &mut Points<'_>) -> Vec<Point> {
    for key in ["count", "step", "point"] {
        if !table.has(key) {
            table.missing(key);
        }
    }
    let count = table.whole("count", 1..=COUNT_MAX);
    let step = table.whole("step", 1..=65_535);
    let first = table.whole("first", 0..=1_000_000).unwrap_or(1);
    let (Some(count), Some(step)) = (count, step) else {
        table.finish();
        return Vec::new();
    };
    if around.base + (count - 1) * step > 65_535 {
        table.problem("count", "the last block would begin past address 65535");
        return Vec::new();
    }
    let mut found = Vec::new();
    for at in 0..count {
        let around = Around {
            base: around.base + at * step,
            fill: around.fill.numbered(first + at),
            ..around.clone()
        };
        let tables = table.tables("point");
        let block = tables.iter();
        found.extend(block.filter_map(|table| point::point(table, &around, points)));
    }
    table.finish();
    found
}
