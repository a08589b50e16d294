//! Who may connect, where, and how much the broker may hold.

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use fenghuo_uplink::topic::{Channel, Topic};

use crate::error::Problem;

/// Sessions that a county's broker holds by default.
const SESSIONS_MAX: usize = 4096;
/// Messages that may wait for one session; a device topic at 100 Hz for over three minutes.
const SESSION_MESSAGES_MAX: usize = 20_000;
/// Bytes that may wait for one session.
const SESSION_BYTES_MAX: usize = 16 << 20;
/// Bytes that may wait in the whole broker.
const TOTAL_BYTES_MAX: usize = 64 << 20;

/// How the broker listens and whom it lets in.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 lets the system choose (see `Broker::local_addr`).
    pub listen: SocketAddr,
    /// Who may log in.
    pub users: Vec<User>,
    /// Lets clients in without a name, to every topic; loopback only.
    pub anonymous: bool,
    /// Most sessions at a time, sleeping ones included.
    pub max_sessions: usize,
    /// How much may wait for slow subscribers.
    pub limits: Limits,
}

impl Config {
    /// Nobody may connect yet; the limits are the defaults.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            users: Vec::new(),
            anonymous: false,
            max_sessions: SESSIONS_MAX,
            limits: Limits::default(),
        }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for user in &self.users {
            if user.name.is_empty() {
                found.push(Problem::NoName);
            } else if !seen.insert(user.name.as_str()) {
                found.push(Problem::TwiceNamed(user.name.clone()));
            }
            if user.password.0.is_empty() {
                found.push(Problem::NoPassword(user.name.clone()));
            }
        }
        if self.anonymous && !self.listen.ip().is_loopback() {
            found.push(Problem::OpenToNetwork(self.listen));
        }
        let limits = [
            ("max_sessions", self.max_sessions),
            ("session_messages_max", self.limits.session_messages_max),
            ("session_bytes_max", self.limits.session_bytes_max),
            ("total_bytes_max", self.limits.total_bytes_max),
        ];
        for (name, value) in limits {
            if value == 0 {
                found.push(Problem::ZeroLimit(name));
            }
        }
        found
    }
}

/// How much may wait for subscribers. What does not fit is dropped and counted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages waiting for one session, sent and unacknowledged ones included.
    pub session_messages_max: usize,
    /// Bytes waiting for one session.
    pub session_bytes_max: usize,
    /// Bytes waiting for all sessions together; a payload shared by several counts once.
    pub total_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            session_messages_max: SESSION_MESSAGES_MAX,
            session_bytes_max: SESSION_BYTES_MAX,
            total_bytes_max: TOTAL_BYTES_MAX,
        }
    }
}

/// Someone who may log in.
#[derive(Clone, Debug)]
pub struct User {
    /// The MQTT user name.
    pub name: String,
    /// Its password.
    pub password: Password,
    /// What it may do.
    pub scope: Scope,
}

/// What a user may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Publishes its gateway's `hello`, `catalog`, `data` and `state`, hears its `receipt`.
    Gateway(Gateway),
    /// Publishes and subscribes outside `fenghuo/` only.
    Device,
}

/// A gateway, named `enterprise/gateway`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gateway(Topic);

impl Gateway {
    pub(crate) fn owns(&self, topic: &Topic) -> bool {
        self.0.gateway == topic.gateway
    }
}

impl From<Topic> for Gateway {
    /// The gateway of a topic, whatever its channel.
    fn from(topic: Topic) -> Self {
        Self(Topic::new(topic.gateway, Channel::Receipt))
    }
}

/// The text is not `enterprise/gateway`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not of the form enterprise/gateway")]
pub struct NotAGateway(String);

impl FromStr for Gateway {
    type Err = NotAGateway;
    fn from_str(text: &str) -> Result<Self, NotAGateway> {
        let topic = Topic::parse(&format!("fenghuo/1/{text}/receipt"));
        topic
            .map(Self::from)
            .ok_or_else(|| NotAGateway(text.to_owned()))
    }
}

/// A password in memory; never printed.
#[derive(Clone)]
pub struct Password(Box<[u8]>);

impl Password {
    /// Takes the clear text, as it was read from the environment or a file.
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self(text.into().into_boxed_slice())
    }

    /// Compares in a time that does not depend on where the two differ.
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        let differs = self
            .0
            .iter()
            .zip(given)
            .fold(0, |acc, (a, b)| acc | (a ^ b));
        self.0.len() == given.len() && std::hint::black_box(differs) == 0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_at_once() {
        let user = |name: &str, password: &str| User {
            name: name.to_owned(),
            password: Password::new(password),
            scope: Scope::Device,
        };
        let mut config = Config::new(([0, 0, 0, 0], 1883).into());
        config.anonymous = true;
        config.max_sessions = 0;
        config.users = vec![user("a", "x"), user("a", "x"), user("", ""), user("b", "x")];
        let problems = config.problems();
        assert_eq!(
            problems,
            [
                Problem::TwiceNamed("a".to_owned()),
                Problem::NoName,
                Problem::NoPassword(String::new()),
                Problem::OpenToNetwork(config.listen),
                Problem::ZeroLimit("max_sessions"),
            ]
        );
    }

    #[test]
    fn a_password_matches_itself_only_and_is_not_printed() {
        let password = Password::new("secret");
        assert!(password.matches(b"secret"));
        for other in [&b""[..], b"secre", b"secret1", b"Secret"] {
            assert!(!password.matches(other));
        }
        assert!(!format!("{password:?}").contains("secret"));
    }

    #[test]
    fn a_gateway_is_read_from_its_name() {
        let gateway: Gateway = "oil/gw1".parse().unwrap();
        assert!(gateway.owns(&Topic::parse("fenghuo/1/oil/gw1/data").unwrap()));
        assert!(!gateway.owns(&Topic::parse("fenghuo/1/oil/gw2/data").unwrap()));
        assert!("oil".parse::<Gateway>().is_err());
        assert!("oil/gw1/x".parse::<Gateway>().is_err());
        assert!("+/gw1".parse::<Gateway>().is_err());
    }
}
