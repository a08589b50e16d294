//! Notices: facts for a person, without words; the carriers' side makes the text.

use std::fmt;
use std::sync::Arc;

use fenghuo_model::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::settings::Receiver;
use crate::event::{EventId, Step};
use crate::{AlarmKey, State};

/// Most alarms that one notice lists; the others are counted.
pub const LINES_MAX: usize = 50;

/// A notice's place: the log entry that caused it, and its number among that entry's.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct NoticeId {
    /// The log position.
    pub position: u64,
    /// From 0.
    pub ordinal: u32,
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.position, self.ordinal)
    }
}

/// What somebody is to be told.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// Its place.
    pub id: NoticeId,
    /// Who.
    pub receiver: Arc<str>,
    /// What brings it.
    pub carriers: Vec<String>,
    /// Why.
    pub kind: NoticeKind,
    /// When it became due, by the server's clock.
    pub at: Timestamp,
    /// The alarms, the worst first, then the oldest; at most [`LINES_MAX`].
    pub alarms: Vec<Line>,
    /// How many further alarms there are.
    pub more: u32,
    /// How many raises it tells of, listed or not: blue, yellow, orange, red.
    pub raises: [u32; 4],
}

/// Why somebody is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum NoticeKind {
    /// An alarm, or a group of them.
    Alarm,
    /// Nobody has seen them yet, or they must be seen again.
    Repeat,
    /// A step of the closed loop is overdue.
    Escalation {
        /// Which step.
        step: Step,
        /// How often its time has run out.
        tier: u8,
    },
    /// They are over.
    Returned,
    /// What was gathered.
    Digest(Gathered),
}

impl NoticeKind {
    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Repeat => "repeat",
            Self::Escalation { .. } => "escalation",
            Self::Returned => "returned",
            Self::Digest(Gathered::Flood) => "digest_flood",
            Self::Digest(Gathered::Quiet) => "digest_quiet",
            Self::Digest(Gathered::Settled) => "digest_settled",
        }
    }
}

/// Why notices were gathered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Gathered {
    /// There were too many.
    Flood,
    /// It was quiet time.
    Quiet,
    /// The server, or the receiver, was new.
    Settled,
}

/// One alarm in a notice.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Which time of the alarm.
    pub occurrence: EventId,
    /// Which alarm.
    pub alarm: AlarmKey,
    /// How bad it counts.
    pub severity: Severity,
    /// Its state now.
    pub state: State,
    /// What of it is told.
    pub about: About,
    /// The last of its raises that it is about, from 1.
    pub raise: u32,
    /// How many raises the line tells of; 0 when they were told before.
    pub times: u32,
    /// Of a repeat: how often this raise was repeated to this receiver, this time included.
    pub nth: u32,
}

/// What is told of an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum About {
    /// It is there.
    Called,
    /// It came and went before it could be told.
    Fleeting,
    /// Nobody has seen it.
    Repeated,
    /// A step of its closed loop is overdue.
    Overdue {
        /// Which step.
        step: Step,
        /// How often its time has run out.
        tier: u8,
    },
    /// It is over.
    Returned,
}

impl About {
    /// What a notice of one such line is.
    pub(super) const fn kind(self) -> NoticeKind {
        match self {
            Self::Called | Self::Fleeting => NoticeKind::Alarm,
            Self::Repeated => NoticeKind::Repeat,
            Self::Overdue { step, tier } => NoticeKind::Escalation { step, tier },
            Self::Returned => NoticeKind::Returned,
        }
    }
}

/// Where notices are written, numbered within a log entry.
pub(super) struct Desktop<'a> {
    pub now: Timestamp,
    pub next: &'a mut NoticeId,
    pub out: &'a mut Vec<Notice>,
}

/// What a notice tells beside its lines: what was only counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    /// Lines.
    pub more: u32,
    /// Raises by severity.
    pub raises: [u32; 4],
}

impl Desktop<'_> {
    /// Writes a notice, unless it would say nothing.
    pub fn write(
        &mut self,
        receiver: &Receiver,
        kind: NoticeKind,
        mut lines: Vec<Line>,
        counted: Counted,
    ) {
        if lines.is_empty() && counted.more == 0 {
            return;
        }
        let mut raises = counted.raises;
        for line in &lines {
            let count = &mut raises[rank(line.severity)];
            *count = count.saturating_add(line.times);
        }
        lines.sort_by_key(|line| (std::cmp::Reverse(line.severity), line.occurrence));
        let cut = lines.len().saturating_sub(LINES_MAX);
        lines.truncate(LINES_MAX);
        let cut = u32::try_from(cut).unwrap_or(u32::MAX);
        self.out.push(Notice {
            id: *self.next,
            receiver: receiver.name.clone(),
            carriers: receiver.carriers.clone(),
            kind,
            at: self.now,
            alarms: lines,
            more: counted.more.saturating_add(cut),
            raises,
        });
        self.next.ordinal += 1;
    }
}

/// A severity's place in an array of four.
pub(super) fn rank(severity: Severity) -> usize {
    usize::from(severity.ordinal()) - 1
}
