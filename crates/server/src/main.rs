//! `fenghuo`: the server's program.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use fenghuo_server::cli::{Cli, Command, RulesCommand};
use fenghuo_server::{check, clock, config, coverage, inquire, replay, rules_test, serve};

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
            let report = check::report(&path, &config::load(&path)?, clock::now());
            tell(&report.text);
            if report.errors > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Coverage { config, json } => {
            let config = config::load(&config)?;
            return coverage::run(&config, json, &mut std::io::stdout().lock());
        }
        Command::Verify { config } => return replay::verify(&config::load(&config)?, tell),
        Command::Replay {
            config,
            from_snapshot,
        } => {
            return replay::replay(&config::load(&config)?, from_snapshot, tell);
        }
        Command::Rules { command } => match command {
            RulesCommand::Test { files, update } => {
                return rules_test::run(&files, update, &mut std::io::stdout().lock());
            }
        },
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
        // A log on a full disk must not end the thread that writes a line: saying that the line
        // was lost would go to the same place, and panic there.
        .log_internal_errors(false)
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
