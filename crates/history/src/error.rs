//! What can go wrong, always with the file it went wrong in.

use std::path::{Path, PathBuf};

use fenghuo_model::PointRef;

use crate::registry::{SERIES_MAX, SeriesId};

/// A piece of stored data that cannot be read. The rest of the store still answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {series}{}: {what}", path.display(), chunk_text(*chunk))]
pub struct Fault {
    /// The file that holds it.
    pub path: PathBuf,
    /// Whose samples cannot be read.
    pub series: SeriesId,
    /// The row id of the chunk; nothing when the file as a whole cannot be read.
    pub chunk: Option<i64>,
    /// What is wrong with it.
    pub what: String,
}

fn chunk_text(chunk: Option<i64>) -> String {
    chunk.map_or_else(String::new, |id| format!(", chunk {id}"))
}

/// Why history could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite failed.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// SQLite's own words.
        source: rusqlite::Error,
    },
    /// The file system failed.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Another process holds the folder.
    #[error("{}: another process is using this history", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The file was written by another version, or is no history file at all.
    #[error("{}: format {found}, this program knows {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The format that this program reads and writes.
        known: i64,
    },
    /// A row of the series registry that this program cannot understand.
    #[error("{}: series {id}: {what}", path.display())]
    Registry {
        /// The registry.
        path: PathBuf,
        /// The row.
        id: i64,
        /// What is wrong with it.
        what: String,
    },
    /// The registry is full.
    #[error("no room for a series of `{point}`: history holds at most {SERIES_MAX}")]
    SeriesFull {
        /// The point that wanted one.
        point: PointRef,
    },
    /// A log position that does not follow the last one.
    #[error("log position {given} does not follow {last}")]
    Position {
        /// The position given.
        given: u64,
        /// The last one taken.
        last: u64,
    },
    /// An option outside of what can work.
    #[error("option `{name}`: {what}")]
    Option {
        /// Which option.
        name: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A chunk could not be packed.
    #[error("{series}: cannot pack a chunk: {what}")]
    Pack {
        /// Whose samples they are.
        series: SeriesId,
        /// What went wrong.
        what: String,
    },
    /// An earlier failure left the files in doubt. Reading goes on; writing needs a restart,
    /// which replays the log.
    #[error("writing stopped after: {cause}")]
    Poisoned {
        /// The earlier failure.
        cause: String,
    },
}

/// Turns SQLite's errors into ours.
pub(crate) fn sqlite<'a>(
    path: &'a Path,
    doing: &'static str,
) -> impl Fn(rusqlite::Error) -> Error + 'a {
    move |source| Error::Sqlite {
        path: path.to_owned(),
        doing,
        source,
    }
}

/// Turns the file system's errors into ours.
pub(crate) fn io<'a>(path: &'a Path, doing: &'static str) -> impl Fn(std::io::Error) -> Error + 'a {
    move |source| Error::Io {
        path: path.to_owned(),
        doing,
        source,
    }
}
