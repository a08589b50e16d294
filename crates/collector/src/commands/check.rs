//! `check FILE`: every problem of a configuration, or a summary of it with warnings.

use std::fmt::Write as _;
use std::path::Path;

use fenghuo_model::SourceKind;

use super::writable;
use crate::config::{self, Config, ConfigError, Problem, Problems};
use crate::source::modbus::plan::plan;

/// The summary of a file without problems.
///
/// # Errors
/// [`ConfigError`] with every problem.
pub fn check(path: &Path) -> Result<String, ConfigError> {
    let config = config::load(path)?;
    let file = path.display().to_string();
    let dir = &config.spool.dir;
    let tried = writable::try_folder(dir);
    // Nothing is wrong with the configuration then, and the collector starts all the same.
    let is_full = tried.as_ref().is_err_and(writable::is_full);
    if let (Err(error), false) = (tried, is_full) {
        let what = format!("a spool cannot be kept in `{}`: {error}", dir.display());
        let key = "spool.dir".to_owned();
        let list = vec![Problem {
            line: None,
            key,
            what,
        }];
        return Err(Problems { file, list }.into());
    }
    let mut text = summary(&config);
    if is_full {
        let dir = dir.display();
        let words = format!(
            "warning: {file}: spool.dir: `{dir}` 所在磁盘已满 / the disk of `{dir}` is full\n"
        );
        text.push_str(&words);
    }
    for warning in &config.warnings {
        // Writing into a text cannot fail.
        writeln!(text, "warning: {file}{warning}").unwrap_or_default();
    }
    Ok(text)
}

fn summary(config: &Config) -> String {
    let points = config.catalog.points();
    let states = points.iter().filter_map(SourceKind::of).count();
    let mut text = format!(
        "{}: {} points and {states} states of lines and devices, catalog {}\n",
        config.gateway,
        points.len() - states,
        config.catalog.id()
    );
    let mut line = |words: String| {
        // Writing into a text cannot fail.
        writeln!(text, "  {words}").unwrap_or_default();
    };
    for source in &config.modbus {
        for unit in &source.units {
            let registers: Vec<_> = unit
                .points
                .iter()
                .map(|point| point.register.clone())
                .collect();
            let reads = plan(&registers, &unit.reach).len();
            line(format!(
                "modbus {} {} unit {}: {} points in {reads} reads every {} ms",
                source.name,
                source.way.port,
                unit.id,
                unit.points.len(),
                unit.interval_ms
            ));
        }
    }
    for feed in &config.mqtt {
        let points = feed.points().count();
        let (host, port) = (&feed.broker.host, feed.broker.port);
        line(format!("mqtt {} {host}:{port}: {points} points", feed.name));
    }
    for destination in &config.destinations {
        let (name, broker) = (&destination.name, &destination.broker);
        let limit = destination
            .bytes_per_second
            .map_or_else(String::new, |bytes| {
                format!(", at most {} kbit/s", bytes / 125)
            });
        line(format!(
            "to {name} at {}:{}{limit}",
            broker.host, broker.port
        ));
    }
    let spool = &config.spool;
    line(format!(
        "spool {} of {} MB; what is delivered stays for {} h",
        spool.dir.display(),
        spool.budget_bytes >> 20,
        spool.keep.as_secs() / 3_600
    ));
    text
}
