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

use fenghuo_log::{Batch, Entry, Log, LogError, Reader};
use fenghuo_model::{Catalog, CatalogId, Timestamp};
use fenghuo_uplink::frame::{Frame, FrameHead, GapReason};

use super::super::gaps::Gaps;
use super::super::marks;
use super::super::store::{FRAME, Span};
use super::Progress;
use super::walk::{BYTES_READ, Walk};

/// How far a copy has come. It stays in the spool, where nothing looks for it: a copy that
/// could not be closed is gone on with.
const COPIED: &str = "rescue";
/// Most frames that are written at once.
const FRAMES_WRITTEN: usize = if cfg!(test) { 40 } else { 4_096 };
const BYTES_WRITTEN: usize = 1 << 20;
/// This share of the budget is left for the marks: without them no frame is of use.
const MARKS_SHARE: u64 = 16;
/// So much of the disk is left: for the journal of a batch, the marks, and the closing.
pub const DISK_LEFT: u64 = 8 << 20;
/// Where there is no more room, this share of it is made by dropping the oldest frames.
const DROP_SHARE: u64 = 8;
/// No log is smaller.
const ROOM_MIN: u64 = 128 << 10;

/// Told after each transaction; an error ends the copying there.
pub type Told<'a> = &'a mut dyn FnMut(Progress) -> io::Result<()>;

/// What became of the frames of a damaged spool.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    /// Taken over.
    pub kept: u64,
    /// Known to be missing, before the last that is whole.
    pub lost: u64,
    /// Whole and owed, but there was no room for them.
    pub left: u64,
}

/// A copy that is being made.
pub struct Copy {
    to: Log,
    budget_bytes: u64,
    /// What the frames may take, of the budget and of the disk.
    room: u64,
    /// Frames below are owed to nobody.
    owed_from: u64,
    own: Arc<Catalog>,
    /// Catalogs that frames named: whether they are there.
    catalogs: BTreeMap<CatalogId, bool>,
    done: Done,
    /// Whole, one number after the other, and not written yet.
    waiting: Vec<(FrameHead, Vec<u8>)>,
    waiting_bytes: usize,
    /// Nothing can be written any more.
    is_full: bool,
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
    /// Whole and owed, but there was no room for them.
    left: u64,
    /// The file's oldest number, which may be damaged, and the oldest that is owed.
    oldest: u64,
    owed_from: u64,
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
        let room = for_frames(file, budget_bytes)?;
        let found = Log::open(file, Some(room))
            .and_then(|to| Done::load(&to).map(|done| done.map(|done| (to, done))));
        match found {
            Ok(found) => Ok(found.map(|(to, done)| Self::new(to, own, (budget_bytes, room), done))),
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
        let room = for_frames(file, budget_bytes)?;
        let to = Log::open(file, Some(room))?;
        Ok(Self::new(to, own, (budget_bytes, room), done))
    }

    fn new(to: Log, own: &Arc<Catalog>, (budget_bytes, room): (u64, u64), done: Done) -> Self {
        Self {
            to,
            budget_bytes,
            room,
            owed_from: 0,
            own: own.clone(),
            catalogs: BTreeMap::new(),
            done,
            waiting: Vec::new(),
            waiting_bytes: 0,
            is_full: false,
        }
    }

    /// What became of the frames.
    pub const fn counts(&self) -> Counts {
        Counts {
            kept: self.done.kept,
            lost: self.done.lost,
            left: self.done.left,
        }
    }

    /// Copies what is left. Where there is not room for all of it the oldest frames stay in the
    /// file that was set aside, first those below `owed_from`, which are owed to nobody.
    ///
    /// # Errors
    /// [`LogError`] when the fresh file cannot be written, or whoever is told ends it.
    pub fn frames(
        &mut self,
        from: &Reader,
        (owed_from, bytes): (u64, u64),
        told: Told<'_>,
    ) -> Result<(), LogError> {
        self.owed_from = owed_from;
        let last = from.last().ok().flatten().unwrap_or(1);
        let oldest = from.first().ok().flatten().unwrap_or(1);
        (self.done.oldest, self.done.owed_from) = (oldest, owed_from.min(last));
        // The number of the oldest one may be damaged: the walk shows which it is.
        let first = if bytes > self.room {
            owed_from.min(last)
        } else {
            1
        };
        let (begin, end) = (oldest.min(last).max(first), last.max(first) + 1);
        let at = self.done.last.map_or(first, |(last, _)| last + 1);
        let mut tell = |at: u64| {
            let (seen, of) = (at.clamp(begin, end) - begin, end - begin);
            told(Progress { seen, of })
        };
        let mut walk = Walk::at(at);
        while let Some(entries) = walk.next(from) {
            for entry in entries {
                let head = match self.whole(from, &entry) {
                    Err(error) if error.is_full() => return self.leave(from, first, &mut tell),
                    head => head?,
                };
                if let Some(head) = head {
                    self.waiting_bytes += entry.body.len();
                    self.waiting.push((head, entry.body));
                }
            }
            let is_enough =
                self.waiting.len() >= FRAMES_WRITTEN || self.waiting_bytes >= BYTES_WRITTEN;
            if is_enough && !self.fits(&mut tell)? {
                return self.leave(from, first, &mut tell);
            }
        }
        if self.fits(&mut tell)? {
            return Ok(());
        }
        self.leave(from, first, &mut tell)
    }

    /// The disk takes nothing any more, whatever is dropped: what is not copied is left, and
    /// looked at for what it is. Most of the numbers may never have been there.
    fn leave(
        &mut self,
        from: &Reader,
        first: u64,
        tell: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> Result<(), LogError> {
        self.waiting.clear();
        self.is_full = true;
        let mut walk = Walk::at(self.done.last.map_or(first, |(last, _)| last + 1));
        while let Some(entries) = walk.next(from) {
            for entry in entries {
                if let Some(head) = self.whole(from, &entry)? {
                    self.done.pass(&head, self.owed_from);
                }
            }
            self.tell(walk.at, tell)?;
        }
        Ok(())
    }

    /// There is no room for the end of it: what was copied is left, too. Returns what became of
    /// all frames, and what is to be told of it.
    ///
    /// # Errors
    /// [`LogError`] when the copy cannot be read.
    pub fn leave_all(mut self) -> Result<(Counts, Gaps), LogError> {
        let reader = self.to.reader()?;
        let mut walk = Walk::at(self.owed_from);
        while let Some(entries) = walk.next(&reader) {
            for head in entries
                .iter()
                .filter_map(|entry| Frame::decode(&entry.body).ok())
            {
                self.done.leave(head.head.watermark);
            }
        }
        self.done.kept = 0;
        Ok((self.counts(), self.done.gaps))
    }

    /// Makes room by dropping the oldest frames of the copy; whether there were any.
    fn drop_oldest(&mut self) -> Result<bool, LogError> {
        let reader = self.to.reader()?;
        let Some(mut below) = reader.first()? else {
            return Ok(false);
        };
        let (mut freed, mut done) = (0, self.done.clone());
        while freed <= self.room / DROP_SHARE {
            let Some(entry) = reader.read(below, 1, BYTES_READ)?.pop() else {
                break;
            };
            below = entry.position + 1;
            freed += entry.body.len() as u64;
            done.kept = done.kept.saturating_sub(1);
            if entry.position >= self.owed_from {
                // Only whole frames were copied.
                if let Ok(frame) = Frame::decode(&entry.body) {
                    done.leave(frame.head.watermark);
                }
            }
        }
        drop(reader);
        let mut batch = Batch::default();
        done.note(&mut batch);
        self.to.trim_with(below, &batch)?;
        self.done = done;
        Ok(true)
    }

    /// The frame that comes next, if it is one and can be delivered.
    fn whole(&mut self, from: &Reader, entry: &Entry) -> Result<Option<FrameHead>, LogError> {
        let Ok(frame) = Frame::decode(&entry.body) else {
            return Ok(None);
        };
        let head = frame.head;
        let last = self.waiting.last().map(|(head, _)| head.seq);
        let last = last.or(self.done.last.map(|(last, _)| last));
        // A number from a damaged page may be anything; a frame knows its own.
        let is_next = head.seq == entry.position && last.is_none_or(|last| last < head.seq);
        let is_whole = is_next && self.has_catalog(from, head.catalog)?;
        Ok(is_whole.then_some(head))
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
        // Else the journal takes the room that the frames need.
        match self.to.checkpoint() {
            Err(error) if error.is_full() => return Ok(false),
            done => done?,
        }
        let Some((last, _)) = self.done.last else {
            return Ok(true);
        };
        self.tell(last + 1, tell)?;
        Ok(true)
    }

    fn tell(&self, at: u64, tell: &mut dyn FnMut(u64) -> io::Result<()>) -> Result<(), LogError> {
        tell(at).map_err(|source| LogError::Io {
            path: self.to.path().to_owned(),
            source,
        })
    }

    /// In one transaction, or, where there is no room for that, the newest of them.
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
            Err(error) if error.is_full() && self.drop_oldest()? => self.write(frames),
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
        if is_there && !self.is_full {
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
        &mut self,
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
        self.to.set_bytes_max(Some(self.budget_bytes))?;
        self.to.append(&batch)?;
        // The closing would say nothing of it.
        self.to.checkpoint()
    }
}

/// What frames may take in a file that may be there.
fn for_frames(file: &Path, budget_bytes: u64) -> Result<u64, LogError> {
    let dir = file.parent().unwrap_or(Path::new("."));
    let taken = std::fs::metadata(file).map_or(0, |file| file.len());
    let on_disk = taken + free_bytes(dir)?.saturating_sub(DISK_LEFT);
    let in_budget = budget_bytes - budget_bytes / MARKS_SHARE;
    Ok(on_disk.min(in_budget).max(ROOM_MIN))
}

#[cfg(not(test))]
use fenghuo_log::free_bytes;

#[cfg(test)]
thread_local! {
    /// What a test says is free.
    pub static FREE: std::cell::Cell<u64> = const { std::cell::Cell::new(u64::MAX / 2) };
}

#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "it stands for one that can fail")]
fn free_bytes(_: &Path) -> Result<u64, LogError> {
    Ok(FREE.get())
}

impl Done {
    /// Of a copy that was stopped.
    fn load(log: &Log) -> Result<Option<Self>, LogError> {
        let Some(bytes) = log.mark(COPIED)? else {
            return Ok(None);
        };
        let (numbers, rest) = bytes.as_chunks::<8>();
        let ([last, watermark, kept, lost, left], []) = (numbers, rest) else {
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
            left: u64::from_le_bytes(*left),
            oldest: 0,
            owed_from: 0,
        }))
    }

    fn note(&self, batch: &mut Batch) {
        let Some((last, watermark)) = self.last else {
            return;
        };
        let (last, watermark) = (last.to_le_bytes(), watermark.as_millis().to_le_bytes());
        let [kept, lost, left] = [self.kept, self.lost, self.left].map(u64::to_le_bytes);
        batch.mark(COPIED, Some([last, watermark, kept, lost, left].concat()));
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
        self.miss_before(head);
        self.kept += 1;
    }

    /// How many owed frames are missing before the first whole one, as far as that can be told.
    fn missing_at_first(&self, seq: u64) -> u64 {
        if self.oldest > seq {
            // It stands before this one, under a number that is not its own.
            return u64::from(seq > self.owed_from);
        }
        seq.saturating_sub(self.oldest.max(self.owed_from))
    }

    /// A frame is the last that was seen; what is missing before it is lost.
    fn miss_before(&mut self, head: &FrameHead) {
        let (seq, watermark) = (head.seq, head.watermark);
        let (missing, since) = match self.last {
            Some((last, since)) => (seq.saturating_sub(last + 1), since),
            None => (self.missing_at_first(seq), watermark),
        };
        if missing > 0 {
            self.lost += missing;
            self.gaps.add(since, watermark, missing, GapReason::Corrupt);
        }
        self.last = Some((seq, watermark));
    }

    /// The next frame is not copied. Nobody misses one that is not owed.
    fn pass(&mut self, head: &FrameHead, owed_from: u64) {
        self.miss_before(head);
        if head.seq >= owed_from {
            self.leave(head.watermark);
        }
    }

    /// There is no room for a frame that is owed.
    fn leave(&mut self, watermark: Timestamp) {
        self.left += 1;
        self.gaps.add(watermark, watermark, 1, GapReason::Budget);
    }
}
