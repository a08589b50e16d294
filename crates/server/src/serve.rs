//! The life of the server: stores first, then those who read, then those who write, sockets
//! last; and down again in the other order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fenghuo_broker::Broker;
use tokio::sync::watch;

use crate::config::Config;
use crate::intake::Intake;
use crate::judge::status;
use crate::view::Trouble;
use crate::{check, clock};

mod house;
mod outward;
mod sockets;
mod wiring;

pub use house::Files;
use house::House;

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
    // From here on a signal stops it in order, also while it still starts.
    let stop = stop_signal()?;
    let begun = Instant::now();
    let mut house = House::open(&config)?;
    house.troubles.extend(outdated(&config));
    let mut server = wiring::start(house, &config).await?;
    let started_ms = begun.elapsed().as_millis();
    tracing::info!(started_ms, http = %server.http, "open http://{} in a browser", server.http);
    stop.await;
    tracing::info!("stopping");
    server.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Standards past their day are told and stop nobody from judging.
fn outdated(config: &Config) -> Vec<Trouble> {
    let faults = check::outdated(config, clock::now());
    let tell = |fault: &fenghuo_engine::RuleFault| {
        tracing::warn!(file = fault.file, line = fault.line, "{}", fault.what);
        let zh = format!("标准已过有效期：{}", fault.what);
        Trouble::new(status::OUTDATED, zh, fault.what.clone())
    };
    faults.iter().map(tell).collect()
}

/// Ends with SIGTERM or Ctrl-C, from now on.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
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
