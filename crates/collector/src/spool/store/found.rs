//! What a spool holds when it is opened: read from its marks, without reading its frames.

use fenghuo_log::{Batch, LogError};
use fenghuo_model::{CatalogId, Timestamp};
use fenghuo_uplink::hello::EpochSpan;

use super::super::account::Note;
use super::super::gaps::Gaps;
use super::super::marks::{self, Custody};
use super::Store;

/// Frames of one run that name one catalog: from `first` up to the next span. A run whose
/// configuration was loaded again has more than one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The run.
    pub epoch: u64,
    /// The first of them.
    pub first: u64,
    /// The catalog that its frames name.
    pub catalog: CatalogId,
}

/// What a spool held when it was opened.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// Whether the last run ended in order; a new spool did.
    pub clean: bool,
    /// Read clock of the last frame.
    pub watermark: Option<Timestamp>,
    /// Oldest frame in the spool, or `next`.
    pub first: u64,
    /// The number that the next frame gets.
    pub next: u64,
    /// Oldest first.
    pub spans: Vec<Span>,
    /// What each destination is to get, in the order of the configuration.
    pub destinations: Vec<Due>,
}

/// What one destination is to get.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Due {
    /// What it has.
    pub custody: Custody,
    /// Oldest frame that it has not, or [`Found::next`].
    pub oldest: u64,
    /// Watermark of that frame.
    pub oldest_watermark: Option<Timestamp>,
    /// Frames in the spool that it refused, or that are damaged.
    pub given_up: Vec<u64>,
    /// Gap records that go with frames.
    pub notes: Vec<Note>,
}

impl Found {
    /// The runs in the spool, as a hello names them.
    #[must_use]
    pub fn epochs(&self) -> Vec<EpochSpan> {
        let ends = self.spans.iter().skip(1).map(|span| span.first);
        let spans = self.spans.iter().zip(ends.chain([self.next]));
        let mut epochs: Vec<EpochSpan> = Vec::new();
        for (span, end) in spans.filter(|(_, end)| *end > self.first) {
            match epochs.last_mut() {
                Some(run) if run.epoch == span.epoch => run.last = end - 1,
                _ => epochs.push(EpochSpan {
                    epoch: span.epoch,
                    first: span.first,
                    last: end - 1,
                }),
            }
        }
        epochs
    }
}

impl Store {
    /// Reads the marks, and takes over what the store itself must know.
    pub(super) fn find(&mut self) -> Result<Found, LogError> {
        let damaged = |key: &str| marks::damaged(self.log.path(), key);
        for (key, bytes) in self.log.marks(marks::EPOCH)? {
            let span = marks::decode_span(&key, &bytes).ok_or_else(|| damaged(&key))?;
            self.spans.push_back(span);
        }
        if let Some(bytes) = self.log.mark(marks::GAPS)? {
            self.gaps = Gaps::decode(&bytes).ok_or_else(|| damaged(marks::GAPS))?;
        }
        for (key, bytes) in self.log.marks(marks::DEAD)? {
            let seq = marks::number(marks::DEAD, &key).ok_or_else(|| damaged(&key))?;
            self.dead.push_back((seq, bytes.len()));
        }
        let watermark = match self.log.mark(marks::WATERMARK)? {
            Some(bytes) => {
                let bytes = bytes.try_into().map_err(|_| damaged(marks::WATERMARK))?;
                Some(Timestamp::from_millis(i64::from_le_bytes(bytes)))
            }
            None => None,
        };
        self.newest = watermark;
        let next = self.log.next();
        let first = self.log.first()?.unwrap_or(next);
        self.tidy(first)?;
        let due = self.accounts.iter().map(|account| {
            let oldest = first.max(account.custody().done_below).min(next);
            Ok(Due {
                custody: account.custody(),
                oldest,
                oldest_watermark: self.watermark_of(oldest)?,
                given_up: account.given_up(),
                notes: account.notes(),
            })
        });
        Ok(Found {
            clean: watermark.is_none() || self.log.mark(marks::CLEAN)?.is_some(),
            watermark,
            first,
            next,
            spans: self.spans.iter().copied().collect(),
            destinations: due.collect::<Result<_, LogError>>()?,
        })
    }

    /// A kill may have come after frames went and before what was known of them.
    fn tidy(&mut self, first: u64) -> Result<(), LogError> {
        let mut batch = Batch::default();
        self.forget_below(first, &mut batch);
        if batch.is_empty() {
            return Ok(());
        }
        match self.log.append(&batch) {
            // What is in memory is right, and is written with the next frame or start.
            Err(error) if error.is_full() => Ok(()),
            done => done.map(|_| ()),
        }
    }
}
