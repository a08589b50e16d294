//! Proof after the fact: folds the log again and compares with the journal.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use fenghuo_engine::{Change, Engine, EventId};
use fenghuo_log::Log;

use crate::config::Config;
use crate::entry::Decoded;
use crate::feed::Feed;
use crate::journal::JournalReader;
use crate::serve::Files;
use crate::snapshot::Snapshots;

/// Events compared in one go.
const EVENTS: usize = 1_000;

/// Checks the journal's hash chain.
///
/// # Errors
/// When the journal cannot be read.
pub fn verify(config: &Config, tell: fn(&str)) -> anyhow::Result<ExitCode> {
    let files = Files::new(&config.data_dir);
    match JournalReader::open(&files.journal)?.verify()? {
        Ok(events) => {
            tell(&format!("journal: {events} events, the chain is whole"));
            Ok(ExitCode::SUCCESS)
        }
        Err(event) => {
            tell(&format!("journal: event {event} does not fit the chain"));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Folds the log and compares every event and every alarm with the journal.
///
/// # Errors
/// When log or journal cannot be read.
pub fn replay(config: &Config, from_snapshot: bool, tell: fn(&str)) -> anyhow::Result<ExitCode> {
    let files = Files::new(&config.data_dir);
    let log = Log::open(&files.log, None)?;
    let mut engine = Engine::default();
    if from_snapshot && let Some(oldest) = Snapshots::open(&files.snapshots, 1)?.oldest_engine()? {
        engine = oldest;
    }
    let begun = engine.position();
    let first = log.first()?.unwrap_or(1);
    if first > begun + 1 {
        tell(&format!(
            "the log begins at {first}: it was trimmed, replay from a snapshot"
        ));
        return Ok(ExitCode::FAILURE);
    }
    let changes = fold(&log, &mut engine, &files.log)?;
    let differences = compare(&files.journal, &engine, begun, &changes, tell)?;
    tell(&format!(
        "folded entries {} to {}: {} events, {} alarms not over, {differences} differences",
        begun + 1,
        engine.position(),
        changes.len(),
        engine.book().len(),
    ));
    Ok(if differences == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn fold(log: &Log, engine: &mut Engine, path: &Path) -> anyhow::Result<BTreeMap<EventId, Change>> {
    let mut feed = Feed::new(log.head()).reader(path)?;
    let (mut changes, mut all) = (Vec::new(), BTreeMap::new());
    loop {
        let entries = feed.read(engine.position() + 1, 256)?;
        if entries.is_empty() {
            return Ok(all);
        }
        for (position, entry) in entries {
            let input = match &*entry {
                Decoded::Frame(frame) => fenghuo_engine::Input::Frame(frame.input()),
                Decoded::Small(_, _, input) => input.clone(),
            };
            engine.apply(position, input, &mut changes);
            all.extend(changes.drain(..).map(|change| (change.event.id, change)));
        }
    }
}

fn compare(
    journal: &Path,
    engine: &Engine,
    begun: u64,
    folded: &BTreeMap<EventId, Change>,
    tell: fn(&str),
) -> anyhow::Result<u64> {
    let reader = JournalReader::open(journal)?;
    let mut differences = 0;
    let mut differs = |what: String| {
        differences += 1;
        if differences <= 20 {
            tell(&what);
        }
    };
    let mut after = EventId {
        position: begun,
        ordinal: u32::MAX,
    };
    let mut seen = 0;
    loop {
        let events = reader.events(after, EVENTS)?;
        let Some(last) = events.last() else {
            break;
        };
        after = last.id;
        for stored in &events {
            let body = folded
                .get(&stored.id)
                .map(|change| serde_json::to_string(&change.event));
            match body.transpose()? {
                Some(body) if body == stored.body => seen += 1,
                Some(body) => differs(format!(
                    "event {}: {} became {body}",
                    stored.id, stored.body
                )),
                None => differs(format!("event {} is in the journal only", stored.id)),
            }
        }
    }
    // The judge may have been stopped before it reached the log's end.
    let judged = after.position;
    let newer = folded.keys().filter(|id| id.position > judged).count();
    if seen + newer != folded.len() {
        differs(format!(
            "{} events are in the log only",
            folded.len().abs_diff(seen + newer)
        ));
    }
    if newer == 0 {
        let stored: BTreeMap<_, _> = reader
            .active()?
            .into_iter()
            .map(|(occurrence, alarm)| (occurrence, alarm.state.clone()))
            .collect();
        let folded: BTreeMap<_, _> = engine
            .book()
            .iter()
            .map(|alarm| (alarm.occurrence, alarm.state.as_str().to_owned()))
            .collect();
        if stored != folded {
            differs(format!(
                "alarms: the journal has {stored:?}, the fold {folded:?}"
            ));
        }
    }
    Ok(differences)
}
