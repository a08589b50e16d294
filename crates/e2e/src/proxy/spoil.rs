//! What a bad device, or what stands before it, makes of a Modbus reply.

use std::time::Duration;

use super::Framing;

/// Bytes that nobody asked for.
const JUNK: [u8; 7] = [0x55, 0x00, 0xff, 0x01, 0x03, 0x02, 0xaa];
/// Length of the head of Modbus TCP, without the unit.
const HEAD: usize = 6;
const CRC: usize = 2;

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
    /// They come byte by byte.
    ByteByByte,
    /// They say that another unit sends them.
    WrongUnit,
    /// They say that they are of the other table.
    WrongFunction,
    /// They hold half of the registers that were asked for.
    Fewer,
    /// The one to the request before comes instead. Only where replies have numbers: elsewhere
    /// nobody can tell, when both are of one shape.
    Previous,
    /// There is an exception instead, by this code; the device is not asked.
    Exception(u8),
    /// This unit of the line is dead: it is not asked, and nothing comes.
    Dead(u8),
}

impl Spoil {
    pub(super) fn delay(self) -> Duration {
        match self {
            Self::Late(ms) => Duration::from_millis(ms.into()),
            _ => Duration::ZERO,
        }
    }

    /// What a reply becomes.
    pub(super) fn reply(self, framing: Framing, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::JunkBefore => [&JUNK, bytes].concat(),
            Self::JunkBehind => [bytes, &JUNK].concat(),
            Self::Twice => [bytes, bytes].concat(),
            Self::Half => bytes[..bytes.len() / 2].to_vec(),
            Self::WrongUnit => remade(framing, bytes, |reply| reply[0] = reply[0].wrapping_add(1)),
            // 3 and 4 are the reads of the two kinds of registers, 1 and 2 those of bits.
            Self::WrongFunction => {
                let other = |function| {
                    if function <= 2 {
                        3 - function
                    } else {
                        7 - function
                    }
                };
                remade(framing, bytes, |reply| reply[1] = other(reply[1]))
            }
            Self::Fewer => remade(framing, bytes, |reply| {
                let count = reply[2] / 4 * 2;
                reply[2] = count;
                reply.truncate(3 + usize::from(count));
            }),
            Self::Late(_)
            | Self::ByteByByte
            | Self::Previous
            | Self::Exception(_)
            | Self::Dead(_) => bytes.to_vec(),
        }
    }

    /// What is answered at once, if the request is not to reach the device.
    pub(super) fn instead(self, framing: Framing, request: &[u8]) -> Option<Vec<u8>> {
        let at = match framing {
            Framing::Tcp => HEAD,
            Framing::Rtu => 0,
        };
        let (unit, function) = (*request.get(at)?, *request.get(at + 1)?);
        match self {
            Self::Exception(code) => {
                let head = request.get(..at)?;
                Some(framed(framing, head, &[unit, function | 0x80, code]))
            }
            Self::Dead(dead) if dead == unit => Some(Vec::new()),
            _ => None,
        }
    }
}

/// A reply that holds something else, and is whole. What is no reply with values stays.
fn remade(framing: Framing, bytes: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let (head, body) = match framing {
        Framing::Tcp => bytes.split_at_checked(HEAD).unwrap_or((bytes, &[])),
        Framing::Rtu => (&[][..], &bytes[..bytes.len().saturating_sub(CRC)]),
    };
    let count = body.get(2).copied().map(usize::from);
    let is_values = count.is_some_and(|count| body.len() == 3 + count) && body[1] <= 4;
    if !is_values {
        return bytes.to_vec();
    }
    let mut body = body.to_vec();
    change(&mut body);
    framed(framing, head, &body)
}

/// A message around its unit, function and data; `head` is the one of the request, or of the
/// message before the change.
fn framed(framing: Framing, head: &[u8], body: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Tcp => {
            let length = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&head[..4], &length, body].concat()
        }
        Framing::Rtu => [body, &crc(body)].concat(),
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
