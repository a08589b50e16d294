//! Fetching what was let go from history: window by window of time, and within a window
//! point by point, so that memory stays bounded and a restart loses at most one window's
//! work. Lines are the ones that the log would have given, so writing one twice is harmless.
//!
//! A window is begun only when history has everything that was let go on disk. Its width
//! follows the density of the samples.

use fenghuo_history::History;
use fenghuo_model::{PointRef, SampleId, Timestamp};

use super::batch::{LINES_MAX, Row, prefix};
use super::hole::{Hole, Span};
use super::source::Known;

/// The first window's width.
const WIDTH_FIRST_MS: i64 = 600_000;
/// The widest window: 32 days.
const WIDTH_MAX_MS: i64 = 32 * 86_400_000;
/// Most samples of one point in one window; more narrow the window.
const POINT_SAMPLES_MAX: usize = 20_000;

/// What one step brought.
#[derive(Debug, Default)]
pub struct Step {
    /// Rows to write; there may be none.
    pub rows: Vec<Row>,
    /// When they are written, everything before this instant is there.
    pub filled: Option<i64>,
}

#[derive(Debug)]
struct Window {
    span: Span,
    points: Vec<PointRef>,
    /// The next point.
    at: usize,
    rows: usize,
}

/// The work under way.
#[derive(Debug)]
pub struct Refill {
    width_ms: i64,
    window: Option<Window>,
}

impl Default for Refill {
    fn default() -> Self {
        Self {
            width_ms: WIDTH_FIRST_MS,
            window: None,
        }
    }
}

impl Refill {
    /// The next rows; none when there is nothing to do, or history is not there yet. After a
    /// step that could not be written call [`Refill::again`].
    pub fn step(&mut self, hole: &Hole, history: &History, known: &Known) -> Option<Step> {
        let first = *hole.spans().first()?;
        if history.replay_from() < hole.below() {
            return None;
        }
        // The hole may have grown before the window meanwhile.
        let mut window = match self.window.take() {
            Some(window) if window.span.from == first.from => window,
            _ => self.open(first, history),
        };
        let mut step = Step::default();
        while window.at < window.points.len() && step.rows.len() < LINES_MAX {
            if !add(
                &mut step.rows,
                &window.points[window.at],
                window.span,
                history,
                known,
            ) {
                // Too dense: begin again with half the time.
                self.width_ms = (window.span.until - window.span.from) / 2;
                return Some(Step::default());
            }
            window.at += 1;
        }
        window.rows += step.rows.len();
        if window.at < window.points.len() {
            self.window = Some(window);
        } else {
            step.filled = Some(window.span.until);
            if window.rows < LINES_MAX {
                self.width_ms = (self.width_ms * 2).min(WIDTH_MAX_MS);
            }
        }
        Some(step)
    }

    /// The rows of the last step were not written: its window begins again.
    pub fn again(&mut self) {
        self.window = None;
    }

    fn open(&self, hole: Span, history: &History) -> Window {
        let mut points: Vec<_> = history
            .series()
            .into_iter()
            .map(|meta| meta.point)
            .collect();
        points.sort_unstable();
        points.dedup();
        let until = hole
            .until
            .min(hole.from.saturating_add(self.width_ms.max(1)));
        Window {
            span: Span {
                from: hole.from,
                until,
            },
            points,
            at: 0,
            rows: 0,
        }
    }
}

/// Adds a point's samples; false when there are too many for the window.
fn add(
    rows: &mut Vec<Row>,
    point: &PointRef,
    span: Span,
    history: &History,
    known: &Known,
) -> bool {
    let (from, until) = (
        Timestamp::from_millis(span.from),
        Timestamp::from_millis(span.until),
    );
    let range = history.range_identified(point, from, until, POINT_SAMPLES_MAX);
    if range.truncated && span.until - span.from > 1 {
        return false;
    }
    for fault in &range.faults {
        tracing::error!(%point, %fault, "samples in history cannot be read, nor written to influxdb");
    }
    for (meta, samples) in range.series {
        let series = prefix(&point.gateway, &point.key, known.kind(point), meta.unit);
        let row = |(id, sample): (SampleId, _)| Row {
            series: series.clone(),
            id,
            sample,
        };
        rows.extend(samples.into_iter().map(row));
    }
    true
}
