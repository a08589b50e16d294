//! One point of a unit: its registers and how to read them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::origin::Origin;
use super::super::point::{self, Fill, Points, Report};
use super::super::table::Table;
use super::raw;
use crate::source::modbus::Point;
use crate::source::modbus::decode::{Decode, Raw, ScaleRegister, ScaleWord};
use crate::source::modbus::plan::{self, Register};

/// Said of an address that no protocol address can be.
const ADDRESS_HINT: &str =
    "; addresses are those of the protocol, from 0 (a manual's 40001 or 400001 is holding 0)";
/// How many five-digit reference numbers each table has in manuals, such as 40001 to 49999.
const REFERENCES: u64 = 9_999;
/// Most names of one enumeration.
const NAMES_MAX: usize = 256;

/// What a point takes from around it.
#[derive(Clone, Debug)]
pub struct Around {
    /// The device.
    pub origin: Rc<Origin>,
    /// How often it is read.
    pub interval_ms: u32,
    /// Most registers in one read of the device.
    pub registers: u16,
    /// Added to every address.
    pub base: u64,
    /// What stands for the placeholders.
    pub fill: Fill,
}

/// Reads one point.
pub fn point(table: &Table<'_>, around: &Around, points: &mut Points<'_>) -> Option<Point> {
    let place = register_table(table);
    if !table.has("address") {
        table.missing("address");
    }
    let address = address(table, place, around.base);
    let raw = raw::raw(table, place);
    let order = raw::order(table, raw);
    let names = names(table, raw);
    let is_number = names.is_none()
        && !matches!(raw, Some(Raw::Bool | Raw::Bit(_) | Raw::Text { .. }))
        && !matches!(table.text("type"), Some("bool" | "string"));
    let decode = Decode {
        // A type that is wrong is noted already; the rest of the point is still read.
        raw: raw.unwrap_or(Raw::U16),
        order: order.unwrap_or_default(),
        absent: raw::absent(table, raw).into(),
        scale: scale(table, is_number, around.base),
        linear: point::linear(table, is_number),
        names,
        range: point::range(table),
    };
    let exception = point::exception(table);
    let index = points.add(
        table,
        &around.fill,
        decode.value_type(),
        Report::of(around.interval_ms, exception.as_ref()),
        &around.origin,
    );
    table.finish();
    let register = Register {
        table: place?,
        address: address?,
        decode,
    };
    raw?;
    if !register.is_valid() {
        table.problem("address", "the value would reach past address 65535");
        return None;
    }
    if !register.table.is_bits() && register.span() > u32::from(around.registers) {
        let what = format!(
            "the value and its scale span {} registers, more than one read of the device brings \
             ({})",
            register.span(),
            around.registers
        );
        table.problem("address", what);
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
fn address(table: &Table<'_>, place: Option<plan::Table>, base: u64) -> Option<u16> {
    let address = table.whole_or("address", 0..=65_535 - base, ADDRESS_HINT)?;
    let reference = match place {
        Some(plan::Table::Discrete) => Some(10_001),
        Some(plan::Table::Input) => Some(30_001),
        Some(plan::Table::Holding) => Some(40_001),
        Some(plan::Table::Coil) | None => None,
    };
    if let Some(reference) = reference.filter(|_| base == 0)
        && (reference..reference + REFERENCES).contains(&address)
    {
        let meant = address - reference;
        let what = format!(
            "is {address}, which looks like a manual's reference number; addresses are those of \
             the protocol, from 0, where {address} is {meant}"
        );
        table.warn("address", what);
    }
    u16::try_from(address + base).ok()
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

/// `scale_register` and what it holds.
fn scale(table: &Table<'_>, is_number: bool, base: u64) -> Option<ScaleRegister> {
    let holds = match table.text("scale_register_holds") {
        None | Some("power_of_ten") => ScaleWord::PowerOfTen,
        Some("factor") => ScaleWord::Factor,
        Some(other) => {
            let what = format!("`{other}` is not one of power_of_ten, factor");
            table.problem("scale_register_holds", what);
            return None;
        }
    };
    if !table.has("scale_register") {
        if table.has("scale_register_holds") {
            table.missing("scale_register");
        }
        return None;
    }
    if !is_number {
        table.problem("scale_register", "is for numbers only");
        return None;
    }
    let address = table.whole("scale_register", 0..=65_535 - base)?;
    let address = u16::try_from(address + base).ok()?;
    Some(ScaleRegister { address, holds })
}

/// `names = { "0" = "stopped", "1" = "running" }`.
fn names(table: &Table<'_>, raw: Option<Raw>) -> Option<Arc<BTreeMap<i64, String>>> {
    if !table.has("names") {
        return None;
    }
    let is_whole = !matches!(
        raw,
        Some(Raw::Bool | Raw::Bit(_) | Raw::Text { .. } | Raw::F16 | Raw::F32 | Raw::F64)
    );
    if !is_whole {
        table.problem("names", "is for whole numbers only");
        return None;
    }
    let texts = table.texts("names");
    if texts.is_empty() || texts.len() > NAMES_MAX {
        let what = format!("{} names; 1 to {NAMES_MAX} are allowed", texts.len());
        table.problem("names", what);
    }
    let mut names = BTreeMap::new();
    for (code, name) in texts {
        match code.parse::<i64>() {
            Ok(code) => {
                names.insert(code, name);
            }
            Err(_) => table.problem("names", format!("`{code}` is not a whole number")),
        }
    }
    Some(Arc::new(names))
}
