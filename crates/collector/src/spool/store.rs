//! The spool's content: frames in a log, marks beside them. Synchronous; one owner.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use fenghuo_log::{Batch, Log, LogError, Reader};
use fenghuo_model::{Catalog, Timestamp};
use fenghuo_uplink::frame::{Frame, GapReason};
use fenghuo_uplink::receipt::RefusalReason;

mod found;

pub use found::{Found, Span};

use super::gaps::Gaps;
use super::marks::{self, Custody};
use super::{Closed, DEAD_LETTERS_MAX, Event};

/// The kind of every entry.
pub(super) const FRAME: u8 = 1;
/// The oldest frames go when less than this share of the budget, or [`RESERVE_BYTES_MAX`],
/// is left.
const RESERVE_SHARE: u64 = 16;
const RESERVE_BYTES_MAX: u64 = 4 << 20;
/// At most this share of the frames goes at once.
const SLICE_SHARE: u64 = 32;
/// Dead letters hold at most this share of the budget.
const DEAD_SHARE: u64 = 8;
/// Refused numbers that are remembered; a frame beyond is offered and refused again.
const REFUSED_MAX: usize = 4_096;

/// A batch whose numbers are given and that is not on disk yet. It is written as it is, or
/// never.
#[derive(Debug)]
pub struct Sealed {
    batch: Batch,
    next: u64,
    events: Vec<Event>,
    /// How many samples each frame holds.
    pub samples: Vec<usize>,
    /// Reasons of the gap records in it.
    pub gaps: Vec<GapReason>,
}

/// The spool's content.
#[derive(Debug)]
pub struct Store {
    /// Before the log, so that the log is closed last and folds its journal into the file.
    reader: Reader,
    log: Log,
    budget_bytes: u64,
    destination: String,
    catalog: Arc<Catalog>,
    epoch: u64,
    spans: VecDeque<Span>,
    gaps: Gaps,
    refused: BTreeSet<u64>,
    /// (seq, bytes) of dead letters, oldest first.
    dead: VecDeque<(u64, usize)>,
}

impl Store {
    /// Opens or creates the spool in a folder. Frames written from here on name `catalog`
    /// and carry `epoch`.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be used.
    pub fn open(
        dir: &Path,
        budget_bytes: u64,
        destination: &str,
        catalog: Arc<Catalog>,
        epoch: u64,
    ) -> Result<(Self, Found), LogError> {
        std::fs::create_dir_all(dir).map_err(|source| LogError::Io {
            path: dir.to_owned(),
            source,
        })?;
        let log = Log::open(&dir.join(super::FILE), Some(budget_bytes))?;
        let mut store = Self {
            reader: log.reader()?,
            log,
            budget_bytes,
            destination: format!("{}{destination}", marks::DESTINATION),
            catalog,
            epoch,
            spans: VecDeque::new(),
            gaps: Gaps::default(),
            refused: BTreeSet::new(),
            dead: VecDeque::new(),
        };
        let found = store.find()?;
        Ok((store, found))
    }

    /// Watermark of a frame, if it is there and whole.
    fn watermark_of(&self, seq: u64) -> Result<Option<Timestamp>, LogError> {
        let entry = match self.reader.get(seq) {
            Ok(entry) => entry,
            // What is beside a damaged frame may be damaged too.
            Err(error) if error.is_damage() => None,
            Err(error) => return Err(error),
        };
        let frame = entry.and_then(|entry| Frame::decode(&entry.body).ok());
        Ok(frame.map(|frame| frame.head.watermark))
    }

    /// Another reader of the same file, for delivery.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be opened.
    pub fn reader(&self) -> Result<Reader, LogError> {
        self.log.reader()
    }

    /// Goes on under another epoch.
    pub const fn new_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Notes that something is missing; the next frame says so.
    pub fn gap(&mut self, from: Timestamp, until: Timestamp, count: u64, why: GapReason) {
        self.gaps.add(from, until, count, why);
    }

    /// Numbers and encodes some frames.
    pub fn seal(&mut self, frames: impl IntoIterator<Item = Closed>) -> Sealed {
        let mut sealed = Sealed {
            batch: Batch::default(),
            next: self.log.next(),
            events: Vec::new(),
            samples: Vec::new(),
            gaps: Vec::new(),
        };
        let is_begun = self.spans.back().is_some_and(|span| {
            span.epoch == self.epoch
                && span.catalog == self.catalog.id()
                && span.first < sealed.next
        });
        if !is_begun {
            self.begin_span(&mut sealed);
        }
        let epoch_first = self.spans.back().map_or(sealed.next, |span| span.first);
        for mut frame in frames {
            let had_gaps = !self.gaps.is_empty();
            sealed.gaps.extend(self.gaps.take_into(&mut frame.builder));
            if had_gaps {
                sealed.batch.mark(marks::GAPS, None);
            }
            let (seq, watermark) = (sealed.next, frame.watermark);
            let builder = &mut frame.builder;
            sealed.samples.push(builder.len());
            let bytes = builder.finish(self.epoch, seq, epoch_first, watermark.as_millis());
            sealed.batch.push(FRAME, bytes);
            let stored = watermark.as_millis().to_le_bytes().to_vec();
            sealed.batch.mark(marks::WATERMARK, Some(stored));
            sealed.events.push(Event::Spooled {
                seq,
                epoch: self.epoch,
                steady: frame.steady,
                catalog: self.catalog.id(),
            });
            sealed.next += 1;
        }
        sealed
    }

    /// The first frames of an epoch bring its span, its catalog, and the end of the clean
    /// mark.
    fn begin_span(&mut self, sealed: &mut Sealed) {
        let span = Span {
            epoch: self.epoch,
            first: sealed.next,
            catalog: self.catalog.id(),
        };
        let key = marks::numbered(marks::EPOCH, span.first);
        sealed.batch.mark(key, Some(marks::encode_span(&span)));
        let catalog = fenghuo_uplink::catalog::to_bytes(&self.catalog);
        sealed
            .batch
            .mark(marks::catalog(span.catalog), Some(catalog));
        sealed.batch.mark(marks::CLEAN, None);
        // A span that never got a frame is replaced.
        self.spans.retain(|known| known.first < span.first);
        self.spans.push_back(span);
    }

    /// Writes sealed frames; they are durable when this returns.
    ///
    /// # Errors
    /// [`LogError`]: nothing was written, and the same may be tried again.
    pub fn write(&mut self, sealed: &Sealed) -> Result<Vec<Event>, LogError> {
        // A retry of a batch that is in the log already must not put it there again: its
        // frames would stand under numbers that are not theirs.
        if self.log.next() != sealed.next {
            match self.log.append(&sealed.batch) {
                Ok(_) => {}
                // A commit that failed late may have reached the disk all the same.
                Err(_) if self.log.next() == sealed.next => {}
                Err(error) => return Err(error),
            }
        }
        if !self.gaps.is_empty()
            // What was dropped since the frames were sealed is for the next frame to say.
            && let Err(error) = self.note_gaps()
        {
            tracing::warn!(%error, "gaps stay in memory until there is room to note them");
        }
        Ok(sealed.events.clone())
    }

    /// Drops the oldest frames while there is less room than the reserve. Returns how many
    /// went, and the oldest that is left.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn make_room(&mut self) -> Result<Option<(u64, u64)>, LogError> {
        let reserve = (self.budget_bytes / RESERVE_SHARE).min(RESERVE_BYTES_MAX);
        let mut dropped = None;
        loop {
            let space = self.log.space()?;
            // With next to nothing in the spool, the room is taken by others.
            let held = space.file_bytes - space.free_page_bytes.min(space.file_bytes);
            if space.appendable_bytes() >= reserve || held <= reserve {
                break;
            }
            let Some((count, oldest)) = self.drop_slice()? else {
                break;
            };
            let before = dropped.map_or(0, |(count, _)| count);
            dropped = Some((before + count, oldest));
        }
        Ok(dropped)
    }

    /// Whether it is the budget, and not the file system, that has no room.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be asked.
    pub fn is_over_budget(&self) -> Result<bool, LogError> {
        let space = self.log.space()?;
        Ok(space.disk_free_bytes > space.budget_left_bytes)
    }

    /// Drops one slice of the oldest frames, but never the newest frame.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn drop_slice(&mut self) -> Result<Option<(u64, u64)>, LogError> {
        let Some(first) = self.log.first()? else {
            return Ok(None);
        };
        let held = self.log.next() - first;
        let count = (held / SLICE_SHARE).max(1);
        if held <= 1 {
            return Ok(None);
        }
        let from = self.watermark_of(first)?.unwrap_or_default();
        let until = self.watermark_of(first + count - 1)?.unwrap_or(from);
        self.gap(from, until, count, GapReason::Budget);
        // The note is written first, so that a kill in between cannot lose it; on a full
        // disk there may be no room for it before something went.
        let noted = self.note_gaps();
        self.log.trim(first + count)?;
        if noted.is_err() {
            self.note_gaps()?;
        }
        self.forget_below(first + count)?;
        Ok(Some((count, first + count)))
    }

    fn note_gaps(&mut self) -> Result<(), LogError> {
        let mut batch = Batch::default();
        batch.mark(marks::GAPS, self.gaps.encode());
        self.log.append(&batch).map(|_| ())
    }

    /// Frees what the server has.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed; what was not freed is freed later.
    pub fn trim(&mut self, below: u64, custody: &Custody) -> Result<(), LogError> {
        let mut batch = Batch::default();
        batch.mark(self.destination.clone(), Some(custody.encode()));
        self.log.append(&batch)?;
        self.log.trim(below)?;
        self.forget_below(below)
    }

    /// Removes the marks that no frame needs any more.
    fn forget_below(&mut self, below: u64) -> Result<(), LogError> {
        let mut batch = Batch::default();
        let mut gone = Vec::new();
        while self
            .spans
            .get(1)
            .is_some_and(|second| second.first <= below)
        {
            let Some(span) = self.spans.pop_front() else {
                break;
            };
            batch.mark(marks::numbered(marks::EPOCH, span.first), None);
            gone.push(span.catalog);
        }
        gone.retain(|id| {
            let is_named = self.spans.iter().any(|span| span.catalog == *id);
            !is_named && *id != self.catalog.id()
        });
        for id in gone {
            batch.mark(marks::catalog(id), None);
        }
        let kept = self.refused.split_off(&below);
        for seq in std::mem::replace(&mut self.refused, kept) {
            batch.mark(marks::numbered(marks::REFUSED, seq), None);
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.log.append(&batch).map(|_| ())
    }

    /// Keeps a refused frame as a dead letter and notes the gap.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn refuse(&mut self, seq: u64, why: RefusalReason) -> Result<(), LogError> {
        let mut batch = Batch::default();
        if let Some(entry) = self.reader.get(seq)? {
            let head = Frame::decode(&entry.body).map(|frame| frame.head);
            let at = head.map_or(Timestamp::MIN, |head| head.watermark);
            self.gap(at, at, 1, GapReason::Refused);
            batch.mark(marks::GAPS, self.gaps.encode());
            let mut letter = vec![why as u8];
            letter.extend_from_slice(&entry.body);
            self.dead.push_back((seq, letter.len()));
            batch.mark(marks::numbered(marks::DEAD, seq), Some(letter));
        }
        while self.dead.len() > DEAD_LETTERS_MAX
            || self.dead_bytes() > self.budget_bytes / DEAD_SHARE
        {
            let Some((seq, _)) = self.dead.pop_front() else {
                break;
            };
            batch.mark(marks::numbered(marks::DEAD, seq), None);
        }
        if self.refused.len() < REFUSED_MAX && self.refused.insert(seq) {
            let key = marks::numbered(marks::REFUSED, seq);
            batch.mark(key, Some(vec![why as u8]));
        }
        self.log.append(&batch).map(|_| ())
    }

    fn dead_bytes(&self) -> u64 {
        self.dead.iter().map(|(_, bytes)| *bytes as u64).sum()
    }

    /// Notes the gap that a damaged frame leaves: between its neighbours' watermarks.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn damaged(&mut self, seq: u64, now: Timestamp) -> Result<(), LogError> {
        let before = self.watermark_of(seq.saturating_sub(1))?;
        let after = self.watermark_of(seq + 1)?;
        let until = after.unwrap_or(now);
        self.gap(before.unwrap_or(until), until, 1, GapReason::Corrupt);
        self.note_gaps()
    }

    /// Marks the end of a run in order.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be written.
    pub fn end(&mut self) -> Result<(), LogError> {
        let mut batch = Batch::default();
        batch.mark(marks::CLEAN, Some(Vec::new()));
        self.log.append(&batch).map(|_| ())
    }

    /// Notes beside the file that it is damaged, for the next start.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn suspect(&self) -> std::io::Result<()> {
        let note = self.log.path().with_file_name(super::SUSPECT);
        std::fs::File::create(note)?.sync_all()
    }

    /// Bytes of the file.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be asked.
    pub fn bytes(&self) -> Result<u64, LogError> {
        self.log.space().map(|space| space.file_bytes)
    }
}

#[cfg(test)]
mod tests;
