//! The engine on one core.

mod fold;
mod memory;
mod restart;
mod speed;

use crate::table::Table;

pub fn run(table: &mut Table, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    if wanted("engine-level") {
        speed::level(table)?;
    }
    if wanted("engine-mixed") {
        speed::mixed(table)?;
    }
    if wanted("engine-memory") {
        memory::run(table)?;
    }
    if wanted("engine-restart") {
        restart::run(table)?;
    }
    Ok(())
}
