//! Calendars: shifts, holidays, stop orders. Named times in a site's own hours.
//!
//! A calendar is a set of hours on days of the week, a set of spans of dates, or both; it
//! holds where both hold. Times are the site's: a fixed distance from UTC (China has no
//! summer time). Hours that pass midnight (22:00 to 06:00) belong to the day they begin on.
//!
//! - **Decides** when a rule works: `during` a calendar or `outside` it. The rest of the time
//!   its condition is false, so what is up returns where the calendar ends, and a `for` begins
//!   anew where it begins. A stop order is a rule `during` the calendar of its dates.
//! - **Unknown** while the rule's input is: nothing clears what is not known, and nothing comes
//!   up outside, not even with `unknown = "alarm"`. A calendar itself is never unknown: of
//!   several of one name the one for the point holds. The time is the gateway's, of the data
//!   and not of the clock on the wall.
//! - **Memory** none, at most [`SPANS_MAX`] spans. **Cost** a comparison a span at each look,
//!   and one timer at the next edge, a day ahead at most.
//!
//! Receivers' quiet hours are calendars, too. A site's calendar cannot limit a legal rule.
//!
//! ```toml
//! [[calendar]]
//! id    = "stop-order"
//! dates = ["2026-10-01/2026-10-07"]
//! [[rule]]
//! id       = "production.ordered-off"
//! title    = { zh = "停产期间生产运行", en = "Production during a stop order" }
//! select   = { kind = "state", role = "production" }
//! detector = "state"
//! is       = "on"
//! during   = "stop-order"
//! [[rule.level]]
//! name     = "runs"
//! for      = "15m"
//! severity = "orange"
//! ```

use std::sync::Arc;

use fenghuo_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Select;

const MINUTE_MS: i64 = 60_000;
const DAY_MIN: i64 = 1_440;
/// 1970-01-01 was a Thursday; Monday is day 0.
const EPOCH_WEEKDAY: i64 = 3;
/// Most spans of dates in one calendar.
pub const SPANS_MAX: usize = 1_000;

/// Named times.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name; several calendars may share one for different sites.
    pub id: Arc<str>,
    /// Whose it is, by labels of points; everybody's when left out.
    pub select: Option<Select>,
    /// Distance from UTC in minutes.
    pub utc_offset_min: i32,
    /// Days of the week, Monday first.
    pub days: [bool; 7],
    /// Begin of the hours, in minutes of the day.
    pub from_min: u16,
    /// End of the hours, exclusive; at or before the begin it is on the next day.
    pub to_min: u16,
    /// Spans of local time in minutes since 1970, end exclusive; any time when empty.
    pub spans: Vec<(i64, i64)>,
}

impl Calendar {
    /// Whether both may be for one point: then nobody could say which of them holds there.
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        let apart = |a: &Select, b: &Select| a.excludes(b);
        !matches!((&self.select, &other.select), (Some(a), Some(b)) if apart(a, b))
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.holds_at(self.local(at).div_euclid(MINUTE_MS))
    }

    /// The next instant at which it may begin or end to hold, after `at`; none when it never
    /// changes any more. Looks no further than a day: the caller asks again then.
    #[must_use]
    pub fn next_edge(&self, at: Timestamp) -> Timestamp {
        let now = self.local(at).div_euclid(MINUTE_MS);
        let midnight = now - now.rem_euclid(DAY_MIN);
        let hours = [self.from_min, self.to_min].map(|minute| midnight + i64::from(minute));
        let edges = hours.into_iter().chain([midnight + DAY_MIN]);
        let spans = self.spans.iter().flat_map(|(from, to)| [*from, *to]);
        let next = edges.chain(spans).filter(|edge| *edge > now).min();
        let next = next.unwrap_or(midnight + DAY_MIN);
        Timestamp::from_millis(next * MINUTE_MS - self.offset_ms())
    }

    fn holds_at(&self, minute: i64) -> bool {
        let in_span = |(from, to): &(i64, i64)| (*from..*to).contains(&minute);
        (self.spans.is_empty() || self.spans.iter().any(in_span)) && self.in_hours(minute)
    }

    fn in_hours(&self, minute: i64) -> bool {
        let day = minute.div_euclid(DAY_MIN);
        let of_day = minute.rem_euclid(DAY_MIN);
        let (from, to) = (i64::from(self.from_min), i64::from(self.to_min));
        if from < to {
            return self.on(day) && (from..to).contains(&of_day);
        }
        (self.on(day) && of_day >= from) || (self.on(day - 1) && of_day < to)
    }

    fn on(&self, day: i64) -> bool {
        let weekday = (day + EPOCH_WEEKDAY).rem_euclid(7);
        usize::try_from(weekday).is_ok_and(|weekday| self.days[weekday])
    }

    fn local(&self, at: Timestamp) -> i64 {
        at.as_millis() + self.offset_ms()
    }

    fn offset_ms(&self) -> i64 {
        i64::from(self.utc_offset_min) * MINUTE_MS
    }
}
