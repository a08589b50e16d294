//! Coming back with many active alarms: the engine's part (the server's is in `path`).

use std::time::Instant;

use fenghuo_engine::Engine;

use crate::engine::fold::{Fold, Times};
use crate::engine::speed::LEVEL;
use crate::table::Table;

const ALARMS: usize = 100_000;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let mut fold = Fold::new(ALARMS, LEVEL)?;
    for _ in 0..8 {
        let frames = fold.second(Times::One, |_, _| 150.0);
        fold.feed(frames);
    }
    anyhow::ensure!(
        fold.engine.book().len() == ALARMS && fold.engine.impossible() == 0,
        "{} alarms",
        fold.engine.book().len()
    );
    let begun = Instant::now();
    let bytes = fold.engine.snapshot()?;
    let written = begun.elapsed();
    let begun = Instant::now();
    let restored = Engine::restore(&bytes)?;
    let read = begun.elapsed();
    anyhow::ensure!(restored.book().len() == ALARMS, "alarms were lost");
    table.row(
        "engine, restore with 100000 active alarms",
        format!("{:.2} s", read.as_secs_f64()),
        &format!(
            "snapshot of {:.1} MB, written in {:.2} s",
            bytes.len() as f64 / 1e6,
            written.as_secs_f64()
        ),
    );
    Ok(())
}
