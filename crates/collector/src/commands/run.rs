//! `run FILE`: wires the stages, from the far end, and stops them in the order of the data.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use fenghuo_log::LogError;
use fenghuo_model::{Catalog, GatewayKey};
use fenghuo_uplink::frame::GapReason;
use fenghuo_uplink::outbox::{Limits, Timing};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::batcher;
use crate::clock::ReadClock;
use crate::config::{Config, Destination};
use crate::deliver::{Driver, Wiring, link::Link};
use crate::dice;
use crate::source::{Closed, Outlet, Placement, REPORTS_MAX, Report, SourceId, modbus, mqtt};
use crate::spool::{self, Found, Rescue, Store};
use crate::status::{Code, Status, http, service};

/// Runs until `stop` ends; returns when everything read is on disk.
///
/// # Errors
/// When a stage cannot start, or fails for good.
pub async fn run(mut config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let status = Status::default();
    warn(&config);
    let listener = listen(config.status).await?;
    let exchanges = listen_for_modems(&mut config).await?;
    let epoch = dice::draw()?;
    let (mut store, found) = open(&config, epoch, &status)?;
    let clock = Arc::new(ReadClock::start(found.watermark));
    note_downtime(&mut store, &found, &clock);
    let readers = readers(&store)?;
    let (commands, events, thread) = spool::spawn(store, clock.clone(), status.clone())?;

    let (finish, finished) = watch::channel(false);
    let (gateway, catalog) = (&config.gateway, &config.catalog);
    let delivery = Delivery {
        gateway,
        catalog,
        clock: &clock,
        commands: &commands,
        status: &status,
        epoch,
        found: &found,
    };
    let ways = events.into_iter().zip(readers);
    let drivers = delivery.start(&config.destinations, ways, finished)?;

    let (reports, collected) = mpsc::channel(REPORTS_MAX);
    let batch = batch(&config, &clock, collected, commands, &status);
    let mut batch = tokio::spawn(batch);
    let gateway = config.gateway.to_string();
    let page = http::serve(
        listener,
        status.clone(),
        gateway,
        config.destination_names(),
    );
    let page = tokio::spawn(page);
    let points = config.catalog.points().len();
    let mut sources = sources(config, &clock, &status, reports)?;
    for (exchange, listener) in exchanges {
        sources.spawn(async move {
            exchange.serve(listener).await;
            Ok(())
        });
    }
    tracing::info!(points, "collecting");
    service::ready();
    let watchdog = tokio::spawn(service::feed_watchdog(status.clone()));

    let fault = tokio::select! {
        () = stop => None,
        fault = first_end(&mut batch, &mut sources) => Some(fault),
    };
    tracing::info!("stopping");
    service::stopping();
    sources.shutdown().await;
    if let Some(fault) = fault {
        return Err(fault);
    }
    batch.await??;
    if finish.send(true).is_err() {
        tracing::debug!("delivery ended before");
    }
    drivers.join_all().await;
    page.abort();
    watchdog.abort();
    tokio::task::spawn_blocking(move || thread.join())
        .await?
        .map_err(|_| anyhow::anyhow!("the spool's thread panicked"))?;
    tracing::info!("stopped");
    Ok(())
}

fn warn(config: &Config) {
    for warning in &config.warnings {
        tracing::warn!(key = %warning.key, "{}", warning.what);
    }
}

/// Nothing but a stop ends the stages; whoever started the collector starts it again.
async fn first_end(
    batch: &mut JoinHandle<Result<(), batcher::SpoolGone>>,
    sources: &mut JoinSet<Result<(), Closed>>,
) -> anyhow::Error {
    let by_itself = || anyhow::anyhow!("a stage ended by itself");
    tokio::select! {
        ended = batch => match ended {
            Ok(ended) => ended.map_or_else(anyhow::Error::from, |()| by_itself()),
            Err(panicked) => panicked.into(),
        },
        Some(ended) = sources.join_next() => match ended {
            Ok(ended) => ended.map_or_else(anyhow::Error::from, |()| by_itself()),
            Err(panicked) => panicked.into(),
        },
    }
}

fn readers(store: &Store) -> Result<Vec<fenghuo_log::Reader>, LogError> {
    (0..store.destinations()).map(|_| store.reader()).collect()
}

/// What the delivery to each destination is made with.
struct Delivery<'a> {
    gateway: &'a GatewayKey,
    catalog: &'a Arc<Catalog>,
    clock: &'a Arc<ReadClock>,
    commands: &'a spool::Commands,
    status: &'a Status,
    epoch: u64,
    found: &'a Found,
}

impl Delivery<'_> {
    /// Starts a task for each destination.
    fn start(
        &self,
        destinations: &[Destination],
        ways: impl Iterator<Item = (spool::Events, fenghuo_log::Reader)>,
        finished: watch::Receiver<bool>,
    ) -> anyhow::Result<JoinSet<()>> {
        let mut drivers = JoinSet::new();
        for (number, (destination, way)) in destinations.iter().zip(ways).enumerate() {
            let driver = self.driver(number, destination, way)?;
            drivers.spawn(driver.run(finished.clone()));
        }
        drop(finished);
        Ok(drivers)
    }

    /// The delivery to one destination.
    fn driver(
        &self,
        number: usize,
        destination: &Destination,
        (events, reader): (spool::Events, fenghuo_log::Reader),
    ) -> anyhow::Result<Driver> {
        let wiring = Wiring {
            number,
            destination: destination.name.clone(),
            clock: self.clock.clone(),
            spool: self.commands.clone(),
            events,
            reader,
            catalog: self.catalog.clone(),
            link: Link::open(&destination.broker, self.gateway, self.epoch, dice::draw()?),
            status: self.status.clone(),
            epoch: self.epoch,
            nonce_seed: dice::draw()?,
            timing: Timing {
                limits: Limits {
                    bytes_per_second: destination.bytes_per_second,
                    backlog_percent: destination.backlog_percent,
                },
                ..Timing::default()
            },
        };
        Ok(Driver::new(wiring, self.found))
    }
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

async fn listen_for_modems(
    config: &mut Config,
) -> anyhow::Result<Vec<(modbus::dial_in::Exchange, TcpListener)>> {
    let mut listening = Vec::new();
    for exchange in modbus::dial_in::exchanges(&mut config.modbus) {
        let listener = exchange.bind().await;
        let listener = listener.map_err(|error| {
            let listen = exchange.listen;
            anyhow::anyhow!("cannot listen for modems on {listen}: {error}; change modbus.listen")
        })?;
        tracing::info!(listen = %exchange.listen, modems = exchange.callers.len(), "modems may dial in");
        listening.push((exchange, listener));
    }
    Ok(listening)
}

fn open(config: &Config, epoch: u64, status: &Status) -> anyhow::Result<(Store, Found)> {
    let terms = config.terms();
    let now = crate::clock::wall_time();
    let opened = spool::open(&config.spool.dir, &terms, &config.catalog, epoch, now);
    let opened = opened.map_err(|error| {
        let advice = match &error {
            LogError::InUse { .. } => {
                "; a collector that runs has it: stop that, or give this one a spool.dir of its own"
            }
            LogError::Io { .. } => "; make it writable, or change spool.dir",
            _ => "",
        };
        anyhow::anyhow!("the spool cannot be opened: {error}{advice}")
    })?;
    let (store, found) = (opened.store, opened.found);
    if let Some(rescue) = opened.rescue {
        tell_rescue(&rescue, status);
    }
    tracing::info!(
        gateway = %config.gateway,
        epoch,
        clean = found.clean,
        first = found.first,
        next = found.next,
        "spool opened"
    );
    Ok((store, found))
}

fn tell_rescue(rescue: &Rescue, status: &Status) {
    let (folder, kept, lost) = (rescue.folder.display(), rescue.kept, rescue.lost);
    tracing::error!(what = %rescue.what, %folder, kept, lost, "the spool was damaged and set aside");
    status.metrics.frames_rescued.inc_by(kept);
    status.metrics.spool_set_aside.set(1);
    status.health.raise(
        Code::SpoolSetAside,
        "",
        format!("本地缓存已损坏，移至 {folder}；已取回 {kept} 帧，至少丢失 {lost} 帧"),
        format!(
            "the spool was damaged and moved to {folder}; {kept} frames were kept, at least {lost} are lost"
        ),
    );
}

/// Nothing was read since the last frame, whether the last run was killed or stopped.
fn note_downtime(store: &mut Store, found: &Found, clock: &ReadClock) {
    if let Some(from) = found.watermark {
        // A clock that ran in a wrong future begins lower now.
        store.gap(from.min(clock.now()), clock.now(), 0, GapReason::Restart);
    }
}

fn batch(
    config: &Config,
    clock: &Arc<ReadClock>,
    collected: mpsc::Receiver<Report>,
    commands: spool::Commands,
    status: &Status,
) -> impl Future<Output = Result<(), batcher::SpoolGone>> + use<> {
    let (clock, status) = (clock.clone(), status.clone());
    let names = config.modbus.iter().map(|line| &line.name);
    let names = names.chain(config.mqtt.iter().map(|feed| &feed.name));
    let places = (0..)
        .map(SourceId)
        .zip(names.map(|name| config.places[name].clone()));
    let placement = Placement {
        catalog: config.catalog.clone(),
        places: places.collect(),
        flush: config.spool.flush,
    };
    batcher::run(placement, clock, collected, commands, status)
}

fn sources(
    config: Config,
    clock: &Arc<ReadClock>,
    status: &Status,
    reports: mpsc::Sender<Report>,
) -> std::io::Result<JoinSet<Result<(), Closed>>> {
    let mut sources = JoinSet::new();
    let mut ids = (0..).map(SourceId);
    let mut outlet = |name: &str| {
        let id = ids.next().unwrap_or(SourceId(u64::MAX));
        Outlet::new(id, reports.clone(), status.source(name))
    };
    for line in config.modbus {
        let out = outlet(&line.name);
        sources.spawn(modbus::run(line, clock.clone(), out, dice::draw()?));
    }
    for feed in config.mqtt {
        let out = outlet(&feed.name);
        let id = format!("{}/{}", config.gateway, feed.name);
        let (clock, seed) = (clock.clone(), dice::draw()?);
        sources.spawn(async move { mqtt::run(feed, &id, clock, out, seed).await });
    }
    let (clock, status) = (clock.clone(), status.clone());
    sources.spawn(async move {
        crate::status::clock::watch(&clock, &status).await;
        Ok(())
    });
    Ok(sources)
}
