//! What may still come on a line whose replies carry no number, and how it is told from what
//! was asked for. Pure: times are passed in.
//!
//! An RTU reply says which unit it is of, which function, and how long it is, and nothing
//! else: a reply that was late looks like the reply to the next request of the same shape.
//! Waiting longer does not mend that (a mobile network holds replies back for seconds, and
//! nobody knows for how many), so a value rests on three guards, the last of which alone
//! carries it:
//!
//! 1. **Silence.** After a request that stayed unanswered the line must be silent for a whole
//!    time-out, and until what is as late as the latest reply that was seen here
//!    ([`LATENESS_MS_MAX`] at most) would have come. That spares the other units' replies a
//!    collision; it proves nothing.
//! 2. **Nothing unasked.** Bytes before a request or behind a reply are a fault; see
//!    [`super::wire`].
//! 3. **Proof.** Whatever carries the bytes keeps their order, and a unit answers one request
//!    after the other. So once a reply came that can only be to the newest request, every older
//!    one has been answered or never will be. While a unit owes replies, it is therefore only
//!    asked what none of them could answer: a read of another length, or of another table.
//!    Only when that was answered as it must be is the line proven for this unit, and a read
//!    of its values taken. An exception has no length: it proves only when nothing of its
//!    table is owed. A proof that stays unanswered is owed itself, and the next one differs
//!    from it too.
//!
//! Other units need no proof of it: their replies carry another id. What a unit owes is not
//! forgotten with time, nor with the connection (a serial server hands a late reply to whoever
//! is connected next). When a run begins, whoever read the line before may have asked for the
//! very same blocks, so these are owed from the start.
//!
//! Some devices answer nothing but the very read that they were made for. One that never gave
//! a proof, and now not in [`PROOFS_MAX`] tries, is believed by time instead: when what it owes
//! is older than [`OLD_MS`], four time-outs and twice the latest reply of the line. That says
//! something only of a unit that is there: one that never said anything in this run may just
//! be off. It is asked its read as well, but the reply only says that it is there, and the
//! tries begin anew. So they do with every reply: a guess holds for one gap.
//!
//! What is left: such a device behind a path that stalls for longer than that; a path that
//! turns the order of two replies of one unit around, or gives one twice, the second time alone
//! and in the place of another of its shape.

use std::collections::{BTreeMap, VecDeque};

use super::plan::{Block, Reach, Table};

/// Nothing is taken to come later than this.
pub const LATENESS_MS_MAX: u64 = 60_000;
/// How long it is remembered how late a reply was.
pub const LATENESS_KEPT_MS: u64 = 3_600_000;
/// A line is suspect when bytes came unasked for so often..
pub const STRANGE_TIMES: usize = 3;
/// .. within this time.
pub const STRANGE_MS: u64 = 600_000;
/// Tries after which a unit that never gave a proof is taken to know none.
pub const PROOFS_MAX: u32 = 3;
/// Nothing is taken to come any more after this, from a unit that gives no proof.
pub const OLD_MS: u64 = 5_000;

/// What a reply looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Shape {
    table: Table,
    bytes: usize,
}

impl Shape {
    fn of(block: &Block) -> Self {
        Self {
            table: block.table,
            bytes: block.payload_bytes(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Owed {
    shape: Shape,
    asked_at: u64,
}

/// What one unit may still answer, and which proof it last gave.
#[derive(Clone, Default, Debug)]
struct Debts {
    owed: Vec<Owed>,
    proof: Option<Block>,
    /// How many proofs it was asked for since it last gave an answer, before it ever gave one.
    tries: u32,
    /// Whether it ever said anything.
    is_heard: bool,
    /// Whether what was asked last is only asked to hear whether it is there.
    is_sign: bool,
}

impl Debts {
    fn owes(&self, block: &Block) -> bool {
        let shape = Shape::of(block);
        self.owed.iter().any(|owed| owed.shape == shape)
    }

    fn proof_for(&self, block: &Block, reach: &Reach) -> Option<Block> {
        if self.proof.is_none() && self.tries >= PROOFS_MAX {
            return None;
        }
        let known = self.proof.iter().cloned();
        let mut possible = known.chain(candidates(block, reach));
        possible.find(|candidate| !self.owes(candidate))
    }
}

/// What is to be asked when a block is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// The block: its reply is recognised.
    Block,
    /// This first; its reply says nothing, and proves the line.
    Proof(Block),
    /// Nothing yet: what is owed could not be told from the reply.
    Nothing,
}

/// What may still come on one line.
#[derive(Clone, Debug)]
pub struct Late {
    timeout_ms: u64,
    units: BTreeMap<u8, Debts>,
    /// The latest reply that was seen, and when.
    latest: Option<(u64, u64)>,
    /// When bytes came that nobody asked for.
    strange: VecDeque<u64>,
}

impl Late {
    /// Nothing is owed yet.
    #[must_use]
    pub const fn new(timeout_ms: u64) -> Self {
        Self {
            timeout_ms,
            units: BTreeMap::new(),
            latest: None,
            strange: VecDeque::new(),
        }
    }

    /// Whoever read the line before may have asked this last.
    pub fn assume(&mut self, unit: u8, blocks: &[Block], now: u64) {
        for block in blocks {
            self.unanswered(unit, block, now);
        }
    }

    /// A request stayed without a reply that is known to be its own.
    pub fn unanswered(&mut self, unit: u8, block: &Block, asked_at: u64) {
        let debts = self.units.entry(unit).or_default();
        if !debts.owes(block) {
            let shape = Shape::of(block);
            debts.owed.push(Owed { shape, asked_at });
        }
    }

    /// What to ask a unit when a block is wanted.
    pub fn question(&mut self, unit: u8, block: &Block, reach: &Reach, now: u64) -> Question {
        let old = OLD_MS.max(self.timeout_ms * 4).max(self.lateness(now) * 2);
        let Some(debts) = self.units.get_mut(&unit) else {
            return Question::Block;
        };
        debts.is_sign = false;
        if !debts.owes(block) {
            return Question::Block;
        }
        if let Some(proof) = debts.proof_for(block, reach) {
            return Question::Proof(proof);
        }
        let old = if debts.proof.is_some() {
            LATENESS_MS_MAX
        } else {
            old.min(LATENESS_MS_MAX)
        };
        debts
            .owed
            .retain(|owed| now.saturating_sub(owed.asked_at) < old);
        if debts.owes(block) {
            return Question::Nothing;
        }
        if debts.is_heard || debts.proof.is_some() {
            return Question::Block;
        }
        debts.is_sign = true;
        self.unanswered(unit, block, now);
        Question::Proof(block.clone())
    }

    /// A unit said something, if only that it will not.
    pub fn heard(&mut self, unit: u8) {
        if let Some(debts) = self.units.get_mut(&unit) {
            debts.is_heard = true;
        }
    }

    /// A proof was asked for.
    pub fn tries(&mut self, unit: u8) {
        if let Some(debts) = self.units.get_mut(&unit) {
            debts.tries = debts.tries.saturating_add(1);
        }
    }

    /// Whether an exception that came for this block can be of nothing older.
    #[must_use]
    pub fn is_own_exception(&self, unit: u8, block: &Block) -> bool {
        let debts = self.units.get(&unit);
        !debts.is_some_and(|debts| {
            let mut owed = debts.owed.iter();
            owed.any(|owed| owed.shape.table == block.table)
        })
    }

    /// A unit gave the reply to what it was asked last: nothing older is to come.
    pub fn proven(&mut self, unit: u8, asked: &Block, is_proof: bool) {
        let Some(debts) = self.units.get_mut(&unit) else {
            return;
        };
        debts.tries = 0;
        debts.is_heard = true;
        if std::mem::take(&mut debts.is_sign) {
            return;
        }
        debts.owed.clear();
        if is_proof {
            debts.proof = Some(asked.clone());
        }
    }

    /// Bytes came that nobody asked for, or not what was; the first of them may be a unit's
    /// id. They are taken for the reply to the newest request that this unit owes.
    pub fn came_strange(&mut self, now: u64, first: Option<u8>) {
        let debts = first.and_then(|unit| self.units.get(&unit));
        let owed = debts.into_iter().flat_map(|debts| &debts.owed);
        let ages = owed.map(|owed| now.saturating_sub(owed.asked_at));
        let lateness = ages.min().filter(|age| *age <= LATENESS_MS_MAX);
        let known = self.lateness(now);
        if let Some(lateness) = lateness.filter(|lateness| *lateness >= known) {
            self.latest = Some((lateness, now));
        }
        if self.strange.len() == STRANGE_TIMES {
            self.strange.pop_front();
        }
        self.strange.push_back(now);
    }

    /// How late a reply was here.
    #[must_use]
    pub fn lateness(&self, now: u64) -> u64 {
        let latest = self
            .latest
            .filter(|(_, at)| now.saturating_sub(*at) < LATENESS_KEPT_MS);
        latest.map_or(0, |(lateness, _)| lateness)
    }

    /// Whether so much came unasked for that somebody should look at the line.
    #[must_use]
    pub fn is_suspect(&self, now: u64) -> bool {
        let first = self
            .strange
            .front()
            .filter(|_| self.strange.len() == STRANGE_TIMES);
        first.is_some_and(|first| now.saturating_sub(*first) < STRANGE_MS)
    }
}

/// What else a device may be asked, so that its reply is told from the block's: a little less
/// or more; another table; much less or more.
fn candidates(block: &Block, reach: &Reach) -> impl Iterator<Item = Block> {
    // Bits come in whole bytes.
    let step = if block.table.is_bits() { 8 } else { 1 };
    let (table, start, count) = (block.table, block.start, block.count);
    let (less, more) = (count / step, reach.most(table).saturating_sub(count) / step);
    let shorter = move |from, to: u16| (from..=to.min(less)).map(move |n| count - n * step);
    let longer = move |from, to: u16| (from..=to.min(more)).map(move |n| count + n * step);
    let own = move |count| Block::bare(table, start, count);
    let near = shorter(1, 1).chain(longer(1, 1)).map(own);
    let far = shorter(2, less).chain(longer(2, more)).map(own);
    let tables = [Table::Holding, Table::Input, Table::Coil, Table::Discrete];
    let others = tables.into_iter().filter(move |other| *other != table);
    let others = others.map(move |other| Block::bare(other, start, 1));
    let all = near.chain(others).chain(far);
    all.filter(|candidate| candidate.count > 0 && reach.allows(candidate, block))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::modbus::plan::Hole;

    fn held(start: u16, count: u16) -> Block {
        Block::bare(Table::Holding, start, count)
    }

    #[test]
    fn what_is_asked_next_is_nothing_that_is_owed() {
        let (mut late, reach) = (Late::new(1_000), Reach::default());
        let block = held(100, 10);
        assert_eq!(late.question(1, &block, &reach, 0), Question::Block);
        late.unanswered(1, &held(100, 8), 0);
        late.proven(1, &held(100, 7), true);
        late.unanswered(1, &block, 0);
        // Another unit's replies are told by its id, and another length by its length.
        assert_eq!(late.question(2, &block, &reach, 0), Question::Block);
        assert_eq!(late.question(1, &held(500, 9), &reach, 0), Question::Block);
        let mut asked = vec![Shape::of(&block)];
        for now in 1..128 {
            let Question::Proof(proof) = late.question(1, &held(500, 10), &reach, now) else {
                panic!("nothing to ask after {now}");
            };
            let shape = Shape::of(&proof);
            assert!(!asked.contains(&shape), "{shape:?}");
            asked.push(shape);
            late.tries(1);
            late.unanswered(1, &proof, now);
        }
        // 125 lengths and three tables; the first of them can come no more in the end.
        assert_eq!(late.question(1, &block, &reach, 1_000), Question::Nothing);
        let later = LATENESS_MS_MAX + 5;
        assert_eq!(late.question(1, &block, &reach, later), Question::Block);
    }

    #[test]
    fn a_proof_clears_what_was_owed_and_is_tried_first_the_next_time() {
        let (mut late, reach) = (Late::new(1_000), Reach::default());
        let block = held(100, 1);
        late.unanswered(1, &block, 0);
        let proof = held(100, 2);
        let asked = late.question(1, &block, &reach, 0);
        assert_eq!(asked, Question::Proof(proof.clone()));
        // Refused: that may as well be the answer to the block.
        assert!(!late.is_own_exception(1, &proof));
        late.unanswered(1, &proof, 1);
        let other = Block::bare(Table::Input, 100, 1);
        let asked = late.question(1, &block, &reach, 3);
        assert_eq!(asked, Question::Proof(other.clone()));
        // No exception but its own can name its function.
        assert!(late.is_own_exception(1, &other));
        late.proven(1, &other, true);
        assert_eq!(late.question(1, &block, &reach, 4), Question::Block);
        late.unanswered(1, &block, 5);
        assert_eq!(late.question(1, &block, &reach, 6), Question::Proof(other));
    }

    #[test]
    fn a_device_that_knows_no_proof_is_believed_by_time() {
        let (mut late, reach) = (Late::new(1_000), Reach::default());
        let block = held(100, 1);
        late.unanswered(1, &block, 0);
        for now in 0..u64::from(PROOFS_MAX) {
            let Question::Proof(proof) = late.question(1, &block, &reach, now) else {
                panic!("no proof is tried");
            };
            late.tries(1);
            late.unanswered(1, &proof, now);
        }
        assert_eq!(late.question(1, &block, &reach, 4_999), Question::Nothing);
        // It may only have been off: its first reply is no value, and the tries begin anew.
        let sign = Question::Proof(block.clone());
        assert_eq!(late.question(1, &block, &reach, 5_000), sign);
        late.proven(1, &block, true);
        for began in [5_001, 20_000] {
            late.unanswered(1, &block, began);
            for now in began..began + u64::from(PROOFS_MAX) {
                let Question::Proof(proof) = late.question(1, &block, &reach, now) else {
                    panic!("no proof is tried at {now}");
                };
                assert_ne!(Shape::of(&proof), Shape::of(&block));
                late.tries(1);
                late.unanswered(1, &proof, now);
            }
            let nothing = late.question(1, &block, &reach, began + 4_998);
            assert_eq!(nothing, Question::Nothing);
            let believed = late.question(1, &block, &reach, began + 5_000);
            assert_eq!(believed, Question::Block);
            late.proven(1, &block, false);
        }
    }

    #[test]
    fn a_unit_that_was_off_at_the_start_gives_a_proof_when_it_is_there() {
        let (mut late, reach) = (Late::new(1_000), Reach::default());
        let block = held(100, 1);
        late.assume(1, std::slice::from_ref(&block), 0);
        for second in 0..100 {
            let now = second * 1_000;
            match late.question(1, &block, &reach, now) {
                Question::Proof(asked) => {
                    late.tries(1);
                    late.unanswered(1, &asked, now);
                }
                Question::Nothing => {}
                Question::Block => panic!("a unit that is off is believed at {now}"),
            }
        }
        let now = 200_000;
        let sign = Question::Proof(block.clone());
        assert_eq!(late.question(1, &block, &reach, now), sign);
        late.proven(1, &block, true);
        let Question::Proof(proof) = late.question(1, &block, &reach, now) else {
            panic!("it is believed without a proof");
        };
        assert_ne!(Shape::of(&proof), Shape::of(&block));
        late.proven(1, &proof, true);
        assert_eq!(late.question(1, &block, &reach, now), Question::Block);
        late.unanswered(1, &block, now);
        let again = late.question(1, &block, &reach, now + 60_000);
        assert_eq!(again, Question::Proof(proof));
    }

    #[test]
    fn a_proof_reads_no_hole_and_stays_within_the_addresses() {
        let hole = |addresses| Hole {
            table: Table::Holding,
            addresses,
        };
        let reach = Reach {
            registers: 4,
            holes: vec![hole(101..=101)],
            ..Reach::default()
        };
        let own = |block: &Block, reach: &Reach| -> Vec<(u16, u16)> {
            let all = candidates(block, reach).filter(|it| it.table == block.table);
            all.map(|it| (it.start, it.count)).collect()
        };
        assert_eq!(own(&held(100, 1), &reach), []);
        assert_eq!(own(&held(102, 2), &reach), [(102, 1), (102, 3), (102, 4)]);
        assert_eq!(
            own(&held(0xffff, 1), &Reach::default()),
            [],
            "they end there"
        );
    }

    #[test]
    fn lateness_is_learned_and_forgotten_and_strange_bytes_are_counted() {
        let mut late = Late::new(1_000);
        late.unanswered(2, &held(100, 10), 0);
        late.unanswered(1, &held(100, 10), 1_000);
        late.came_strange(6_000, Some(1));
        assert_eq!(late.lateness(6_000), 5_000);
        late.proven(1, &held(100, 9), true);
        late.unanswered(2, &held(100, 9), 10_000);
        late.came_strange(12_000, Some(2));
        assert_eq!(late.lateness(12_000), 5_000, "the longest counts");
        assert!(!late.is_suspect(12_000));
        late.came_strange(13_000, None);
        assert!(late.is_suspect(13_000));
        assert!(!late.is_suspect(6_000 + STRANGE_MS));
        assert_eq!(late.lateness(13_000 + LATENESS_KEPT_MS), 0);
    }
}
