//! What a person says when they act, and the way of their act into the log and back.
//!
//! The act goes into the log like everything else; the judge folds it, and only then is
//! there an answer: if the act's log position gave an event, the act took effect; if it gave
//! none, somebody was faster or nothing was left to do.

use std::time::Duration;

use fenghuo_engine::{Deed, EventId};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::{ApiError, Shared};
use crate::intake::{ActRequest, Control};
use crate::view::{AlarmView, EventView};

/// Longest name of a person, in characters.
pub const NAME_MAX: usize = 64;
/// Longest comment, in characters.
pub const COMMENT_MAX: usize = 1_000;
/// Longest wait for an act to be durable, and again for it to be judged.
pub const WAIT_MAX: Duration = Duration::from_secs(5);
/// Events read of one act's position. An act gives one, and one more when a case closes by
/// itself; a few more are read in case that changes.
const EVENTS_OF_ACT_MAX: usize = 8;

/// A person's name and words, checked.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub by: String,
    pub comment: String,
}

impl Person {
    pub fn new(by: &str, comment: &str) -> Result<Self, ApiError> {
        let (by, comment) = (by.trim(), comment.trim());
        if !is_word(by, NAME_MAX) {
            return Err(ApiError::Invalid {
                field: "by",
                zh: "应为 1 到 64 个字符的姓名",
                en: "it must be a name of 1 to 64 characters",
            });
        }
        let strange = |it: char| it.is_control() && it != '\n' && it != '\t' && it != '\r';
        if comment.chars().count() > COMMENT_MAX || comment.chars().any(strange) {
            return Err(ApiError::Invalid {
                field: "comment",
                zh: "至多 1000 个字符，不含控制字符",
                en: "at most 1000 characters, none of them control characters",
            });
        }
        Ok(Self {
            by: by.to_owned(),
            comment: comment.to_owned(),
        })
    }
}

/// Whether a text has 1 to `most` characters, none of them control characters.
pub(super) fn is_word(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// The alarm as it is now: shown, or over and in the journal.
pub(super) async fn find(shared: &Shared, occurrence: EventId) -> Result<AlarmView, ApiError> {
    let shown = shared.api.board.read().alarms.get(&occurrence).cloned();
    if let Some(alarm) = shown {
        return Ok(AlarmView::clone(&alarm));
    }
    let read = move |journal: &crate::journal::JournalReader| journal.alarm(occurrence);
    let kept = shared.api.journal.read(read).await?;
    kept.ok_or(ApiError::UnknownAlarm)
}

/// Puts acts into the log, together; answers where each stands there.
pub(super) async fn record(
    shared: &Shared,
    person: &Person,
    deeds: Vec<Deed>,
) -> Vec<Result<u64, ApiError>> {
    let put = |deed| {
        let (answer, position) = oneshot::channel();
        let act = ActRequest {
            by: person.by.clone(),
            comment: person.comment.clone(),
            deed,
            answer,
        };
        let taken = shared.api.intake.control(Control::Act(act));
        taken
            .map(|()| position)
            .map_err(|why| ApiError::NotTaken(why.to_string()))
    };
    let sent: Vec<_> = deeds.into_iter().map(put).collect();
    let deadline = Instant::now() + WAIT_MAX;
    let mut positions = Vec::with_capacity(sent.len());
    for position in sent {
        positions.push(match position {
            Err(why) => Err(why),
            Ok(position) => match timeout_at(deadline, position).await {
                Ok(Ok(Ok(position))) => Ok(position),
                Ok(Ok(Err(why))) => Err(ApiError::NotTaken(why)),
                // Ingest is gone: it may have been writing when it went.
                Ok(Err(_)) | Err(_) => Err(ApiError::NotConfirmed),
            },
        });
    }
    positions
}

/// Waits until everything up to a log position was judged and journaled; false when that
/// takes too long.
pub(super) async fn judged(shared: &Shared, position: u64) -> bool {
    let mut judged = shared.api.judged.clone();
    timeout(WAIT_MAX, judged.wait_for(|judged| *judged >= position))
        .await
        .is_ok_and(|reached| reached.is_ok())
}

/// The events of some log positions, which were judged.
pub(super) async fn events_of(
    shared: &Shared,
    positions: Vec<u64>,
) -> Result<Vec<EventView>, ApiError> {
    let read = move |journal: &crate::journal::JournalReader| {
        let mut found = Vec::new();
        for position in positions {
            let before = EventId {
                position: position.saturating_sub(1),
                ordinal: u32::MAX,
            };
            let events = journal.events(before, EVENTS_OF_ACT_MAX)?;
            let own = events.into_iter().filter(|it| it.id.position == position);
            found.extend(own.map(|event| event.view));
        }
        Ok(found)
    };
    shared.api.journal.read(read).await
}
