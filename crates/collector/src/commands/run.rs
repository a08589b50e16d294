//! `run FILE`: wires the stages, from the far end, and stops them in the order of the data.
//! Between the two it goes over to another configuration whenever it is asked to.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use fenghuo_log::LogError;
use fenghuo_uplink::frame::GapReason;
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::batcher;
use crate::clock::ReadClock;
use crate::config::Config;
use crate::dice;
use crate::source::REPORTS_MAX;
use crate::spool::{self, Found, Store};
use crate::status::{Status, http, service};

mod delivery;
mod fleet;
mod opening;
mod reload;

use delivery::Delivery;
use fleet::{Fleet, Means};
use reload::Reloader;

/// Runs until `stop` ends; returns when everything read is on disk. At each signal of `again`
/// the file is loaded again; one that comes while the collector starts, or while the file is
/// being loaded, is obeyed afterwards.
///
/// # Errors
/// When a stage cannot start, or fails for good.
pub async fn run(
    file: &Path,
    config: Config,
    again: Signal,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let status = Status::default();
    warn(&config);
    let listener = listen(config.status).await?;
    let bound = fleet::bind(&config, &[].into()).await?;
    let epoch = dice::draw()?;
    let (gateway, names) = (config.gateway.to_string(), config.destination_names());
    let page = tokio::spawn(http::serve(listener, status.clone(), gateway, names));
    let mut stop = std::pin::pin!(stop);
    let opened = opening::open(&config, epoch, &status, &mut stop).await?;
    let Some((mut store, found)) = opened else {
        return Ok(());
    };
    let clock = Arc::new(ReadClock::start(found.watermark));
    note_downtime(&mut store, &found, &clock);
    let readers = readers(&store)?;
    let (commands, events, thread) = spool::spawn(store, clock.clone(), status.clone())?;

    let (finish, finished) = watch::channel(false);
    let delivery = Delivery {
        gateway: &config.gateway,
        catalog: &config.catalog,
        clock: &clock,
        commands: &commands,
        status: &status,
        epoch,
        found: &found,
    };
    let ways = events.into_iter().zip(readers);
    let (drivers, settings) = delivery.start(&config.destinations, ways, finished)?;

    let (reports, collected) = mpsc::channel(REPORTS_MAX);
    let means = Means {
        gateway: config.gateway.clone(),
        clock: clock.clone(),
        status: status.clone(),
        reports,
    };
    let mut fleet = Fleet::new(means, dice::draw()?);
    let (placement, beginners) = fleet.place(&config, |_| true);
    let batch = batcher::run(
        placement,
        clock.clone(),
        collected,
        commands.clone(),
        status.clone(),
    );
    let batch = tokio::spawn(batch);
    fleet.start(&config, &beginners, bound).await;
    tracing::info!(points = config.catalog.points().len(), "collecting");
    service::ready();
    let stages = Stages {
        fleet,
        batch,
        finish,
        drivers,
        page,
        watchdog: tokio::spawn(service::feed_watchdog(status.clone())),
        thread,
    };
    let reloader = Reloader {
        file: file.to_owned(),
        config: Arc::new(config),
        settings,
        commands,
        status,
    };
    stages.run(reloader, again, stop).await
}

/// Everything that runs, in the order of the data.
struct Stages {
    fleet: Fleet,
    batch: JoinHandle<Result<(), batcher::SpoolGone>>,
    finish: watch::Sender<bool>,
    drivers: JoinSet<()>,
    page: JoinHandle<io::Result<()>>,
    watchdog: JoinHandle<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Stages {
    /// Until it is stopped, or something ends that should not.
    async fn run(
        mut self,
        mut reloader: Reloader,
        mut again: Signal,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let fault = tokio::select! {
            () = stop => None,
            fault = batch_end(&mut self.batch) => Some(fault),
            fault = delivery_end(&mut self.drivers) => Some(fault),
            fault = keep(&mut self.fleet, &mut reloader, &mut again) => Some(fault),
        };
        tracing::info!("stopping");
        service::stopping();
        // It holds a way to the spool, which ends when nobody has one any more.
        drop(reloader);
        self.fleet.shutdown().await;
        if let Some(fault) = fault {
            return Err(fault);
        }
        self.batch.await??;
        if self.finish.send(true).is_err() {
            tracing::debug!("delivery ended before");
        }
        self.drivers.join_all().await;
        self.page.abort();
        self.watchdog.abort();
        tokio::task::spawn_blocking(move || self.thread.join())
            .await?
            .map_err(|_| anyhow::anyhow!("the spool's thread panicked"))?;
        tracing::info!("stopped");
        Ok(())
    }
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!(key = %warning.key, "{}", warning.what);
    }
}

/// Nothing but a stop ends the stages; whoever started the collector starts it again.
async fn batch_end(batch: &mut JoinHandle<Result<(), batcher::SpoolGone>>) -> anyhow::Error {
    match batch.await {
        Ok(ended) => ended.map_or_else(anyhow::Error::from, |()| fleet::by_itself()),
        Err(panicked) => panicked.into(),
    }
}

/// A delivery that is gone would leave a collector that looks alive and delivers nothing.
async fn delivery_end(drivers: &mut JoinSet<()>) -> anyhow::Error {
    match drivers.join_next().await {
        Some(Err(panicked)) => panicked.into(),
        Some(Ok(())) => fleet::by_itself(),
        None => std::future::pending().await,
    }
}

/// Keeps the sources running, by the configuration that was loaded last.
async fn keep(fleet: &mut Fleet, reloader: &mut Reloader, again: &mut Signal) -> anyhow::Error {
    loop {
        tokio::select! {
            fault = fleet.first_end() => return fault,
            Some(()) = again.recv() => {
                if let Err(fault) = reloader.reload(fleet).await {
                    return fault;
                }
            }
        }
    }
}

fn readers(store: &Store) -> Result<Vec<fenghuo_log::Reader>, LogError> {
    (0..store.destinations()).map(|_| store.reader()).collect()
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another program has it: stop that, or give status.listen another port"
            }
            _ => "; change status.listen",
        };
        anyhow::anyhow!("the status page cannot listen on {address}: {error}{advice}")
    })
}

/// Nothing was read since the last frame, whether the last run was killed or stopped.
fn note_downtime(store: &mut Store, found: &Found, clock: &ReadClock) {
    if let Some(from) = found.watermark {
        // A clock that ran in a wrong future begins lower now.
        store.gap(from.min(clock.now()), clock.now(), 0, GapReason::Restart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_delivery_that_panics_ends_the_collector() {
        let mut drivers = JoinSet::new();
        drivers.spawn(std::future::pending());
        drivers.spawn(async { panic!("a fault of ours") });
        let fault = delivery_end(&mut drivers).await.to_string();
        assert!(fault.contains("panic"), "{fault}");
    }
}
