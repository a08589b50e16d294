//! Number columns by pco, in its wrapped form: the count stands in our own header.

use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

use super::Refusal;
use crate::block::Entry;

/// Times come at a cadence with jitter: differences are small and say all.
const TIME_DELTA_ORDER: usize = 1;
/// pco's scale goes from 0 to 12. Level 8, its default, was measured to save 0.2 % of the
/// bytes for some 5 % more time.
const LEVEL: usize = 6;

fn plain(order: usize) -> ChunkConfig {
    ChunkConfig::default()
        .with_compression_level(LEVEL)
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(DeltaSpec::TryConsecutive(order))
}

pub(super) fn put_times(out: &mut Vec<u8>, rows: &[Entry]) -> Result<(), Refusal> {
    let times: Vec<i64> = rows.iter().map(|row| row.time).collect();
    put(out, &times, &plain(TIME_DELTA_ORDER))
}

pub(super) fn times(bytes: &[u8], count: usize) -> Result<Vec<i64>, Refusal> {
    get(bytes, count)
}

/// Counters and other plain columns of differences.
pub(super) fn put_steps(out: &mut Vec<u8>, numbers: &[u64]) -> Result<(), Refusal> {
    put(out, numbers, &plain(1))
}

/// Values: pco finds what they are made of.
pub(super) fn put_values<T: Number>(out: &mut Vec<u8>, numbers: &[T]) -> Result<(), Refusal> {
    let config = ChunkConfig::default().with_compression_level(LEVEL);
    put(out, numbers, &config)
}

fn put<T: Number>(out: &mut Vec<u8>, numbers: &[T], config: &ChunkConfig) -> Result<(), Refusal> {
    if numbers.is_empty() {
        return Ok(());
    }
    let words = |error: pco::errors::PcoError| error.to_string();
    let file = FileCompressor::default();
    file.write_header(&mut *out).map_err(words)?;
    let mut chunk = file.chunk_compressor(numbers, config).map_err(words)?;
    chunk.write_meta(&mut *out).map_err(words)?;
    chunk.write_page(0, &mut *out).map_err(words)?;
    Ok(())
}

/// Exactly `count` numbers.
pub(super) fn get<T: Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, Refusal> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let words = |error: pco::errors::PcoError| error.to_string();
    let (file, rest) = FileDecompressor::new(bytes).map_err(words)?;
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(rest).map_err(words)?;
    let mut page = chunk.page_decompressor(rest, count).map_err(words)?;
    let mut numbers = vec![T::default(); count];
    let progress = page.read(&mut numbers).map_err(words)?;
    if progress.n_processed != count || !progress.finished {
        return Err("a column is cut short".to_owned());
    }
    Ok(numbers)
}
