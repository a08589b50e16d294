//! The way from the log to its readers: the newest entries stay decoded in memory for a
//! moment, so that judge, history and sinks need not decode each frame again; who has fallen
//! behind reads the log itself. Both ways give the same entries.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fenghuo_log::{Head, LogError, Reader};
use fenghuo_model::{Catalog, CatalogId};

use crate::entry::{self, Catalogs, Decoded, EntryError};

/// Samples that stay decoded at most.
const TAIL_SAMPLES_MAX: usize = 400_000;
/// Entries that stay decoded at most.
const TAIL_ENTRIES_MAX: usize = 8_192;
/// Bytes read from the log in one go.
const READ_BYTES: usize = 4 << 20;

/// An entry with its position.
pub type Fed = (u64, Arc<Decoded>);

/// Why an entry cannot be fed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry is damaged.
    #[error("log entry {position}: {source}")]
    Entry {
        /// Its position.
        position: u64,
        /// What is wrong.
        source: EntryError,
    },
}

#[derive(Debug, Default)]
struct Tail {
    entries: VecDeque<Fed>,
    samples: usize,
}

/// Shared by ingest, which pushes, and readers.
#[derive(Clone, Debug)]
pub struct Feed {
    tail: Arc<Mutex<Tail>>,
    /// Every catalog that somebody needed, decoded once for all.
    catalogs: Arc<Mutex<Catalogs>>,
    head: Head,
}

impl Feed {
    /// A feed beside a log.
    #[must_use]
    pub fn new(head: Head) -> Self {
        Self {
            tail: Arc::default(),
            catalogs: Arc::default(),
            head,
        }
    }

    /// Adds entries that are durable in the log now, in order.
    pub fn push(&self, entries: impl IntoIterator<Item = Fed>) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, entry) in entries {
            tail.samples += samples(&entry);
            tail.entries.push_back((position, entry));
        }
        while tail.samples > TAIL_SAMPLES_MAX || tail.entries.len() > TAIL_ENTRIES_MAX {
            let Some((_, gone)) = tail.entries.pop_front() else {
                break;
            };
            tail.samples -= samples(&gone);
        }
    }

    /// Catalogs that are decoded already: a large one takes readers a tenth of a second.
    pub fn know(&self, catalogs: &Catalogs) {
        let mut known = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(catalogs.iter().map(|(id, catalog)| (*id, catalog.clone())));
    }

    /// Empties the tail: after an append whose outcome was in doubt it may lack entries that
    /// the log has.
    pub fn forget(&self) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        *tail = Tail::default();
    }

    /// The log's head, to wait on.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// A reader with its own connection to the log.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be opened.
    pub fn reader(&self, log: &Path) -> Result<FeedReader, LogError> {
        Ok(FeedReader {
            feed: self.clone(),
            log: Reader::open(log)?,
        })
    }

    /// Entries from `from` on, when the tail has it; with the tail's first position else.
    fn recent(&self, from: u64, most: usize) -> Result<Vec<Fed>, Option<u64>> {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(&(first, _)) = tail.entries.front() else {
            return Err(None);
        };
        // The tail has no holes: what was pushed is what was appended, in order.
        match usize::try_from(from.wrapping_sub(first)) {
            Ok(skip) if from >= first && skip <= tail.entries.len() => {
                Ok(tail.entries.iter().skip(skip).take(most).cloned().collect())
            }
            _ => Err(Some(first)),
        }
    }
}

fn samples(entry: &Decoded) -> usize {
    match entry {
        Decoded::Frame(frame) => frame.samples.len(),
        Decoded::Small(..) => 1,
    }
}

/// One reader.
#[derive(Debug)]
pub struct FeedReader {
    feed: Feed,
    log: Reader,
}

impl FeedReader {
    /// Entries from `from` on, in order, at most `most`; none when there is nothing new.
    ///
    /// # Errors
    /// [`FeedError`] when the log cannot be read or an entry is damaged.
    pub fn read(&mut self, from: u64, most: usize) -> Result<Vec<Fed>, FeedError> {
        let until = match self.feed.recent(from, most) {
            Ok(entries) => return Ok(entries),
            Err(first) => first.unwrap_or(u64::MAX),
        };
        let mut entries = Vec::new();
        for raw in self.log.read(from, most, READ_BYTES)? {
            if raw.position >= until && !entries.is_empty() {
                break;
            }
            let position = raw.position;
            let decoded = entry::decode(raw.kind, raw.body, |id| self.catalog(id))
                .map_err(|source| FeedError::Entry { position, source })?;
            entries.push((position, Arc::new(decoded)));
        }
        Ok(entries)
    }

    /// The position that the log's next entry will have.
    #[must_use]
    pub fn log_next(&self) -> u64 {
        self.feed.head.next()
    }

    /// Waits until there is an entry at `position`, or somebody wakes the head.
    pub fn wait(&self, position: u64, at_most: Duration) {
        // The answer is asked for again by the next read.
        let _next: u64 = self.feed.head.wait_for(position, at_most);
    }

    fn catalog(&self, id: CatalogId) -> Option<Arc<Catalog>> {
        let known = &self.feed.catalogs;
        // Held while it is decoded: who needs the same one waits rather than decode it again.
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(catalog) = known.get(&id) {
            return Some(catalog.clone());
        }
        let bytes = self.log.mark(&catalog_mark(id)).ok().flatten()?;
        let catalog = Arc::new(fenghuo_uplink::catalog::from_bytes(&bytes).ok()?);
        known.insert(id, catalog.clone());
        Some(catalog)
    }
}

/// The mark under which a catalog is stored with the log.
#[must_use]
pub fn catalog_mark(id: CatalogId) -> String {
    format!("catalog/{id}")
}
