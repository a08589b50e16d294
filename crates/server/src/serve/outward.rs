//! What goes out: carriers of notices, and sinks.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::task::JoinHandle;

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
