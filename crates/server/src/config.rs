//! The server's configuration: a file, then the environment.
//!
//! Every problem is found in one go, with file, line and caret. `FENGHUO_<KEY>` overrides a
//! key of the file, `__` stands between tables and keys: `FENGHUO_HTTP__LISTEN`. Secrets are
//! named by file or come from the environment; they never stand in the file or the log.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fenghuo_engine::RuleSet;
use fenghuo_engine::rule::table::{File, Table};
use fenghuo_model::GatewayKey;
use toml::de::DeTable;

mod read;

/// What the server runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where log, journal, snapshots and history are.
    pub data_dir: PathBuf,
    /// Where console, API and metrics listen.
    pub http: SocketAddr,
    /// How gateways reach the server.
    pub mqtt: Mqtt,
    /// The rule files, as (name, text).
    pub rules: Vec<(String, String)>,
    /// Gateways that must report, whether or not they ever did.
    pub expected: Vec<GatewayKey>,
    /// The log.
    pub log: LogConfig,
    /// Whole months of history kept besides the current one; 0 keeps all.
    pub retention_months: u16,
    /// How long what was told is kept; none keeps all.
    pub keep_notices: Option<Duration>,
    /// How often the engine's state is written down.
    pub snapshot_every: Duration,
    /// How many snapshots are kept.
    pub snapshot_keep: usize,
    /// Webhooks.
    pub webhooks: Vec<Webhook>,
    /// The InfluxDB 2 sink.
    pub influx: Option<Influx>,
}

impl Config {
    /// The names of the carriers of notices.
    #[must_use]
    pub fn carriers(&self) -> Vec<String> {
        let webhooks = self.webhooks.iter();
        webhooks.map(|webhook| webhook.name.clone()).collect()
    }
}

/// How gateways reach the server.
#[derive(Clone, Debug)]
pub enum Mqtt {
    /// The embedded broker.
    Embedded {
        /// Where it listens.
        listen: SocketAddr,
        /// Who may log in; nobody needs to when empty, and then only loopback is allowed.
        users: Vec<MqttUser>,
    },
    /// A broker elsewhere.
    External(crate::transport::External),
}

/// Someone who may log in to the embedded broker.
#[derive(Clone, Debug)]
pub struct MqttUser {
    /// The MQTT user name.
    pub name: String,
    /// Its password.
    pub password: Secret,
    /// The gateway that it is; a device when none.
    pub gateway: Option<String>,
}

/// A secret that is never printed.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// The log's bounds.
#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    /// Largest size of the file, if bounded.
    pub budget_bytes: Option<u64>,
    /// Kept free for ticks, acts and journal.
    pub reserve_bytes: u64,
    /// Whether entries that nobody needs any more are deleted.
    pub trim: bool,
}

/// A webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Names the carrier.
    pub name: String,
    /// Where notices are posted.
    pub url: String,
    /// How long one may take.
    pub timeout: Duration,
    /// Sent as a bearer token.
    pub bearer: Option<Secret>,
    /// A notice that waits longer than this in spite of a try is a fault in health.
    pub fault_after: Duration,
}

/// An InfluxDB 2.
#[derive(Clone, Debug)]
pub struct Influx {
    /// Its address.
    pub url: String,
    /// The organization.
    pub org: String,
    /// The bucket.
    pub bucket: String,
    /// The API token.
    pub token: Secret,
    /// How much of the log it may hold.
    pub budget_bytes: u64,
    /// And for how long.
    pub budget_age: Duration,
}

/// Problems of a configuration, as a person reads them.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Reads a configuration file and the environment.
///
/// # Errors
/// [`ConfigError`] names every problem.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError(format!("{name}: {error}")))?;
    let dir = path.parent().unwrap_or(Path::new("")).to_owned();
    let place = Place {
        dir: &dir,
        secrets_allowed: false,
    };
    let from_file = parse(&name, &text, place);
    let Some(merged) = layered(&name, &text)? else {
        return from_file;
    };
    let place = Place {
        secrets_allowed: true,
        ..place
    };
    let merged = parse(&format!("{name} + environment"), &merged, place);
    match (from_file, merged) {
        // The file's own problems have lines, so they are told rather than the others; what
        // the environment mends is none.
        (Err(error), Ok(_)) if error.0.contains(SECRET_IN_FILE) => Err(error),
        (_, Ok(config)) => Ok(config),
        (Err(error), Err(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Where a text comes from.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Paths in it are relative to this.
    dir: &'a Path,
    /// Only the environment may hold secrets.
    secrets_allowed: bool,
}

const SECRET_IN_FILE: &str = "secrets do not stand in the file";

/// The file with the environment laid over it, as TOML; `None` when the environment says
/// nothing.
fn layered(name: &str, text: &str) -> Result<Option<String>, ConfigError> {
    const PREFIX: &str = "FENGHUO_";
    let ours = |(key, _): &(String, String)| {
        key.starts_with(PREFIX) && !key.starts_with("FENGHUO_COLLECTOR_")
    };
    let variables: std::collections::HashMap<_, _> = std::env::vars().filter(ours).collect();
    if variables.is_empty() {
        return Ok(None);
    }
    let environment = config::Environment::with_prefix("FENGHUO")
        .prefix_separator("_")
        .separator("__")
        .try_parsing(true)
        .source(Some(variables));
    let merged = config::Config::builder()
        .add_source(config::File::from_str(text, config::FileFormat::Toml))
        .add_source(environment)
        .build()
        .and_then(config::Config::try_deserialize::<toml::Table>);
    match merged {
        Ok(table) => Ok(Some(table.to_string())),
        // Broken TOML is reported by our own reader, with its line.
        Err(_) if DeTable::parse(text).is_err() => Ok(None),
        Err(error) => Err(ConfigError(format!("{name} + environment: {error}"))),
    }
}

fn parse(name: &str, text: &str, place: Place<'_>) -> Result<Config, ConfigError> {
    let mut file = File::new(name, text);
    let (rules, config) = match DeTable::parse(text) {
        Ok(root) => read::config(&mut file, Table::new(root.get_ref(), 0..0), place),
        Err(error) => {
            file.fault(error.span().unwrap_or(0..0), error.message().to_owned());
            (Vec::new(), None)
        }
    };
    let mut problems = String::new();
    for fault in &file.faults {
        // Writing to a String cannot fail.
        writeln!(problems, "{fault}").unwrap_or_default();
    }
    if let Err(faults) = RuleSet::parse(&rules) {
        for fault in &faults {
            writeln!(problems, "{fault}").unwrap_or_default();
        }
    }
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(ConfigError(problems.trim_end().to_owned())),
    }
}

#[cfg(test)]
mod tests;
