//! Records of a frame, compressed (Zstandard, RFC 8878): spool, link and log all gain.
//!
//! What must stay true: unpacking never gives more than a frame may hold, whatever the bytes
//! say; a frame that would not get smaller stays plain.

use std::cell::RefCell;

use prost::Message;
use zstd::bulk::{Compressor, Decompressor};

use super::FrameError;
use crate::{FRAME_BYTES_MAX, wire};

/// Higher levels gain less than a tenth on frames and cost several times the time.
const LEVEL: i32 = 1;
/// Records that are shorter are not worth it.
const PLAIN_BYTES_MAX: usize = 96;

/// Packs one frame after another, with one set of tables.
pub struct Packer {
    compressor: Compressor<'static>,
    plain: Vec<u8>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// Ready to pack.
    ///
    /// # Errors
    /// When there is no memory for its tables.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(LEVEL)?,
            plain: Vec::new(),
        })
    }

    /// The records packed, when that saves at least an eighth.
    pub(super) fn pack(&mut self, records: &wire::Records) -> Option<Vec<u8>> {
        self.plain.clear();
        // A Vec grows, so encoding into it cannot run out of room.
        records.encode_raw(&mut self.plain);
        if self.plain.len() <= PLAIN_BYTES_MAX {
            return None;
        }
        let packed = self.compressor.compress(&self.plain).ok()?;
        (packed.len() <= self.plain.len() / 8 * 7).then_some(packed)
    }
}

/// Records as they were packed.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<wire::Record>, FrameError> {
    thread_local! {
        /// A server unpacks thousands of frames a second; making the tables costs more than a
        /// small frame.
        static TABLES: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    const BROKEN: FrameError = FrameError::Field("packed records");
    // To Zstandard nothing is the packing of nothing; we never write that.
    if packed.is_empty() {
        return Err(BROKEN);
    }
    let broken = |_| BROKEN;
    let plain = TABLES.with_borrow_mut(|tables| {
        let decompressor = match tables {
            Some(decompressor) => decompressor,
            None => tables.insert(Decompressor::new().map_err(broken)?),
        };
        decompressor
            .decompress(packed, FRAME_BYTES_MAX)
            .map_err(broken)
    })?;
    let records = wire::Records::decode(&*plain);
    let records = records.map_err(|error| FrameError::Protobuf(error.to_string()))?;
    Ok(records.records)
}
