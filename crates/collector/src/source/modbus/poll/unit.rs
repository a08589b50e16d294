//! One unit behind a line: what is read of it, what is still owed, and when it is left alone.
//!
//! - A block that the device refuses is split until only the bad register is lost; what is
//!   left of it, and what the device has no function for, is asked again after a rest, or when
//!   the line is opened anew: a device may get another program.
//! - A busy device is asked again within the cycle, a few times, later each time.

use std::collections::VecDeque;

use fenghuo_model::{Reason, Sample, Timestamp};

use super::super::connection::Reply;
use super::super::drift::Drift;
use super::super::plan::{Block, Register, plan};
use super::super::{Point, Unit};
use super::{UNIT_WAIT_MS, UNIT_WAIT_MS_MAX};
use crate::dice::{Backoff, Dice};
use crate::source::change::ChangeFilter;
use crate::source::{Outlet, Reads, bad};

/// How long a register that the device does not have is not asked for again.
pub const REFUSED_REST_MS: u64 = 60_000;
/// How long a function that the device does not have is not asked for again.
pub const FUNCTION_REST_MS: u64 = 600_000;
/// How often a busy device is asked again within a cycle.
pub const BUSY_TRIES: u32 = 3;
/// The first wait before that; it doubles.
pub const BUSY_WAIT_MS: u64 = 50;

/// Why a block is not asked for, and until when.
#[derive(Clone, Copy, Debug)]
struct Rest {
    reason: Reason,
    until: u64,
}

#[derive(Debug)]
pub struct UnitState {
    pub id: u8,
    pub interval_ms: u64,
    /// By point, its number in the line.
    indexes: Vec<u32>,
    registers: Vec<Register>,
    filters: Vec<ChangeFilter>,
    /// What is read; blocks that a device refused stay split.
    blocks: Vec<Block>,
    drift: Option<Drift>,
    /// By block, whether it is left alone.
    rests: Vec<Option<Rest>>,
    /// Blocks of this cycle that are still to be read.
    queue: VecDeque<usize>,
    pub next_due: u64,
    /// Why and until when it is left alone.
    pub silent: Option<Reason>,
    pub retry_at: u64,
    pub backoff: Backoff,
    /// How often it said that it is busy, in this cycle, and when to ask again.
    busy: u32,
    busy_until: u64,
}

impl UnitState {
    /// Due at once.
    pub fn new(unit: Unit, now: u64, seed: u64) -> Self {
        let points = unit.points.into_iter();
        let points = points.map(
            |Point {
                 index,
                 register,
                 exception,
             }| { ((index, ChangeFilter::new(exception)), register) },
        );
        let ((indexes, filters), registers): ((Vec<u32>, Vec<_>), Vec<Register>) = points.unzip();
        let dice = Dice::new(seed ^ (u64::from(unit.id) << 32));
        let blocks = plan(&registers, &unit.reach);
        Self {
            id: unit.id,
            interval_ms: u64::from(unit.interval_ms.max(1)),
            drift: unit.drift_guard.then(|| Drift::new(registers.len())),
            rests: vec![None; blocks.len()],
            blocks,
            filters,
            registers,
            indexes,
            queue: VecDeque::new(),
            next_due: now,
            silent: None,
            retry_at: 0,
            backoff: Backoff::new(UNIT_WAIT_MS, UNIT_WAIT_MS_MAX, dice),
            busy: 0,
            busy_until: 0,
        }
    }

    /// A new cycle: queues what is to be read, and gives the samples of what is left alone.
    pub fn begin(&mut self, now: u64, time: Timestamp) -> Reads {
        self.busy = 0;
        let mut resting = Reads::default();
        for at in 0..self.blocks.len() {
            match self.rests[at] {
                Some(rest) if now < rest.until => {
                    let points = self.blocks[at].points.clone();
                    self.bad_into(&points, time, rest.reason, &mut resting);
                }
                _ => self.queue.push_back(at),
            }
        }
        resting
    }

    /// Whether everything of the last cycle has been asked for.
    pub fn is_done(&self) -> bool {
        self.queue.is_empty()
    }

    /// When there is something to ask for next, if there is.
    pub fn wants(&self) -> Option<u64> {
        (!self.queue.is_empty()).then_some(self.busy_until)
    }

    /// The next block of this cycle.
    pub fn next_block(&mut self) -> Option<usize> {
        self.queue.pop_front()
    }

    /// A block that is read.
    pub fn block(&self, block: usize) -> &Block {
        &self.blocks[block]
    }

    /// The line was opened anew: what was refused may be there now.
    pub fn ask_all_again(&mut self) {
        self.rests.fill(None);
    }

    /// Puts a block off that the device was too busy for; whether it may be asked again.
    pub fn put_off(&mut self, block: usize, now: u64) -> bool {
        if self.busy >= BUSY_TRIES {
            return false;
        }
        self.busy_until = now + (BUSY_WAIT_MS << self.busy);
        self.busy += 1;
        self.queue.push_front(block);
        true
    }

    /// Leaves a block alone that asking again would not bring.
    pub fn rest(&mut self, block: usize, reason: Reason, now: u64) {
        let span = match reason {
            Reason::IllegalFunction => FUNCTION_REST_MS,
            Reason::IllegalAddress | Reason::IllegalValue => REFUSED_REST_MS,
            _ => return,
        };
        let until = now + span;
        self.rests[block] = Some(Rest { reason, until });
    }

    /// It said something: it is not silent any more.
    pub fn answers(&mut self, line: &str, out: &Outlet) {
        self.backoff.reset();
        if self.silent.take().is_some() {
            tracing::info!(line, unit = self.id, "unit answers again");
            out.meter().unit_answers(self.id);
        }
    }

    /// Every point's sample without value.
    pub fn all_bad(&mut self, time: Timestamp, reason: Reason) -> Reads {
        let places: Vec<usize> = (0..self.indexes.len()).collect();
        self.some_bad(&places, time, reason)
    }

    pub fn some_bad(&mut self, places: &[usize], time: Timestamp, reason: Reason) -> Reads {
        let mut out = Reads::default();
        self.bad_into(places, time, reason, &mut out);
        out
    }

    fn bad_into(&mut self, places: &[usize], time: Timestamp, reason: Reason, out: &mut Reads) {
        out.samples.reserve(places.len());
        for &at in places {
            out.sift(self.indexes[at], bad(time, reason), &mut self.filters[at]);
        }
    }

    /// Its points, by their source's numbers.
    pub fn points(&self) -> Vec<u32> {
        self.indexes.clone()
    }

    /// The places of the points that this cycle still owes, `block` included.
    pub fn owed(&mut self, block: Option<usize>) -> Vec<usize> {
        let blocks = block.into_iter().chain(self.queue.drain(..));
        blocks
            .flat_map(|at| self.blocks[at].points.iter().copied())
            .collect()
    }

    /// The samples of a reply.
    pub fn decode(&mut self, block: usize, reply: &Reply, time: Timestamp, now: u64) -> Reads {
        let block = &self.blocks[block];
        let mut readings = Vec::with_capacity(block.points.len());
        for &at in &block.points {
            let register = &self.registers[at];
            let reading = match reply {
                Reply::Words(words) => register.of_words(block.start, words),
                Reply::Bits(bits) => register.of_bits(block.start, bits),
            };
            readings.push((at, reading));
        }
        if let Some(drift) = &mut self.drift {
            for (at, suspicion) in drift.look(now, &mut readings) {
                let address = self.registers[at].address;
                let why = suspicion.as_str();
                tracing::warn!(
                    unit = self.id,
                    address,
                    why,
                    "the mapping of a register is suspect"
                );
            }
        }
        let mut out = Reads::from(Vec::with_capacity(readings.len()));
        for (at, reading) in readings {
            let sample = Sample { time, reading };
            out.sift(self.indexes[at], sample, &mut self.filters[at]);
        }
        out
    }

    /// Halves a refused block and reads its halves next.
    pub fn split(&mut self, block: usize) -> bool {
        let Some([low, high]) = self.blocks[block].split(&self.registers) else {
            return false;
        };
        self.blocks[block] = low;
        self.blocks.push(high);
        self.rests.push(None);
        self.queue.push_front(self.blocks.len() - 1);
        self.queue.push_front(block);
        true
    }
}
