//! Opening a spool, whatever became of its file.
//!
//! What must stay true:
//! - a damaged file never keeps the collector from starting, and is never written again;
//! - of it only whole frames go on (CRC, number and catalog are looked at), under their own
//!   epoch and number, so that what the server has already is a repeat for it;
//! - what could not be read is a gap record, and is said in health and metrics;
//! - a file of a newer version, a full or a failing disk are no damage: nothing is moved;
//! - a kill at any moment of a rescue loses nothing of it, and costs one batch of the copying,
//!   see [`swap`] and [`copy`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fenghuo_log::{LogError, Reader};
use fenghuo_model::{Catalog, GatewayKey, Timestamp};

use super::gaps::Gaps;
use super::marks;
use super::store::{Found, Store};
use super::{BAD, FILE, SUSPECT, Terms};

mod copy;
mod swap;
mod walk;

use copy::{Copy, Counts};
use swap::{Note, Swap};

/// A spool that can be used.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub store: Store,
    /// What it held.
    pub found: Found,
    /// What happened to the file before it, if that was damaged.
    pub rescue: Option<Rescue>,
}

/// A damaged file was set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rescue {
    /// Where it is now.
    pub folder: PathBuf,
    /// What was wrong with it.
    pub what: String,
    /// Frames taken over.
    pub kept: u64,
    /// Frames known to be missing; those after the last readable one cannot be counted.
    pub lost: u64,
    /// Frames owed to a destination that there was no room for: they stay in the folder.
    pub left: u64,
}

/// How far a rescue has come, in numbers of the damaged file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// So many were looked at,
    pub seen: u64,
    /// of so many, as far as that can be told.
    pub of: u64,
}

/// Told how far a rescue has come, again and again.
pub type Tell<'a> = &'a mut dyn FnMut(Progress);

/// Opens the spool in `dir` like [`Store::open`]; a damaged one is moved to a folder beside
/// it, and what can be read of it is taken over into a fresh one.
///
/// # Errors
/// [`LogError`] when the folder or the disk cannot be used.
pub fn open(
    dir: &Path,
    terms: &Terms,
    catalog: &Arc<Catalog>,
    epoch: u64,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<Opened, LogError> {
    open_with(dir, terms, (catalog, epoch), now, tell, &mut || Ok(()))
}

/// The same, told after each step of a rescue.
fn open_with(
    dir: &Path,
    terms: &Terms,
    (catalog, epoch): (&Arc<Catalog>, u64),
    now: Timestamp,
    tell: Tell<'_>,
    after: swap::After<'_>,
) -> Result<Opened, LogError> {
    let open = || Store::open(dir, terms.clone(), epoch);
    let mut swap = Swap { dir, after };
    let resumed = swap.finish()?;
    let is_suspect = dir.join(SUSPECT).exists();
    // It is opened in any case: another collector may have it, and then it is left alone.
    let what = match open() {
        Ok((store, found)) if !is_suspect => {
            // It is of a file that is not there any more.
            swap.give_up()?;
            return Ok(Opened {
                store,
                found,
                rescue: resumed,
            });
        }
        Ok(_) => "it was found damaged in the run before".to_owned(),
        Err(error) if error.is_damage() => error.to_string(),
        Err(error) => return Err(error),
    };
    let Counts { kept, lost, left } = take_over(&mut swap, terms, catalog, now, tell)?;
    swap.commit(&Note {
        folder: format!("{BAD}{}", now.as_millis()),
        what,
        kept,
        lost,
        left,
    })?;
    let rescue = swap.finish()?;
    let (store, found) = open()?;
    Ok(Opened {
        store,
        found,
        rescue,
    })
}

/// Copies what is whole, or what is left of it to copy.
fn take_over(
    swap: &mut Swap<'_>,
    terms: &Terms,
    own: &Arc<Catalog>,
    now: Timestamp,
    tell: Tell<'_>,
) -> Result<Counts, LogError> {
    let file = swap.dir.join(FILE);
    let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
    let from = Reader::open(&file).ok();
    let mark = |key: &str| from.as_ref().and_then(|from| from.mark(key).ok().flatten());
    let fresh = swap.begin()?.join(FILE);
    let mut copy = match Copy::stopped(&fresh, terms.budget_bytes, own)? {
        Some(copy) => copy,
        None => {
            swap.begin_anew()?;
            let gaps = mark(marks::GAPS).and_then(|bytes| Gaps::decode(&bytes));
            Copy::begin(&fresh, terms.budget_bytes, own, gaps.unwrap_or_default())?
        }
    };
    if let Some(from) = &from {
        let owed_from = owed_from(from, terms);
        copy.frames(from, (owed_from, bytes), &mut |progress| {
            tell(progress);
            (swap.after)()
        })?;
    }
    match finish_copy(&mut copy, from.as_ref(), terms, now) {
        Err(error) if error.is_full() => {}
        done => return done.map(|()| copy.counts()),
    }
    // No room for the end of it. An empty spool takes next to none, and reading goes on: all
    // frames stay in the file that is set aside.
    let (counts, gaps) = copy.leave_all()?;
    swap.begin_anew()?;
    let mut copy = Copy::begin(&fresh, terms.budget_bytes, own, gaps)?;
    finish_copy(&mut copy, from.as_ref(), terms, now)?;
    Ok(counts)
}

/// Frames below are owed to no destination.
fn owed_from(from: &Reader, terms: &Terms) -> u64 {
    let done_below = |name: &String| {
        let bytes = from.mark(&marks::of(marks::DESTINATION, name)).ok()??;
        Some(marks::Custody::decode(&bytes)?.done_below)
    };
    let names = terms.destinations.iter();
    let owed = names.map(|name| done_below(name).unwrap_or(0)).min();
    owed.unwrap_or(0)
}

/// Writes what belongs to the frames.
fn finish_copy(
    copy: &mut Copy,
    from: Option<&Reader>,
    terms: &Terms,
    now: Timestamp,
) -> Result<(), LogError> {
    let mark = |key: &str| from.and_then(|from| from.mark(key).ok().flatten());
    let mut kept = accounts(from, copy, terms);
    let whose = mark(marks::GATEWAY).filter(|bytes| {
        let text = std::str::from_utf8(bytes);
        text.is_ok_and(|text| text.parse::<GatewayKey>().is_ok())
    });
    kept.push((marks::GATEWAY.to_owned(), whose));
    let watermark = mark(marks::WATERMARK)
        .and_then(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)))
        .map(Timestamp::from_millis);
    copy.end(kept, watermark, now)
}

/// The marks of the destinations: what each has, and what is owed to it.
fn accounts(from: Option<&Reader>, copy: &Copy, terms: &Terms) -> Vec<(String, Option<Vec<u8>>)> {
    let mark = |key: &str| from.and_then(|from| from.mark(key).ok().flatten());
    let noted = from.map(|from| from.marks(marks::NOTE));
    let noted = noted.and_then(Result::ok).unwrap_or_default();
    let mut accounts = Vec::new();
    for name in &terms.destinations {
        let (custody, owed) = (
            marks::of(marks::DESTINATION, name),
            marks::of(marks::OWED, name),
        );
        let found = mark(&custody).and_then(|bytes| marks::Custody::decode(&bytes));
        let found = found
            .filter(|_| copy.counts().kept > 0)
            .map(|custody| copy.custody(custody));
        let done_below = found.map_or(0, |custody| custody.done_below);
        let mut missing = mark(&owed)
            .and_then(|bytes| Gaps::decode(&bytes))
            .unwrap_or_default();
        // What was to go with a frame goes with the next one: its own may not be there.
        for (key, bytes) in &noted {
            let seq = marks::number_of(marks::NOTE, key, name);
            if let Some(gaps) = seq
                .filter(|seq| *seq >= done_below)
                .and(Gaps::decode(bytes))
            {
                missing.merge(&gaps);
            }
        }
        accounts.push((custody, found.map(|custody| custody.encode())));
        accounts.push((owed, missing.encode()));
    }
    accounts
}

#[cfg(test)]
mod tests;
