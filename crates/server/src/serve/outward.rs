//! What goes out: carriers of notices, and sinks.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use fenghuo_log::Log;
use tokio::task::JoinHandle;

use super::wiring::Wires;
use crate::config::Config;
use crate::notify::{Webhook, WebhookConfig};
use crate::sink::{Influx, InfluxConfig, InfluxParts};
use crate::view::Trouble;

/// The carriers that run.
#[derive(Default)]
pub struct Carriers {
    /// What is wrong with each, while it is.
    pub faults: Vec<Arc<Mutex<Option<Trouble>>>>,
    /// Their tasks.
    pub tasks: Vec<JoinHandle<()>>,
}

/// The sinks that run.
#[derive(Default)]
pub struct Sinks {
    /// How far each needs the log.
    pub keep_from: Vec<Arc<AtomicU64>>,
    /// What is wrong with each, while it is.
    pub faults: Vec<Arc<Mutex<Option<Trouble>>>>,
    /// Their tasks.
    pub tasks: Vec<JoinHandle<()>>,
}

/// Starts the carriers that are configured.
pub fn carriers(config: &Config, wires: &Wires) -> anyhow::Result<Carriers> {
    let mut carriers = Carriers::default();
    for webhook in &config.webhooks {
        let webhook = WebhookConfig {
            name: webhook.name.clone(),
            url: webhook.url.clone(),
            timeout: webhook.timeout,
            bearer: webhook.bearer.as_ref().map(|secret| secret.0.clone()),
            fault_after: webhook.fault_after,
        };
        let journal = wires.files.journal.clone();
        let webhook = Webhook::new(webhook, journal, wires.metrics.clone(), wires.told.clone())?;
        carriers.faults.push(webhook.fault());
        carriers
            .tasks
            .push(tokio::spawn(webhook.run(wires.stopped())));
    }
    Ok(carriers)
}

/// Starts the sinks that are configured.
pub fn sinks(config: &Config, wires: &Wires, log: &Log) -> anyhow::Result<Sinks> {
    let mut sinks = Sinks::default();
    if let Some(influx) = &config.influx {
        let influx = InfluxConfig {
            url: influx.url.clone(),
            org: influx.org.clone(),
            bucket: influx.bucket.clone(),
            token: influx.token.0.clone(),
            budget_bytes: influx.budget_bytes,
            budget_age: influx.budget_age,
        };
        let parts = InfluxParts {
            feed: wires.feed.clone(),
            journal: wires.files.journal.clone(),
            history: wires.history.clone(),
            intake: wires.intake.clone(),
            metrics: wires.metrics.clone(),
        };
        let influx = Influx::new(influx, log, parts)?;
        sinks.keep_from.push(influx.keep_from());
        sinks.faults.push(influx.fault());
        sinks.tasks.push(tokio::spawn(influx.run(wires.stopped())));
    }
    Ok(sinks)
}
