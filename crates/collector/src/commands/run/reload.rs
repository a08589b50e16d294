//! The configuration is loaded again while the collector runs.
//!
//! What must stay true: a reload is done whole or not at all. Everything that can fail (the
//! file, what needs a restart, a port that is taken) is looked at before anything is changed;
//! after a refusal the running configuration goes on as if nobody had asked. The file is read
//! and compared on another thread: no cycle waits for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::delivery::Settings;
use super::fleet::{self, Bound, Fleet};
use super::warn;
use crate::config::difference::{self, Difference, NeedsRestart};
use crate::config::{self, Config, ConfigError};
use crate::spool::{self, Command};
use crate::status::{Code, Status, service};

/// Problems that the health page names; the log names all.
const NAMED_MAX: usize = 100;

/// What runs, and how to tell its parts of another configuration.
pub struct Reloader {
    /// Where it is read from.
    pub file: PathBuf,
    /// What is in force.
    pub config: Arc<Config>,
    /// The ways to the drivers.
    pub settings: Settings,
    /// The way to the spool.
    pub commands: spool::Commands,
    /// Counters and problems.
    pub status: Status,
}

/// Why another configuration does not come into force.
enum Refusal {
    File(ConfigError),
    Restart(NeedsRestart),
    Other(String),
}

impl Refusal {
    /// One line a problem.
    fn lines(&self) -> Vec<String> {
        match self {
            Self::File(ConfigError::Problems(problems)) => {
                let lines = problems.list.iter();
                lines.map(|it| format!("{}{it}", problems.file)).collect()
            }
            Self::File(error) => vec![error.to_string()],
            Self::Restart(keys) => vec![format!("these need a restart: {keys}")],
            Self::Other(what) => vec![what.clone()],
        }
    }
}

impl Reloader {
    /// Loads the file, and brings it into force or says why not.
    ///
    /// # Errors
    /// When a part of the collector has ended by itself.
    pub async fn reload(&mut self, fleet: &mut Fleet) -> anyhow::Result<()> {
        service::reloading();
        tracing::info!(file = %self.file.display(), "the configuration is loaded again");
        match self.prepare(fleet).await {
            Ok((loaded, difference, bound)) => {
                self.apply(loaded, difference, bound, fleet).await?;
            }
            Err(refusal) => self.refuse(&refusal),
        }
        service::ready();
        Ok(())
    }

    /// Everything that can fail; nothing is changed.
    async fn prepare(&self, fleet: &Fleet) -> Result<(Arc<Config>, Difference, Bound), Refusal> {
        let (file, running) = (self.file.clone(), self.config.clone());
        let looked = tokio::task::spawn_blocking(move || look(&file, &running)).await;
        let other = |what: &dyn fmt::Display| Refusal::Other(what.to_string());
        let (loaded, difference) = looked.map_err(|error| other(&error))??;
        let bound = fleet::bind(&loaded, &fleet.listens()).await;
        let bound = bound.map_err(|error| other(&error))?;
        Ok((Arc::new(loaded), difference, bound))
    }

    async fn apply(
        &mut self,
        loaded: Arc<Config>,
        difference: Difference,
        bound: Bound,
        fleet: &mut Fleet,
    ) -> anyhow::Result<()> {
        warn(&loaded);
        fleet.change(&loaded, &difference, bound).await?;
        for (name, fate) in &difference.sources {
            tracing::info!(source = %name, fate = fate.as_str(), "source");
        }
        if difference.spool {
            let keep = Command::Keep {
                budget_bytes: loaded.spool.budget_bytes,
                keep: loaded.spool.keep,
            };
            tracing::info!("the spool keeps by its new bounds");
            self.commands.send(keep).await?;
        }
        self.settle(&loaded, &difference.destinations);
        let points = loaded.catalog.points().len();
        tracing::info!(points, catalog = %loaded.catalog.id(), "the new configuration is in force");
        let before = std::mem::replace(&mut self.config, loaded);
        // A large one takes a while to be given back.
        tokio::task::spawn_blocking(move || drop(before));
        self.status.metrics.config.loaded(true);
        self.status.health.clear(Code::ReloadRefused, "");
        Ok(())
    }

    /// Tells the drivers of changed destinations.
    fn settle(&self, loaded: &Config, changed: &[String]) {
        let destinations = loaded.destinations.iter();
        for destination in destinations.filter(|it| changed.contains(&it.name)) {
            tracing::info!(destination = %destination.name, "destination changed");
            let settings = self.settings.iter();
            for tell in settings.filter(|tell| tell.borrow().name == destination.name) {
                tell.send_replace(destination.clone());
            }
        }
    }

    fn refuse(&self, refusal: &Refusal) {
        let lines = refusal.lines();
        for line in &lines {
            tracing::error!("{line}");
        }
        tracing::error!(
            problems = lines.len(),
            "the configuration is not loaded; the running one stays in force"
        );
        let mut named = lines[..lines.len().min(NAMED_MAX)].join("; ");
        if lines.len() > NAMED_MAX {
            named += &format!("; + {}", lines.len() - NAMED_MAX);
        }
        let advice = match refusal {
            Refusal::Restart(_) => (
                "以下改动需要重启采集端，因此整个文件都未生效",
                "what is named needs a restart, so nothing of the file is in force",
            ),
            _ => (
                "改正后重新加载；可先用 check 检查",
                "mend it and load it again; `check` names every problem before",
            ),
        };
        self.status.metrics.config.loaded(false);
        self.status.health.raise(
            Code::ReloadRefused,
            "",
            format!("新配置未生效，仍按原配置运行（{}）：{named}", advice.0),
            format!(
                "the configuration was not loaded, the running one stays in force ({}): {named}",
                advice.1
            ),
        );
    }
}

/// Reads and compares; may take a while.
fn look(file: &Path, running: &Config) -> Result<(Config, Difference), Refusal> {
    let loaded = config::load(file).map_err(Refusal::File)?;
    let difference = difference::compare(running, &loaded).map_err(Refusal::Restart)?;
    Ok((loaded, difference))
}
