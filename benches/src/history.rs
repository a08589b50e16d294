//! The history: writing, size, query.
//!
//! Data set: 2,000 series at 20 s with 0 to 6 ms of jitter; 40 % of 0.1 resolution, 20 %
//! noisy 32-bit floats, 20 % counters, 20 % states.

use std::time::{Duration, Instant};

use fenghuo_history::{History, Options, Row, SeriesId};
use fenghuo_model::{
    PointKey, PointRef, Reading, Sample, SampleId, Timestamp, Unit, Value, ValueType,
};

use crate::data::BEGIN;
use crate::table::{Table, rate};

const SERIES: usize = 2_000;
const SAMPLES: usize = 10_000_000;
const BATCH: usize = 10_000;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let history = History::open(dir.path(), Options::new("bench"))?;
    let series = register(&history)?;
    let begun = Instant::now();
    let mut making = Duration::ZERO;
    let mut rows = Vec::with_capacity(BATCH);
    for batch in 0..SAMPLES / BATCH {
        let one = Instant::now();
        fill(&mut rows, &series, batch);
        making += one.elapsed();
        history.apply(batch as u64 + 1, &rows)?;
    }
    history.seal_all()?;
    let seconds = (begun.elapsed() - making).as_secs_f64();
    let bytes = history.stats().bytes as f64 / SAMPLES as f64;
    table.row(
        "history write",
        rate(SAMPLES as f64, seconds),
        "10 M samples, 2,000 series, seals included",
    );
    table.row(
        "history size",
        format!("{bytes:.2} bytes a sample"),
        "files, free pages and write-ahead log included",
    );
    let point = point(3)?;
    let (from, until) = (
        Timestamp::from_millis(BEGIN),
        Timestamp::from_millis(BEGIN + 86_400_000),
    );
    let begun = Instant::now();
    let rounds = 200;
    let mut found = 0;
    for _ in 0..rounds {
        found = history
            .range(&point, from, until, usize::MAX)
            .series
            .iter()
            .map(|(_, s)| s.len())
            .sum();
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(rounds);
    table.row(
        "history, one series-day",
        format!("{:.2} ms", each * 1e3),
        &format!("{found} samples, warm"),
    );
    Ok(())
}

fn point(at: usize) -> anyhow::Result<PointRef> {
    Ok(PointRef {
        gateway: "bench/gw".parse()?,
        key: PointKey::new(&format!("s{at}"))?,
    })
}

const fn value_type(at: usize) -> ValueType {
    match at % 10 {
        0..=5 => ValueType::F64,
        6 | 7 => ValueType::U64,
        _ => ValueType::Bool,
    }
}

fn register(history: &History) -> anyhow::Result<Vec<SeriesId>> {
    let wanted: Vec<_> = (0..SERIES)
        .map(|at| Ok((point(at)?, Unit::ONE, value_type(at))))
        .collect::<anyhow::Result<_>>()?;
    Ok(history.series_for_all(&wanted)?)
}

fn fill(rows: &mut Vec<Row>, series: &[SeriesId], batch: usize) {
    rows.clear();
    for index in 0..BATCH {
        let number = batch * BATCH + index;
        let (at, step) = (number % SERIES, number / SERIES);
        let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let noise = mixed as f64 / f64::from(1 << 24);
        let value = match at % 10 {
            0..=3 => Value::F64(((step % 600) as f64 * 0.7 + noise * 3.0).round() / 10.0),
            4 | 5 => Value::F64(f64::from((noise * 100.0) as f32)),
            6 | 7 => Value::U64(step as u64 * 3 + (mixed & 1)),
            _ => Value::Bool(step % 97 > 60),
        };
        let time = BEGIN + step as i64 * 20_000 + (mixed % 7) as i64;
        rows.push(Row {
            series: series[at],
            id: SampleId {
                epoch: 1,
                seq: batch as u64 + 1,
                index: u32::try_from(index).unwrap_or(0),
            },
            sample: Sample {
                time: Timestamp::from_millis(time),
                reading: Reading::Good(value),
            },
        });
    }
}
