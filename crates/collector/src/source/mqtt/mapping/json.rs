//! Points in JSON: at fixed places, or each in an item that names it. Pure and total.

use serde_json::Value as Json;

use super::flag::{self, Marks};
use super::{Arrival, ROWS_MAX, Slotted};
use crate::source::mqtt::point::{Point, Raw};
use crate::source::mqtt::time::TimeFormat;

/// A JSON value with points at fixed places.
#[derive(Clone, PartialEq, Debug)]
pub struct Object {
    /// Where the time stands, and how; the time of arrival without.
    pub time: Option<(String, TimeFormat)>,
    /// What is taken out.
    pub fields: Vec<Field>,
}

/// One point at its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Field {
    /// What it is.
    pub point: Point,
    /// JSON pointer to its value.
    pub pointer: String,
    /// JSON pointer to the mark beside it.
    pub flag: Option<(String, Marks)>,
}

/// An array of items, each of which names its point. All pointers but `at` start at the item.
#[derive(Clone, PartialEq, Debug)]
pub struct Items {
    /// JSON pointer to the array.
    pub at: String,
    /// To the name.
    pub name: String,
    /// To the value.
    pub value: String,
    /// To the mark beside it.
    pub flag: Option<(String, Marks)>,
    /// To the time.
    pub time: Option<(String, TimeFormat)>,
    /// The points that are taken out; items of other names are left.
    pub items: Vec<Item>,
}

/// One point by its name.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// What it is.
    pub point: Point,
    /// Its name in the payload.
    pub name: String,
}

impl Object {
    /// `None` when the payload is no JSON.
    #[must_use]
    pub fn read(&self, payload: &[u8], arrival: Arrival) -> Option<Vec<Slotted>> {
        let json: Json = serde_json::from_slice(payload).ok()?;
        let time = self.time.as_ref();
        let when = arrival.when(time.map(|(at, format)| format.of_json(json.pointer(at)?)));
        let samples = self.fields.iter().enumerate().map(|(slot, field)| {
            let reading = field.point.read(raw(json.pointer(&field.pointer)));
            let reading = judged(field.flag.as_ref(), &json, reading);
            (slot, when.sample(reading))
        });
        Some(samples.collect())
    }
}

impl Items {
    /// Only the points that the payload names: an array may bring some today and others
    /// tomorrow. `None` when it is no JSON, or holds no array at its place, or one that no
    /// point's item stands in.
    #[must_use]
    pub fn read(&self, payload: &[u8], arrival: Arrival) -> Option<Vec<Slotted>> {
        let json: Json = serde_json::from_slice(payload).ok()?;
        let array = json.pointer(&self.at)?.as_array()?;
        if array.len() > ROWS_MAX {
            return None;
        }
        let mut samples = Vec::new();
        for item in array {
            let name = item.pointer(&self.name).and_then(Json::as_str);
            let named = self.items.iter().enumerate();
            for (slot, it) in named.filter(|(_, it)| Some(it.name.as_str()) == name) {
                let time = self.time.as_ref();
                let when = arrival.when(time.map(|(at, format)| format.of_json(item.pointer(at)?)));
                let reading = it.point.read(raw(item.pointer(&self.value)));
                let reading = judged(self.flag.as_ref(), item, reading);
                samples.push((slot, when.sample(reading)));
            }
        }
        Some(samples)
    }
}

fn judged(
    flag: Option<&(String, Marks)>,
    json: &Json,
    reading: fenghuo_model::Reading,
) -> fenghuo_model::Reading {
    match flag {
        None => reading,
        Some((at, marks)) => {
            let mark = flag::of_json(json.pointer(at));
            marks.judge(mark.as_deref(), reading)
        }
    }
}

fn raw(field: Option<&Json>) -> Raw<'_> {
    match field {
        None | Some(Json::Null) => Raw::Absent,
        Some(Json::Bool(truth)) => Raw::Truth(*truth),
        Some(Json::String(text)) => Raw::Text(text),
        Some(Json::Number(number)) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Raw::Whole(number),
            (_, Some(number), _) => Raw::Natural(number),
            (_, _, Some(number)) => Raw::Number(number),
            _ => Raw::Other,
        },
        Some(Json::Array(_) | Json::Object(_)) => Raw::Other,
    }
}
