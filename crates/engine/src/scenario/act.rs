//! What people do: a line of a scenario becomes the engine's input.
//!
//! `<verb> <alarm or point> key=value .. "comment"`. An alarm is named as in the expected
//! lines (`rule/level@point`, or `rule/level` when it is on any point); a point or gateway
//! stands for every alarm on it that is not over (for covers: for every alarm it can have).
//!
//! `ack`, `reset`, `close`, `state cause=`, `verify [accepted=no]`; `shelve [for=] [once=yes]`,
//! `unshelve`; `ask-out permit= [for=]`, `agree-out`, `put-back`; `book POINT [id=] [for=]`,
//! `unbook ID`.

use std::collections::BTreeMap;

use fenghuo_model::Timestamp;

use super::print::Names;
use super::text::{Fault, Words};
use super::time;
use crate::event::Cause;
use crate::input::Booking;
use crate::rule::Select;
use crate::{Act, AlarmKey, Deed, Engine, EventId, Input};

/// Who acts where a line does not say it.
const SOMEBODY: &str = "operator";

/// Every verb, with the keys it takes besides `by`.
const VERBS: &[(&str, &[&str])] = &[
    ("ack", &[]),
    ("reset", &[]),
    ("shelve", &["for", "once"]),
    ("unshelve", &[]),
    ("ask-out", &["permit", "for"]),
    ("agree-out", &[]),
    ("put-back", &[]),
    ("state", &["cause"]),
    ("verify", &["accepted"]),
    ("close", &[]),
    ("book", &["id", "for"]),
    ("unbook", &[]),
];
/// How long covers and bookings last where a line does not say it.
const HOUR_MS: i64 = 3_600_000;

/// A line in which a person does something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActLine {
    /// The verb.
    pub verb: &'static str,
    /// The alarm, point or gateway, as written.
    pub target: String,
    /// Who.
    pub by: String,
    /// The verb's own keys.
    pub keys: BTreeMap<&'static str, String>,
    /// Their words.
    pub comment: String,
}

/// Whether a word is something that people do.
pub fn is_verb(word: &str) -> bool {
    VERBS.iter().any(|(verb, _)| *verb == word)
}

/// Every verb.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    VERBS.iter().map(|(verb, _)| *verb)
}

/// Reads the words behind a verb.
pub fn read(word: &str, words: &mut Words<'_>) -> Result<Option<ActLine>, Fault> {
    let Some((verb, allowed)) = VERBS.iter().find(|(verb, _)| *verb == word) else {
        return Ok(None);
    };
    let target = words.need("the alarm, point or gateway")?.text.to_owned();
    let by = words.take_key("by").map(|(_, name)| name.to_owned());
    let mut keys = BTreeMap::new();
    for key in *allowed {
        if let Some((_, value)) = words.take_key(key) {
            keys.insert(*key, value.to_owned());
        }
    }
    let comment = words.peek().and_then(|word| word.quoted()).unwrap_or("");
    if words.peek().is_some_and(|word| word.quoted().is_some()) {
        words.take();
    }
    Ok(Some(ActLine {
        verb,
        target,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
        keys,
        comment: comment.to_owned(),
    }))
}

/// What the engine gets, an input for each alarm that is meant; or why there is none.
pub fn inputs(
    act: &ActLine,
    engine: &Engine,
    names: &Names,
    at: Timestamp,
) -> Result<Vec<Input>, &'static str> {
    let deeds = deeds(act, engine, names, at)?;
    if deeds.is_empty() {
        return Err("no such alarm");
    }
    let input = |deed| {
        Input::Act(Act {
            at,
            by: act.by.clone(),
            comment: act.comment.clone(),
            deed,
        })
    };
    Ok(deeds.into_iter().map(input).collect())
}

/// The one place that knows how each verb enters the log.
fn deeds(
    act: &ActLine,
    engine: &Engine,
    names: &Names,
    at: Timestamp,
) -> Result<Vec<Deed>, &'static str> {
    let until = || {
        let span = act
            .keys
            .get("for")
            .map_or(Some(HOUR_MS), |text| time::span(text));
        span.map(|ms| Timestamp::from_millis(at.as_millis() + ms))
            .ok_or("`for` is a time such as 30m")
    };
    let known = |deed: fn(EventId) -> Deed| {
        let meant = engine.book().iter();
        let meant = meant.filter(|alarm| names.means(&act.target, &alarm.key));
        meant.map(|alarm| deed(alarm.occurrence)).collect()
    };
    Ok(match act.verb {
        "ack" => known(|alarm| Deed::Acknowledge { alarm }),
        "reset" => known(|alarm| Deed::Reset { alarm }),
        "close" => known(|alarm| Deed::Close { alarm }),
        "verify" if act.keys.get("accepted").is_some_and(|it| it == "no") => {
            known(|alarm| Deed::Verify {
                alarm,
                accepted: false,
            })
        }
        "verify" => known(|alarm| Deed::Verify {
            alarm,
            accepted: true,
        }),
        "state" => match act.keys.get("cause").map(String::as_str) {
            Some("true") => known(|alarm| stated(alarm, Cause::True)),
            Some("false") => known(|alarm| stated(alarm, Cause::False)),
            Some("planned") => known(|alarm| stated(alarm, Cause::Planned)),
            Some("sensor_fault") => known(|alarm| stated(alarm, Cause::SensorFault)),
            _ => return Err("`cause` is true, false, planned or sensor_fault"),
        },
        "book" => vec![Deed::Book(Booking {
            id: act
                .keys
                .get("id")
                .cloned()
                .unwrap_or_else(|| act.target.clone()),
            select: Select([("key".to_owned(), vec![act.target.clone()])].into()),
            from: at,
            until: until()?,
        })],
        "unbook" => vec![Deed::Unbook {
            booking: act.target.clone(),
        }],
        _ => {
            let until = until()?;
            let keys = engine.alarm_keys();
            let meant = keys.filter(|key| names.means(&act.target, key));
            meant.map(|alarm| cover(act, alarm, until)).collect()
        }
    })
}

const fn stated(alarm: EventId, cause: Cause) -> Deed {
    Deed::State { alarm, cause }
}

/// What may also be done to an alarm that is normal.
fn cover(act: &ActLine, alarm: AlarmKey, until: Timestamp) -> Deed {
    let key = |key| act.keys.get(key).cloned().unwrap_or_default();
    match act.verb {
        "shelve" => Deed::Shelve {
            alarm,
            until,
            one_shot: key("once") == "yes",
        },
        "ask-out" => Deed::AskOut {
            alarm,
            permit: key("permit"),
            until,
        },
        "agree-out" => Deed::AgreeOut { alarm },
        "put-back" => Deed::PutBack { alarm },
        _ => Deed::Unshelve { alarm },
    }
}
