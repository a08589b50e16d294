//! The problems that are there now, each with a stable code and words in two languages.
//!
//! Stages raise and clear; nothing here decides. A problem is named by its code and subject
//! (a source, a destination), so the list is as bounded as the configuration.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A device or its broker cannot be reached.
    SourceDown,
    /// A unit behind a connection does not answer.
    UnitSilent,
    /// A unit behind a connection answers, and gives no value at all.
    UnitRefuses,
    /// Bytes come on a line again and again that nobody asked for.
    LineSuspect,
    /// A broker refuses to send what was asked for.
    SubscriptionRefused,
    /// The server, or the broker before it, does not answer.
    DestinationDown,
    /// Data older than the live horizon waits to be delivered.
    Backlog,
    /// The spool has no room: the oldest frames go.
    SpoolFull,
    /// The spool cannot be written at all: frames wait in memory, the oldest are dropped.
    SpoolFailing,
    /// The server refused frames for ever; they are kept as dead letters.
    Refused,
    /// Spooled frames were found damaged.
    Corrupt,
    /// The spool's file was damaged and set aside at the start; what could be read was kept.
    SpoolSetAside,
    /// The read clock is ahead of the wall clock, which was set back.
    ClockAhead,
    /// The wall clock cannot be right, or nobody knows whether it or the read clock is.
    ClockDoubtful,
    /// A source was faster than the spool and had to drop readings.
    QueueFull,
    /// The configuration was to be loaded again and could not be: the running one stays.
    ReloadRefused,
}

impl Code {
    /// Whether data is being lost now.
    const fn is_loss(self) -> bool {
        matches!(self, Self::SpoolFull | Self::SpoolFailing | Self::QueueFull)
    }
}

/// One problem.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// What is wrong.
    pub code: Code,
    /// Where: a source or a destination; empty for the collector itself.
    pub subject: String,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// How it goes on the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No problem.
    Ok,
    /// Something is wrong, and nothing is lost by it yet.
    Degraded,
    /// Data is being lost.
    Failing,
}

/// All problems that are there now.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<(Code, String), Problem>>);

impl Health {
    /// States a problem, or its new words.
    pub fn raise(&self, code: Code, subject: &str, zh: String, en: String) {
        let problem = Problem {
            code,
            subject: subject.to_owned(),
            zh,
            en,
        };
        let mut problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        problems.insert((code, subject.to_owned()), problem);
    }

    /// The problem is over.
    pub fn clear(&self, code: Code, subject: &str) {
        let mut problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        problems.remove(&(code, subject.to_owned()));
    }

    /// Whatever was wrong with a source is over, and with the units behind it.
    pub fn clear_source(&self, name: &str) {
        let mut problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        problems.retain(|(code, subject), _| match code {
            Code::SourceDown | Code::SubscriptionRefused | Code::LineSuspect | Code::QueueFull => {
                subject != name
            }
            Code::UnitSilent | Code::UnitRefuses => {
                let unit = subject
                    .strip_prefix(name)
                    .and_then(|it| it.strip_prefix('/'));
                unit.is_none_or(|unit| unit.parse::<u8>().is_err())
            }
            _ => true,
        });
    }

    /// Raises or clears.
    pub fn set(&self, code: Code, subject: &str, words: Option<(String, String)>) {
        match words {
            Some((zh, en)) => self.raise(code, subject, zh, en),
            None => self.clear(code, subject),
        }
    }

    /// Whether there is a problem of this kind, wherever.
    #[must_use]
    pub fn has(&self, code: Code) -> bool {
        let problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        problems.keys().any(|(known, _)| *known == code)
    }

    /// The state and every problem.
    #[must_use]
    pub fn report(&self) -> (State, Vec<Problem>) {
        let problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let problems: Vec<Problem> = problems.values().cloned().collect();
        let state = if problems.iter().any(|problem| problem.code.is_loss()) {
            State::Failing
        } else if problems.is_empty() {
            State::Ok
        } else {
            State::Degraded
        };
        (state, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_is_stopped_takes_its_problems_along() {
        let health = Health::default();
        let raise = |code, subject| health.raise(code, subject, String::new(), String::new());
        for subject in ["plc", "plc2"] {
            raise(Code::SourceDown, subject);
        }
        for subject in ["plc/1", "plc/x/1", "plc2/1"] {
            raise(Code::UnitSilent, subject);
        }
        raise(Code::UnitRefuses, "plc/2");
        raise(Code::LineSuspect, "plc");
        raise(Code::DestinationDown, "plc");
        health.clear_source("plc");
        let left = health.report().1.into_iter().map(|it| it.subject);
        let left: Vec<_> = left.collect();
        assert_eq!(left, ["plc2", "plc/x/1", "plc2/1", "plc"]);
    }

    #[test]
    fn the_worst_problem_names_the_state() {
        let health = Health::default();
        assert_eq!(health.report().0, State::Ok);
        let words = || ("中文".to_owned(), "english".to_owned());
        health.set(Code::SourceDown, "plc1", Some(words()));
        assert_eq!(health.report().0, State::Degraded);
        health.set(Code::SpoolFull, "", Some(words()));
        let (state, problems) = health.report();
        assert_eq!((state, problems.len()), (State::Failing, 2));
        health.clear(Code::SpoolFull, "");
        health.set(Code::SourceDown, "plc1", None);
        assert_eq!(health.report().0, State::Ok);
    }
}
