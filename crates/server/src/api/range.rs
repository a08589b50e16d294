//! A point's trend: every sample when they are few, else buckets that lose no peak.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use fenghuo_history::{Bucket, History, SeriesMeta, Spread};
use fenghuo_model::{PointRef, Sample, Timestamp, Unit, ValueType};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::error::{Asked, ErrorView, Refusals};
use super::{ApiError, Shared};

/// Longest span of one trend: 400 days.
pub const SPAN_MAX_MS: i64 = 400 * 24 * 3_600_000;
/// Fewest and most rows of one trend.
pub const ROWS: std::ops::RangeInclusive<usize> = 10..=10_000;
/// Longest wait for one's turn to read history.
pub const WAIT_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RangeQuery {
    /// `enterprise/gateway/key`.
    point: String,
    /// From this time on.
    from: i64,
    /// Before this time; at most 400 days later.
    to: i64,
    /// At most this many rows.
    #[serde(default = "rows_default")]
    #[param(minimum = 10, maximum = 10000, default = 1000)]
    max: usize,
}

const fn rows_default() -> usize {
    1_000
}

/// A trend in columns of equal length.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct RangeView {
    /// The point.
    point: String,
    /// Of the values; where it changed within the span, the newest, and only what has it.
    unit: String,
    /// Whether a row is a bucket or a sample.
    downsampled: bool,
    /// Length of a bucket; 0 for samples.
    step_ms: i64,
    /// When the sample was read, or where the bucket begins.
    t: Vec<i64>,
    /// Left out for texts. Null where there is no value; states are 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<Vec<Option<f64>>>,
    /// Like `mean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Vec<Option<f64>>>,
    /// Like `mean`.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Vec<Option<f64>>>,
    /// Samples without a value.
    bad: Vec<u64>,
    /// Stretches of stored samples that should be here and cannot be read.
    unreadable: usize,
}

/// A point's trend.
#[utoipa::path(
    get, path = "/api/v1/range", tag = "points", params(RangeQuery),
    responses(
        (status = 200, description = "The trend", body = RangeView),
        (status = 404, description = "`unknown_point`", body = ErrorView),
        Refusals
    )
)]
pub(super) async fn range(
    State(shared): State<Arc<Shared>>,
    Asked(query): Asked<RangeQuery>,
) -> Result<Json<RangeView>, ApiError> {
    let wanted = Wanted::check(&query)?;
    let shown = shared.api.board.read().points.get(&query.point).cloned();
    let turn = timeout(WAIT_MAX, Arc::clone(&shared.history_reads).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ApiError::Busy);
    };
    let history = shared.api.history.clone();
    let task = tokio::task::spawn_blocking(move || {
        let trend = wanted.read(&history);
        // The turn ends with the read, even when the client is gone before.
        drop(turn);
        trend
    });
    let trend = task.await?;
    if trend.unreadable > 0 {
        tracing::warn!(point = %query.point, stretches = trend.unreadable, "history has faults");
    }
    let unit = match (trend.unit, shown) {
        (Some(unit), _) => unit.symbol().to_owned(),
        (None, Some(point)) => point.unit.clone(),
        (None, None) => return Err(ApiError::UnknownPoint),
    };
    Ok(Json(trend.view(query.point, unit)))
}

/// A checked query.
struct Wanted {
    point: PointRef,
    from: Timestamp,
    until: Timestamp,
    rows: usize,
}

impl Wanted {
    fn check(query: &RangeQuery) -> Result<Self, ApiError> {
        let invalid = |field, zh, en| Err(ApiError::Invalid { field, zh, en });
        let Ok(point) = query.point.parse() else {
            return invalid(
                "point",
                "应为 enterprise/gateway/key",
                "it must be enterprise/gateway/key",
            );
        };
        if query.from < 0 || query.from >= query.to {
            return invalid("from", "应早于 to", "it must be before `to`");
        }
        if query.to - query.from > SPAN_MAX_MS {
            return invalid(
                "to",
                "至多在 from 之后 400 天",
                "at most 400 days after `from`",
            );
        }
        if !ROWS.contains(&query.max) {
            return invalid("max", "应为 10 到 10000", "it must be 10 to 10000");
        }
        Ok(Self {
            point,
            from: Timestamp::from_millis(query.from),
            until: Timestamp::from_millis(query.to),
            rows: query.max,
        })
    }

    fn read(&self, history: &History) -> Trend {
        let raw = history.range(&self.point, self.from, self.until, self.rows + 1);
        let count: usize = raw.series.iter().map(|(_, samples)| samples.len()).sum();
        let mut trend = if raw.truncated || count > self.rows {
            self.buckets(history)
        } else {
            let faults = raw.faults.len();
            Trend::of(raw.series, faults, 0, |it: &Sample| it.time, Row::of_sample)
        };
        trend.unit = trend
            .unit
            .or_else(|| history.series_of(&self.point).last().map(|meta| meta.unit));
        trend
    }

    fn buckets(&self, history: &History) -> Trend {
        let down = history.downsample(&self.point, self.from, self.until, self.rows);
        let faults = down.faults.len();
        let mut trend = Trend::of(
            down.series,
            faults,
            down.width_ms,
            |it: &Bucket| it.start,
            Row::of_bucket,
        );
        trend.join_buckets();
        trend
    }
}

/// One sample or bucket.
#[derive(Clone, Copy)]
struct Row {
    time: i64,
    count: u64,
    bad: u64,
    spread: Option<(f64, f64, f64)>,
}

impl Row {
    fn of_sample(sample: &Sample) -> Self {
        let value = sample.reading.value();
        let number = value.and_then(fenghuo_model::Value::as_f64);
        Self {
            time: sample.time.as_millis(),
            count: u64::from(value.is_some()),
            bad: u64::from(value.is_none()),
            spread: number.map(|number| (number, number, number)),
        }
    }

    fn of_bucket(bucket: &Bucket) -> Self {
        let parts = |it: Spread| (it.mean, it.min, it.max);
        Self {
            time: bucket.start.as_millis(),
            count: bucket.count,
            bad: bucket.bad,
            spread: bucket.spread.map(parts),
        }
    }

    /// Takes in another bucket of the same time, from another series.
    fn join(&mut self, other: &Self) {
        #[expect(clippy::cast_precision_loss, reason = "a mean's weight")]
        let (ours, theirs) = (self.count as f64, other.count as f64);
        self.spread = match (self.spread, other.spread) {
            (Some((mean, min, max)), Some((mean2, min2, max2))) => {
                let mean = (mean * ours + mean2 * theirs) / (ours + theirs);
                Some((mean, min.min(min2), max.max(max2)))
            }
            (one, other) => one.or(other),
        };
        self.count += other.count;
        self.bad += other.bad;
    }
}

/// Rows in time order, all of one unit.
struct Trend {
    unit: Option<Unit>,
    texts: bool,
    width_ms: i64,
    rows: Vec<Row>,
    unreadable: usize,
}

impl Trend {
    /// Merges the series that have the unit of the newest row.
    fn of<T>(
        series: Vec<(SeriesMeta, Vec<T>)>,
        unreadable: usize,
        width_ms: i64,
        time: impl Fn(&T) -> Timestamp,
        row: impl Fn(&T) -> Row,
    ) -> Self {
        let newest = series.iter().max_by_key(|(_, rows)| rows.last().map(&time));
        let unit = newest.map(|(meta, _)| meta.unit);
        let texts = newest.is_some_and(|(meta, _)| meta.value_type == ValueType::Text);
        let same = series.iter().filter(|(meta, _)| Some(meta.unit) == unit);
        let mut rows: Vec<Row> = same.flat_map(|(_, rows)| rows.iter().map(&row)).collect();
        rows.sort_by_key(|row| row.time);
        Self {
            unit,
            texts,
            width_ms,
            rows,
            unreadable,
        }
    }

    fn join_buckets(&mut self) {
        self.rows.dedup_by(|next, kept| {
            let same = next.time == kept.time;
            if same {
                kept.join(next);
            }
            same
        });
    }

    fn view(&self, point: String, unit: String) -> RangeView {
        let column = |part: fn((f64, f64, f64)) -> f64| {
            let values = self.rows.iter().map(|row| row.spread.map(part));
            (!self.texts).then(|| values.collect())
        };
        RangeView {
            point,
            unit,
            downsampled: self.width_ms > 0,
            step_ms: self.width_ms,
            t: self.rows.iter().map(|row| row.time).collect(),
            mean: column(|(mean, ..)| mean),
            min: column(|(_, min, _)| min),
            max: column(|(.., max)| max),
            bad: self.rows.iter().map(|row| row.bad).collect(),
            unreadable: self.unreadable,
        }
    }
}
