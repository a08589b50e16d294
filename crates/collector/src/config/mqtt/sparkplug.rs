//! `[[mqtt.sparkplug]]`: a Sparkplug B edge node, its devices and their metrics.

use std::rc::Rc;

use super::super::origin::Origin;
use super::super::point::{Fill, Points};
use super::super::table::Table;
use super::point::point;
use crate::source::mqtt::sparkplug::{self, Plan, Wanted};
use crate::source::mqtt::topic::Filter;
use crate::source::mqtt::{Carries, Subscription};

pub fn edge(
    table: &Table<'_>,
    points: &mut Points<'_>,
    origin: &Rc<Origin>,
) -> Option<Subscription> {
    let (group, edge) = (level(table, "group", true), level(table, "edge", true));
    if !table.has("point") {
        table.missing("point");
    }
    let metrics = table.tables("point");
    let metrics = metrics
        .iter()
        .filter_map(|table| wanted(table, points, origin));
    let metrics = metrics.collect();
    table.finish();
    let (group, edge) = (group?, edge?);
    Some(Subscription {
        filter: Filter::parse(&sparkplug::filter(&group, &edge))?,
        carries: Carries::Edge(Plan {
            group,
            edge,
            metrics,
        }),
    })
}

/// As which host the collector says that it is there, for edge nodes that wait for one.
pub fn host_id(table: &Table<'_>) -> Option<String> {
    if table.has("host_id") && !table.has("sparkplug") {
        table.problem("host_id", "is for [[mqtt.sparkplug]]");
    }
    level(table, "host_id", false)
}

fn wanted(table: &Table<'_>, points: &mut Points<'_>, origin: &Rc<Origin>) -> Option<Wanted> {
    let device = level(table, "device", false);
    let name = table.needed_text("metric").map(str::to_owned);
    let point = point(table, points, &Fill::default(), origin);
    table.finish();
    if table.has("device") && device.is_none() {
        return None;
    }
    Some(Wanted {
        point: point?,
        device,
        name: name?,
    })
}

/// One level of a topic.
fn level(table: &Table<'_>, key: &'static str, is_needed: bool) -> Option<String> {
    let text = match is_needed {
        true => table.needed_text(key),
        false => table.text(key),
    }?;
    if text.is_empty() || text.contains(['/', '+', '#', '\0']) {
        let what = format!("`{text}` is no single level of a topic: without / + #, and not empty");
        table.problem(key, what);
        return None;
    }
    Some(text.to_owned())
}
