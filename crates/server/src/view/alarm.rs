//! An alarm as screens, notices and the journal show it.

use std::collections::BTreeMap;

use fenghuo_engine::alarm::{Case, Shelf};
use fenghuo_engine::event::{FirstOut, OutOfService, Raised, Step};
use fenghuo_engine::{Alarm, Engine, Place, Rule, State, Subject};
use fenghuo_model::{PointRef, Severity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Plain, SourceView, Stamps, Words};

/// An alarm.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct AlarmView {
    /// `rule/level@subject`.
    pub alarm: String,
    /// The event that raised it first, `position.ordinal`.
    pub occurrence: String,
    /// The rule's id.
    pub rule: String,
    /// The version that decided.
    pub rule_version: String,
    /// The level's name.
    pub level: String,
    /// What people call it.
    pub title: Words,
    /// blue, yellow, orange, red.
    pub severity: String,
    /// normal, unacknowledged, acknowledged, returned_unacknowledged, latched_unacknowledged,
    /// latched_acknowledged, shelved, suppressed, out_of_service.
    pub state: String,
    /// The state underneath, when it is shelved, suppressed or out of service.
    pub life: String,
    /// Whether its condition holds.
    pub active: bool,
    /// Whether nothing is left to be done about it.
    pub over: bool,
    /// Whose.
    pub enterprise: String,
    /// Which gateway.
    pub gateway: String,
    /// `enterprise/gateway/key`; none for a gateway's own alarm and for a group's.
    pub point: Option<String>,
    /// `label=value`, for the alarm of a group of points.
    pub group: Option<String>,
    /// What people call the point.
    pub point_title: Option<Words>,
    /// The point's unit.
    pub unit: String,
    /// What the detector made of the samples, where that is not the point's own value.
    pub seen: Option<f64>,
    /// The value that decided.
    pub value: Option<Plain>,
    /// The limit in the point's unit.
    pub limit: Option<f64>,
    /// above, over, below, under.
    pub op: Option<String>,
    /// Begin, in the time of the data.
    pub raised_at: i64,
    /// How often raised without being seen in between.
    pub raises: u32,
    /// Last change.
    pub changed_at: i64,
    /// End.
    pub returned_at: Option<i64>,
    /// When it was acknowledged.
    pub acked_at: Option<i64>,
    /// By whom.
    pub acked_by: Option<String>,
    /// With which words.
    pub comment: Option<String>,
    /// Known from backlog only.
    pub retrospective: bool,
    /// Why its truth is unknown, if it is.
    pub held: Option<String>,
    /// It ended because nobody watches it any more, which is no return to normal: gateway (it is
    /// expected no more), point (it was removed or changed), rule (it is in force no more).
    pub unwatched: Option<String>,
    /// A person must reset it when it is over.
    pub latch: bool,
    /// The longest that it may be shelved; 0 forbids it.
    pub shelve_max_ms: u64,
    /// Who put it on the shelf.
    pub shelf: Option<ShelfView>,
    /// The point whose state suppresses it.
    pub suppressed_by: Option<String>,
    /// The permit to be out of service.
    pub permit: Option<PermitView>,
    /// The closed loop, while it is open.
    pub case: Option<CaseView>,
    /// Its place in its first-out group.
    pub first_out: Option<FirstOutView>,
    /// The booked window (calibration, drill) in which it was raised, while that lasts.
    pub planned: Option<String>,
    /// It was raised so often of late that it counts one severity higher.
    pub repeated: bool,
    /// Where the rule's numbers come from.
    pub source: Option<SourceView>,
    /// The last event, `position.ordinal`.
    pub event: String,
    /// When the last event passed each station.
    pub stamps: Stamps,
}

/// Why and until when an alarm is on the shelf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct ShelfView {
    /// Who put it there.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When it comes back by itself.
    pub until: i64,
    /// It comes back at its next return to normal, too.
    pub one_shot: bool,
}

/// A permit to be out of service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct PermitView {
    /// Who asked.
    pub by: String,
    /// Why.
    pub comment: String,
    /// The permit's number.
    pub permit: String,
    /// When it must be back.
    pub until: i64,
    /// The second person; none while nobody has agreed.
    pub agreed_by: Option<String>,
}

/// The closed loop (核警/销警), while it is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaseView {
    /// How bad it counts: blue, yellow, orange, red.
    pub grade: String,
    /// When it was opened.
    pub opened: i64,
    /// What is to be done next: acknowledge, cause, verify, close.
    pub step: String,
    /// When that step's time runs out next.
    pub due: Option<i64>,
    /// The step that was overdue last.
    pub overdue: Option<String>,
    /// How often its time has run out.
    pub tier: u8,
    /// The steps that are asked for at this grade: acknowledge, cause, verify, close.
    pub asks: Vec<String>,
    /// Whether it was acknowledged since it was opened, or raised again.
    pub acknowledged: bool,
    /// Whether everything asked for is done, but for closing it.
    pub answered: bool,
    /// Who verifies or closes it must not be who stated the cause.
    pub second_person: bool,
    /// true, false, planned, sensor_fault.
    pub cause: Option<String>,
    /// Who stated it.
    pub cause_by: Option<String>,
    /// The measure taken.
    pub measure: Option<String>,
    /// Who verified it.
    pub verified_by: Option<String>,
}

/// An alarm's place in its first-out group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct FirstOutView {
    /// `label=value`.
    pub group: String,
    /// The occurrence that was first; none when it is this one.
    pub first: Option<String>,
}

/// Shows an alarm with the words of its rule and point.
#[must_use]
pub fn alarm(
    alarm: &Alarm,
    engine: &Engine,
    points: &BTreeMap<PointRef, Words>,
    stamps: Stamps,
) -> AlarmView {
    let rule = engine
        .rules()
        .rules
        .get(&alarm.key.rule)
        .map(|rule| &**rule);
    let raised = alarm.raised.as_ref();
    let (point, group) = match &alarm.key.subject {
        Subject::Point(point) => (Some(point), None),
        Subject::Gateway(_) => (None, None),
        Subject::Group(_, group) => (None, Some(group)),
    };
    let gateway = alarm.key.subject.gateway();
    let acknowledged = alarm.acknowledged.as_ref();
    AlarmView {
        alarm: alarm.key.to_string(),
        occurrence: alarm.occurrence.to_string(),
        rule: alarm.key.rule.to_string(),
        rule_version: raised
            .map(|raised| raised.rule_version.to_string())
            .unwrap_or_default(),
        level: alarm.key.level.to_string(),
        title: title(&alarm.key.rule, rule),
        severity: severity(alarm, rule).as_str().to_owned(),
        state: alarm.state.as_str().to_owned(),
        life: life(alarm).as_str().to_owned(),
        active: alarm.place.life.is_active(),
        over: alarm.is_over(),
        enterprise: gateway.enterprise.to_string(),
        gateway: gateway.gateway.to_string(),
        point: point.map(ToString::to_string),
        point_title: point.and_then(|point| points.get(point).cloned()),
        group: group.map(ToString::to_string),
        unit: raised
            .and_then(|raised| raised.unit)
            .map(|unit| unit.symbol().to_owned())
            .unwrap_or_default(),
        seen: raised.and_then(|raised| raised.seen),
        value: raised.and_then(value),
        limit: raised.and_then(|raised| raised.limit),
        op: raised
            .and_then(|raised| raised.op)
            .map(|op| op.as_str().to_owned()),
        raised_at: alarm.raised_at.as_millis(),
        raises: alarm.raises,
        changed_at: alarm.changed_at.as_millis(),
        returned_at: alarm.returned_at.map(|at| at.as_millis()),
        acked_at: acknowledged.map(|(at, ..)| at.as_millis()),
        acked_by: acknowledged.map(|(_, by, _)| by.clone()),
        comment: acknowledged.map(|(.., comment)| comment.clone()),
        retrospective: alarm.retrospective,
        held: alarm.held.map(|why| why.as_str().to_owned()),
        unwatched: alarm.unwatched.map(|why| why.as_str().to_owned()),
        latch: raised.is_some_and(|raised| raised.latch),
        shelve_max_ms: engine.shelve_ms(&alarm.key),
        shelf: alarm.shelf.as_ref().map(shelf),
        suppressed_by: alarm.suppressed_by.clone(),
        permit: alarm.permit.as_ref().map(|it| permit(alarm, it)),
        case: alarm.case.as_ref().map(case),
        first_out: raised
            .and_then(|raised| raised.first_out.as_ref())
            .map(first_out),
        planned: raised.and_then(|raised| raised.planned.clone()),
        repeated: raised.is_some_and(|raised| raised.repeated),
        source: rule.and_then(|rule| rule.source.as_ref().map(SourceView::from)),
        event: alarm.event.to_string(),
        stamps,
    }
}

/// What the deciding sample read.
fn value(raised: &Raised) -> Option<Plain> {
    let (_, sample) = raised.deciding.last()?;
    sample.reading.value().map(Plain::from)
}

/// The rule's own severity while it was never raised.
fn severity(alarm: &Alarm, rule: Option<&Rule>) -> Severity {
    let level = rule.and_then(|rule| rule.levels.iter().find(|it| it.name == alarm.key.level));
    match (&alarm.raised, level) {
        (None, Some(level)) => level.severity,
        _ => alarm.severity(),
    }
}

fn life(alarm: &Alarm) -> State {
    Place {
        life: alarm.place.life,
        ..Place::default()
    }
    .state()
}

fn shelf(shelf: &Shelf) -> ShelfView {
    ShelfView {
        by: shelf.by.clone(),
        comment: shelf.comment.clone(),
        until: shelf.until.as_millis(),
        one_shot: shelf.one_shot,
    }
}

fn permit(alarm: &Alarm, permit: &OutOfService) -> PermitView {
    PermitView {
        by: permit.asked.by.clone(),
        comment: permit.asked.comment.clone(),
        permit: permit.permit.clone(),
        until: permit.until.as_millis(),
        agreed_by: alarm.agreed_by.clone(),
    }
}

fn case(case: &Case) -> CaseView {
    let next = case.next();
    let (_, said, cause) = case.cause.as_ref().map_or((None, None, None), |it| {
        (Some(it.0), Some(&it.1), Some(it.2))
    });
    CaseView {
        grade: case.grade.as_str().to_owned(),
        opened: case.opened.as_millis(),
        step: case.step().as_str().to_owned(),
        due: next.map(|(_, at)| at.as_millis()),
        overdue: case.overdue.map(|(step, _)| step.as_str().to_owned()),
        tier: case.overdue.map_or(0, |(_, tier)| tier),
        asks: asks(case),
        acknowledged: case.acknowledged,
        answered: case.is_answered(),
        second_person: case.wants_second_person(),
        cause: cause.map(|cause| cause.as_str().to_owned()),
        cause_by: said.map(|said| said.by.clone()),
        measure: said.map(|said| said.comment.clone()),
        verified_by: case.verified.as_ref().map(|(_, said)| said.by.clone()),
    }
}

fn asks(case: &Case) -> Vec<String> {
    let duty = &case.duty;
    let steps = [
        (Step::Acknowledge, duty.acknowledge_ms.is_some()),
        (Step::Cause, duty.cause_ms.is_some()),
        (Step::Verify, duty.verify_ms.is_some()),
        (Step::Close, duty.close_by_person),
    ];
    let asked = steps.iter().filter(|(_, asked)| *asked);
    asked.map(|(step, _)| step.as_str().to_owned()).collect()
}

fn first_out(first_out: &FirstOut) -> FirstOutView {
    FirstOutView {
        group: first_out.group.to_string(),
        first: first_out.first.map(|id| id.to_string()),
    }
}

fn title(id: &str, rule: Option<&Rule>) -> Words {
    match rule {
        Some(rule) => Words::from(&rule.title),
        None if id == "fenghuo.gateway-silent" => Words::new("网关失联", "Gateway silent"),
        None => Words::new(id, id),
    }
}
