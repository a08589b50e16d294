//! What a device says: nested JSON, with or without a time.

use serde_json::{Map, Value, json};

use crate::image::Image;
use crate::plant::{Device, Json, Place, Stamp};

/// A payload and the values in it, by point.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// The message.
    pub json: Value,
    /// Key and value as it stands in the message.
    pub values: Vec<(&'static str, Value)>,
}

/// What `device` says of `image` at `time_ms`.
#[must_use]
pub fn payload(image: &Image, device: &Device, time_ms: u64) -> Payload {
    let mut root = json!({ "device": device.name });
    match device.stamp {
        Stamp::Millis(pointer) => put(&mut root, pointer, json!(time_ms)),
        Stamp::Seconds(pointer) => put(&mut root, pointer, json!(time_ms / 1_000)),
        Stamp::None => {}
    }
    let mut values = Vec::new();
    for (point, value) in image.map().points().iter().zip(image.values()) {
        if let Place::Device {
            device: owner,
            pointer,
            json,
        } = point.place
            && owner == device.name
        {
            let value = as_json(json, *value);
            put(&mut root, pointer, value.clone());
            values.push((point.key, value));
        }
    }
    Payload { json: root, values }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole values are counts, in range by their point's limits"
)]
fn as_json(json: Json, value: f64) -> Value {
    match json {
        Json::Number => json!((value * 1_000.0).round() / 1_000.0),
        Json::Whole => json!(value.round() as u64),
        Json::Bool => json!(value != 0.0),
    }
}

/// Puts `value` at a JSON pointer, making objects and arrays on the way; a number in the
/// pointer is a place in an array.
fn put(root: &mut Value, pointer: &str, value: Value) {
    let mut here = root;
    for token in pointer.split('/').skip(1) {
        here = match token.parse::<usize>() {
            Ok(place) => element(here, place),
            Err(_) => member(here, token),
        };
    }
    *here = value;
}

fn element(here: &mut Value, place: usize) -> &mut Value {
    if !here.is_array() {
        *here = Value::Array(Vec::new());
    }
    let Value::Array(items) = here else {
        unreachable!("made an array just above");
    };
    while items.len() <= place {
        items.push(Value::Null);
    }
    &mut items[place]
}

fn member<'a>(here: &'a mut Value, name: &str) -> &'a mut Value {
    if !here.is_object() {
        *here = Value::Object(Map::new());
    }
    &mut here[name]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_make_nested_json() {
        let mut root = json!({"device": "meter1"});
        put(&mut root, "/phases/1/i", json!(2.5));
        put(&mut root, "/phases/0/i", json!(2.0));
        put(&mut root, "/ts", json!(7));
        assert_eq!(
            root,
            json!({"device": "meter1", "phases": [{"i": 2.0}, {"i": 2.5}], "ts": 7})
        );
        assert_eq!(root.pointer("/phases/1/i"), Some(&json!(2.5)));
    }
}
