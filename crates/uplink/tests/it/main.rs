//! Collector and server over a bad link, both of them dying, in simulated time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod delivery;
mod sim;
