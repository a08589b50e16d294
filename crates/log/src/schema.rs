//! Tables and connection settings, in one place for writer and readers.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::LogError;

/// Stands in the file's header, so that another database is not taken for a log.
pub const APPLICATION_ID: i32 = 0x464e_484f; // "FNHO"
/// Version of the tables below.
pub const VERSION: i32 = 1;

/// A number above this was never a version: the header is damaged.
const VERSIONS_MAX: i32 = 1_000;

const TABLES: &str = "
    CREATE TABLE entry (position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE mark  (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
";

/// Opens for writing and creates what is missing. `bytes_max` bounds the database file.
pub fn open_writer(path: &Path, bytes_max: Option<u64>) -> Result<Connection, LogError> {
    let sqlite = |source| LogError::sqlite(path, source);
    let conn = Connection::open(path).map_err(sqlite)?;
    conn.busy_timeout(Duration::from_secs(5)).map_err(sqlite)?;
    conn.pragma_update(None, "page_size", 8_192)
        .map_err(sqlite)?;
    conn.pragma_update(None, "journal_mode", "WAL")
        .map_err(sqlite)?;
    conn.pragma_update(None, "synchronous", "FULL")
        .map_err(sqlite)?;
    conn.pragma_update(None, "wal_autocheckpoint", 1_000)
        .map_err(sqlite)?;
    conn.pragma_update(None, "journal_size_limit", 32 << 20)
        .map_err(sqlite)?;
    if bytes_max.is_some() {
        bound(&conn, bytes_max).map_err(sqlite)?;
    }
    create_or_check(path, &conn)?;
    Ok(conn)
}

/// Bounds the database file; a file that is larger already does not grow.
pub fn bound(conn: &Connection, bytes_max: Option<u64>) -> rusqlite::Result<()> {
    // SQLite's own bound where there is none.
    const PAGES_MAX: i64 = 4_294_967_294;
    let pages = bytes_max.map_or(PAGES_MAX, |bytes| {
        i64::try_from(bytes / 8_192).unwrap_or(i64::MAX).max(16)
    });
    conn.pragma_update(None, "max_page_count", pages)
}

/// Opens for reading only.
pub fn open_reader(path: &Path) -> Result<Connection, LogError> {
    let sqlite = |source| LogError::sqlite(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    conn.busy_timeout(Duration::from_secs(5)).map_err(sqlite)?;
    Ok(conn)
}

fn create_or_check(path: &Path, conn: &Connection) -> Result<(), LogError> {
    let sqlite = |source| LogError::sqlite(path, source);
    let pragma = |name| {
        conn.pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(sqlite)
    };
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if (application, version) == (APPLICATION_ID, VERSION) {
        return Ok(());
    }
    if application == APPLICATION_ID && (VERSION + 1..=VERSIONS_MAX).contains(&version) {
        return Err(LogError::Refused {
            path: path.to_owned(),
            what: format!("a log of version {version}; this program knows {VERSION}"),
        });
    }
    if (application, version) != (0, 0) {
        return Err(LogError::Corrupt {
            path: path.to_owned(),
            what: format!(
                "not a log of version {VERSION} (application {application:#x}, version {version})"
            ),
        });
    }
    conn.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES}
         PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))
    .map_err(sqlite)
}
