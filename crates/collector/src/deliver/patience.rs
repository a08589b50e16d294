//! How long a connection may be of no use before it is left for another one. Pure.
//!
//! A broker may greet, answer pings and pass nothing on; a few acknowledgements that were lost
//! on the way may have stopped the client for ever. The connection looks healthy then, and
//! only another one can help. The wait grows from one such connection to the next, so that a
//! server that is down for days is not hurried by all its gateways.

/// How long, at first: long enough for several hellos.
const WAIT_MS: u64 = 100_000;
/// And at most.
const WAIT_MS_MAX: u64 = 800_000;

/// How long the connection that is there may go on like this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    wait_ms: u64,
    /// When the connection was made, or last answered.
    heard: Option<u64>,
    /// Since when the client has taken no message.
    blocked: Option<u64>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            wait_ms: WAIT_MS,
            heard: None,
            blocked: None,
        }
    }
}

impl Patience {
    /// There is a connection. Nothing was answered on it.
    pub const fn connected(&mut self, now: u64) {
        self.heard = Some(now);
        self.blocked = None;
    }

    /// The server answered.
    pub const fn answered(&mut self, now: u64) {
        self.heard = Some(now);
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

    /// When the connection was made, or last answered.
    pub const fn heard(&self) -> Option<u64> {
        self.heard
    }

    /// When the connection is to be left; never while there is none.
    pub fn ends_at(&self) -> Option<u64> {
        let since = self.heard?;
        let since = self.blocked.map_or(since, |blocked| blocked.min(since));
        Some(since + self.wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_answers_is_left_later_and_later() {
        let mut patience = Patience::default();
        assert_eq!(patience.ends_at(), None);
        let mut waits = Vec::new();
        for now in [1_000, 2_000_000, 4_000_000, 6_000_000, 8_000_000] {
            patience.connected(now);
            waits.push(patience.ends_at().unwrap() - now);
            patience.lost();
            patience.disconnected();
            assert_eq!(patience.ends_at(), None);
        }
        let first = WAIT_MS;
        assert_eq!(
            waits,
            [first, 2 * first, 4 * first, WAIT_MS_MAX, WAIT_MS_MAX]
        );
        patience.connected(9_000_000);
        patience.answered(9_000_500);
        assert_eq!(patience.ends_at(), Some(9_000_500 + WAIT_MS));
    }

    #[test]
    fn a_client_that_takes_nothing_is_left_though_answers_come() {
        let mut patience = Patience::default();
        patience.connected(0);
        patience.room(false, 5_000);
        patience.answered(60_000);
        patience.room(false, 60_000);
        assert_eq!(patience.ends_at(), Some(5_000 + WAIT_MS));
        patience.room(true, 61_000);
        assert_eq!(patience.ends_at(), Some(60_000 + WAIT_MS));
    }
}
