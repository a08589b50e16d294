//! One point of a payload, whatever kind of payload it is.

use std::rc::Rc;

use fenghuo_model::ValueType;

use super::super::origin::Origin;
use super::super::point::{self, Fill, Points, Report};
use super::super::table::Table;
use crate::source::mqtt::point::Point;

/// Reads what every point of a payload has; the caller finishes the table.
pub fn point(
    table: &Table<'_>,
    points: &mut Points<'_>,
    fill: &Fill,
    origin: &Rc<Origin>,
) -> Option<Point> {
    let text = table.needed_text("type");
    let given = text.and_then(value_type);
    if let (Some(text), None) = (text, given) {
        table.problem(
            "type",
            format!("`{text}` is not one of bool, i64, u64, f64, text"),
        );
    }
    let is_number = given.is_none_or(|given| !matches!(given, ValueType::Bool | ValueType::Text));
    let linear = point::linear(table, is_number);
    let exception = point::exception(table);
    let range = point::range(table);
    // A scaled integer is a float from there on.
    let value_type = match (given, linear) {
        (Some(ValueType::I64 | ValueType::U64), Some(_)) => ValueType::F64,
        (given, _) => given.unwrap_or(ValueType::F64),
    };
    // The device speaks when it likes, whatever passes of it.
    let index = points.add(table, fill, value_type, Report::default(), origin);
    given?;
    Some(Point {
        index: index?,
        value_type,
        linear,
        range,
        exception,
    })
}

fn value_type(text: &str) -> Option<ValueType> {
    match text {
        "bool" => Some(ValueType::Bool),
        "i64" => Some(ValueType::I64),
        "u64" => Some(ValueType::U64),
        "f64" => Some(ValueType::F64),
        "text" => Some(ValueType::Text),
        _ => None,
    }
}
