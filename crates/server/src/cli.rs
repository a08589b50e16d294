//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use fenghuo_model::Timestamp;

use crate::instant;

/// 烽火 Fenghuo: reads what dangerous plants measure, judges it, tells people.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server until it is told to stop.
    Serve {
        /// The configuration file.
        config: PathBuf,
        /// Log as JSON lines.
        #[arg(long)]
        log_json: bool,
    },
    /// Checks a configuration and its rules, and names every problem.
    Check {
        /// The configuration file.
        config: PathBuf,
    },
    /// Reports what must be measured, what is connected and what is live, from the newest
    /// snapshot.
    Coverage {
        /// The configuration file.
        config: PathBuf,
        /// Print JSON, in the API's shape.
        #[arg(long)]
        json: bool,
    },
    /// Checks the journal's hash chain.
    Verify {
        /// The configuration file.
        config: PathBuf,
    },
    /// Folds the log from its beginning (or from a snapshot) and compares the alarms with
    /// those of the journal. The server must not run.
    Replay {
        /// The configuration file.
        config: PathBuf,
        /// Begin at the oldest snapshot kept, as a trimmed log needs it.
        #[arg(long)]
        from_snapshot: bool,
    },
    /// Says why a rule has, or has not, an alarm at a point, now or at an instant; or tells
    /// the life of one occurrence. Reads beside a running server.
    Explain {
        /// The configuration file.
        config: PathBuf,
        /// The rule's id.
        #[arg(long, requires = "point", required_unless_present = "alarm")]
        rule: Option<String>,
        /// The point, `enterprise/gateway/key`.
        #[arg(long, requires = "rule")]
        point: Option<fenghuo_model::PointRef>,
        /// At this instant instead of the log's end, like 2026-11-23T08:00:00+08:00.
        #[arg(long, value_parser = instant::parse_arg, requires = "rule")]
        at: Option<Timestamp>,
        /// An occurrence, `position.ordinal`.
        #[arg(long, conflicts_with_all = ["rule", "point", "at"])]
        alarm: Option<String>,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Folds a span of the past again, with its rules or with others, and compares with what
    /// happened. Reads beside a running server.
    Backtest {
        /// The configuration file.
        config: PathBuf,
        /// From here on, like 2026-11-23T08:00:00+08:00.
        #[arg(long, value_parser = instant::parse_arg)]
        from: Timestamp,
        /// Before this instant.
        #[arg(long, value_parser = instant::parse_arg)]
        to: Timestamp,
        /// Rule files in the place of those that were in force.
        #[arg(long, num_args = 1..)]
        rules: Vec<PathBuf>,
        /// Hours of a shift.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=168))]
        shift_hours: u64,
        /// Minutes that the fold runs before `from`; as far as the rules look back when left
        /// out.
        #[arg(long)]
        warm_up_minutes: Option<u64>,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// What concerns rules alone, without a server.
    Rules {
        /// What to do with them.
        #[command(subcommand)]
        command: RulesCommand,
    },
}

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Runs text scenarios in virtual time and shows what differs from what they expect.
    Test {
        /// The scenario files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Write what came into the files, for a person to check.
        #[arg(long)]
        update: bool,
    },
}
