//! Opening a SQLite file the one way that history opens them for writing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{io, sqlite};
use crate::{Error, Result};

/// Readers and the writer do not wait for each other in WAL mode; this covers recovery and
/// the rare moment of a checkpoint that resets the WAL.
const BUSY: Duration = Duration::from_secs(5);
/// The WAL is moved into the file when it has this many pages: 4 MB keeps the longest call
/// near 20 ms, 16 MB were measured to hold one for 90 to 450 ms.
const CHECKPOINT_PAGES: i64 = 500;
/// What a WAL may keep on disk after a checkpoint.
const WAL_BYTES_KEPT: i64 = 8 << 20;
/// Chunks are one to four kilobytes: larger pages waste less at their ends.
const PAGE_BYTES: i64 = 8_192;
const CACHE_KIB: i64 = 8_192;

/// Opens a database for writing; a new or empty file gets the schema in one transaction.
pub(crate) fn create(
    path: &Path,
    application: i64,
    version: i64,
    schema: &str,
) -> Result<Connection> {
    let fail = sqlite(path, "open the database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fresh = !path.exists();
    let connection = Connection::open_with_flags(path, flags).map_err(&fail)?;
    connection.busy_timeout(BUSY).map_err(&fail)?;
    let set = |name, value: i64| connection.pragma_update(None, name, value).map_err(&fail);
    set("page_size", PAGE_BYTES)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(&fail)?;
    if mode != "wal" {
        return Err(Error::Io {
            path: path.to_owned(),
            doing: "use a write-ahead log",
            source: std::io::Error::other(format!("journal mode stays {mode}")),
        });
    }
    // FULL: a commit that has returned survives a power cut. The log is trimmed on it.
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(&fail)?;
    set("wal_autocheckpoint", CHECKPOINT_PAGES)?;
    set("journal_size_limit", WAL_BYTES_KEPT)?;
    set("cache_size", -CACHE_KIB)?;
    let found = number(&connection, "user_version").map_err(&fail)?;
    if found == 0 && is_empty(&connection).map_err(&fail)? {
        let script = format!(
            "BEGIN IMMEDIATE; PRAGMA application_id = {application}; \
             PRAGMA user_version = {version}; {schema} COMMIT;"
        );
        connection
            .execute_batch(&script)
            .map_err(sqlite(path, "create the tables"))?;
    } else {
        check(&connection, path, application, version)?;
    }
    if fresh {
        sync_folder(path)?;
    }
    Ok(connection)
}

/// Refuses a file of another program or version.
pub(crate) fn check(
    connection: &Connection,
    path: &Path,
    application: i64,
    version: i64,
) -> Result<()> {
    let fail = sqlite(path, "read the format");
    let found = number(connection, "user_version").map_err(&fail)?;
    let ours = number(connection, "application_id").map_err(&fail)? == application;
    if ours && found == version {
        return Ok(());
    }
    Err(Error::Version {
        path: path.to_owned(),
        found,
        known: version,
    })
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let count = "SELECT count(*) FROM sqlite_schema";
    connection
        .query_row(count, [], |row| row.get::<_, i64>(0))
        .map(|tables| tables == 0)
}

/// Makes a new file's name survive a power cut.
fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io(folder, "sync the folder"))
}

/// Removes a database and what SQLite keeps beside it. The database goes first: without
/// it the rest is never read again.
pub(crate) fn remove(path: &Path) -> Result<()> {
    for tail in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(tail);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io(path, "remove the file")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Bytes of a database with what SQLite keeps beside it.
pub(crate) fn bytes(path: &Path) -> u64 {
    let size = |tail: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(tail);
        fs::metadata(&name).map_or(0, |data| data.len())
    };
    size("") + size("-wal")
}
