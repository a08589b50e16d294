//! `fenghuo-collector`: reads devices, keeps every sample until the server has it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fenghuo_collector::commands::{self, check, probe, read, run};
use fenghuo_collector::config::{self, ConfigError};
use fenghuo_collector::status::log;
use tokio::signal::unix::{SignalKind, signal};

/// What a wrong configuration exits with.
const WRONG_CONFIGURATION: u8 = 2;

#[derive(Parser)]
#[command(version, about = "The field gateway's half of Fenghuo")]
struct Arguments {
    /// Write logs as JSON.
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Collect and deliver until SIGTERM or SIGINT; SIGHUP loads FILE again.
    Run { file: PathBuf },
    /// Name every problem of a configuration; exit 2 if there is any.
    Check { file: PathBuf },
    /// Read one point live and show raw words, value and quality. Never writes.
    Read { file: PathBuf, point: String },
    /// Ask a device what it has and write that out as a configuration. Never writes to it.
    Probe(probe::Ask),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::to_stderr(arguments.log_json);
    match obey(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", commands::words(&error));
            match error.downcast_ref::<ConfigError>() {
                Some(_) => ExitCode::from(WRONG_CONFIGURATION),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn obey(command: Command) -> anyhow::Result<()> {
    // One thread drives all sockets; the spool and file reads have their own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match command {
        Command::Run { file } => runtime.block_on(async {
            // Before anything else: who asks to load the file again must not end the program.
            let again = signal(SignalKind::hangup())?;
            let stop = stops()?;
            let config = config::load(&file)?;
            run::run(&file, config, again, stop).await
        }),
        Command::Check { file } => {
            print!("{}", check::check(&file)?);
            Ok(())
        }
        Command::Read { file, point } => {
            print!("{}", runtime.block_on(read::read(&file, &point))?);
            Ok(())
        }
        Command::Probe(ask) => {
            print!("{}", runtime.block_on(probe::probe(&ask))?);
            Ok(())
        }
    }
}

fn stops() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
