//! From points to few reads. Pure.
//!
//! Points of one table are sorted by address and joined into blocks: across unused gaps of at
//! most `gap` registers, never across a hole that is known, up to the protocol's (or the
//! device's own) limit. A point is never split, nor parted from the register that scales it: a
//! number and its scale are of one moment. When a device answers that a block has an illegal address, [`Block::split`] halves
//! it, again and again, until only the bad register's own points are lost.

use std::ops::RangeInclusive;

use fenghuo_model::{Reading, Reason};

use super::decode::{Decode, Raw};

/// Most registers in one read (Modbus application protocol 1.1b3, 6.3 and 6.4).
pub const REGISTERS_MAX: u16 = 125;
/// Most bits in one read (6.1 and 6.2).
pub const BITS_MAX: u16 = 2_000;

/// How many addresses a table has.
const ADDRESSES: u32 = 0x1_0000;

/// The four tables of a Modbus device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Table {
    /// Function 1.
    Coil,
    /// Function 2.
    Discrete,
    /// Function 4.
    Input,
    /// Function 3.
    Holding,
}

impl Table {
    /// By its name in configuration.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "coil" => Some(Self::Coil),
            "discrete" => Some(Self::Discrete),
            "input" => Some(Self::Input),
            "holding" => Some(Self::Holding),
            _ => None,
        }
    }

    /// Whether it holds bits and not registers.
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }
}

/// Where a point stands and how to read it.
#[derive(Clone, PartialEq, Debug)]
pub struct Register {
    /// Which table.
    pub table: Table,
    /// Zero-based protocol address.
    pub address: u16,
    /// How to make a reading of it.
    pub decode: Decode,
}

impl Register {
    /// The first address that it needs.
    fn start(&self) -> u16 {
        let scale = self.decode.scale.map(|scale| scale.address);
        scale.map_or(self.address, |scale| scale.min(self.address))
    }

    /// One past the last address that it needs.
    fn end(&self) -> u32 {
        let own = u32::from(self.address) + u32::from(self.decode.raw.width());
        let scale = self.decode.scale.map(|scale| u32::from(scale.address) + 1);
        scale.map_or(own, |scale| scale.max(own))
    }

    /// How many registers one read must bring to have all of it.
    #[must_use]
    pub fn span(&self) -> u32 {
        self.end() - u32::from(self.start())
    }

    /// Whether it lies within the 65,536 addresses, and its type fits its table.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let bool = self.decode.raw == Raw::Bool;
        self.end() <= ADDRESSES && bool == self.table.is_bits()
    }

    /// Its reading out of the words of a block that begins at `start`.
    #[must_use]
    pub fn of_words(&self, start: u16, words: &[u16]) -> Reading {
        let from = |address: u16| address.checked_sub(start).map(usize::from);
        let own = from(self.address).and_then(|from| words.get(from..));
        let scale = self.decode.scale.and_then(|scale| from(scale.address));
        let scale = scale.and_then(|at| words.get(at).copied());
        self.decode.words(own.unwrap_or_default(), scale)
    }

    /// Its reading out of the bits of a block that begins at `start`.
    #[must_use]
    pub fn of_bits(&self, start: u16, bits: &[bool]) -> Reading {
        let at = self.address.checked_sub(start).map(usize::from);
        let bit = at.and_then(|at| bits.get(at));
        bit.map_or(Reading::Bad(Reason::BadReply), |on| self.decode.bit(*on))
    }
}

/// Addresses of a table that its device refuses or that must not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hole {
    /// Which table.
    pub table: Table,
    /// From and to, both included.
    pub addresses: RangeInclusive<u16>,
}

/// How far blocks may reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Unused registers that are read along; of bits, sixteen times as many.
    pub gap: u16,
    /// Most registers in one read.
    pub registers: u16,
    /// Most bits in one read.
    pub bits: u16,
    /// What no read may touch, unless a point stands there.
    pub holes: Vec<Hole>,
}

impl Reach {
    /// The longest read of a table.
    #[must_use]
    pub const fn most(&self, table: Table) -> u16 {
        if table.is_bits() {
            self.bits
        } else {
            self.registers
        }
    }

    /// Whether a read is possible that is no wish of a point: within the addresses, and
    /// touching no hole that `block` does not touch.
    #[must_use]
    pub fn allows(&self, read: &Block, block: &Block) -> bool {
        let is_within = read.table == block.table && read.end() <= block.end();
        read.end() <= ADDRESSES
            && (is_within || !self.is_holed(read.table, u32::from(read.start), read.end()))
    }

    /// Whether a hole lies between `from` and `to` (not included).
    fn is_holed(&self, table: Table, from: u32, to: u32) -> bool {
        self.holes.iter().any(|hole| {
            let (first, last) = (*hole.addresses.start(), *hole.addresses.end());
            hole.table == table && u32::from(first) < to && from <= u32::from(last)
        })
    }
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            gap: 0,
            registers: REGISTERS_MAX,
            bits: BITS_MAX,
            holes: Vec::new(),
        }
    }
}

/// One read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Which table.
    pub table: Table,
    /// First address.
    pub start: u16,
    /// How many registers or bits.
    pub count: u16,
    /// Its points, as places in the list that was planned, by ascending address.
    pub points: Vec<usize>,
}

/// Plans the reads of one unit.
#[must_use]
pub fn plan(registers: &[Register], reach: &Reach) -> Vec<Block> {
    let mut order: Vec<usize> = (0..registers.len()).collect();
    order.sort_by_key(|&at| {
        let register = &registers[at];
        (register.table, register.start(), register.end())
    });
    let mut blocks: Vec<Block> = Vec::new();
    for at in order {
        let joined = blocks
            .last_mut()
            .is_some_and(|block| block.join(at, &registers[at], reach));
        if !joined {
            blocks.extend(Block::over(vec![at], registers));
        }
    }
    blocks
}

impl Block {
    /// The smallest block over some points of one table, in the order of their first addresses.
    fn over(points: Vec<usize>, registers: &[Register]) -> Option<Self> {
        let first = &registers[*points.first()?];
        let end = points.iter().map(|&at| registers[at].end()).max()?;
        let start = first.start();
        Some(Self {
            table: first.table,
            start,
            count: u16::try_from(end - u32::from(start)).ok()?,
            points,
        })
    }

    /// A read that brings no point anything.
    #[must_use]
    pub const fn bare(table: Table, start: u16, count: u16) -> Self {
        Self {
            table,
            start,
            count,
            points: Vec::new(),
        }
    }

    /// How long the data of its reply are.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        let count = usize::from(self.count);
        if self.table.is_bits() {
            count.div_ceil(8)
        } else {
            count * 2
        }
    }

    fn end(&self) -> u32 {
        u32::from(self.start) + u32::from(self.count)
    }

    /// Takes the next point in, unless it lies too far away.
    fn join(&mut self, at: usize, register: &Register, reach: &Reach) -> bool {
        let longest = reach.most(self.table);
        let gap = u32::from(reach.gap) * if self.table.is_bits() { 16 } else { 1 };
        let from = u32::from(register.start());
        let end = self.end().max(register.end());
        let count = end - u32::from(self.start);
        let near = from <= self.end() + gap && !reach.is_holed(self.table, self.end(), from);
        if register.table != self.table || !near || count > u32::from(longest) {
            return false;
        }
        let Ok(count) = u16::try_from(count) else {
            return false;
        };
        self.count = count;
        self.points.push(at);
        true
    }

    /// Halves a block that a device refused. `None` when all its points lie on the same
    /// registers, so that nothing smaller can be asked for.
    #[must_use]
    pub fn split(&self, registers: &[Register]) -> Option<[Self; 2]> {
        let span = |at: &usize| (registers[*at].start(), registers[*at].end());
        let middle = self.points.len() / 2;
        // Points on the very same registers (bits of a status word) stay together.
        let cut = (1..self.points.len())
            .filter(|&cut| span(&self.points[cut - 1]) != span(&self.points[cut]))
            .min_by_key(|cut| cut.abs_diff(middle))?;
        let (low, high) = self.points.split_at(cut);
        Some([
            Self::over(low.to_vec(), registers)?,
            Self::over(high.to_vec(), registers)?,
        ])
    }
}

#[cfg(test)]
mod tests;
