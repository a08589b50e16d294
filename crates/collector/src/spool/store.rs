//! The spool's content: frames in a log, marks beside them. Synchronous; one owner.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use fenghuo_log::{Batch, Log, LogError, Reader};
use fenghuo_model::{Catalog, CatalogId, GatewayKey, Timestamp};
use fenghuo_uplink::frame::{Frame, GapReason, Head, Packer};
use fenghuo_uplink::receipt::RefusalReason;

mod found;
mod room;

pub use found::{Due, Found, Span};
pub use room::Gone;

use super::account::{self, Account, Note};
use super::gaps::Gaps;
use super::marks::{self, Custody};
use super::{Closed, DEAD_LETTERS_MAX, Event, Terms};

/// The kind of every entry.
pub(super) const FRAME: u8 = 1;
/// Dead letters hold at most this share of the budget.
const DEAD_SHARE: u64 = 8;
/// Stands for a reason of the server where the frame itself is damaged.
const DAMAGED: u8 = u8::MAX;

/// A batch whose numbers are given and that is not on disk yet. It is written as it is, or
/// never.
#[derive(Debug)]
pub struct Sealed {
    batch: Batch,
    next: u64,
    events: Vec<Event>,
    /// Gap records that go with its frames, by destination.
    pub notes: Vec<(usize, Note)>,
    /// How many samples each frame holds.
    pub samples: Vec<usize>,
    /// Reasons of the gap records in it.
    pub gaps: Vec<GapReason>,
}

/// The spool's content.
#[derive(Debug)]
pub struct Store {
    packer: Packer,
    /// Before the log, so that the log is closed last and folds its journal into the file.
    reader: Reader,
    log: Log,
    terms: Terms,
    epoch: u64,
    /// The first frame of this epoch, once there is one.
    epoch_first: Option<u64>,
    spans: VecDeque<Span>,
    /// What no destination will get.
    gaps: Gaps,
    /// The same, taken by frames that are not written yet: for the disk it still waits.
    taken: Gaps,
    /// In the order of the configuration.
    accounts: Vec<Account>,
    /// Watermark of the newest frame.
    newest: Option<Timestamp>,
    /// Watermark of the newest frame when frames were last freed.
    freed: Option<Timestamp>,
    /// (seq, bytes) of dead letters, oldest first.
    dead: VecDeque<(u64, usize)>,
}

impl Store {
    /// Opens or creates the spool in a folder. Frames written from here on carry `epoch`.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be used.
    pub fn open(dir: &Path, terms: Terms, epoch: u64) -> Result<(Self, Found), LogError> {
        let io = |source| LogError::Io {
            path: dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(io)?;
        let mut log = Log::open(&dir.join(super::FILE), Some(terms.budget_bytes))?;
        own(&mut log, &terms.gateway)?;
        for name in account::forget_others(&mut log, &terms.destinations)? {
            tracing::warn!(%name, "the spool forgets a destination that is not configured any more");
        }
        let accounts = terms.destinations.iter();
        let mut store = Self {
            reader: log.reader()?,
            accounts: accounts
                .map(|name| Account::load(&log, name))
                .collect::<Result<_, _>>()?,
            log,
            packer: Packer::new().map_err(io)?,
            terms,
            epoch,
            epoch_first: None,
            spans: VecDeque::new(),
            gaps: Gaps::default(),
            taken: Gaps::default(),
            newest: None,
            freed: None,
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

    /// How many destinations there are.
    #[must_use]
    pub const fn destinations(&self) -> usize {
        self.accounts.len()
    }

    /// A destination's name.
    #[must_use]
    pub fn destination(&self, number: usize) -> &str {
        &self.terms.destinations[number]
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
        self.epoch_first = None;
    }

    /// Keeps so much, and so long, from now on. A file that is larger already does not shrink;
    /// it grows no more.
    ///
    /// # Errors
    /// [`LogError`] when the file takes no other bound: it keeps the one that it has.
    pub fn keep(&mut self, budget_bytes: u64, keep: Duration) -> Result<(), LogError> {
        self.terms.keep = keep;
        // What is freed next is judged by this.
        self.freed = None;
        self.log.set_bytes_max(Some(budget_bytes))?;
        self.terms.budget_bytes = budget_bytes;
        Ok(())
    }

    /// Notes that something is missing everywhere; the next frame says so.
    pub fn gap(&mut self, from: Timestamp, until: Timestamp, count: u64, why: GapReason) {
        self.gaps.add(from, until, count, why);
    }

    /// Numbers and encodes some frames.
    pub fn seal(&mut self, frames: impl IntoIterator<Item = Closed>) -> Sealed {
        let mut sealed = Sealed {
            batch: Batch::default(),
            next: self.log.next(),
            events: Vec::new(),
            notes: Vec::new(),
            samples: Vec::new(),
            gaps: Vec::new(),
        };
        for mut frame in frames {
            let had_gaps = !self.gaps.is_empty();
            self.taken.merge(&self.gaps);
            sealed.gaps.extend(self.gaps.take_into(&mut frame.builder));
            if had_gaps {
                sealed.batch.replace_mark(marks::GAPS, None);
            }
            let (seq, watermark) = (sealed.next, frame.watermark);
            let catalog = self.enter_span(&mut sealed, frame.builder.catalog());
            let epoch_first = *self.epoch_first.get_or_insert(seq);
            for (destination, account) in self.accounts.iter_mut().enumerate() {
                let notes = account.seal(seq, &mut sealed.batch).into_iter();
                sealed.notes.extend(notes.map(|note| (destination, note)));
            }
            self.newest = Some(watermark);
            let builder = &mut frame.builder;
            sealed.samples.push(builder.len());
            let head = Head {
                epoch: self.epoch,
                seq,
                epoch_first,
                watermark: watermark.as_millis(),
            };
            let bytes = builder.finish_packed(&mut self.packer, &head);
            sealed.batch.push(FRAME, bytes);
            let stored = watermark.as_millis().to_le_bytes().to_vec();
            sealed.batch.mark(marks::WATERMARK, Some(stored));
            sealed.events.push(Event::Spooled {
                seq,
                epoch: self.epoch,
                steady: frame.steady,
                catalog,
            });
            sealed.next += 1;
        }
        sealed
    }

    /// The first frame of an epoch, and the first that names another catalog, begins a span and
    /// brings it, its catalog, and the end of the clean mark.
    fn enter_span(&mut self, sealed: &mut Sealed, catalog: &Catalog) -> CatalogId {
        let is_begun = self.spans.back().is_some_and(|span| {
            span.epoch == self.epoch && span.catalog == catalog.id() && span.first < sealed.next
        });
        if is_begun {
            return catalog.id();
        }
        let span = Span {
            epoch: self.epoch,
            first: sealed.next,
            catalog: catalog.id(),
        };
        let key = marks::numbered(marks::EPOCH, span.first);
        sealed.batch.mark(key, Some(marks::encode_span(&span)));
        let bytes = fenghuo_uplink::catalog::to_bytes(catalog);
        sealed.batch.mark(marks::catalog(span.catalog), Some(bytes));
        sealed.batch.mark(marks::CLEAN, None);
        // A span that never got a frame is replaced.
        self.spans.retain(|known| known.first < span.first);
        self.spans.push_back(span);
        span.catalog
    }

    /// Writes sealed frames; they are durable when this returns.
    ///
    /// # Errors
    /// [`LogError`]: nothing was written, and the same may be tried again.
    pub fn write(&mut self, sealed: &mut Sealed) -> Result<Vec<Event>, LogError> {
        // A retry of a batch that is in the log already must not put it there again: its
        // frames would stand under numbers that are not theirs.
        if self.log.next() != sealed.next {
            // What went since the frames were sealed is for the next frame to say.
            sealed.batch.replace_mark(marks::GAPS, self.gaps.encode());
            for account in &self.accounts {
                account.mark_owed(sealed.next, &mut sealed.batch);
            }
            match self.log.append(&sealed.batch) {
                Ok(_) => {}
                // A commit that failed late may have reached the disk all the same.
                Err(_) if self.log.next() == sealed.next => {}
                Err(error) => return Err(error),
            }
        }
        self.taken = Gaps::default();
        Ok(sealed.events.clone())
    }

    /// For a batch that is written before the frames that were sealed.
    fn mark_gaps(&self, batch: &mut Batch) {
        let mut gaps = self.gaps.clone();
        gaps.merge(&self.taken);
        batch.replace_mark(marks::GAPS, gaps.encode());
        for account in &self.accounts {
            account.mark_owed(self.log.next(), batch);
        }
    }

    /// Notes what a destination has.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn done(&mut self, destination: usize, custody: Custody) -> Result<(), LogError> {
        let mut batch = Batch::default();
        self.accounts[destination].done(custody, &mut batch);
        self.log.append(&batch).map(|_| ())
    }

    /// Offers again to a destination what it refused of `from..=to`.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn offer_again(&mut self, destination: usize, from: u64, to: u64) -> Result<(), LogError> {
        let mut batch = Batch::default();
        self.accounts[destination].offer_again(from, to, &mut batch);
        self.log.append(&batch).map(|_| ())
    }

    /// Removes the marks that no frame needs any more.
    fn forget_below(&mut self, below: u64, batch: &mut Batch) {
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
            // The newest span stays, and its catalog with it.
            !self.spans.iter().any(|span| span.catalog == *id)
        });
        for id in gone {
            batch.mark(marks::catalog(id), None);
        }
        for account in &mut self.accounts {
            account.gone_below(below, self.log.next(), batch);
        }
    }

    /// A destination refused a frame: it is kept as a dead letter, and its gap noted.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn refuse(
        &mut self,
        destination: usize,
        seq: u64,
        why: RefusalReason,
    ) -> Result<(), LogError> {
        let mut batch = Batch::default();
        let account = &mut self.accounts[destination];
        if let Some(entry) = self.reader.get(seq)? {
            let head = Frame::decode(&entry.body).map(|frame| frame.head);
            let at = head.map_or(self.newest.unwrap_or_default(), |head| head.watermark);
            account.owe((at, at), 1, GapReason::Refused);
            if self.dead.iter().all(|(known, _)| *known != seq) {
                let mut letter = vec![why as u8];
                letter.extend_from_slice(&entry.body);
                self.dead.push_back((seq, letter.len()));
                batch.mark(marks::numbered(marks::DEAD, seq), Some(letter));
            }
        }
        account.give_up(seq, why as u8, &mut batch);
        self.mark_gaps(&mut batch);
        while self.dead.len() > DEAD_LETTERS_MAX
            || self.dead_bytes() > self.terms.budget_bytes / DEAD_SHARE
        {
            let Some((seq, _)) = self.dead.pop_front() else {
                break;
            };
            batch.mark(marks::numbered(marks::DEAD, seq), None);
        }
        self.log.append(&batch).map(|_| ())
    }

    fn dead_bytes(&self) -> u64 {
        self.dead.iter().map(|(_, bytes)| *bytes as u64).sum()
    }

    /// Notes the gap that a damaged frame leaves for a destination: between its neighbours'
    /// watermarks.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn damaged(
        &mut self,
        destination: usize,
        seq: u64,
        now: Timestamp,
    ) -> Result<(), LogError> {
        let before = self.watermark_of(seq.saturating_sub(1))?;
        let after = self.watermark_of(seq + 1)?;
        let until = after.unwrap_or(now);
        let account = &mut self.accounts[destination];
        account.owe((before.unwrap_or(until), until), 1, GapReason::Corrupt);
        let mut batch = Batch::default();
        account.give_up(seq, DAMAGED, &mut batch);
        self.mark_gaps(&mut batch);
        self.log.append(&batch).map(|_| ())
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

    /// Makes room in the journal, which grows beside the file: without any left not even what
    /// frees room can be written.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be changed.
    pub fn fold(&self) -> Result<(), LogError> {
        self.log.checkpoint()
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

/// The spool is this gateway's, from its first frame on. One from before this was noted becomes
/// so.
fn own(log: &mut Log, gateway: &GatewayKey) -> Result<(), LogError> {
    let name = gateway.to_string();
    let Some(whose) = log.mark(marks::GATEWAY)? else {
        let mut batch = Batch::default();
        batch.mark(marks::GATEWAY, Some(name.into_bytes()));
        return match log.append(&batch) {
            // The next start notes it.
            Err(error) if error.is_full() => Ok(()),
            done => done.map(|_| ()),
        };
    };
    if whose == name.as_bytes() {
        return Ok(());
    }
    let whose = String::from_utf8(whose).map_err(|_| marks::damaged(log.path(), marks::GATEWAY))?;
    Err(LogError::Refused {
        path: log.path().to_owned(),
        what: format!(
            "缓存里是网关 {whose} 的数据，而配置写的是 {name}；以另一个名字上传就成了别处的数据。\
             若名字写错了，请改回 enterprise 与 gateway；若这台网关改了用途，请先用旧名字传完，\
             再把 spool.dir 换成新的文件夹（旧数据原样保留） / \
             it holds the data of gateway {whose}, and the configuration says {name}: under \
             another name it would be another plant's. Write enterprise and gateway as they were; \
             or, when this gateway is to be another one, deliver what is here under the old name \
             first and give spool.dir another folder then (nothing of the old one is touched)"
        ),
    })
}

#[cfg(test)]
mod tests;
