//! Wiring: who gets which end of what.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::Context as _;
use fenghuo_history::History;
use fenghuo_log::Log;
use tokio::sync::{Notify, mpsc, watch};

use super::house::{Files, House};
use super::outward::{self, Carriers};
use super::{Server, sockets};
use crate::api::{self, Api, JournalPool};
use crate::board::Board;
use crate::config::Config;
use crate::custody::{Custody, Keeper};
use crate::explain::Desk;
use crate::feed::Feed;
use crate::historian::Historian;
use crate::ingest::start::Parts as IngestParts;
use crate::ingest::{Ingest, KeepFrom, Shared};
use crate::intake::Intake;
use crate::judge::{Judge, Parts as JudgeParts, Sources};
use crate::metrics::Metrics;
use crate::snapshot::Snapshots;
use crate::transport::{Outgoing, Receipts};
use crate::view::Trouble;

/// What is wrong with a carrier or a sink, while it is.
type OutwardFault = Arc<Mutex<Option<Trouble>>>;

/// What many hold an end of.
pub struct Wires {
    pub files: Files,
    pub history: History,
    pub feed: Feed,
    pub intake: Intake,
    pub metrics: Arc<Metrics>,
    pub shared: Arc<Shared>,
    pub board: Arc<Board>,
    pub told: Arc<Notify>,
    pub history_fault: Arc<Mutex<Option<String>>>,
    pub stop: Arc<AtomicBool>,
    pub stop_tasks: watch::Sender<bool>,
}

impl Wires {
    fn new(house: &House) -> Self {
        Self {
            files: house.files.clone(),
            history: house.history.clone(),
            feed: Feed::new(house.log.head()),
            intake: Intake::default(),
            metrics: Arc::new(Metrics::new()),
            shared: Arc::default(),
            board: Arc::default(),
            told: Arc::new(Notify::new()),
            history_fault: Arc::default(),
            stop: Arc::default(),
            stop_tasks: watch::channel(false).0,
        }
    }

    fn sources(
        &self,
        log_id: String,
        outward: Vec<OutwardFault>,
        at_start: Vec<Trouble>,
    ) -> Sources {
        Sources {
            log_id,
            history: self.history.clone(),
            history_fault: self.history_fault.clone(),
            told: self.told.clone(),
            outward,
            intake: self.intake.clone(),
            at_start,
        }
    }

    fn api(&self, judged: watch::Receiver<u64>, desk: Desk, loopback_only: bool) -> Api {
        Api {
            desk,
            board: self.board.clone(),
            journal: Arc::new(JournalPool::new(&self.files.journal)),
            history: self.history.clone(),
            custody: self.files.custody.clone(),
            intake: self.intake.clone(),
            judged,
            metrics: self.metrics.clone(),
            stop: self.stopped(),
            loopback_only,
        }
    }

    /// Tells tasks to stop.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stop_tasks.subscribe()
    }
}

/// Starts everything over open stores.
pub async fn start(mut house: House, config: &Config) -> anyhow::Result<Server> {
    let engine = house.newest_engine(&config.rules)?;
    let wires = Wires::new(&house);
    let (judged, judged_position) = watch::channel(0);
    let sinks = outward::sinks(config, &wires, &house.log)?;
    let carriers = outward::carriers(config, &wires)?;
    let (keeper, custody_fault) = keeper(config, &wires)?;
    let faults = [carriers.faults.clone(), sinks.faults.clone(), custody_fault];
    let sources = wires.sources(house.log.id().to_string(), faults.concat(), house.troubles);
    let (desk, questions) = Desk::new(&wires.files, &wires.history, Some(house.log.head()));
    let parts = JudgeParts {
        feed: wires.feed.reader(&wires.files.log)?,
        journal: house.journal,
        alarms: house.alarms,
        snapshots: house.snapshots.clone(),
        snapshot_every: config.snapshot_every,
        keep_notices: config.keep_notices,
        board: wires.board.clone(),
        metrics: wires.metrics.clone(),
        shared: wires.shared.clone(),
        carriers: config.carriers(),
        judged,
        sources,
        questions,
        stop: wires.stop.clone(),
    };
    let historian = historian(config, &wires)?;
    let head = house.log.head();
    let keep_from = keep_from(config, house.snapshots, &wires, &sinks.keep_from);
    let log = house.log;
    let (judge, (ingest, outgoing)) = side_by_side(
        || Judge::new(parts, engine),
        || ingest(config, &wires, log, keep_from),
    )?;
    let mut threads = vec![
        thread("judge", move || judge.run())?,
        thread("historian", move || historian.run())?,
    ];
    if let Some(keeper) = keeper {
        threads.push(thread("keeper", move || keeper.run())?);
    }
    let ingest = thread("ingest", move || ingest.run())?;
    let (broker, transport) = sockets::mqtt(config, &wires.intake, outgoing).await?;
    let listener = sockets::listen(config).await?;
    let http = listener.local_addr()?;
    let api = wires.api(judged_position, desk, http.ip().is_loopback());
    let Carriers { mut tasks, .. } = carriers;
    tasks.extend(sinks.tasks);
    let tick = sockets::tick(wires.intake.clone(), wires.stopped());
    tasks.push(tokio::spawn(tick));
    tasks.push(tokio::spawn(sockets::http(
        listener,
        api::router(api),
        wires.stopped(),
    )));
    Ok(Server {
        http,
        intake: wires.intake,
        head,
        stop: wires.stop,
        stop_tasks: wires.stop_tasks,
        broker,
        transport,
        tasks,
        ingest: Some(ingest),
        threads,
    })
}

/// Makes judge and ingest, both of which go through every point of every gateway.
fn side_by_side<I: Send>(
    judge: impl FnOnce() -> anyhow::Result<Judge>,
    ingest: impl FnOnce() -> anyhow::Result<I> + Send,
) -> anyhow::Result<(Judge, I)> {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let ingest = scope.spawn(ingest);
        let judge = judge()?;
        let judge_ms = begun.elapsed().as_millis();
        let ingest = ingest.join();
        let ingest = ingest.map_err(|_| anyhow::anyhow!("starting the ingest failed"))??;
        let both_ms = begun.elapsed().as_millis();
        tracing::info!(judge_ms, both_ms, "judge and ingest stand");
        Ok((judge, ingest))
    })
}

fn historian(config: &Config, wires: &Wires) -> anyhow::Result<Historian> {
    Ok(Historian {
        feed: wires.feed.reader(&wires.files.log)?,
        history: wires.history.clone(),
        metrics: wires.metrics.clone(),
        fault: wires.history_fault.clone(),
        retention_months: config.retention_months,
        stop: wires.stop.clone(),
    })
}

/// The keeper of custody, with its fault. Without its book the server still watches: that the
/// book cannot be opened is told.
fn keeper(config: &Config, wires: &Wires) -> anyhow::Result<(Option<Keeper>, Vec<OutwardFault>)> {
    let fault = OutwardFault::default();
    let keeper = match Custody::open(&wires.files.custody) {
        Ok(custody) => Some(Keeper {
            feed: wires.feed.reader(&wires.files.log)?,
            custody,
            fault: fault.clone(),
            retention_months: config.retention_months,
            stop: wires.stop.clone(),
        }),
        Err(error) => {
            tracing::error!(%error, "the book of custody cannot be opened");
            let zh = format!("采样账目无法打开，请将文件移走后重启：{error}");
            let en = format!(
                "the book of custody cannot be opened; move the file away and restart: {error}"
            );
            let mut fault = fault.lock().unwrap_or_else(PoisonError::into_inner);
            *fault = Some(Trouble::new("custody", zh, en));
            None
        }
    };
    Ok((keeper, vec![fault]))
}

fn ingest(
    config: &Config,
    wires: &Wires,
    log: Log,
    keep_from: KeepFrom,
) -> anyhow::Result<(Ingest, mpsc::Receiver<Outgoing>)> {
    let (receipts, outgoing) = Receipts::queue();
    let parts = IngestParts {
        log,
        intake: wires.intake.clone(),
        feed: wires.feed.clone(),
        receipts,
        metrics: wires.metrics.clone(),
        shared: wires.shared.clone(),
        reserve_bytes: config.log.reserve_bytes,
        keep_from,
    };
    Ok((
        Ingest::start(parts, &config.rules, &config.expected)?,
        outgoing,
    ))
}

/// Entries below the lowest of these are needed by nobody: the oldest snapshot kept, what
/// history has not sealed, and the sinks that still hold the log.
fn keep_from(
    config: &Config,
    snapshots: Snapshots,
    wires: &Wires,
    sinks: &[Arc<AtomicU64>],
) -> KeepFrom {
    if !config.log.trim {
        return Box::new(|| 0);
    }
    let (history, sinks) = (wires.history.clone(), sinks.to_vec());
    Box::new(move || {
        let judged = snapshots
            .oldest()
            .ok()
            .flatten()
            .map_or(0, |position| position + 1);
        let sinks = sinks
            .iter()
            .map(|cursor| cursor.load(Ordering::Relaxed))
            .min();
        judged
            .min(history.replay_from())
            .min(sinks.unwrap_or(u64::MAX))
    })
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    let named = format!("fenghuo-{name}");
    // A thread that is gone leaves a server that looks alive: better none, and a restart.
    let guarded = move || {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
            tracing::error!("a thread of the server panicked; stopping");
            std::process::abort();
        }
    };
    std::thread::Builder::new()
        .name(named)
        .spawn(guarded)
        .context("cannot start a thread")
}
