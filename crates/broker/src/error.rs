//! What can go wrong when the broker starts, speaks or stops.

use std::io;
use std::net::SocketAddr;

use fenghuo_uplink::topic::Topic;

/// Why the broker could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The configuration contradicts itself or would be unsafe; all problems at once.
    #[error("broker configuration: {}", list(.0))]
    Config(Vec<Problem>),
    /// The operating system gave no threads for the broker's runtime.
    #[error("broker runtime did not start")]
    Runtime(#[source] io::Error),
    /// The address cannot be listened on, most often because it is in use.
    #[error("mqtt listener on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server speaks on `receipt` only; every other channel is the gateway's.
    #[error("{0} is not a receipt topic")]
    NotAReceipt(Topic),
    /// The payload is larger than a receipt may be.
    #[error("receipt of {bytes} bytes for {topic} is over {limit}")]
    TooLarge {
        /// Where it was going.
        topic: Topic,
        /// Its size.
        bytes: usize,
        /// The largest size allowed.
        limit: usize,
    },
    /// A session that should hear this has its queue full; try again later.
    #[error("{topic} has a subscriber whose queue is full")]
    Full {
        /// Where it was going.
        topic: Topic,
    },
}

/// One thing that is wrong with a configuration.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// Two users share a name.
    #[error("user `{0}` is configured twice")]
    TwiceNamed(String),
    /// A user without a name cannot log in.
    #[error("a user has an empty name")]
    NoName,
    /// An empty password is no password.
    #[error("user `{0}` has an empty password")]
    NoPassword(String),
    /// Anonymous access is for a machine that talks to itself.
    #[error("anonymous access is only allowed on a loopback address, not on {0}")]
    OpenToNetwork(SocketAddr),
    /// A limit of zero would refuse everything.
    #[error("limit `{0}` is zero")]
    ZeroLimit(&'static str),
}

fn list(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
