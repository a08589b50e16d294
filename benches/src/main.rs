//! Figures of this machine, in one table: `make bench`.
//!
//! Shared machines are noisy: read ratios, and the median of several runs. Every figure
//! says what was counted; the generators run on the same cores, and the CPU of each process
//! is reported beside its figure. All traffic stays on loopback, and every run is bounded.

mod collector;
mod data;
mod engine;
mod frames;
mod history;
mod log;
mod machine;
mod mqtt;
mod path;
mod peer;
mod table;

use table::Table;

fn main() -> anyhow::Result<()> {
    let only: Vec<String> = std::env::args().skip(1).collect();
    let wanted =
        |name: &str| only.is_empty() || only.iter().any(|only| name.contains(only.as_str()));
    let mut table = Table::new();
    engine::run(&mut table, wanted)?;
    if wanted("frames") {
        frames::run(&mut table)?;
    }
    if wanted("log") {
        log::run(&mut table)?;
    }
    if wanted("history") {
        history::run(&mut table)?;
    }
    if wanted("peer") {
        peer::run(&mut table)?;
    }
    collector::run(&mut table, wanted)?;
    if wanted("mqtt") {
        mqtt::run(&mut table)?;
    }
    path::run(&mut table, wanted)?;
    table.print();
    Ok(())
}
