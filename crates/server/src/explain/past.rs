//! What the engine knew at an instant: folded from the log while that reaches back so far,
//! else from kept entries and history.

use std::time::Duration;

use fenghuo_engine::explain::{self, Explanation};
use fenghuo_engine::{Engine, Input, RuleSet};
use fenghuo_history::History;
use fenghuo_log::Reader;
use fenghuo_model::{PointRef, Timestamp};

use crate::entry::{self, Catalogs, Decoded};
use crate::feed::catalog_mark;
use crate::rebuild::reach::{Outside, Reach, log_end};
use crate::rebuild::{self, Plan, Sources, position_at, warm};
use crate::serve::Files;
use crate::snapshot::Snapshots;

/// Entries read at once.
const READ_ENTRIES: usize = 256;
/// Bytes read at once.
const READ_BYTES: usize = 4 << 20;
/// Most entries folded from the log; past it history is quicker.
const LOG_ENTRIES_MAX: u64 = 1_000_000;

/// What an answer rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// The log, up to this position: exactly what the judge knew.
    Log(u64),
    /// Kept entries and history, from this instant on: as a back-test does.
    History(Timestamp),
}

/// What was known.
#[derive(Clone, PartialEq, Debug)]
pub struct Past {
    /// What it rests on.
    pub basis: Basis,
    /// The answer.
    pub explanations: Vec<Explanation>,
}

/// Where samples come from when the log does not reach back.
pub enum Samples {
    /// The server's own history.
    Within(History),
    /// Beside a server that may be running.
    Beside,
}

/// Why a rule had, or had not, an alarm at a point. Without an instant: at the log's end.
/// The inner error is an instant that nobody can tell anything of.
///
/// # Errors
/// When a store cannot be read.
pub fn explain(
    files: &Files,
    samples: Samples,
    (rule, point): (&str, &PointRef),
    at: Option<Timestamp>,
) -> anyhow::Result<Result<Past, Outside>> {
    if files.log.exists() {
        let log = Reader::open(&files.log)?;
        let position = match at {
            // Later than its end the log says nothing, though it has a last entry.
            Some(at) if log_end(&log)?.is_none_or(|end| at > end) => None,
            Some(at) => position_at(&log, at)?,
            None => log.last()?,
        };
        if let Some(position) = position
            && let Some(engine) = from_log(files, &log, position)?
        {
            return Ok(Ok(Past {
                basis: Basis::Log(position),
                explanations: engine.explain(rule, point),
            }));
        }
    }
    let sources = match samples {
        Samples::Within(history) => Sources::within(files, history)?,
        Samples::Beside => Sources::beside(files)?,
    };
    let reach = Reach::of(&sources)?;
    match (reach, at) {
        (Some(reach), None) => from_history(&sources, (rule, point), reach.until).map(Ok),
        (Some(reach), Some(at)) if reach.contains(at) => {
            from_history(&sources, (rule, point), at).map(Ok)
        }
        (reach, at) => Ok(Err(Outside {
            asked: at.unwrap_or(Timestamp::MAX),
            reach,
        })),
    }
}

/// The engine after an entry of the log; none when the log does not reach back to a snapshot.
fn from_log(files: &Files, log: &Reader, position: u64) -> anyhow::Result<Option<Engine>> {
    let snapshot = Snapshots::open(&files.snapshots, 1)?.at_or_before(position)?;
    let mut engine = snapshot.unwrap_or_default();
    let begun = engine.position();
    let reaches = log.first()?.is_some_and(|first| first <= begun + 1);
    if !reaches || position - begun > LOG_ENTRIES_MAX {
        return Ok(None);
    }
    let mut catalogs = Catalogs::new();
    let mut events = Vec::new();
    while engine.position() < position {
        let entries = log.read(engine.position() + 1, READ_ENTRIES, READ_BYTES)?;
        if entries.is_empty() {
            break;
        }
        for raw in entries.into_iter().filter(|raw| raw.position <= position) {
            let decoded = entry::decode(raw.kind, raw.body, |id| {
                if let Some(known) = catalogs.get(&id) {
                    return Some(std::sync::Arc::clone(known));
                }
                let bytes = log.mark(&catalog_mark(id)).ok().flatten()?;
                let catalog = fenghuo_uplink::catalog::from_bytes(&bytes).ok()?;
                let catalog = std::sync::Arc::new(catalog);
                catalogs.insert(id, std::sync::Arc::clone(&catalog));
                Some(catalog)
            })?;
            let input = match decoded {
                Decoded::Frame(frame) => Input::Frame(frame.input()),
                Decoded::Small(_, _, input) => input,
            };
            engine.apply(raw.position, input, &mut events);
            events.clear();
        }
    }
    // A server that trims meanwhile may have taken what was to come.
    Ok((engine.position() == position).then_some(engine))
}

/// The same from kept entries and history, of the point's gateway alone.
fn from_history(
    sources: &Sources,
    (rule, point): (&str, &PointRef),
    at: Timestamp,
) -> anyhow::Result<Past> {
    let rules = sources.journal.kept_of(entry::RULES, u64::MAX, 1)?;
    let rules = rules
        .first()
        .and_then(|(_, body)| match entry::small(entry::RULES, body) {
            Ok(Input::Rules(files)) => RuleSet::parse(&files).ok(),
            _ => None,
        });
    let (warm_up, _) = warm::needed(&rules.unwrap_or_default());
    let plan = Plan {
        from: at.minus(warm_up).max(Timestamp::MIN),
        until: at.plus(Duration::from_millis(1)),
        gateway: Some(point.gateway.clone()),
        rules: None,
    };
    let (engine, _) = rebuild::rebuild(&plan, sources, |_| {})?;
    let mut explanations = engine.explain(rule, point);
    for explanation in &mut explanations {
        true_ids(explanation, &sources.history);
    }
    Ok(Past {
        basis: Basis::History(plan.from),
        explanations,
    })
}

/// The fold numbers frames by itself; history has the samples' own identities. Occurrences
/// have none here.
fn true_ids(explanation: &mut Explanation, history: &History) {
    let explain::Answer::Watched(watched) = &mut explanation.answer else {
        return;
    };
    for input in &mut watched.inputs {
        if let Some((id, sample)) = &mut input.last {
            let after = sample.time.plus(Duration::from_millis(1));
            let range = history.range_identified(&input.point, sample.time, after, 16);
            let found = range.series.into_iter().flat_map(|(_, samples)| samples);
            if let Some((own, _)) = found.filter(|(_, it)| it == sample).last() {
                *id = own;
            }
        }
    }
}
