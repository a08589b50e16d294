//! The chunk codec: up to a few thousand samples of one series, by column.
//!
//! ```text
//! crc32c  u32 LE over the series id and all that follows
//! version u8  | value type u8 | count varint
//! lengths of times, qualities, identities: varint each
//! times      pco i64
//! qualities  nothing when all are good, else runs of (code, length)
//! identities one arithmetic line when regular, else columns
//! values     only of samples that have one: pco, runs or bitmap, or texts
//! ```
//!
//! A chunk is sorted by time, then identity. Each section is decoded only when asked for.
//! Every byte is under the checksum, and a chunk that passes it and is still not
//! understood is an error with words, never a panic.

mod bytes;
mod ids;
mod numbers;
mod values;

use fenghuo_model::{SampleId, ValueType};

use crate::block::{Block, Entry};
use crate::quality::Quality;
use bytes::{Reader, put_runs, put_varint};

pub(crate) use values::Values;

const VERSION: u8 = 1;

/// Most samples in one chunk: a bound for what a decoder allocates.
pub(crate) const CHUNK_SAMPLES_MAX: usize = 1 << 18;

/// Why bytes are not a chunk, in words.
pub(crate) type Refusal = String;

const fn type_code(value_type: ValueType) -> u8 {
    match value_type {
        ValueType::F64 => 0,
        ValueType::I64 => 1,
        ValueType::U64 => 2,
        ValueType::Bool => 3,
        ValueType::Text => 4,
    }
}

fn checksum(series: u32, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&series.to_le_bytes()), body)
}

/// Packs sorted rows of one series; `texts` are their block's.
pub(crate) fn encode(
    series: u32,
    value_type: ValueType,
    rows: &[Entry],
    texts: &[Box<str>],
) -> Result<Vec<u8>, Refusal> {
    if rows.is_empty() || rows.len() > CHUNK_SAMPLES_MAX {
        return Err(format!("{} samples", rows.len()));
    }
    let (mut times, mut qualities, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    numbers::put_times(&mut times, rows)?;
    put_qualities(&mut qualities, rows);
    ids::put(&mut ids, rows)?;

    let mut out = Vec::with_capacity(2 * rows.len());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[VERSION, type_code(value_type)]);
    put_varint(&mut out, rows.len() as u64);
    for section in [&times, &qualities, &ids] {
        put_varint(&mut out, section.len() as u64);
    }
    for section in [&times, &qualities, &ids] {
        out.extend_from_slice(section);
    }
    values::put(&mut out, value_type, rows, texts)?;
    let crc = checksum(series, &out[4..]);
    out[..4].copy_from_slice(&crc.to_le_bytes());
    Ok(out)
}

fn put_qualities(out: &mut Vec<u8>, rows: &[Entry]) {
    if rows.iter().any(|row| row.quality != Quality::GOOD) {
        put_runs(out, rows.iter().map(|row| u64::from(row.quality.code())));
    }
}

/// A chunk whose checksum holds, with its sections found and not yet decoded.
pub(crate) struct Chunk<'a> {
    value_type: ValueType,
    count: usize,
    times: &'a [u8],
    qualities: &'a [u8],
    ids: &'a [u8],
    values: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Checks the bytes and finds the sections.
    pub(crate) fn open(
        series: u32,
        value_type: ValueType,
        bytes: &'a [u8],
    ) -> Result<Self, Refusal> {
        let (crc, body) = bytes.split_first_chunk::<4>().ok_or("cut short")?;
        if checksum(series, body) != u32::from_le_bytes(*crc) {
            return Err("checksum differs".to_owned());
        }
        let mut reader = Reader::new(body);
        let version = reader.byte()?;
        if version != VERSION {
            return Err(format!(
                "chunk version {version}, this program knows {VERSION}"
            ));
        }
        let code = reader.byte()?;
        if code != type_code(value_type) {
            return Err(format!(
                "holds value type {code}, not the series' {value_type:?}"
            ));
        }
        let count = reader.count(CHUNK_SAMPLES_MAX)?;
        let lengths = [reader.length()?, reader.length()?, reader.length()?];
        Ok(Self {
            value_type,
            count,
            times: reader.take(lengths[0])?,
            qualities: reader.take(lengths[1])?,
            ids: reader.take(lengths[2])?,
            values: reader.rest(),
        })
    }

    pub(crate) fn times(&self) -> Result<Vec<i64>, Refusal> {
        numbers::times(self.times, self.count)
    }

    /// One for each sample; empty when all are good.
    pub(crate) fn qualities(&self) -> Result<Vec<Quality>, Refusal> {
        if self.qualities.is_empty() {
            return Ok(Vec::new());
        }
        let codes = Reader::new(self.qualities).runs(self.count)?;
        let known = |code: u64| u16::try_from(code).ok().and_then(Quality::from_code);
        codes
            .into_iter()
            .map(|code| known(code).ok_or_else(|| format!("unknown quality {code}")))
            .collect()
    }

    pub(crate) fn ids(&self) -> Result<Vec<SampleId>, Refusal> {
        ids::get(self.ids, self.count)
    }

    /// The values of those samples that have one, in their order.
    pub(crate) fn values(&self, qualities: &[Quality]) -> Result<Values, Refusal> {
        let lacking = qualities
            .iter()
            .filter(|quality| !quality.has_value())
            .count();
        values::get(self.values, self.value_type, self.count - lacking)
    }

    /// Everything, as rows again.
    pub(crate) fn block(&self) -> Result<Block, Refusal> {
        let (times, qualities, ids) = (self.times()?, self.qualities()?, self.ids()?);
        let values = self.values(&qualities)?;
        let mut bits = values.bits.iter();
        let mut block = Block::default();
        for text in values.texts {
            block.put_text(text);
        }
        for (at, (time, id)) in times.into_iter().zip(ids).enumerate() {
            let quality = qualities.get(at).copied().unwrap_or(Quality::GOOD);
            let bits = if quality.has_value() {
                bits.next().copied().unwrap_or(0)
            } else {
                0
            };
            block.entries.push(Entry {
                time,
                epoch: id.epoch,
                seq: id.seq,
                bits,
                index: id.index,
                quality,
            });
        }
        Ok(block)
    }
}

#[cfg(test)]
mod tests;
