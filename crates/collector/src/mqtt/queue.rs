//! What stands on the way to a broker, and how long the way needs for it.
//!
//! A large message on a modem's link takes minutes, and no ping overtakes it: who counts the
//! seconds without an answer must know how many are the link's own. What must stay true:
//! - the rate is what the broker's acknowledgements have proven on this connection, from end to
//!   end, so it is never above the link's own; before anything is proven it is [`SLOWEST`];
//! - a link that is quick with a little and slow with much is found out: where a large message
//!   ended with its connection, the next such queue gets as long as that one had and more, until
//!   one was carried;
//! - on a link whose rate is proven the time is the queue's and no more, so that one that is
//!   dead is found as soon as ever;
//! - acknowledgements come in the order of the messages. One that is lost makes the queue look
//!   longer until the next connection, never shorter for good.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::CONNECT_SECONDS;

/// The slowest link that is served, in bytes a second: half of a modem's 9,600 bit/s.
pub const SLOWEST: u64 = 600;
/// No more is granted for what stands on the way, whatever it is.
const TIME_MAX: Duration = Duration::from_secs(600);
/// A message that took longer than this stood in a queue: it tells the rate as it is now, also
/// when that is less than before.
const TELLING: Duration = Duration::from_secs(5);
/// Topic and headers around a payload, up to IP. What they prove of the rate is not counted.
const AROUND_BYTES: u64 = 128;
/// What a modem carries between two pings: no smaller message can have ended a connection.
const LARGE: u64 = 12_000;
/// Nor one that was under way for less: no write is given up before.
const WRITING: Duration = Duration::from_secs(CONNECT_SECONDS);

/// The queue, shared by those who hand over and by the connection.
#[derive(Clone, Debug, Default)]
pub struct Queue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    messages: VecDeque<Handed>,
    bytes: u64,
    /// Of `bytes`, what is payload.
    payload: u64,
    /// In a second.
    rate: u64,
    doubt: Option<Doubt>,
}

/// So many bytes were not carried at more than this rate.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    bytes: u64,
    rate: u64,
}

#[derive(Debug)]
struct Handed {
    payload: u64,
    /// Payload of this one and of all before it.
    queue: u64,
    at: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self {
            messages: VecDeque::new(),
            bytes: 0,
            payload: 0,
            rate: SLOWEST,
            doubt: None,
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is about to be handed over that the broker will acknowledge.
    pub fn handed(&self, payload_bytes: usize, now: Instant) {
        let mut state = self.state();
        let payload = payload_bytes as u64;
        state.bytes += payload + AROUND_BYTES;
        state.payload += payload;
        let queue = state.payload;
        state.messages.push_back(Handed {
            payload,
            queue,
            at: now,
        });
    }

    /// The last one was not taken after all.
    pub fn not_taken(&self) {
        let mut state = self.state();
        let message = state.messages.pop_back();
        state.left(message.as_ref());
    }

    /// The broker has the oldest one.
    pub fn acknowledged(&self, now: Instant) {
        let mut state = self.state();
        let Some(message) = state.messages.pop_front() else {
            return;
        };
        state.left(Some(&message));
        let took = now.saturating_duration_since(message.at);
        let rate = rate(message.queue, took);
        if rate > state.rate || took > TELLING {
            state.rate = rate;
        }
        if state
            .doubt
            .is_some_and(|doubt| message.queue >= doubt.bytes)
        {
            state.doubt = None;
        }
    }

    /// The connection has ended, and nothing is on its way or known of the next one. Returns how
    /// long the link would have needed for what was on its way, if that was too large for it.
    pub fn end(&self, now: Instant) -> Duration {
        let mut state = self.state();
        let oldest = state.messages.front();
        let waited = oldest.map_or(Duration::ZERO, |it| now.saturating_duration_since(it.at));
        let has_large = state.messages.iter().any(|it| it.payload >= LARGE);
        let mut doubt = state.doubt;
        let is_too_large = has_large && waited >= WRITING;
        if is_too_large {
            let bytes = state.payload;
            doubt = Some(Doubt {
                bytes,
                rate: rate(bytes, waited),
            });
        }
        state.doubt = doubt;
        let time = if is_too_large {
            state.borne()
        } else {
            Duration::ZERO
        };
        *state = State {
            doubt,
            ..State::default()
        };
        time
    }

    /// How long the link needs for what is on its way, and no answer can be before: at the rate
    /// that is proven and not in doubt.
    pub fn borne(&self) -> Duration {
        self.state().borne()
    }

    /// How long a write may take that begins now: for what is on its way and a message of so many
    /// bytes. What was once given up gets twice the time that it had.
    pub fn borne_with(&self, payload_bytes: usize) -> Duration {
        let state = self.state();
        let bytes = state.bytes + payload_bytes as u64 + AROUND_BYTES;
        let time = state.time_of(bytes);
        let doubted = state.doubt.map(|doubt| time_at(doubt.rate, bytes * 2));
        doubted.unwrap_or_default().max(time)
    }

    /// How long the link needs for what is on its way.
    pub fn time(&self) -> Duration {
        let state = self.state();
        state.time_of(state.bytes)
    }

    /// How long it needs for a message of so many bytes, once it has come to that.
    pub fn time_of(&self, payload_bytes: usize) -> Duration {
        self.state().time_of(payload_bytes as u64 + AROUND_BYTES)
    }
}

/// In a second.
fn rate(bytes: u64, took: Duration) -> u64 {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    (bytes.saturating_mul(1_000_000) / micros).max(SLOWEST)
}

fn time_at(rate: u64, bytes: u64) -> Duration {
    let millis = bytes.saturating_mul(1_000) / rate;
    Duration::from_millis(millis).min(TIME_MAX)
}

impl State {
    fn left(&mut self, message: Option<&Handed>) {
        if let Some(message) = message {
            self.bytes -= message.payload + AROUND_BYTES;
            self.payload -= message.payload;
        }
    }

    fn borne(&self) -> Duration {
        let time = self.time_of(self.bytes);
        let Some(doubt) = self.doubt.filter(|doubt| self.payload * 2 >= doubt.bytes) else {
            return time;
        };
        time_at(doubt.rate, self.bytes).max(time)
    }

    fn time_of(&self, bytes: u64) -> Duration {
        time_at(self.rate, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begun: Instant, seconds: u64) -> Instant {
        begun + Duration::from_secs(seconds)
    }

    #[test]
    fn a_link_that_has_proven_nothing_is_taken_for_the_slowest() {
        let (queue, begun) = (Queue::default(), Instant::now());
        assert_eq!(queue.time(), Duration::ZERO);
        queue.handed(60_000 - 128, begun);
        assert_eq!(queue.time(), Duration::from_secs(100));
        assert_eq!(queue.time_of(6_000 - 128), Duration::from_secs(10));
        queue.handed(10 << 20, begun);
        assert_eq!(queue.time(), TIME_MAX);
    }

    /// What a dead link is found by must not wait for a rate that was never in doubt.
    #[test]
    fn a_proven_rate_shortens_the_time_to_what_the_queue_needs() {
        let (queue, begun) = (Queue::default(), Instant::now());
        queue.handed(1_000, begun);
        queue.acknowledged(begun + Duration::from_millis(20));
        assert_eq!(queue.time(), Duration::ZERO);
        queue.handed(1_000, begun);
        assert!(queue.time() < Duration::from_millis(50));
        queue.handed(256 << 10, begun);
        assert!(queue.time() < Duration::from_secs(6));
        assert_eq!(queue.borne(), queue.time());
    }

    /// The second waited for the first: both together tell what the link carries.
    #[test]
    fn the_rate_counts_the_queue_and_follows_a_link_that_grew_slow() {
        let (queue, begun) = (Queue::default(), Instant::now());
        for _ in 0..2 {
            queue.handed(10_000, begun);
        }
        queue.acknowledged(at(begun, 1));
        queue.acknowledged(at(begun, 2));
        queue.handed(100_000 - 128, begun);
        assert_eq!(queue.time(), Duration::from_secs(10));
        queue.acknowledged(at(begun, 50));
        queue.handed(100_000 - 128, begun);
        assert_eq!(queue.time().as_secs(), 50);
        // A short wait may be the way's length: it makes no link slow.
        queue.handed(0, at(begun, 50));
        queue.acknowledged(at(begun, 52));
        queue.acknowledged(at(begun, 52));
        queue.handed(100_000 - 128, begun);
        assert!(queue.time() <= Duration::from_secs(52));
    }

    #[test]
    fn another_connection_begins_with_an_empty_queue_and_no_rate() {
        let (queue, begun) = (Queue::default(), Instant::now());
        queue.handed(5_000, begun);
        queue.acknowledged(begun + Duration::from_millis(1));
        queue.handed(5_000, begun);
        assert!(queue.end(at(begun, 20)) < Duration::from_millis(10));
        assert_eq!(queue.time(), Duration::ZERO);
        // Late, or nobody's.
        queue.acknowledged(begun);
        queue.handed(6_000 - 128, begun);
        assert_eq!(queue.time(), Duration::from_secs(10));
        queue.not_taken();
        assert_eq!(queue.time(), Duration::ZERO);
    }

    /// A shaper lets a little through at once and much at a modem's pace: what is proven by
    /// little says nothing of much.
    #[test]
    fn a_large_message_that_ended_its_connection_gets_more_time_each_time() {
        let (queue, begun) = (Queue::default(), Instant::now());
        let mut borne = Vec::new();
        let mut has = 20;
        for _ in 0..4 {
            queue.handed(1_000, begun);
            queue.acknowledged(begun + Duration::from_millis(1));
            queue.handed(1_000, begun);
            assert!(
                queue.borne() < Duration::from_millis(10),
                "it is no large one"
            );
            queue.acknowledged(begun + Duration::from_millis(1));
            queue.handed(200_000, begun);
            borne.push(queue.borne().as_secs());
            queue.end(at(begun, has));
            has = has * 2 + 10;
        }
        assert_eq!(borne, [0, 20, 50, 110]);
        queue.handed(200_000, begun);
        queue.acknowledged(at(begun, 3));
        queue.handed(200_000, begun);
        assert!(queue.borne() < Duration::from_secs(4), "it was carried");
    }

    /// A write is given up long before a ping's answer: also what it was given up for gets more
    /// time, and already when it is about to be handed over.
    #[test]
    fn a_large_message_whose_write_was_given_up_gets_more_time_each_time() {
        let (queue, begun) = (Queue::default(), Instant::now());
        let mut writes = Vec::new();
        for _ in 0..6 {
            queue.handed(1_000, begun);
            queue.acknowledged(begun + Duration::from_millis(1));
            let write = WRITING + queue.borne_with(200_000);
            writes.push(write.as_secs());
            queue.handed(200_000, begun);
            assert!(queue.end(begun + write) >= write - WRITING);
        }
        assert_eq!(writes, [5, 15, 35, 76, 158, 322]);
    }

    #[test]
    fn what_a_dead_link_had_of_small_messages_makes_no_doubt() {
        let (queue, begun) = (Queue::default(), Instant::now());
        queue.handed(1_000, begun);
        queue.acknowledged(begun + Duration::from_millis(10));
        for _ in 0..20 {
            queue.handed(2_000, begun);
        }
        assert!(queue.end(at(begun, 20)) < Duration::from_secs(1));
        queue.handed(1_000, begun);
        queue.acknowledged(begun + Duration::from_millis(10));
        queue.handed(40_000, begun);
        assert!(queue.borne() < Duration::from_secs(1));
    }
}
