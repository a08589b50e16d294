//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

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
