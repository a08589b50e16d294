//! `[[modbus]]`: connections and the units behind them. What many units have in common stands
//! once in a `[[template]]`.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::origin::Origin;
use super::point::{Fill, Points};
use super::table::Table;
use crate::source::modbus::plan::{self, BITS_MAX, Hole, REGISTERS_MAX, Reach};
use crate::source::modbus::port::Way;
use crate::source::modbus::{Line, Point, Unit};

mod point;
mod port;
mod raw;
mod template;

use point::Around;
use template::Templates;

const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 10..=60_000;
const TIMEOUT_MS_DEFAULT: u64 = 1_000;
const INTERVAL_MS: std::ops::RangeInclusive<u64> = 1..=86_400_000;
const INTERVAL_MS_DEFAULT: u32 = 1_000;
/// How long a device may be left in peace between requests.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 0..=10_000;

pub fn lines(root: &Table<'_>, points: &mut Points<'_>) -> Vec<Line> {
    let templates = Templates::of(root);
    let tables = root.tables("modbus");
    let lines = tables
        .iter()
        .filter_map(|table| line(table, &templates, points));
    let lines: Vec<Line> = lines.collect();
    templates.finish();
    port::shared(root, &lines);
    lines
}

fn line(table: &Table<'_>, templates: &Templates<'_>, points: &mut Points<'_>) -> Option<Line> {
    points.begin_source();
    let name = table.text("name");
    let origin = Origin::line(table, fenghuo_model::source::MODBUS);
    let port = port::port(table);
    let timeout_ms = table.whole("timeout_ms", TIMEOUT_MS);
    let pause_ms = table.whole("pause_ms", PAUSE_MS).unwrap_or(0);
    let gap = table.whole("gap_registers", 0..=u64::from(REGISTERS_MAX));
    let gap = gap
        .and_then(|gap| u16::try_from(gap).ok())
        .unwrap_or_else(|| port.as_ref().map_or(0, port::gap));
    if !table.has("unit") {
        table.missing("unit");
    }
    let mut ids = BTreeSet::new();
    let units = table.tables("unit");
    let units = units.iter().filter_map(|table| {
        let id = unit_id(table);
        if let Some(id) = id
            && !ids.insert(id)
        {
            table.problem("id", format!("{id} stands twice behind this address"));
        }
        unit(table, templates, id, gap, points, &origin)
    });
    let units = units.collect();
    let state = points.add_state(&origin);
    points.end_source(name);
    table.finish();
    Some(Line {
        name: name?.to_owned(),
        state: state?,
        way: Way {
            port: port?,
            caller: None,
        },
        timeout: Duration::from_millis(timeout_ms.unwrap_or(TIMEOUT_MS_DEFAULT)),
        pause: Duration::from_millis(pause_ms),
        units,
    })
}

fn unit_id(table: &Table<'_>) -> Option<u8> {
    if !table.has("id") {
        table.missing("id");
    }
    let id = table.whole("id", 0..=255);
    id.and_then(|id| u8::try_from(id).ok())
}

fn unit(
    table: &Table<'_>,
    templates: &Templates<'_>,
    id: Option<u8>,
    gap: u16,
    points: &mut Points<'_>,
    line: &Rc<Origin>,
) -> Option<Unit> {
    let template = templates.used_by(table);
    // What the unit says itself goes before its template.
    let whole = |key, bounds: std::ops::RangeInclusive<u64>| {
        let own = table.whole(key, bounds.clone());
        own.or_else(|| template.as_ref()?.whole(key, bounds))
    };
    let interval = whole("interval_ms", INTERVAL_MS);
    let interval_ms = interval
        .and_then(|ms| u32::try_from(ms).ok())
        .unwrap_or(INTERVAL_MS_DEFAULT);
    let longest = |key, most: u16| {
        let longest = whole(key, 1..=u64::from(most));
        let longest = longest.and_then(|longest| u16::try_from(longest).ok());
        longest.unwrap_or(most)
    };
    let registers = longest("max_registers", REGISTERS_MAX);
    let bits = longest("max_bits", BITS_MAX);
    let pause_ms = whole("pause_ms", PAUSE_MS).unwrap_or(0);
    let drift_guard = table.truth("drift_guard");
    let drift_guard = drift_guard.or_else(|| template.as_ref()?.truth("drift_guard"));
    let mut holes = holes(table, 0);
    let base = base(table, template.is_some());
    holes.extend(
        template
            .iter()
            .flat_map(|template| self::holes(template, base)),
    );
    let reach = Reach {
        gap,
        registers,
        bits,
        holes,
    };
    if template.is_none() && !table.has("point") && !table.has("block") && !table.has("template") {
        table.missing("point");
    }
    let around = Around {
        // Without an id the points are still read, for what else is wrong with them.
        origin: id.map_or_else(|| line.clone(), |id| line.device(id)),
        interval_ms,
        registers: reach.registers,
        base: 0,
        fill: Fill::named(table.text("name")),
    };
    let mut unit_points = points_of(table, &around, points);
    if let Some(template) = &template {
        let around = Around {
            base,
            ..around.clone()
        };
        unit_points.extend(points_of(template, &around, points));
    }
    let state = points.add_state(&around.origin);
    table.finish();
    Some(Unit {
        id: id?,
        state: state?,
        interval_ms,
        pause: Duration::from_millis(pause_ms),
        reach,
        drift_guard: drift_guard.unwrap_or(false),
        points: unit_points,
    })
}

/// What a template's addresses are counted from.
fn base(table: &Table<'_>, has_template: bool) -> u64 {
    if table.has("base") && !has_template && !table.has("template") {
        table.problem("base", "is for the addresses of a template");
    }
    table.whole("base", 0..=65_535).unwrap_or(0)
}

/// The points and repeated blocks of a unit or a template.
fn points_of(table: &Table<'_>, around: &Around, points: &mut Points<'_>) -> Vec<Point> {
    let single = table.tables("point");
    let single = single.iter();
    let mut found: Vec<Point> = single
        .filter_map(|table| point::point(table, around, points))
        .collect();
    for block in table.tables("block") {
        found.extend(template::block(&block, around, points));
    }
    found
}

/// `holes = ["holding 100-109"]`, both included.
fn holes(table: &Table<'_>, base: u64) -> Vec<Hole> {
    let one = |text: &str| -> Option<Hole> {
        let (place, span) = text.trim().split_once(' ')?;
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        let address = |text: &str| {
            let address = text.trim().parse::<u64>().ok()? + base;
            u16::try_from(address).ok()
        };
        let addresses = address(first)?..=address(last)?;
        (!addresses.is_empty()).then_some(Hole {
            table: plan::Table::parse(place)?,
            addresses,
        })
    };
    let texts = table.list_of_texts("holes");
    let holes = texts.iter().filter_map(|text| {
        let hole = one(text);
        if hole.is_none() {
            table.problem("holes", format!("`{text}` is not as `holding 100-109`"));
        }
        hole
    });
    holes.collect()
}
