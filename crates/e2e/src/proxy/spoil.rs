//! What a bad device, or what stands before it, makes of a Modbus reply.

use std::time::Duration;

use super::Framing;

/// Bytes that nobody asked for.
const JUNK: [u8; 7] = [0x55, 0x00, 0xff, 0x01, 0x03, 0x02, 0xaa];

/// What happens to replies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spoil {
    /// They come so many milliseconds later.
    Late(u16),
    /// Junk stands before them.
    JunkBefore,
    /// Junk stands behind them.
    JunkBehind,
    /// They come twice.
    Twice,
    /// Their second half never comes.
    Half,
    /// There is an exception instead, by this code; the device is not asked.
    Exception(u8),
}

impl Spoil {
    pub(super) fn delay(self) -> Duration {
        match self {
            Self::Late(ms) => Duration::from_millis(ms.into()),
            _ => Duration::ZERO,
        }
    }

    /// What a reply becomes.
    pub(super) fn reply(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::JunkBefore => [&JUNK, bytes].concat(),
            Self::JunkBehind => [bytes, &JUNK].concat(),
            Self::Twice => [bytes, bytes].concat(),
            Self::Half => bytes[..bytes.len() / 2].to_vec(),
            Self::Late(_) | Self::Exception(_) => bytes.to_vec(),
        }
    }

    /// What is answered at once, if the request is not to reach the device.
    pub(super) fn instead(self, framing: Framing, request: &[u8]) -> Option<Vec<u8>> {
        let Self::Exception(code) = self else {
            return None;
        };
        let refused = |pdu: &[u8]| Some([*pdu.first()?, *pdu.get(1)? | 0x80, code]);
        match framing {
            Framing::Tcp => {
                let answer = refused(request.get(6..)?)?;
                Some([&request[..4], &[0, 3], &answer].concat())
            }
            Framing::Rtu => {
                let answer = refused(request)?;
                Some([answer.as_slice(), &crc(&answer)].concat())
            }
        }
    }
}

/// The checksum of RTU frames, bit by bit (Modbus over serial line 1.02, appendix B).
fn crc(bytes: &[u8]) -> [u8; 2] {
    let step = |crc: u16, _| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xa001
        } else {
            crc >> 1
        }
    };
    let add = |crc: u16, byte: &u8| (0..8).fold(crc ^ u16::from(*byte), step);
    bytes.iter().fold(0xffff, add).to_le_bytes()
}
