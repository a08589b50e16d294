//! The embedded time-series store: every sample, on disk, once.
//!
//! ```text
//!  log ──apply──► head (RAM) ──seal──► ts-YYYYMM.db ──► range, downsample, counts, latest
//!                                          ▲
//!                    series.db: which point, unit and type a series is
//! ```
//!
//! History has no log of its own. The caller hands it each entry of the server's log with
//! the entry's position; samples stay in memory until their series is *sealed*, by count or
//! by age, into a compressed chunk. After a restart the caller replays its log from
//! [`History::replay_from`].
//!
//! What must stay true:
//! - **Once.** A seal always takes everything that its series has in memory for one month,
//!   and writes in the same transaction how far that series has come in the log. Replay
//!   skips exactly the samples up to there, for each series and month by itself, so a kill
//!   at any point neither loses nor doubles a sample.
//! - **Durable before trimmed.** Seals are committed with `synchronous = FULL`, and
//!   everything below [`History::replay_from`] is in such a commit.
//! - **Nothing is read twice.** A reader may meet a sample in memory and in a file while it
//!   is being sealed. Samples carry their identity, so the second one is left out.
//! - **An error takes nothing.** When [`History::apply`] fails, no row of that position was
//!   taken, and it may be called again.
//! - **No clock.** Time comes in by [`History::tick`].
//!
//! Limits: 2^21 series; times from 1970 to 2109; one process a folder (held by a lock
//! file); one writing thread at a time; memory bounded by [`Options::head_samples_max`].

mod error;
mod month;
mod quality;

mod block;
mod codec;
mod head;

mod file;
mod registry;
mod store;
mod writer;

mod query;

pub use error::{Error, Fault};
pub use month::Month;
pub use query::{
    BUCKETS_MAX, Bucket, COUNTS_MAX, Count, Counts, Downsampled, Identified, Latest, Range, Spread,
    Stats,
};
pub use registry::{SERIES_MAX, SeriesId, SeriesMeta};
pub use store::{History, Options};
pub use writer::{Applied, Row};

/// The outcome of whatever may fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
