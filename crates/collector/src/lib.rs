//! The field gateway's half of Fenghuo: reads devices, keeps every sample on disk until the
//! server has it. Modules stand in the order in which a sample passes them.
//!
//! What must stay true:
//! - no value is invented: whatever goes wrong with a read becomes a sample without a value,
//!   with its reason;
//! - the spool is trimmed on the server's receipt alone; neither a broker's acknowledgement
//!   nor a client library's queue is trusted;
//! - every queue has a bound; sources wait when it is full, and what must be dropped is
//!   counted and leaves a gap record;
//! - nothing here judges a value or writes to a device.

pub mod clock;
pub mod config;
pub mod dice;
pub mod mqtt;
pub mod source;

pub mod batcher;
pub mod ledger;
pub mod spool;

pub mod deliver;

pub mod status;

pub mod commands;

#[cfg(test)]
mod fuzz;
