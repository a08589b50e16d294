//! One unit behind a line: what is read of it, what is still owed, and when it is left alone.
//!
//! - What a device refuses is bisected, and put together again; see [`super::parts`].
//! - A busy device is asked again within the cycle, a few times, later each time.
//! - A unit is silent when it never answered and does not, or when nothing came of it
//!   [`MISSES_MAX`] times in a row. Where only one of its blocks is never answered, that is the
//!   block's own trouble: it is asked after the others, and less and less often.

use std::collections::VecDeque;

use fenghuo_model::{Reason, Sample, Timestamp};

use super::super::connection::Reply;
use super::super::drift::{Drift, Guarded};
use super::super::plan::{Block, Reach, Register, plan};
use super::super::{Point, Unit};
use super::parts::Parts;
use super::{UNIT_WAIT_MS, UNIT_WAIT_MS_MAX, millis};
use crate::dice::{Backoff, Dice};
use crate::source::change::ChangeFilter;
use crate::source::{Outlet, Reads, bad};

/// How often a busy device is asked again within a cycle.
pub const BUSY_TRIES: u32 = 3;
/// The first wait before that; it doubles.
pub const BUSY_WAIT_MS: u64 = 50;
/// Requests in a row that bring nothing, of a unit that answered before: one may be chance,
/// or a block's own trouble.
pub const MISSES_MAX: u32 = 2;
/// The same of replies that cannot be used.
pub const BAD_REPLIES_MAX: u32 = 3;
/// How long a unit that may not answer waits behind those that do.
pub const PATIENCE_MS: u64 = 60_000;

#[derive(Debug)]
pub struct UnitState {
    pub id: u8,
    pub interval_ms: u64,
    /// By point, its number in the line.
    indexes: Vec<u32>,
    registers: Vec<Register>,
    filters: Vec<ChangeFilter>,
    /// What is read.
    parts: Parts,
    reach: Reach,
    drift: Option<Drift>,
    /// Blocks of this cycle that are still to be read.
    queue: VecDeque<usize>,
    /// When the cycle began.
    begun: u64,
    pub next_due: u64,
    /// Why and until when it is left alone.
    pub silent: Option<Reason>,
    retry_at: u64,
    backoff: Backoff,
    /// Whether it ever answered over this line.
    is_known: bool,
    /// Requests in a row that brought nothing.
    misses: u32,
    /// Why it gives no values at all although it answers, as it was told.
    refuses: Option<Reason>,
    /// Shortest wait between its reply and its next request.
    pause: u64,
    quiet_until: u64,
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
        let guarded = registers
            .iter()
            .map(|register| Guarded::of(&register.decode));
        Self {
            id: unit.id,
            interval_ms: u64::from(unit.interval_ms.max(1)),
            drift: unit.drift_guard.then(|| Drift::new(guarded)),
            parts: Parts::new(blocks),
            reach: unit.reach,
            filters,
            registers,
            indexes,
            queue: VecDeque::new(),
            begun: now,
            next_due: now,
            silent: None,
            retry_at: 0,
            backoff: Backoff::new(UNIT_WAIT_MS, UNIT_WAIT_MS_MAX, dice),
            is_known: false,
            misses: 0,
            refuses: None,
            pause: millis(unit.pause),
            quiet_until: now,
            busy: 0,
            busy_until: 0,
        }
    }

    /// What it is asked for when all is well.
    pub fn blocks(&self) -> Vec<Block> {
        plan(&self.registers, &self.reach)
    }

    /// How far a read of it may reach.
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// A new cycle: queues what is to be read, and gives the samples of what is left alone.
    pub fn begin(&mut self, now: u64, time: Timestamp) -> Reads {
        self.busy = 0;
        self.begun = now;
        self.parts.join(now);
        let (asked, resting) = self.parts.due(now);
        self.queue.extend(asked);
        let mut reads = Reads::default();
        for (part, reason) in resting {
            let points = self.parts.block(part).points.clone();
            self.bad_into(&points, time, reason, &mut reads);
        }
        reads
    }

    /// Whether everything of the last cycle has been asked for.
    pub fn is_done(&self) -> bool {
        self.queue.is_empty()
    }

    /// When there is something to ask for next, if there is.
    pub fn wants(&self) -> Option<u64> {
        let at = self.busy_until.max(self.quiet_until);
        (!self.queue.is_empty()).then_some(at)
    }

    /// When it is to be tried whether it answers again, if it is silent.
    pub fn wants_try(&self) -> Option<u64> {
        let at = self.retry_at.max(self.quiet_until);
        self.silent.map(|_| at)
    }

    /// Whether it answered, and is not silent since.
    pub const fn is_live(&self) -> bool {
        self.is_known && self.silent.is_none()
    }

    /// Whether it goes before those that may not answer.
    pub fn goes_first(&self, now: u64) -> bool {
        let is_sure = self.is_known && self.misses == 0;
        is_sure || now - self.begun >= PATIENCE_MS
    }

    /// The next block of this cycle.
    pub fn next_block(&mut self) -> Option<usize> {
        self.queue.pop_front()
    }

    /// The block that is likeliest to be answered.
    pub fn likeliest(&self) -> Option<usize> {
        self.parts.likeliest()
    }

    /// A block that was taken from the queue is read next after all.
    pub fn put_back(&mut self, block: usize) {
        self.queue.push_front(block);
    }

    /// A block that is read.
    pub fn block(&self, block: usize) -> &Block {
        self.parts.block(block)
    }

    /// The line was opened anew: what was refused may be there now.
    pub fn ask_all_again(&mut self) {
        self.parts.ask_all_again();
    }

    /// A request of it has ended.
    pub const fn asked(&mut self, now: u64) {
        self.quiet_until = now + self.pause;
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
    pub fn refused(&mut self, block: usize, reason: Reason, now: u64, out: &Outlet) {
        self.parts.excepted(block);
        self.parts.refused(block, reason, now);
        // Others of this cycle may still give values.
        if self.is_done() && !self.parts.is_any_well() && self.refuses != Some(reason) {
            self.refuses = Some(reason);
            out.meter().unit_refuses(self.id, Some(reason));
        }
    }

    /// It said something: it is not silent any more.
    pub fn answers(&mut self, line: &str, out: &Outlet) {
        self.backoff.reset();
        self.is_known = true;
        self.misses = 0;
        if self.silent.take().is_some() {
            tracing::info!(line, unit = self.id, "unit answers again");
            out.meter().unit_answers(self.id);
        }
    }

    /// A request brought nothing, or nothing that can be used; whether it is silent with that.
    pub fn missed(&mut self, block: usize, reason: Reason, now: u64) -> bool {
        self.misses = self.misses.saturating_add(1);
        let most = match reason {
            _ if self.silent.is_some() || !self.is_known => 1,
            Reason::BadReply => BAD_REPLIES_MAX,
            _ => MISSES_MAX,
        };
        if reason != Reason::BadReply {
            self.parts.missed(block, reason, now);
        }
        self.misses >= most
    }

    /// It seems to be there after all: should it stay silent, it is tried again before long.
    pub fn try_soon(&mut self) {
        self.backoff.reset();
    }

    /// It is left alone for a while.
    pub fn fall_silent(&mut self, reason: Reason, now: u64, line: &str, out: &Outlet) {
        if self.silent != Some(reason) {
            let unit = self.id;
            tracing::warn!(line, unit, reason = reason.as_str(), "unit does not answer");
            out.meter().unit_silent(unit, reason);
        }
        self.silent = Some(reason);
        self.retry_at = now + self.backoff.next_ms();
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
            .flat_map(|at| self.parts.block(at).points.iter().copied())
            .collect()
    }

    /// The samples of a reply.
    pub fn decode(&mut self, block: usize, reply: &Reply, time: Timestamp, now: u64) -> Reads {
        let block = self.parts.block(block);
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

    /// A block gave values.
    pub fn gave(&mut self, block: usize, out: &Outlet) {
        self.parts.answered(block);
        if self.refuses.take().is_some() {
            out.meter().unit_refuses(self.id, None);
        }
    }

    /// Halves a refused block and reads its halves next.
    pub fn split(&mut self, block: usize, now: u64) -> bool {
        let Some([low, high]) = self.parts.split(block, &self.registers, now) else {
            return false;
        };
        self.queue.push_front(high);
        self.queue.push_front(low);
        true
    }
}
