//! Modbus: plan, ask, decode. One task owns one line and the units behind it.
//!
//! What must stay true: a connection that saw a time-out, a cancelled call or anything but a
//! whole, fitting answer that came alone is dropped, or a serial line drained, before it is
//! used again; a unit that may still answer something older is asked only what tells such an
//! answer from the right one ([`late`]); and whatever was due and did not come is a sample
//! without value.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ReadClock;
use crate::source::change::Exception;
use crate::source::{Closed, Outlet};

pub mod connection;
pub mod decode;
pub mod dial_in;
pub mod drift;
pub mod late;
pub mod plan;
pub mod poll;
pub mod port;
pub mod wire;

use plan::{Reach, Register};
use port::Way;

/// One connection and the units behind it. Its points are numbered from 0, so that a line is
/// the same wherever it stands in a file; see [`crate::source::Outlet`].
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// Its name in metrics and logs.
    pub name: String,
    /// Its state point's number.
    pub state: u32,
    /// How its bytes come and go.
    pub way: Way,
    /// Longest wait for a connection and for a reply.
    pub timeout: Duration,
    /// Shortest wait between a reply and the next request.
    pub pause: Duration,
    /// The units behind it.
    pub units: Vec<Unit>,
}

/// One unit (slave) behind a connection.
#[derive(Clone, PartialEq, Debug)]
pub struct Unit {
    /// Its unit id.
    pub id: u8,
    /// Its state point's number.
    pub state: u32,
    /// How often it is read.
    pub interval_ms: u32,
    /// Shortest wait between its reply and the next request to it.
    pub pause: Duration,
    /// How far one read may reach.
    pub reach: Reach,
    /// Whether its registers are watched for a map that no longer fits.
    pub drift_guard: bool,
    /// What is read.
    pub points: Vec<Point>,
}

/// One point of a unit.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// Its number among the line's points.
    pub index: u32,
    /// Where it stands.
    pub register: Register,
    /// When it is worth reporting; always without.
    pub exception: Option<Exception>,
}

/// Reads a line until the batcher is gone; drop the future to stop it.
///
/// # Errors
/// [`Closed`] when there is no batcher any more.
pub async fn run(line: Line, clock: Arc<ReadClock>, out: Outlet, seed: u64) -> Result<(), Closed> {
    let mut poller = poll::Poller::new(line, clock, out, seed);
    loop {
        poller.step().await?;
    }
}
