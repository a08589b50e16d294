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

/// Smallest and largest disk budget, in megabytes.
const BUDGET_MB: std::ops::RangeInclusive<u64> = 16..=1_048_576;
const BUDGET_MB_DEFAULT: u64 = 256;
/// How often a frame may be closed, in milliseconds. The upper bound is the empty frame's.
const FLUSH_MS: std::ops::RangeInclusive<u64> = 10..=1_000;
const FLUSH_MS_DEFAULT: u64 = 200;
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
    })
}

pub fn destination(root: &Table<'_>, environment: &Environment<'_>) -> Option<Destination> {
    let tables = root.tables("destination");
    let Some(table) = tables.first() else {
        if !root.has("destination") {
            root.missing("destination");
        }
        return None;
    };
    if tables.len() > 1 {
        root.problem(
            "destination",
            format!(
                "{} destinations; this version delivers to one",
                tables.len()
            ),
        );
    }
    let name = table.needed_text("name");
    let broker = broker::broker(table, Some(environment));
    table.finish();
    Some(Destination {
        name: name?.to_owned(),
        broker: broker?,
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
