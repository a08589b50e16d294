//! A value as JSON has it.

use fenghuo_model::Value;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use utoipa::ToSchema;

/// A value as JSON has it.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Plain {
    /// A state.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A large integer.
    Uint(u64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

impl From<&Value> for Plain {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(state) => Self::Bool(*state),
            Value::I64(number) => Self::Int(*number),
            Value::U64(number) => Self::Uint(*number),
            Value::F64(number) => Self::Float(*number),
            Value::Text(text) => Self::Text(text.clone()),
        }
    }
}

/// Read in one go: trying one kind after the other, as serde's own way does, writes an error
/// text for each that it is not, and a start reads a hundred thousand of them.
impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl Visitor<'_> for AnyValue {
    type Value = Plain;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a state, a number or a text")
    }

    fn visit_bool<E: Error>(self, state: bool) -> Result<Plain, E> {
        Ok(Plain::Bool(state))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Plain, E> {
        Ok(Plain::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Plain, E> {
        Ok(i64::try_from(number).map_or(Plain::Uint(number), Plain::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Plain, E> {
        Ok(Plain::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain::Text(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_it_was_written() {
        for value in [
            Plain::Bool(true),
            Plain::Int(-3),
            Plain::Int(i64::MAX),
            Plain::Uint(i64::MAX as u64 + 1),
            Plain::Float(200.0),
            Plain::Text("7".to_owned()),
        ] {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(
                serde_json::from_str::<Plain>(&text).unwrap(),
                value,
                "{text}"
            );
        }
        assert!(serde_json::from_str::<Plain>("null").is_err());
        assert!(serde_json::from_str::<Plain>("[1]").is_err());
    }
}
