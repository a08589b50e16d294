//! Values and points as scenarios write them.

use std::collections::BTreeMap;

use fenghuo_model::{
    Kind, Limits, PointDef, PointKey, Reading, Reason, Title, Unit, Value, ValueType,
};

use super::text::{Fault, Word, Words};
use super::time;

/// How often a point is read that does not say it.
const INTERVAL_MS: u32 = 1_000;

/// `key kind [unit] [every=1s] [range=0..4] [type=f64] label=value ..`
pub fn point(words: &mut Words<'_>) -> Result<PointDef, Fault> {
    let name = words.need("the point's name")?;
    let key = PointKey::new(name.text).map_err(|error| name.fault(error.to_string()))?;
    let kind_word = words.need("the point's kind")?;
    let kind = Kind::ALL
        .iter()
        .copied()
        .find(|kind| kind.as_str() == kind_word.text);
    let known = || {
        Kind::ALL
            .iter()
            .map(|kind| kind.as_str())
            .collect::<Vec<_>>()
    };
    let kind =
        kind.ok_or_else(|| kind_word.fault(format!("a kind is one of {}", known().join(", "))))?;
    let unit = match words.peek().filter(|word| word.pair().is_none()) {
        Some(word) => Unit::parse(word.text).map_err(|error| word.fault(error.to_string()))?,
        None => Unit::ONE,
    };
    if words.peek().is_some_and(|word| word.pair().is_none()) {
        words.take();
    }
    let is_state = kind == Kind::State;
    let value_type = match words.take_key("type") {
        Some((word, name)) => value_type(name)
            .ok_or_else(|| word.fault("a type is one of f64, i64, u64, bool, text"))?,
        None if is_state => ValueType::Bool,
        None => ValueType::F64,
    };
    let interval_ms = words.take_key("every").map_or(Ok(INTERVAL_MS), interval)?;
    let range = words.take_key("range").map(range).transpose()?;
    Ok(PointDef {
        key,
        title: Title::default(),
        kind,
        unit,
        value_type,
        range,
        interval_ms,
        labels: labels(words)?,
    })
}

fn value_type(name: &str) -> Option<ValueType> {
    Some(match name {
        "f64" => ValueType::F64,
        "i64" => ValueType::I64,
        "u64" => ValueType::U64,
        "bool" => ValueType::Bool,
        "text" => ValueType::Text,
        _ => return None,
    })
}

fn interval((word, text): (Word<'_>, &str)) -> Result<u32, Fault> {
    let ms = if text == "0" {
        Some(0)
    } else {
        time::span(text).filter(|ms| *ms > 0)
    };
    ms.and_then(|ms| u32::try_from(ms).ok()).ok_or_else(|| {
        word.fault("`every` is a time such as 1s, or 0 for a point that reports on change")
    })
}

fn range((word, text): (Word<'_>, &str)) -> Result<Limits, Fault> {
    let ends = text.split_once("..").and_then(|(low, high)| {
        let (low, high) = (finite(low)?, finite(high)?);
        (low < high).then_some(Limits { low, high })
    });
    ends.ok_or_else(|| word.fault("a range such as 0..4 is expected"))
}

fn labels(words: &mut Words<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut labels = BTreeMap::new();
    while let Some(word) = words.take() {
        let (name, value) = word
            .pair()
            .ok_or_else(|| word.fault("label=value is expected"))?;
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(word.fault(format!("`{name}` stands twice")));
        }
    }
    Ok(labels)
}

/// A number that is neither NaN nor infinite.
pub fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `1.2`, `on`, `"text"`, `bad(timeout)` or `uncertain(1.2,clock)`. As a collector does, a
/// number outside the point's range becomes `bad(out_of_range)`.
pub fn reading(word: &Word<'_>, def: &PointDef) -> Result<Reading, Fault> {
    let inner = |name: &str| {
        let rest = word.text.strip_prefix(name)?.strip_prefix('(')?;
        rest.strip_suffix(')')
    };
    if let Some(why) = inner("bad") {
        return Ok(Reading::Bad(reason(why, word)?));
    }
    if let Some(both) = inner("uncertain") {
        let (text, why) = both
            .rsplit_once(',')
            .ok_or_else(|| word.fault("uncertain(value,reason) is expected"))?;
        let value = value(text.trim(), word, def)?;
        let why = reason(why, word)?;
        return Ok(ranged(value, def, |value| Reading::Uncertain(value, why)));
    }
    Ok(ranged(value(word.text, word, def)?, def, Reading::Good))
}

fn ranged(value: Value, def: &PointDef, make: impl FnOnce(Value) -> Reading) -> Reading {
    let outside = value.as_f64().zip(def.range);
    if outside.is_some_and(|(number, range)| !(range.low..=range.high).contains(&number)) {
        return Reading::Bad(Reason::OutOfRange);
    }
    make(value)
}

fn reason(text: &str, word: &Word<'_>) -> Result<Reason, Fault> {
    let text = text.trim();
    let found = Reason::ALL.iter().find(|why| why.as_str() == text);
    found.copied().ok_or_else(|| {
        let known: Vec<_> = Reason::ALL.iter().map(|why| why.as_str()).collect();
        word.fault(format!("a reason is one of {}", known.join(", ")))
    })
}

fn value(text: &str, word: &Word<'_>, def: &PointDef) -> Result<Value, Fault> {
    let (value, what) = match def.value_type {
        ValueType::F64 => (finite(text).and_then(Value::finite), "a number"),
        ValueType::I64 => (text.parse().ok().map(Value::I64), "a whole number"),
        ValueType::U64 => (
            text.parse().ok().map(Value::U64),
            "a whole number from 0 on",
        ),
        ValueType::Bool => (state(text).map(Value::Bool), "on or off"),
        ValueType::Text => {
            let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
            (
                inner.map(|text| Value::Text(text.to_owned())),
                "a text in quotes",
            )
        }
    };
    value.ok_or_else(|| word.fault(format!("{what} is expected for `{}`", def.key)))
}

fn state(text: &str) -> Option<bool> {
    match text {
        "on" | "true" | "1" => Some(true),
        "off" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// A number on a ramp as the point reads it.
pub fn on_ramp(number: f64, def: &PointDef) -> Reading {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates"
    )]
    let value = match def.value_type {
        ValueType::I64 => Value::I64(number.round() as i64),
        ValueType::U64 => Value::U64(number.round() as u64),
        _ => Value::F64(number),
    };
    ranged(value, def, Reading::Good)
}
