//! The words of a notice: one clear line in each language.
//!
//! Times are shown in China's time with its offset. Whatever names and texts hold, a line stays one line
//! of at most [`LINE_CHARS_MAX`] characters.

use fenghuo_model::Timestamp;

use crate::view::{AlarmView, Plain, Words};

mod notice;
pub use notice::{Gathered, notice};

/// Longest line in characters.
pub const LINE_CHARS_MAX: usize = 500;

/// An alarm, as a person reads it; `promoted` when late data just turned out to be now.
#[must_use]
pub fn line(alarm: &AlarmView, promoted: bool) -> Words {
    let (zh, en) = (Language::Chinese, Language::English);
    Words::new(
        one_line(&format!(
            "【{}】{} {} {}{}，始于 {}{}",
            severity(&alarm.severity).0,
            alarm.enterprise,
            subject(alarm, zh),
            pick(&alarm.title, zh),
            reading(alarm),
            local(alarm.raised_at),
            flags(alarm, promoted, zh),
        )),
        one_line(&format!(
            "[{}] {} {}: {}{}, since {}{}",
            severity(&alarm.severity).1,
            alarm.enterprise,
            subject(alarm, en),
            pick(&alarm.title, en),
            reading(alarm),
            local(alarm.raised_at),
            flags(alarm, promoted, en),
        )),
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Chinese,
    English,
}

fn pick(words: &Words, language: Language) -> &str {
    let (wanted, other) = match language {
        Language::Chinese => (&words.zh, &words.en),
        Language::English => (&words.en, &words.zh),
    };
    if wanted.is_empty() { other } else { wanted }
}

fn severity(name: &str) -> (&str, &str) {
    match name {
        "blue" => ("蓝色", "BLUE"),
        "yellow" => ("黄色", "YELLOW"),
        "orange" => ("橙色", "ORANGE"),
        "red" => ("红色", "RED"),
        other => (other, other),
    }
}

/// The point's name, else its id, else the gateway.
fn subject(alarm: &AlarmView, language: Language) -> &str {
    let title = alarm
        .point_title
        .as_ref()
        .map(|title| pick(title, language));
    title
        .filter(|title| !title.is_empty())
        .or(alarm.point.as_deref())
        .unwrap_or(&alarm.gateway)
}

/// ` 52.3 %LEL (≥ 50 %LEL)`, as far as it is known.
fn reading(alarm: &AlarmView) -> String {
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

fn flags(alarm: &AlarmView, promoted: bool, language: Language) -> String {
    let chinese = language == Language::Chinese;
    let mut flags = Vec::new();
    if alarm.retrospective {
        flags.push(if chinese {
            "补传数据中发现".to_owned()
        } else {
            "found in late data".to_owned()
        });
    }
    if promoted {
        flags.push(if chinese {
            "补传完成，仍在报警".to_owned()
        } else {
            "still active now".to_owned()
        });
    }
    if let Some(held) = &alarm.held {
        flags.push(if chinese {
            format!("当前状态未知：{held}")
        } else {
            format!("state unknown: {held}")
        });
    }
    if flags.is_empty() {
        return String::new();
    }
    if chinese {
        format!("（{}）", flags.join("；"))
    } else {
        format!(" ({})", flags.join("; "))
    }
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

/// At most six decimals, without what binary fractions add behind them.
fn number(value: f64) -> String {
    let small = value != 0.0 && value.abs() < 1e-5;
    if small || value.abs() >= 1e15 {
        return format!("{value:e}");
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `2026-11-23 18:00:00 +08:00`.
fn local(at: i64) -> String {
    format!("{:#}", Timestamp::from_millis(at))
}

fn one_line(text: &str) -> String {
    let clean = |c: char| {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            ' '
        } else {
            c
        }
    };
    text.chars().map(clean).take(LINE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
