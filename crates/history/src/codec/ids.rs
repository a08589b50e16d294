//! Identities: one line when they follow a regular step, as those of a point that is in
//! every frame at the same place do; else columns.

use fenghuo_model::SampleId;

use super::bytes::{Reader, put_runs, put_varint};
use super::{Refusal, numbers};
use crate::block::Entry;

const REGULAR: u8 = 0;
const COLUMNS: u8 = 1;

pub(super) fn put(out: &mut Vec<u8>, rows: &[Entry]) -> Result<(), Refusal> {
    let Some(first) = rows.first() else {
        return Ok(());
    };
    if let Some(step) = regular_step(rows) {
        out.push(REGULAR);
        for number in [first.epoch, first.seq, step, u64::from(first.index)] {
            put_varint(out, number);
        }
        return Ok(());
    }
    out.push(COLUMNS);
    put_runs(out, rows.iter().map(|row| row.epoch));
    let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
    let indexes: Vec<u64> = rows.iter().map(|row| u64::from(row.index)).collect();
    let mut column = Vec::new();
    numbers::put_steps(&mut column, &seqs)?;
    put_varint(out, column.len() as u64);
    out.extend_from_slice(&column);
    numbers::put_steps(out, &indexes)
}

/// The wrapping step from each sequence number to the next, when it is always the same and
/// epoch and index never change.
fn regular_step(rows: &[Entry]) -> Option<u64> {
    let step = |pair: &[Entry]| pair[1].seq.wrapping_sub(pair[0].seq);
    let wanted = rows.get(..2).map_or(0, step);
    let same = |pair: &[Entry]| {
        step(pair) == wanted && pair[0].epoch == pair[1].epoch && pair[0].index == pair[1].index
    };
    rows.windows(2).all(same).then_some(wanted)
}

pub(super) fn get(bytes: &[u8], count: usize) -> Result<Vec<SampleId>, Refusal> {
    let mut reader = Reader::new(bytes);
    match reader.byte()? {
        REGULAR => regular(&mut reader, count),
        COLUMNS => columns(&mut reader, count),
        other => Err(format!("unknown identity layout {other}")),
    }
}

fn regular(reader: &mut Reader<'_>, count: usize) -> Result<Vec<SampleId>, Refusal> {
    let (epoch, first, step) = (reader.varint()?, reader.varint()?, reader.varint()?);
    let index = narrow(reader.varint()?)?;
    let id = |at: usize| SampleId {
        epoch,
        seq: first.wrapping_add(step.wrapping_mul(at as u64)),
        index,
    };
    Ok((0..count).map(id).collect())
}

fn columns(reader: &mut Reader<'_>, count: usize) -> Result<Vec<SampleId>, Refusal> {
    let epochs = reader.runs(count)?;
    let length = reader.length()?;
    let seqs: Vec<u64> = numbers::get(reader.take(length)?, count)?;
    let indexes: Vec<u64> = numbers::get(reader.rest(), count)?;
    let rows = epochs.into_iter().zip(seqs).zip(indexes);
    rows.map(|((epoch, seq), index)| {
        let index = narrow(index)?;
        Ok(SampleId { epoch, seq, index })
    })
    .collect()
}

fn narrow(index: u64) -> Result<u32, Refusal> {
    u32::try_from(index).map_err(|_| format!("index {index} is too large"))
}
