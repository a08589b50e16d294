//! The words of a notice: one clear line in each language.
//!
//! Times are shown in China's time with its offset. Whatever names and texts hold, a line
//! stays one line of at most [`LINE_CHARS_MAX`] characters.

use fenghuo_model::Timestamp;

use crate::view::{AlarmView, Words};

mod notice;
mod words;
pub use notice::{Gathered, notice};
pub use words::{Names, unwatched};

use words::{held, level, reading};

/// Longest line in characters.
pub const LINE_CHARS_MAX: usize = 500;

/// An alarm, as a person reads it; `promoted` when late data just turned out to be now.
#[must_use]
pub fn line(alarm: &AlarmView, names: &Names, promoted: bool) -> Words {
    let (zh, en) = (Language::Chinese, Language::English);
    Words::new(
        one_line(&format!(
            "【{}】{}，始于 {}{}",
            severity(&alarm.severity).0,
            what(alarm, names, zh),
            local(alarm.raised_at),
            flags(alarm, promoted, zh),
        )),
        one_line(&format!(
            "[{}] {}, since {}{}",
            severity(&alarm.severity).1,
            what(alarm, names, en),
            local(alarm.raised_at),
            flags(alarm, promoted, en),
        )),
    )
}

/// Whose, on which gateway, what of it is wrong, at which level, how much, and the limit.
fn what(alarm: &AlarmView, names: &Names, language: Language) -> String {
    let enterprise = names.enterprise(&alarm.enterprise, language);
    let level = level(&alarm.level, language);
    let reading = reading(alarm);
    let wrong = wrong(alarm, language);
    format!("{enterprise} {wrong}{level}{reading}")
}

/// The gateway, the point and what is wrong with it, each said once.
fn wrong(alarm: &AlarmView, language: Language) -> String {
    let (gateway, title) = (&alarm.gateway, pick(&alarm.title, language));
    let gap = if language == Language::Chinese {
        " "
    } else {
        ": "
    };
    let Some(subject) = subject(alarm, language) else {
        return format!("{gateway}{gap}{title}");
    };
    // The name of a line's or a device's state says already what it is the state of.
    let (ends, away) = match language {
        Language::Chinese => ("通信", "中断"),
        Language::English => ("communication", " lost"),
    };
    let is_source = matches!(&*alarm.rule, "fenghuo.line-down" | "fenghuo.device-down");
    if is_source && subject.ends_with(ends) {
        return format!("{gateway} {subject}{away}");
    }
    format!("{gateway} {subject}{gap}{title}")
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

/// The point's name, else its key, else the group; none of a gateway's own alarm.
fn subject(alarm: &AlarmView, language: Language) -> Option<&str> {
    let point = alarm.point.as_deref();
    let key = point.and_then(|point| point.rsplit('/').next());
    let title = alarm
        .point_title
        .as_ref()
        .map(|title| pick(title, language));
    title
        .filter(|title| !title.is_empty())
        .or(key)
        .or(alarm.group.as_deref())
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
    if let Some(why) = &alarm.held {
        let held = held(why, language);
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

/// `2026-11-23 18:00:00 +08:00`.
#[must_use]
pub fn local(at: i64) -> String {
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
