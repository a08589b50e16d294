//! The stores of the data folder, and how they must fit one another.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use fenghuo_engine::{AlarmKey, ENGINE_VERSION, Engine};
use fenghuo_history::{History, Options};
use fenghuo_log::{Batch, Log};

use crate::config::Config;
use crate::custody;
use crate::journal::{Active, Journal};
use crate::snapshot::{Found, Snapshots};
use crate::upgrade;
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
    /// The book of custody.
    pub custody: PathBuf,
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
            custody: data_dir.join(custody::FILE),
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
    /// The alarms that are not over by the journal.
    pub alarms: Active,
    /// What was found to be wrong at start.
    pub troubles: Vec<Trouble>,
    /// The newest snapshot, until it is asked for.
    found: Found,
}

/// What takes long to read when there are many alarms.
struct Remembered {
    history: History,
    alarms: Active,
    found: Found,
}

fn ms(begun: Instant) -> u128 {
    begun.elapsed().as_millis()
}

/// Reads the snapshot on one core, history's series and the journal's alarms on the other:
/// nobody is watched over meanwhile.
fn remember(
    files: &Files,
    log: &mut Log,
    journal: &Journal,
    snapshots: &Snapshots,
) -> anyhow::Result<Remembered> {
    let reader = journal.reader()?;
    std::thread::scope(|scope| {
        let beside = scope.spawn(move || -> anyhow::Result<_> {
            let begun = Instant::now();
            let history = open_history(&files.history, log)?;
            let history_ms = ms(begun);
            let begun = Instant::now();
            Ok((history, reader.active()?, history_ms, ms(begun)))
        });
        let begun = Instant::now();
        let found = snapshots.newest()?;
        let snapshot_ms = ms(begun);
        let beside = beside.join();
        let beside = beside.map_err(|_| anyhow::anyhow!("reading what is kept failed"))?;
        let (history, alarms, history_ms, alarms_ms) = beside?;
        tracing::info!(snapshot_ms, history_ms, alarms_ms, "the stores are read");
        Ok(Remembered {
            history,
            alarms,
            found,
        })
    })
}

impl House {
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
        let files = Files::new(&config.data_dir);
        let mut log = Log::open(&files.log, config.log.budget_bytes)?;
        let journal = Journal::open(&files.journal)?;
        let snapshots = Snapshots::open(&files.snapshots, config.snapshot_keep)?;
        let Remembered {
            history,
            alarms,
            found,
        } = remember(&files, &mut log, &journal, &snapshots)?;
        let used = [
            journal.last().map_or(0, |event| event.position),
            // Notices of ticks may be newer than the last event; at a position that returned
            // they would count as told.
            journal.noticed(),
            snapshots.newest_position()?.unwrap_or(0),
            history.highest_sealed(),
        ];
        let troubles = outlive(&mut log, used.into_iter().max().unwrap_or(0))?;
        Ok(Self {
            files,
            log,
            journal,
            snapshots,
            history,
            alarms,
            troubles,
            found,
        })
    }

    /// The newest snapshot that fits the log. Unreadable ones are noted. Where another version
    /// wrote it, the journal's alarms are carried over.
    pub fn newest_engine(&mut self, rules: &[(String, String)]) -> anyhow::Result<Option<Engine>> {
        let found = std::mem::take(&mut self.found);
        self.troubles.extend(found.faults.iter().map(|what| {
            let zh = format!("快照无法读取：{what}");
            Trouble::new("snapshot", zh, format!("a snapshot cannot be read: {what}"))
        }));
        if let Some(version) = found.other {
            return self.upgrade(version, rules).map(Some);
        }
        let engine = found.engine;
        check_log_reaches(&self.log, engine.as_ref().map_or(0, Engine::position))?;
        Ok(engine)
    }

    fn upgrade(&mut self, from: u32, rules: &[(String, String)]) -> anyhow::Result<Engine> {
        let stores = upgrade::Stores {
            files: &self.files,
            log: &self.log,
            journal: &self.journal,
            rules,
        };
        let upgraded = upgrade::upgrade(&stores, from)?;
        let engine = upgraded.engine;
        self.snapshots.take_over(&engine)?;
        tracing::warn!(
            from,
            to = ENGINE_VERSION,
            position = engine.position(),
            alarms = engine.book().len(),
            "另一引擎版本的报警已接续，时间窗重新累积 \
             the alarms of another engine version are carried over; windows fill anew"
        );
        self.troubles.extend(unwatched(&upgraded.unwatched));
        Ok(engine)
    }
}

/// Alarms that the upgrade left without a rule.
fn unwatched(alarms: &[AlarmKey]) -> Option<Trouble> {
    let first = alarms.first()?;
    let count = alarms.len();
    Some(Trouble::new(
        "upgrade",
        format!(
            "升级后有 {count} 条报警没有规则再判断，例如 {first}：请人工核实，规则或测点变更时它们将结束"
        ),
        format!(
            "after the upgrade no rule judges {count} alarms, {first} for one: look at them; \
             they end when rules or points change"
        ),
    ))
}

/// Opens history under the name that it knows this log by.
fn open_history(dir: &Path, log: &mut Log) -> anyhow::Result<History> {
    let known = log
        .mark(HISTORY_MARK)?
        .and_then(|name| String::from_utf8(name).ok());
    let name = match known {
        Some(name) => name,
        None => name_history(log)?,
    };
    Ok(History::open(dir, Options::new(&name))?)
}

/// A log that ends below what the other files have seen of it was lost or restored alone.
/// Its positions go on above them, so that none ever means two entries, and it gets a new
/// id, so that collectors offer again what they still have.
fn outlive(log: &mut Log, used: u64) -> anyhow::Result<Vec<Trouble>> {
    if used < log.next() {
        return Ok(Vec::new());
    }
    tracing::error!(
        used,
        next = log.next(),
        "the log is older than the files beside it: it was lost or restored alone"
    );
    log.rise_above(used)?;
    log.renew_id()?;
    Ok(vec![Trouble::new(
        "log_restored",
        "日志比旁边的文件旧：它曾丢失或被单独恢复，已换用新编号",
        "the log is older than the files beside it: it was lost or restored alone, and has a new id now",
    )])
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
        "{path}: 日志从 {first} 开始，而最新可用快照在 {snapshot}，中间的记录缺失：\
         请从备份恢复 snapshots 目录，或把整个数据目录移到别处保存后从空目录开始。\
         begins at {first}, but the newest usable snapshot is of {snapshot}: entries are missing. \
         Restore the folder `snapshots` from a backup, or move the whole data folder away, keep \
         it, and begin with an empty one",
        path = log.path().display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use fenghuo_engine::Input;
    use fenghuo_model::Timestamp;

    use super::*;

    #[test]
    fn positions_of_written_notices_do_not_return() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("data_dir = \"{}\"", dir.path().join("data").display());
        let file = dir.path().join("server.toml");
        std::fs::write(&file, text).unwrap();
        let config = crate::config::load(&file).unwrap();
        let mut house = House::open(&config).unwrap();
        let batch = crate::journal::Batch {
            noticed: Some(300),
            ..Default::default()
        };
        house.journal.write(batch).unwrap();
        drop(house);
        let house = House::open(&config).unwrap();
        assert_eq!((house.journal.noticed(), house.log.next()), (300, 301));
    }

    #[test]
    fn a_log_that_was_lost_alone_goes_on_above_all_that_saw_it() {
        let dir = tempfile::tempdir().unwrap();
        let text = format!("data_dir = \"{}\"", dir.path().join("data").display());
        let file = dir.path().join("server.toml");
        std::fs::write(&file, text).unwrap();
        let config = crate::config::load(&file).unwrap();
        let house = House::open(&config).unwrap();
        let mut engine = Engine::default();
        engine.apply(
            900,
            Input::Started(Timestamp::from_millis(1)),
            &mut Vec::new(),
        );
        house.snapshots.write(&engine).unwrap();
        let (id, files) = (house.log.id(), house.files.clone());
        drop(house);
        for ending in ["", "-wal", "-shm"] {
            let path = format!("{}{ending}", files.log.display());
            // Not every one of them is there.
            drop(std::fs::remove_file(path));
        }
        let mut house = House::open(&config).unwrap();
        assert_eq!(house.log.next(), 901);
        assert_ne!(house.log.id(), id);
        assert_eq!(house.troubles.len(), 1);
        assert_eq!(house.newest_engine(&[]).unwrap().unwrap().position(), 900);
        drop(house);
        assert!(
            House::open(&config).unwrap().troubles.is_empty(),
            "told once"
        );
    }
}
