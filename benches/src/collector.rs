//! The collector's figures: what a small gateway costs, how much one core takes, and how a
//! day's backlog goes out.

use std::time::Duration;

use crate::machine;
use crate::path::server::{Running, free};
use crate::table::Table;

mod config;
mod device;
mod drain;
pub mod running;
mod speed;

use config::Plan;
use running::Collector;

const WARM: Duration = Duration::from_secs(5);
const COUNTED: Duration = Duration::from_secs(30);

pub fn run(table: &mut Table, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    if wanted("collector-footprint") {
        footprint(table)?;
    }
    if wanted("collector-speed") {
        speed::run(table)?;
    }
    if wanted("collector-drain") {
        drain::run(table)?;
    }
    Ok(())
}

/// 1,000 points at 1 Hz over Modbus TCP, delivering to a server.
fn footprint(table: &mut Table) -> anyhow::Result<()> {
    let device = device::start(None)?;
    let server = Running::start("")?;
    let dir = tempfile::tempdir()?;
    let status = free()?;
    let plan = Plan {
        lines: 1,
        points: 1_000,
        step: 1,
        interval_ms: 1_000,
    };
    let file = config::write(dir.path(), server.mqtt, status, 64, &plan.toml(device))?;
    let collector = Collector::start(&file, status, None)?;
    std::thread::sleep(WARM);
    let before = collector.cpu_seconds();
    std::thread::sleep(COUNTED);
    let cpu = (collector.cpu_seconds() - before) / COUNTED.as_secs_f64() * 100.0;
    let resident = machine::resident_mb(collector.pid());
    anyhow::ensure!(
        collector.counted()?.sum("link_up") == 1.0,
        "it does not deliver"
    );
    collector.stop()?;
    table.row(
        "collector, 1,000 points at 1 Hz",
        format!("{resident:.1} MB resident, {cpu:.2} % of a core"),
        "Modbus TCP, delivering to a server, after 35 s",
    );
    Ok(())
}
