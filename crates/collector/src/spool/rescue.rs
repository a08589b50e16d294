//! Opening a spool, whatever became of its file.
//!
//! What must stay true:
//! - a damaged file never keeps the collector from starting, and is never written again;
//! - of it only whole frames go on (CRC, number and catalog are looked at), under their own
//!   epoch and number, so that what the server has already is a repeat for it;
//! - what could not be read is a gap record, and is said in health and metrics;
//! - a file of a newer version, a full or a failing disk are no damage: nothing is moved;
//! - a kill at any moment of a rescue loses nothing of it, see [`swap`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fenghuo_log::{Batch, Log, LogError, Reader};
use fenghuo_model::{Catalog, CatalogId, Timestamp};
use fenghuo_uplink::frame::{Frame, GapReason};

use super::gaps::Gaps;
use super::marks;
use super::store::{FRAME, Found, Span, Store};
use super::{BAD, FILE, SUSPECT, Terms};

mod swap;

use swap::{Note, Swap};

/// Frames that are read, and written, at once.
const FRAMES_AT_ONCE: usize = 16;
const BYTES_AT_ONCE: usize = 8 << 20;
/// Longest jump over what cannot be read, and most jumps: a bound on the time of a start.
const JUMP_MAX: u64 = 64;
const JUMPS_MAX: u32 = 10_000;

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
}

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
) -> Result<Opened, LogError> {
    open_with(dir, terms, (catalog, epoch), now, &mut || Ok(()))
}

/// The same, told after each step of a rescue.
fn open_with(
    dir: &Path,
    terms: &Terms,
    (catalog, epoch): (&Arc<Catalog>, u64),
    now: Timestamp,
    after: swap::After<'_>,
) -> Result<Opened, LogError> {
    let open = || Store::open(dir, terms.clone(), epoch);
    let mut swap = Swap { dir, after };
    let resumed = swap.finish()?;
    let is_suspect = dir.join(SUSPECT).exists();
    // It is opened in any case: another collector may have it, and then it is left alone.
    let what = match open() {
        Ok((store, found)) if !is_suspect => {
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
    let fresh = swap.begin()?;
    let (kept, lost) = take_over(dir, &fresh, terms, catalog, now)?;
    swap.commit(&Note {
        folder: format!("{BAD}{}", now.as_millis()),
        what,
        kept,
        lost,
    })?;
    let rescue = swap.finish()?;
    let (store, found) = open()?;
    Ok(Opened {
        store,
        found,
        rescue,
    })
}

/// Copies what is whole. Returns how many frames, and how many are missing between them.
fn take_over(
    folder: &Path,
    dir: &Path,
    terms: &Terms,
    own: &Arc<Catalog>,
    now: Timestamp,
) -> Result<(u64, u64), LogError> {
    let mut copy = Copy {
        to: Log::open(&dir.join(FILE), Some(terms.budget_bytes))?,
        own: own.clone(),
        catalogs: BTreeMap::new(),
        span: None,
        last: None,
        gaps: Gaps::default(),
        kept: 0,
        lost: 0,
    };
    let from = Reader::open(&folder.join(FILE)).ok();
    let mark = |key: &str| from.as_ref().and_then(|from| from.mark(key).ok().flatten());
    copy.gaps = mark(marks::GAPS)
        .and_then(|bytes| Gaps::decode(&bytes))
        .unwrap_or_default();
    if let Some(from) = &from {
        copy.frames(from)?;
    }
    let noted = from.as_ref().map(|from| from.marks(marks::NOTE));
    let noted = noted.and_then(Result::ok).unwrap_or_default();
    let mut accounts = Vec::new();
    for name in &terms.destinations {
        let (custody, owed) = (
            marks::of(marks::DESTINATION, name),
            marks::of(marks::OWED, name),
        );
        let found = mark(&custody).and_then(|bytes| marks::Custody::decode(&bytes));
        let found = found
            .filter(|_| copy.kept > 0)
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
    let watermark = mark(marks::WATERMARK)
        .and_then(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)))
        .map(Timestamp::from_millis);
    copy.end(accounts, watermark, now)?;
    Ok((copy.kept, copy.lost))
}

struct Copy {
    to: Log,
    own: Arc<Catalog>,
    /// Catalogs that frames named: whether they are there.
    catalogs: BTreeMap<CatalogId, bool>,
    span: Option<Span>,
    /// Number and watermark of the last frame that was kept.
    last: Option<(u64, Timestamp)>,
    gaps: Gaps,
    kept: u64,
    lost: u64,
}

impl Copy {
    fn frames(&mut self, from: &Reader) -> Result<(), LogError> {
        let mut at = from.first().ok().flatten().unwrap_or(1);
        let (mut jump, mut jumps) = (1, 0);
        while jumps < JUMPS_MAX {
            let read = from.read(at, FRAMES_AT_ONCE, BYTES_AT_ONCE);
            let Ok(entries) = read.or_else(|_| from.read(at, 1, BYTES_AT_ONCE)) else {
                at += jump;
                jump = (jump * 2).min(JUMP_MAX);
                jumps += 1;
                continue;
            };
            // A damaged tree may lead anywhere; it must not lead in a circle.
            let Some(last) = entries.last().filter(|last| last.position >= at) else {
                break;
            };
            let next = last.position + 1;
            for entry in entries {
                match self.frame(from, entry.position, entry.body) {
                    // What does not fit stays in the file that was set aside.
                    Err(error) if error.is_full() => return Ok(()),
                    done => done?,
                }
            }
            (at, jump) = (next, 1);
        }
        Ok(())
    }

    fn frame(&mut self, from: &Reader, seq: u64, body: Vec<u8>) -> Result<(), LogError> {
        let Ok(frame) = Frame::decode(&body) else {
            return Ok(());
        };
        let head = frame.head;
        let is_next = self.last.is_none_or(|(last, _)| last < seq);
        // A number from a damaged page may be anything; a frame knows its own.
        if head.seq != seq || !is_next || !self.has_catalog(from, head.catalog)? {
            return Ok(());
        }
        let mut batch = Batch::default();
        if self
            .span
            .is_none_or(|span| (span.epoch, span.catalog) != (head.epoch, head.catalog))
        {
            let span = Span {
                epoch: head.epoch,
                first: seq,
                catalog: head.catalog,
            };
            let key = marks::numbered(marks::EPOCH, seq);
            batch.mark(key, Some(marks::encode_span(&span)));
            self.span = Some(span);
        }
        batch.push(FRAME, body);
        self.to.rise_above(seq - 1)?;
        self.to.append(&batch)?;
        if let Some((last, watermark)) = self.last
            && seq > last + 1
        {
            let missing = seq - last - 1;
            self.lost += missing;
            self.gaps
                .add(watermark, head.watermark, missing, GapReason::Corrupt);
        }
        self.last = Some((seq, head.watermark));
        self.kept += 1;
        Ok(())
    }

    /// A frame without its catalog could never be delivered and would hold up the rest.
    fn has_catalog(&mut self, from: &Reader, id: CatalogId) -> Result<bool, LogError> {
        if let Some(known) = self.catalogs.get(&id) {
            return Ok(*known);
        }
        let stored = from.mark(&marks::catalog(id)).ok().flatten();
        let stored = stored.filter(|bytes| {
            let catalog = fenghuo_uplink::catalog::from_bytes(bytes);
            catalog.is_ok_and(|catalog| catalog.id() == id)
        });
        let own = || (self.own.id() == id).then(|| fenghuo_uplink::catalog::to_bytes(&self.own));
        let bytes = stored.or_else(own);
        let is_there = bytes.is_some();
        if is_there {
            let mut batch = Batch::default();
            batch.mark(marks::catalog(id), bytes);
            self.to.append(&batch)?;
        }
        self.catalogs.insert(id, is_there);
        Ok(is_there)
    }

    /// Numbers above the last frame are given again, and nobody has those.
    fn custody(&self, found: marks::Custody) -> marks::Custody {
        marks::Custody {
            done_below: found.done_below.min(self.to.next()),
            ..found
        }
    }

    /// The marks, and a gap for what was read last and is not there.
    fn end(
        &mut self,
        accounts: Vec<(String, Option<Vec<u8>>)>,
        watermark: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), LogError> {
        let last = self.last.map(|(_, watermark)| watermark);
        // A mark is not guarded by a checksum: one from the future would hold the clock.
        let watermark = watermark.filter(|watermark| *watermark <= now);
        let newest = last.max(watermark);
        let from = last.or(watermark).unwrap_or(now);
        self.gaps
            .add(from, newest.unwrap_or(now), 0, GapReason::Corrupt);
        let mut batch = Batch::default();
        batch.mark(marks::GAPS, self.gaps.encode());
        let newest = newest.map(|newest| newest.as_millis().to_le_bytes().to_vec());
        batch.mark(marks::WATERMARK, newest);
        for (key, bytes) in accounts {
            batch.mark(key, bytes);
        }
        self.to.append(&batch).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
