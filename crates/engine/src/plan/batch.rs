//! What waits to be told together.

use std::collections::BTreeMap;

use fenghuo_model::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::notice::{About, Counted, Gathered, NoticeKind, rank};
use crate::EventId;

/// Why something waits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Lane {
    /// For others of its group: the values of the labels that make one.
    Group(Vec<Box<str>>),
    /// For the next digest of a flood.
    Flood,
    /// For the end of the quiet hours.
    Quiet,
    /// For the server, or the receiver, to settle.
    Settled,
}

impl Lane {
    pub const fn kind(&self) -> NoticeKind {
        match self {
            Self::Group(_) => NoticeKind::Alarm,
            Self::Flood => NoticeKind::Digest(Gathered::Flood),
            Self::Quiet => NoticeKind::Digest(Gathered::Quiet),
            Self::Settled => NoticeKind::Digest(Gathered::Settled),
        }
    }
}

/// One alarm that waits.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    pub about: About,
    /// How many raises wait with it.
    pub times: u32,
    /// The end of an earlier raise, which was told, waited here before this one came.
    pub ended: bool,
}

impl Item {
    pub const fn new(about: About) -> Self {
        let times = matches!(about, About::Called) as u32;
        Self {
            about,
            times,
            ended: false,
        }
    }

    /// Takes in what happened next to the same alarm.
    pub const fn then(&mut self, next: About) {
        self.about = match (self.about, next) {
            (before, About::Called) => {
                self.ended |= matches!(before, About::Returned);
                self.times = self.times.saturating_add(1);
                About::Called
            }
            (About::Called | About::Fleeting, About::Returned) => About::Fleeting,
            // Who is told that a step is overdue must hear it; the state says the rest.
            (About::Overdue { .. }, About::Returned | About::Repeated) => self.about,
            (About::Called | About::Fleeting, About::Repeated) => self.about,
            (_, next) => next,
        };
    }
}

/// What goes out together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Batch {
    /// When; none when something else than time ends the wait.
    pub due: Option<Timestamp>,
    pub items: BTreeMap<EventId, Item>,
    /// What did not fit any more.
    pub counted: Counted,
}

impl Batch {
    pub const fn new(due: Option<Timestamp>) -> Self {
        Self {
            due,
            items: BTreeMap::new(),
            counted: Counted {
                more: 0,
                raises: [0; 4],
            },
        }
    }

    /// Only counts one.
    pub fn count(&mut self, severity: Severity, item: Item) {
        let counted = &mut self.counted;
        counted.more = counted.more.saturating_add(1);
        let raises = &mut counted.raises[rank(severity)];
        *raises = raises.saturating_add(item.times);
    }

    /// Takes in another batch.
    pub fn absorb(&mut self, other: Self) {
        self.items.extend(other.items);
        self.counted.more = self.counted.more.saturating_add(other.counted.more);
        for (mine, others) in self.counted.raises.iter_mut().zip(other.counted.raises) {
            *mine = mine.saturating_add(others);
        }
    }
}
