//! The other one comes within the time.

use std::time::Duration;

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Look;
use crate::detect::Seen;
use crate::event::Hold;

/// Turn-ons of the own point, each of which came while the time of the one before it ran:
/// together they make one span in which a second point may turn on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Chain {
    first: Timestamp,
    last: Timestamp,
    /// The last one is in doubt.
    doubtful: bool,
}

impl Chain {
    fn runs_at(&self, at: Timestamp, within_ms: u64) -> bool {
        at <= self.last.plus(Duration::from_millis(within_ms))
    }
}

/// What a second point's being on means.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
enum Class {
    /// It followed; whether that is in doubt.
    Yes(bool),
    /// It may have followed.
    Maybe(Hold),
    /// It did not follow; whether that is in doubt.
    No(bool),
}

/// What is known of the second points: whether any is on.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
enum Second {
    /// Never known.
    #[default]
    Unseen,
    /// All are off.
    Off {
        doubtful: bool,
        /// What the on before this means, should the off be wrong.
        after_yes: bool,
    },
    /// One is on.
    On {
        class: Class,
        /// Since when it is seen on.
        since: Timestamp,
        /// It was seen to turn on then.
        exact: bool,
    },
    /// Unknown since then.
    Gap { since: Timestamp, was: Was },
}

/// What was known when it became unknown.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
enum Was {
    Unseen,
    /// All off, as in [`Second::Off`].
    Off {
        doubtful: bool,
        after_yes: bool,
    },
    /// One on, which meant this.
    On(Class),
}

/// What it remembers.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    chain: Option<Chain>,
    /// The own point is known without a gap since then.
    watched: Option<Timestamp>,
    second: Second,
}

impl Memory {
    pub fn look(&mut self, within_ms: u64, look: &Look) -> Seen {
        // An own point that turns on now does so after everything else that has changed.
        self.second = self.next(within_ms, look);
        self.follow_own(within_ms, look);
        self.answer(within_ms, look)
    }

    fn next(&self, within_ms: u64, look: &Look) -> Second {
        let at = look.at;
        let on = |class, exact| Second::On {
            class,
            since: at,
            exact,
        };
        match (self.second, look.then) {
            (gap @ Second::Gap { .. }, Err(_)) => gap,
            (known, Err(_)) => Second::Gap {
                since: at,
                was: known.was(),
            },
            (known, Ok((false, doubtful))) => Second::Off {
                doubtful,
                after_yes: doubtful && known.may_be_up(),
            },
            (on @ Second::On { .. }, Ok((true, _))) => on,
            (Second::Unseen, Ok((true, _))) => on(Class::Maybe(Hold::Learning), false),
            (Second::Gap { since, was }, Ok((true, _))) => {
                on(self.after_gap(within_ms, since, was, at), false)
            }
            (
                Second::Off {
                    doubtful,
                    after_yes,
                },
                Ok((true, doubt)),
            ) => on(
                match self.turned_on(within_ms, at) {
                    Class::Yes(doubted) => Class::Yes(doubted || doubtful || doubt),
                    Class::No(_) => Class::No(after_yes),
                    maybe @ Class::Maybe(_) => maybe,
                },
                true,
            ),
        }
    }

    /// What it means that a second point turned on exactly then.
    fn turned_on(&self, within_ms: u64, at: Timestamp) -> Class {
        match self.chain {
            Some(chain) if chain.runs_at(at, within_ms) => Class::Yes(chain.doubtful),
            _ if self.may_have_missed(within_ms, at) => Class::Maybe(Hold::Learning),
            _ => Class::No(false),
        }
    }

    /// What it means that a second point is on now that was unknown since `since`.
    fn after_gap(&self, within_ms: u64, since: Timestamp, was: Was, now: Timestamp) -> Class {
        let (off_doubt, after_yes) = match was {
            Was::Unseen => return Class::Maybe(Hold::Learning),
            // Whether it was off in between does not matter to an alarm that is up.
            Was::On(class @ (Class::Yes(_) | Class::Maybe(_))) => return class,
            Was::On(Class::No(after_yes)) => (None, after_yes),
            Was::Off {
                doubtful,
                after_yes,
            } => (Some(doubtful), after_yes),
        };
        match (self.chain, off_doubt) {
            // It turned on somewhere in the gap, and all of the gap is within the time.
            (Some(chain), Some(doubt)) if chain.first < since && chain.runs_at(now, within_ms) => {
                Class::Yes(chain.doubtful || doubt)
            }
            (Some(chain), _) if chain.runs_at(since, within_ms) => Class::Maybe(Hold::Learning),
            _ if self.may_have_missed(within_ms, since) => Class::Maybe(Hold::Learning),
            _ => Class::No(after_yes),
        }
    }

    /// Whether the own point may have turned on unseen so late that its time still ran.
    fn may_have_missed(&self, within_ms: u64, at: Timestamp) -> bool {
        self.watched
            .is_none_or(|since| at <= since.plus(Duration::from_millis(within_ms)))
    }

    fn follow_own(&mut self, within_ms: u64, look: &Look) {
        let at = look.at;
        match look.own {
            Err(_) => self.watched = None,
            Ok(_) => {
                self.watched.get_or_insert(at);
            }
        }
        if let Some(doubtful) = look.turned_on {
            let running = self.chain.filter(|chain| chain.runs_at(at, within_ms));
            self.chain = Some(Chain {
                first: running.map_or(at, |chain| chain.first),
                last: at,
                doubtful,
            });
        }
    }

    fn answer(&self, within_ms: u64, look: &Look) -> Seen {
        let then_doubt = look.then.is_ok_and(|(_, doubt)| doubt);
        let yes = match self.second {
            Second::On {
                class: Class::Yes(doubt),
                ..
            } => Some(doubt),
            _ => None,
        };
        if let Some(doubt) = yes {
            return Seen::Truth(true, doubt || then_doubt);
        }
        let own_doubt = match look.own {
            Err(why) => return Seen::Unknown(why),
            Ok((_, doubt)) => doubt,
        };
        let class = match self.second {
            Second::Unseen => Class::Maybe(Hold::Learning),
            Second::Off { doubtful, .. } => return Seen::Truth(false, doubtful),
            Second::On { class, .. } => class,
            Second::Gap { since, was } => {
                match (self.after_gap(within_ms, since, was, look.at), look.then) {
                    (Class::No(false), _) => Class::No(false),
                    (_, Err(why)) => Class::Maybe(why),
                    (class, Ok(_)) => class,
                }
            }
        };
        match class {
            Class::Yes(doubt) => Seen::Truth(true, doubt || then_doubt),
            Class::Maybe(why) => Seen::Unknown(why),
            Class::No(doubt) => Seen::Truth(false, doubt || then_doubt || own_doubt),
        }
    }

    pub fn shift(&mut self, shift: impl Fn(&mut Timestamp)) {
        if let Some(chain) = &mut self.chain {
            shift(&mut chain.first);
            shift(&mut chain.last);
        }
        self.watched.iter_mut().for_each(&shift);
        if let Second::On { since, .. } | Second::Gap { since, .. } = &mut self.second {
            shift(since);
        }
    }

    /// Nothing is known since `last`.
    pub fn forget(&mut self, last: Timestamp) {
        self.watched = None;
        if !matches!(self.second, Second::Gap { .. }) {
            self.second = Second::Gap {
                since: last,
                was: self.second.was(),
            };
        }
    }

    /// `before` has looked at what this one saw first, at `first`.
    pub fn join(&mut self, first: Timestamp, before: Self, within_ms: u64) {
        self.second = match self.second {
            Second::Unseen => before.second,
            Second::Gap {
                since,
                was: Was::Unseen,
            } if since == first => before.second,
            Second::On {
                class: Class::Maybe(_),
                since,
                exact,
            } if exact || since == first => {
                let class = match before.second {
                    _ if exact => before.turned_on(within_ms, since),
                    Second::On { class, .. } => class,
                    _ => Class::Maybe(Hold::Learning),
                };
                Second::On {
                    class,
                    since,
                    exact,
                }
            }
            known => known,
        };
        if self.watched == Some(first) {
            self.watched = before.watched;
        }
        self.chain = match (before.chain, self.chain) {
            (Some(older), Some(newer)) if older.runs_at(newer.first, within_ms) => Some(Chain {
                first: older.first,
                ..newer
            }),
            (older, newer) => newer.or(older),
        };
    }
}

impl Second {
    fn was(self) -> Was {
        match self {
            Self::Unseen => Was::Unseen,
            Self::Off {
                doubtful,
                after_yes,
            } => Was::Off {
                doubtful,
                after_yes,
            },
            Self::On { class, .. } => Was::On(class),
            Self::Gap { was, .. } => was,
        }
    }

    /// Whether an alarm may be up for it.
    fn may_be_up(self) -> bool {
        match self.was() {
            Was::Off { after_yes, .. } | Was::On(Class::No(after_yes)) => after_yes,
            Was::Unseen | Was::On(Class::Yes(_) | Class::Maybe(_)) => true,
        }
    }
}
