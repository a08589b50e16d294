//! Writing sealed blocks: plan and pack first, then one transaction, then settle.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::{Counts, MonthFile, TIME_BITS, Track, Tracks, counts, key_of, row_id};
use crate::block::Block;
use crate::codec::{self, CHUNK_SAMPLES_MAX};
use crate::error::sqlite;
use crate::head::Sealing;
use crate::{Error, Result, SeriesId};

/// What a failed seal leaves.
pub(crate) enum Failure {
    /// Nothing was written; the blocks may be sealed again.
    Undone(Error),
    /// It cannot be known what was written.
    InDoubt(Error),
}

/// Chunks of one series, packed.
struct Plan {
    series: SeriesId,
    applied: u64,
    /// The open chunk that they take the place of, and its count.
    replaced: Option<(i64, i64)>,
    chunks: Vec<Packed>,
    /// Whether the next seal goes on with the last of them.
    open: bool,
}

struct Packed {
    first: i64,
    last: i64,
    count: usize,
    data: Vec<u8>,
}

impl MonthFile {
    /// Writes blocks of this month in one durable transaction.
    pub(crate) fn seal(
        &mut self,
        batch: &[Arc<Sealing>],
        chunk_samples: usize,
    ) -> Result<Counts, Failure> {
        let plan = |sealing: &Arc<Sealing>| self.plan(sealing, chunk_samples);
        let plans: Result<Vec<Plan>> = batch.iter().map(plan).collect();
        let plans = plans.map_err(Failure::Undone)?;
        let next = self.counts_after(&plans);
        let mut tracks = Tracks::new();
        if let Err(error) = self.commit(&plans, next, &mut tracks) {
            self.settle(error, next)?;
        }
        Arc::make_mut(&mut self.tracks).extend(tracks);
        self.counts = next;
        Ok(next)
    }

    /// After a failed commit: asks the file whether it happened all the same.
    fn settle(&self, error: rusqlite::Error, next: Counts) -> Result<(), Failure> {
        let lost_sync = matches!(&error, rusqlite::Error::SqliteFailure(code, _)
            if code.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC);
        let error = sqlite(&self.path, "seal chunks")(error);
        match counts(&self.connection) {
            Ok(found) if found == next && !lost_sync => Ok(()),
            Ok(found) if found == self.counts && !lost_sync => Err(Failure::Undone(error)),
            _ => Err(Failure::InDoubt(error)),
        }
    }

    fn counts_after(&self, plans: &[Plan]) -> Counts {
        let mut next = self.counts;
        next.generation += 1;
        for plan in plans {
            next.applied = next.applied.max(plan.applied);
            if let Some((_, count)) = plan.replaced {
                next.chunks -= 1;
                next.samples -= count;
            }
            next.chunks += plan.chunks.len() as i64;
            next.samples += plan
                .chunks
                .iter()
                .map(|chunk| chunk.count as i64)
                .sum::<i64>();
        }
        next
    }

    fn plan(&self, sealing: &Sealing, chunk_samples: usize) -> Result<Plan> {
        let series = sealing.key.series;
        let merged = self.open_chunk(sealing)?.map(|(row, mut block)| {
            block.append(&sealing.block);
            block.sort();
            (row, block)
        });
        let (replaced, block) = match &merged {
            Some((row, block)) => (Some(*row), block),
            None => (None, &sealing.block),
        };
        let pieces = (block.len() / chunk_samples).max(1);
        let piece = block.len().div_ceil(pieces).min(CHUNK_SAMPLES_MAX);
        let pack = |rows: &[crate::block::Entry]| {
            let data = codec::encode(series.number(), sealing.value_type, rows, &block.texts);
            let (first, last) = (
                rows.first().map_or(0, |row| row.time),
                rows.last().map_or(0, |row| row.time),
            );
            let packed = |data| Packed {
                first,
                last,
                count: rows.len(),
                data,
            };
            data.map(packed)
                .map_err(|what| Error::Pack { series, what })
        };
        let chunks: Vec<Packed> = block
            .entries
            .chunks(piece)
            .map(pack)
            .collect::<Result<_>>()?;
        Ok(Plan {
            series,
            applied: sealing.last,
            replaced,
            open: is_small(block, pieces, chunk_samples),
            chunks,
        })
    }

    /// The chunk that this seal goes on with. One that cannot be read is left where it is,
    /// for queries to report, and a new one begun.
    fn open_chunk(&self, sealing: &Sealing) -> Result<Option<((i64, i64), Block)>> {
        let track = self.tracks.get(&sealing.key.series);
        let Some(id) = track.and_then(|track| track.open) else {
            return Ok(None);
        };
        let fail = sqlite(&self.path, "read the open chunk");
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
        let found = self
            .connection
            .prepare_cached("SELECT count, data FROM chunk WHERE id = ?1")
            .and_then(|mut select| select.query_row([id], row).optional())
            .map_err(fail)?;
        let Some((count, data)) = found else {
            return Ok(None);
        };
        let series = sealing.key.series.number();
        let block =
            codec::Chunk::open(series, sealing.value_type, &data).and_then(|chunk| chunk.block());
        Ok(block.ok().map(|block| ((id, count), block)))
    }

    fn commit(
        &mut self,
        plans: &[Plan],
        next: Counts,
        tracks: &mut Tracks,
    ) -> rusqlite::Result<()> {
        let before = &self.tracks;
        let transaction = self.connection.transaction()?;
        for plan in plans {
            let known = tracks
                .get(&plan.series)
                .or_else(|| before.get(&plan.series));
            let track = write(&transaction, plan, known.copied().unwrap_or_default())?;
            tracks.insert(plan.series, track);
        }
        transaction
            .prepare_cached(
                "UPDATE file SET generation = ?1, applied = ?2, chunks = ?3, samples = ?4",
            )?
            .execute(params![
                next.generation,
                position(next.applied),
                next.chunks,
                next.samples
            ])?;
        transaction.commit()
    }
}

/// A last chunk that is less than three quarters full is gone on with.
fn is_small(block: &Block, pieces: usize, chunk_samples: usize) -> bool {
    pieces == 1 && block.weight() < chunk_samples - chunk_samples / 4
}

fn write(
    transaction: &rusqlite::Transaction<'_>,
    plan: &Plan,
    mut track: Track,
) -> rusqlite::Result<Track> {
    if let Some((id, _)) = plan.replaced {
        transaction
            .prepare_cached("DELETE FROM chunk WHERE id = ?1")?
            .execute([id])?;
    }
    track.open = None;
    for chunk in &plan.chunks {
        let id = insert(transaction, plan.series, chunk)?;
        track.span = track.span.max(key_of(id) - chunk.first);
        track.open = plan.open.then_some(id);
    }
    track.applied = track.applied.max(plan.applied);
    transaction
        .prepare_cached("INSERT OR REPLACE INTO series VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            plan.series.number(),
            position(track.applied),
            track.span,
            track.open
        ])?;
    Ok(track)
}

/// A log position as SQLite stores it; larger ones are refused before they come here.
fn position(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn insert(
    transaction: &rusqlite::Transaction<'_>,
    series: SeriesId,
    chunk: &Packed,
) -> rusqlite::Result<i64> {
    let mut insert =
        transaction.prepare_cached("INSERT OR IGNORE INTO chunk VALUES (?1, ?2, ?3, ?4)")?;
    let wanted = row_id(series, chunk.last);
    let count = chunk.count as i64;
    if insert.execute(params![wanted, chunk.first, count, chunk.data])? == 1 {
        return Ok(wanted);
    }
    let free = next_free(transaction, wanted)?;
    if insert.execute(params![free, chunk.first, count, chunk.data])? == 1 {
        return Ok(free);
    }
    Err(rusqlite::Error::StatementChangedRows(0))
}

/// The first id after `taken` that no chunk has. Chunks that end at the same millisecond
/// lie side by side; a clock that stands still for a month makes some thousands.
fn next_free(transaction: &rusqlite::Transaction<'_>, taken: i64) -> rusqlite::Result<i64> {
    let mut select =
        transaction.prepare_cached("SELECT id FROM chunk WHERE id > ?1 ORDER BY id")?;
    let mut rows = select.query([taken])?;
    let mut free = taken + 1;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? != free {
            break;
        }
        free += 1;
    }
    // The spare keys at the end of time keep this inside of the series.
    debug_assert_eq!(free >> TIME_BITS, taken >> TIME_BITS);
    Ok(free)
}
