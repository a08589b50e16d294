//! `[[mqtt]]`: brokers with devices, their topics, and the fields of their payloads.

use fenghuo_model::ValueType;

use super::Broker;
use super::general::{login, url_of};
use std::rc::Rc;

use super::origin::Origin;
use super::point::{self, Fill, Points};
use super::table::Table;
use crate::source::mqtt::Feed;
use crate::source::mqtt::mapping::{Field, Mapping};
use crate::source::mqtt::time::{TimeField, TimeFormat};

pub fn feeds(root: &Table<'_>, points: &mut Points<'_>) -> Vec<Feed> {
    let tables = root.tables("mqtt");
    tables
        .iter()
        .filter_map(|table| feed(table, points))
        .collect()
}

fn feed(table: &Table<'_>, points: &mut Points<'_>) -> Option<Feed> {
    let name = table.text("name");
    let origin = Origin::line(table, fenghuo_model::source::MQTT);
    let url = table.needed_text("url");
    let url = url.and_then(|url| url_of(url, |what| table.problem("url", what)));
    let login = login(table, None);
    let client_id = table.text("client_id").map(str::to_owned);
    if client_id.as_deref() == Some("") {
        table.problem("client_id", "is empty");
    }
    if !table.has("topic") {
        table.missing("topic");
    }
    let topics = table.tables("topic");
    let topics = topics
        .iter()
        .filter_map(|table| mapping(table, points, &origin));
    let topics = topics.collect();
    let state = points.add_state(&origin);
    table.finish();
    let (host, port) = url?;
    Some(Feed {
        name: name?.to_owned(),
        state: state?,
        broker: Broker { host, port, login },
        client_id,
        topics,
    })
}

fn mapping(table: &Table<'_>, points: &mut Points<'_>, origin: &Rc<Origin>) -> Option<Mapping> {
    let filter = table.needed_text("filter");
    if let Some(filter) = filter
        && !rumqttc::valid_filter(filter)
    {
        table.problem("filter", format!("`{filter}` is not a topic filter"));
    }
    let time = table.table("time").and_then(|time| time_field(&time));
    if !table.has("point") {
        table.missing("point");
    }
    let fields = table.tables("point");
    let fields = fields
        .iter()
        .filter_map(|table| field(table, points, origin));
    let fields = fields.collect();
    table.finish();
    Some(Mapping {
        filter: filter?.to_owned(),
        time,
        fields,
    })
}

fn time_field(table: &Table<'_>) -> Option<TimeField> {
    let pointer = pointer(table);
    let text = table.needed_text("format");
    let format = text.and_then(TimeFormat::parse);
    if let (Some(text), None) = (text, format) {
        table.problem("format", format!("`{text}` is not one of ms, s, rfc3339"));
    }
    table.finish();
    Some(TimeField {
        pointer: pointer?,
        format: format?,
    })
}

fn pointer(table: &Table<'_>) -> Option<String> {
    let text = table.needed_text("pointer")?;
    if !text.is_empty() && !text.starts_with('/') {
        table.problem(
            "pointer",
            format!("`{text}` is not a JSON pointer such as /values/lel"),
        );
        return None;
    }
    Some(text.to_owned())
}

fn field(table: &Table<'_>, points: &mut Points<'_>, origin: &Rc<Origin>) -> Option<Field> {
    let pointer = pointer(table);
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
    let index = points.add(table, &Fill::default(), value_type, 0, origin);
    table.finish();
    given?;
    Some(Field {
        index: index?,
        pointer: pointer?,
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
