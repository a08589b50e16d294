//! What a bound rule costs in memory: resident memory with and without the rules.

use crate::engine::fold::{Fold, Times};
use crate::engine::speed::LEVEL;
use crate::machine;
use crate::table::Table;

const POINTS: usize = 1_000_000;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let own = std::process::id();
    let mut fold = Fold::new(POINTS, "")?;
    fold.quiet(2, Times::One)?;
    let without = machine::resident_mb(own);
    fold.rules(LEVEL);
    fold.quiet(2, Times::One)?;
    let with = machine::resident_mb(own);
    let bytes = (with - without) * 1_048_576.0 / POINTS as f64;
    table.row(
        "engine, memory of a bound level rule",
        format!("{bytes:.0} B"),
        &format!("resident memory of {POINTS} points with the rule less without it"),
    );
    let snapshot = fold.engine.snapshot()?.len();
    table.row(
        "engine, snapshot of a point with a level rule",
        format!("{:.0} B", snapshot as f64 / POINTS as f64),
        "bytes of the snapshot of the same engine",
    );
    Ok(())
}
