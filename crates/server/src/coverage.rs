//! `fenghuo coverage`: how far what must be measured is measured, without a running server.
//!
//! It reads the newest snapshot and the register and targets of the configuration as it is
//! now. Chinese first; `--json` gives the API's shape.

use std::io::Write;
use std::process::ExitCode;

use fenghuo_engine::{Engine, Input};
use fenghuo_model::Timestamp;

use crate::config::Config;
use crate::serve::Files;
use crate::snapshot::Snapshots;
use crate::view::{self, By, CountsView, CoverageRow, CoverageView};

/// Columns before the figures.
const NAME_WIDTH: usize = 48;

/// Prints the report.
///
/// # Errors
/// When the snapshots cannot be read or the report cannot be written.
pub fn run(config: &Config, json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let engine = engine(config)?;
    let coverage = engine.coverage();
    let view = view::coverage(&coverage, By::Enterprise);
    if json {
        serde_json::to_writer_pretty(&mut *out, &view)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    as_of(&engine, out)?;
    enterprises(&view, out)?;
    for (by, zh, en) in [
        (By::Industry, "行业", "industry"),
        (By::Township, "乡镇", "township"),
    ] {
        head(out, zh, en)?;
        for row in view::coverage(&coverage, by).rows {
            line(out, &name(&row), row.counts)?;
        }
    }
    head(out, "方案条款", "plan clause")?;
    for (seed, counts) in &view.seeds {
        line(out, seed, *counts)?;
    }
    head(out, "合计", "total")?;
    line(out, "", view.total)?;
    remarks(&view, out)?;
    Ok(ExitCode::SUCCESS)
}

/// The newest state with the rules as they are configured now.
fn engine(config: &Config) -> anyhow::Result<Engine> {
    let files = Files::new(&config.data_dir);
    let found = Snapshots::open(&files.snapshots, config.snapshot_keep)?.newest()?;
    if let Some(version) = found.other {
        return Err(fenghuo_engine::SnapshotError::Version(version).into());
    }
    let faults = found.faults.join("; ");
    anyhow::ensure!(
        found.engine.is_some() || faults.is_empty(),
        "no snapshot can be read: {faults}"
    );
    let mut engine = found.engine.unwrap_or_default();
    let next = engine.position() + 1;
    engine.apply(next, Input::Rules(config.rules.clone()), &mut Vec::new());
    Ok(engine)
}

fn as_of(engine: &Engine, out: &mut impl Write) -> std::io::Result<()> {
    match engine.now() {
        at if at == Timestamp::MIN => writeln!(out, "尚无快照，未接入任何数据 no snapshot yet"),
        at => writeln!(out, "快照时间 as of {at:#}"),
    }
}

fn enterprises(view: &CoverageView, out: &mut impl Write) -> std::io::Result<()> {
    head(out, "企业", "enterprise")?;
    for row in &view.rows {
        line(out, &name(row), row.counts)?;
        for target in &row.targets {
            let title = format!("  {} {}", target.title.zh, target.title.en);
            line(out, &title, target.counts)?;
        }
    }
    Ok(())
}

fn remarks(view: &CoverageView, out: &mut impl Write) -> std::io::Result<()> {
    for it in &view.unregistered {
        writeln!(
            out,
            "未登记企业 not registered: {} ({} 网关 gateways, {} 测点 points)",
            it.enterprise, it.gateways, it.points
        )?;
    }
    for row in &view.rows {
        for plant in &row.unknown_plants {
            writeln!(
                out,
                "没有规则包规定必测项 no pack requires anything of: {plant} ({})",
                row.key
            )?;
        }
    }
    Ok(())
}

fn name(row: &CoverageRow) -> String {
    if row.title.zh == row.key {
        return row.key.clone();
    }
    format!("{} {}", row.title.zh, row.key)
}

fn head(out: &mut impl Write, zh: &str, en: &str) -> std::io::Result<()> {
    let title = padded(&format!("{zh} {en}"));
    writeln!(out, "{title} 应测 req. 已接 conn. 在线 live  接入率 rate")
}

fn line(out: &mut impl Write, name: &str, counts: CountsView) -> std::io::Result<()> {
    let CountsView {
        required,
        connected,
        live,
    } = counts;
    let rate = match (connected * 1_000).checked_div(required) {
        Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
        None => "-".to_owned(),
    };
    let name = padded(name);
    writeln!(
        out,
        "{name} {required:>9} {connected:>10} {live:>9} {rate:>12}"
    )
}

/// Filled up to the width of the first column; Chinese characters are two columns wide.
fn padded(text: &str) -> String {
    let wide = |c: char| if c >= '\u{2e80}' { 2 } else { 1 };
    let width: usize = text.chars().map(wide).sum();
    format!("{text}{}", " ".repeat(NAME_WIDTH.saturating_sub(width)))
}

#[cfg(test)]
mod tests;
