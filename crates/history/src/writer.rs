//! The writing side: rows come in by log position and leave for the files in groups.
//!
//! One group of seals is one transaction a month file, so that a commit's sync is shared
//! and none holds the caller long.

use std::collections::BTreeSet;
use std::sync::Arc;

use fenghuo_model::{Sample, SampleId, Timestamp};

use crate::file::seal::Failure;
use crate::file::{OpenFiles, Tracks};
use crate::head::{HeadKey, Sealing};
use crate::store::{History, Inner};
use crate::{Error, Month, Result, SeriesId};

/// Series sealed in one go: at 0.1 ms each, some milliseconds of work a commit.
const GROUP: usize = 64;
/// How often a risen floor is written down, in event time. A floor that is too low only
/// makes the next replay longer.
const FLOOR_EVERY_MS: u64 = 10_000;

/// One sample on its way in.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it belongs.
    pub series: SeriesId,
    /// Which sample it is: unique within the series.
    pub id: SampleId,
    /// Its time and reading.
    pub sample: Sample,
}

/// What became of the rows of one position.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// Taken.
    pub stored: usize,
    /// In a file already: this position is being replayed.
    pub replayed: usize,
    /// Older than what retention keeps.
    pub expired: usize,
    /// Not storable: another type than the series', a time before 1970 or after 2109, a
    /// text that is too long, a series of another store. A caller that checks its input
    /// never sees one.
    pub refused: usize,
}

/// What only the writer touches.
#[derive(Default)]
pub(crate) struct Writer {
    files: OpenFiles,
    poison: Option<String>,
    saved_floor: u64,
    saved_at: Timestamp,
    refused: u64,
    expired: u64,
}

/// How far the files of some months have come.
struct Known(Vec<(Month, Arc<Tracks>)>);

impl Known {
    fn applied(&self, key: HeadKey) -> u64 {
        let month = self.0.iter().find(|(month, _)| *month == key.month);
        let track = month.and_then(|(_, tracks)| tracks.get(&key.series));
        track.map_or(0, |track| track.applied)
    }
}

impl Writer {
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    pub(crate) const fn expired(&self) -> u64 {
        self.expired
    }

    /// Takes nothing any more.
    pub(crate) fn refuse(&mut self, why: &str) {
        self.poison = Some(why.to_owned());
    }

    fn check(&self) -> Result<()> {
        match &self.poison {
            Some(cause) => Err(Error::Poisoned {
                cause: cause.clone(),
            }),
            None => Ok(()),
        }
    }
}

impl History {
    /// Takes the rows of one log entry, all that the entry has, in their order. Positions
    /// rise; an entry without samples may be left out or given with no rows.
    ///
    /// # Errors
    /// When a due seal fails or a file cannot be read. Then nothing of this position was
    /// taken, and the same call may be made again.
    pub fn apply(&self, position: u64, rows: &[Row]) -> Result<Applied> {
        let inner = &*self.inner;
        let mut writer = inner.writer();
        writer.check()?;
        let last = inner.heads().last();
        if position <= last || i64::try_from(position).is_err() {
            return Err(Error::Position {
                given: position,
                last,
            });
        }
        while inner.heads().due() >= GROUP {
            inner.seal_group(&mut writer)?;
        }
        inner.make_room(&mut writer, rows.len())?;
        let known = inner.known(&mut writer, position, rows)?;
        let mut heads = inner.heads();
        if inner.registry.count() > heads.slots() {
            let types = inner.registry.types_from(heads.slots());
            heads.add_slots(&types);
        }
        let outcome = heads.append(position, rows, |key| known.applied(key));
        drop(heads);
        writer.refused += outcome.refused as u64;
        writer.expired += outcome.expired as u64;
        Ok(outcome)
    }

    /// Lets time pass, seals one group of what is due, and says whether more is due: call
    /// again then, when nothing more urgent waits.
    ///
    /// # Errors
    /// When the seal fails; what was due stays due.
    pub fn tick(&self, now: Timestamp) -> Result<bool> {
        let inner = &*self.inner;
        let mut writer = inner.writer();
        writer.check()?;
        inner.heads().advance(now, inner.options.seal_age);
        inner.seal_group(&mut writer)?;
        let (now, due) = {
            let heads = inner.heads();
            (heads.now(), heads.due())
        };
        let waited = u64::try_from(now.since(writer.saved_at).as_millis()).unwrap_or(u64::MAX);
        if waited >= FLOOR_EVERY_MS {
            inner.save_floor(&mut writer)?;
            writer.saved_at = now;
        }
        Ok(due > 0)
    }

    /// Seals everything, for an orderly end.
    ///
    /// # Errors
    /// When a seal fails; what was not sealed stays in memory.
    pub fn seal_all(&self) -> Result<()> {
        let inner = &*self.inner;
        let mut writer = inner.writer();
        writer.check()?;
        inner.heads().fullest_due(usize::MAX);
        while inner.heads().due() > 0 {
            inner.seal_group(&mut writer)?;
        }
        inner.save_floor(&mut writer)
    }

    /// The lowest log position that may hold a sample which is not durably in a file: the
    /// log may be trimmed below it, and after a restart it is replayed from here, or from
    /// the log's oldest entry when that is higher.
    #[must_use]
    pub fn replay_from(&self) -> u64 {
        self.inner.heads().floor()
    }

    /// The highest log position that any file has come to. A log that ends below it is not
    /// the log that this history was made from.
    #[must_use]
    pub fn highest_sealed(&self) -> u64 {
        self.inner.months.highest_applied()
    }

    /// Drops every month before `oldest`, in memory and on disk, and takes no more of them.
    /// Answers how many files went.
    ///
    /// # Errors
    /// When a file cannot be removed. It is read no more, and the next start removes it.
    pub fn drop_before(&self, oldest: Month) -> Result<usize> {
        let inner = &*self.inner;
        let mut writer = inner.writer();
        writer.check()?;
        if oldest > inner.heads().oldest() {
            inner.registry.save_oldest(oldest)?;
            inner.heads().expire(oldest);
        }
        inner.readers.forget(oldest);
        let gone = inner
            .months
            .all()
            .into_iter()
            .filter(|(month, _)| *month < oldest);
        let mut count = 0;
        for (month, _) in gone {
            writer.files.close(month);
            inner.months.forget(month);
            crate::file::database::remove(&inner.months.path(month))?;
            count += 1;
        }
        Ok(count)
    }
}

impl Inner {
    /// Seals the fullest blocks until `rows` more fit. A batch larger than the bound is
    /// taken when nothing else is held: its own size is bounded by the log's entries.
    fn make_room(&self, writer: &mut Writer, rows: usize) -> Result<()> {
        loop {
            let mut heads = self.heads();
            if heads.samples() == 0 || heads.weight() + rows <= self.options.head_samples_max {
                return Ok(());
            }
            if heads.due() < GROUP {
                heads.fullest_due(GROUP);
            }
            drop(heads);
            self.seal_group(writer)?;
        }
    }

    /// What the files say about the months of these rows. Asked only of files that have
    /// come to this position or further: all others know nothing of it.
    fn known(&self, writer: &mut Writer, position: u64, rows: &[Row]) -> Result<Known> {
        let mut months = BTreeSet::new();
        let (mut from, mut until) = (0, 0);
        for row in rows {
            let time = row.sample.time.as_millis();
            if !(from..until).contains(&time) && row.sample.time.is_storable() {
                let month = Month::of(row.sample.time);
                (from, until) = (month.start().as_millis(), month.end().as_millis());
                months.insert(month);
            }
        }
        let mut known = Vec::new();
        for month in months {
            if self.months.applied(month) >= position {
                let file = self.file(&mut writer.files, month)?;
                known.push((month, file.tracks()));
            }
        }
        Ok(Known(known))
    }

    fn file<'a>(
        &self,
        files: &'a mut OpenFiles,
        month: Month,
    ) -> Result<&'a mut crate::file::MonthFile> {
        let known = |number| self.registry.by_number(number).map(|meta| meta.id);
        files.get(month, &self.months, &self.options.log_id, known)
    }

    /// Seals up to [`GROUP`] due blocks, one transaction a month.
    fn seal_group(&self, writer: &mut Writer) -> Result<()> {
        let mut batch = self.heads().take_due(GROUP);
        while let Some(first) = batch.first() {
            let month = first.key.month;
            let count = batch.partition_point(|sealing| sealing.key.month == month);
            let rest = batch.split_off(count);
            match self.seal_month(writer, month, &batch) {
                Ok(()) => self.heads().sealed(batch),
                Err(Failure::Undone(error)) => {
                    let mut heads = self.heads();
                    heads.unsealed(batch);
                    heads.unsealed(rest);
                    return Err(error);
                }
                Err(Failure::InDoubt(error)) => {
                    writer.poison = Some(error.to_string());
                    return Err(error);
                }
            }
            batch = rest;
        }
        Ok(())
    }

    fn seal_month(
        &self,
        writer: &mut Writer,
        month: Month,
        batch: &[Arc<Sealing>],
    ) -> Result<(), Failure> {
        let file = self
            .file(&mut writer.files, month)
            .map_err(Failure::Undone)?;
        let counts = file.seal(batch, self.options.chunk_samples)?;
        self.months.set(month, counts);
        Ok(())
    }

    fn save_floor(&self, writer: &mut Writer) -> Result<()> {
        let floor = self.heads().floor();
        if floor > writer.saved_floor {
            self.registry.save_floor(floor)?;
            writer.saved_floor = floor;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
