//! Frames: encoding at the collector, decoding and checking at the server.

use std::time::Instant;

use fenghuo_uplink::frame::Frame;

use crate::data::{BEGIN, catalog, frame};
use crate::table::{Table, rate};

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    for samples in [200, 5_000] {
        let catalog = catalog(samples);
        let rounds = 3_000_000 / samples;
        let begun = Instant::now();
        let mut bytes = Vec::new();
        for seq in 1..=rounds as u64 {
            bytes = frame(&catalog, 1, seq, samples, BEGIN);
        }
        let encode = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let mut out = Vec::with_capacity(samples);
        for _ in 0..rounds {
            out.clear();
            Frame::decode(&bytes)?.samples(&catalog, &mut out)?;
        }
        let decode = begun.elapsed().as_secs_f64();
        let count = (rounds * samples) as f64;
        let size = bytes.len() as f64 / samples as f64;
        let how = format!("one core, f64, {size:.1} bytes a sample, CRC included");
        table.row(
            &format!("frame of {samples}: encode"),
            rate(count, encode),
            &how,
        );
        table.row(
            &format!("frame of {samples}: decode and check"),
            rate(count, decode),
            &how,
        );
    }
    Ok(())
}
