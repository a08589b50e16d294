//! Configuration: one TOML file, then the environment for what differs between machines.
//!
//! The file is read into types that cannot hold a wrong state; every problem is named at
//! once, with file, line and key. From the environment, which wins over the file:
//!
//! | variable | instead of |
//! | --- | --- |
//! | `FENGHUO_COLLECTOR_SPOOL__DIR`, `.._SPOOL__BUDGET_MB`, `.._SPOOL__FLUSH_MS` | `[spool]` |
//! | `FENGHUO_COLLECTOR_DESTINATION__URL`, `.._USERNAME`, `.._PASSWORD_FILE` | `[[destination]]` |
//! | `.._DESTINATION__CA_FILE`, `.._CERT_FILE`, `.._KEY_FILE` | `[[destination]]` |
//! | `FENGHUO_COLLECTOR_DESTINATION__PASSWORD` | never stands in the file |
//! | `FENGHUO_COLLECTOR_DESTINATION__<NAME>__URL` and so on | of one of several destinations |
//! | `FENGHUO_COLLECTOR_STATUS__LISTEN` | `[status]` |
//!
//! Secrets are never printed: [`Password`] has no readable `Debug`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fenghuo_model::{Catalog, GatewayKey};

use crate::mqtt::tls::Tls;
use crate::source::modbus::Line;
use crate::source::mqtt::Feed;
use crate::spool::Terms;

mod broker;
pub mod difference;
mod environment;
mod general;
mod modbus;
mod mqtt;
mod origin;
mod point;
mod problem;
mod table;

pub use problem::{Problem, Problems};

use environment::Environment;
pub use point::Places;
use point::Points;
use problem::Collector;
use table::Table;

/// A configuration that can be run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who this collector is.
    pub gateway: GatewayKey,
    /// Where frames are kept.
    pub spool: Spool,
    /// Where they go, each with receipts of its own; at least one.
    pub destinations: Vec<Destination>,
    /// Where counters and health are shown.
    pub status: SocketAddr,
    /// Every point, in the order of the file; the state of each device and line stands behind
    /// its points.
    pub catalog: Arc<Catalog>,
    /// Where each source's points stand in the catalog. A source itself numbers its points
    /// from 0, so that it is the same wherever it stands in the file.
    pub places: Places,
    /// Modbus connections.
    pub modbus: Vec<Line>,
    /// MQTT brokers with devices.
    pub mqtt: Vec<Feed>,
    /// What is allowed and likely a mistake.
    pub warnings: Vec<Problem>,
}

impl Config {
    /// What the spool is opened with.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            gateway: self.gateway.clone(),
            budget_bytes: self.spool.budget_bytes,
            keep: self.spool.keep,
            destinations: self.destination_names(),
        }
    }

    /// The number that the source of this name has for a point, if the point is its own.
    #[must_use]
    pub fn number_at(&self, source: &str, index: u32) -> Option<u32> {
        let place = self.places.get(source)?;
        let is_its_own = place.contains(&index);
        is_its_own.then(|| index - place.start)
    }

    /// The destinations' names in their order.
    #[must_use]
    pub fn destination_names(&self) -> Vec<String> {
        let names = self.destinations.iter().map(|it| it.name.clone());
        names.collect()
    }
}

/// Where frames are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spool {
    /// The folder; it is created.
    pub dir: PathBuf,
    /// Most bytes of the spool's file.
    pub budget_bytes: u64,
    /// How often a frame is closed and synced when there is anything to keep.
    pub flush: Duration,
    /// How long frames stay that every destination has, as far as the budget allows.
    pub keep: Duration,
}

/// A server, behind its broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// Its name here.
    pub name: String,
    /// The broker.
    pub broker: Broker,
    /// Stands for what the certificate files held when they were read.
    pub files: u64,
    /// Most bytes that go there in a second, if there is a limit.
    pub bytes_per_second: Option<u64>,
    /// The share of the link that what a broken link left behind may take.
    pub backlog_percent: u64,
}

/// An MQTT broker and how to log in there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name and password, if it wants them.
    pub login: Option<(String, Password)>,
    /// Which version of MQTT it is spoken to in.
    pub version: Version,
    /// How the connection is kept secret, if it is.
    pub tls: Option<Tls>,
}

/// A version of MQTT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// 3.1.1.
    V4,
    /// 5.
    V5,
}

/// A secret that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The secret itself, for the one who sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// It can, and this is wrong with it.
    #[error(transparent)]
    Problems(#[from] Problems),
}

/// Reads a file and the environment of this process.
///
/// # Errors
/// [`ConfigError`] with every problem.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Ok(parse(&path.display().to_string(), &text, &variables)?)
}

/// Reads a file's text and some environment variables.
///
/// # Errors
/// [`Problems`] with every problem.
pub fn parse(
    file: &str,
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Config, Problems> {
    let problems = Collector::new(text);
    let mut points = Points::new(&problems);
    let (root, syntax) = toml::de::DeTable::parse_recoverable(text);
    let config = if syntax.is_empty() {
        let root = Table::root(root.get_ref(), &problems);
        let names = general::destination_names(&root);
        let environment = Environment::new(variables, &names, &problems);
        read(&root, &environment, &mut points)
    } else {
        for error in &syntax {
            problems.note(
                error.span().map(|span| span.start),
                String::new(),
                error.message(),
            );
        }
        None
    };
    drop(root);
    let catalog = points.catalog();
    if let (Some(config), Some(catalog), true) = (config, catalog, problems.is_empty()) {
        return Ok(config(catalog, problems.warnings()));
    }
    Err(problems.finish(file))
}

/// Everything but the points, which are made into a catalog when the file's tables are gone.
fn read(
    root: &Table<'_>,
    environment: &Environment<'_>,
    points: &mut Points<'_>,
) -> Option<impl FnOnce(Catalog, Vec<Problem>) -> Config + use<>> {
    let gateway = general::gateway(root);
    let spool = general::spool(root, environment);
    let destinations = general::destinations(root, environment);
    let status = general::status(root, environment);
    let modbus = modbus::lines(root, points);
    let mqtt = mqtt::feeds(root, points);
    general::source_names(root);
    root.finish();
    let places = points.places();
    let (gateway, spool) = (gateway?, spool?);
    let (destinations, status) = (destinations?, status?);
    Some(move |catalog, warnings| Config {
        gateway,
        spool,
        destinations,
        status,
        catalog: Arc::new(catalog),
        places,
        modbus,
        mqtt,
        warnings,
    })
}

#[cfg(test)]
mod tests;
