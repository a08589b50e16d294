//! The sources that run: started, told where their points stand, and stopped one by one.
//!
//! What must stay true:
//! - a source that is not touched does not notice that others come and go;
//! - what a stopped source has read is before the new placement in the batcher's queue, and
//!   what a started one reads is behind it: no sample is placed in a catalog that does not
//!   have its point;
//! - two that may want the same port, client id or modem never run at the same time: whatever
//!   is to end has ended before anything is started.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fenghuo_model::GatewayKey;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use crate::clock::ReadClock;
use crate::config::Config;
use crate::config::difference::{Difference, Fate};
use crate::dice::Dice;
use crate::source::modbus::dial_in::{self, Exchange};
use crate::source::modbus::{self, Line};
use crate::source::mqtt::{self, Feed};
use crate::source::stop::{self, Stop, until_asked};
use crate::source::{Closed, Outlet, Placement, Report, SourceId};
use crate::status::Status;

/// How long sources may take to hand on what they have read when the collector stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What sources are started with.
#[derive(Debug)]
pub struct Means {
    /// Who this collector is.
    pub gateway: GatewayKey,
    /// The clock.
    pub clock: Arc<ReadClock>,
    /// Counters and problems.
    pub status: Status,
    /// The way to the batcher.
    pub reports: mpsc::Sender<Report>,
}

/// Listeners that are bound and not served yet, so that a port that is taken is known before
/// anything is changed.
pub type Bound = BTreeMap<SocketAddr, TcpListener>;

/// Sources that are to be started, by name.
pub type Beginners = BTreeMap<String, SourceId>;

/// Every source that runs.
#[derive(Debug)]
pub struct Fleet {
    means: Means,
    running: BTreeMap<String, Running>,
    tasks: JoinSet<Result<(), Closed>>,
    exchanges: BTreeMap<SocketAddr, Served>,
    next: u64,
    dice: Dice,
}

#[derive(Debug)]
struct Running {
    id: SourceId,
    task: Id,
    /// The modem that is expected for it.
    modem: Option<(SocketAddr, Vec<u8>)>,
    stop: Stop,
}

#[derive(Debug)]
struct Served {
    exchange: Arc<Exchange>,
    task: AbortHandle,
}

/// Listens where this configuration expects modems, and nobody listens yet.
///
/// # Errors
/// When a port cannot be had.
pub async fn bind(config: &Config, known: &BTreeSet<SocketAddr>) -> anyhow::Result<Bound> {
    let mut bound = Bound::new();
    for listen in dial_in::listens(&config.modbus).difference(known) {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            anyhow::anyhow!("cannot listen for modems on {listen}: {error}; change modbus.listen")
        })?;
        bound.insert(*listen, listener);
    }
    Ok(bound)
}

impl Fleet {
    /// Nothing runs yet but what compares the clocks.
    #[must_use]
    pub fn new(means: Means, seed: u64) -> Self {
        let mut tasks = JoinSet::new();
        let (clock, status) = (means.clock.clone(), means.status.clone());
        tasks.spawn(async move {
            crate::status::clock::watch(&clock, &status).await;
            Ok(())
        });
        Self {
            means,
            running: BTreeMap::new(),
            tasks,
            exchanges: BTreeMap::new(),
            next: 0,
            dice: Dice::new(seed),
        }
    }

    /// Where modems are expected now.
    #[must_use]
    pub fn listens(&self) -> BTreeSet<SocketAddr> {
        self.exchanges.keys().copied().collect()
    }

    /// Where the points of all sources stand in a configuration. Those that begin get new ids,
    /// which are returned with their names.
    pub fn place(
        &mut self,
        config: &Config,
        begins: impl Fn(&str) -> bool,
    ) -> (Placement, Beginners) {
        let (mut places, mut beginners) = (BTreeMap::new(), Beginners::new());
        for (name, place) in &config.places {
            let known = self.running.get(name).map(|running| running.id);
            let id = known.filter(|_| !begins(name)).unwrap_or_else(|| {
                self.next += 1;
                beginners.insert(name.clone(), SourceId(self.next));
                SourceId(self.next)
            });
            places.insert(id, place.clone());
        }
        let placement = Placement {
            catalog: config.catalog.clone(),
            places,
            flush: config.spool.flush,
        };
        (placement, beginners)
    }

    /// Starts sources that the batcher can place.
    pub async fn start(&mut self, config: &Config, beginners: &Beginners, bound: Bound) {
        self.serve(bound);
        for line in &config.modbus {
            if let Some(id) = beginners.get(&line.name) {
                self.start_line(*id, line.clone());
                // Many sources must not hold up those that run.
                tokio::task::yield_now().await;
            }
        }
        for feed in &config.mqtt {
            if let Some(id) = beginners.get(&feed.name) {
                self.start_feed(*id, feed.clone());
                tokio::task::yield_now().await;
            }
        }
    }

    /// Goes over to another configuration.
    ///
    /// # Errors
    /// When a source or the batcher has ended by itself: the collector cannot go on.
    pub async fn change(
        &mut self,
        config: &Config,
        difference: &Difference,
        bound: Bound,
    ) -> anyhow::Result<()> {
        let fate = |name: &str| difference.sources.get(name).copied();
        let ends = difference.sources.iter().filter(|(_, fate)| fate.ends());
        let ends: Vec<&str> = ends.map(|(name, _)| name.as_str()).collect();
        self.stop(&ends).await?;
        for name in ends
            .into_iter()
            .filter(|name| fate(name) == Some(Fate::Stopped))
        {
            self.means.status.metrics.forget_source(name);
        }
        self.hang_up(&dial_in::listens(&config.modbus));
        if !difference.frames {
            return Ok(());
        }
        let begins = |name: &str| fate(name).is_some_and(Fate::begins);
        let (placement, beginners) = self.place(config, begins);
        let report = Report::Place(Box::new(placement));
        self.means.reports.send(report).await.map_err(|_| Closed)?;
        self.start(config, &beginners, bound).await;
        Ok(())
    }

    /// Asks sources to end, and waits until they have.
    async fn stop(&mut self, names: &[&str]) -> anyhow::Result<()> {
        let stopped = names.iter().filter_map(|name| self.running.remove(*name));
        let (tasks, modems): (BTreeMap<Id, Stop>, Vec<_>) =
            stopped.map(|it| ((it.task, it.stop), it.modem)).unzip();
        // What keeps them running is dropped: that asks them.
        let mut left: Vec<Id> = tasks.into_keys().collect();
        while !left.is_empty() {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                break;
            };
            match ended {
                Ok((id, Ok(()))) if left.contains(&id) => left.retain(|it| *it != id),
                ended => judge(ended)?,
            }
        }
        for (listen, id) in modems.into_iter().flatten() {
            if let Some(served) = self.exchanges.get(&listen) {
                served.exchange.forget(&id);
            }
        }
        for name in names {
            self.means.status.source(name).stopped();
        }
        Ok(())
    }

    /// Nobody is called any more but on these.
    fn hang_up(&mut self, listens: &BTreeSet<SocketAddr>) {
        self.exchanges.retain(|listen, served| {
            let stays = listens.contains(listen);
            if !stays {
                tracing::info!(%listen, "modems are not listened for any more");
                served.task.abort();
            }
            stays
        });
    }

    /// Waits for what must not happen: that a source ends by itself.
    pub async fn first_end(&mut self) -> anyhow::Error {
        loop {
            match self.tasks.join_next_with_id().await {
                Some(ended) => {
                    if let Err(fault) = judge(ended) {
                        return fault;
                    }
                }
                None => return by_itself(),
            }
        }
    }

    /// Ends everything; what has been read is handed on.
    pub async fn shutdown(mut self) {
        self.running.clear();
        let tasks = &mut self.tasks;
        // The listeners and what compares the clocks go on until they are aborted.
        let sources_end = async {
            while tasks.len() > self.exchanges.len() + 1 {
                tasks.join_next().await;
            }
        };
        if tokio::time::timeout(FAREWELL, sources_end).await.is_err() {
            tracing::warn!("a source does not end, what it read last may be lost");
        }
        self.tasks.shutdown().await;
    }

    fn outlet(&self, id: SourceId, name: &str) -> Outlet {
        let meter = self.means.status.source(name);
        Outlet::new(id, self.means.reports.clone(), meter)
    }

    fn start_line(&mut self, id: SourceId, mut line: Line) {
        let (name, out) = (line.name.clone(), self.outlet(id, &line.name));
        let dial_in = line.way.port.dial_in();
        let modem = dial_in.map(|it| (it.listen, it.id.clone()));
        line.way.caller = modem.as_ref().and_then(|(listen, id)| {
            let served = self.exchanges.get(listen)?;
            Some(served.exchange.expect(id))
        });
        let (clock, seed) = (self.means.clock.clone(), self.dice.roll());
        let (stop, asked) = stop::pair();
        let task = self.tasks.spawn(async move {
            let work = modbus::run(line, clock, out.clone(), seed);
            until_asked(&out, asked, work).await
        });
        let task = task.id();
        let running = Running {
            id,
            task,
            modem,
            stop,
        };
        self.running.insert(name, running);
    }

    fn start_feed(&mut self, id: SourceId, feed: Feed) {
        let (name, out) = (feed.name.clone(), self.outlet(id, &feed.name));
        let client = format!("{}/{name}", self.means.gateway);
        let (clock, seed) = (self.means.clock.clone(), self.dice.roll());
        let (stop, asked) = stop::pair();
        let task = self
            .tasks
            .spawn(async move { mqtt::run(feed, &client, clock, out, seed, asked).await });
        let running = Running {
            id,
            task: task.id(),
            modem: None,
            stop,
        };
        self.running.insert(name, running);
    }

    fn serve(&mut self, bound: Bound) {
        for (listen, listener) in bound {
            let exchange = Arc::new(Exchange::default());
            let serving = exchange.clone().serve(listener);
            let task = self.tasks.spawn(async move {
                serving.await;
                Ok(())
            });
            tracing::info!(%listen, "modems may dial in");
            self.exchanges.insert(listen, Served { exchange, task });
        }
    }
}

/// What nobody asked to end has ended.
pub fn by_itself() -> anyhow::Error {
    anyhow::anyhow!("a stage ended by itself")
}

/// A task has ended that nobody asked to: only a listener that was aborted may.
fn judge(ended: Result<(Id, Result<(), Closed>), JoinError>) -> anyhow::Result<()> {
    match ended {
        Err(error) if error.is_cancelled() => Ok(()),
        Err(panicked) => Err(panicked.into()),
        Ok((_, Err(closed))) => Err(closed.into()),
        Ok((_, Ok(()))) => Err(by_itself()),
    }
}
