//! An append-only log with cursors, on SQLite: the collector's spool and the server's log.
//!
//! What must stay true:
//! - [`Log::append`] returns only after the transaction is on disk (WAL, synchronous=FULL):
//!   what was appended survives a kill and a power cut, and a torn append is not there at all;
//! - positions start at 1, follow one another without a hole, and never return, even when
//!   the log was trimmed empty: the next position is stored, not derived;
//! - marks (small named values) change in the same transaction as the entries beside them,
//!   so that "have I seen this frame" can never disagree with the log;
//! - one process writes a log at a time: a second [`Log::open`] is refused.
//!
//! Limits: an entry is at most [`ENTRY_BYTES_MAX`]; a batch at most [`BATCH_ENTRIES_MAX`]
//! entries. The log knows nothing of what its entries mean.

mod error;
mod head;
mod lock;
mod reader;
mod schema;
mod space;
mod writer;

pub use error::LogError;
pub use head::Head;
pub use reader::{Entry, Reader};
pub use space::{Space, free_bytes};
pub use writer::{Batch, Log, LogId};

/// Largest body of one entry in bytes.
pub const ENTRY_BYTES_MAX: usize = 16 << 20;
/// Most entries in one batch.
pub const BATCH_ENTRIES_MAX: usize = 65_536;
