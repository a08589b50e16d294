//! Which months there are, and what they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use super::{APPLICATION, Counts, SCHEMA, VERSION, counts, database, renounce_other_log};
use crate::error::io;
use crate::{Error, Month, Result};

/// A file that could not be read at start: how far it has come is not known, so every
/// sample for it needs it opened first, and none is taken until that succeeds.
const UNREADABLE: Counts = Counts {
    generation: 0,
    applied: u64::MAX,
    chunks: 0,
    samples: 0,
};

/// What a file holds, at start. One that SQLite cannot read does not keep the other months
/// from answering; every query that would need it reports it.
fn survey(path: &Path, log: &str) -> Result<Counts> {
    let connection = match database::create(path, APPLICATION, VERSION, SCHEMA) {
        Err(Error::Sqlite { .. }) => return Ok(UNREADABLE),
        opened => opened?,
    };
    let renounced = renounce_other_log(&connection, log);
    let counted = renounced.and_then(|()| counts(&connection));
    Ok(counted.unwrap_or(UNREADABLE))
}

/// Which months there are, and what they hold; shared by writer and readers.
pub(crate) struct Months {
    dir: PathBuf,
    table: RwLock<BTreeMap<Month, Counts>>,
}

impl Months {
    /// Lists the folder; removes what a retention that was cut off left behind.
    pub(crate) fn list(dir: &Path, log: &str, oldest: Month) -> Result<Self> {
        let months = Self {
            dir: dir.to_owned(),
            table: RwLock::default(),
        };
        for entry in std::fs::read_dir(dir).map_err(io(dir, "list the folder"))? {
            let entry = entry.map_err(io(dir, "list the folder"))?;
            let name = entry.file_name();
            match name.to_str().and_then(Month::from_file_name) {
                Some(month) if month < oldest => database::remove(&months.path(month))?,
                Some(month) => months.set(month, survey(&months.path(month), log)?),
                None => {}
            }
        }
        Ok(months)
    }

    pub(crate) fn path(&self, month: Month) -> PathBuf {
        self.dir.join(month.file_name())
    }

    /// The highest log position that any readable file has come to.
    pub(crate) fn highest_applied(&self) -> u64 {
        let all = self.all().into_iter();
        let known = all.filter(|(_, counts)| *counts != UNREADABLE);
        known.map(|(_, counts)| counts.applied).max().unwrap_or(0)
    }

    pub(crate) fn all(&self) -> Vec<(Month, Counts)> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table
            .iter()
            .map(|(month, counts)| (*month, *counts))
            .collect()
    }

    /// Those that overlap `from..until`, oldest first.
    pub(crate) fn between(&self, from: i64, until: i64) -> Vec<Month> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let overlaps =
            |month: &&Month| month.end().as_millis() > from && month.start().as_millis() < until;
        table.keys().filter(overlaps).copied().collect()
    }

    pub(crate) fn set(&self, month: Month, counts: Counts) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.insert(month, counts);
    }

    /// The highest log position that a month has come to; 0 when there is no such file.
    pub(crate) fn applied(&self, month: Month) -> u64 {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.get(&month).map_or(0, |counts| counts.applied)
    }

    pub(crate) fn forget(&self, month: Month) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.remove(&month);
    }
}
