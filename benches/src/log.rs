//! The log: appends that are on disk when they return.

use std::time::Instant;

use fenghuo_log::{Batch, Log};

use crate::data::{BEGIN, catalog, frame};
use crate::table::{Table, rate};

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    for (samples, frames) in [(200, 1), (200, 32), (5_000, 1), (5_000, 16)] {
        let dir = tempfile::tempdir()?;
        let mut log = Log::open(&dir.path().join("log.db"), None)?;
        let body = frame(&catalog(samples), 1, 1, samples, BEGIN);
        let appends = (4_000_000 / (samples * frames)).clamp(100, 2_000);
        let mut slowest: f64 = 0.0;
        let begun = Instant::now();
        for _ in 0..appends {
            let mut batch = Batch::default();
            for _ in 0..frames {
                batch.push(1, body.clone());
            }
            let one = Instant::now();
            log.append(&batch)?;
            slowest = slowest.max(one.elapsed().as_secs_f64());
        }
        let seconds = begun.elapsed().as_secs_f64();
        table.row(
            &format!("log append with fsync, {frames} frames of {samples} a batch"),
            rate((appends * frames * samples) as f64, seconds),
            &format!(
                "{} appends, {:.2} ms each, slowest {:.1} ms",
                appends,
                seconds * 1e3 / appends as f64,
                slowest * 1e3
            ),
        );
    }
    Ok(())
}
