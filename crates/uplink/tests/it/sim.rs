//! One collector, one link, one server, made of the real outbox, inbox, hello and receipt.
//!
//! What the machines around them must do is played here in a few lines: a disk that keeps
//! only what was synced, a log whose frames and marks are one transaction, a talk that is
//! forgotten at a restart. Everything random comes from the seed, so that a seed means the
//! same run everywhere.

use std::collections::BTreeSet;

pub mod collector;
pub mod dice;
pub mod server;
pub mod world;

/// A frame as the link carries it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub epoch: u64,
    pub seq: u64,
    /// Stands for the bytes; no two frames have the same.
    pub content: u64,
    pub catalog: u8,
    pub oldest: u64,
}

/// What goes up the link.
#[derive(Clone, Debug)]
pub enum Up {
    Hello(Vec<u8>),
    Catalog(u8),
    Frame(Sent),
}

/// What is known of all contents, by someone who sees both sides.
#[derive(Default, Debug)]
pub struct Truth {
    /// Contents that are in some log, or were before that log was restored or replaced.
    pub logged: BTreeSet<u64>,
    /// Contents that went in a way that is told: no room, refused for ever, damaged; or
    /// with a disk that was replaced by an older copy of itself.
    pub gone: BTreeSet<u64>,
    /// Contents that the server as it is now must have in the end.
    pub owed: BTreeSet<u64>,
    /// Owed, and in no log but one that is gone: the spool keeps them only for so long.
    pub at_risk: BTreeSet<u64>,
}

impl Truth {
    pub fn lose(&mut self, content: u64) {
        self.gone.insert(content);
        self.owed.remove(&content);
    }

    /// Whether a collector may forget it.
    pub fn is_safe(&self, content: u64) -> bool {
        self.logged.contains(&content) || self.gone.contains(&content)
    }
}
