//! A back-test's report as text: Chinese, then English, on one line.

use std::io::{self, Write};

use fenghuo_model::Timestamp;

use super::report::{Named, Report, What};

/// Differences printed; JSON has more.
const PRINTED: usize = 50;

/// Prints it.
pub fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let alarms = &report.alarms;
    writeln!(out, "回测 Back-test  {} … {}", report.from, report.until)?;
    cut(report, out)?;
    basis(report, out)?;
    writeln!(
        out,
        "报警 Alarms  实际 happened {}  回测 back-test {}  相同 same {}",
        alarms.before, alarms.after, alarms.same
    )?;
    writeln!(
        out,
        "差异 Differences  新增 added {}  消失 removed {}  提前 earlier {}  推迟 later {}",
        alarms.added, alarms.removed, alarms.earlier, alarms.later
    )?;
    for shift in &report.shifts {
        writeln!(
            out,
            "班次 Shift {}  实际 happened {}  回测 back-test {}",
            shift.from, shift.before, shift.after
        )?;
    }
    named("规则 Rule", &report.rules, out)?;
    named("最多 Top", &report.top, out)?;
    for difference in report.differences.iter().take(PRINTED) {
        let (zh, en) = match difference.what {
            What::Added => ("新增", "added"),
            What::Removed => ("消失", "removed"),
            What::Earlier => ("提前", "earlier"),
            What::Later => ("推迟", "later"),
        };
        let instant =
            |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let late = if difference.late {
            "  （数据迟到 data came late）"
        } else {
            ""
        };
        writeln!(
            out,
            "{zh} {en}  {}  {} → {}{late}",
            difference.alarm,
            instant(difference.was),
            instant(difference.would)
        )?;
    }
    let more =
        report.differences.len().saturating_sub(PRINTED) as u64 + report.differences_left_out;
    if more > 0 {
        writeln!(out, "另有 {more} 处差异 {more} more differences")?;
    }
    caveats(report, out)
}

/// Where less was tested than was asked for.
fn cut(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if let Some(asked) = &report.asked_from {
        writeln!(
            out,
            "注意 Note  {asked} 之后才有记录：自 {0} 起 what is kept begins later: from {0}",
            report.from
        )?;
    }
    if let Some(asked) = &report.asked_until {
        writeln!(
            out,
            "注意 Note  日志止于 {0}，未到 {asked} the log ends before it: until {0}",
            report.until
        )?;
    }
    Ok(())
}

fn basis(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let rules = if report.other_rules {
        "给定的规则 the rules given"
    } else {
        "当时的规则 the rules of the time"
    };
    writeln!(out, "规则 Rules  {rules}")?;
    let because = report.warm_because.as_deref().unwrap_or("-");
    writeln!(
        out,
        "预热 Warm-up  自 from {}（最长回溯的规则 rule that looks back furthest: {because}）",
        report.warm_from
    )?;
    if !report.warm_enough {
        writeln!(
            out,
            "注意 Note  预热短于规则的回溯时间 the warm-up is shorter than the rules look back"
        )?;
    }
    writeln!(
        out,
        "数据 Data  {} 个样本 samples，{} ms，{} /s，首个样本 first {}",
        report.samples,
        report.took_ms,
        report.samples_per_second,
        report.first_sample.as_deref().unwrap_or("-")
    )
}

fn named(what: &str, all: &[Named], out: &mut impl Write) -> io::Result<()> {
    for it in all {
        let counts = &it.counts;
        writeln!(
            out,
            "{what}  {}  实际 happened {}  回测 back-test {}  (+{} -{} <{} >{})",
            it.name,
            counts.before,
            counts.after,
            counts.added,
            counts.removed,
            counts.earlier,
            counts.later
        )?;
    }
    Ok(())
}

fn caveats(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for late in &report.late {
        writeln!(
            out,
            "迟到 Late data  {}  {} … {}：实时判断时没有这些数据 live judgement did not have it",
            late.gateway, late.from, late.until
        )?;
    }
    if report.strange_samples > 0 {
        writeln!(
            out,
            "注意 Note  {} 个样本不在任何测点表中 samples are in no catalog",
            report.strange_samples
        )?;
    }
    if report.lost_acts > 0 {
        writeln!(
            out,
            "注意 Note  {} 个操作所指的报警在回测中不存在 acts on alarms that this fold has not",
            report.lost_acts
        )?;
    }
    if report.unreadable > 0 {
        writeln!(
            out,
            "注意 Note  {} 段历史数据无法读取 stretches of history cannot be read",
            report.unreadable
        )?;
    }
    Ok(())
}
