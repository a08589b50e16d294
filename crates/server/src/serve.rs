//! Wiring, from the far end: stores first, then those who read, then those who write,
//! sockets last; and down again in the other order.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use fenghuo_broker::Broker;
use fenghuo_history::{History, Options};
use fenghuo_log::{Batch, Log};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::api::{self, Api, JournalPool};
use crate::board::Board;
use crate::clock;
use crate::config::{Config, Mqtt};
use crate::feed::Feed;
use crate::historian::Historian;
use crate::ingest::start::Parts as IngestParts;
use crate::ingest::{Ingest, KeepFrom, Shared};
use crate::intake::{Control, Intake};
use crate::journal::Journal;
use crate::judge::{Judge, Parts as JudgeParts, Sources};
use crate::metrics::Metrics;
use crate::snapshot::Snapshots;
use crate::transport::{self, Door, Receipts};
use crate::view::Trouble;

mod outward;

/// Where things are in the data folder.
#[derive(Clone, Debug)]
pub struct Files {
    /// The log.
    pub log: PathBuf,
    /// The journal.
    pub journal: PathBuf,
    /// The folder of snapshots.
    pub snapshots: PathBuf,
    /// The folder of history.
    pub history: PathBuf,
}

impl Files {
    /// In a data folder.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self {
            log: data_dir.join("log.db"),
            journal: data_dir.join("journal.db"),
            snapshots: data_dir.join("snapshots"),
            history: data_dir.join("history"),
        }
    }
}

/// The name under which history knows this log: unlike the log's id it stays when the log is
/// found to be an old copy, because positions go on.
const HISTORY_MARK: &str = "history/id";

/// Runs the server until SIGTERM or Ctrl-C.
///
/// # Errors
/// When a store cannot be opened or a port cannot be had.
pub fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fenghuo-io")
        .build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let house = House::open(&config)?;
    let mut server = house.start(&config).await?;
    tracing::info!(http = %server.http, "open http://{} in a browser", server.http);
    stop_signal().await?;
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

/// The stores, open.
struct House {
    files: Files,
    log: Log,
    journal: Journal,
    snapshots: Snapshots,
    history: History,
    troubles: Vec<Trouble>,
}

impl House {
    fn open(config: &Config) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
        let files = Files::new(&config.data_dir);
        let mut log = Log::open(&files.log, config.log.budget_bytes)?;
        let journal = Journal::open(&files.journal)?;
        let snapshots = Snapshots::open(&files.snapshots, config.snapshot_keep)?;
        let (history, troubles) = open_history(&files.history, &mut log)?;
        Ok(Self {
            files,
            log,
            journal,
            snapshots,
            history,
            troubles,
        })
    }

    async fn start(self, config: &Config) -> anyhow::Result<Server> {
        let found = self.snapshots.newest()?;
        let mut troubles = self.troubles;
        troubles.extend(found.faults.iter().map(|what| {
            Trouble::new(
                "snapshot",
                format!("快照无法读取：{what}"),
                format!("a snapshot cannot be read: {what}"),
            )
        }));
        let engine = found
            .engine
            .filter(|engine| engine.position() < self.log.next());
        check_log_reaches(
            &self.log,
            engine.as_ref().map_or(0, fenghuo_engine::Engine::position),
        )?;
        let metrics = Arc::new(Metrics::new());
        let shared = Arc::new(Shared::default());
        let board = Arc::new(Board::default());
        let intake = Intake::default();
        let feed = Feed::new(self.log.head());
        let stop = Arc::new(AtomicBool::new(false));
        let (stop_tasks, stopped) = watch::channel(false);
        let (judged, judged_position) = watch::channel(0);
        let told = Arc::new(Notify::new());
        let history_fault = Arc::new(Mutex::new(None));

        let sinks = outward::Sinks::default();
        let carriers = outward::Carriers::default();
        let judge = Judge::new(
            JudgeParts {
                feed: feed.reader(&self.files.log)?,
                journal: self.journal,
                snapshots: self.snapshots.clone(),
                snapshot_every: config.snapshot_every,
                board: board.clone(),
                metrics: metrics.clone(),
                shared: shared.clone(),
                carriers: carriers.names.clone(),
                judged,
                sources: Sources {
                    log_id: self.log.id().to_string(),
                    history: self.history.clone(),
                    history_fault: history_fault.clone(),
                    told,
                    at_start: troubles,
                },
                stop: stop.clone(),
            },
            engine,
        )?;
        let historian = Historian {
            feed: feed.reader(&self.files.log)?,
            history: self.history.clone(),
            metrics: metrics.clone(),
            fault: history_fault,
            retention_months: config.retention_months,
            stop: stop.clone(),
        };
        let head = self.log.head();
        let (receipts, outgoing) = Receipts::queue();
        let keep_from = keep_from(
            config,
            self.snapshots,
            self.history.clone(),
            sinks.keep_from.clone(),
        );
        let ingest = Ingest::start(
            IngestParts {
                log: self.log,
                intake: intake.clone(),
                feed,
                receipts,
                metrics: metrics.clone(),
                shared,
                reserve_bytes: config.log.reserve_bytes,
                keep_from,
            },
            &config.rules,
            &config.expected,
        )?;
        let threads = vec![
            thread("judge", move || judge.run())?,
            thread("historian", move || historian.run())?,
        ];
        let ingest = thread("ingest", move || ingest.run())?;
        let (broker, transport) = start_mqtt(config, &intake, outgoing).await?;
        let mut tasks = sinks.tasks;
        tasks.extend(carriers.tasks);
        tasks.push(tokio::spawn(tick(intake.clone(), stopped.clone())));
        let listener = TcpListener::bind(config.http)
            .await
            .with_context(|| format!("cannot listen on {}", config.http))?;
        let http = listener.local_addr()?;
        let api = Api {
            board,
            journal: Arc::new(JournalPool::new(&self.files.journal)),
            history: self.history,
            intake: intake.clone(),
            judged: judged_position,
            metrics,
            stop: stopped.clone(),
            loopback_only: http.ip().is_loopback(),
        };
        tasks.push(tokio::spawn(serve_http(
            listener,
            api::router(api),
            stopped,
        )));
        Ok(Server {
            http,
            intake,
            head,
            stop,
            stop_tasks,
            broker,
            transport,
            tasks,
            ingest: Some(ingest),
            threads,
        })
    }
}

/// Opens history as the store of this log. A history that has come further than the log
/// reaches belongs to another one: the log's copy is older, and its positions mean other
/// entries from here on.
fn open_history(dir: &Path, log: &mut Log) -> anyhow::Result<(History, Vec<Trouble>)> {
    let known = log
        .mark(HISTORY_MARK)?
        .and_then(|name| String::from_utf8(name).ok());
    let name = match known {
        Some(name) => name,
        None => name_history(log)?,
    };
    let history = History::open(dir, Options::new(&name))?;
    if history.highest_sealed() < log.next() {
        return Ok((history, Vec::new()));
    }
    tracing::error!(
        sealed = history.highest_sealed(),
        next = log.next(),
        "the log is older than the history: it was restored alone"
    );
    drop(history);
    log.renew_id()?;
    let name = name_history(log)?;
    let trouble = Trouble::new(
        "log_restored",
        "日志比历史库旧：日志曾被单独恢复，已换用新编号",
        "the log is older than the history: it was restored alone and has a new id now",
    );
    Ok((History::open(dir, Options::new(&name))?, vec![trouble]))
}

fn name_history(log: &mut Log) -> anyhow::Result<String> {
    let name = log.id().to_string();
    let mut batch = Batch::default();
    batch.mark(HISTORY_MARK, Some(name.clone().into_bytes()));
    log.append(&batch)?;
    Ok(name)
}

/// The fold needs every entry after the snapshot.
fn check_log_reaches(log: &Log, snapshot: u64) -> anyhow::Result<()> {
    let first = log.first()?.unwrap_or(log.next());
    anyhow::ensure!(
        first <= snapshot + 1,
        "{}: begins at {first}, but the newest usable snapshot is of {snapshot}: entries are missing",
        log.path().display()
    );
    Ok(())
}

fn keep_from(
    config: &Config,
    snapshots: Snapshots,
    history: History,
    sinks: Vec<Arc<AtomicU64>>,
) -> KeepFrom {
    if !config.log.trim {
        return Box::new(|| 0);
    }
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

async fn start_mqtt(
    config: &Config,
    intake: &Intake,
    outgoing: tokio::sync::mpsc::Receiver<(fenghuo_uplink::topic::Topic, bytes::Bytes)>,
) -> anyhow::Result<(Option<Arc<Broker>>, tokio::task::JoinHandle<()>)> {
    match &config.mqtt {
        Mqtt::Embedded { listen, users } => {
            let mut broker = fenghuo_broker::Config::new(*listen);
            broker.anonymous = users.is_empty();
            for user in users {
                broker.users.push(fenghuo_broker::User {
                    name: user.name.clone(),
                    password: fenghuo_broker::Password::new(user.password.0.clone()),
                    scope: match &user.gateway {
                        Some(gateway) => fenghuo_broker::Scope::Gateway(gateway.parse()?),
                        None => fenghuo_broker::Scope::Device,
                    },
                });
            }
            let broker = Arc::new(Broker::start(broker, Arc::new(Door(intake.clone()))).await?);
            tracing::info!(mqtt = %broker.local_addr(), "gateways may connect");
            let task = tokio::spawn(transport::publish_embedded(broker.clone(), outgoing));
            Ok((Some(broker), task))
        }
        Mqtt::External(external) => Ok((
            None,
            tokio::spawn(external.clone().run(intake.clone(), outgoing)),
        )),
    }
}

/// One tick a second; never decreasing, whatever the wall clock does.
async fn tick(intake: Intake, mut stopped: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = i64::MIN;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.changed() => return,
        }
        last = last.max(clock::now().as_millis());
        if intake.control(Control::Tick(last)).is_err() {
            tracing::error!("the queue of control messages is full; a tick was dropped");
        }
    }
}

async fn serve_http(
    listener: TcpListener,
    router: axum::Router,
    mut stopped: watch::Receiver<bool>,
) {
    let stop = async move {
        // An error means that the sender is gone, which is a stop too.
        drop(stopped.wait_for(|stop| *stop).await);
    };
    if let Err(error) = axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
    {
        tracing::error!(%error, "the http server ended");
    }
}

/// A running server.
struct Server {
    http: std::net::SocketAddr,
    intake: Intake,
    head: fenghuo_log::Head,
    stop: Arc<AtomicBool>,
    stop_tasks: watch::Sender<bool>,
    broker: Option<Arc<Broker>>,
    transport: tokio::task::JoinHandle<()>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    ingest: Option<JoinHandle<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Sockets first, then what waits goes into the log, then the readers end.
    async fn stop(&mut self) {
        self.stop_tasks.send_replace(true);
        self.intake.close();
        if let Some(ingest) = self.ingest.take() {
            join(ingest).await;
        }
        self.transport.abort();
        drop(self.broker.take());
        self.stop.store(true, Ordering::Relaxed);
        self.head.wake();
        for thread in std::mem::take(&mut self.threads) {
            join(thread).await;
        }
        for task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout(Duration::from_secs(3), task)
                .await
                .is_err()
            {
                tracing::warn!("a task did not end in time");
            }
        }
    }
}

async fn join(thread: JoinHandle<()>) {
    let joined = tokio::task::spawn_blocking(move || thread.join()).await;
    if !matches!(joined, Ok(Ok(()))) {
        tracing::error!("a thread did not end well");
    }
}
