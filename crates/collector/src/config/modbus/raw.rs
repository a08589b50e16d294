//! `type`, `order` and what belongs to them: what stands in a point's registers.

use std::ops::RangeInclusive;

use super::super::table::Table;
use crate::source::modbus::decode::raw::TEXT_REGISTERS_MAX;
use crate::source::modbus::decode::{Charset, Half, Layout, Order, Raw};
use crate::source::modbus::plan;

const TYPES: &str = "bool, u8, i8, u16, i16, u32, i32, u64, i64, f16, f32, f64, bcd16, bcd32, \
                     bcd64, string";

/// Whether a table holds bits; not when it is not known.
fn is_bits(place: Option<plan::Table>) -> bool {
    place.is_some_and(plan::Table::is_bits)
}

/// The point's raw type.
pub fn raw(table: &Table<'_>, place: Option<plan::Table>) -> Option<Raw> {
    let text = match table.text("type") {
        Some(text) => text,
        // A coil can be nothing else.
        None if is_bits(place) && !table.has("type") => "bool",
        None => {
            if !table.has("type") {
                table.missing("type");
            }
            return None;
        }
    };
    let bit = only_for(table, "bit", text == "bool" && !is_bits(place), |key| {
        let bit = table.whole(key, 0..=15)?;
        u8::try_from(bit).ok()
    });
    let is_whole = matches!(text, "u16" | "u32" | "u64");
    let bits = only_for(table, "bits", is_whole, |key| bits(table, key));
    let half = only_for(table, "half", matches!(text, "u8" | "i8"), |key| {
        half(table, key)
    });
    let letters = only_for(table, "length", text == "string", |key| {
        let length = table.whole(key, 1..=u64::from(TEXT_REGISTERS_MAX))?;
        u8::try_from(length).ok()
    });
    let layout = only_for(table, "layout", text == "string", |key| layout(table, key));
    let charset = only_for(table, "encoding", text == "string", |key| {
        charset(table, key)
    });
    let needs = |key| {
        if !table.has(key) {
            table.missing(key);
        }
    };
    let raw = match text {
        "bool" if place.is_some() && !is_bits(place) => {
            if !table.has("bit") {
                let what = "is missing: a bool out of a register needs one, 0 to 15";
                table.problem("bit", what);
            }
            Raw::Bit(bit?)
        }
        "bool" => Raw::Bool,
        "u8" | "i8" => {
            needs("half");
            let half = half?;
            if text == "u8" {
                Raw::U8(half)
            } else {
                Raw::I8(half)
            }
        }
        "string" => {
            needs("length");
            Raw::Text {
                registers: letters?,
                layout: layout.unwrap_or(Layout::Packed),
                charset: charset.unwrap_or(Charset::Utf8),
            }
        }
        _ => field(table, number(table, text)?, bits)?,
    };
    if is_bits(place) && raw != Raw::Bool {
        let what = format!("`{text}`; coils and discrete inputs are bool");
        table.problem("type", what);
        return None;
    }
    Some(raw)
}

fn number(table: &Table<'_>, text: &str) -> Option<Raw> {
    Some(match text {
        "u16" => Raw::U16,
        "i16" => Raw::I16,
        "u32" => Raw::U32,
        "i32" => Raw::I32,
        "u64" => Raw::U64,
        "i64" => Raw::I64,
        "f16" => Raw::F16,
        "f32" => Raw::F32,
        "f64" => Raw::F64,
        "bcd16" => Raw::Bcd(1),
        "bcd32" => Raw::Bcd(2),
        "bcd64" => Raw::Bcd(4),
        _ => {
            table.problem("type", format!("`{text}` is not one of {TYPES}"));
            return None;
        }
    })
}

/// A key that only some types have.
fn only_for<T>(
    table: &Table<'_>,
    key: &'static str,
    is_for: bool,
    read: impl FnOnce(&'static str) -> Option<T>,
) -> Option<T> {
    if !table.has(key) {
        return None;
    }
    if !is_for {
        let whose = match key {
            "bit" => "a bool out of a register",
            "bits" => "u16, u32 and u64",
            "half" => "u8 and i8",
            _ => "a string",
        };
        table.problem(key, format!("is for {whose}"));
        return None;
    }
    read(key)
}

/// `"4-7"`: from and to, both included, 0 the lowest.
fn bits(table: &Table<'_>, key: &'static str) -> Option<RangeInclusive<u8>> {
    let text = table.text(key)?;
    let span = text.split_once('-').unwrap_or((text, text));
    match (span.0.trim().parse::<u8>(), span.1.trim().parse::<u8>()) {
        (Ok(low), Ok(high)) if low <= high && high - low < 63 => Some(low..=high),
        _ => {
            let what = format!("`{text}` is not `low-high`, bit 0 the lowest, at most 63 of them");
            table.problem(key, what);
            None
        }
    }
}

fn field(table: &Table<'_>, raw: Raw, bits: Option<RangeInclusive<u8>>) -> Option<Raw> {
    let Some(bits) = bits else {
        // One that cannot be read is noted already, and must not become the whole register.
        return (!table.has("bits")).then_some(raw);
    };
    let (low, high) = bits.into_inner();
    if u16::from(high) >= raw.width() * 16 {
        let most = raw.width() * 16 - 1;
        table.problem("bits", format!("bit {high}; the type ends at bit {most}"));
        return None;
    }
    Some(Raw::Field {
        low,
        bits: high - low + 1,
        registers: u8::try_from(raw.width()).ok()?,
    })
}

fn half(table: &Table<'_>, key: &'static str) -> Option<Half> {
    match table.text(key)? {
        "high" => Some(Half::High),
        "low" => Some(Half::Low),
        other => {
            table.problem(key, format!("`{other}` is not one of high, low"));
            None
        }
    }
}

fn layout(table: &Table<'_>, key: &'static str) -> Option<Layout> {
    match table.text(key)? {
        "packed" => Some(Layout::Packed),
        "byte_per_register" => Some(Layout::BytePerRegister),
        other => {
            let what = format!("`{other}` is not one of packed, byte_per_register");
            table.problem(key, what);
            None
        }
    }
}

fn charset(table: &Table<'_>, key: &'static str) -> Option<Charset> {
    match table.text(key)? {
        "utf-8" => Some(Charset::Utf8),
        "gbk" => Some(Charset::Gbk),
        other => {
            table.problem(key, format!("`{other}` is not one of utf-8, gbk"));
            None
        }
    }
}

/// The point's byte order.
pub fn order(table: &Table<'_>, raw: Option<Raw>) -> Option<Order> {
    let text = table.text("order")?;
    let raw = raw?;
    let width = raw.order_width();
    let order = (raw != Raw::Bool)
        .then(|| Order::parse(text, width))
        .flatten();
    if order.is_none() {
        let what = if raw == Raw::Bool {
            "is for registers".to_owned()
        } else {
            format!("`{text}` is not one of {}", Order::names(width))
        };
        table.problem("order", what);
    }
    order
}

/// The raw numbers by which `SunSpec` devices say that they lack a point (`SunSpec`
/// information model specification, on registers that a device does not support).
const fn sunspec(raw: Raw) -> Option<u64> {
    match raw {
        Raw::I16 => Some(0x8000),
        Raw::U16 => Some(0xffff),
        Raw::I32 => Some(0x8000_0000),
        Raw::U32 => Some(0xffff_ffff),
        Raw::I64 => Some(0x8000_0000_0000_0000),
        Raw::U64 => Some(u64::MAX),
        _ => None,
    }
}

/// `nan`: the raw numbers that mean "no number", or `"sunspec"` for those of that model.
pub fn absent(table: &Table<'_>, raw: Option<Raw>) -> Vec<u64> {
    if !table.has("nan") {
        return Vec::new();
    }
    let Some(raw) = raw else {
        return Vec::new();
    };
    if matches!(raw, Raw::Bool | Raw::Bit(_) | Raw::Text { .. }) {
        table.problem("nan", "is for numbers only");
        return Vec::new();
    }
    if let Some(text) = table.if_text("nan") {
        return match (text, sunspec(raw)) {
            ("sunspec", Some(code)) => vec![code],
            ("sunspec", None) => {
                table.problem("nan", "SunSpec names no such code for this type");
                Vec::new()
            }
            _ => {
                table.problem("nan", format!("`{text}` is neither numbers nor `sunspec`"));
                Vec::new()
            }
        };
    }
    let codes = table.wholes("nan");
    let own = raw.own_bits(u64::MAX);
    let most = if raw.width() < 4 {
        own & ((1 << (raw.width() * 16)) - 1)
    } else {
        own
    };
    for code in codes.iter().filter(|code| **code > most) {
        let what = format!("{code:#x} does not fit the type: raw bits up to {most:#x}");
        table.problem("nan", what);
    }
    codes
}
