//! The door from the broker to the server: what gateways say, as it arrives.

use bytes::Bytes;
use fenghuo_uplink::topic::Topic;

/// Something a gateway said.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// On which topic; never `receipt`.
    pub topic: Topic,
    /// Its bytes, at most `PAYLOAD_BYTES_MAX`, in an allocation of exactly their size.
    pub payload: Bytes,
    /// The MQTT client id it came from; with anonymous access it proves nothing.
    pub client: String,
    /// Said by the broker for a client whose connection broke (its last will). A hint only:
    /// it can arrive just after the same client is back.
    pub will: bool,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is in a queue of the server.
    Queued,
    /// There was no room; the gateway keeps it until a receipt names it.
    Dropped,
}

/// Takes what gateways say.
///
/// Called on the broker's own threads, in order for one connection, in parallel for several.
/// It must never wait: no lock held across disk or network, no blocking send.
pub trait Intake: Send + Sync + 'static {
    /// Queues a message, or drops and counts it.
    fn take(&self, message: Incoming) -> Taken;

    /// A client's connection ended, in order or not. Called after its last will.
    fn disconnected(&self, _client: &str) {}
}
