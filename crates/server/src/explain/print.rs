//! Explanations as text: the answer first, in both languages, then what it rests on.

use std::io::{self, Write};

use fenghuo_model::Timestamp;

use super::occurrence::{OccurrenceView, StepView};
use super::view::{DecidingView, ExplainView, ExplanationView, InputView, WatchedView};
use crate::notify::text::unwatched;
use crate::view::{Plain, Words};

/// Prints it.
pub fn print(view: &ExplainView, out: &mut impl Write) -> io::Result<()> {
    if let Some(occurrence) = &view.occurrence {
        told(occurrence, out)?;
    }
    for explanation in &view.explanations {
        one(explanation, out)?;
    }
    writeln!(out, "依据 Basis  {}", view.note.zh)?;
    writeln!(out, "            {}", view.note.en)
}

fn one(it: &ExplanationView, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", it.verdict.zh)?;
    writeln!(out, "{}", it.verdict.en)?;
    let version = it.rule_version.as_deref().unwrap_or("-");
    let detector = it.detector.as_deref().unwrap_or("-");
    writeln!(
        out,
        "规则 Rule   {} {} ({detector}, {version})",
        it.rule, it.title.zh
    )?;
    if let Some(source) = &it.source {
        writeln!(
            out,
            "出处 Source {} {} [{}]",
            source.standard, source.clause, source.ship
        )?;
    }
    writeln!(out, "测点 Point  {}", it.point)?;
    match &it.watched {
        Some(watched) => watching(watched, out)?,
        None => writeln!(out)?,
    }
    Ok(())
}

fn watching(it: &WatchedView, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "判断 Judged {} ({}), {}",
        it.subject,
        it.lane,
        instant(it.at)
    )?;
    for level in &it.levels {
        writeln!(
            out,
            "  级别 Level {} ({}, {}): {}",
            level.level, level.severity, level.why, level.verdict.zh
        )?;
        writeln!(out, "    {}", level.verdict.en)?;
    }
    for input in &it.inputs {
        input_line(input, out)?;
    }
    if it.inputs_left_out > 0 {
        writeln!(out, "  … 另 {0} 个测点 {0} more points", it.inputs_left_out)?;
    }
    writeln!(out)
}

fn input_line(it: &InputView, out: &mut impl Write) -> io::Result<()> {
    let last = it.last.as_ref().map_or_else(|| "-".to_owned(), sample);
    write!(
        out,
        "  输入 Input {} ({}): {last} {}",
        it.point, it.role, it.unit
    )?;
    if let Some(away) = &it.away {
        write!(out, "  失效 away: {away}")?;
    }
    for down in &it.down {
        write!(out, "  中断 down: {down}")?;
    }
    writeln!(out)
}

fn sample(it: &DecidingView) -> String {
    let value = it.value.as_ref().map_or_else(|| "-".to_owned(), plain);
    let reason = it.reason.as_deref().unwrap_or("");
    let id = it.id.as_deref().unwrap_or("-");
    let time = instant(Some(it.time));
    format!(
        "{value} @ {time} {}{}{reason} [{id}]",
        it.quality,
        if reason.is_empty() { "" } else { " " }
    )
}

fn plain(value: &Plain) -> String {
    match value {
        Plain::Bool(state) => state.to_string(),
        Plain::Int(number) => number.to_string(),
        Plain::Uint(number) => number.to_string(),
        Plain::Float(number) => number.to_string(),
        Plain::Text(text) => format!("\"{text}\""),
    }
}

fn instant(ms: Option<i64>) -> String {
    ms.map_or_else(
        || "-".to_owned(),
        |ms| Timestamp::from_millis(ms).to_string(),
    )
}

fn told(it: &OccurrenceView, out: &mut impl Write) -> io::Result<()> {
    let alarm = &it.alarm;
    writeln!(
        out,
        "报警 Alarm  {} [{}] {} ({}, {})",
        alarm.alarm, alarm.occurrence, alarm.title.zh, alarm.severity, alarm.state
    )?;
    for step in &it.events {
        one_step(step, out)?;
    }
    match &it.rule {
        Some(rule) => {
            writeln!(
                out,
                "规则 Rule   {} ({}, entry {})",
                alarm.rule_version, rule.file, rule.position
            )?;
            for line in rule.text.lines() {
                writeln!(out, "  | {line}")?;
            }
        }
        None => writeln!(
            out,
            "规则 Rule   {}（系统自带或日志未保留其文本 the system's own, or its text is not kept）",
            alarm.rule_version
        )?,
    }
    writeln!(out)
}

fn one_step(step: &StepView, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "  {}  {} → {}",
        instant(Some(step.at)),
        step.transition,
        step.state
    )?;
    if let Some(cause) = &step.cause {
        write!(out, "  原因 cause: {cause}")?;
    }
    if let Some(accepted) = step.accepted {
        let said = if accepted {
            "认可 accepted"
        } else {
            "不认可 not accepted"
        };
        write!(out, "  {said}")?;
    }
    if let Some(by) = &step.by {
        write!(out, "  {by}")?;
    }
    if let Some(comment) = &step.comment {
        write!(out, "：{comment}")?;
    }
    if let Some(held) = &step.held {
        write!(out, "  ({held})")?;
    }
    if let Some(why) = &step.unwatched {
        let Words { zh, en } = unwatched(why);
        write!(out, "  不再监视 no longer watched：{zh} {en}")?;
    }
    let delay = |from: Option<i64>, to: Option<i64>| Some(to? - from?);
    if let Some(ms) = delay(step.stamps.received, step.stamps.journaled) {
        write!(out, "  [+{ms} ms]")?;
    }
    writeln!(out, "  {}", step.event)?;
    if let Some(seen) = step.seen {
        writeln!(out, "      所见 seen: {seen}")?;
    }
    for deciding in &step.deciding {
        writeln!(out, "      依据 decided by: {}", sample(deciding))?;
    }
    Ok(())
}
