//! Runs the plants in real time: one clock, one Modbus listener and one set of devices a
//! plant.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::image::Image;
use crate::modbus_face::{self, Face};
use crate::mqtt_face::{Broker, Devices};
use crate::plant::PlantKind;
use crate::record::{self, RecordError, Recorder};
use crate::rig::Rig;
use crate::scenario::{Scenario, ScenarioError};
use crate::stop::Stop;

/// How often plants move in real time.
const TICK: Duration = Duration::from_millis(100);
/// Most steps in one tick. A machine that was asleep is not caught up with: plant time
/// goes on from where it stood.
const STEPS_MAX: u32 = 20_000;

/// What to run.
#[derive(Debug)]
pub struct Plan {
    /// The scenario's file.
    pub scenario: PathBuf,
    /// Broker of the devices; none: no devices.
    pub broker: Option<Broker>,
    /// Plants and where they listen.
    pub plants: Vec<(PlantKind, SocketAddr)>,
    /// Plant seconds a second.
    pub speed: f64,
    /// Seed of all noise.
    pub seed: u64,
    /// Record file and its limit in bytes.
    pub record: Option<(PathBuf, u64)>,
}

/// Why the plants did not run, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A plant's address cannot be listened on.
    #[error("{plant} cannot listen on {address}: {source}")]
    Listen {
        /// Which plant.
        plant: PlantKind,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Standard output is gone.
    #[error("cannot print what listens where: {0}")]
    Print(#[source] io::Error),
}

/// Runs until `stop`.
///
/// # Errors
/// [`RunError`], before anything runs or when the record ended badly.
pub async fn run(plan: Plan, stop: Stop) -> Result<(), RunError> {
    let scenario = Scenario::load(&plan.scenario)?;
    let mut listeners = Vec::new();
    for (plant, address) in &plan.plants {
        listeners.push((*plant, listen(*plant, *address).await?));
    }
    let opened = plan.record.as_ref();
    let opened = opened.map(|(path, bytes_max)| record::open(path, *bytes_max));
    let (recorder, record) = opened.transpose()?.unzip();
    announce(&scenario, &listeners).map_err(RunError::Print)?;

    let mut tasks = JoinSet::new();
    for (plant, listener) in listeners {
        let rig = Rig::new(plant, &scenario, plan.seed);
        let faces = Faces {
            listener,
            broker: plan.broker.clone(),
            recorder: recorder.clone(),
        };
        start(&mut tasks, rig, plan.speed, faces, &stop);
    }
    drop(recorder);
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a plant ended by itself");
        }
    }
    if let Some(record) = record {
        // The faces are gone, so the writer ends as soon as the disk has everything.
        match tokio::task::spawn_blocking(|| record.finish()).await {
            Ok(finished) => tracing::info!(lines = finished?, "record written"),
            Err(error) => tracing::error!(%error, "the record's end is unknown"),
        }
    }
    Ok(())
}

async fn listen(plant: PlantKind, address: SocketAddr) -> Result<TcpListener, RunError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| RunError::Listen {
        plant,
        address,
        source,
    })
}

/// One line a plant, `<plant> modbus <address>`, for people and scripts.
fn announce(scenario: &Scenario, listeners: &[(PlantKind, TcpListener)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "scenario {} ({} s)", scenario.title, scenario.loop_s)?;
    for (plant, listener) in listeners {
        writeln!(out, "{plant} modbus {}", listener.local_addr()?)?;
    }
    out.flush()
}

struct Faces {
    listener: TcpListener,
    broker: Option<Broker>,
    recorder: Option<Recorder>,
}

fn start(tasks: &mut JoinSet<()>, rig: Rig, speed: f64, faces: Faces, stop: &Stop) {
    let (images, newest) = watch::channel(Arc::new(rig.image()));
    let plant = newest.borrow().map().kind();
    let face = Arc::new(Face::new(newest.clone(), faces.recorder.clone()));
    let (listener, stop_face) = (faces.listener, stop.clone());
    tasks.spawn(async move {
        modbus_face::serve(Arc::clone(&face), listener, stop_face).await;
        let refused_writes = face.refused_writes();
        tracing::info!(%plant, refused_writes, "plc stopped");
    });
    if let Some(broker) = faces.broker {
        let devices = Devices::new(newest, faces.recorder);
        let stop = stop.clone();
        tasks.spawn(async move {
            devices.run(&broker, stop).await;
            tracing::info!(%plant, unsent = devices.unsent(), "devices stopped");
        });
    }
    tasks.spawn(keep_time(rig, speed, images, stop.clone()));
}

/// Moves a plant with the clock.
async fn keep_time(mut rig: Rig, speed: f64, images: watch::Sender<Arc<Image>>, mut stop: Stop) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut since, mut from_s) = (Instant::now(), rig.plant_s());
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.stopped() => return,
        }
        let due_s = since.elapsed().as_secs_f64().mul_add(speed, from_s);
        if !rig.run_to(due_s, STEPS_MAX) {
            tracing::warn!(
                behind_s = due_s - rig.plant_s(),
                "the plant skips lost time"
            );
            (since, from_s) = (Instant::now(), rig.plant_s());
        }
        images.send_replace(Arc::new(rig.image()));
    }
}
