//! Values of those samples that have one: numbers by pco, states as runs or a bitmap,
//! texts as a list of distinct texts and runs of places in it.

use std::collections::HashMap;

use fenghuo_model::ValueType;

use super::bytes::{Reader, put_runs, put_varint};
use super::{Refusal, numbers};
use crate::block::Entry;

const RUNS: u8 = 0;
const BITMAP: u8 = 1;

/// Decoded values, as a block's `bits`.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) bits: Vec<u64>,
    pub(crate) texts: Vec<Box<str>>,
}

pub(super) fn put(
    out: &mut Vec<u8>,
    value_type: ValueType,
    rows: &[Entry],
    texts: &[Box<str>],
) -> Result<(), Refusal> {
    let bits = rows
        .iter()
        .filter(|row| row.quality.has_value())
        .map(|row| row.bits);
    match value_type {
        ValueType::F64 => numbers::put_values(out, &bits.map(f64::from_bits).collect::<Vec<_>>()),
        ValueType::I64 => numbers::put_values(out, &bits.map(u64::cast_signed).collect::<Vec<_>>()),
        ValueType::U64 => numbers::put_values(out, &bits.collect::<Vec<_>>()),
        ValueType::Bool => {
            put_states(out, &bits.collect::<Vec<_>>());
            Ok(())
        }
        ValueType::Text => put_texts(out, bits, texts),
    }
}

pub(super) fn get(bytes: &[u8], value_type: ValueType, count: usize) -> Result<Values, Refusal> {
    if count == 0 {
        return Ok(Values::default());
    }
    let bits = match value_type {
        ValueType::F64 => numbers::get::<f64>(bytes, count)?
            .into_iter()
            .map(f64::to_bits)
            .collect(),
        ValueType::I64 => numbers::get::<i64>(bytes, count)?
            .into_iter()
            .map(i64::cast_unsigned)
            .collect(),
        ValueType::U64 => numbers::get(bytes, count)?,
        ValueType::Bool => states(bytes, count)?,
        ValueType::Text => return texts(bytes, count),
    };
    let texts = Vec::new();
    Ok(Values { bits, texts })
}

fn put_states(out: &mut Vec<u8>, states: &[u64]) {
    let mut runs = Vec::new();
    put_runs(&mut runs, states.iter().copied());
    if runs.len() <= states.len().div_ceil(8) {
        out.push(RUNS);
        out.extend_from_slice(&runs);
        return;
    }
    out.push(BITMAP);
    for eight in states.chunks(8) {
        let bit = |(at, state): (usize, &u64)| u8::from(*state != 0) << at;
        out.push(
            eight
                .iter()
                .enumerate()
                .map(bit)
                .fold(0, |byte, bit| byte | bit),
        );
    }
}

fn states(bytes: &[u8], count: usize) -> Result<Vec<u64>, Refusal> {
    let mut reader = Reader::new(bytes);
    match reader.byte()? {
        RUNS => reader.runs(count),
        BITMAP => {
            let map = reader.take(count.div_ceil(8))?;
            Ok((0..count)
                .map(|at| u64::from(map[at / 8] >> (at % 8) & 1))
                .collect())
        }
        other => Err(format!("unknown state layout {other}")),
    }
}

fn put_texts(
    out: &mut Vec<u8>,
    bits: impl Iterator<Item = u64>,
    texts: &[Box<str>],
) -> Result<(), Refusal> {
    let mut places: HashMap<&str, u64> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut column = Vec::new();
    for place in bits {
        let text = usize::try_from(place).ok().and_then(|at| texts.get(at));
        let text: &str = text.ok_or("a text is missing")?;
        column.push(*places.entry(text).or_insert_with(|| {
            distinct.push(text);
            distinct.len() as u64 - 1
        }));
    }
    put_varint(out, distinct.len() as u64);
    for text in distinct {
        put_varint(out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
    put_runs(out, column.into_iter());
    Ok(())
}

fn texts(bytes: &[u8], count: usize) -> Result<Values, Refusal> {
    let mut reader = Reader::new(bytes);
    let distinct = reader.count(count)?;
    let mut texts = Vec::with_capacity(distinct);
    for _ in 0..distinct {
        let length = reader.length()?;
        let text = std::str::from_utf8(reader.take(length)?).map_err(|error| error.to_string())?;
        texts.push(text.into());
    }
    let bits = reader.runs(count)?;
    if bits.iter().any(|place| *place >= distinct as u64) {
        return Err("a text is missing".to_owned());
    }
    Ok(Values { bits, texts })
}
