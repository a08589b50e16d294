//! What goes out: carriers of notices, and sinks.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use fenghuo_log::Log;
use tokio::task::JoinHandle;

use super::wiring::Wires;
use crate::config::Config;

/// The carriers that run.
#[derive(Default)]
pub struct Carriers {
    /// Their names, which notices are written for.
    pub names: Vec<String>,
    /// Their tasks.
    pub tasks: Vec<JoinHandle<()>>,
}

/// The sinks that run.
#[derive(Default)]
pub struct Sinks {
    /// How far each needs the log.
    pub keep_from: Vec<Arc<AtomicU64>>,
    /// Their tasks.
    pub tasks: Vec<JoinHandle<()>>,
}

pub fn carriers(_config: &Config, _wires: &Wires) -> anyhow::Result<Carriers> {
    Ok(Carriers::default())
}

pub fn sinks(_config: &Config, _wires: &Wires, _log: &Log) -> anyhow::Result<Sinks> {
    Ok(Sinks::default())
}
