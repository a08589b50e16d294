//! The collector's side of delivery: decides what to send, again and again, until the
//! server's receipt says it is durable.
//!
//! Pure: the driver tells it what happened (connected, a receipt came, a frame was spooled)
//! and asks [`Outbox::poll`] what to do next. `now` is monotonic milliseconds; `clock` is
//! the read clock that watermarks are made with. What must stay true:
//! - nothing is trimmed but on a receipt that echoes the nonce of the last hello;
//! - every hello names all that is in the spool, and what the receipt does not have of it is
//!   offered, though it was receipted once: the server may be an older copy of itself;
//! - a seq that is neither receipted nor refused is sent again, with backoff, for ever;
//! - live frames go before backlog, and each lane keeps within the server's window.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fenghuo_model::CatalogId;

use crate::hello::EpochSpan;
use crate::ranges::Ranges;
use crate::receipt::{Refusal, RefusalReason, Window};

mod pace;
mod receipts;

pub use pace::Limits;
use pace::Pace;

/// Most frames of a lane that are under way, whatever window a server opens.
const FLIGHTS_MAX: usize = 1_024;

/// Delays and bounds.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// First wait for a receipt before a frame or hello is sent again.
    pub resend_ms: u64,
    /// Longest wait.
    pub resend_ms_max: u64,
    /// After this long without a receipt the outbox says hello again: a lost receipt (with a
    /// window in it, say) must never leave it mute.
    pub quiet_ms: u64,
    /// Undelivered live data older than this opens a backlog lane.
    pub horizon_ms: i64,
    /// How much may go.
    pub limits: Limits,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            resend_ms: 3_000,
            resend_ms_max: 60_000,
            quiet_ms: 30_000,
            horizon_ms: 60_000,
            limits: Limits::default(),
        }
    }
}

/// Which of the two lanes a frame takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lane {
    /// Fresh data.
    Live,
    /// What a broken link left behind.
    Backlog,
}

/// What the driver should do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Say hello with this nonce.
    Hello(u64),
    /// Send this catalog, in parts.
    Catalog(CatalogId),
    /// Read this frame from the spool, send it, and call [`Outbox::sent`].
    Send(u64, Lane),
    /// Frames below this seq are durable at the server, and those from it on are not (any
    /// more): note it, and free what no server needs.
    Trim(u64),
    /// Move this frame to the dead letters and count a gap.
    Refused(Refusal),
    /// The server says that a number came before with other bytes: go on in a new epoch.
    NewEpoch,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Link {
    Down,
    /// Said hello (or is about to), waits for its receipt.
    Greeting {
        nonce: u64,
        next: u64,
        tries: u32,
    },
    Up {
        nonce: u64,
        heard: u64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    lane: Lane,
    bytes: u64,
    /// When it went for the first time.
    begun: u64,
    /// How long it waits for its receipt, once it is there.
    wait: u64,
    due: u64,
    tries: u32,
}

/// Delivery to one server.
#[derive(Debug)]
pub struct Outbox {
    timing: Timing,
    link: Link,
    nonces: u64,
    log_id: Option<[u8; 16]>,
    epochs: VecDeque<EpochSpan>,
    /// Lowest seq that the spool may still hold.
    first: u64,
    /// Lowest seq that the hello asks about.
    verify_from: u64,
    /// Lowest seq not done, and one above the highest spooled.
    oldest: u64,
    next: u64,
    /// Receipted or given up, at or above `oldest`.
    done: Ranges,
    /// Of what is at or above `first`, what this server will never get: refused, damaged or
    /// dropped.
    given_up: Ranges,
    /// The newest frame below `oldest` that this log receipted, and its run.
    receipted: Option<(u64, u64)>,
    /// The run that writes now, once it has written.
    own: Option<u64>,
    /// A run whose numbers up to this one the server has from someone else.
    taken: Option<(u64, u64)>,
    trimmed: u64,
    live_from: u64,
    /// (seq, watermark) of live frames about a second apart, to know how old a seq is.
    ages: VecDeque<(u64, i64)>,
    flights: BTreeMap<u64, Flight>,
    /// Next seq to send for the first time on this connection, a lane each.
    cursor: [u64; 2],
    window: [Window; 2],
    pace: Pace,
    /// How long frames wait for their receipts now.
    late_ms: u64,
    /// Some wait longer, for the link's sake.
    is_borne_with: bool,
    wanted: BTreeSet<CatalogId>,
    events: VecDeque<Action>,
}

/// What the spool holds when the outbox starts.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Random, so that nonces of two processes differ.
    pub nonce_seed: u64,
    /// Log id of the receipts trimmed on so far.
    pub log_id: Option<[u8; 16]>,
    /// Oldest seq in the spool, or `next` when it is empty.
    pub first: u64,
    /// Oldest seq that the server has not, or `next`.
    pub oldest: u64,
    /// The seq that the next frame gets.
    pub next: u64,
    /// Watermark of the oldest frame.
    pub oldest_watermark: Option<i64>,
    /// Runs in the spool, oldest first.
    pub epochs: Vec<EpochSpan>,
    /// Seqs that were refused before.
    pub refused: Vec<u64>,
}

impl Outbox {
    /// Takes over a spool as it was found.
    #[must_use]
    pub fn new(timing: Timing, start: &Start, clock: i64) -> Self {
        // Frames whose age cannot be told count as old: they must not go before fresh ones.
        let old = start.next > start.oldest
            && start
                .oldest_watermark
                .is_none_or(|watermark| clock - watermark > timing.horizon_ms);
        let live_from = if old { start.next } else { start.oldest };
        let mut outbox = Self {
            timing,
            link: Link::Down,
            nonces: start.nonce_seed,
            log_id: start.log_id,
            epochs: start.epochs.iter().copied().collect(),
            first: start.first.min(start.oldest),
            verify_from: start.first.min(start.oldest),
            oldest: start.oldest,
            next: start.next,
            done: Ranges::default(),
            given_up: Ranges::default(),
            receipted: None,
            own: None,
            taken: None,
            trimmed: start.oldest,
            live_from,
            ages: VecDeque::new(),
            flights: BTreeMap::new(),
            cursor: [live_from, start.oldest],
            window: [Window::default(); 2],
            pace: Pace::new(timing.limits),
            late_ms: 0,
            is_borne_with: false,
            wanted: BTreeSet::new(),
            events: VecDeque::new(),
        };
        if let (Some(watermark), false) = (start.oldest_watermark, old) {
            outbox.ages.push_back((start.oldest, watermark));
        }
        for seq in &start.refused {
            outbox.give_up(*seq, *seq);
        }
        outbox.advance();
        outbox
    }

    /// Lowest seq that the server has not receipted; goes into every envelope.
    #[must_use]
    pub const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// The border of the lanes; goes into every envelope.
    #[must_use]
    pub const fn live_from(&self) -> u64 {
        self.live_from
    }

    /// Lowest live seq that the server has not receipted; goes into every envelope.
    #[must_use]
    pub fn live_oldest(&self) -> u64 {
        self.done.first_missing(self.live_from)
    }

    /// Frames not yet receipted.
    #[must_use]
    pub const fn pending(&self) -> u64 {
        self.next.saturating_sub(self.oldest)
    }

    /// Lowest seq that the next hello asks about.
    #[must_use]
    pub const fn verify_from(&self) -> u64 {
        self.verify_from
    }

    /// The runs that the next hello asks about, oldest first.
    pub fn epochs(&self) -> impl Iterator<Item = &EpochSpan> {
        let is_asked = |span: &&EpochSpan| span.last >= self.verify_from;
        self.epochs.iter().filter(is_asked)
    }

    /// The log that receipts come from.
    #[must_use]
    pub const fn log_id(&self) -> Option<[u8; 16]> {
        self.log_id
    }

    /// The newest frame below [`Outbox::oldest`] that this log receipted since the start, as
    /// (seq, epoch): a log that has not got it was restored from an older copy.
    #[must_use]
    pub const fn receipted(&self) -> Option<(u64, u64)> {
        self.receipted
    }

    /// Whether the server has answered the last hello.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// A frame was spooled and is durable there.
    pub fn spooled(&mut self, seq: u64, epoch: u64, watermark: i64, clock: i64) {
        self.next = self.next.max(seq + 1);
        self.own = Some(epoch);
        match self.epochs.back_mut() {
            Some(span) if span.epoch == epoch => span.last = seq,
            _ => self.epochs.push_back(EpochSpan {
                epoch,
                first: seq,
                last: seq,
            }),
        }
        let spaced = self
            .ages
            .back()
            .is_none_or(|(_, last)| watermark - last >= 1_000);
        if spaced {
            self.ages.push_back((seq, watermark));
        }
        if self.is_taken(epoch, seq) {
            let why = RefusalReason::Conflict;
            self.take_refusal(Refusal { epoch, seq, why });
        }
        self.open_backlog(clock);
    }

    /// Other limits from now on.
    pub const fn limit(&mut self, limits: Limits) {
        self.timing.limits = limits;
        self.pace.limit(limits);
    }

    /// The frames from here on name this catalog: it goes before them. Otherwise the server
    /// would ask for it, and frames that it cannot read yet would have to come twice. While
    /// there is no connection, the next hello names it.
    pub fn tell_catalog(&mut self, id: CatalogId) {
        if self.link != Link::Down {
            self.wanted.insert(id);
        }
    }

    /// Frames below `seq` are not in the spool any more: the server has them, or there was no
    /// room for them.
    pub fn gone_below(&mut self, seq: u64) {
        if seq > self.oldest {
            self.give_up(self.oldest, seq - 1);
            self.flights = self.flights.split_off(&seq);
            self.advance_to(seq);
        }
        self.first = self.first.max(seq);
        self.verify_from = self.verify_from.max(seq);
        self.given_up.remove_below(seq);
        while self.epochs.front().is_some_and(|span| span.last < seq) && self.epochs.len() > 1 {
            self.epochs.pop_front();
        }
    }

    /// A frame cannot be read from the spool any more. The front moves over it with the next
    /// receipt: what follows may have been receipted by a log that is not there any more.
    pub fn lost(&mut self, seq: u64) {
        self.give_up(seq, seq);
        self.flights.remove(&seq);
    }

    fn give_up(&mut self, from: u64, to: u64) {
        self.done.insert_range(from, to);
        self.given_up.insert_range(from, to);
    }

    /// The connection is there.
    pub fn connected(&mut self, now: u64) {
        self.verify_from = self.first;
        self.greet(now);
    }

    /// The last hello could not name all runs, and what it named is done.
    pub fn name_more(&mut self, now: u64) {
        self.verify_from = self.oldest;
        self.greet(now);
    }

    /// The connection is gone: everything under way has to be sent again.
    pub fn disconnected(&mut self) {
        self.link = Link::Down;
        self.rewind();
    }

    fn greet(&mut self, now: u64) {
        self.nonces = self
            .nonces
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.link = Link::Greeting {
            nonce: self.nonces | 1,
            next: now,
            tries: 0,
        };
        // Another connection has another queue before it.
        self.late_ms = 0;
        self.rewind();
    }

    fn rewind(&mut self) {
        self.flights.clear();
        self.cursor = [self.live_from.max(self.oldest), self.oldest];
    }

    /// The driver sent a frame (as told by [`Action::Send`]) of this size.
    pub fn sent(&mut self, seq: u64, bytes: usize) {
        if let Some(flight) = self.flights.get_mut(&seq) {
            flight.bytes = bytes as u64;
            self.pace.sent(flight.lane, flight.bytes);
        }
    }

    /// The link needs this long for a frame that was just sent, with all that goes before it:
    /// only then does the wait for its receipt begin. Or a large frame on a slow link would be
    /// sent again while it is still going out.
    pub fn takes(&mut self, seq: u64, ms: u64) {
        if let Some(flight) = self.flights.get_mut(&seq) {
            flight.due += ms;
            self.is_borne_with |= ms > 0;
        }
    }

    /// The link has carried all that was sent, whatever was thought that it needs: the waits for
    /// the receipts begin now at the latest.
    pub fn carried(&mut self, now: u64) {
        if std::mem::take(&mut self.is_borne_with) {
            for flight in self.flights.values_mut() {
                flight.due = flight.due.min(now + flight.wait);
            }
        }
    }

    /// A frame is under way from the moment it is handed out: should the driver fail to
    /// send it, it comes again like one lost on the link.
    fn launch(&mut self, seq: u64, lane: Lane, now: u64) -> Action {
        let (tries, bytes, begun) = self.flights.get(&seq).map_or((0, 0, now), |flight| {
            (flight.tries + 1, flight.bytes, flight.begun)
        });
        let wait = self.wait(tries, seq);
        let due = now + wait;
        self.flights.insert(
            seq,
            Flight {
                lane,
                bytes,
                begun,
                wait,
                due,
                tries,
            },
        );
        Action::Send(seq, lane)
    }

    /// Doubles from the first wait to the longest, plus up to a quarter so that collectors
    /// do not march in step. Where receipts come late the first wait is longer: to send again
    /// what only stands in a queue makes the queue longer, and it might never end.
    fn wait(&self, tries: u32, salt: u64) -> u64 {
        let wait = self.timing.resend_ms.max(self.late_ms * 2) << tries.min(10);
        let wait = wait.min(self.timing.resend_ms_max);
        let jitter = salt
            .wrapping_add(self.nonces)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> 33;
        wait + jitter % (wait / 4).max(1)
    }

    /// Moves the front over everything that is done.
    fn advance(&mut self) {
        let first = self.done.first_missing(self.oldest);
        self.advance_to(first.min(self.next.max(self.oldest)));
    }

    fn advance_to(&mut self, front: u64) {
        let before = std::mem::replace(&mut self.oldest, front);
        let newest = self.given_up.last_missing(self.oldest);
        if let Some(newest) = newest.filter(|newest| *newest >= before) {
            let span = self.epochs.iter().find(|span| span.last >= newest);
            self.receipted = span.map(|span| (newest, span.epoch)).or(self.receipted);
        }
        self.done.remove_below(self.oldest);
        self.live_from = self.live_from.max(self.oldest);
        while self
            .ages
            .get(1)
            .is_some_and(|(seq, _)| *seq <= self.oldest.max(self.live_from))
        {
            self.ages.pop_front();
        }
    }

    /// Undelivered live data has grown old: from here on it is backlog, and what comes next
    /// is live.
    fn open_backlog(&mut self, clock: i64) {
        let first = self.done.first_missing(self.live_from.max(self.oldest));
        while self.ages.get(1).is_some_and(|(seq, _)| *seq <= first) {
            self.ages.pop_front();
        }
        let Some((_, watermark)) = self.ages.front() else {
            return;
        };
        if first < self.next && clock - watermark > self.timing.horizon_ms {
            self.live_from = self.next;
            self.ages.clear();
            for flight in self.flights.values_mut() {
                flight.lane = Lane::Backlog;
            }
            let [live, backlog] = &mut self.cursor;
            *backlog = (*backlog).min(first);
            *live = self.next;
        }
    }

    /// What to do now; `None` until something happens or [`Outbox::deadline`] comes.
    pub fn poll(&mut self, now: u64, clock: i64) -> Option<Action> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if self.oldest != self.trimmed {
            self.trimmed = self.oldest;
            return Some(Action::Trim(self.oldest));
        }
        match self.link {
            Link::Down => None,
            Link::Greeting { nonce, next, tries } => {
                if now < next {
                    return None;
                }
                self.link = Link::Greeting {
                    nonce,
                    next: now + self.wait(tries, nonce),
                    tries: tries + 1,
                };
                Some(Action::Hello(nonce))
            }
            Link::Up { heard, .. } if now >= heard + self.timing.quiet_ms => {
                self.connected(now);
                self.poll(now, clock)
            }
            Link::Up { .. } => {
                self.open_backlog(clock);
                if let Some(id) = self.wanted.pop_first() {
                    return Some(Action::Catalog(id));
                }
                self.next_send(Lane::Live, now)
                    .or_else(|| self.next_send(Lane::Backlog, now))
            }
        }
    }

    fn next_send(&mut self, lane: Lane, now: u64) -> Option<Action> {
        let window = self.window[lane as usize];
        let mine = || {
            self.flights
                .iter()
                .filter(move |(_, flight)| flight.lane == lane)
        };
        let due = mine()
            .find(|(_, flight)| flight.due <= now)
            .map(|(seq, _)| *seq);
        let (frames, bytes) = (mine().count(), mine().map(|(_, f)| f.bytes).sum::<u64>());
        // What is sent again is under way already.
        let under_way = if due.is_some() { 0 } else { bytes };
        if !self.pace.allows(lane, under_way, now) {
            return None;
        }
        if let Some(seq) = due
            && window.frames > 0
        {
            return Some(self.launch(seq, lane, now));
        }
        if frames >= (window.frames as usize).min(FLIGHTS_MAX) || bytes >= u64::from(window.bytes) {
            return None;
        }
        let (low, end) = match lane {
            Lane::Live => (self.live_from, self.next),
            Lane::Backlog => (self.oldest, self.live_from),
        };
        let mut seq = self.done.first_missing(self.cursor[lane as usize].max(low));
        while self.flights.contains_key(&seq) {
            seq = self.done.first_missing(seq + 1);
        }
        if seq >= end {
            return None;
        }
        self.cursor[lane as usize] = seq + 1;
        Some(self.launch(seq, lane, now))
    }

    /// The next time at which [`Outbox::poll`] may have something without an event.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        match self.link {
            Link::Down => None,
            Link::Greeting { next, .. } => Some(next),
            Link::Up { heard, .. } => {
                let lanes = [Lane::Live, Lane::Backlog].into_iter();
                let next = lanes.filter_map(|lane| self.lane_deadline(lane)).min();
                Some(next.unwrap_or(u64::MAX).min(heard + self.timing.quiet_ms))
            }
        }
    }

    /// A lane whose window is shut waits for a receipt, whatever is due in it.
    fn lane_deadline(&self, lane: Lane) -> Option<u64> {
        if self.window[lane as usize].frames == 0 {
            return None;
        }
        self.pace.opens_at(lane).or_else(|| {
            let mine = self.flights.values().filter(|flight| flight.lane == lane);
            mine.map(|flight| flight.due).min()
        })
    }
}

#[cfg(test)]
mod tests;
