//! Frames from the spool, a few ahead, off the async threads.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use fenghuo_log::{Entry, LogError, Reader};
use fenghuo_model::{Catalog, CatalogId, Timestamp};
use fenghuo_uplink::frame::{Frame, FrameHead};
use fenghuo_uplink::outbox::Lane;

/// Frames and bytes that are read ahead in each lane.
const AHEAD_FRAMES: usize = 32;
const AHEAD_BYTES: usize = 512 << 10;
/// The first frame of a run holds no more than this, and far less as a rule.
const FRAME_TIME_MAX: Duration = Duration::from_secs(10);

/// A reader that remembers what it read ahead, a lane each.
#[derive(Debug)]
pub struct Fetch {
    reader: Option<Reader>,
    own: Weak<Catalog>,
    ahead: [VecDeque<Entry>; 2],
}

impl Fetch {
    /// Over a reader of the spool, with the catalog that the first frames name: as long as
    /// others have it, it need not be read.
    #[must_use]
    pub const fn new(reader: Reader, own: Weak<Catalog>) -> Self {
        Self {
            reader: Some(reader),
            own,
            ahead: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// A frame's bytes; `None` when it is not there any more.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read now.
    pub async fn frame(&mut self, seq: u64, lane: Lane) -> Result<Option<Vec<u8>>, LogError> {
        let ahead = &mut self.ahead[lane as usize];
        while ahead.front().is_some_and(|entry| entry.position < seq) {
            ahead.pop_front();
        }
        if ahead.front().is_none_or(|entry| entry.position != seq) {
            let entries = self
                .blocking(
                    move |reader| match reader.read(seq, AHEAD_FRAMES, AHEAD_BYTES) {
                        // The damage may be in a frame further on.
                        Err(error) if error.is_damage() => reader.read(seq, 1, AHEAD_BYTES),
                        read => read,
                    },
                )
                .await?;
            self.ahead[lane as usize] = entries.into();
        }
        let ahead = &mut self.ahead[lane as usize];
        let is_it = ahead.front().is_some_and(|entry| entry.position == seq);
        Ok(is_it
            .then(|| ahead.pop_front().map(|entry| entry.body))
            .flatten())
    }

    /// A catalog that spooled frames name.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read now.
    pub async fn catalog(&mut self, id: CatalogId) -> Result<Option<Arc<Catalog>>, LogError> {
        // A small gateway need not hold it twice.
        if let Some(own) = self.own.upgrade().filter(|own| own.id() == id) {
            return Ok(Some(own));
        }
        let bytes = self
            .blocking(move |reader| reader.mark(&crate::spool::catalog_mark(id)))
            .await?;
        let catalog = bytes.and_then(|bytes| fenghuo_uplink::catalog::from_bytes(&bytes).ok());
        Ok(catalog.map(Arc::new))
    }

    /// The frames that may hold what was read from `from` until `until`, as first and last
    /// number; the last may be higher than what is there.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read now.
    pub async fn period(
        &mut self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(u64, u64), LogError> {
        self.blocking(move |reader| {
            let first = reader.first()?.unwrap_or(1);
            let end = reader.last()?.map_or(first, |last| last + 1);
            let mut found: Option<(u64, u64)> = None;
            for run in runs(reader, first, end)? {
                if let Some((begin, last)) = within(reader, run, from, until)? {
                    let (low, high) = found.unwrap_or((begin, last));
                    found = Some((low.min(begin), high.max(last)));
                }
            }
            Ok(found.unwrap_or((end, end)))
        })
        .await
    }

    /// Runs a read on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&Reader) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let gone = || LogError::Refused {
            path: "spool.db".into(),
            what: "the reader was lost in a failed read".to_owned(),
        };
        let reader = self.reader.take().ok_or_else(gone)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = read(&reader);
            (reader, result)
        });
        let (reader, result) = task.await.map_err(|_| gone())?;
        self.reader = Some(reader);
        result
    }
}

/// The runs in `first..end`, newest first, each up to the next one's begin: where the clock went
/// back a new one began. What cannot be told apart is one.
fn runs(reader: &Reader, first: u64, end: u64) -> Result<Vec<(u64, u64)>, LogError> {
    let (mut runs, mut high) = (Vec::new(), end);
    while high > first {
        let last = head(reader, high - 1)?;
        let low = last.map_or(first, |head| head.epoch_first.clamp(first, high - 1));
        runs.push((low, high));
        high = low;
    }
    Ok(runs)
}

/// The frames of one run that may hold what was read in a period.
fn within(
    reader: &Reader,
    (low, high): (u64, u64),
    from: Timestamp,
    until: Timestamp,
) -> Result<Option<(u64, u64)>, LogError> {
    let begin = first_after(reader, (low, high), from)?;
    if begin == high || first_after(reader, (low, high), until.plus(FRAME_TIME_MAX))? == low {
        return Ok(None);
    }
    // A frame holds what was read since the watermark of the one before.
    Ok(Some((begin, first_after(reader, (begin, high), until)?)))
}

fn head(reader: &Reader, seq: u64) -> Result<Option<FrameHead>, LogError> {
    let entry = match reader.get(seq) {
        Err(error) if error.is_damage() => None,
        read => read?,
    };
    let frame = entry.and_then(|entry| Frame::decode(&entry.body).ok());
    Ok(frame.map(|frame| frame.head))
}

/// The first frame of `low..high`, all of one run, whose watermark is not before `time`; within
/// a run watermarks never decrease. A frame that cannot be read counts as older.
fn first_after(
    reader: &Reader,
    (mut low, mut high): (u64, u64),
    time: Timestamp,
) -> Result<u64, LogError> {
    while low < high {
        let middle = low + (high - low) / 2;
        if head(reader, middle)?.is_none_or(|head| head.watermark < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests;
