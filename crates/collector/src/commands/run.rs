//! `run FILE`: wires the stages, from the far end, and stops them in the order of the data.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use fenghuo_log::LogError;
use fenghuo_model::Catalog;
use fenghuo_uplink::frame::GapReason;
use fenghuo_uplink::outbox::Timing;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::batcher;
use crate::clock::ReadClock;
use crate::config::Config;
use crate::deliver::{Driver, Wiring, link::Link};
use crate::dice;
use crate::source::{Closed, Outlet, REPORTS_MAX, Report, modbus, mqtt};
use crate::spool::{self, Found, Rescue, Store};
use crate::status::{Code, Status, http, service};

/// Runs until `stop` ends; returns when everything read is on disk.
///
/// # Errors
/// When a stage cannot start, or fails for good.
pub async fn run(mut config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let status = Status::default();
    for warning in &config.warnings {
        tracing::warn!(key = %warning.key, "{}", warning.what);
    }
    let listener = listen(config.status).await?;
    let exchanges = listen_for_modems(&mut config).await?;
    let epoch = dice::draw()?;
    let (mut store, found) = open(&config, epoch, &status)?;
    let clock = Arc::new(ReadClock::start(found.watermark));
    note_downtime(&mut store, &found, &clock);
    let reader = store.reader()?;
    let (commands, events, thread) = spool::spawn(store, clock.clone(), status.clone())?;

    let driver = driver(
        &config,
        &clock,
        &commands,
        (events, reader),
        &status,
        epoch,
        &found,
    )?;
    let (finish, finished) = watch::channel(false);
    let driver = tokio::spawn(driver.run(finished));

    let (reports, collected) = mpsc::channel(REPORTS_MAX);
    let catalog = config.catalog.clone();
    let batch = batch(&config, catalog, &clock, collected, commands, &status);
    let mut batch = tokio::spawn(batch);
    let page = http::serve(listener, status.clone(), config.gateway.to_string());
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
        // Nothing but a stop ends these; whoever started the collector starts it again.
        ended = &mut batch => Some(ended.map(|ended| ended.map_err(|error| error.to_string()))),
        Some(ended) = sources.join_next() => {
            Some(ended.map(|ended| ended.map_err(|error| error.to_string())))
        }
    };
    tracing::info!("stopping");
    service::stopping();
    sources.shutdown().await;
    if let Some(fault) = fault {
        fault?.map_err(anyhow::Error::msg)?;
        anyhow::bail!("a stage ended by itself");
    }
    batch.await??;
    if finish.send(true).is_err() {
        tracing::debug!("delivery ended before");
    }
    driver.await?;
    page.abort();
    watchdog.abort();
    tokio::task::spawn_blocking(move || thread.join())
        .await?
        .map_err(|_| anyhow::anyhow!("the spool's thread panicked"))?;
    tracing::info!("stopped");
    Ok(())
}

fn driver(
    config: &Config,
    clock: &Arc<ReadClock>,
    commands: &spool::Commands,
    (events, reader): (mpsc::Receiver<spool::Event>, fenghuo_log::Reader),
    status: &Status,
    epoch: u64,
    found: &Found,
) -> anyhow::Result<Driver> {
    let wiring = Wiring {
        destination: config.destination.name.clone(),
        clock: clock.clone(),
        spool: commands.clone(),
        events,
        reader,
        catalog: config.catalog.clone(),
        link: Link::open(
            &config.destination.broker,
            &config.gateway,
            epoch,
            dice::draw()?,
        ),
        status: status.clone(),
        epoch,
        nonce_seed: dice::draw()?,
        timing: Timing::default(),
    };
    Ok(Driver::new(wiring, found))
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
    let (dir, budget) = (&config.spool.dir, config.spool.budget_bytes);
    let name = &config.destination.name;
    let now = crate::clock::wall_time();
    let opened = spool::open(dir, budget, name, &config.catalog, epoch, now);
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
        oldest = found.oldest,
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
    catalog: Arc<Catalog>,
    clock: &Arc<ReadClock>,
    collected: mpsc::Receiver<Report>,
    commands: spool::Commands,
    status: &Status,
) -> impl Future<Output = Result<(), batcher::SpoolGone>> + use<> {
    let (clock, status) = (clock.clone(), status.clone());
    let flush = config.spool.flush;
    batcher::run(catalog, clock, flush, collected, commands, status)
}

fn sources(
    config: Config,
    clock: &Arc<ReadClock>,
    status: &Status,
    reports: mpsc::Sender<Report>,
) -> std::io::Result<JoinSet<Result<(), Closed>>> {
    let mut sources = JoinSet::new();
    let outlet = |name: &str| Outlet::new(reports.clone(), status.source(name));
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
