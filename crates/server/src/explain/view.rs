//! Explanations as the API shows them.

use fenghuo_engine::detect::Seen;
use fenghuo_engine::explain::{
    Answer, Condition, Explanation, Input, LevelAnswer, Standing, Unwatched, Verdict, Watched,
};
use fenghuo_model::{Sample, SampleId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::occurrence::OccurrenceView;
use super::past::{Basis, Past};
use crate::view::{Plain, SourceView, Words};

/// Why, and why not.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct ExplainView {
    /// `live`: the judge's own state. `log`: the log folded up to that instant, which is
    /// exactly what the judge knew. `history`: kept entries and stored samples folded again,
    /// as a back-test does; data that came late is in it.
    pub basis: String,
    /// What the basis means, for people.
    pub note: Words,
    /// The last log entry that counts, where the log is the basis.
    pub position: Option<u64>,
    /// By binding and lane.
    pub explanations: Vec<ExplanationView>,
    /// The occurrence that was asked about.
    pub occurrence: Option<OccurrenceView>,
}

/// Why a rule has, or has not, an alarm at a point.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct ExplanationView {
    /// One sentence: the answer.
    pub verdict: Words,
    /// The rule's id.
    pub rule: String,
    /// What names its definition; none when there is no such rule.
    pub rule_version: Option<String>,
    /// What people call it.
    pub title: Words,
    /// Where its numbers come from.
    pub source: Option<SourceView>,
    /// Its detector.
    pub detector: Option<String>,
    /// The point that was asked about.
    pub point: String,
    /// Why the rule does not watch the point, if so.
    pub unwatched: Option<UnwatchedView>,
    /// How it stands, where it does.
    pub watched: Option<WatchedView>,
}

/// Why a rule does not watch a point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct UnwatchedView {
    /// no_rule, gateway_silence, no_gateway, no_point, retired, status_point, labels, refused,
    /// nothing_to_count.
    pub why: String,
    /// The labels that differ.
    pub labels: Vec<WrongLabelView>,
    /// What stands in the way, in the engine's words.
    pub what: Option<String>,
}

/// A label that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct WrongLabelView {
    /// Its name.
    pub label: String,
    /// The values that would do.
    pub wanted: Vec<String>,
    /// What the point has.
    pub found: Option<String>,
}

/// A binding as it stands in a lane.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct WatchedView {
    /// What its alarms are about.
    pub subject: String,
    /// The unit of its limits.
    pub unit: String,
    /// live, backlog.
    pub lane: String,
    /// The gateway's time up to which it judged.
    pub at: Option<i64>,
    /// The gateway is silent: nothing newer is known.
    pub gateway_silent: bool,
    /// What the detector sees.
    pub seen: Option<SeenView>,
    /// When the rule works, if not always.
    pub calendar: Option<CalendarView>,
    /// Every point that it looks at, its own first.
    pub inputs: Vec<InputView>,
    /// Points that are not listed.
    pub inputs_left_out: usize,
    /// Its levels.
    pub levels: Vec<LevelExplainedView>,
}

/// What a detector sees: one of the three.
#[derive(Clone, PartialEq, Debug, Default, Serialize, ToSchema)]
pub struct SeenView {
    /// A number for the levels to compare.
    pub number: Option<f64>,
    /// The condition itself.
    pub truth: Option<bool>,
    /// Why it cannot be told.
    pub unknown: Option<String>,
    /// It is in doubt: it may raise and never clears.
    pub doubtful: bool,
}

/// When a rule works.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct CalendarView {
    /// The calendar's name.
    pub calendar: String,
    /// It works inside of its times; otherwise outside of them.
    pub inside: bool,
    /// Whether it works now.
    pub open: bool,
}

/// A sample that decided.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct DecidingView {
    /// `epoch:seq:index`, the epoch in hexadecimal: the sample's identity in its gateway.
    pub id: Option<String>,
    /// When it was read.
    pub time: i64,
    /// Its value.
    pub value: Option<Plain>,
    /// good, uncertain, bad.
    pub quality: String,
    /// Why it is not good.
    pub reason: Option<String>,
}

impl DecidingView {
    /// Shows a sample.
    #[must_use]
    pub fn new(id: Option<SampleId>, sample: &Sample) -> Self {
        Self {
            id: id.map(|id| format!("{:016x}:{}:{}", id.epoch, id.seq, id.index)),
            time: sample.time.as_millis(),
            value: sample.reading.value().map(Plain::from),
            quality: sample.reading.quality().to_owned(),
            reason: sample.reading.reason().map(|it| it.as_str().to_owned()),
        }
    }
}

/// A point that is looked at.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct InputView {
    /// `enterprise/gateway/key`.
    pub point: String,
    /// Its unit.
    pub unit: String,
    /// own, other, suppresses.
    pub role: String,
    /// Its last sample.
    pub last: Option<DecidingView>,
    /// When anything was last heard of it, in the gateway's time.
    pub heard: Option<i64>,
    /// When it last had a value, in the gateway's time.
    pub valued: Option<i64>,
    /// Why its last sample does not count any more.
    pub away: Option<String>,
    /// The lines and devices before it that do not answer.
    pub down: Vec<String>,
    /// After how long without a word it is away, if ever.
    pub stale_after_ms: Option<u64>,
}

/// A level as it stands.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct LevelExplainedView {
    /// One sentence.
    pub verdict: Words,
    /// Its name.
    pub level: String,
    /// blue, yellow, orange, red.
    pub severity: String,
    /// up, kept, clearing, held, returned, latched, pending, due, unknown, gateway_silent,
    /// no_data, between, normal, outside_calendar, not_armed.
    pub why: String,
    /// above, over, below, under.
    pub op: Option<String>,
    /// In the point's unit.
    pub limit: Option<f64>,
    /// In the point's unit.
    pub reset: Option<f64>,
    /// How long the condition must last.
    pub for_ms: u32,
    /// How long it must be over.
    pub off_ms: u32,
    /// true, false, keep, unknown.
    pub condition: Option<String>,
    /// Why it is unknown.
    pub unknown: Option<String>,
    /// Since when a delay runs, in the gateway's time.
    pub since: Option<i64>,
    /// When it ends.
    pub due: Option<i64>,
    /// Of a vote or roll-up: how many count, cannot be told, are there, are needed.
    pub tally: Option<[u32; 4]>,
    /// Of a forecast: in how long the limit is reached.
    pub ahead_ms: Option<u64>,
    /// The alarm that is not over.
    pub alarm: Option<StandingView>,
}

/// An alarm as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct StandingView {
    /// `position.ordinal`; none where history is the basis.
    pub occurrence: Option<String>,
    /// The state that people see.
    pub state: String,
    /// Begin.
    pub raised_at: i64,
    /// End.
    pub returned_at: Option<i64>,
    /// Why its truth is unknown.
    pub held: Option<String>,
    /// Known from backlog only.
    pub retrospective: bool,
    /// Until when it is on the shelf.
    pub shelved_until: Option<i64>,
    /// Who put it there.
    pub shelved_by: Option<String>,
    /// The point whose state suppresses it.
    pub suppressed_by: Option<String>,
    /// The permit under which it is out of service.
    pub permit: Option<String>,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// The booked window in which it was raised.
    pub planned: Option<String>,
}

impl ExplainView {
    /// What the judge says now.
    #[must_use]
    pub fn live(position: u64, explanations: &[Explanation]) -> Self {
        Self {
            basis: "live".to_owned(),
            note: Words::new("依据判断程序的当前状态", "The judge's own state"),
            position: Some(position),
            explanations: explanations
                .iter()
                .map(|it| explanation(it, true))
                .collect(),
            occurrence: None,
        }
    }

    /// What was known at an instant.
    #[must_use]
    pub fn past(past: &Past) -> Self {
        let (basis, note, position) = match past.basis {
            Basis::Log(position) => (
                "log",
                Words::new(
                    format!("依据日志（至第 {position} 条），与当时的判断一致"),
                    format!("From the log (up to entry {position}): exactly what the judge knew"),
                ),
                Some(position),
            ),
            Basis::History(from) => (
                "history",
                Words::new(
                    format!(
                        "日志不含该时刻：依据保留的操作记录与历史数据自 {from:#} 重算，包含当时尚未送达的数据"
                    ),
                    format!(
                        "The log does not reach back to it: folded again from {from:#} on out of kept entries and history, with data that may have come later"
                    ),
                ),
                None,
            ),
        };
        let all = past.explanations.iter();
        Self {
            basis: basis.to_owned(),
            note,
            position,
            explanations: all.map(|it| explanation(it, position.is_some())).collect(),
            occurrence: None,
        }
    }

    /// What the journal says of an occurrence.
    #[must_use]
    pub fn told(occurrence: OccurrenceView) -> Self {
        Self {
            basis: "journal".to_owned(),
            note: Words::new("依据报警日志", "From the journal"),
            position: None,
            explanations: Vec::new(),
            occurrence: Some(occurrence),
        }
    }
}

fn explanation(it: &Explanation, ids: bool) -> ExplanationView {
    let (unwatched, watched) = match &it.answer {
        Answer::Unwatched(why) => (Some(unwatched_view(why)), None),
        Answer::Watched(watched) => (None, Some(watched_view(watched, ids))),
    };
    ExplanationView {
        verdict: Words::from(&it.verdict),
        rule: it.rule.to_string(),
        rule_version: it.version.as_ref().map(ToString::to_string),
        title: Words::from(&it.title),
        source: it.source.as_ref().map(SourceView::from),
        detector: it.detector.map(str::to_owned),
        point: it.point.to_string(),
        unwatched,
        watched,
    }
}

fn unwatched_view(why: &Unwatched) -> UnwatchedView {
    let labels = match why {
        Unwatched::Labels(labels) => labels.as_slice(),
        _ => &[],
    };
    let labels = labels.iter().map(|it| WrongLabelView {
        label: it.label.clone(),
        wanted: it.wanted.clone(),
        found: it.found.clone(),
    });
    UnwatchedView {
        why: why.as_str().to_owned(),
        labels: labels.collect(),
        what: match why {
            Unwatched::Refused(what) => Some(format!("{} {}", what.zh, what.en)),
            _ => None,
        },
    }
}

fn watched_view(it: &Watched, ids: bool) -> WatchedView {
    WatchedView {
        subject: it.subject.to_string(),
        unit: it.unit.symbol().to_owned(),
        lane: if it.backlog { "backlog" } else { "live" }.to_owned(),
        at: it.at.map(Timestamp::as_millis),
        gateway_silent: it.silent,
        seen: it.seen.map(seen_view),
        calendar: it.gate.as_ref().map(|gate| CalendarView {
            calendar: gate.calendar.to_string(),
            inside: gate.inside,
            open: gate.open,
        }),
        inputs: it.inputs.iter().map(input_view).collect(),
        inputs_left_out: it.inputs_left_out,
        levels: it
            .levels
            .iter()
            .map(|level| level_view(level, ids))
            .collect(),
    }
}

fn seen_view(seen: Seen) -> SeenView {
    match seen {
        Seen::Number(number, doubtful) => SeenView {
            number: Some(number),
            doubtful,
            ..SeenView::default()
        },
        Seen::Truth(truth, doubtful) => SeenView {
            truth: Some(truth),
            doubtful,
            ..SeenView::default()
        },
        Seen::Unknown(why) => SeenView {
            unknown: Some(why.as_str().to_owned()),
            ..SeenView::default()
        },
    }
}

fn input_view(it: &Input) -> InputView {
    InputView {
        point: it.point.to_string(),
        unit: it.unit.symbol().to_owned(),
        role: it.role.as_str().to_owned(),
        last: it
            .last
            .as_ref()
            .map(|(id, sample)| DecidingView::new(Some(*id), sample)),
        heard: it.heard.map(Timestamp::as_millis),
        valued: it.valued.map(Timestamp::as_millis),
        away: it.away.map(|why| why.as_str().to_owned()),
        down: it.down.iter().map(ToString::to_string).collect(),
        stale_after_ms: it.stale_after_ms,
    }
}

fn level_view(it: &LevelAnswer, ids: bool) -> LevelExplainedView {
    let (condition, unknown) = match it.condition {
        None => (None, None),
        Some(Condition::True) => (Some("true"), None),
        Some(Condition::False) => (Some("false"), None),
        Some(Condition::Keep) => (Some("keep"), None),
        Some(Condition::Unknown(why)) => (Some("unknown"), Some(why.as_str().to_owned())),
    };
    let since = match &it.state {
        Verdict::Pending { since, .. } | Verdict::Clearing { since } => Some(since.as_millis()),
        _ => None,
    };
    LevelExplainedView {
        verdict: Words::from(&it.verdict),
        level: it.name.to_string(),
        severity: it.severity.as_str().to_owned(),
        why: it.why.as_str().to_owned(),
        op: it.limit.map(|limit| limit.op.as_str().to_owned()),
        limit: it.limit.map(|limit| limit.value),
        reset: it.limit.map(|limit| limit.reset),
        for_ms: it.for_ms,
        off_ms: it.off_ms,
        condition: condition.map(str::to_owned),
        unknown,
        since,
        due: it.due.map(Timestamp::as_millis),
        tally: it.tally.map(|it| [it.beyond, it.unknown, it.of, it.needed]),
        ahead_ms: it.ahead.and_then(|ahead| ahead.sure_ms),
        alarm: it.alarm.as_ref().map(|alarm| standing_view(alarm, ids)),
    }
}

fn standing_view(it: &Standing, ids: bool) -> StandingView {
    StandingView {
        occurrence: ids.then(|| it.occurrence.to_string()),
        state: it.state.as_str().to_owned(),
        raised_at: it.raised_at.as_millis(),
        returned_at: it.returned_at.map(Timestamp::as_millis),
        held: it.held.map(|why| why.as_str().to_owned()),
        retrospective: it.retrospective,
        shelved_until: it.shelf.as_ref().map(|shelf| shelf.until.as_millis()),
        shelved_by: it.shelf.as_ref().map(|shelf| shelf.by.clone()),
        suppressed_by: it.suppressed_by.clone(),
        permit: it.out.as_ref().map(|permit| permit.permit.clone()),
        acknowledged_by: it.acknowledged_by.clone(),
        planned: it.planned.clone(),
    }
}
