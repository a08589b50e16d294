//! Alarm figures as the API shows them: each beside its recommendation.

use fenghuo_engine::figures::{self, Announced, Between, Figures};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Words;
use crate::journal::announced::{Announcements, Row};

/// Alarms named in one list; the figure beside it counts them all.
pub const NAMED_MAX: usize = 100;

/// A figure beside its recommendation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct FigureView {
    /// Its stable name.
    pub name: String,
    /// What it is.
    pub title: Words,
    /// The figure.
    pub value: f64,
    /// What it should be at most: a published recommendation, not law.
    pub at_most: f64,
    /// Whether it is.
    pub met: bool,
    /// Where the recommendation stands.
    pub source: String,
}

/// An alarm and how often it came.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct TopView {
    /// `rule/level@subject`.
    pub alarm: String,
    /// How often.
    pub count: usize,
}

/// Covers of a kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CoverCountView {
    /// shelve, suppress, take_out_of_service.
    pub kind: String,
    /// What it is.
    pub title: Words,
    /// Begun in the span.
    pub begun: u64,
    /// Standing at its end.
    pub standing: u64,
}

/// How long alarms waited until somebody acknowledged them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UnseenView {
    /// Announcements that were acknowledged by the span's end.
    pub seen: usize,
    /// Announcements that were not.
    pub unseen: usize,
    /// Mean time until one was acknowledged, or the span ended, in milliseconds.
    pub mean_ms: f64,
    /// The longest of these, in milliseconds.
    pub longest_ms: i64,
}

/// The figures of one span: ISA-18.2 (clause 16) and EEMUA 191 (chapter 6).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct FiguresView {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The span's begin.
    pub from: i64,
    /// Its end; now, when the day is not over.
    pub until: i64,
    /// Of one enterprise; of all when none.
    pub enterprise: Option<String>,
    /// False when the day had more announcements than are read.
    pub complete: bool,
    /// Announcements.
    pub announced: usize,
    /// Floods: more than 10 in 10 minutes begin one, fewer than 5 end it.
    pub floods: usize,
    /// Blue, yellow, orange, red.
    pub by_severity: [usize; 4],
    /// Each figure that has a recommendation.
    pub figures: Vec<FigureView>,
    /// The most frequent alarms.
    pub top: Vec<TopView>,
    /// Alarms that chatter: three times or more within a minute; at most 100 of them.
    pub chattering: Vec<String>,
    /// Alarms that stood for more than a day; at most 100 of them.
    pub stale: Vec<String>,
    /// Shelved, suppressed, out of service.
    pub covers: Vec<CoverCountView>,
    /// Until somebody acknowledged.
    pub unacknowledged: UnseenView,
}

/// Works out the figures of what was announced in a span.
#[must_use]
pub fn figures(
    day: String,
    enterprise: Option<String>,
    span: Between,
    found: &Announcements,
) -> FiguresView {
    let announced: Vec<Announced<'_>> = found
        .rows
        .iter()
        .map(|row| Announced {
            at: row.at,
            alarm: &found.names[row.alarm],
            severity: row.severity,
            ended: row.ended,
        })
        .collect();
    let figures = figures::figures(&announced, span);
    FiguresView {
        day,
        from: span.from.as_millis(),
        until: span.until.as_millis(),
        enterprise,
        complete: !found.is_cut,
        announced: figures.announced,
        floods: figures.floods,
        by_severity: figures.by_severity,
        figures: judged(&figures),
        unacknowledged: unseen(&found.rows, span),
        covers: covers(found),
        top: figures
            .top
            .into_iter()
            .map(|(alarm, count)| TopView { alarm, count })
            .collect(),
        chattering: first(figures.chattering),
        stale: first(figures.stale),
    }
}

fn first(mut names: Vec<String>) -> Vec<String> {
    names.truncate(NAMED_MAX);
    names
}

fn judged(figures: &Figures) -> Vec<FigureView> {
    let judged = figures.judged().into_iter();
    judged
        .map(|it| FigureView {
            name: it.name.to_owned(),
            title: title(it.name),
            value: it.value,
            at_most: it.at_most,
            met: it.value <= it.at_most,
            source: it.source.to_owned(),
        })
        .collect()
}

/// What people call a figure; its stable name where nobody has named it yet.
fn title(name: &str) -> Words {
    let (zh, en) = match name {
        "per_hour" => ("平均每小时报警数", "Alarms per hour, on average"),
        "peak_hour" => ("最多一小时报警数", "Alarms in the worst hour"),
        "peak_minute" => ("最多一分钟报警数", "Alarms in the worst minute"),
        "peak_ten_minutes" => ("最多十分钟报警数", "Alarms in the worst ten minutes"),
        "busy_slices" => (
            "超过10条的十分钟时段占比",
            "Share of ten-minute slices with more than 10 alarms",
        ),
        "busy_hours" => (
            "超过30条的小时占比",
            "Share of hours with more than 30 alarms",
        ),
        "in_flood" => ("报警泛滥时间占比", "Share of the time in flood"),
        "top_share" => (
            "最频繁的10个报警占比",
            "Share of the ten most frequent alarms",
        ),
        "chattering" => ("抖动报警个数", "Chattering alarms"),
        "fleeting" => ("短时报警次数", "Fleeting alarms"),
        "stale" => ("长时报警个数", "Stale alarms"),
        "red_share" => ("红色报警占比", "Share of red alarms"),
        other => (other, other),
    };
    Words::new(zh, en)
}

const COVERS: [(&str, &str, &str); 3] = [
    ("shelve", "搁置", "Shelved"),
    ("suppress", "按设计抑制", "Suppressed by design"),
    ("take_out_of_service", "停用", "Out of service"),
];

fn covers(found: &Announcements) -> Vec<CoverCountView> {
    COVERS
        .iter()
        .map(|(kind, zh, en)| {
            let (begun, standing) = found.covers.get(*kind).copied().unwrap_or_default();
            CoverCountView {
                kind: (*kind).to_owned(),
                title: Words::new(*zh, *en),
                begun,
                standing,
            }
        })
        .collect()
}

fn unseen(rows: &[Row], span: Between) -> UnseenView {
    let mut unseen = UnseenView::default();
    let mut sum = 0;
    for row in rows.iter().filter(|row| row.at >= span.from) {
        match row.seen.filter(|seen| *seen < span.until) {
            Some(_) => unseen.seen += 1,
            None => unseen.unseen += 1,
        }
        let until = row.seen.map_or(span.until, |seen| seen.min(span.until));
        let waited = (until.as_millis() - row.at.as_millis()).max(0);
        sum += waited;
        unseen.longest_ms = unseen.longest_ms.max(waited);
    }
    let count = unseen.seen + unseen.unseen;
    if count > 0 {
        #[expect(clippy::cast_precision_loss, reason = "times and counts of a day")]
        let mean = sum as f64 / count as f64;
        unseen.mean_ms = mean;
    }
    unseen
}
