//! A notice as the journal keeps it and carriers bring it.

use fenghuo_engine::plan::About;
use fenghuo_engine::{Notice, NoticeKind};
use serde::{Deserialize, Serialize};

use super::{AlarmView, Words};

/// What somebody is told.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct NoticeView {
    /// Who is told.
    pub receiver: String,
    /// alarm, repeat, escalation, returned, digest_flood, digest_quiet, digest_settled.
    pub kind: String,
    /// Of an escalation: the step that is overdue: acknowledge, cause, verify, close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Of an escalation: how often its time has run out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// When it became due.
    pub at: i64,
    /// The alarms, the worst first; at most as many as the planner lists.
    pub alarms: Vec<NoticeLineView>,
    /// How many further alarms there are.
    pub more: u32,
    /// How many raises it tells of, listed or not.
    pub raises: RaisesView,
    /// One line for people.
    pub text: Words,
}

/// An alarm in a notice, as it was when the notice was made.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct NoticeLineView {
    /// called, fleeting, repeated, overdue, returned.
    pub about: String,
    /// How many raises it tells of; 0 when they were told before.
    pub times: u32,
    /// Of a repeat: which one, from 1.
    pub nth: u32,
    /// The alarm.
    #[serde(flatten)]
    pub alarm: AlarmView,
}

/// Raises by severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RaisesView {
    /// To know.
    pub blue: u32,
    /// To watch.
    pub yellow: u32,
    /// To act.
    pub orange: u32,
    /// Life is at risk.
    pub red: u32,
}

impl RaisesView {
    /// All of them.
    #[must_use]
    pub const fn sum(&self) -> u32 {
        let low = self.blue.saturating_add(self.yellow);
        low.saturating_add(self.orange).saturating_add(self.red)
    }
}

/// Shows a notice without its text; `alarms` are those of its lines, in their order.
#[must_use]
pub fn notice(notice: &Notice, alarms: Vec<AlarmView>) -> NoticeView {
    let (step, tier) = match notice.kind {
        NoticeKind::Escalation { step, tier } => (Some(step.as_str().to_owned()), Some(tier)),
        _ => (None, None),
    };
    let lines = notice.alarms.iter().zip(alarms);
    let [blue, yellow, orange, red] = notice.raises;
    NoticeView {
        receiver: notice.receiver.to_string(),
        kind: notice.kind.as_str().to_owned(),
        step,
        tier,
        at: notice.at.as_millis(),
        alarms: lines
            .map(|(line, alarm)| NoticeLineView {
                about: about(line.about).to_owned(),
                times: line.times,
                nth: line.nth,
                alarm,
            })
            .collect(),
        more: notice.more,
        raises: RaisesView {
            blue,
            yellow,
            orange,
            red,
        },
        text: Words::default(),
    }
}

const fn about(about: About) -> &'static str {
    match about {
        About::Called => "called",
        About::Fleeting => "fleeting",
        About::Repeated => "repeated",
        About::Overdue { .. } => "overdue",
        About::Returned => "returned",
    }
}
