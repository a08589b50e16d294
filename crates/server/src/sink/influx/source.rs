//! The log as the sink reads it: rows to write, and the points' words that a line needs.

use std::collections::HashMap;
use std::sync::Arc;

use fenghuo_engine::Input;
use fenghuo_log::{Log, LogError};
use fenghuo_model::{Catalog, CatalogId, GatewayKey, Kind, PointRef, SampleId};

use super::batch::{LINES_MAX, Prefix, Row, prefix};
use super::cursor::Cursor;
use super::hole::Span;
use crate::entry::{Decoded, FrameEntry};
use crate::feed::{Fed, FeedError, FeedReader};

/// Entries read in one go.
const READ_ENTRIES: usize = 64;
/// A batch takes no further entry once it has this many rows.
const ROWS_ENOUGH: usize = 2 * LINES_MAX;
/// Line beginnings that are remembered.
const PREFIXES_MAX: usize = 500_000;
/// Before the last entry that was written: how far back samples may lie in entries that
/// were trimmed without having been seen.
const UNSEEN_MARGIN_MS: i64 = 3_600_000;

/// What each point is, as far as catalogs told: history does not know its kind.
#[derive(Debug, Default)]
pub struct Known(HashMap<PointRef, Kind>);

impl Known {
    /// From the catalogs that the log has stored. One that cannot be read is reported; its
    /// points are of kind `other` until a frame brings them again.
    ///
    /// # Errors
    /// [`LogError`] when the log cannot be read.
    pub fn load(log: &Log) -> Result<Self, LogError> {
        let mut known = Self::default();
        for (mark, _) in log.marks("uses/")? {
            let parts = mark
                .strip_prefix("uses/")
                .and_then(|rest| rest.rsplit_once('/'));
            let Some((gateway, id)) = parts else { continue };
            let bytes = log.mark(&format!("catalog/{id}"))?.unwrap_or_default();
            let catalog = fenghuo_uplink::catalog::from_bytes(&bytes);
            match (gateway.parse(), catalog) {
                (Ok(gateway), Ok(catalog)) => known.learn(&gateway, &catalog),
                (_, catalog) => {
                    let why = catalog.err().map(|error| error.to_string());
                    tracing::error!(mark, why, "a stored catalog cannot be read");
                }
            }
        }
        Ok(known)
    }

    fn learn(&mut self, gateway: &GatewayKey, catalog: &Catalog) {
        for def in catalog.points() {
            let point = PointRef {
                gateway: gateway.clone(),
                key: def.key.clone(),
            };
            self.0.insert(point, def.kind);
        }
    }

    /// The kind by the newest catalog seen.
    #[must_use]
    pub fn kind(&self, point: &PointRef) -> Kind {
        self.0.get(point).copied().unwrap_or(Kind::Other)
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct Taken {
    /// Rows to write.
    pub rows: Vec<Row>,
    /// Entries passed.
    pub entries: usize,
}

/// The log.
pub struct Source {
    feed: FeedReader,
    prefixes: HashMap<(GatewayKey, CatalogId), Arc<[Prefix]>>,
    prefix_count: usize,
    /// What each point is.
    pub known: Known,
}

impl Source {
    /// Over a reader.
    pub fn new(feed: FeedReader, known: Known) -> Self {
        Self {
            feed,
            prefixes: HashMap::new(),
            prefix_count: 0,
            known,
        }
    }

    /// Reads on from the cursor and moves it: store it only when the rows were written.
    ///
    /// # Errors
    /// [`FeedError`] when the log cannot be read; the cursor is as it was.
    pub fn take(&mut self, cursor: &mut Cursor) -> Result<Taken, FeedError> {
        let mut taken = Taken::default();
        for (position, entry) in self.read(cursor)? {
            if taken.rows.len() >= ROWS_ENOUGH {
                break;
            }
            pass(cursor, position, &entry);
            taken.entries += 1;
            if let Decoded::Frame(frame) = &*entry {
                self.rows(frame, &mut taken.rows);
            }
        }
        Ok(taken)
    }

    /// Moves the cursor on without writing, entry by entry while `more` says so; what was
    /// passed becomes part of the hole. Answers how many entries were passed; none means
    /// that it is done.
    ///
    /// # Errors
    /// [`FeedError`] when the log cannot be read.
    pub fn let_go(
        &mut self,
        cursor: &mut Cursor,
        more: impl Fn(&Cursor) -> bool,
    ) -> Result<usize, FeedError> {
        let mut passed = 0;
        for (position, entry) in self.read(cursor)? {
            if !more(cursor) {
                break;
            }
            pass(cursor, position, &entry);
            passed += 1;
            if let Decoded::Frame(frame) = &*entry {
                self.prefixes(frame);
                cursor
                    .hole
                    .note(frame.samples.iter().map(|sample| &sample.sample));
            }
            cursor.hole.let_go(cursor.position);
        }
        Ok(passed)
    }

    /// Entries from the cursor on. One that is damaged is left out, loudly: the judge and
    /// the historian say so too.
    fn read(&mut self, cursor: &mut Cursor) -> Result<Vec<Fed>, FeedError> {
        let mut most = READ_ENTRIES;
        loop {
            match self.feed.read(cursor.position, most) {
                Err(FeedError::Entry { position, source }) if position <= cursor.position => {
                    tracing::error!(position, %source, "a damaged log entry is not written to influxdb");
                    cursor.position = position + 1;
                }
                Err(FeedError::Entry { position, source }) => {
                    // What is before it can still be read.
                    let before = usize::try_from(position - cursor.position).unwrap_or(most);
                    if before >= most {
                        return Err(FeedError::Entry { position, source });
                    }
                    most = before;
                }
                other => return other,
            }
        }
    }

    fn rows(&mut self, frame: &FrameEntry, rows: &mut Vec<Row>) {
        let prefixes = self.prefixes(frame);
        rows.extend((0..).zip(&frame.samples).map(|(index, sample)| Row {
            series: prefixes[sample.point as usize].clone(),
            id: SampleId {
                epoch: frame.head.epoch,
                seq: frame.head.seq,
                index,
            },
            sample: sample.sample.clone(),
        }));
    }

    /// The line beginnings of a frame's points, in index order.
    fn prefixes(&mut self, frame: &FrameEntry) -> Arc<[Prefix]> {
        let key = (frame.gateway.clone(), frame.catalog.id());
        if let Some(prefixes) = self.prefixes.get(&key) {
            return prefixes.clone();
        }
        self.known.learn(&frame.gateway, &frame.catalog);
        let points = frame.catalog.points().iter();
        let prefixes: Arc<[Prefix]> = points
            .map(|def| prefix(&frame.gateway, &def.key, def.kind, def.unit))
            .collect();
        if self.prefix_count + prefixes.len() > PREFIXES_MAX {
            self.prefixes.clear();
            self.prefix_count = 0;
        }
        self.prefix_count += prefixes.len();
        self.prefixes.insert(key, prefixes.clone());
        prefixes
    }
}

/// Moves the cursor past an entry. Entries missing before it were trimmed unseen: only the
/// time in which they came is known.
fn pass(cursor: &mut Cursor, position: u64, entry: &Decoded) {
    let came = match entry {
        Decoded::Frame(frame) => Some(frame.received),
        Decoded::Small(_, _, Input::Tick { at, .. } | Input::Started(at)) => Some(at.as_millis()),
        Decoded::Small(..) => None,
    };
    if position > cursor.position {
        let until = came.unwrap_or_else(|| crate::clock::now().as_millis());
        tracing::warn!(
            from = cursor.position,
            until = position,
            "log entries were trimmed before they were written to influxdb; fetching them from history"
        );
        cursor.hole.add(Span {
            from: cursor.at.saturating_sub(UNSEEN_MARGIN_MS).max(0),
            until: until.saturating_add(1),
        });
        cursor.hole.let_go(position);
    }
    cursor.position = position + 1;
    cursor.at = came.unwrap_or(cursor.at);
}
