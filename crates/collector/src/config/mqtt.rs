//! `[[mqtt]]`: brokers with devices, and what is listened to there.

use std::rc::Rc;

use super::broker;
use super::origin::Origin;
use super::point::{Fill, Points};
use super::table::Table;
use crate::source::mqtt::mapping::Mapping;
use crate::source::mqtt::topic::Filter;
use crate::source::mqtt::{Carries, Feed, Subscription};

mod payload;
mod point;
mod sparkplug;

/// Most parts of one topic, so that a slip does not fill the catalog.
const PARTS_MAX: usize = 10_000;

pub fn feeds(root: &Table<'_>, points: &mut Points<'_>) -> Vec<Feed> {
    let tables = root.tables("mqtt");
    tables
        .iter()
        .filter_map(|table| feed(table, points))
        .collect()
}

fn feed(table: &Table<'_>, points: &mut Points<'_>) -> Option<Feed> {
    points.begin_source();
    let name = table.text("name");
    let origin = Origin::line(table, fenghuo_model::source::MQTT);
    let broker = broker::broker(table, None);
    let client_id = table.text("client_id").map(str::to_owned);
    if client_id.as_deref() == Some("") {
        table.problem("client_id", "is empty");
    }
    if !table.has("topic") && !table.has("sparkplug") {
        table.missing("topic");
    }
    let mut subscriptions = Vec::new();
    for topic in table.tables("topic") {
        subscriptions.extend(subscription(&topic, points, &origin));
    }
    for edge in table.tables("sparkplug") {
        subscriptions.extend(sparkplug::edge(&edge, points, &origin));
    }
    let host_id = sparkplug::host_id(table);
    let state = points.add_state(&origin);
    points.end_source(name);
    table.finish();
    Some(Feed {
        name: name?.to_owned(),
        state: state?,
        broker: broker?,
        client_id,
        host_id,
        subscriptions,
    })
}

/// One filter; with parts, the points stand once for each of them.
fn subscription(
    table: &Table<'_>,
    points: &mut Points<'_>,
    origin: &Rc<Origin>,
) -> Option<Subscription> {
    let text = table.needed_text("filter");
    let filter = text.and_then(Filter::parse);
    if let (Some(text), None) = (text, &filter) {
        table.problem("filter", format!("`{text}` is not a topic filter"));
    }
    // Items name their points themselves, whichever topic they come on.
    let is_told_apart = table.has("parts") || table.has("items");
    if let Some(filter) = filter
        .as_ref()
        .filter(|it| !it.is_plain() && !is_told_apart)
    {
        table.warn("filter", many_topics(filter));
    }
    let instances = instances(table, filter.as_ref());
    let mut mappings = Vec::new();
    for (own, fill) in instances {
        let payload = payload::payload(table, points, &fill, origin);
        if let (Some(filter), Some(payload)) = (own, payload) {
            mappings.push(Mapping { filter, payload });
        }
    }
    table.finish();
    Some(Subscription {
        filter: filter?,
        carries: Carries::Payloads(mappings),
    })
}

/// What is said of a filter with wildcards whose points are the same whatever the topic.
fn many_topics(filter: &Filter) -> String {
    let text = filter.as_str();
    format!(
        "`{text}` 匹配多个主题而没有 parts：几台设备的值会混进同一个测点；请用 parts 列出各台设备 / \
         `{text}` takes many topics and has no parts: the values of several devices would be \
         mixed in the same points; list the devices in parts"
    )
}

/// The topics that the points stand for, and what fills their placeholders. Without parts
/// that is the filter itself; without a filter the points are still read, for what else is
/// wrong with them.
fn instances(table: &Table<'_>, filter: Option<&Filter>) -> Vec<(Option<Filter>, Fill)> {
    if !table.has("parts") {
        return vec![(filter.cloned(), Fill::default())];
    }
    let parts = table.list_of_texts("parts");
    if parts.is_empty() || parts.len() > PARTS_MAX {
        let what = format!("{} parts; 1 to {PARTS_MAX} are allowed", parts.len());
        table.problem("parts", what);
        return Vec::new();
    }
    let Some(filter) = filter else {
        return Vec::new();
    };
    if filter.is_open() || !(1..=super::point::PARTS_MAX).contains(&filter.holes()) {
        let what = "parts stand for the `+` of a filter, of which there are 1 to 9, without a `#`";
        table.problem("parts", what);
        return Vec::new();
    }
    let instance = |text: &&str| {
        let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        let own = filter.filled(&parts);
        if own.is_none() {
            let what = format!(
                "`{text}` does not fill the {} `+` of the filter",
                filter.holes()
            );
            table.problem("parts", what);
        }
        Some((Some(own?), Fill::parted(parts)))
    };
    parts.iter().filter_map(instance).collect()
}
