//! `[[modbus]]`: connections, the units behind them, and their registers.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::origin::Origin;
use super::point::{self, Points};
use super::table::Table;
use crate::source::modbus::decode::{Decode, Order, Raw};
use crate::source::modbus::plan::{self, REGISTERS_MAX, Reach, Register};
use crate::source::modbus::{Line, Point, Unit};

const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 10..=60_000;
const TIMEOUT_MS_DEFAULT: u64 = 1_000;
const INTERVAL_MS: std::ops::RangeInclusive<u64> = 1..=86_400_000;
const INTERVAL_MS_DEFAULT: u32 = 1_000;
const GAP_DEFAULT: u16 = 8;
/// The widest number takes four registers, so no device may be asked for fewer.
const REGISTERS_MIN: u64 = 4;

/// Said of an address that no protocol address can be.
const ADDRESS_HINT: &str =
    "; addresses are those of the protocol, from 0 (a manual's 40001 or 400001 is holding 0)";
/// How many five-digit reference numbers each table has in manuals, such as 40001 to 49999.
const REFERENCES: u64 = 9_999;

const TYPES: &str = "bool, u16, i16, u32, i32, u64, i64, f32, f64";

pub fn lines(root: &Table<'_>, points: &mut Points<'_>) -> Vec<Line> {
    let tables = root.tables("modbus");
    tables
        .iter()
        .filter_map(|table| line(table, points))
        .collect()
}

fn line(table: &Table<'_>, points: &mut Points<'_>) -> Option<Line> {
    let name = table.text("name");
    let origin = Origin::line(table, fenghuo_model::source::MODBUS);
    let address = table.needed_text("address");
    if let Some(address) = address
        && !is_address(address)
    {
        table.problem("address", format!("`{address}` is not `host:port`"));
    }
    let timeout_ms = table.whole("timeout_ms", TIMEOUT_MS);
    let gap = table.whole("gap_registers", 0..=u64::from(REGISTERS_MAX));
    let gap = gap
        .and_then(|gap| u16::try_from(gap).ok())
        .unwrap_or(GAP_DEFAULT);
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
        unit(table, id, gap, points, &origin)
    });
    let units = units.collect();
    let state = points.add_state(&origin);
    table.finish();
    Some(Line {
        name: name?.to_owned(),
        state: state?,
        address: address?.to_owned(),
        timeout: Duration::from_millis(timeout_ms.unwrap_or(TIMEOUT_MS_DEFAULT)),
        units,
    })
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0)
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
    id: Option<u8>,
    gap: u16,
    points: &mut Points<'_>,
    line: &Rc<Origin>,
) -> Option<Unit> {
    let interval = table.whole("interval_ms", INTERVAL_MS);
    let interval_ms = interval
        .and_then(|ms| u32::try_from(ms).ok())
        .unwrap_or(INTERVAL_MS_DEFAULT);
    let longest = table.whole("max_registers", REGISTERS_MIN..=u64::from(REGISTERS_MAX));
    let reach = Reach {
        gap,
        registers: longest
            .and_then(|longest| u16::try_from(longest).ok())
            .unwrap_or(REGISTERS_MAX),
        ..Reach::default()
    };
    if !table.has("point") {
        table.missing("point");
    }
    // Without an id the points are still read, for what else is wrong with them.
    let origin = id.map_or_else(|| line.clone(), |id| line.device(id));
    let list = table.tables("point");
    let list = list
        .iter()
        .filter_map(|table| point(table, interval_ms, points, &origin));
    let unit_points = list.collect();
    let state = points.add_state(&origin);
    table.finish();
    Some(Unit {
        id: id?,
        state: state?,
        interval_ms,
        reach,
        points: unit_points,
    })
}

fn point(
    table: &Table<'_>,
    interval_ms: u32,
    points: &mut Points<'_>,
    origin: &Rc<Origin>,
) -> Option<Point> {
    let place = register_table(table);
    if !table.has("address") {
        table.missing("address");
    }
    let address = address(table, place);
    let raw = raw(table, place);
    let order = order(table, raw);
    let is_state = raw.is_some_and(|raw| matches!(raw, Raw::Bool | Raw::Bit(_)));
    let is_number = !is_state && table.text("type") != Some("bool");
    let linear = point::linear(table, is_number);
    let exception = point::exception(table);
    let decode = Decode {
        // A type that is wrong is noted already; the rest of the point is still read.
        raw: raw.unwrap_or(Raw::U16),
        order: order.unwrap_or_default(),
        linear,
        range: point::range(table),
    };
    let index = points.add(table, decode.value_type(), interval_ms, origin);
    table.finish();
    let register = Register {
        table: place?,
        address: address?,
        decode: Decode {
            raw: raw?,
            ..decode
        },
    };
    if !register.is_valid() {
        table.problem("address", "the value would reach past address 65535");
        return None;
    }
    Some(Point {
        index: index?,
        register,
        exception,
    })
}

/// As on the wire, from 0. What looks like a manual's reference number is allowed, because
/// there are devices with such addresses, and warned of.
fn address(table: &Table<'_>, place: Option<plan::Table>) -> Option<u16> {
    let address = table.whole_or("address", 0..=65_535, ADDRESS_HINT)?;
    let base = match place {
        Some(plan::Table::Discrete) => Some(10_001),
        Some(plan::Table::Input) => Some(30_001),
        Some(plan::Table::Holding) => Some(40_001),
        Some(plan::Table::Coil) | None => None,
    };
    if let Some(base) = base
        && (base..base + REFERENCES).contains(&address)
    {
        let meant = address - base;
        let what = format!(
            "is {address}, which looks like a manual's reference number; addresses are those of \
             the protocol, from 0, where {address} is {meant}"
        );
        table.warn("address", what);
    }
    u16::try_from(address).ok()
}

fn register_table(table: &Table<'_>) -> Option<plan::Table> {
    let text = table.needed_text("table")?;
    let place = plan::Table::parse(text);
    if place.is_none() {
        let what = format!("`{text}` is not one of coil, discrete, input, holding");
        table.problem("table", what);
    }
    place
}

fn raw(table: &Table<'_>, place: Option<plan::Table>) -> Option<Raw> {
    let bit = table
        .whole("bit", 0..=15)
        .and_then(|bit| u8::try_from(bit).ok());
    let is_bits = place.is_some_and(plan::Table::is_bits);
    let text = match table.text("type") {
        Some(text) => text,
        // A coil can be nothing else.
        None if is_bits && !table.has("type") => "bool",
        None => {
            if !table.has("type") {
                table.missing("type");
            }
            return None;
        }
    };
    let raw = match (text, bit) {
        ("bool", Some(bit)) if !is_bits => Raw::Bit(bit),
        ("bool", None) if place.is_some() && !is_bits && !table.has("bit") => {
            table.problem(
                "bit",
                "is missing: a bool out of a register needs one, 0 to 15",
            );
            return None;
        }
        // The bit is there and wrong, which is noted already.
        ("bool", None) if place.is_some() && !is_bits => return None,
        ("bool", _) => Raw::Bool,
        ("u16", _) => Raw::U16,
        ("i16", _) => Raw::I16,
        ("u32", _) => Raw::U32,
        ("i32", _) => Raw::I32,
        ("u64", _) => Raw::U64,
        ("i64", _) => Raw::I64,
        ("f32", _) => Raw::F32,
        ("f64", _) => Raw::F64,
        _ => {
            table.problem("type", format!("`{text}` is not one of {TYPES}"));
            return None;
        }
    };
    if bit.is_some() && !matches!(raw, Raw::Bit(_)) {
        table.problem("bit", "is for a bool out of a register");
    }
    if is_bits && raw != Raw::Bool {
        table.problem(
            "type",
            format!("`{text}`; coils and discrete inputs are bool"),
        );
        return None;
    }
    Some(raw)
}

fn order(table: &Table<'_>, raw: Option<Raw>) -> Option<Order> {
    let text = table.text("order")?;
    let raw = raw?;
    let order = if raw == Raw::Bool {
        None
    } else {
        Order::parse(text, raw.width())
    };
    if order.is_none() {
        let what = if raw == Raw::Bool {
            "is for registers".to_owned()
        } else {
            format!("`{text}` is not one of {}", Order::names(raw.width()))
        };
        table.problem("order", what);
    }
    order
}
