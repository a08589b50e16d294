//! Alarm events as lines.
//!
//! ```text
//!  alarm,enterprise=..,gateway=..,level=..,occurrence=..,point=..,rule=..,severity=..,transition=..
//!        event="..",state="..",active=1i,raises=1i,retrospective=false,raised_at=..i,..  <ms>
//! ```
//!
//! The time is the event's own. Two events of one alarm may share a millisecond, so the
//! occurrence is a tag: each alarm that was ever raised is a few series. An alarm that holds
//! and is released twice within one millisecond shows the later one only; the journal has
//! both.

use bytes::Bytes;

use super::batch::Bodies;
use super::line::{Fields, tag};
use crate::journal::Stored;
use crate::view::{EventView, Plain};

/// Events as request bodies.
#[must_use]
pub fn bodies(events: &[Stored]) -> Vec<Bytes> {
    let mut bodies = Bodies::default();
    for event in events {
        bodies.add(|out| line(out, &event.view));
    }
    bodies.end()
}

fn line(out: &mut String, event: &EventView) {
    let alarm = &event.alarm;
    let enterprise = format!("{}/", alarm.enterprise);
    let gateway = format!("{}/", alarm.gateway);
    // A point is named by its key alone, as in samples.
    let point = alarm.point.as_deref().unwrap_or_default();
    let key = point
        .strip_prefix(&enterprise)
        .and_then(|rest| rest.strip_prefix(&gateway));
    out.push_str("alarm");
    tag(out, "enterprise", &alarm.enterprise);
    tag(out, "gateway", &alarm.gateway);
    tag(out, "level", &alarm.level);
    tag(out, "occurrence", &alarm.occurrence);
    tag(out, "point", key.unwrap_or(point));
    tag(out, "rule", &alarm.rule);
    tag(out, "severity", &alarm.severity);
    tag(out, "transition", &event.transition);
    let mut fields = Fields::new(out);
    fields.text("event", &alarm.event);
    fields.text("state", &alarm.state);
    fields.int("active", i64::from(alarm.active));
    fields.int("raises", i64::from(alarm.raises));
    fields.state("retrospective", alarm.retrospective);
    fields.int("raised_at", alarm.raised_at);
    if let Some(returned_at) = alarm.returned_at {
        fields.int("returned_at", returned_at);
    }
    if let Some(value) = alarm.value.as_ref().and_then(number) {
        fields.float("value", value);
    }
    if let Some(limit) = alarm.limit {
        fields.float("limit", limit);
    }
    for (key, text) in [
        ("held", &alarm.held),
        ("unwatched", &alarm.unwatched),
        ("by", &alarm.acked_by),
        ("comment", &alarm.comment),
    ] {
        if let Some(text) = text {
            fields.text(key, text);
        }
    }
    fields.end(alarm.changed_at);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "as samples are drawn: history has the integer"
)]
const fn number(value: &Plain) -> Option<f64> {
    match value {
        Plain::Bool(true) => Some(1.0),
        Plain::Bool(false) => Some(0.0),
        Plain::Int(number) => Some(*number as f64),
        Plain::Uint(number) => Some(*number as f64),
        Plain::Float(number) => Some(*number),
        Plain::Text(_) => None,
    }
}
