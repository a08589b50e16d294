//! Sample custody: of every point and hour, how many reads were due, made, good, held back as
//! unchanged, and sent. Pure; the time is passed in.
//!
//! A read counts in the hour of its own time, as its sample does in the server's history, so
//! that the two can be compared. What is counted of an hour is told every [`EVERY_MS`], whole
//! each time, and once more after the hour has ended; a killed collector loses no more than
//! the last of these, and the server sees from where on nothing was counted.
//!
//! Bounded: three hours at once, the clock's own and the ones beside it. Only the clock goes on
//! to another hour: a device whose clock runs ahead must not end the counting of all others.
//! Reads of any other hour, which only devices with times of their own can give, are not counted.

use fenghuo_model::{Sample, Timestamp};
use fenghuo_uplink::custody::{
    Account, HOUR_MS, Outcome, STRETCHES_MAX, Tally, hour_of, stretches,
};

/// How often what was counted is told.
pub const EVERY_MS: u64 = 60_000;
/// How soon it is told first: with it the server learns what there is to count.
pub const FIRST_MS: u64 = 5_000;

/// What is counted of one hour.
#[derive(Debug)]
struct Page {
    hour: i64,
    from: Timestamp,
    tallies: Vec<Tally>,
    /// Something was counted since it was told, or it was never told.
    is_news: bool,
}

impl Page {
    fn new(hour: i64, from: Timestamp, points: usize) -> Self {
        Self {
            hour,
            from: from.max(Timestamp::from_millis(hour * HOUR_MS)),
            tallies: vec![Tally::default(); points],
            is_news: true,
        }
    }

    /// Appends what is counted up to `until`, in records that a frame has room for.
    fn tell(&mut self, until: Timestamp, out: &mut Vec<Account>) {
        self.is_news = false;
        let end = Timestamp::from_millis((self.hour + 1) * HOUR_MS);
        let account = |stretches| Account {
            hour: self.hour,
            from: self.from,
            until: until.min(end).max(self.from),
            stretches,
        };
        let all = stretches(&self.tallies);
        if all.is_empty() {
            out.push(account(Vec::new()));
        }
        let parts = all.chunks(STRETCHES_MAX);
        out.extend(parts.map(|part| account(part.to_vec())));
    }
}

/// The counts of all points.
#[derive(Debug)]
pub struct Ledger {
    points: usize,
    current: Page,
    previous: Option<Page>,
    /// The hour that the clock has not come to, once a read was of it: one made since the clock
    /// was last looked at, or of a device that runs ahead.
    next: Option<Page>,
    /// What is to be told of pages that are gone.
    gone: Vec<Account>,
    next_telling: u64,
}

impl Ledger {
    /// Begins to count: read clock and monotonic clock of now.
    #[must_use]
    pub fn new(points: usize, now: Timestamp, tick: u64) -> Self {
        Self {
            points,
            current: Page::new(hour_of(now), now, points),
            previous: None,
            next: None,
            gone: Vec::new(),
            next_telling: tick + FIRST_MS,
        }
    }

    /// A sample that goes into a frame.
    pub fn sent(&mut self, point: u32, sample: &Sample) {
        if let Some(tally) = self.tally(point, sample.time) {
            tally.sent(Outcome::of(&sample.reading));
        }
    }

    /// A read that says what was said before.
    pub fn unchanged(&mut self, point: u32, time: Timestamp, outcome: Outcome) {
        if let Some(tally) = self.tally(point, time) {
            tally.unchanged(outcome);
        }
    }

    /// Reads of a point that were due and not made, without a sample that says so.
    pub fn skipped(&mut self, point: u32, time: Timestamp, reads: u32) {
        if let Some(tally) = self.tally(point, time) {
            tally.skipped(reads);
        }
    }

    /// What is to be told now, when it is time for that.
    pub fn due(&mut self, watermark: Timestamp, tick: u64) -> Vec<Account> {
        self.turn(hour_of(watermark), watermark);
        if tick < self.next_telling && self.gone.is_empty() {
            return Vec::new();
        }
        self.next_telling = tick + EVERY_MS;
        self.tell(watermark)
    }

    /// Everything that is counted, told now.
    pub fn tell(&mut self, watermark: Timestamp) -> Vec<Account> {
        let mut accounts = std::mem::take(&mut self.gone);
        if let Some(page) = self.previous.as_mut().filter(|page| page.is_news) {
            page.tell(watermark, &mut accounts);
        }
        self.current.tell(watermark, &mut accounts);
        if let Some(page) = self.next.as_mut().filter(|page| page.is_news) {
            page.tell(watermark, &mut accounts);
        }
        accounts
    }

    fn tally(&mut self, point: u32, time: Timestamp) -> Option<&mut Tally> {
        let hour = hour_of(time);
        let page = if hour == self.current.hour {
            &mut self.current
        } else if hour == self.current.hour + 1 {
            let points = self.points;
            self.next
                .get_or_insert_with(|| Page::new(hour, Timestamp::MIN, points))
        } else {
            self.previous.as_mut().filter(|page| page.hour == hour)?
        };
        page.is_news = true;
        page.tallies.get_mut(point as usize)
    }

    /// Goes on to a later hour.
    fn turn(&mut self, hour: i64, from: Timestamp) {
        if hour <= self.current.hour {
            return;
        }
        // The new page begins where the hour does, unless the clock leapt into it.
        let is_next = hour == self.current.hour + 1;
        let begun = if is_next { Timestamp::MIN } else { from };
        let waiting = self.next.take();
        let (waiting, leapt_over) = if is_next {
            (waiting, None)
        } else {
            (None, waiting)
        };
        let next = waiting.unwrap_or_else(|| Page::new(hour, begun, self.points));
        let ended = std::mem::replace(&mut self.current, next);
        let gone = [self.previous.replace(ended), leapt_over];
        for mut page in gone.into_iter().flatten().filter(|page| page.is_news) {
            page.tell(from, &mut self.gone);
        }
    }
}

#[cfg(test)]
mod tests;
