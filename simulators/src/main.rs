//! `fenghuo-simulators`: simulated plants for the demo and the tests.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use fenghuo_simulators::mqtt_face::Broker;
use fenghuo_simulators::plant::PlantKind;
use fenghuo_simulators::{record, run, stop, table};
use tokio::signal::unix::{SignalKind, signal};

/// The slowest and the fastest that plants may run.
const SPEED: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;

#[derive(Parser)]
#[command(version, about = "Simulated plants with Modbus TCP and MQTT faces")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run plants until Ctrl-C or SIGTERM.
    Run(RunArgs),
    /// Print the register maps.
    Map,
}

#[derive(clap::Args)]
struct RunArgs {
    /// The scenario to play, over and over.
    #[arg(long)]
    scenario: PathBuf,
    /// The broker that devices publish to, HOST:PORT; without it there are no devices.
    #[arg(long, value_parser = broker)]
    mqtt: Option<Broker>,
    /// A plant and where its PLC listens, e.g. tank-farm=127.0.0.1:15021; port 0 picks one.
    #[arg(long = "plant", value_parser = plant, required = true)]
    plants: Vec<(PlantKind, SocketAddr)>,
    /// Plant seconds a second.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Seed of all noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Append everything that was served to this file, as JSON lines.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Where the record stops, in bytes.
    #[arg(long, default_value_t = record::BYTES_MAX_DEFAULT)]
    record_bytes_max: u64,
}

fn broker(text: &str) -> anyhow::Result<Broker> {
    let (host, port) = text.rsplit_once(':').context("expected HOST:PORT")?;
    if host.is_empty() {
        bail!("expected HOST:PORT");
    }
    Ok(Broker {
        host: host.to_owned(),
        port: port.parse().context("port")?,
    })
}

fn plant(text: &str) -> anyhow::Result<(PlantKind, SocketAddr)> {
    let (name, address) = text.split_once('=').context("expected PLANT=IP:PORT")?;
    let address = address.parse().context("expected PLANT=IP:PORT")?;
    Ok((name.parse()?, address))
}

fn speed(text: &str) -> anyhow::Result<f64> {
    let speed: f64 = text.parse()?;
    if !SPEED.contains(&speed) {
        bail!("not within {}..{}", SPEED.start(), SPEED.end());
    }
    Ok(speed)
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Map => std::io::stdout().write_all(table::all().as_bytes())?,
        Command::Run(args) => play(args)?,
    }
    Ok(())
}

#[tokio::main]
async fn play(args: RunArgs) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let (stopper, stop) = stop::pair();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopper.stop();
    });
    let plan = run::Plan {
        scenario: args.scenario,
        broker: args.mqtt,
        plants: args.plants,
        speed: args.speed,
        seed: args.seed,
        record: args.record.map(|path| (path, args.record_bytes_max)),
    };
    Ok(run::run(plan, stop).await?)
}
