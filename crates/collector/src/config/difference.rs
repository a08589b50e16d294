//! What another configuration changes of the one that runs. Pure.
//!
//! What must stay true: a source that is kept reads the very same things the very same way,
//! and each of its points has the same name, unit and type in both catalogs; everything that
//! is not compared here, and is not of a source, needs a restart and is named.

use std::collections::BTreeMap;

use fenghuo_model::PointDef;

use super::Config;
use crate::source::modbus::Line;
use crate::source::mqtt::Feed;

/// What becomes of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It goes on.
    Kept,
    /// It goes on; what is told of its points (titles, labels and so on) is another.
    Described,
    /// It is stopped, and another of its name started.
    Changed,
    /// It was not there before.
    Started,
    /// It is not there any more.
    Stopped,
}

impl Fate {
    /// Whether what runs under its name has to end.
    #[must_use]
    pub const fn ends(self) -> bool {
        matches!(self, Self::Changed | Self::Stopped)
    }

    /// Whether it has to be started.
    #[must_use]
    pub const fn begins(self) -> bool {
        matches!(self, Self::Changed | Self::Started)
    }

    /// As the log says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Described => "kept, described anew",
            Self::Changed => "changed",
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }
}

/// What another configuration changes, all of it without a restart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Difference {
    /// Every source of either configuration, by name.
    pub sources: BTreeMap<String, Fate>,
    /// Destinations that are reached in another way or at another pace, by name.
    pub destinations: Vec<String>,
    /// Whether the spool keeps more or less, or longer.
    pub spool: bool,
    /// Whether the batcher has to know.
    pub frames: bool,
}

/// What cannot be changed while the collector runs.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .keys.join(", "))]
pub struct NeedsRestart {
    /// The keys, at least one.
    pub keys: Vec<String>,
}

/// Compares the configuration that runs with one that was loaded.
///
/// # Errors
/// [`NeedsRestart`] names everything that a running collector cannot change.
pub fn compare(running: &Config, loaded: &Config) -> Result<Difference, NeedsRestart> {
    let keys = fixed(running, loaded);
    if !keys.is_empty() {
        return Err(NeedsRestart { keys });
    }
    let sources = sources(running, loaded);
    let is_quiet = sources.values().all(|fate| *fate == Fate::Kept)
        && running.catalog.id() == loaded.catalog.id();
    let spool = |config: &Config| (config.spool.budget_bytes, config.spool.keep);
    let destinations = loaded.destinations.iter();
    let destinations = destinations.filter(|it| !running.destinations.contains(it));
    Ok(Difference {
        frames: !is_quiet || running.spool.flush != loaded.spool.flush,
        sources,
        destinations: destinations.map(|it| it.name.clone()).collect(),
        spool: spool(running) != spool(loaded),
    })
}

/// The keys that are not as they were and need a restart.
fn fixed(running: &Config, loaded: &Config) -> Vec<String> {
    let (was, is) = (&running.gateway, &loaded.gateway);
    let plain = [
        ("enterprise", was.enterprise != is.enterprise),
        ("gateway", was.gateway != is.gateway),
        ("spool.dir", running.spool.dir != loaded.spool.dir),
        ("status.listen", running.status != loaded.status),
    ];
    let plain = plain.into_iter().filter(|(_, differs)| *differs);
    let mut keys: Vec<String> = plain.map(|(key, _)| key.to_owned()).collect();
    let (was, is) = (running.destination_names(), loaded.destination_names());
    let lost = was.iter().filter(|name| !is.contains(name));
    keys.extend(lost.map(|name| format!("destination `{name}` (removed)")));
    let new = is.iter().filter(|name| !was.contains(name));
    keys.extend(new.map(|name| format!("destination `{name}` (added)")));
    keys
}

/// What a source is, but for its points' names.
#[derive(PartialEq)]
enum Definition<'c> {
    Modbus(&'c Line),
    Mqtt(&'c Feed),
}

fn definitions(config: &Config) -> BTreeMap<&str, Definition<'_>> {
    let lines = config.modbus.iter();
    let lines = lines.map(|line| (line.name.as_str(), Definition::Modbus(line)));
    let feeds = config.mqtt.iter();
    let feeds = feeds.map(|feed| (feed.name.as_str(), Definition::Mqtt(feed)));
    lines.chain(feeds).collect()
}

fn sources(running: &Config, loaded: &Config) -> BTreeMap<String, Fate> {
    let (was, is) = (definitions(running), definitions(loaded));
    let lost = was.keys().filter(|name| !is.contains_key(*name));
    let lost = lost.map(|name| (*name, Fate::Stopped));
    let there = is.iter().map(|(name, definition)| {
        let fate = match was.get(name) {
            None => Fate::Started,
            Some(before) if before != definition => Fate::Changed,
            Some(_) => described(points(running, name), points(loaded, name)),
        };
        (*name, fate)
    });
    let fates = lost.chain(there);
    fates.map(|(name, fate)| (name.to_owned(), fate)).collect()
}

fn points<'c>(config: &'c Config, source: &str) -> &'c [PointDef] {
    let place = config.places.get(source).cloned().unwrap_or_default();
    let place = place.start as usize..place.end as usize;
    config.catalog.points().get(place).unwrap_or_default()
}

/// A point of another name, unit or type is another point: nothing of it was ever reported.
fn described(was: &[PointDef], is: &[PointDef]) -> Fate {
    let same = |(was, is): (&PointDef, &PointDef)| {
        (&was.key, was.unit, was.value_type) == (&is.key, is.unit, is.value_type)
    };
    if was == is {
        Fate::Kept
    } else if was.len() == is.len() && was.iter().zip(is).all(same) {
        Fate::Described
    } else {
        Fate::Changed
    }
}

#[cfg(test)]
mod tests;
