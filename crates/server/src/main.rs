//! `fenghuo`: the server's program.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use fenghuo_server::cli::{Cli, Command};
use fenghuo_server::{config, inquire, replay, serve};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("fenghuo: {error:#}"));
            if error.is::<config::ConfigError>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { config, log_json } => {
            log_to_stderr(log_json);
            serve::run(config::load(&config)?)?;
        }
        Command::Check { config: path } => {
            let config = config::load(&path)?;
            let files = config.rules.len();
            let warning = if files == 0 {
                ": NO LIMIT IS WATCHED"
            } else {
                ""
            };
            tell(&format!(
                "{}: ok, {files} rule files{warning}",
                path.display()
            ));
        }
        Command::Verify { config } => return replay::verify(&config::load(&config)?, tell),
        Command::Replay {
            config,
            from_snapshot,
        } => {
            return replay::replay(&config::load(&config)?, from_snapshot, tell);
        }
        asked @ (Command::Explain { .. } | Command::Backtest { .. }) => return inquire::run(asked),
    }
    Ok(ExitCode::SUCCESS)
}

fn log_to_stderr(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "info,rmqtt=warn".into());
    let layer = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    if json {
        layer.json().init()
    } else {
        layer.init()
    }
}

fn tell(text: &str) {
    // A closed pipe is the reader's choice.
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
}
