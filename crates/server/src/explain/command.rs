//! `fenghuo explain`: beside a running server or without one; changes nothing.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;
use fenghuo_engine::EventId;
use fenghuo_model::{PointRef, Timestamp};

use super::view::ExplainView;
use super::{occurrence, past, print};
use crate::config::Config;
use crate::journal::JournalReader;
use crate::serve::Files;

/// What is asked.
#[derive(Clone, Debug)]
pub enum Asked {
    /// A rule at a point, now or at an instant.
    Rule(String, PointRef, Option<Timestamp>),
    /// An occurrence.
    Alarm(EventId),
}

/// Runs the command. The code says whether there is such an alarm.
///
/// # Errors
/// When a store cannot be read.
pub fn run(
    config: &Config,
    asked: &Asked,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let files = Files::new(&config.data_dir);
    let view = match asked {
        Asked::Rule(rule, point, at) => {
            let found = past::explain(&files, past::Samples::Beside, (rule, point), *at)??;
            ExplainView::past(&found)
        }
        Asked::Alarm(id) => match alarm(&files, *id)? {
            Some(view) => view,
            None => {
                writeln!(out, "没有此报警 There is no alarm {id}.")?;
                return Ok(ExitCode::FAILURE);
            }
        },
    };
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&view)?)?;
    } else {
        print::print(&view, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An occurrence from the journal, and how it stands when it is not over.
fn alarm(files: &Files, id: EventId) -> anyhow::Result<Option<ExplainView>> {
    let journal = JournalReader::open(&files.journal)?;
    let Some(told) = occurrence::tell(&journal, id)? else {
        return Ok(None);
    };
    let (over, rule) = (told.alarm.over, told.alarm.rule.clone());
    let point = told.alarm.point.clone();
    let mut view = ExplainView::told(told);
    if let (false, Some(point)) = (over, point) {
        let point: PointRef = point.parse().context("the alarm's point")?;
        let now = past::explain(files, past::Samples::Beside, (&rule, &point), None)??;
        let now = ExplainView::past(&now);
        view.explanations = now.explanations;
        view.position = now.position;
    }
    Ok(Some(view))
}
