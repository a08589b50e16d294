//! Who may say what, and who may hear it. Pure; the hooks and the delivery ask the same rules.

use std::collections::HashMap;

use fenghuo_uplink::PAYLOAD_BYTES_MAX;
use fenghuo_uplink::topic::{Channel, Topic};

use crate::config::{Gateway, Password, Scope, User};

/// First level of all our topics.
const ROOT: &str = "fenghuo";
/// Longest topic or filter outside ours; bounds what a subscription costs.
const TOPIC_BYTES_MAX: usize = 512;

/// Someone connected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Party {
    /// A gateway with its own user.
    Gateway(Gateway),
    /// A device with its own user.
    Device,
    /// Nobody in particular, on a machine that talks to itself: may do what both may.
    Anyone,
}

/// What a publish is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Publication {
    /// For the intake.
    Ours(Topic),
    /// For subscribers outside our topics.
    Plain,
    /// Malformed, not the client's, or a channel that only the server uses.
    Refused,
    /// The payload is too large.
    Oversize,
}

impl Party {
    pub(crate) fn publication(&self, topic: &str, payload_bytes: usize) -> Publication {
        let publication = match Topic::parse(topic) {
            Some(topic) if topic.channel != Channel::Receipt && self.speaks_for(&topic) => {
                Publication::Ours(topic)
            }
            None if self.is_outside() && is_plain_topic(topic) => Publication::Plain,
            _ => return Publication::Refused,
        };
        if payload_bytes > PAYLOAD_BYTES_MAX {
            return Publication::Oversize;
        }
        publication
    }

    /// A will may be anything plain, but of our channels only `state`.
    pub(crate) fn may_leave_will(&self, topic: &str, payload_bytes: usize) -> bool {
        match self.publication(topic, payload_bytes) {
            Publication::Ours(topic) => topic.channel == Channel::State,
            Publication::Plain => true,
            Publication::Refused | Publication::Oversize => false,
        }
    }

    pub(crate) fn may_subscribe(&self, filter: &str) -> bool {
        match Topic::parse(filter) {
            Some(topic) => self.may_hear(&topic),
            None => self.is_outside() && is_plain_filter(filter),
        }
    }

    /// May hear one of our topics.
    pub(crate) fn may_hear(&self, topic: &Topic) -> bool {
        topic.channel == Channel::Receipt && self.speaks_for(topic)
    }

    /// May use topics outside ours.
    pub(crate) const fn is_outside(&self) -> bool {
        matches!(self, Self::Device | Self::Anyone)
    }

    fn speaks_for(&self, topic: &Topic) -> bool {
        match self {
            Self::Gateway(gateway) => gateway.owns(topic),
            Self::Device => false,
            Self::Anyone => true,
        }
    }
}

fn is_plain_topic(topic: &str) -> bool {
    is_outside_root(topic) && !topic.contains(['+', '#', '\0'])
}

/// A filter that cannot match a topic of ours; whether its wildcards stand where they may is
/// for the broker's own parser.
fn is_plain_filter(filter: &str) -> bool {
    is_outside_root(filter) && !matches!(first_level(filter), "+" | "#")
}

fn is_outside_root(text: &str) -> bool {
    let first = first_level(text);
    !text.is_empty()
        && text.len() <= TOPIC_BYTES_MAX
        && first != ROOT
        // `$SYS`, `$share` and their like mean something to brokers; we serve none of them.
        && !first.starts_with('$')
}

fn first_level(text: &str) -> &str {
    text.split('/').next().unwrap_or_default()
}

/// Why a login was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Denied {
    /// No such user, or not its password.
    BadLogin,
    /// No name was given, and a name is needed.
    NoName,
}

/// The users, by name.
#[derive(Debug)]
pub(crate) struct Users {
    named: HashMap<String, (Password, Party)>,
    anonymous: bool,
}

impl Users {
    pub(crate) fn new(users: Vec<User>, anonymous: bool) -> Self {
        let named = users.into_iter().map(|user| {
            let party = match user.scope {
                Scope::Gateway(gateway) => Party::Gateway(gateway),
                Scope::Device => Party::Device,
            };
            (user.name, (user.password, party))
        });
        Self {
            named: named.collect(),
            anonymous,
        }
    }

    pub(crate) fn login(&self, name: Option<&str>, password: &[u8]) -> Result<&Party, Denied> {
        match name {
            Some(name) => match self.named.get(name) {
                Some((known, party)) if known.matches(password) => Ok(party),
                _ => Err(Denied::BadLogin),
            },
            None => self.party(None).ok_or(Denied::NoName),
        }
    }

    /// Who a client is that has logged in before; `None` only if it never could have.
    pub(crate) fn party(&self, name: Option<&str>) -> Option<&Party> {
        match name {
            Some(name) => self.named.get(name).map(|(_, party)| party),
            None => self.anonymous.then_some(&Party::Anyone),
        }
    }
}

#[cfg(test)]
mod tests;
