//! Writing: one owner appends batches, sets marks, trims from the front.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::lock::WriterLock;
use crate::reader::{from_sql, mark, marks, to_sql};
use crate::{BATCH_ENTRIES_MAX, ENTRY_BYTES_MAX, Head, LogError, Reader, Space, schema};

/// Entries deleted in one transaction of [`Log::trim`], so that an append beside it never
/// waits long.
const TRIM_SLICE: u64 = 2_000;

const MARK_ID: &str = "log/id";
const MARK_NEXT: &str = "log/next";

/// Names one life of a log: a new, replaced or restored log has another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub [u8; 16]);

impl LogId {
    fn random(path: &Path) -> Result<Self, LogError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| LogError::Io {
            path: path.to_owned(),
            source: std::io::Error::other(error.to_string()),
        })?;
        Ok(Self(id))
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What goes into the log in one transaction: all of it or nothing.
#[derive(Debug, Default)]
pub struct Batch {
    entries: Vec<(u8, Vec<u8>)>,
    marks: Vec<(String, Option<Vec<u8>>)>,
}

impl Batch {
    /// Adds an entry; entries get positions in the order they were added.
    pub fn push(&mut self, kind: u8, body: Vec<u8>) {
        self.entries.push((kind, body));
    }

    /// Sets a mark, or removes it with `None`.
    pub fn mark(&mut self, key: impl Into<String>, value: Option<Vec<u8>>) {
        self.marks.push((key.into(), value));
    }

    /// Like [`Batch::mark`], in the place of what was said of the same key before.
    pub fn replace_mark(&mut self, key: impl Into<String>, value: Option<Vec<u8>>) {
        let key = key.into();
        self.marks.retain(|(known, _)| *known != key);
        self.marks.push((key, value));
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.marks.is_empty()
    }

    /// Bytes of all bodies.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|(_, body)| body.len()).sum()
    }
}

/// The log's one writer.
#[derive(Debug)]
pub struct Log {
    conn: Connection,
    path: PathBuf,
    id: LogId,
    next: u64,
    head: Head,
    bytes_max: Option<u64>,
    _lock: WriterLock,
}

impl Log {
    /// Opens or creates the log at `path`, whose folder must exist. `bytes_max` bounds the
    /// file; an append that would pass it fails as [`LogError::Full`].
    ///
    /// # Errors
    /// [`LogError::InUse`] when another process has it, [`LogError::Corrupt`] when the file
    /// is something else or damaged.
    pub fn open(path: &Path, bytes_max: Option<u64>) -> Result<Self, LogError> {
        Self::open_file(path, bytes_max).map_err(LogError::or_full)
    }

    fn open_file(path: &Path, bytes_max: Option<u64>) -> Result<Self, LogError> {
        let lock = WriterLock::take(path)?;
        let conn = schema::open_writer(path, bytes_max)?;
        let mut log = Self {
            conn,
            path: path.to_owned(),
            id: LogId([0; 16]),
            next: 1,
            head: Head::new(1),
            bytes_max,
            _lock: lock,
        };
        match log.mark(MARK_ID)? {
            Some(id) => log.id = LogId(log.sized(&id)?),
            None => log.renew_id()?,
        }
        log.reload_next()?;
        log.head.publish(log.next);
        // Damage that no page's structure shows: a number among the entries is another.
        log.first()?;
        log.edge("max")?;
        Ok(log)
    }

    /// The id of this life of the log.
    #[must_use]
    pub const fn id(&self) -> LogId {
        self.id
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The position that the next entry will get.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// A handle to wait for new entries.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head.clone()
    }

    /// Another reader of the same file.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be opened again.
    pub fn reader(&self) -> Result<Reader, LogError> {
        Reader::open(&self.path)
    }

    /// Gives the log a new id, for when it is found to be an old copy of itself.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be stored.
    pub fn renew_id(&mut self) -> Result<(), LogError> {
        let id = LogId::random(&self.path)?;
        let mut batch = Batch::default();
        batch.mark(MARK_ID, Some(id.0.to_vec()));
        self.append(&batch)?;
        self.id = id;
        Ok(())
    }

    /// Lets positions go on above `position`, for when other files show that they were used
    /// up to there: the log was lost or restored alone.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be stored.
    pub fn rise_above(&mut self, position: u64) -> Result<(), LogError> {
        if self.next > position {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.mark(MARK_NEXT, Some((position + 1).to_le_bytes().to_vec()));
        self.append(&batch)?;
        self.reload_next()?;
        self.head.publish(self.next);
        Ok(())
    }

    /// Writes the batch in one transaction and returns its positions, which are durable
    /// then.
    ///
    /// # Errors
    /// On any error nothing of the batch was kept. [`LogError::Full`] may pass by itself.
    pub fn append(&mut self, batch: &Batch) -> Result<Range<u64>, LogError> {
        self.check(batch)?;
        let first = self.next;
        let next = first + batch.entries.len() as u64;
        match self.write(batch, first, next) {
            Ok(()) => {
                self.next = next;
                self.head.publish(next);
                Ok(first..next)
            }
            Err(source) => {
                // A failed commit may have been rolled back or not: ask the file.
                let error = LogError::sqlite(&self.path, source);
                self.reload_next()?;
                self.head.publish(self.next);
                Err(error)
            }
        }
    }

    fn check(&self, batch: &Batch) -> Result<(), LogError> {
        let refuse = |what: String| {
            Err(LogError::Refused {
                path: self.path.clone(),
                what,
            })
        };
        if batch.entries.len() > BATCH_ENTRIES_MAX {
            return refuse(format!("a batch of {} entries", batch.entries.len()));
        }
        match batch
            .entries
            .iter()
            .find(|(_, body)| body.len() > ENTRY_BYTES_MAX)
        {
            Some((_, body)) => refuse(format!("an entry of {} bytes", body.len())),
            None => Ok(()),
        }
    }

    /// Deletes the entries below `position` and writes a batch of marks in one transaction,
    /// for marks that say what went.
    ///
    /// # Errors
    /// On any error nothing went and nothing was written.
    pub fn trim_with(&mut self, below: u64, marks: &Batch) -> Result<(), LogError> {
        if !marks.entries.is_empty() {
            return Err(LogError::Refused {
                path: self.path.clone(),
                what: "entries beside a trim".to_owned(),
            });
        }
        let sqlite = |source| LogError::sqlite(&self.path, source);
        let tx = self.conn.transaction().map_err(sqlite)?;
        tx.execute("DELETE FROM entry WHERE position < ?1", [to_sql(below)])
            .map_err(sqlite)?;
        set_marks(&tx, &marks.marks).map_err(sqlite)?;
        tx.commit().map_err(sqlite)
    }

    fn write(&mut self, batch: &Batch, first: u64, next: u64) -> rusqlite::Result<()> {
        let tx = self.conn.transaction()?;
        {
            let mut insert =
                tx.prepare_cached("INSERT INTO entry (position, kind, body) VALUES (?1, ?2, ?3)")?;
            for (position, (kind, body)) in (first..).zip(&batch.entries) {
                insert.execute((to_sql(position), kind, body))?;
            }
        }
        if next > first {
            let next = next.to_le_bytes().to_vec();
            set_marks(&tx, &[(MARK_NEXT.to_owned(), Some(next))])?;
        }
        set_marks(&tx, &batch.marks)?;
        tx.commit()
    }

    /// Deletes the entries below `position`, in slices. Returns how many went. The pages
    /// stay in the file and are used again.
    ///
    /// # Errors
    /// [`LogError`]; what was deleted before it stays deleted.
    pub fn trim(&mut self, below: u64) -> Result<u64, LogError> {
        let mut gone = 0;
        while let Some(first) = self.first()? {
            if first >= below {
                break;
            }
            let end = below.min(first + TRIM_SLICE);
            gone += self
                .conn
                .execute("DELETE FROM entry WHERE position < ?1", [to_sql(end)])
                .map_err(|source| LogError::sqlite(&self.path, source))? as u64;
        }
        Ok(gone)
    }

    /// The oldest position still there: always below [`Log::next`].
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read, or is damaged.
    pub fn first(&self) -> Result<Option<u64>, LogError> {
        self.edge("min")
    }

    /// The entry at one edge.
    fn edge(&self, which: &str) -> Result<Option<u64>, LogError> {
        let query = format!("SELECT {which}(position) FROM entry");
        let position = self
            .conn
            .query_row(&query, [], |row| row.get::<_, Option<i64>>(0))
            .map(|position| position.map(from_sql))
            .map_err(|source| LogError::sqlite(&self.path, source))?;
        match position {
            Some(position) if position >= self.next => Err(LogError::Corrupt {
                path: self.path.clone(),
                what: format!(
                    "it has an entry {position}, and the next one is {}",
                    self.next
                ),
            }),
            position => Ok(position),
        }
    }

    /// A mark's value.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn mark(&self, key: &str) -> Result<Option<Vec<u8>>, LogError> {
        mark(&self.conn, key).map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Every mark whose key starts with `prefix`, in key order.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read.
    pub fn marks(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LogError> {
        marks(&self.conn, prefix).map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Another bound of the file from now on, as given to [`Log::open`].
    ///
    /// # Errors
    /// [`LogError`] when the file takes none; the bound stays as it was.
    pub fn set_bytes_max(&mut self, bytes_max: Option<u64>) -> Result<(), LogError> {
        schema::bound(&self.conn, bytes_max)
            .map_err(|source| LogError::sqlite(&self.path, source))?;
        self.bytes_max = bytes_max;
        Ok(())
    }

    /// Moves what stands in the journal into the file, so that the journal is used from its
    /// beginning again.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be written; what stands in the journal stays there.
    pub fn checkpoint(&self) -> Result<(), LogError> {
        self.conn
            .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
            .map_err(|source| LogError::sqlite(&self.path, source))
    }

    /// Room taken and left.
    ///
    /// # Errors
    /// [`LogError`] when the file system or the file cannot be asked.
    pub fn space(&self) -> Result<Space, LogError> {
        let pragma = |name| {
            self.conn
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map(from_sql)
                .map_err(|source| LogError::sqlite(&self.path, source))
        };
        let page = pragma("page_size")?;
        let file_bytes = page * pragma("page_count")?;
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        Ok(Space {
            file_bytes,
            free_page_bytes: page * pragma("freelist_count")?,
            disk_free_bytes: crate::free_bytes(dir.unwrap_or(Path::new(".")))?,
            budget_left_bytes: self
                .bytes_max
                .map_or(u64::MAX, |max| max.saturating_sub(file_bytes)),
        })
    }

    fn reload_next(&mut self) -> Result<(), LogError> {
        if let Some(next) = self.mark(MARK_NEXT)? {
            self.next = u64::from_le_bytes(self.sized(&next)?);
        }
        Ok(())
    }

    fn sized<const N: usize>(&self, bytes: &[u8]) -> Result<[u8; N], LogError> {
        bytes.try_into().map_err(|_| LogError::Corrupt {
            path: self.path.clone(),
            what: format!("a stored mark has {} bytes instead of {N}", bytes.len()),
        })
    }
}

fn set_marks(conn: &Connection, marks: &[(String, Option<Vec<u8>>)]) -> rusqlite::Result<()> {
    let mut set = conn.prepare_cached("INSERT OR REPLACE INTO mark VALUES (?1, ?2)")?;
    let mut unset = conn.prepare_cached("DELETE FROM mark WHERE key = ?1")?;
    for (key, value) in marks {
        match value {
            Some(value) => set.execute((key, value))?,
            None => unset.execute([key])?,
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests;
