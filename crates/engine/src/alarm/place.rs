//! The transition table: the nine states of ISA-18.2 (clause 5, figure of the alarm states)
//! and what leads from one to another.
//!
//! Six states are the process's and the operator's ([`Life`]); shelved, suppressed by design
//! and out of service lie over them as covers, because an alarm goes on living underneath
//! and comes back as what it is then. Covers can lie over each other; the state shown is the
//! strongest one: out of service, then suppressed, then shelved.

use serde::{Deserialize, Serialize};

use crate::event::Transition;

/// The life of an alarm under its covers.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum Life {
    /// Over, and seen.
    #[default]
    Normal,
    /// There, and nobody has seen it.
    Unacknowledged,
    /// There, and seen.
    Acknowledged,
    /// Over, and nobody has seen it.
    ReturnedUnacknowledged,
    /// Over, latched, and nobody has seen it.
    LatchedUnacknowledged,
    /// Over, seen, and waiting for a person to reset it.
    LatchedAcknowledged,
}

impl Life {
    /// Whether the condition holds.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged)
    }
}

/// The nine states, as people see them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum State {
    /// A: over, and seen.
    Normal,
    /// B: there, and nobody has seen it.
    Unacknowledged,
    /// C: there, and seen.
    Acknowledged,
    /// D: over, and nobody has seen it.
    ReturnedUnacknowledged,
    /// E: over, latched, and nobody has seen it.
    LatchedUnacknowledged,
    /// F: over, seen, waiting for its reset.
    LatchedAcknowledged,
    /// G: put away by a person for a time.
    Shelved,
    /// H: meaningless in the plant's present state.
    Suppressed,
    /// I: taken out by two persons under a permit.
    OutOfService,
}

impl State {
    /// All of them, in the standard's order.
    pub const ALL: [Self; 9] = [
        Self::Normal,
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ReturnedUnacknowledged,
        Self::LatchedUnacknowledged,
        Self::LatchedAcknowledged,
        Self::Shelved,
        Self::Suppressed,
        Self::OutOfService,
    ];

    /// The stable name in APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned_unacknowledged",
            Self::LatchedUnacknowledged => "latched_unacknowledged",
            Self::LatchedAcknowledged => "latched_acknowledged",
            Self::Shelved => "shelved",
            Self::Suppressed => "suppressed",
            Self::OutOfService => "out_of_service",
        }
    }
}

/// Where an alarm stands: its life, and what covers it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// Its life underneath.
    pub life: Life,
    /// A person put it away.
    pub shelved: bool,
    /// The plant's state makes it meaningless.
    pub suppressed: bool,
    /// Two persons took it out.
    pub out: bool,
}

impl Place {
    /// The state that people see.
    #[must_use]
    pub const fn state(self) -> State {
        if self.out {
            return State::OutOfService;
        }
        if self.suppressed {
            return State::Suppressed;
        }
        if self.shelved {
            return State::Shelved;
        }
        match self.life {
            Life::Normal => State::Normal,
            Life::Unacknowledged => State::Unacknowledged,
            Life::Acknowledged => State::Acknowledged,
            Life::ReturnedUnacknowledged => State::ReturnedUnacknowledged,
            Life::LatchedUnacknowledged => State::LatchedUnacknowledged,
            Life::LatchedAcknowledged => State::LatchedAcknowledged,
        }
    }

    /// Whether anything lies over it: it is quiet then.
    #[must_use]
    pub const fn is_covered(self) -> bool {
        self.shelved || self.suppressed || self.out
    }

    /// Where a transition leads, or `None` where it cannot happen.
    #[must_use]
    pub const fn after(self, transition: &Transition) -> Option<Self> {
        let covers = match transition {
            Transition::Shelve { .. } if !self.shelved && !self.out => Self {
                shelved: true,
                ..self
            },
            Transition::Unshelve { .. } if self.shelved => Self {
                shelved: false,
                ..self
            },
            Transition::Suppress { .. } if !self.suppressed => Self {
                suppressed: true,
                ..self
            },
            Transition::Unsuppress if self.suppressed => Self {
                suppressed: false,
                ..self
            },
            Transition::TakeOut(_) if !self.out => Self { out: true, ..self },
            // Also takes back what was only asked for.
            Transition::PutBack(_) => Self { out: false, ..self },
            Transition::AskOut(_) if !self.out => self,
            // Words about a case change no state.
            Transition::State { .. }
            | Transition::Verify { .. }
            | Transition::Close(_)
            | Transition::Overdue { .. } => self,
            _ => return self.live(transition),
        };
        Some(covers)
    }

    const fn live(self, transition: &Transition) -> Option<Self> {
        use Life::{
            Acknowledged, LatchedAcknowledged, LatchedUnacknowledged, Normal,
            ReturnedUnacknowledged, Unacknowledged,
        };
        let life = match (self.life, transition) {
            (
                Normal | ReturnedUnacknowledged | LatchedUnacknowledged | LatchedAcknowledged,
                Transition::Raise(_),
            ) => Unacknowledged,
            (Unacknowledged, Transition::Acknowledge { .. }) => Acknowledged,
            (ReturnedUnacknowledged, Transition::Acknowledge { .. }) => Normal,
            (LatchedUnacknowledged, Transition::Acknowledge { .. }) => LatchedAcknowledged,
            (Unacknowledged, Transition::Latch | Transition::Unwatch { latched: true, .. }) => {
                LatchedUnacknowledged
            }
            (Acknowledged, Transition::Latch | Transition::Unwatch { latched: true, .. }) => {
                LatchedAcknowledged
            }
            // What came and went under a cover was nobody's to see.
            (
                Unacknowledged,
                Transition::Return | Transition::Dismiss | Transition::Unwatch { .. },
            ) => {
                if self.is_covered() {
                    Normal
                } else {
                    ReturnedUnacknowledged
                }
            }
            (
                Acknowledged,
                Transition::Return | Transition::Dismiss | Transition::Unwatch { .. },
            ) => Normal,
            (Acknowledged, Transition::Realarm) if !self.is_covered() => Unacknowledged,
            (LatchedAcknowledged, Transition::Reset(_)) => Normal,
            // The live alarm that it was merged into is there for people to see.
            (Unacknowledged | Acknowledged, Transition::Merge(_)) => Normal,
            (
                Unacknowledged | Acknowledged,
                Transition::Hold(_)
                | Transition::Release
                | Transition::Promote
                | Transition::PlanOver { .. },
            ) => self.life,
            // Its record may go on, covered or with an open case, when it is over and seen.
            (
                Normal
                | Unacknowledged
                | Acknowledged
                | ReturnedUnacknowledged
                | LatchedUnacknowledged
                | LatchedAcknowledged,
                Transition::Amend { .. },
            ) => self.life,
            _ => return None,
        };
        Some(Self { life, ..self })
    }
}
