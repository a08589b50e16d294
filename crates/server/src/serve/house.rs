//! The stores of the data folder, and how they must fit one another.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fenghuo_engine::Engine;
use fenghuo_history::{History, Options};
use fenghuo_log::{Batch, Log};

use crate::config::Config;
use crate::journal::Journal;
use crate::snapshot::Snapshots;
use crate::view::Trouble;

/// Where things are in the data folder.
#[derive(Clone, Debug)]
pub struct Files {
    /// The log.
    pub log: PathBuf,
    /// The journal.
    pub journal: PathBuf,
    /// The folder of snapshots.
    pub snapshots: PathBuf,
    /// The folder of history.
    pub history: PathBuf,
}

impl Files {
    /// In a data folder.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self {
            log: data_dir.join("log.db"),
            journal: data_dir.join("journal.db"),
            snapshots: data_dir.join("snapshots"),
            history: data_dir.join("history"),
        }
    }
}

/// The name under which history knows this log: unlike the log's id it stays when the log is
/// found to be an old copy, because positions go on.
const HISTORY_MARK: &str = "history/id";

/// The stores, open.
pub struct House {
    pub files: Files,
    pub log: Log,
    pub journal: Journal,
    pub snapshots: Snapshots,
    pub history: History,
    /// What was found to be wrong at start.
    pub troubles: Vec<Trouble>,
}

impl House {
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
        let files = Files::new(&config.data_dir);
        let mut log = Log::open(&files.log, config.log.budget_bytes)?;
        let journal = Journal::open(&files.journal)?;
        let snapshots = Snapshots::open(&files.snapshots, config.snapshot_keep)?;
        let (history, troubles) = open_history(&files.history, &mut log)?;
        Ok(Self {
            files,
            log,
            journal,
            snapshots,
            history,
            troubles,
        })
    }

    /// The newest snapshot that fits the log. Unreadable ones are noted.
    pub fn newest_engine(&mut self) -> anyhow::Result<Option<Engine>> {
        let found = self.snapshots.newest()?;
        self.troubles.extend(found.faults.iter().map(|what| {
            let zh = format!("快照无法读取：{what}");
            Trouble::new("snapshot", zh, format!("a snapshot cannot be read: {what}"))
        }));
        // One from beyond the log's end belongs to another life of it.
        let engine = found
            .engine
            .filter(|engine| engine.position() < self.log.next());
        check_log_reaches(&self.log, engine.as_ref().map_or(0, Engine::position))?;
        Ok(engine)
    }
}

/// Opens history as the store of this log. A history that has come further than the log
/// reaches belongs to another one: the log's copy is older, and its positions mean other
/// entries from here on.
fn open_history(dir: &Path, log: &mut Log) -> anyhow::Result<(History, Vec<Trouble>)> {
    let known = log
        .mark(HISTORY_MARK)?
        .and_then(|name| String::from_utf8(name).ok());
    let name = match known {
        Some(name) => name,
        None => name_history(log)?,
    };
    let history = History::open(dir, Options::new(&name))?;
    if history.highest_sealed() < log.next() {
        return Ok((history, Vec::new()));
    }
    tracing::error!(
        sealed = history.highest_sealed(),
        next = log.next(),
        "the log is older than the history: it was restored alone"
    );
    drop(history);
    log.renew_id()?;
    let name = name_history(log)?;
    let trouble = Trouble::new(
        "log_restored",
        "日志比历史库旧：日志曾被单独恢复，已换用新编号",
        "the log is older than the history: it was restored alone and has a new id now",
    );
    Ok((History::open(dir, Options::new(&name))?, vec![trouble]))
}

fn name_history(log: &mut Log) -> anyhow::Result<String> {
    let name = log.id().to_string();
    let mut batch = Batch::default();
    batch.mark(HISTORY_MARK, Some(name.clone().into_bytes()));
    log.append(&batch)?;
    Ok(name)
}

/// The fold needs every entry after the snapshot.
fn check_log_reaches(log: &Log, snapshot: u64) -> anyhow::Result<()> {
    let first = log.first()?.unwrap_or(log.next());
    anyhow::ensure!(
        first <= snapshot + 1,
        "{}: begins at {first}, but the newest usable snapshot is of {snapshot}: entries are missing",
        log.path().display()
    );
    Ok(())
}
