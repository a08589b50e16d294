//! The way to an MQTT broker, whichever version it speaks. These files alone know the client
//! library; sources and delivery see [`Client`], [`Connection`] and [`Event`].
//!
//! What must stay true:
//! - every connection is a clean session: what a broker kept while we were away would come
//!   with a wrong time of arrival, and of what we sent only the server's receipt counts;
//! - a broker that takes the connection and never answers is given up after
//!   [`CONNECT_SECONDS`], one that falls silent later after two keep-alives and the time that
//!   the link needs for what is under way (`queue`): no ping overtakes a large message;
//! - certificates are read anew for each connection, so a renewed one needs no restart.
//!
//! On a new session the library drops, without a word, all that was queued and not yet
//! acknowledged: nobody may take a message for delivered because it was handed over here.

use std::time::Duration;

use crate::config::{Broker, Version};

mod connection;
mod queue;
#[cfg(test)]
pub mod tests;
pub mod tls;
mod trouble;

pub use connection::{Client, Connection, Event, Message, NotTaken};
pub use trouble::Trouble;

/// Longest wait for a connection with all that belongs to it, up to the broker's greeting.
pub const CONNECT_SECONDS: u64 = 5;
/// After this much silence the broker is asked whether it is there.
pub const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// First and longest wait between two tries to connect, in milliseconds. The longest is
/// short, because it is what a restart of the broker costs in fresh data.
pub const WAIT_MS: u64 = 200;
/// See [`WAIT_MS`]; a quarter is added by chance.
pub const WAIT_MS_MAX: u64 = 4_000;

/// What a link asks of the library besides the broker's own settings.
#[derive(Clone, Debug)]
pub struct Manner {
    /// The client's id at the broker.
    pub client_id: String,
    /// A larger packet ends the connection.
    pub packet_bytes_max: usize,
    /// The largest message of ours, if one may take long on a slow link.
    pub message_bytes_max: Option<usize>,
    /// Requests that may wait in the client.
    pub requests_max: usize,
    /// Messages that may be without the broker's acknowledgement.
    pub inflight_max: u16,
    /// What the broker says for us when we are gone.
    pub will: Option<Will>,
}

/// A last will, sent with quality of service 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Will {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// Whether the broker keeps it for those who come later.
    pub is_retained: bool,
}

/// How surely a message is to arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surety {
    /// At most once.
    Once,
    /// Until the broker has acknowledged it.
    Acknowledged,
}

/// Opens no connection yet; polling does.
#[must_use]
pub fn open(broker: &Broker, manner: Manner) -> (Client, Connection) {
    match broker.version {
        Version::V4 => connection::open_v4(broker, manner),
        Version::V5 => connection::open_v5(broker, manner),
    }
}
