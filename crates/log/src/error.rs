//! What can go wrong with a log, each naming the file.

use std::path::{Path, PathBuf};

/// What opening a log takes: its journal's head and the file that connections share.
const OPENING_BYTES: u64 = 128 << 10;

/// A log's failure.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk (or the log's own budget) has no room. Nothing of the batch was kept; the
    /// same append may succeed later.
    #[error("{path}: no room left on the disk")]
    Full {
        /// The log's file.
        path: PathBuf,
    },
    /// Another process holds the log.
    #[error("{path}: in use by another process")]
    InUse {
        /// The log's file.
        path: PathBuf,
    },
    /// The file is not a log, is of another version, or its pages are damaged.
    #[error("{path}: {what}")]
    Corrupt {
        /// The log's file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The caller asked for something the log does not do.
    #[error("{path}: {what}")]
    Refused {
        /// The log's file.
        path: PathBuf,
        /// What was asked.
        what: String,
    },
    /// Any other failure of the database or the file system.
    #[error("{path}: {source}")]
    Sqlite {
        /// The log's file.
        path: PathBuf,
        /// The database's own words.
        source: rusqlite::Error,
    },
    /// A file could not be made, opened or locked.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
}

impl LogError {
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full { path },
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Corrupt {
                    path,
                    what: source.to_string(),
                }
            }
            _ => Self::Sqlite { path, source },
        }
    }

    /// Names what keeps a log from being opened on a full disk. The database shares a file
    /// among its connections; when that cannot grow, it speaks of an error of the disk.
    pub(crate) fn or_full(self) -> Self {
        use std::io::ErrorKind;
        let (path, is_room) = match &self {
            Self::Io { path, source } => {
                let kind = source.kind();
                let is_room = matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
                (path, is_room)
            }
            Self::Sqlite { path, source } => {
                use rusqlite::ErrorCode::{CannotOpen, SystemIoFailure};
                let code = source.sqlite_error_code();
                let is_disk = matches!(code, Some(SystemIoFailure | CannotOpen));
                let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
                let free = crate::free_bytes(dir.unwrap_or(Path::new(".")));
                (path, is_disk && free.is_ok_and(|free| free < OPENING_BYTES))
            }
            _ => return self,
        };
        if is_room {
            return Self::Full { path: path.clone() };
        }
        self
    }

    /// Whether the file itself is bad, so that trying again cannot help: damaged pages, or
    /// content that no log has. A disk that fails, is full or read-only is not that.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode;
        match self {
            Self::Corrupt { .. } => true,
            Self::Sqlite { source, .. } => match source.sqlite_error_code() {
                // Of the errors without a class: a table is missing. No code: a column holds
                // what it never held.
                Some(code) => matches!(code, ErrorCode::Unknown | ErrorCode::TypeMismatch),
                None => true,
            },
            Self::Full { .. } | Self::InUse { .. } | Self::Refused { .. } | Self::Io { .. } => {
                false
            }
        }
    }

    /// Whether trying the same again later may succeed.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}
