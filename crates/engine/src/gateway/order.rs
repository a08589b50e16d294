//! The order of frames within a lane: by number, over runs of the collector, with holes
//! that the envelope declares.

use std::collections::BTreeMap;
use std::sync::Arc;

use fenghuo_model::{CatalogId, Sample, SampleId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::input::FrameInput;

/// Most frames held back in one lane. The windows of the uplink keep it far smaller; past it
/// the missing frame is given up and counted.
pub const HELD_MAX: usize = 4_096;
/// Runs of the collector remembered at once.
pub const RUNS_MAX: usize = 16;
/// A frame whose times span fewer milliseconds is put in order by counting them.
const COUNTED_MS: usize = 16_384;

/// A frame that waits for its turn.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// The run that wrote it.
    pub epoch: u64,
    /// Its number.
    pub seq: u64,
    /// The first number of its run.
    pub epoch_first: u64,
    /// The gateway's clock when it was closed.
    pub watermark: Timestamp,
    /// The catalog that it names.
    pub catalog: CatalogId,
    /// Whether that is known: a forgotten one has no slots here.
    pub is_known: bool,
    /// Slots by catalog index.
    pub slots: Arc<[u32]>,
    /// Catalog index and sample, in index order.
    pub samples: Vec<(u32, Sample)>,
    /// How far the clock was set within it.
    pub clock_step_ms: i64,
    /// How far it was set in the frames that were hopped over before it.
    #[serde(default)]
    pub hopped_ms: i64,
}

impl Held {
    /// Keeps what judging needs.
    #[must_use]
    pub fn new(input: FrameInput, slots: Option<Arc<[u32]>>) -> Self {
        Self {
            is_known: slots.is_some(),
            slots: slots.unwrap_or_else(|| Arc::from([])),
            epoch: input.epoch,
            seq: input.seq,
            epoch_first: input.epoch_first,
            watermark: input.watermark,
            catalog: input.catalog,
            samples: input.samples,
            clock_step_ms: input.clock_step_ms,
            hopped_ms: 0,
        }
    }
}

impl Held {
    /// The name of the sample at a place.
    #[inline]
    #[must_use]
    pub fn id_of(&self, place: usize) -> SampleId {
        SampleId {
            epoch: self.epoch,
            seq: self.seq,
            index: u32::try_from(place).unwrap_or(u32::MAX),
        }
    }

    /// The places of its samples in the order of their times, those of one instant as they
    /// stand; none when they stand in that order already.
    #[must_use]
    pub fn by_time(&self) -> Option<Vec<u32>> {
        if self.samples.is_sorted_by_key(|(_, sample)| sample.time) {
            return None;
        }
        let times = self
            .samples
            .iter()
            .map(|(_, sample)| sample.time.as_millis());
        let first = times.clone().min()?;
        // A frame holds a second or so: its milliseconds can be counted.
        let offset = |time: i64| usize::try_from(time.checked_sub(first)?).ok();
        let offset = |time| offset(time).filter(|offset| *offset < COUNTED_MS);
        match times.map(offset).collect::<Option<Vec<_>>>() {
            Some(offsets) => Some(count_sort(&offsets)),
            None => Some(self.sort()),
        }
    }

    fn sort(&self) -> Vec<u32> {
        let mut places: Vec<u32> = (0..).take(self.samples.len()).collect();
        places.sort_by_key(|place| self.samples[*place as usize].1.time);
        places
    }
}

/// The places in the order of their offsets, those of one offset as they stand.
fn count_sort(offsets: &[usize]) -> Vec<u32> {
    let last = offsets.iter().max().map_or(0, |last| *last);
    let mut next = vec![0; last + 1];
    for offset in offsets {
        next[*offset] += 1;
    }
    let mut begin = 0;
    for next in &mut next {
        begin += std::mem::replace(next, begin);
    }
    let mut places = vec![0; offsets.len()];
    for (place, offset) in (0..).zip(offsets) {
        places[next[*offset]] = place;
        next[*offset] += 1;
    }
    places
}

/// Numbers `from..to` were judged in the live lane, where the clock was set so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Skip {
    /// The first one.
    pub from: u64,
    /// The one after the last.
    pub to: u64,
    /// How far the clock was set meanwhile.
    pub stepped_ms: i64,
}

/// Where a lane stands.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Order {
    /// The run whose frames are being judged.
    epoch: Option<u64>,
    /// The next number of that run.
    next: Option<u64>,
    /// A backlog lane ends here, and joins.
    until: Option<u64>,
    /// What was judged in the live lane.
    skips: Vec<Skip>,
    /// How far the clock was set in what was hopped over and no frame has told yet.
    hopped_ms: i64,
    /// What envelopes said: of this run, no smaller number will come any more.
    floors: BTreeMap<u64, u64>,
    /// By (number, run).
    held: BTreeMap<(u64, u64), Held>,
    /// Frames that were given up because [`HELD_MAX`] was reached.
    pub given_up: u64,
}

impl Order {
    /// An order that starts at a number.
    #[must_use]
    pub fn starting_at(next: u64) -> Self {
        Self {
            next: Some(next),
            ..Self::default()
        }
    }

    /// The next number to be judged, once one is known.
    #[must_use]
    pub const fn next(&self) -> Option<u64> {
        self.next
    }

    /// Where a backlog lane ends.
    #[must_use]
    pub const fn until(&self) -> Option<u64> {
        self.until
    }

    /// How many frames wait for their turn.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// An envelope of run `epoch` said that no number below `oldest` will come that is not
    /// here already. A run that begins after the next number belongs to the same spool.
    pub fn declare(&mut self, epoch: u64, epoch_first: u64, oldest: u64) {
        let floor = self.floors.entry(epoch).or_default();
        *floor = oldest.max(*floor);
        if self.floors.len() > RUNS_MAX
            && let Some(&first) = self.floors.keys().find(|run| **run != epoch)
        {
            self.floors.remove(&first);
        }
        let next = self.next.get_or_insert(oldest.max(1));
        let none_below = self
            .held
            .first_key_value()
            .is_none_or(|((seq, _), _)| *seq >= oldest);
        let same_spool = self.epoch.is_none_or(|run| run == epoch) || epoch_first > *next;
        if none_below && same_spool {
            *next = (*next).max(oldest.min(self.until.unwrap_or(u64::MAX)));
        }
    }

    /// Turns into a backlog lane that ends at `until`.
    pub const fn become_backlog(&mut self, until: u64) {
        self.until = Some(until);
    }

    /// A second break: goes on to `until`, over the numbers that were judged live.
    pub fn extend(&mut self, judged: Skip, until: u64) {
        self.skips.push(judged);
        self.until = Some(until);
    }

    /// Takes a frame that waits for its turn. Returns whether its turn may still come.
    pub fn hold(&mut self, frame: Held) -> bool {
        let past =
            self.epoch == Some(frame.epoch) && self.next.is_some_and(|next| frame.seq < next);
        if past {
            return false;
        }
        self.held.insert((frame.seq, frame.epoch), frame);
        true
    }

    /// Gives away the held frames below `border`, keeping the rest.
    pub fn split_held(&mut self, border: u64) -> BTreeMap<(u64, u64), Held> {
        let above = self.held.split_off(&(border, 0));
        std::mem::replace(&mut self.held, above)
    }

    /// Takes frames that another lane held.
    pub fn take_held(&mut self, mut frames: BTreeMap<(u64, u64), Held>) {
        self.held.append(&mut frames);
    }

    /// The next frame whose turn it is.
    pub fn ready(&mut self) -> Option<Held> {
        self.hop();
        let turn = self.turn().or_else(|| {
            // The missing frame is given up: the first held one is next, whatever its run.
            let full = self.held.len() > HELD_MAX;
            self.given_up += u64::from(full);
            full.then(|| self.held.first_key_value().map(|(key, _)| *key))
                .flatten()
        });
        let mut frame = self.held.remove(&turn?)?;
        frame.hopped_ms = self.take_hopped();
        self.epoch = Some(frame.epoch);
        self.next = Some(frame.seq + 1);
        self.hop();
        Some(frame)
    }

    /// Which held frame's turn it is: the smallest number at or below what its run expects,
    /// or below which nothing more will come. A run that is not the current one expects its
    /// first number, once all numbers before that are through.
    fn turn(&self) -> Option<(u64, u64)> {
        let next = self.next?;
        let fits = |frame: &&Held| {
            let floor = self.floors.get(&frame.epoch).copied().unwrap_or(0);
            let expected = match self.epoch {
                Some(run) if run == frame.epoch => next,
                _ if frame.epoch_first > next => 0,
                Some(_) => frame.epoch_first,
                None => next,
            };
            frame.seq <= expected.max(floor)
        };
        self.held
            .values()
            .find(fits)
            .map(|frame| (frame.seq, frame.epoch))
    }

    /// Hops over numbers that were judged in the live lane.
    fn hop(&mut self) {
        while let (Some(next), Some(skip)) = (self.next, self.skips.first()) {
            if next < skip.from {
                return;
            }
            self.next = Some(next.max(skip.to));
            self.hopped_ms = self.hopped_ms.saturating_add(skip.stepped_ms);
            self.skips.remove(0);
        }
    }

    /// How far the clock was set in what was hopped over since the last frame.
    const fn take_hopped(&mut self) -> i64 {
        std::mem::replace(&mut self.hopped_ms, 0)
    }

    /// The same, when no frame will come any more: also in what is still to be hopped over.
    pub fn take_all_hops(&mut self) -> i64 {
        let left = self.skips.drain(..).map(|skip| skip.stepped_ms);
        let left = left.fold(0, i64::saturating_add);
        self.take_hopped().saturating_add(left)
    }

    /// Whether a backlog lane has reached its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.held.is_empty()
            && matches!((self.next, self.until), (Some(next), Some(until)) if next >= until)
    }
}

#[cfg(test)]
mod tests;
