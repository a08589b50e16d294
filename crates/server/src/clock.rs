//! The server's clock: the only place that asks the system for the time.

use std::time::{SystemTime, UNIX_EPOCH};

use fenghuo_model::Timestamp;

/// Now, by the server's wall clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
