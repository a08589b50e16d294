//! Sinks: they carry samples and alarm events on to databases that others run.
//!
//! What must stay true:
//! - a sink reads the log and the journal with cursors of its own, and never holds back
//!   ingest, judge or history;
//! - at least once and idempotent: a cursor moves only after the other side took what is
//!   before it, and what is written twice is the same line again;
//! - a sink holds the log only within its budget. Past it the log is let go, what was missed
//!   is noted and written from history later, and the server says so.

pub mod influx;

pub use influx::{Influx, InfluxConfig, InfluxParts};
