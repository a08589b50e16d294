//! What the engine folds: log entries, decoded.

use std::sync::Arc;

use fenghuo_model::{Catalog, CatalogId, GatewayKey, Sample, Timestamp};

use crate::EventId;

/// One log entry.
#[derive(Clone, Debug)]
pub enum Input {
    /// A gateway's catalog.
    Catalog(GatewayKey, Arc<Catalog>),
    /// A frame that a gateway delivered.
    Frame(FrameInput),
    /// Something a person did.
    Act(Act),
    /// The rule files as a whole, taking the place of those before. They were checked when
    /// they entered the log; a text that no longer parses leaves the old rules in force.
    Rules(Vec<(String, String)>),
    /// The gateways that are expected to report, whether or not they ever did.
    Expected(Vec<GatewayKey>),
    /// The server started.
    Started(Timestamp),
    /// A second of the server's life, whatever its wall clock shows.
    Tick {
        /// The server's clock.
        at: Timestamp,
        /// Whether frames were taken in that second: without room on the disk, a gateway that
        /// speaks is not heard.
        hearing: bool,
    },
}

/// A frame, as the log holds it.
#[derive(Clone, Debug)]
pub struct FrameInput {
    /// Whose it is.
    pub gateway: GatewayKey,
    /// When the server took it, by its own clock.
    pub received: Timestamp,
    /// The run of the collector that wrote it.
    pub epoch: u64,
    /// Its number.
    pub seq: u64,
    /// The first number of its run.
    pub epoch_first: u64,
    /// No smaller number will come any more (that is not in the log already).
    pub oldest: u64,
    /// Smaller numbers are backlog.
    pub live_from: u64,
    /// Of the numbers from `live_from` on, none smaller than this will come any more (that
    /// is not in the log already).
    pub live_oldest: u64,
    /// The collector's read clock when it closed the frame.
    pub watermark: Timestamp,
    /// The catalog that point indexes refer to.
    pub catalog: CatalogId,
    /// Point index and sample, in index order.
    pub samples: Vec<(u32, Sample)>,
    /// How far the collector's clock was set forward within this frame, in milliseconds.
    pub clock_step_ms: i64,
}

/// Something a person did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub comment: String,
    /// Which alarm they acknowledged.
    pub acknowledge: EventId,
}
