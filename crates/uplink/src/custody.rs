//! What became of reads: the counts that a collector keeps of each point and hour, so that a
//! server can say of every gap why it is there.
//!
//! Only the collector knows which reads were due, and which it made and did not send because
//! nothing had changed; a record of the frame tells it. What arrived, the server counts itself.
//! Counts of one run and hour only grow, and a record holds all of them: one that is lost is
//! made good by the next. Decoding is total: any message gives an account or an error.

use fenghuo_model::catalog::POINTS_MAX;
use fenghuo_model::{Reading, Timestamp};

use crate::wire;

/// Length of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Most stretches of one record: it must leave a frame room.
pub const STRETCHES_MAX: usize = 2_000;

/// What became of one read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A value without a doubt.
    Good,
    /// The device answered, with a doubtful value or with none.
    Answered,
    /// No answer that fits.
    Unanswered,
}

impl Outcome {
    /// Of what was read.
    #[must_use]
    pub const fn of(reading: &Reading) -> Self {
        match reading {
            Reading::Good(_) => Self::Good,
            Reading::Uncertain(..) => Self::Answered,
            Reading::Bad(reason) if reason.is_answer() => Self::Answered,
            Reading::Bad(_) => Self::Unanswered,
        }
    }
}

/// Counts of one point.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Reads that were due.
    pub due: u32,
    /// That the device answered.
    pub made: u32,
    /// That gave a good value.
    pub good: u32,
    /// That were not sent, since nothing had changed.
    pub unchanged: u32,
    /// Of these: that gave no good value.
    pub unchanged_bad: u32,
    /// Samples in frames.
    pub sent: u32,
}

impl Tally {
    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A read whose sample goes into a frame.
    pub const fn sent(&mut self, outcome: Outcome) {
        self.sent = self.sent.saturating_add(1);
        self.read(outcome);
    }

    /// A read that says what was said before.
    pub const fn unchanged(&mut self, outcome: Outcome) {
        self.unchanged = self.unchanged.saturating_add(1);
        if !matches!(outcome, Outcome::Good) {
            self.unchanged_bad = self.unchanged_bad.saturating_add(1);
        }
        self.read(outcome);
    }

    /// Reads that were due and not made, without a sample that says so.
    pub const fn skipped(&mut self, reads: u32) {
        self.due = self.due.saturating_add(reads);
    }

    const fn read(&mut self, outcome: Outcome) {
        self.due = self.due.saturating_add(1);
        if matches!(outcome, Outcome::Good | Outcome::Answered) {
            self.made = self.made.saturating_add(1);
        }
        if matches!(outcome, Outcome::Good) {
            self.good = self.good.saturating_add(1);
        }
    }

    /// With the counts of another run.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            due: self.due.saturating_add(other.due),
            made: self.made.saturating_add(other.made),
            good: self.good.saturating_add(other.good),
            unchanged: self.unchanged.saturating_add(other.unchanged),
            unchanged_bad: self.unchanged_bad.saturating_add(other.unchanged_bad),
            sent: self.sent.saturating_add(other.sent),
        }
    }
}

/// Neighbouring points with equal counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The first one's index in the catalog.
    pub first: u32,
    /// How many.
    pub points: u32,
    /// What is counted of each.
    pub tally: Tally,
}

/// One hour of a run, as one record tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Hours since the epoch.
    pub hour: i64,
    /// Counted from here.
    pub from: Timestamp,
    /// Up to here.
    pub until: Timestamp,
    /// In the order of the points; no point is in two of them.
    pub stretches: Vec<Stretch>,
}

/// The hour that an instant is in.
#[must_use]
pub const fn hour_of(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(HOUR_MS)
}

/// Stretches of what was counted, in the order of the points.
#[must_use]
pub fn stretches(tallies: &[Tally]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (point, tally) in (0..).zip(tallies) {
        if tally.is_empty() {
            continue;
        }
        match stretches.last_mut() {
            Some(last) if last.tally == *tally && last.first + last.points == point => {
                last.points += 1;
            }
            _ => stretches.push(Stretch {
                first: point,
                points: 1,
                tally: *tally,
            }),
        }
    }
    stretches
}

impl Account {
    /// As it travels.
    #[must_use]
    pub fn to_wire(&self) -> wire::Custody {
        let column =
            |of: fn(&Tally) -> u32| self.stretches.iter().map(|it| of(&it.tally)).collect();
        let mut next = 0;
        let skip = self.stretches.iter().map(|it| {
            let skip = it.first.saturating_sub(next);
            next = it.first.saturating_add(it.points);
            skip
        });
        wire::Custody {
            hour: self.hour,
            from: self.from.as_millis(),
            until: self.until.as_millis(),
            skip: skip.collect(),
            points: self.stretches.iter().map(|it| it.points).collect(),
            due: column(|it| it.due),
            made: column(|it| it.made),
            good: column(|it| it.good),
            unchanged: column(|it| it.unchanged),
            unchanged_bad: column(|it| it.unchanged_bad),
            sent: column(|it| it.sent),
        }
    }

    /// What a peer sent, checked.
    ///
    /// # Errors
    /// What is wrong with it, in a word.
    pub fn from_wire(raw: &wire::Custody) -> Result<Self, &'static str> {
        Self::checked(raw, STRETCHES_MAX)
    }

    /// What was put together of several records and stored, checked.
    ///
    /// # Errors
    /// What is wrong with it, in a word.
    pub fn from_stored(raw: &wire::Custody) -> Result<Self, &'static str> {
        Self::checked(raw, POINTS_MAX)
    }

    fn checked(raw: &wire::Custody, stretches_max: usize) -> Result<Self, &'static str> {
        let (from, until) = (
            Timestamp::from_millis(raw.from),
            Timestamp::from_millis(raw.until),
        );
        if !from.is_storable() || !until.is_storable() {
            return Err("time of an account");
        }
        let hours = 0..=hour_of(Timestamp::MAX);
        if !hours.contains(&raw.hour) {
            return Err("hour of an account");
        }
        let count = raw.points.len();
        let columns = [
            &raw.skip,
            &raw.due,
            &raw.made,
            &raw.good,
            &raw.unchanged,
            &raw.unchanged_bad,
            &raw.sent,
        ];
        if count > stretches_max || columns.iter().any(|column| column.len() != count) {
            return Err("columns of an account");
        }
        let mut stretches = Vec::with_capacity(count);
        let mut next = 0_u32;
        for at in 0..count {
            let first = next.checked_add(raw.skip[at]);
            let first = first.ok_or("points of an account")?;
            let end = first.checked_add(raw.points[at]);
            next = end
                .filter(|end| *end as usize <= POINTS_MAX && *end > first)
                .ok_or("points of an account")?;
            let tally = Tally {
                due: raw.due[at],
                made: raw.made[at],
                good: raw.good[at],
                unchanged: raw.unchanged[at],
                unchanged_bad: raw.unchanged_bad[at],
                sent: raw.sent[at],
            };
            let told = u64::from(tally.sent) + u64::from(tally.unchanged);
            let is_sound = tally.made <= tally.due
                && told <= u64::from(tally.due)
                && tally.good <= tally.made
                && tally.unchanged_bad <= tally.unchanged;
            if !is_sound {
                return Err("counts of an account");
            }
            stretches.push(Stretch {
                first,
                points: raw.points[at],
                tally,
            });
        }
        Ok(Self {
            hour: raw.hour,
            from,
            until: until.max(from),
            stretches,
        })
    }

    /// The number of points that it reaches to: the end of the last stretch.
    #[must_use]
    pub fn reach(&self) -> u32 {
        let last = self.stretches.last();
        last.map_or(0, |it| it.first.saturating_add(it.points))
    }
}

#[cfg(test)]
mod tests {
    use fenghuo_model::{Reason, Value};

    use super::*;

    fn tally(reads: u32) -> Tally {
        let mut tally = Tally::default();
        (0..reads).for_each(|_| tally.sent(Outcome::Good));
        tally
    }

    fn account(tallies: &[Tally]) -> Account {
        Account {
            hour: 498_720,
            from: Timestamp::from_millis(498_720 * HOUR_MS),
            until: Timestamp::from_millis(498_720 * HOUR_MS + 60_000),
            stretches: stretches(tallies),
        }
    }

    #[test]
    fn equal_neighbours_are_one_stretch_and_come_back() {
        let tallies = [
            Tally::default(),
            tally(3),
            tally(3),
            tally(2),
            Tally::default(),
            tally(2),
        ];
        let account = account(&tallies);
        let shape: Vec<_> = account
            .stretches
            .iter()
            .map(|it| (it.first, it.points, it.tally.sent))
            .collect();
        assert_eq!(shape, [(1, 2, 3), (3, 1, 2), (5, 1, 2)]);
        assert_eq!(Account::from_wire(&account.to_wire()), Ok(account));
    }

    #[test]
    fn an_outcome_is_told_by_who_answered() {
        let value = Value::F64(1.0);
        let of = |reading| Outcome::of(&reading);
        assert_eq!(of(Reading::Good(value.clone())), Outcome::Good);
        assert_eq!(
            of(Reading::Uncertain(value, Reason::Clock)),
            Outcome::Answered
        );
        assert_eq!(of(Reading::Bad(Reason::IllegalAddress)), Outcome::Answered);
        assert_eq!(of(Reading::Bad(Reason::Timeout)), Outcome::Unanswered);
    }

    #[test]
    fn an_account_that_cannot_be_right_is_named() {
        let good = account(&[tally(3), tally(4)]).to_wire();
        let wrong = |change: fn(&mut wire::Custody)| {
            let mut raw = good.clone();
            change(&mut raw);
            Account::from_wire(&raw).unwrap_err()
        };
        assert_eq!(wrong(|it| it.until = i64::MAX), "time of an account");
        assert_eq!(wrong(|it| it.hour = -1), "hour of an account");
        assert_eq!(wrong(|it| it.due.truncate(1)), "columns of an account");
        assert_eq!(wrong(|it| it.skip[1] = u32::MAX), "points of an account");
        assert_eq!(wrong(|it| it.points[1] = 0), "points of an account");
        assert_eq!(wrong(|it| it.points[0] = u32::MAX), "points of an account");
        assert_eq!(wrong(|it| it.good[0] = 9), "counts of an account");
        assert_eq!(wrong(|it| it.unchanged_bad[0] = 1), "counts of an account");
        assert_eq!(wrong(|it| it.sent[0] = u32::MAX), "counts of an account");
    }
}
