//! How collector and server talk: topics, frames, receipts, and the two state machines that
//! make delivery certain over a link that may lose, repeat and reorder.
//!
//! Pure: no socket, no disk, no clock; time and bytes are passed in. The messages are
//! documented in `proto/fenghuo.proto`; golden tests pin their bytes. What must stay true:
//! - correctness never depends on a retained message or on the broker's sessions;
//! - a frame's identity is (gateway, epoch, seq); an epoch is drawn at each start of a
//!   collector, so a restored spool can never give an old number to new bytes;
//! - the outbox trims only on a live receipt, one that answers its own last hello;
//! - nothing that a peer sends can make a decoder panic or allocate without bound.

pub mod catalog;
pub mod custody;
pub mod frame;
#[cfg(test)]
mod golden;
pub mod hello;
pub mod inbox;
pub mod outbox;
pub mod ranges;
pub mod receipt;
pub mod topic;
pub mod wire;

/// Version of the protocol, in topics, frames and hellos.
pub const VERSION: u32 = 1;
/// Largest spooled frame in bytes, its CRC included.
pub const FRAME_BYTES_MAX: usize = 256 << 10;
/// Largest MQTT payload that either side accepts.
pub const PAYLOAD_BYTES_MAX: usize = FRAME_BYTES_MAX + 1_024;
/// Most samples in one frame.
pub const FRAME_SAMPLES_MAX: usize = 32_768;
/// Most gap records in one envelope.
pub const ENVELOPE_GAPS_MAX: usize = 16;
