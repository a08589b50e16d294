//! Which part of the past can be told: from the first start that is still kept to the log's
//! last entry.
//!
//! Beyond the last entry nothing was judged. To fold on would make up seconds in which no
//! gateway speaks, and alarms of their silence; so nobody may ask about it. Before the first
//! start, or in months that retention has dropped, there is nothing to fold.

use std::fmt;

use fenghuo_engine::Input;
use fenghuo_log::Reader;
use fenghuo_model::Timestamp;

use super::{Sources, times};
use crate::entry;
use crate::view::Words;

/// A stretch of the server's time, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// The first instant that can be told.
    pub from: Timestamp,
    /// The log's last entry.
    pub until: Timestamp,
}

impl Reach {
    /// How far these stores reach; none when nothing was judged yet.
    ///
    /// # Errors
    /// When a store cannot be read.
    pub fn of(sources: &Sources) -> anyhow::Result<Option<Self>> {
        let (Some(begun), Some(until)) = (begun(sources)?, end(sources)?) else {
            return Ok(None);
        };
        let from = begun.max(sources.history.kept_from());
        Ok((from <= until).then_some(Self { from, until }))
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at)
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} … {}", self.from, self.until)
    }
}

/// An instant, or a span, that lies outside of what can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outside {
    /// What was asked about.
    pub asked: Timestamp,
    /// What could be asked about, if anything.
    pub reach: Option<Reach>,
}

impl Outside {
    /// For people.
    #[must_use]
    pub fn words(&self) -> Words {
        let asked = self.asked;
        match self.reach {
            Some(reach) => Words::new(
                format!("{asked} 不在可说明的范围内；可说明的范围为 {reach}"),
                format!("{asked} cannot be told; what can be told is {reach}"),
            ),
            None => Words::new(
                format!("{asked} 无从说明：尚无任何记录"),
                format!("{asked} cannot be told: nothing is kept yet"),
            ),
        }
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words();
        write!(f, "{}。 {}.", words.zh, words.en)
    }
}

impl std::error::Error for Outside {}

/// The first start. A server whose judge has not come to it yet has it in the log alone.
fn begun(sources: &Sources) -> anyhow::Result<Option<Timestamp>> {
    if let Some(body) = sources.journal.first_of(entry::STARTED)?
        && let Input::Started(at) = entry::small(entry::STARTED, &body)?
    {
        return Ok(Some(at));
    }
    let Some(log) = &sources.log else {
        return Ok(None);
    };
    let Some(first) = log.first()? else {
        return Ok(None);
    };
    Ok(times::time_after(log, first)?.map(|(_, at)| at))
}

/// The last instant that log, or without one the journal, says something of.
fn end(sources: &Sources) -> anyhow::Result<Option<Timestamp>> {
    if let Some(end) = sources.log.as_ref().map(log_end).transpose()?.flatten() {
        return Ok(Some(end));
    }
    let (judged, _) = sources.journal.judged_around(u64::MAX >> 1)?;
    Ok(judged.map(|(_, ms)| Timestamp::from_millis(ms)))
}

/// The server's time at the log's last entry.
///
/// # Errors
/// When the log cannot be read.
pub fn log_end(log: &Reader) -> anyhow::Result<Option<Timestamp>> {
    match log.last()? {
        Some(last) => times::time_before(log, last),
        None => Ok(None),
    }
}
