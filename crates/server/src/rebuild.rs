//! The past, folded again: kept entries from the journal and samples from history.
//!
//! The log is trimmed after some minutes; what stays for good are the small entries (in the
//! journal) and every sample (in history). This folds them together as the judge would have:
//! samples in (time, gateway, seq) order, in the frames that carried them, seconds made up
//! between. What the log knew besides is not kept, and is inferred or left out:
//! - a frame's own watermark: the time of its newest sample stands for it, so what time
//!   alone decides may come up to a frame later;
//! - frames without samples: their numbers are missing between two that have some, and as
//!   many are put evenly between them, so that "nothing changed" and "dead" still differ;
//! - when a frame came: it is judged in its own time. Data that came late was judged
//!   otherwise when it was live;
//! - which instants catalogs and rules came at: what stands around them in log and journal
//!   says so to about a second, and a catalog comes no later than its first sample;
//! - occurrences have other ids here: acts are led to the same alarm by its key.
//!
//! What lies outside of [`reach::Reach`] cannot be told: who folds asks for it first.
//!
//! Memory is bounded by [`slices::SAMPLES_MAX`], whatever the span.

use std::path::Path;
use std::time::Duration;

use fenghuo_engine::{Change, Engine, Input};
use fenghuo_history::History;
use fenghuo_log::Reader;
use fenghuo_model::{GatewayKey, Timestamp};

use crate::journal::JournalReader;
use crate::serve::Files;

mod fold;
mod kept;
mod lookout;
pub mod reach;
pub mod slices;
#[cfg(test)]
pub mod staged;
mod tail;
mod times;
pub mod warm;

pub use fold::Notes;
pub use times::position_at;

use fold::Fold;
use kept::Kept;
use slices::Slices;

/// A second of the server's life.
const TICK: Duration = Duration::from_secs(1);

/// What stays of the past, open for reading.
pub struct Sources {
    /// Kept entries and what happened.
    pub journal: JournalReader,
    /// Samples.
    pub history: History,
    /// What the log still has; for samples only where history was opened beside the server,
    /// as it holds the newest ones in memory.
    pub log: Option<Reader>,
    /// Whether `history` lacks what the log still has.
    pub unsealed: bool,
}

impl Sources {
    /// Opens them beside a server that may be running.
    ///
    /// # Errors
    /// When journal or history cannot be read.
    pub fn beside(files: &Files) -> anyhow::Result<Self> {
        Ok(Self {
            journal: JournalReader::open(&files.journal)?,
            history: History::beside(&files.history)?,
            log: log(&files.log)?,
            unsealed: true,
        })
    }

    /// The same within the server, which knows all of history.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn within(files: &Files, history: History) -> anyhow::Result<Self> {
        Ok(Self {
            journal: JournalReader::open(&files.journal)?,
            history,
            log: log(&files.log)?,
            unsealed: false,
        })
    }
}

fn log(path: &Path) -> anyhow::Result<Option<Reader>> {
    Ok(if path.exists() {
        Some(Reader::open(path)?)
    } else {
        None
    })
}

/// What is to be folded.
#[derive(Clone, Debug)]
pub struct Plan {
    /// From here on; state before is not known.
    pub from: Timestamp,
    /// Before this instant.
    pub until: Timestamp,
    /// One gateway only.
    pub gateway: Option<GatewayKey>,
    /// These rule files, in the place of all that were in force.
    pub rules: Option<Vec<(String, String)>>,
}

/// Folds and tells every change.
///
/// # Errors
/// When a store cannot be read, or more samples fall into one second than memory may hold.
pub fn rebuild(
    plan: &Plan,
    sources: &Sources,
    mut tell: impl FnMut(Change),
) -> anyhow::Result<(Engine, Notes)> {
    let kept = Kept::read(sources, plan)?;
    let mut fold = Fold::new(sources);
    if let Some(rules) = &plan.rules {
        fold.put(Input::Rules(rules.clone()), &mut tell);
    }
    fold.begin(kept, plan.from, &mut tell)?;
    let mut slices = Slices::new(plan, sources)?;
    let mut tick = plan.from;
    while let Some(slice) = slices.next(sources)? {
        for frame in slice.frames {
            while tick < frame.at {
                fold.tick(tick, &mut tell)?;
                tick = tick.plus(TICK);
            }
            fold.frame(frame, &slices, &mut tell)?;
        }
        while tick < slice.until {
            fold.tick(tick, &mut tell)?;
            tick = tick.plus(TICK);
        }
    }
    let notes = fold.notes(slices.faults());
    Ok((fold.engine, notes))
}
