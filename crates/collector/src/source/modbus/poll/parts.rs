//! The blocks of one unit, and what became of those that the device refused. Pure.
//!
//! A refused block is halved, again and again, until only the bad register is lost. What a
//! device refuses for a while (another program is loaded into it) must not cost a request a
//! register for ever: once both halves of a block give values, the block is asked as a whole
//! again. Where that is refused, it is halved once more, and the next try is later, from
//! [`REFUSED_REST_MS_MAX`] to [`WHOLE_WAIT_MS_MAX`]. A register that stays bad keeps its block
//! halved, is left alone longer each time, and costs its neighbours nothing.

use fenghuo_model::Reason;

use super::super::plan::{Block, Register};
use super::{UNIT_WAIT_MS, UNIT_WAIT_MS_MAX};

/// First and longest time for which a register that the device refuses is left alone.
pub const REFUSED_REST_MS: u64 = 1_000;
/// See [`REFUSED_REST_MS`].
pub const REFUSED_REST_MS_MAX: u64 = 60_000;
/// Longest time for which a function that the device does not have is left alone.
pub const FUNCTION_REST_MS_MAX: u64 = 600_000;
/// Longest wait before a block is asked as a whole again whose halves give values.
pub const WHOLE_WAIT_MS_MAX: u64 = 3_600_000;

/// Why a block is not asked for, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    pub reason: Reason,
    pub until: u64,
}

#[derive(Clone, Debug)]
struct Part {
    block: Block,
    /// When it was halved, its halves.
    halves: Option<[usize; 2]>,
    rest: Option<Rest>,
    /// How often in a row it was refused.
    refusals: u32,
    /// How often in a row nothing came.
    misses: u32,
    /// Whether it gave values when it was last asked.
    is_well: bool,
    /// How often it was refused as a whole although its halves gave values.
    relapses: u32,
    /// Whether it is asked as a whole again, and did not answer yet.
    is_trial: bool,
    whole_at: u64,
}

impl Part {
    const fn new(block: Block) -> Self {
        Self {
            block,
            halves: None,
            rest: None,
            refusals: 0,
            misses: 0,
            is_well: false,
            relapses: 0,
            is_trial: false,
            whole_at: 0,
        }
    }
}

/// The blocks of one unit, by numbers that stay while nothing is joined.
#[derive(Clone, Debug)]
pub struct Parts {
    parts: Vec<Part>,
    /// Numbers of halves that were joined.
    free: Vec<usize>,
}

impl Parts {
    pub fn new(blocks: Vec<Block>) -> Self {
        let parts = blocks.into_iter().map(Part::new);
        Self {
            parts: parts.collect(),
            free: Vec::new(),
        }
    }

    /// A block.
    pub fn block(&self, part: usize) -> &Block {
        &self.parts[part].block
    }

    /// What is read: every block that is not halved.
    fn whole(&self) -> impl Iterator<Item = usize> {
        let all = 0..self.parts.len();
        all.filter(|part| self.parts[*part].halves.is_none() && !self.free.contains(part))
    }

    /// What is to be asked now, those that are likelier to answer first; and what is left
    /// alone, and why.
    pub fn due(&self, now: u64) -> (Vec<usize>, Vec<(usize, Reason)>) {
        let (mut asked, mut resting) = (Vec::new(), Vec::new());
        for part in self.whole() {
            match self.parts[part].rest {
                Some(rest) if now < rest.until => resting.push((part, rest.reason)),
                _ => asked.push(part),
            }
        }
        asked.sort_by_key(|part| self.parts[*part].misses);
        (asked, resting)
    }

    /// What is likeliest to answer.
    pub fn likeliest(&self) -> Option<usize> {
        self.whole().min_by_key(|part| self.parts[*part].misses)
    }

    /// Whether one of them gave values when it was last asked.
    pub fn is_any_well(&self) -> bool {
        self.whole().any(|part| self.parts[part].is_well)
    }

    /// What was refused may be there now. What is never answered is not likelier to be.
    pub fn ask_all_again(&mut self) {
        for part in self.parts.iter_mut().filter(|part| part.misses == 0) {
            part.rest = None;
            part.refusals = 0;
        }
    }

    /// It gave values.
    pub fn answered(&mut self, part: usize) {
        let part = &mut self.parts[part];
        part.is_well = true;
        part.is_trial = false;
        part.relapses = 0;
        part.rest = None;
        (part.refusals, part.misses) = (0, 0);
    }

    /// It gave an exception.
    pub fn excepted(&mut self, part: usize) {
        let part = &mut self.parts[part];
        part.is_well = false;
        part.misses = 0;
    }

    /// Leaves a block alone that asking again would not bring.
    pub fn refused(&mut self, part: usize, reason: Reason, now: u64) {
        let longest = match reason {
            Reason::IllegalFunction => FUNCTION_REST_MS_MAX,
            Reason::IllegalAddress | Reason::IllegalValue => REFUSED_REST_MS_MAX,
            _ => return,
        };
        let part = &mut self.parts[part];
        let until = now + doubled(REFUSED_REST_MS, part.refusals, longest);
        part.refusals = part.refusals.saturating_add(1);
        part.rest = Some(Rest { reason, until });
    }

    /// Nothing came for it. When that is so again and again, it is left alone; the first time
    /// it may have been chance.
    pub fn missed(&mut self, part: usize, reason: Reason, now: u64) {
        let part = &mut self.parts[part];
        part.is_well = false;
        part.misses = part.misses.saturating_add(1);
        if part.misses > 1 {
            let wait = doubled(UNIT_WAIT_MS, part.misses - 2, UNIT_WAIT_MS_MAX);
            let until = now + wait;
            part.rest = Some(Rest { reason, until });
        }
    }

    /// Halves a refused block; `None` when nothing smaller can be asked for.
    pub fn split(&mut self, part: usize, registers: &[Register], now: u64) -> Option<[usize; 2]> {
        let halves = self.parts[part].block.split(registers)?;
        let halves = halves.map(|block| self.add(block));
        let part = &mut self.parts[part];
        if part.is_trial {
            part.is_trial = false;
            let wait = doubled(REFUSED_REST_MS_MAX, part.relapses, WHOLE_WAIT_MS_MAX);
            part.relapses = part.relapses.saturating_add(1);
            part.whole_at = now + wait;
        }
        part.halves = Some(halves);
        Some(halves)
    }

    fn add(&mut self, block: Block) -> usize {
        let part = Part::new(block);
        if let Some(free) = self.free.pop() {
            self.parts[free] = part;
            return free;
        }
        self.parts.push(part);
        self.parts.len() - 1
    }

    /// Makes blocks whole again whose halves both give values; one level at a time.
    pub fn join(&mut self, now: u64) {
        let is_well = |half: &usize| {
            let half = &self.parts[*half];
            half.halves.is_none() && half.is_well
        };
        let joined = self.parts.iter().enumerate().filter_map(|(at, part)| {
            let halves = part.halves.filter(|_| now >= part.whole_at)?;
            halves.iter().all(is_well).then_some((at, halves))
        });
        for (at, halves) in joined.collect::<Vec<_>>() {
            self.free.extend(halves);
            for half in halves {
                // A number that stands for nothing.
                self.parts[half].is_well = false;
            }
            let part = &mut self.parts[at];
            part.halves = None;
            part.is_trial = true;
            part.is_well = false;
        }
    }
}

/// Doubles from the first to the longest.
fn doubled(first: u64, times: u32, longest: u64) -> u64 {
    (first << times.min(16)).min(longest)
}
