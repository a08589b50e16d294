//! Delivery: offers spooled frames to the server until its receipt says they are durable.
//!
//! What to send is decided by the outbox alone ([`fenghuo_uplink::outbox`]); this stage
//! reads frames, checks them, puts them on the link, and carries the outbox's decisions to
//! the spool. Neither the broker's acknowledgements nor the client's queue is trusted: a
//! message that vanishes on the way is a frame without receipt, and is sent again.
//!
//! It never waits for the spool's thread, which may itself wait for it.

mod ages;
mod driver;
mod fetch;
mod gauges;
mod holdings;
pub mod link;
mod outage;
mod patience;
mod settings;

pub use driver::{Driver, Wiring};
