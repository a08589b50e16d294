//! Back-test: what would these rules have said of that time?
//!
//! The same fold as [`crate::rebuild`] over a span, with the rules of its days or with
//! others, and a comparison with what the journal says happened: alarms added, removed,
//! earlier, later, how many a shift, by rule, and the ten that came most often. It reads
//! beside a running server and changes nothing.
//!
//! It ends at the log's last entry, and begins no earlier than what is kept: past those ends
//! nobody knows who was silent. The report says where the span was cut.
//!
//! With the same rules there is no difference, but for data that came late (it was judged
//! otherwise when it was live; the report names those spans) and for alarms that were up
//! before the fold began.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fenghuo_engine::RuleSet;
use fenghuo_model::Timestamp;

use crate::config::Config;
use crate::rebuild::reach::{Outside, Reach};
use crate::rebuild::{self, Plan, Sources, warm};
use crate::serve::Files;

mod diff;
mod happened;
mod late;
mod print;
mod report;

pub use report::{Late, Report};

use happened::Happened;

/// Begins this far apart are the same.
pub const TOLERANCE: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// From here on.
    pub from: Timestamp,
    /// Before this instant.
    pub until: Timestamp,
    /// Rule files in the place of those that were in force.
    pub rules: Option<Vec<(String, String)>>,
    /// How long a shift is.
    pub shift: Duration,
    /// How long the fold runs before `from`, when it is not what the rules need.
    pub warm_up: Option<Duration>,
}

/// Reads rule files.
///
/// # Errors
/// When one cannot be read, or a rule has a problem: all of them are named.
pub fn read_rules(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        files.push((name, text));
    }
    if let Err(faults) = RuleSet::parse(&files) {
        let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
        anyhow::bail!("{}", all.join("\n"));
    }
    Ok(files)
}

/// Runs the command.
///
/// # Errors
/// When a store cannot be read.
pub fn run(
    config: &Config,
    options: &Options,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let files = Files::new(&config.data_dir);
    let sources = Sources::beside(&files)?;
    let in_force = options.rules.as_ref().unwrap_or(&config.rules);
    let report = backtest(&sources, in_force, options)?;
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print::print(&report, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Folds and compares. `in_force` says how far back the rules look.
///
/// # Errors
/// When a store cannot be read.
pub fn backtest(
    sources: &Sources,
    in_force: &[(String, String)],
    asked: &Options,
) -> anyhow::Result<Report> {
    anyhow::ensure!(asked.from < asked.until, "the span ends before it begins");
    anyhow::ensure!(!asked.shift.is_zero(), "a shift has a length");
    let begun = Instant::now();
    let options = &within(sources, asked)?;
    let rules = RuleSet::parse(in_force).unwrap_or_default();
    let (needed, because) = warm::needed(&rules);
    let warm_up = options.warm_up.unwrap_or(needed);
    let plan = Plan {
        from: options.from.minus(warm_up).max(Timestamp::MIN),
        until: options.until,
        gateway: None,
        rules: options.rules.clone(),
    };
    let span = (options.from, options.until);
    let mut after = Happened::new(span);
    let (_, notes) = rebuild::rebuild(&plan, sources, |change| after.event(&change.event))?;
    let folded_in = begun.elapsed();
    let before = happened::journal(&sources.journal, span)?;
    let late = late::spans(sources, &before)?;
    let mut report = Report::new(options, &notes, folded_in);
    report.asked_from = (asked.from < options.from).then(|| asked.from.to_string());
    report.asked_until = (asked.until > options.until).then(|| asked.until.to_string());
    report.warm_from = plan.from.to_string();
    report.warm_because = because;
    report.warm_enough = warm_up >= needed;
    report.late = late;
    diff::compare(
        &before.intervals()?,
        &after.intervals()?,
        options,
        &mut report,
    );
    Ok(report)
}

/// The span as far as it can be told. What is judged beyond the log's last entry would be
/// seconds that nobody lived through, in which every gateway is silent.
fn within(sources: &Sources, asked: &Options) -> anyhow::Result<Options> {
    let reach = Reach::of(sources)?;
    let after_end = |reach: Reach| reach.until.plus(Duration::from_millis(1));
    let span = reach.map(|it| (asked.from.max(it.from), asked.until.min(after_end(it))));
    match span {
        Some((from, until)) if from < until => Ok(Options {
            from,
            until,
            ..asked.clone()
        }),
        _ => {
            let asked = asked.from;
            anyhow::bail!(Outside { asked, reach })
        }
    }
}

#[cfg(test)]
mod tests;
