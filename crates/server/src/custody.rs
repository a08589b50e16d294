//! Sample custody: of every point and hour, how many reads were due, made, good and delivered,
//! and why each gap is there.
//!
//! ```text
//!  log ─► keeper ─► custody.db   what the collectors counted, and what they say is missing
//!                       │
//!  history ─────────────┴─► reckon ─► one row a point and hour
//! ```
//!
//! What was due, made and held back only the collector knows, and its frames tell it; what
//! arrived is counted in history itself, so that no second book can differ from what is
//! stored. What must stay true:
//! - nothing is counted twice: a record holds all that a run counted of an hour, and a newer
//!   one takes its place; a gap that is told again is the same gap;
//! - what nobody accounts for shows as such, with the number of reads that were to be expected;
//! - the log never waits for this book: what it misses, the next record of the hour tells.

mod keeper;
mod reckon;
mod store;

pub use keeper::Keeper;
pub use reckon::{Cause, Cell, Known, read_ms, reckon};
pub use store::{Book, CatalogsOf, Custody, CustodyError, Hours, Places, Told};

/// Its file in the data folder.
pub const FILE: &str = "custody.db";
