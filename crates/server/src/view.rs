//! What the API shows: shapes of our own, so that the engine's can change without breaking
//! a screen. Times are milliseconds since the Unix epoch.

use std::collections::BTreeMap;

use fenghuo_engine::{Event, EventId};
use fenghuo_model::{Limits, PointDef, PointRef, Reading, Sample, Title};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod alarm;
mod coverage;
mod figures;
mod notice;
mod plain;
mod rules;
mod window;

pub use alarm::{AlarmView, CaseView, FirstOutView, PermitView, ShelfView, alarm};
pub use coverage::{By, CountsView, CoverageRow, CoverageView, StrangerView, TargetView, coverage};
pub use figures::{CoverCountView, FigureView, FiguresView, TopView, UnseenView, figures};
pub use notice::{NoticeLineView, NoticeView, RaisesView, notice};
pub use plain::Plain;
pub use rules::{ReloadView, RuleView, RulesView, reload, rules};
pub use window::{BookingView, DoneView, SilenceView, booking, silence};

/// A text for people.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// Both languages.
    #[must_use]
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

impl From<&Title> for Words {
    fn from(title: &Title) -> Self {
        Self::new(&title.zh, &title.en)
    }
}

/// Something that is wrong, with a stable code.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Trouble {
    /// Stable, for machines.
    pub code: String,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Trouble {
    /// A trouble with its words.
    #[must_use]
    pub fn new(code: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// Where a rule's numbers come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
    /// The standard.
    pub standard: String,
    /// Its clause.
    pub clause: String,
    /// `REG`, `REG-pending`, `DES` or `DEF`.
    pub ship: String,
    /// How sure the number is.
    pub confidence: String,
}

impl From<&fenghuo_engine::rule::Source> for SourceView {
    fn from(source: &fenghuo_engine::rule::Source) -> Self {
        Self {
            standard: source.standard.clone(),
            clause: source.clause.clone(),
            ship: source.ship.as_str().to_owned(),
            confidence: source.confidence.as_str().to_owned(),
        }
    }
}

/// When an event passed each station.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Stamps {
    /// The gateway read the deciding sample, by its clock.
    pub read: Option<i64>,
    /// The server took the frame.
    pub received: Option<i64>,
    /// The engine judged it.
    pub judged: Option<i64>,
    /// The journal had it on disk.
    pub journaled: Option<i64>,
}

/// An alarm event: what happened, and the alarm as it is then.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// raise, return, dismiss, latch, acknowledge, realarm, reset, shelve, unshelve, suppress,
    /// unsuppress, ask_out_of_service, take_out_of_service, put_back_in_service, hold, release,
    /// amend, plan_over, promote, merge, state_cause, verify, close, overdue, unwatch.
    pub transition: String,
    /// The alarm after it. Its `event` is this event.
    #[serde(flatten)]
    pub alarm: AlarmView,
}

/// A limit that watches a point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitView {
    /// The rule's id.
    pub rule: String,
    /// The level's name.
    pub level: String,
    /// above, over, below, under.
    pub op: String,
    /// In the point's unit.
    pub value: f64,
    /// In the point's unit.
    pub reset: f64,
    /// blue, yellow, orange, red.
    pub severity: String,
}

/// What the instrument can measure.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct SpanView {
    /// Lowest.
    pub low: f64,
    /// Highest.
    pub high: f64,
}

/// A point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct PointView {
    /// `enterprise/gateway/key`.
    pub id: String,
    /// Whose.
    pub enterprise: String,
    /// Which gateway.
    pub gateway: String,
    /// Its key there.
    pub key: String,
    /// What people call it.
    pub title: Words,
    /// temperature, pressure, ..
    pub kind: String,
    /// Of its values.
    pub unit: String,
    /// f64, i64, u64, bool, text.
    pub value_type: String,
    /// What the instrument can measure.
    pub range: Option<SpanView>,
    /// How often it is read; 0 on change.
    pub interval_ms: u32,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// The limits that watch it.
    pub limits: Vec<LimitView>,
}

/// A point's newest reading.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CurrentView {
    /// `enterprise/gateway/key`.
    pub id: String,
    /// When it was read.
    pub time: i64,
    /// None when the reading is bad or not fresh any more.
    pub value: Option<Plain>,
    /// good, uncertain, bad.
    pub quality: String,
    /// Why it is not good.
    pub reason: Option<String>,
}

/// A gateway.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct GatewayView {
    /// Whose.
    pub enterprise: String,
    /// Its id.
    pub gateway: String,
    /// live, backlog, silent, unknown.
    pub state: String,
    /// Whether its MQTT connection is there.
    pub connected: bool,
    /// When the server last took a frame.
    pub last_seen: Option<i64>,
    /// The newest live watermark, by the gateway's clock.
    pub watermark: Option<i64>,
    /// How long the newest live data took from being read to being taken, skew included.
    pub lag_ms: Option<i64>,
    /// The gateway's clock less the server's, estimated.
    pub skew_ms: Option<i64>,
    /// Frames of backlog still to come.
    pub backlog_frames: u64,
    /// The run of the collector, as hex.
    pub epoch: String,
    /// Points known.
    pub points: usize,
    /// Frames refused for ever.
    pub refused: u64,
    /// Frames that came again.
    pub duplicates: u64,
    /// Frames damaged on the way.
    pub corrupt: u64,
    /// Gap records.
    pub gaps: u64,
    /// What is wrong with it.
    pub faults: Vec<Trouble>,
}

/// The log's figures.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct LogView {
    /// Its id.
    pub id: String,
    /// Oldest position.
    pub first: Option<u64>,
    /// Next position.
    pub next: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Bytes that can still be appended before frames are refused.
    pub free_bytes: u64,
}

/// The history's figures.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct HistoryView {
    /// Series.
    pub series: usize,
    /// Samples in memory only.
    pub head_samples: usize,
    /// Bytes on disk.
    pub bytes: u64,
}

/// The server's own health.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct HealthView {
    /// ok, degraded, refusing.
    pub status: String,
    /// What is wrong.
    pub problems: Vec<Trouble>,
    /// The server's clock.
    pub now: i64,
    /// Of the program.
    pub version: String,
    /// The log.
    pub log: LogView,
    /// How far the judge is behind the log.
    pub judge_lag_ms: i64,
    /// The history.
    pub history: HistoryView,
}

/// The id of an event in the API.
#[must_use]
pub fn event_id(text: &str) -> Option<EventId> {
    text.parse().ok()
}

/// Shows an event.
#[must_use]
pub fn event(event: &Event, alarm: AlarmView) -> EventView {
    EventView {
        transition: event.transition.as_str().to_owned(),
        alarm,
    }
}

/// Shows a point without its limits.
#[must_use]
pub fn point(point: &PointRef, def: &PointDef) -> PointView {
    let span = |range: Limits| SpanView {
        low: range.low,
        high: range.high,
    };
    PointView {
        id: point.to_string(),
        enterprise: point.gateway.enterprise.to_string(),
        gateway: point.gateway.gateway.to_string(),
        key: point.key.to_string(),
        title: Words::from(&def.title),
        kind: def.kind.as_str().to_owned(),
        unit: def.unit.symbol().to_owned(),
        value_type: format!("{:?}", def.value_type).to_lowercase(),
        range: def.range.map(span),
        interval_ms: def.interval_ms,
        labels: def.labels.clone(),
        limits: Vec::new(),
    }
}

/// Shows a reading; one that is not fresh any more has no value.
#[must_use]
pub fn current(
    point: &PointRef,
    sample: &Sample,
    silent: Option<fenghuo_engine::Hold>,
) -> CurrentView {
    let fresh = silent.is_none();
    CurrentView {
        id: point.to_string(),
        time: sample.time.as_millis(),
        value: sample.reading.value().filter(|_| fresh).map(Plain::from),
        quality: if fresh {
            sample.reading.quality()
        } else {
            "bad"
        }
        .to_owned(),
        reason: match (silent, &sample.reading) {
            (Some(why), _) => Some(why.as_str().to_owned()),
            (None, Reading::Good(_)) => None,
            (None, reading) => reading.reason().map(|reason| reason.as_str().to_owned()),
        },
    }
}
