//! The spool: a log of frames on disk, on its own thread, because the disk may block.
//!
//! A frame's number is its position in the log, so it is given when the frame is written and
//! not before. What must stay true:
//! - a frame is offered to delivery only after its transaction is on disk;
//! - an (epoch, number) pair never stands for two contents: the epoch is drawn at each start,
//!   so an older copy of the folder goes on under numbers of its own;
//! - what is lost (no room, refused, damaged, time between two runs) leaves a gap record in
//!   the next frame; the record waits on disk too, so a kill in between does not lose it.
//!
//! A spool belongs to one gateway: frames have no name in them, and under another one they would
//! be another plant's data.
//!
//! A damaged file is set aside whole and what can be read of it goes on in a fresh one, see
//! [`open`]: a power cut must never keep a gateway from reading.
//!
//! When frames cannot be written they wait in memory, at most [`WAITING_MAX`]; then the
//! oldest waiting one goes, and a gap record takes its place. Nothing else changes promise:
//! a frame in memory is not offered to anyone.

use std::time::Duration;

use fenghuo_model::{CatalogId, GatewayKey, Timestamp};
use fenghuo_uplink::frame::FrameBuilder;
use fenghuo_uplink::receipt::RefusalReason;
use tokio::sync::{mpsc, oneshot};

mod account;
pub mod ballast;
mod gaps;
mod marks;
mod rescue;
mod store;
mod thread;

pub use account::Note;
pub use marks::Custody;
pub use rescue::{Opened, Progress, Rescue, open};
pub use store::{Due, Found, Gone, Span, Store};
pub use thread::spawn;

/// The log's file in the spool's folder.
pub const FILE: &str = "spool.db";
/// Stands beside a spool whose file was found damaged while it was in use.
pub const SUSPECT: &str = "spool.suspect";
/// A damaged spool's folder: `spool.bad-<milliseconds since 1970>`. The newest is kept.
pub const BAD: &str = "spool.bad-";
/// Closed frames that may wait in memory while the disk does not take them.
pub const WAITING_MAX: usize = 64;
/// Commands that may wait for the spool's thread.
pub const COMMANDS_MAX: usize = 16;
/// Events that may wait for delivery; the spool's thread waits when it is full.
pub const EVENTS_MAX: usize = 256;
/// Most destinations. One connection and one reader each; a plant has its own server and a
/// county's.
pub const DESTINATIONS_MAX: usize = 4;
/// Dead letters that are kept, the newest.
pub const DEAD_LETTERS_MAX: usize = 100;

/// How much is kept, for whom, and how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Whose frames these are.
    pub gateway: GatewayKey,
    /// Most bytes of the file.
    pub budget_bytes: u64,
    /// How long frames stay that every destination has, as far as the budget allows: a server
    /// that was restored from an older copy gets them again.
    pub keep: Duration,
    /// The names of those who are to get every frame; destinations are numbered in this order.
    pub destinations: Vec<String>,
}

#[cfg(test)]
impl Terms {
    /// One destination, for which nothing is kept that it has.
    pub fn alone(budget_bytes: u64) -> Self {
        Self {
            gateway: GatewayKey::new("oil", "gw1").unwrap(),
            budget_bytes,
            keep: Duration::ZERO,
            destinations: vec!["server".to_owned()],
        }
    }
}

/// A frame that wants to be written.
#[derive(Debug)]
pub struct Closed {
    /// What it holds.
    pub builder: FrameBuilder,
    /// The read clock when it was closed.
    pub watermark: Timestamp,
    /// The steady clock then: what its age is told by.
    pub steady: Timestamp,
}

/// What the spool's thread is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Write this frame.
    Append(Box<Closed>),
    /// A destination has this much: note it, and free what nobody needs.
    Done(usize, Custody),
    /// A destination refuses this frame for ever: keep it as a dead letter.
    Refused(usize, u64, RefusalReason),
    /// This frame's bytes are damaged; a destination will not get it.
    Corrupt(usize, u64),
    /// A destination wants to be offered again what it refused of these, both included.
    OfferAgain(usize, u64, u64),
    /// Go on under a new epoch.
    NewEpoch,
    /// Keep so much, and so long, from now on.
    Keep {
        /// Most bytes of the file.
        budget_bytes: u64,
        /// See [`Terms::keep`].
        keep: Duration,
    },
    /// Answer when everything before is written (or could not be).
    Flush(oneshot::Sender<()>),
}

/// What the spool tells the delivery to a destination.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A frame is durable.
    Spooled {
        /// Its number.
        seq: u64,
        /// Its run.
        epoch: u64,
        /// The steady clock when it was closed.
        steady: Timestamp,
        /// The catalog it names.
        catalog: CatalogId,
    },
    /// Gap records that go with a frame; it comes before that frame.
    Note(Note),
    /// Frames below this are not here any more.
    GoneBelow(u64),
    /// The answer to [`Command::OfferAgain`]: what is on disk now; none when it could not be
    /// written.
    OfferAgain(Option<(u64, u64)>),
}

/// The way to the spool's thread.
pub type Commands = mpsc::Sender<Command>;
/// The way from it.
pub type Events = mpsc::Receiver<Event>;

/// The name of a catalog's mark in the spool, for readers of the file.
#[must_use]
pub fn catalog_mark(id: CatalogId) -> String {
    marks::catalog(id)
}
