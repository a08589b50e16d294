//! A walk over the entries of a file that may be damaged. It ends: no circle is followed, and
//! there is a bound on what is jumped over.

use fenghuo_log::{Entry, Reader};
use fenghuo_uplink::frame::Frame;

/// Frames that are read at once.
const FRAMES_READ: usize = 16;
/// Their bytes.
pub const BYTES_READ: usize = 1 << 20;
/// Longest jump over what cannot be read, and most jumps: a bound on the time of a start.
const JUMP_MAX: u64 = 64;
const JUMPS_MAX: u32 = 10_000;

/// Whether an entry is the frame of its number.
fn is_own(entry: &Entry) -> bool {
    Frame::decode(&entry.body).is_ok_and(|frame| frame.head.seq == entry.position)
}

/// The entries of a file that may be damaged, some at a time, in the order of their numbers.
pub struct Walk {
    /// The number that is looked for next.
    pub at: u64,
    jump: u64,
    jumps: u32,
}

impl Walk {
    /// From this number on.
    pub const fn at(first: u64) -> Self {
        Self {
            at: first,
            jump: 1,
            jumps: 0,
        }
    }

    /// The next ones that can be read, over what cannot; none at the end.
    pub fn next(&mut self, from: &Reader) -> Option<Vec<Entry>> {
        while self.jumps < JUMPS_MAX {
            let read = from.read(self.at, FRAMES_READ, BYTES_READ);
            let Ok(entries) = read.or_else(|_| from.read(self.at, 1, BYTES_READ)) else {
                self.at += self.jump;
                self.jump = (self.jump * 2).min(JUMP_MAX);
                self.jumps += 1;
                continue;
            };
            // A damaged tree may lead anywhere; it must not lead in a circle, nor past what is
            // whole: a number is believed if the frame says it too.
            let ahead = || entries.iter().filter(|entry| entry.position >= self.at);
            if let Some(last) = ahead().rfind(|entry| is_own(entry)) {
                (self.at, self.jump) = (last.position + 1, 1);
            } else {
                self.at = ahead().map(|entry| entry.position).min()? + 1;
                self.jumps += 1;
            }
            return Some(entries);
        }
        None
    }
}
