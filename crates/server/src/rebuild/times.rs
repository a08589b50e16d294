//! Where in the log an instant is, as far as the log still reaches.

use fenghuo_engine::Input;
use fenghuo_log::{Entry, Reader};
use fenghuo_model::Timestamp;
use prost::Message;

use crate::entry::{self, RawFrame};

/// Entries read at once while looking for a tick.
const READ_ENTRIES: usize = 64;
/// Most entries looked at for the next tick: at some thousand frames a second still within
/// a second or two.
const ENTRIES_MAX: usize = 20_000;
/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// The first entry at or after `from` that tells the server's time.
pub fn time_after(log: &Reader, from: u64) -> anyhow::Result<Option<(u64, Timestamp)>> {
    let mut next = from;
    let mut looked = 0;
    while looked < ENTRIES_MAX {
        let entries = log.read(next, READ_ENTRIES, READ_BYTES)?;
        let Some(last) = entries.last() else {
            return Ok(None);
        };
        (next, looked) = (last.position + 1, looked + entries.len());
        for entry in &entries {
            if !matches!(entry.kind, entry::TICK | entry::STARTED) {
                continue;
            }
            let at = match entry::small(entry.kind, &entry.body)? {
                Input::Tick { at, .. } | Input::Started(at) => at,
                _ => continue,
            };
            return Ok(Some((entry.position, at)));
        }
    }
    Ok(None)
}

/// The newest time that the entries up to `last` tell: that of ticks, starts and acts, and
/// when a frame came.
pub fn time_before(log: &Reader, last: u64) -> anyhow::Result<Option<Timestamp>> {
    let mut end = last + 1;
    let mut looked = 0;
    while end > 1 && looked < ENTRIES_MAX {
        let from = end.saturating_sub(READ_ENTRIES as u64).max(1);
        let mut newest = None;
        let mut next = from;
        while next < end {
            let entries = log.read(next, READ_ENTRIES, READ_BYTES)?;
            let Some(read) = entries.last() else {
                break;
            };
            next = read.position + 1;
            for entry in entries.iter().filter(|entry| entry.position < end) {
                newest = newest.max(told(entry)?);
            }
        }
        if newest.is_some() {
            return Ok(newest);
        }
        (end, looked) = (from, looked + READ_ENTRIES);
    }
    Ok(None)
}

/// The server's time, as an entry tells it.
fn told(entry: &Entry) -> anyhow::Result<Option<Timestamp>> {
    Ok(match entry.kind {
        entry::FRAME => {
            let received = RawFrame::decode(&*entry.body)?.received;
            Some(Timestamp::from_millis(received))
        }
        entry::TICK | entry::STARTED | entry::ACT => match entry::small(entry.kind, &entry.body)? {
            Input::Tick { at, .. } | Input::Started(at) => Some(at),
            Input::Act(act) => Some(act.at),
            _ => None,
        },
        _ => None,
    })
}

/// The position of the log at an instant of the server's clock: everything up to it was
/// there by then. None when the log does not reach back so far.
///
/// # Errors
/// When the log cannot be read.
pub fn position_at(log: &Reader, at: Timestamp) -> anyhow::Result<Option<u64>> {
    let Some(first) = log.first()? else {
        return Ok(None);
    };
    match time_after(log, first)? {
        Some((_, begin)) if begin <= at => {}
        _ => return Ok(None),
    }
    // Below `low` everything is at or before `at`; `high` is past the end.
    let (mut low, mut high) = (first, first + 1);
    while let Some((position, found)) = time_after(log, high)? {
        if found > at {
            break;
        }
        low = position;
        high = position + (position - first).max(1_024);
    }
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        match time_after(log, middle)? {
            Some((position, found)) if found <= at => low = position.max(middle),
            _ => high = middle,
        }
    }
    Ok(Some(low))
}
