//! How long a connection may be of no use before it is left for another one. Pure.
//!
//! A broker may greet, answer pings and pass nothing on; a few acknowledgements that were lost
//! on the way may have stopped the client for ever. The connection looks healthy then, and
//! only another one can help. The wait grows from one such connection to the next, so that a
//! server that is down for days is not hurried by all its gateways. What a slow link needs to
//! carry what was sent is no silence of the server's, and does not count. And each wait is shorter
//! by chance, so that gateways which lost a server in one moment do not come back in one.

use crate::dice::Dice;

/// How long, at first: long enough for several hellos.
const WAIT_MS: u64 = 100_000;
/// And at most.
const WAIT_MS_MAX: u64 = 800_000;
/// So long any link may need for a message: that is in the wait already.
const SHORT_MS: u64 = 5_000;
/// No more than this is granted to the link.
const GRANTED_MS_MAX: u64 = WAIT_MS_MAX;
/// Of a thousand parts of a wait, fewer than this are left out by chance.
const LEFT_OUT_MAX: u64 = 250;

/// How long the connection that is there may go on like this.
#[derive(Clone, Debug)]
pub struct Patience {
    dice: Dice,
    wait_ms: u64,
    /// What this connection's wait is shorter by, in thousandths.
    left_out: u64,
    /// When the connection was made, or last answered.
    heard: Option<u64>,
    /// What the link needs for all that was sent since.
    granted_ms: u64,
    /// Since when the client has taken no message.
    blocked: Option<u64>,
}

impl Patience {
    /// Of a gateway with luck of its own.
    pub const fn new(dice: Dice) -> Self {
        Self {
            dice,
            wait_ms: WAIT_MS,
            left_out: 0,
            heard: None,
            granted_ms: 0,
            blocked: None,
        }
    }

    /// There is a connection. Nothing was answered on it.
    pub const fn connected(&mut self, now: u64) {
        self.left_out = self.dice.roll() % LEFT_OUT_MAX;
        self.heard = Some(now);
        self.granted_ms = 0;
        self.blocked = None;
    }

    /// A message is sent for which the link needs so long.
    pub fn sends(&mut self, needs_ms: u64) {
        let granted_ms = self.granted_ms + needs_ms.saturating_sub(SHORT_MS);
        self.granted_ms = granted_ms.min(GRANTED_MS_MAX);
    }

    /// The broker has all that was sent: the link needs no more for it.
    pub fn carried(&mut self, now: u64) {
        if let Some(heard) = self.heard {
            self.granted_ms = self.granted_ms.min(now.saturating_sub(heard));
        }
    }

    /// The server answered. The link needs so long for what is still on its way.
    pub const fn answered(&mut self, now: u64, needs_ms: u64) {
        self.heard = Some(now);
        self.granted_ms = needs_ms.saturating_sub(SHORT_MS);
        self.wait_ms = WAIT_MS;
    }

    /// Whether there is room for a message.
    pub fn room(&mut self, is_there: bool, now: u64) {
        if is_there || self.heard.is_none() {
            self.blocked = None;
        } else {
            self.blocked.get_or_insert(now);
        }
    }

    /// There is no connection any more.
    pub const fn disconnected(&mut self) {
        self.heard = None;
        self.blocked = None;
    }

    /// It was at an end: the next connection gets more time.
    pub fn lost(&mut self) {
        self.wait_ms = (self.wait_ms * 2).min(WAIT_MS_MAX);
    }

    /// From when on the server could have answered: since the connection was made, or since it
    /// answered last, but for the time that the link needs. None while there is no connection.
    pub fn silent_since(&self) -> Option<u64> {
        Some(self.heard? + self.granted_ms)
    }

    /// When the connection is to be left; never while there is none.
    pub fn ends_at(&self) -> Option<u64> {
        let since = self.heard?;
        let since = self.blocked.map_or(since, |blocked| blocked.min(since));
        let wait_ms = self.wait_ms - self.wait_ms * self.left_out / 1_000;
        Some(since + self.granted_ms + wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience() -> Patience {
        Patience::new(Dice::new(7))
    }

    /// How long each of eight connections in a row, none of which answers, is borne with.
    fn waits(seed: u64) -> Vec<u64> {
        let mut patience = Patience::new(Dice::new(seed));
        assert_eq!(patience.ends_at(), None);
        let mut waits = Vec::new();
        for at in 1..=8 {
            let now = at * 2_000_000;
            patience.connected(now);
            let end = patience.ends_at().unwrap();
            assert_eq!(patience.ends_at(), Some(end), "it stands once drawn");
            waits.push(end - now);
            patience.lost();
            patience.disconnected();
            assert_eq!(patience.ends_at(), None);
        }
        waits
    }

    #[test]
    fn a_connection_without_answers_is_left_later_and_later() {
        let waits = waits(7);
        let longest = [1, 2, 4, 8, 8, 8, 8, 8].map(|times| times * WAIT_MS);
        for (wait, longest) in waits.iter().zip(longest) {
            assert!(
                (longest - longest / 4..=longest).contains(wait),
                "{waits:?}"
            );
        }
        let mut patience = patience();
        patience.connected(0);
        patience.lost();
        patience.disconnected();
        patience.connected(9_000_000);
        patience.answered(9_000_500, 0);
        let wait = patience.ends_at().unwrap() - 9_000_500;
        assert!(wait <= WAIT_MS, "an answer makes it short again: {wait}");
    }

    #[test]
    fn gateways_that_lost_one_server_leave_at_different_times() {
        let mut firsts: Vec<_> = (0..200).map(|seed| waits(seed)[0]).collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert!(firsts.len() > 100, "{}", firsts.len());
        let spread = firsts.last().unwrap() - firsts[0];
        assert!(spread > WAIT_MS / 5, "{spread}");
        let mut late = waits(7).split_off(3);
        late.sort_unstable();
        late.dedup();
        assert!(late.len() > 1, "one gateway waits differently, too");
    }

    #[test]
    fn a_client_that_takes_nothing_is_left_though_answers_come() {
        let mut patience = patience();
        patience.connected(0);
        let wait = patience.ends_at().unwrap();
        patience.room(false, 5_000);
        patience.answered(60_000, 0);
        patience.room(false, 60_000);
        assert_eq!(patience.ends_at(), Some(5_000 + wait));
        patience.room(true, 61_000);
        assert_eq!(patience.ends_at(), Some(60_000 + wait));
    }

    #[test]
    fn what_the_link_needs_for_what_was_sent_is_no_silence() {
        let mut patience = patience();
        patience.connected(0);
        let wait = patience.ends_at().unwrap();
        patience.sends(200_000 + SHORT_MS);
        patience.sends(200_000 + SHORT_MS);
        for _ in 0..100 {
            patience.sends(SHORT_MS);
        }
        assert_eq!(patience.ends_at(), Some(400_000 + wait));
        assert_eq!(patience.silent_since(), Some(400_000));
        patience.answered(10_000, 150_000 + SHORT_MS);
        assert_eq!(patience.ends_at(), Some(160_000 + wait));
        patience.answered(160_000, 0);
        assert_eq!(patience.ends_at(), Some(160_000 + wait));
        for _ in 0..100 {
            patience.sends(200_000);
        }
        assert_eq!(patience.ends_at(), Some(160_000 + GRANTED_MS_MAX + wait));
        patience.carried(163_000);
        patience.carried(190_000);
        assert_eq!(patience.silent_since(), Some(163_000), "it was quicker");
    }
}
