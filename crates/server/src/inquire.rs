//! The commands that ask about the past: `explain` and `backtest`. They answer on standard
//! output.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use crate::backtest::{self, Options};
use crate::cli::Command;
use crate::config;
use crate::explain::command::{self, Asked};

/// Runs one of them; any other command is none of ours and does nothing.
///
/// # Errors
/// When the configuration or a store cannot be read, or the output cannot be written.
pub fn run(asked: Command) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let code = match asked {
        Command::Explain {
            config,
            rule,
            point,
            at,
            alarm,
            json,
        } => {
            let asked = match (rule, point, alarm) {
                (Some(rule), Some(point), _) => Asked::Rule(rule, point, at),
                (_, _, Some(id)) => {
                    let id = id
                        .parse()
                        .ok()
                        .context("an occurrence is position.ordinal")?;
                    Asked::Alarm(id)
                }
                _ => anyhow::bail!("--rule and --point, or --alarm, are wanted"),
            };
            command::run(&config::load(&config)?, &asked, json, &mut out)?
        }
        Command::Backtest {
            config,
            from,
            to,
            rules,
            shift_hours,
            warm_up_minutes,
            json,
        } => {
            let rules = if rules.is_empty() {
                None
            } else {
                Some(backtest::read_rules(&rules)?)
            };
            let options = Options {
                from,
                until: to,
                rules,
                shift: Duration::from_hours(shift_hours),
                warm_up: warm_up_minutes.map(Duration::from_mins),
            };
            backtest::run(&config::load(&config)?, &options, json, &mut out)?
        }
        _ => ExitCode::SUCCESS,
    };
    out.flush()?;
    Ok(code)
}
