//! What the engine folds: log entries, decoded.

use std::sync::Arc;

use fenghuo_model::{Catalog, CatalogId, GatewayKey, Sample, Timestamp};

use serde::{Deserialize, Serialize};

use crate::event::Cause;
use crate::rule::Select;
use crate::{AlarmKey, EventId};

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
    /// How far the collector's clock was set within this frame, in milliseconds.
    pub clock_step_ms: i64,
}

/// Something a person did.
#[derive(Clone, PartialEq, Debug)]
pub struct Act {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub comment: String,
    /// What they did.
    pub deed: Deed,
}

/// What a person can do. Those that concern an alarm which may be normal at the time name
/// its key; the others name the occurrence that the person saw.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum Deed {
    /// Saw an alarm.
    Acknowledge {
        /// Which.
        alarm: EventId,
    },
    /// Lets go of a latched alarm.
    Reset {
        /// Which.
        alarm: EventId,
    },
    /// Puts an alarm on the shelf.
    Shelve {
        /// Which.
        alarm: AlarmKey,
        /// Until then by the server's clock, at most as long as the rule allows.
        until: Timestamp,
        /// Or until it returns to normal.
        one_shot: bool,
    },
    /// Takes it from the shelf.
    Unshelve {
        /// Which.
        alarm: AlarmKey,
    },
    /// Asks to take an alarm out of service.
    AskOut {
        /// Which.
        alarm: AlarmKey,
        /// The permit's number.
        permit: String,
        /// Until then by the server's clock.
        until: Timestamp,
    },
    /// Agrees, as the second person.
    AgreeOut {
        /// Which.
        alarm: AlarmKey,
    },
    /// Puts it back into service, or takes back what was asked.
    PutBack {
        /// Which.
        alarm: AlarmKey,
    },
    /// States what was behind an alarm; the comment is the measure taken.
    State {
        /// Which.
        alarm: EventId,
        /// What was behind it.
        cause: Cause,
    },
    /// The county looked into it.
    Verify {
        /// Which.
        alarm: EventId,
        /// Whether the statement is accepted.
        accepted: bool,
    },
    /// Closes an alarm's case.
    Close {
        /// Which.
        alarm: EventId,
    },
    /// Books a window in which alarms are planned (calibration, test, drill).
    Book(Booking),
    /// Ends a booking early, or takes it back.
    Unbook {
        /// Which.
        booking: String,
    },
    /// Keeps notices of some alarms from being sent for a time; the alarms go on.
    Silence(Silence),
    /// Ends a silence early.
    Unsilence {
        /// Which.
        silence: String,
    },
    /// Asks a gateway to offer again what it still has of a period, also what was refused.
    /// Nothing is judged differently for it.
    OfferAgain {
        /// Whom.
        gateway: GatewayKey,
        /// Begin, by the gateway's read clock.
        from: Timestamp,
        /// End.
        until: Timestamp,
    },
}

/// A window in which alarms of some points are planned. They are raised and kept, and marked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Booking {
    /// Its name, unique among those that are not over.
    pub id: String,
    /// The points, by their labels.
    pub select: Select,
    /// Begin, in the time of the data.
    pub from: Timestamp,
    /// End, in the time of the data.
    pub until: Timestamp,
}

/// A time in which notices of some alarms are not sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Silence {
    /// Its name, unique among those that are not over.
    pub id: String,
    /// Which alarms, by `rule`, `level`, `severity`, `enterprise`, `gateway`, `key` and the
    /// labels of the point.
    pub select: Select,
    /// Begin, by the server's clock.
    pub from: Timestamp,
    /// End, by the server's clock.
    pub until: Timestamp,
}
