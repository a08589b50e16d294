//! Log lines go to standard error; `RUST_LOG` says which.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What is logged without `RUST_LOG`.
const DEFAULT: &str = "info";

/// Starts logging, as text or as JSON. Once in a process.
pub fn to_stderr(as_json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A log on a full or read-only disk must not end the thread that writes a line: saying
        // that the line was lost would go to the same place, and panic there.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    if as_json {
        log.json().init();
    } else {
        log.init();
    }
}
