//! What people do: a line of a scenario becomes the engine's input.
//!
//! `<verb> <alarm or point> key=value .. "comment"`. An alarm is named as in the expected
//! lines (`rule/level@point`, or `rule/level` when it is on any point); a point or gateway
//! stands for every alarm on it that is not over.

use std::collections::BTreeMap;

use fenghuo_model::Timestamp;

use super::print::Names;
use super::text::{Fault, Words};
use crate::{Act, Alarm, Book, Input};

/// Who acts where a line does not say it.
const SOMEBODY: &str = "operator";

/// Every verb, with the keys it takes besides `by`.
const VERBS: &[(&str, &[&str])] = &[("ack", &[])];

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
    book: &Book,
    names: &Names,
    at: Timestamp,
) -> Result<Vec<Input>, &'static str> {
    let found: Vec<_> = book
        .iter()
        .filter(|alarm| names.means(&act.target, &alarm.key))
        .map(|alarm| input(act, alarm, at))
        .collect();
    if found.is_empty() {
        return Err("no such alarm");
    }
    Ok(found)
}

/// The one place that knows how each verb enters the log.
fn input(act: &ActLine, alarm: &Alarm, at: Timestamp) -> Input {
    Input::Act(Act {
        at,
        by: act.by.clone(),
        comment: act.comment.clone(),
        acknowledge: alarm.occurrence,
    })
}
