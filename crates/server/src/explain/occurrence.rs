//! One occurrence of an alarm from its first event to its last: what decided, who acted, and
//! the rule's text as it was in force.

use fenghuo_engine::{Event, EventId, Input, RuleSet, Transition};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::DecidingView;
use crate::entry;
use crate::journal::{JournalError, JournalReader};
use crate::view::{AlarmView, Stamps};

/// Most events told.
pub const EVENTS_MAX: usize = 1_000;
/// Most rule sets looked through for a version.
const RULES_MAX: usize = 200;

/// One occurrence.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct OccurrenceView {
    /// The alarm as its last event left it.
    pub alarm: AlarmView,
    /// Its events, oldest first; at most 1000.
    pub events: Vec<StepView>,
    /// The rule as it was written then, where the journal has it.
    pub rule: Option<RuleTextView>,
}

/// One event of an occurrence.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct StepView {
    /// `position.ordinal`.
    pub event: String,
    /// When it happened, in the time of the data (or of the person).
    pub at: i64,
    /// What happened.
    pub transition: String,
    /// The state after it.
    pub state: String,
    /// Who acted.
    pub by: Option<String>,
    /// Their words.
    pub comment: Option<String>,
    /// What was behind it, where this states it: true, false, planned, sensor_fault.
    pub cause: Option<String>,
    /// Whether the county accepted what was stated, where this verifies it.
    pub accepted: Option<bool>,
    /// Why its truth is unknown from then on.
    pub held: Option<String>,
    /// What went away, where it ends for nobody watches it any more: gateway, point, rule.
    pub unwatched: Option<String>,
    /// The rule's version that decided.
    pub rule_version: Option<String>,
    /// What the detector saw, where that is not the point's own value.
    pub seen: Option<f64>,
    /// The samples that decided.
    pub deciding: Vec<DecidingView>,
    /// When it passed each station.
    pub stamps: Stamps,
}

/// A rule as it was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct RuleTextView {
    /// The file it stood in.
    pub file: String,
    /// The log position at which it came into force.
    pub position: u64,
    /// Its text.
    pub text: String,
}

/// Tells an occurrence; none when the journal does not know it.
///
/// # Errors
/// [`JournalError`] when the journal cannot be read.
pub fn tell(
    journal: &JournalReader,
    occurrence: EventId,
) -> Result<Option<OccurrenceView>, JournalError> {
    let Some(alarm) = journal.alarm(occurrence)? else {
        return Ok(None);
    };
    let last = alarm.event.parse().unwrap_or(occurrence);
    let stored = journal.events_of(occurrence, last, EVENTS_MAX)?;
    let mut events = Vec::new();
    for stored in &stored {
        // A body that cannot be read is still told by its view.
        let event: Option<Event> = serde_json::from_str(&stored.body).ok();
        events.push(step(stored.id, event.as_ref(), &stored.view));
    }
    let rule = rule_text(journal, &alarm, last)?;
    Ok(Some(OccurrenceView {
        alarm,
        events,
        rule,
    }))
}

fn step(id: EventId, event: Option<&Event>, view: &crate::view::EventView) -> StepView {
    let transition = event.map(|event| &event.transition);
    let (by, comment) = transition.map_or((None, None), said);
    let raised = transition.and_then(|transition| match transition {
        Transition::Raise(raised) => Some(raised),
        _ => None,
    });
    let deciding = raised.map_or_else(Vec::new, |raised| {
        let all = raised.deciding.iter();
        all.map(|(id, sample)| DecidingView::new(*id, sample))
            .collect()
    });
    StepView {
        event: id.to_string(),
        at: event.map_or(view.alarm.changed_at, |event| event.at.as_millis()),
        transition: view.transition.clone(),
        state: view.alarm.state.clone(),
        by,
        comment,
        cause: transition.and_then(cause),
        accepted: transition.and_then(accepted),
        held: view.alarm.held.clone(),
        unwatched: view.alarm.unwatched.clone(),
        rule_version: raised.map(|raised| raised.rule_version.to_string()),
        seen: raised.and_then(|raised| raised.seen),
        deciding,
        stamps: view.alarm.stamps,
    }
}

fn cause(transition: &Transition) -> Option<String> {
    match transition {
        Transition::State { cause, .. } => Some(cause.as_str().to_owned()),
        _ => None,
    }
}

const fn accepted(transition: &Transition) -> Option<bool> {
    match transition {
        Transition::Verify { accepted, .. } => Some(*accepted),
        _ => None,
    }
}

/// Who acted, and their words.
fn said(transition: &Transition) -> (Option<String>, Option<String>) {
    let said = match transition {
        Transition::Acknowledge { by, comment } => {
            return (Some(by.clone()), Some(comment.clone()));
        }
        Transition::AskOut(permit) => &permit.asked,
        Transition::Reset(said)
        | Transition::Shelve { said, .. }
        | Transition::Unshelve { said, .. }
        | Transition::TakeOut(said)
        | Transition::PutBack(said)
        | Transition::State { said, .. }
        | Transition::Verify { said, .. }
        | Transition::Close(said) => said,
        _ => return (None, None),
    };
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    (text(&said.by), text(&said.comment))
}

/// The text of the rule whose version decided.
fn rule_text(
    journal: &JournalReader,
    alarm: &AlarmView,
    last: EventId,
) -> Result<Option<RuleTextView>, JournalError> {
    for (position, body) in journal.kept_of(entry::RULES, last.position, RULES_MAX)? {
        let Ok(Input::Rules(files)) = entry::small(entry::RULES, &body) else {
            continue;
        };
        let Ok(rules) = RuleSet::parse(&files) else {
            continue;
        };
        let rule = rules.rules.get(alarm.rule.as_str());
        if rule.is_some_and(|rule| *rule.version == *alarm.rule_version) {
            let found = files.iter().find_map(|(name, text)| {
                let text = block(text, &alarm.rule)?;
                Some(RuleTextView {
                    file: name.clone(),
                    position,
                    text,
                })
            });
            return Ok(found);
        }
    }
    Ok(None)
}

/// The `[[rule]]` of a file that has this id, as it is written.
fn block(text: &str, id: &str) -> Option<String> {
    let begins = |line: &str| {
        let line = line.trim_start();
        line.starts_with("[[rule]]") || line.starts_with("[[calendar]]")
    };
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if begins(line) {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    let names = |line: &&str| {
        let value = line.trim_start().strip_prefix("id").map(str::trim_start);
        let value = value
            .and_then(|rest| rest.strip_prefix('='))
            .map(str::trim_start);
        value.is_some_and(|value| {
            value.starts_with(&format!("\"{id}\"")) || value.starts_with(&format!("'{id}'"))
        })
    };
    let found = blocks
        .into_iter()
        .find(|block| block[0].trim_start().starts_with("[[rule]]") && block.iter().any(names))?;
    Some(found.join("\n").trim_end().to_owned())
}
