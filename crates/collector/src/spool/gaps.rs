//! Gap records that wait for the next frame, merged by reason so that they stay few.

use fenghuo_model::Timestamp;
use fenghuo_uplink::frame::{FrameBuilder, Gap, GapReason};

/// At most one for each reason.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gaps(Vec<Gap>);

const REASONS: [GapReason; 6] = [
    GapReason::Unknown,
    GapReason::Budget,
    GapReason::Refused,
    GapReason::Restart,
    GapReason::Corrupt,
    GapReason::Queue,
];
const BYTES: usize = 28;

impl Gaps {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The records.
    pub fn records(&self) -> &[Gap] {
        &self.0
    }

    /// Adds what others hold.
    pub fn merge(&mut self, others: &Self) {
        let at = Timestamp::from_millis;
        for gap in &others.0 {
            let why = GapReason::from_code(gap.why);
            self.add(at(gap.from), at(gap.until), gap.count, why);
        }
    }

    /// Adds what is missing, widening the record of the same reason if there is one.
    pub fn add(&mut self, from: Timestamp, until: Timestamp, count: u64, why: GapReason) {
        let (from, until) = (from.as_millis(), until.as_millis().max(from.as_millis()));
        match self.0.iter_mut().find(|gap| gap.why == why as u32) {
            Some(gap) => {
                gap.from = gap.from.min(from);
                gap.until = gap.until.max(until);
                gap.count = gap.count.saturating_add(count);
            }
            None => self.0.push(Gap {
                from,
                until,
                count,
                why: why as u32,
            }),
        }
    }

    /// Puts the records into a frame and forgets them. Returns their reasons.
    pub fn take_into(&mut self, builder: &mut FrameBuilder) -> Vec<GapReason> {
        let reasons = self.0.iter().map(|gap| GapReason::from_code(gap.why));
        let reasons = reasons.collect();
        for gap in self.0.drain(..) {
            builder.gap(
                gap.from,
                gap.until,
                gap.count,
                GapReason::from_code(gap.why),
            );
        }
        reasons
    }

    /// The bytes of its mark; none when there are none.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.0.len() * BYTES);
        for gap in &self.0 {
            bytes.extend_from_slice(&gap.from.to_le_bytes());
            bytes.extend_from_slice(&gap.until.to_le_bytes());
            bytes.extend_from_slice(&gap.count.to_le_bytes());
            bytes.extend_from_slice(&gap.why.to_le_bytes());
        }
        (!bytes.is_empty()).then_some(bytes)
    }

    /// What a mark holds; `None` when it is not one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (records, rest) = bytes.as_chunks::<BYTES>();
        if !rest.is_empty() || records.len() > REASONS.len() {
            return None;
        }
        let number = |at: &[u8; BYTES], from: usize| -> Option<[u8; 8]> {
            at.get(from..from + 8)?.try_into().ok()
        };
        let gap = |at: &[u8; BYTES]| {
            Some(Gap {
                from: i64::from_le_bytes(number(at, 0)?),
                until: i64::from_le_bytes(number(at, 8)?),
                count: u64::from_le_bytes(number(at, 16)?),
                why: u32::from_le_bytes(at.get(24..)?.try_into().ok()?),
            })
        };
        records.iter().map(gap).collect::<Option<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_one_reason_are_one_and_survive_as_a_mark() {
        let at = Timestamp::from_millis;
        let mut gaps = Gaps::default();
        assert_eq!(gaps.encode(), None);
        gaps.add(at(50), at(60), 2, GapReason::Budget);
        gaps.add(at(10), at(20), 3, GapReason::Budget);
        gaps.add(at(5), at(1), 0, GapReason::Restart);
        let bytes = gaps.encode().unwrap();
        assert_eq!(Gaps::decode(&bytes).unwrap(), gaps);
        assert_eq!(Gaps::decode(&bytes[1..]), None);
        let budget = gaps.0[0];
        assert_eq!((budget.from, budget.until, budget.count), (10, 60, 5));
        assert_eq!((gaps.0[1].from, gaps.0[1].until), (5, 5));
    }
}
