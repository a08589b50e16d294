//! What became of every read: per point and hour, what was due, made, good and delivered, and
//! why the rest is not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fenghuo_history::History;
use fenghuo_model::{CatalogId, GatewayKey, PointDef, PointKey, PointRef, Timestamp};
use fenghuo_uplink::custody::HOUR_MS;
use fenghuo_uplink::frame::GapReason;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::error::{Asked, ErrorView, Refusals};
use super::range::WAIT_MAX;
use super::{ApiError, Shared};
use crate::clock;
use crate::custody::{
    CatalogsOf, Cell, Custody, CustodyError, Hours, Known, Places, Told, read_ms, reckon,
};
use crate::view::Words;

/// Most hours of one question: 31 days.
pub const HOURS_MAX: i64 = 31 * 24;
/// Most rows of one answer: a point's hour is one.
pub const ROWS_MAX: i64 = 10_000;
/// A gateway tells its counts every minute; for so long after, the newest hour ends where it
/// told last.
const FRESH_MS: i64 = 180_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CustodyQuery {
    /// `enterprise/gateway`.
    gateway: String,
    /// From the hour on that this time is in.
    from: i64,
    /// Before this time; at most 31 days later.
    to: i64,
    /// Only this point, by its key.
    point: Option<String>,
    /// Only points whose keys come after this one: `next` of the answer before.
    after: Option<String>,
}

/// Why reads gave no good value.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct CauseView {
    /// A sample's reason, such as `timeout`; `uncertain`; `skipped`; `unchanged_without_value`;
    /// `budget`, `refused` or `corrupt` (spooled and lost, as the gateway says); `under_way`
    /// (spooled, not here, and not told as lost); `restart` (the collector did not run);
    /// `no_account` (nobody says anything of that time, yet).
    why: &'static str,
    /// How many reads.
    reads: u64,
}

/// A point's hour.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct CellView {
    /// When the hour begins.
    hour: i64,
    /// Reads that were to be expected.
    due: u64,
    /// That the device answered.
    made: u64,
    /// Good values: in history, or not sent because they were those from before. `due` is
    /// these and all causes together.
    good: u64,
    /// Not sent, since nothing had changed.
    unchanged: u64,
    /// Samples in history.
    delivered: u64,
    /// Why the others gave no good value, most first.
    causes: Vec<CauseView>,
}

/// A point's hours.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct PointCustodyView {
    /// Its key.
    key: String,
    /// Its title.
    title: Words,
    /// How often it is read; 0 for one that speaks when it likes.
    interval_ms: u32,
    /// Every hour that was asked for, up to now.
    hours: Vec<CellView>,
}

/// What a gateway says is missing.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct GapView {
    /// The gateway's clock of the first thing missing.
    from: i64,
    /// And of the last.
    until: i64,
    /// How many frames, or readings for `queue`; 0 when not known.
    count: u64,
    /// `budget`, `refused`, `corrupt`, `restart`, `queue` or `unknown`.
    why: &'static str,
}

/// The custody of a gateway's samples.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct CustodyView {
    /// `enterprise/gateway`.
    gateway: String,
    /// Its points, by key. Empty for a gateway that never told what it counts.
    points: Vec<PointCustodyView>,
    /// What it says is missing in these hours.
    gaps: Vec<GapView>,
    /// Ask again with this as `after` for further points.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Stretches of stored samples that should be counted and cannot be read.
    unreadable: usize,
}

/// What became of every read of a gateway, per point and hour.
#[utoipa::path(
    get, path = "/api/v1/custody", tag = "points", params(CustodyQuery),
    responses(
        (status = 200, description = "Rows by point and hour", body = CustodyView),
        (status = 503, description = "`busy`", body = ErrorView),
        Refusals
    )
)]
pub(super) async fn custody(
    State(shared): State<Arc<Shared>>,
    Asked(query): Asked<CustodyQuery>,
) -> Result<Json<CustodyView>, ApiError> {
    let wanted = Wanted::check(query, clock::now())?;
    let turn = timeout(WAIT_MAX, Arc::clone(&shared.history_reads).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ApiError::Busy);
    };
    let (history, path) = (shared.api.history.clone(), shared.api.custody.clone());
    let task = tokio::task::spawn_blocking(move || {
        let view = wanted.read(&history, path);
        // The turn ends with the read, even when the client is gone before.
        drop(turn);
        view
    });
    Ok(Json(task.await??))
}

/// A checked query.
struct Wanted {
    gateway: GatewayKey,
    hours: Hours,
    now: Timestamp,
    point: Option<PointKey>,
    after: Option<String>,
}

impl Wanted {
    fn check(query: CustodyQuery, now: Timestamp) -> Result<Self, ApiError> {
        let invalid = |field, zh, en| ApiError::Invalid { field, zh, en };
        let gateway = query.gateway.parse().map_err(|_| {
            invalid(
                "gateway",
                "应为 enterprise/gateway",
                "it must be enterprise/gateway",
            )
        })?;
        let key = |key: String| {
            PointKey::new(&key).map_err(|_| invalid("point", "应为测点编号", "it must be a key"))
        };
        if query.from < 0 || query.from >= query.to {
            return Err(invalid("from", "应早于 to", "it must be before `to`"));
        }
        let first = query.from / HOUR_MS;
        let to = query.to.min(now.as_millis().saturating_add(HOUR_MS));
        let end = to.div_euclid(HOUR_MS) + i64::from(to.rem_euclid(HOUR_MS) > 0);
        if end - first > HOURS_MAX {
            return Err(invalid(
                "to",
                "至多在 from 之后 31 天",
                "at most 31 days after `from`",
            ));
        }
        let begun = now.as_millis().div_euclid(HOUR_MS) + 1;
        let count = usize::try_from(end.min(begun) - first).unwrap_or(0);
        Ok(Self {
            gateway,
            hours: Hours { first, count },
            now,
            point: query.point.map(key).transpose()?,
            after: query.after,
        })
    }

    fn read(self, history: &History, path: PathBuf) -> Result<CustodyView, CustodyError> {
        let hours = i64::try_from(self.hours.count.max(1)).unwrap_or(i64::MAX);
        let room = usize::try_from(ROWS_MAX / hours).unwrap_or(1).max(1);
        let mut points = Vec::new();
        let mut more = false;
        let custody = Custody::open_to_read(&path)?;
        let told = custody.told(&self.gateway, self.hours, |catalogs| {
            points = self.points(catalogs);
            more = points.len() > room;
            points.truncate(room);
            places(&points)
        })?;
        let mut unreadable = 0;
        let views: Vec<_> = points
            .iter()
            .map(|point| self.point(history, &told, point, &mut unreadable))
            .collect();
        let next = views.last().filter(|_| more).map(|view| view.key.clone());
        let gaps = told.gaps.iter().map(|gap| GapView {
            from: gap.from,
            until: gap.until,
            count: gap.count,
            why: GapReason::from_code(gap.why).as_str(),
        });
        Ok(CustodyView {
            gateway: self.gateway.to_string(),
            points: views,
            gaps: gaps.collect(),
            next,
            unreadable,
        })
    }

    /// The points that are asked for, by key, with their places in the catalogs.
    fn points(&self, catalogs: &CatalogsOf) -> Vec<Point> {
        let mut points: BTreeMap<&PointKey, (&PointDef, BTreeMap<CatalogId, u32>)> =
            BTreeMap::new();
        for (id, catalog) in catalogs {
            for (index, def) in (0..).zip(catalog.points()) {
                let is_wanted = self.point.as_ref().is_none_or(|key| *key == def.key)
                    && self
                        .after
                        .as_deref()
                        .is_none_or(|after| def.key.as_str() > after);
                if is_wanted {
                    let (_, places) = points
                        .entry(&def.key)
                        .or_insert_with(|| (def, BTreeMap::new()));
                    places.insert(*id, index);
                }
            }
        }
        let points = points.into_values();
        points
            .map(|(def, places)| Point {
                def: def.clone(),
                places,
            })
            .collect()
    }

    fn point(
        &self,
        history: &History,
        told: &Told,
        point: &Point,
        unreadable: &mut usize,
    ) -> PointCustodyView {
        let start = Timestamp::from_millis(self.hours.first * HOUR_MS);
        let of = PointRef {
            gateway: self.gateway.clone(),
            key: point.def.key.clone(),
        };
        let counted = history.counts(&of, start, HOUR_MS, self.hours.count);
        *unreadable += counted.faults.len();
        let hours = (self.hours.first..).zip(&counted.counts);
        let hours = hours.map(|(hour, count)| {
            let known = point.known(told, hour);
            let span = (self.start(told, hour), self.end(told, hour));
            let cell = reckon(span, read_ms(&point.def), &known, count, &told.gaps);
            cell_view(hour, cell)
        });
        PointCustodyView {
            key: point.def.key.to_string(),
            title: Words::new(point.def.title.zh.clone(), point.def.title.en.clone()),
            interval_ms: point.def.interval_ms,
            hours: hours.collect(),
        }
    }

    /// The start of an hour, or since when anything is told of the gateway.
    fn start(&self, told: &Told, hour: i64) -> Timestamp {
        let start = Timestamp::from_millis(hour * HOUR_MS);
        let since = told.since.map_or(self.now, |since| since.max(start));
        since.min(Timestamp::from_millis((hour + 1) * HOUR_MS))
    }

    /// The end of an hour, or how far it has come as the gateway tells.
    fn end(&self, told: &Told, hour: i64) -> Timestamp {
        let end = (hour + 1) * HOUR_MS;
        let now = self.now.as_millis();
        if now >= end + FRESH_MS {
            return Timestamp::from_millis(end);
        }
        let books = told.of_hour(hour).iter();
        let last = books.map(|book| book.until.as_millis()).max();
        let fresh = last.filter(|last| now - last < FRESH_MS);
        Timestamp::from_millis(fresh.unwrap_or(now).min(end))
    }
}

fn places(points: &[Point]) -> Places {
    let mut places = Places::new();
    for (id, place) in points.iter().flat_map(|point| &point.places) {
        places.entry(*id).or_default().insert(*place);
    }
    places
}

/// A point with its places.
struct Point {
    def: PointDef,
    places: BTreeMap<CatalogId, u32>,
}

impl Point {
    /// What was counted of it in an hour, run by run. A run whose catalog lacks it counted
    /// nothing of it, and nothing was due.
    fn known(&self, told: &Told, hour: i64) -> Vec<Known> {
        let books = told.of_hour(hour).iter();
        let known = |book: &crate::custody::Book| Known {
            from: book.from,
            until: book.until,
            tally: self
                .places
                .get(&book.catalog)
                .map_or_else(Default::default, |place| book.tally(*place)),
        };
        books.map(known).collect()
    }
}

fn cell_view(hour: i64, cell: Cell) -> CellView {
    let causes = cell.causes.into_iter().map(|cause| CauseView {
        why: cause.why,
        reads: cause.reads,
    });
    CellView {
        hour: hour * HOUR_MS,
        due: cell.due,
        made: cell.made,
        good: cell.good,
        unchanged: cell.unchanged,
        delivered: cell.delivered,
        causes: causes.collect(),
    }
}
