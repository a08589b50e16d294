//! The handle: what is shared between the writer and any number of readers.
//!
//! Locks are taken in the order writer, head; the head's is held only to append or copy,
//! never while packing or writing.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fenghuo_model::{PointRef, Timestamp, Unit, ValueType};

use crate::codec::CHUNK_SAMPLES_MAX;
use crate::error::io;
use crate::file::months::Months;
use crate::file::read::Readers;
use crate::head::Heads;
use crate::registry::Registry;
use crate::writer::Writer;
use crate::{Error, Result, SeriesId, SeriesMeta};

/// How a store is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which log the positions count in. What was applied from another log stays, and its
    /// positions are forgotten.
    pub log_id: String,
    /// Samples that make a full chunk.
    pub chunk_samples: usize,
    /// Samples that stay in memory at most; texts count for their length.
    pub head_samples_max: usize,
    /// A sample is in a file at most about this long after it came.
    pub seal_age: Duration,
}

impl Options {
    /// The usual ones.
    #[must_use]
    pub fn new(log_id: &str) -> Self {
        Self {
            log_id: log_id.to_owned(),
            chunk_samples: 1_024,
            head_samples_max: 4_000_000,
            seal_age: Duration::from_secs(600),
        }
    }

    fn check(&self) -> Result<()> {
        let refuse = |name, what: String| Err(Error::Option { name, what });
        if self.log_id.is_empty() || self.log_id.len() > 128 {
            return refuse(
                "log_id",
                format!("has {} bytes, not 1 to 128", self.log_id.len()),
            );
        }
        if !(2..=CHUNK_SAMPLES_MAX / 2).contains(&self.chunk_samples) {
            let most = CHUNK_SAMPLES_MAX / 2;
            return refuse("chunk_samples", format!("is not 2 to {most}"));
        }
        if self.head_samples_max < self.chunk_samples {
            return refuse("head_samples_max", "is less than one chunk".to_owned());
        }
        Ok(())
    }
}

/// The time-series store. Clones are handles to the same one; readers may use theirs while
/// one thread writes.
#[derive(Clone)]
pub struct History {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) dir: PathBuf,
    pub(crate) registry: Registry,
    pub(crate) months: Months,
    pub(crate) readers: Readers,
    heads: Mutex<Heads>,
    writer: Mutex<Writer>,
    /// Held for as long as the store is open for writing.
    _lock: Option<File>,
}

impl Inner {
    pub(crate) fn heads(&self) -> MutexGuard<'_, Heads> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    /// Opens or creates a store. Then register the series and replay the log from
    /// [`History::replay_from`].
    ///
    /// # Errors
    /// When another process has it open, a file is of another version or the disk fails.
    pub fn open(dir: &Path, options: Options) -> Result<Self> {
        options.check()?;
        std::fs::create_dir_all(dir).map_err(io(dir, "create the folder"))?;
        let lock = lock(dir)?;
        Self::over(dir, options, Some(lock))
    }

    /// Opens a store for reading only, beside the process that may have it open. What that
    /// process holds in memory only is not seen, nor months that it begins later; every
    /// attempt to write is refused.
    ///
    /// # Errors
    /// When there is no store, a file is of another version or the disk fails.
    pub fn beside(dir: &Path) -> Result<Self> {
        let log = Registry::log_of(dir)?;
        let history = Self::over(dir, Options::new(&log), None)?;
        history.inner.writer().refuse("opened for reading only");
        Ok(history)
    }

    fn over(dir: &Path, options: Options, lock: Option<File>) -> Result<Self> {
        options.check()?;
        let (registry, state) = Registry::open(dir, &options.log_id)?;
        let months = Months::list(dir, &options.log_id, state.oldest)?;
        let mut heads = Heads::new(options.chunk_samples, state.floor, state.oldest);
        heads.add_slots(&registry.types_from(0));
        let inner = Inner {
            options,
            dir: dir.to_owned(),
            registry,
            months,
            readers: Readers::default(),
            heads: Mutex::new(heads),
            writer: Mutex::default(),
            _lock: lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The series of a point in a unit and type; a new one is durable when this returns.
    ///
    /// # Errors
    /// [`Error::SeriesFull`], or when the registry cannot be written.
    pub fn series_for(&self, point: &PointRef, unit: Unit, ty: ValueType) -> Result<SeriesId> {
        let ids = self.series_for_all(&[(point.clone(), unit, ty)])?;
        Ok(ids[0])
    }

    /// The same for many, with one commit: all are registered or none.
    ///
    /// # Errors
    /// As [`History::series_for`].
    pub fn series_for_all(&self, wanted: &[(PointRef, Unit, ValueType)]) -> Result<Vec<SeriesId>> {
        self.inner.registry.register(wanted)
    }

    /// All series of a point, oldest first.
    #[must_use]
    pub fn series_of(&self, point: &PointRef) -> Vec<SeriesMeta> {
        self.inner.registry.of_point(point)
    }

    /// Every series.
    #[must_use]
    pub fn series(&self) -> Vec<SeriesMeta> {
        self.inner.registry.all()
    }

    /// Samples before this instant are not kept: retention has dropped their months.
    #[must_use]
    pub fn kept_from(&self) -> Timestamp {
        self.inner.heads().oldest().start()
    }

    /// What a series is.
    #[must_use]
    pub fn meta(&self, id: SeriesId) -> Option<SeriesMeta> {
        self.inner.registry.meta(id)
    }
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let open = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = open.map_err(io(&path, "open the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path }),
        Err(TryLockError::Error(error)) => Err(io(&path, "lock the file")(error)),
    }
}
