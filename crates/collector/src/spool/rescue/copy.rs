//! What is whole of a damaged spool, copied to a fresh one, a batch of frames in a transaction:
//! one that is a day old holds half a million frames, and a slow card takes them one by one
//! for hours.
//!
//! How far the copy has come stands beside the frames, in the same transaction. A start that
//! finds a copy that was stopped goes on with it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use fenghuo_log::{Batch, Log, LogError, Reader};
use fenghuo_model::{Catalog, CatalogId, Timestamp};
use fenghuo_uplink::frame::{Frame, FrameHead, GapReason};

use super::super::gaps::Gaps;
use super::super::marks;
use super::super::store::{FRAME, Span};
use super::Progress;

/// How far a copy has come. The mark goes when the copy is whole.
const COPIED: &str = "rescue";
/// Frames that are read at once.
const FRAMES_READ: usize = 16;
const BYTES_READ: usize = 8 << 20;
/// And most that are written at once.
const FRAMES_WRITTEN: usize = if cfg!(test) { 40 } else { 4_096 };
const BYTES_WRITTEN: usize = 4 << 20;
/// This share of the budget is left for the marks: without them no frame is of use.
const MARKS_SHARE: u64 = 16;
/// Longest jump over what cannot be read, and most jumps: a bound on the time of a start.
const JUMP_MAX: u64 = 64;
const JUMPS_MAX: u32 = 10_000;

/// Told after each transaction; an error ends the copying there.
pub type Told<'a> = &'a mut dyn FnMut(Progress) -> io::Result<()>;

/// A copy that is being made.
pub struct Copy {
    to: Log,
    budget_bytes: u64,
    own: Arc<Catalog>,
    /// Catalogs that frames named: whether they are there.
    catalogs: BTreeMap<CatalogId, bool>,
    done: Done,
    /// Whole, one number after the other, and not written yet.
    waiting: Vec<(FrameHead, Vec<u8>)>,
    waiting_bytes: usize,
}

/// What was copied so far.
#[derive(Clone, Debug, Default)]
struct Done {
    span: Option<Span>,
    /// Number and watermark of the last frame.
    last: Option<(u64, Timestamp)>,
    gaps: Gaps,
    kept: u64,
    lost: u64,
}

impl Copy {
    /// The copy that was stopped, if it can be gone on with.
    ///
    /// # Errors
    /// [`LogError`] when the disk cannot be used; a copy that is damaged is none.
    pub fn stopped(
        file: &Path,
        budget_bytes: u64,
        own: &Arc<Catalog>,
    ) -> Result<Option<Self>, LogError> {
        if !file.exists() {
            return Ok(None);
        }
        let found = Log::open(file, Some(for_frames(budget_bytes)))
            .and_then(|to| Done::load(&to).map(|done| done.map(|done| (to, done))));
        match found {
            Ok(found) => Ok(found.map(|(to, done)| Self::new(to, own, budget_bytes, done))),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One with nothing in it.
    ///
    /// # Errors
    /// [`LogError`] when the disk cannot be used.
    pub fn begin(
        file: &Path,
        budget_bytes: u64,
        own: &Arc<Catalog>,
        gaps: Gaps,
    ) -> Result<Self, LogError> {
        let done = Done {
            gaps,
            ..Done::default()
        };
        let to = Log::open(file, Some(for_frames(budget_bytes)))?;
        Ok(Self::new(to, own, budget_bytes, done))
    }

    fn new(to: Log, own: &Arc<Catalog>, budget_bytes: u64, done: Done) -> Self {
        Self {
            to,
            budget_bytes,
            own: own.clone(),
            catalogs: BTreeMap::new(),
            done,
            waiting: Vec::new(),
            waiting_bytes: 0,
        }
    }

    /// Frames taken over, and those that are missing between them.
    pub const fn counts(&self) -> (u64, u64) {
        (self.done.kept, self.done.lost)
    }

    /// Copies what is left, as far as there is room for it: what does not fit stays in the
    /// file that was set aside.
    ///
    /// # Errors
    /// [`LogError`] when the fresh file cannot be written, or whoever is told ends it.
    pub fn frames(&mut self, from: &Reader, told: Told<'_>) -> Result<(), LogError> {
        let first = from.first().ok().flatten().unwrap_or(1);
        let end = from.last().ok().flatten().unwrap_or(first).max(first) + 1;
        let mut at = self.done.last.map_or(first, |(last, _)| last + 1);
        let mut tell = |at: u64| {
            let (seen, of) = (at.clamp(first, end) - first, end - first);
            told(Progress { seen, of })
        };
        let (mut jump, mut jumps) = (1, 0);
        while jumps < JUMPS_MAX {
            let read = from.read(at, FRAMES_READ, BYTES_READ);
            let Ok(entries) = read.or_else(|_| from.read(at, 1, BYTES_READ)) else {
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
                match self.take(from, entry.position, entry.body) {
                    Err(error) if error.is_full() => return Ok(()),
                    taken => taken?,
                }
            }
            (at, jump) = (next, 1);
            let is_enough =
                self.waiting.len() >= FRAMES_WRITTEN || self.waiting_bytes >= BYTES_WRITTEN;
            if is_enough && !self.fits(&mut tell)? {
                return Ok(());
            }
        }
        self.fits(&mut tell).map(|_| ())
    }

    fn take(&mut self, from: &Reader, seq: u64, body: Vec<u8>) -> Result<(), LogError> {
        let Ok(frame) = Frame::decode(&body) else {
            return Ok(());
        };
        let head = frame.head;
        let last = self.waiting.last().map(|(head, _)| head.seq);
        let last = last.or(self.done.last.map(|(last, _)| last));
        // A number from a damaged page may be anything; a frame knows its own.
        let is_next = head.seq == seq && last.is_none_or(|last| last < seq);
        if is_next && self.has_catalog(from, head.catalog)? {
            self.waiting_bytes += body.len();
            self.waiting.push((head, body));
        }
        Ok(())
    }

    /// Writes what waits; whether there was room for all of it.
    fn fits(&mut self, tell: &mut dyn FnMut(u64) -> io::Result<()>) -> Result<bool, LogError> {
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        // A batch has one number after the other.
        for frames in waiting.chunk_by(|(one, _), (next, _)| one.seq + 1 == next.seq) {
            match self.write(frames) {
                Err(error) if error.is_full() => return Ok(false),
                done => done?,
            }
        }
        let Some((last, _)) = self.done.last else {
            return Ok(true);
        };
        tell(last + 1).map_err(|source| LogError::Io {
            path: self.to.path().to_owned(),
            source,
        })?;
        Ok(true)
    }

    /// In one transaction, or, where there is no room for that, as many as there is room for.
    fn write(&mut self, frames: &[(FrameHead, Vec<u8>)]) -> Result<(), LogError> {
        let Some((head, _)) = frames.first() else {
            return Ok(());
        };
        self.to.rise_above(head.seq - 1)?;
        let mut done = self.done.clone();
        let mut batch = Batch::default();
        for (head, body) in frames {
            done.enter(head, &mut batch);
            batch.push(FRAME, body.clone());
        }
        done.note(&mut batch);
        match self.to.append(&batch) {
            Ok(_) => {
                self.done = done;
                Ok(())
            }
            Err(error) if error.is_full() && frames.len() > 1 => {
                let (some, others) = frames.split_at(frames.len() / 2);
                self.write(some)?;
                self.write(others)
            }
            Err(error) => Err(error),
        }
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
    pub fn custody(&self, found: marks::Custody) -> marks::Custody {
        marks::Custody {
            done_below: found.done_below.min(self.to.next()),
            ..found
        }
    }

    /// The marks, and a gap for what was read last and is not there.
    ///
    /// # Errors
    /// [`LogError`] when they cannot be written.
    pub fn end(
        mut self,
        marks: Vec<(String, Option<Vec<u8>>)>,
        watermark: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), LogError> {
        let last = self.done.last.map(|(_, watermark)| watermark);
        // A mark is not guarded by a checksum: one from the future would hold the clock.
        let watermark = watermark.filter(|watermark| *watermark <= now);
        let newest = last.max(watermark);
        let from = last.or(watermark).unwrap_or(now);
        let gaps = &mut self.done.gaps;
        gaps.add(from, newest.unwrap_or(now), 0, GapReason::Corrupt);
        let mut batch = Batch::default();
        batch.mark(marks::GAPS, gaps.encode());
        let newest = newest.map(|newest| newest.as_millis().to_le_bytes().to_vec());
        batch.mark(marks::WATERMARK, newest);
        for (key, bytes) in marks {
            batch.mark(key, bytes);
        }
        batch.mark(COPIED, None);
        self.to.set_bytes_max(Some(self.budget_bytes))?;
        self.to.append(&batch).map(|_| ())
    }
}

const fn for_frames(budget_bytes: u64) -> u64 {
    budget_bytes - budget_bytes / MARKS_SHARE
}

impl Done {
    /// Of a copy that was stopped.
    fn load(log: &Log) -> Result<Option<Self>, LogError> {
        let Some(bytes) = log.mark(COPIED)? else {
            return Ok(None);
        };
        let (numbers, rest) = bytes.as_chunks::<8>();
        let ([last, watermark, kept, lost], []) = (numbers, rest) else {
            return Ok(None);
        };
        let spans = log.marks(marks::EPOCH)?;
        let span = spans
            .last()
            .and_then(|(key, it)| marks::decode_span(key, it));
        let gaps = log.mark(marks::GAPS)?;
        let gaps = gaps.and_then(|bytes| Gaps::decode(&bytes));
        let watermark = Timestamp::from_millis(i64::from_le_bytes(*watermark));
        Ok(Some(Self {
            span,
            last: Some((u64::from_le_bytes(*last), watermark)),
            gaps: gaps.unwrap_or_default(),
            kept: u64::from_le_bytes(*kept),
            lost: u64::from_le_bytes(*lost),
        }))
    }

    fn note(&self, batch: &mut Batch) {
        let Some((last, watermark)) = self.last else {
            return;
        };
        let (last, watermark) = (last.to_le_bytes(), watermark.as_millis().to_le_bytes());
        let (kept, lost) = (self.kept.to_le_bytes(), self.lost.to_le_bytes());
        batch.mark(COPIED, Some([last, watermark, kept, lost].concat()));
        batch.mark(marks::GAPS, self.gaps.encode());
    }

    /// The next frame, with what is missing before it.
    fn enter(&mut self, head: &FrameHead, batch: &mut Batch) {
        let seq = head.seq;
        let (epoch, catalog) = (head.epoch, head.catalog);
        if self
            .span
            .is_none_or(|span| (span.epoch, span.catalog) != (epoch, catalog))
        {
            let span = Span {
                epoch,
                first: seq,
                catalog,
            };
            let key = marks::numbered(marks::EPOCH, seq);
            batch.mark(key, Some(marks::encode_span(&span)));
            self.span = Some(span);
        }
        if let Some((last, watermark)) = self.last
            && seq > last + 1
        {
            let missing = seq - last - 1;
            self.lost += missing;
            let why = GapReason::Corrupt;
            self.gaps.add(watermark, head.watermark, missing, why);
        }
        self.last = Some((seq, head.watermark));
        self.kept += 1;
    }
}
