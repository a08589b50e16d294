//! Who, where to and where kept: everything in the file but the sources.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fenghuo_model::GatewayKey;

use super::broker;
use super::environment::Environment;
use super::table::Table;
use super::{Destination, Spool};
use crate::spool::DESTINATIONS_MAX;

/// Smallest and largest disk budget, in megabytes.
const BUDGET_MB: std::ops::RangeInclusive<u64> = 16..=1_048_576;
const BUDGET_MB_DEFAULT: u64 = 256;
/// How often a frame may be closed, in milliseconds. The upper bound is the empty frame's.
const FLUSH_MS: std::ops::RangeInclusive<u64> = 10..=1_000;
const FLUSH_MS_DEFAULT: u64 = 200;
/// How long delivered frames stay, in hours.
const KEEP_HOURS: std::ops::RangeInclusive<u64> = 0..=8_760;
const KEEP_HOURS_DEFAULT: u64 = 24;
const NAME_BYTES_MAX: usize = 32;
const NAME_WANTED: &str = "is not 1 to 32 of `a`-`z`, `0`-`9` and `-`";
/// A frame of one point must still get through within seconds.
const LIMIT_KBIT_S: std::ops::RangeInclusive<u64> = 8..=10_000_000;
const BACKLOG_PERCENT: std::ops::RangeInclusive<u64> = 1..=100;
const BACKLOG_PERCENT_DEFAULT: u64 = 50;
const STATUS_DEFAULT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9_101);

pub fn gateway(root: &Table<'_>) -> Option<GatewayKey> {
    let (enterprise, gateway) = (root.needed_text("enterprise"), root.needed_text("gateway"));
    let part = |key, text: Option<&str>| {
        let text = text?;
        // Checked one by one, so that each problem has its own key.
        match GatewayKey::new(text, "x") {
            Ok(_) => Some(text.to_owned()),
            Err(error) => {
                root.problem(key, error.to_string());
                None
            }
        }
    };
    let (enterprise, gateway) = (part("enterprise", enterprise), part("gateway", gateway));
    GatewayKey::new(&enterprise?, &gateway?).ok()
}

pub fn spool(root: &Table<'_>, environment: &Environment<'_>) -> Option<Spool> {
    let table = root.table("spool");
    let in_file = |key| table.as_ref().and_then(|table| table.text(key));
    let whole = |key, setting, bounds: std::ops::RangeInclusive<u64>, default| {
        let in_file = table.as_ref().and_then(|t| t.whole(key, bounds.clone()));
        environment
            .whole(setting, bounds)
            .or(in_file)
            .unwrap_or(default)
    };
    let in_file_dir = in_file("dir").map(str::to_owned);
    let dir = environment.text("spool.dir").or(in_file_dir);
    let budget_mb = whole("budget_mb", "spool.budget_mb", BUDGET_MB, BUDGET_MB_DEFAULT);
    let flush_ms = whole("flush_ms", "spool.flush_ms", FLUSH_MS, FLUSH_MS_DEFAULT);
    let keep_hours = table
        .as_ref()
        .and_then(|t| t.whole("keep_hours", KEEP_HOURS));
    let keep_hours = keep_hours.unwrap_or(KEEP_HOURS_DEFAULT);
    if let Some(table) = &table {
        if dir.is_none() && !table.has("dir") {
            table.missing("dir");
        }
        table.finish();
    } else if dir.is_none() && !root.has("spool") {
        root.missing("spool");
    }
    Some(Spool {
        dir: PathBuf::from(dir?),
        budget_bytes: budget_mb << 20,
        flush: Duration::from_millis(flush_ms),
        keep: Duration::from_secs(keep_hours * 3_600),
    })
}

/// The names of the destinations as far as they can be read, for those who look at more
/// than this file.
pub fn destination_names(root: &Table<'_>) -> Vec<String> {
    let tables = root.tables("destination");
    let names = tables.iter().filter_map(|table| table.text("name"));
    names.map(str::to_owned).collect()
}

pub fn destinations(root: &Table<'_>, environment: &Environment<'_>) -> Option<Vec<Destination>> {
    let tables = root.tables("destination");
    if tables.is_empty() && !root.has("destination") {
        root.missing("destination");
    }
    if tables.len() > DESTINATIONS_MAX {
        let what = format!("{} destinations; at most {DESTINATIONS_MAX}", tables.len());
        root.problem("destination", what);
    }
    let mut all: Vec<Destination> = Vec::new();
    for table in &tables {
        // Everything that is wrong is said, whatever was wrong before it.
        let Some(one) = destination(table, environment) else {
            continue;
        };
        for other in &all {
            if other.name == one.name {
                table.problem("name", format!("`{}` names two destinations", one.name));
            } else if (&other.broker.host, other.broker.port) == (&one.broker.host, one.broker.port)
            {
                let what = format!("is the broker of destination `{}` too", other.name);
                table.problem("url", what);
            }
        }
        all.push(one);
    }
    (!all.is_empty() && all.len() == tables.len()).then_some(all)
}

fn destination(table: &Table<'_>, environment: &Environment<'_>) -> Option<Destination> {
    let name = table.needed_text("name");
    let is_fit = |name: &str| {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
    };
    if name.is_some_and(|name| !is_fit(name)) {
        table.problem("name", NAME_WANTED);
    }
    let given = environment.destination(name.unwrap_or_default());
    let broker = broker::broker(table, Some(&given));
    let limit = table.whole("limit_kbit_s", LIMIT_KBIT_S);
    let share = table.whole("backlog_percent", BACKLOG_PERCENT);
    table.finish();
    Some(Destination {
        name: name.filter(|name| is_fit(name))?.to_owned(),
        files: broker::files(broker.as_ref()?),
        broker: broker?,
        bytes_per_second: limit.map(|kbit| kbit * 125),
        backlog_percent: share.unwrap_or(BACKLOG_PERCENT_DEFAULT),
    })
}

pub fn status(root: &Table<'_>, environment: &Environment<'_>) -> Option<SocketAddr> {
    const WANTED: &str = "is not `address:port`";
    let table = root.table("status");
    let in_file = table.as_ref().and_then(|table| {
        let text = table.text("listen")?;
        let address = text.parse().ok();
        if address.is_none() {
            table.problem("listen", WANTED);
        }
        address
    });
    if let Some(table) = &table {
        table.finish();
    }
    let Some(text) = environment.text("status.listen") else {
        return Some(in_file.unwrap_or(STATUS_DEFAULT));
    };
    let address = text.parse().ok();
    if address.is_none() {
        environment.problem("status.listen", WANTED);
    }
    address
}

/// Sources are told apart by name in metrics and logs.
pub fn source_names(root: &Table<'_>) {
    let mut names = BTreeSet::new();
    for table in root.tables("modbus").iter().chain(&root.tables("mqtt")) {
        if let Some(name) = table.text("name")
            && !names.insert(name.to_owned())
        {
            table.problem("name", format!("`{name}` names two sources"));
        }
    }
    if !root.has("modbus") && !root.has("mqtt") {
        root.problem("modbus", "no source: neither [[modbus]] nor [[mqtt]]");
    }
}
