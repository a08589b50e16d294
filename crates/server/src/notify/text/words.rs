//! Words for what alarms name by short codes: enterprises, levels, numbers, reasons.

use std::collections::BTreeMap;

use super::{Language, pick};
use crate::view::{AlarmView, Plain, Words};

/// What people call enterprises, by id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names(pub BTreeMap<String, Words>);

impl Names {
    pub(super) fn enterprise<'a>(&'a self, id: &'a str, language: Language) -> &'a str {
        let name = self.0.get(id).map(|name| pick(name, language));
        name.filter(|name| !name.is_empty()).unwrap_or(id)
    }
}

/// The level's name with its space, where it says more than title and colour do.
pub(super) fn level(name: &str, language: Language) -> String {
    let (zh, en) = match name {
        "alarm" | "silent" | "blue" | "yellow" | "orange" | "red" => return String::new(),
        "HH" | "high-high" => ("高高(HH)", "HH"),
        "H" | "high" => ("高(H)", "H"),
        "L" | "low" => ("低(L)", "L"),
        "LL" | "low-low" => ("低低(LL)", "LL"),
        "L1" => ("一级", "level 1"),
        "L2" => ("二级", "level 2"),
        "L3" => ("三级", "level 3"),
        "cut-off" => ("断电", "cut-off"),
        "trip" => ("联锁", "trip"),
        other => (other, other),
    };
    match language {
        Language::Chinese => format!(" {zh}"),
        Language::English => format!(" {en}"),
    }
}

/// Why its state is unknown; a reason that nobody knows stays as it is.
pub(super) fn held(code: &str, language: Language) -> String {
    let words = fenghuo_engine::explain::why_held(code);
    match (words, language) {
        (None, _) => code.to_owned(),
        (Some(words), Language::Chinese) => words.zh,
        (Some(words), Language::English) => words.en,
    }
}

/// What went away, so that nobody watches it any more.
#[must_use]
pub fn unwatched(code: &str) -> Words {
    match code {
        "gateway" => Words::new("网关不再要求上报", "its gateway is expected no more"),
        "point" => Words::new("测点已移除或变更", "its point was removed or changed"),
        "rule" => Words::new("规则已移除或停用", "its rule is in force no more"),
        other => Words::new(other, other),
    }
}

/// ` 52.3 %LEL (≥ 50 %LEL)`, as far as it is known.
pub(super) fn reading(alarm: &AlarmView) -> String {
    let unit = match alarm.unit.as_str() {
        "" | "1" => String::new(),
        unit => format!(" {unit}"),
    };
    let mut text = String::new();
    // A state says nothing as a number: the title says what is wrong with it.
    let value = alarm.value.as_ref();
    if let Some(value) = value.filter(|value| !matches!(value, Plain::Bool(_))) {
        text = format!(" {}{unit}", plain(value));
    }
    if let Some(limit) = alarm.limit {
        let op = match alarm.op.as_deref() {
            Some("above") => "≥",
            Some("over") => ">",
            Some("below") => "≤",
            Some("under") => "<",
            _ => "",
        };
        let gap = if op.is_empty() { "" } else { " " };
        text += &format!(" ({op}{gap}{}{unit})", number(limit));
    }
    text
}

fn plain(value: &Plain) -> String {
    match value {
        Plain::Bool(state) => u8::from(*state).to_string(),
        Plain::Int(number) => number.to_string(),
        Plain::Uint(number) => number.to_string(),
        Plain::Float(value) => number(*value),
        Plain::Text(text) => text.clone(),
    }
}

/// Six digits, which is what a 32-bit register can mean, but no whole unit is rounded away.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-5..1e15).contains(&size) {
        let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
        return format!("{short:e}");
    }
    if size >= 1e5 {
        return format!("{value:.0}");
    }
    let short: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    format!("{short}")
}
