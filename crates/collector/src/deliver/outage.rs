//! What the log says of a destination that cannot be reached. The words go out at the first
//! failure, again at most every [`AGAIN_MS`], and once when it is over: a link that is down
//! for a week must be seen in the log, and must not fill it.

use std::time::Duration;

/// While it lasts, it is said again after this long.
const AGAIN_MS: u64 = 10 * 60_000;

/// Times without a connection to one destination.
#[derive(Debug)]
pub struct Outage {
    destination: String,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The first attempt is under way.
    Begun,
    /// Answered.
    Fine,
    Down {
        since: u64,
        said: u64,
    },
}

/// What a failure is worth saying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Notice {
    First,
    /// It has lasted this long.
    Still(Duration),
}

impl Outage {
    pub fn new(destination: &str) -> Self {
        Self {
            destination: destination.to_owned(),
            state: State::Begun,
        }
    }

    /// The connection is gone, or could not be made.
    pub fn failed(&mut self, what: &str, frames_pending: u64, now: u64) {
        let destination = &self.destination;
        match self.state.fail(now) {
            Some(Notice::First) => tracing::warn!(
                %destination,
                %what,
                frames_pending,
                "the destination cannot be reached, data is kept on disk until it is back"
            ),
            Some(Notice::Still(down_for)) => tracing::warn!(
                %destination,
                %what,
                frames_pending,
                ?down_for,
                "the destination still cannot be reached, data is kept on disk"
            ),
            None => tracing::debug!(%destination, %what, "no connection"),
        }
    }

    /// There is a connection, and the server answers.
    pub fn over(&mut self, frames_pending: u64, now: u64) {
        let destination = &self.destination;
        let was = std::mem::replace(&mut self.state, State::Fine);
        match was {
            State::Down { since, .. } => tracing::info!(
                %destination,
                frames_pending,
                down_for = ?seconds(now - since),
                "the server answers again, what waits is delivered"
            ),
            State::Begun => tracing::info!(%destination, frames_pending, "the server answers"),
            State::Fine => {}
        }
    }
}

impl State {
    fn fail(&mut self, now: u64) -> Option<Notice> {
        let (since, said, notice) = match *self {
            Self::Begun | Self::Fine => (now, now, Some(Notice::First)),
            Self::Down { since, said } if now >= said + AGAIN_MS => {
                (since, now, Some(Notice::Still(seconds(now - since))))
            }
            Self::Down { since, said } => (since, said, None),
        };
        *self = Self::Down { since, said };
        notice
    }
}

/// Whole seconds are enough for a person, but a short break is not "0 s".
const fn seconds(ms: u64) -> Duration {
    if ms < 1_000 {
        Duration::from_millis(ms)
    } else {
        Duration::from_secs(ms / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_said_at_once_and_then_rarely() {
        let mut state = State::Begun;
        assert_eq!(state.fail(1_000), Some(Notice::First));
        let said: Vec<_> = (2..=1_500)
            .filter_map(|second| state.fail(second * 1_000))
            .collect();
        let still = |seconds| Notice::Still(Duration::from_secs(seconds));
        assert_eq!(said, [still(600), still(1_200)]);
        state = State::Fine;
        assert_eq!(state.fail(1_502_000), Some(Notice::First));
    }
}
