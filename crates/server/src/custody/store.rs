//! The book on disk: a row for each gateway, hour and run, gaps, and the catalogs that name
//! the points. Written by one, read by many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fenghuo_model::{Catalog, CatalogId, GatewayKey, Timestamp};
use fenghuo_uplink::custody::{Account, HOUR_MS, Tally, hour_of, stretches};
use fenghuo_uplink::frame::Gap;
use fenghuo_uplink::{catalog, wire};
use prost::Message as _;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};

use crate::entry::FrameEntry;

const VERSION: i32 = 1;
const TABLES: &str = "
    CREATE TABLE book (
        gateway TEXT NOT NULL, hour INTEGER NOT NULL, epoch INTEGER NOT NULL,
        catalog BLOB NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (gateway, hour, epoch, catalog));
    CREATE INDEX book_hour ON book (hour);
    CREATE TABLE gap (
        gateway TEXT NOT NULL, until INTEGER NOT NULL, since INTEGER NOT NULL,
        why INTEGER NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (gateway, until, since, why, count)) WITHOUT ROWID;
    CREATE TABLE catalog (id BLOB PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE applied (one INTEGER PRIMARY KEY CHECK (one = 1), next INTEGER NOT NULL);
    INSERT INTO applied VALUES (1, 0);
";

/// How many hours before the watermark of its frame an account may be about.
const HOURS_BACK_MAX: i64 = 48;

/// Accounts of one frame that are taken down: a collector tells one a frame. Each may cost as
/// much as all points of the gateway.
const ACCOUNTS_MAX: usize = 8;
/// Runs of a gateway that are taken down of an hour. A collector that restarts more often is
/// seen to be dark, and what it sends is counted in history.
const RUNS_MAX: u32 = 256;
/// Gaps of one answer.
const GAPS_MAX: u32 = 10_000;

/// Why the book cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The database.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Tables of another version of this program.
    #[error("{}: version {found}; this program knows {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: i32,
    },
}

/// The hours from `first` on, `count` of them, in hours since the epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hours {
    /// The first one.
    pub first: i64,
    /// How many.
    pub count: usize,
}

impl Hours {
    fn end(self) -> i64 {
        let count = i64::try_from(self.count).unwrap_or(i64::MAX);
        self.first.saturating_add(count)
    }
}

/// What one run counted of an hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    /// Hours since the epoch.
    pub hour: i64,
    /// Counted from here.
    pub from: Timestamp,
    /// Up to here.
    pub until: Timestamp,
    /// Whose points.
    pub catalog: CatalogId,
    /// What was counted of the points that were asked for, by their places in the catalog.
    tallies: Vec<(u32, Tally)>,
}

impl Book {
    /// A stored account, of which only these points are kept: a large gateway's month of whole
    /// ones would not fit into memory.
    fn of(account: &Account, catalog: CatalogId, points: &BTreeSet<u32>) -> Self {
        let tallies = points.iter().map(|point| (*point, tally(account, *point)));
        Self {
            hour: account.hour,
            from: account.from,
            until: account.until,
            catalog,
            tallies: tallies.filter(|(_, tally)| !tally.is_empty()).collect(),
        }
    }

    /// What was counted of a point that was asked for; zeros when nothing was.
    #[must_use]
    pub fn tally(&self, point: u32) -> Tally {
        let found = self.tallies.binary_search_by_key(&point, |it| it.0);
        found.map_or_else(|_| Tally::default(), |at| self.tallies[at].1)
    }
}

fn tally(account: &Account, point: u32) -> Tally {
    let stretches = &account.stretches;
    let at = stretches.partition_point(|it| it.first <= point);
    let found = at.checked_sub(1).map(|at| &stretches[at]);
    let found = found.filter(|it| point - it.first < it.points);
    found.map_or_else(Tally::default, |it| it.tally)
}

/// Catalogs of some hours.
pub type CatalogsOf = BTreeMap<CatalogId, Arc<Catalog>>;

/// Points that are asked for, by their places in the catalogs.
pub type Places = BTreeMap<CatalogId, BTreeSet<u32>>;

/// All that a gateway told of some hours.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Since when anything is told of it at all.
    pub since: Option<Timestamp>,
    /// Runs, by hour.
    pub books: Vec<Book>,
    /// What it says is missing.
    pub gaps: Vec<Gap>,
    /// The catalogs that the books name; without books, the last one before.
    pub catalogs: CatalogsOf,
}

impl Told {
    /// The runs of one hour.
    #[must_use]
    pub fn of_hour(&self, hour: i64) -> &[Book] {
        let first = self.books.partition_point(|book| book.hour < hour);
        let end = self.books.partition_point(|book| book.hour <= hour);
        &self.books[first..end]
    }
}

/// The open book.
#[derive(Debug)]
pub struct Custody {
    path: PathBuf,
    conn: Connection,
}

impl Custody {
    /// Opens or makes it.
    ///
    /// # Errors
    /// [`CustodyError`] when the file is no book, or of another version.
    pub fn open(path: &Path) -> Result<Self, CustodyError> {
        let sqlite = |source| CustodyError::Sqlite {
            path: path.to_owned(),
            source,
        };
        let conn = prepare(path).map_err(sqlite)?;
        let found = conn.pragma_query_value(None, "user_version", |row| row.get(0));
        match found.map_err(sqlite)? {
            VERSION => Ok(Self {
                path: path.to_owned(),
                conn,
            }),
            found => Err(CustodyError::Version {
                path: path.to_owned(),
                found,
            }),
        }
    }

    /// Opens it to look something up.
    ///
    /// # Errors
    /// [`CustodyError`] when it cannot be read.
    pub fn open_to_read(path: &Path) -> Result<Self, CustodyError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags);
        let conn = conn.map_err(|source| CustodyError::Sqlite {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            conn,
        })
    }

    fn error(&self, source: rusqlite::Error) -> CustodyError {
        CustodyError::Sqlite {
            path: self.path.clone(),
            source,
        }
    }

    /// The log position to go on from.
    ///
    /// # Errors
    /// [`CustodyError`] when it cannot be read.
    pub fn next(&self) -> Result<u64, CustodyError> {
        let next = self
            .conn
            .query_row("SELECT next FROM applied", [], |row| row.get::<_, i64>(0));
        let next = next.map_err(|source| self.error(source))?;
        Ok(next.cast_unsigned())
    }

    /// Takes down what frames tell, in one transaction, and where the log goes on after them.
    ///
    /// # Errors
    /// [`CustodyError`]; nothing is taken down then.
    pub fn write(&mut self, frames: &[&FrameEntry], next: u64) -> Result<(), CustodyError> {
        let path = self.path.clone();
        let sqlite = |source| CustodyError::Sqlite { path, source };
        (|| {
            let tx = self.conn.transaction()?;
            for frame in frames {
                take(&tx, frame)?;
            }
            tx.execute("UPDATE applied SET next = ?1", [next.cast_signed()])?;
            tx.commit()
        })()
        .map_err(sqlite)
    }

    /// Forgets hours before this one, and catalogs that nothing names any more.
    ///
    /// # Errors
    /// [`CustodyError`] when it cannot be written.
    pub fn forget_before(&mut self, hour: i64) -> Result<(), CustodyError> {
        let forget = |conn: &Connection| {
            conn.execute("DELETE FROM book WHERE hour < ?1", [hour])?;
            let until = hour.saturating_mul(HOUR_MS);
            conn.execute("DELETE FROM gap WHERE until < ?1", [until])?;
            let unnamed = "DELETE FROM catalog WHERE id NOT IN (SELECT catalog FROM book)";
            conn.execute(unnamed, [])
        };
        let done = forget(&self.conn).map(drop);
        done.map_err(|source| self.error(source))
    }

    /// What a gateway told of some hours, about the points that `pick` names of the catalogs.
    ///
    /// # Errors
    /// [`CustodyError`] when it cannot be read.
    pub fn told(
        &self,
        gateway: &GatewayKey,
        hours: Hours,
        pick: impl FnOnce(&CatalogsOf) -> Places,
    ) -> Result<Told, CustodyError> {
        let told = || -> rusqlite::Result<Told> {
            // One state of the file for all of it.
            let _snapshot = self.conn.unchecked_transaction()?;
            let gateway = gateway.to_string();
            let mut ids = self.named(&gateway, hours)?;
            if ids.is_empty() {
                ids.extend(self.last_catalog(&gateway, hours.first)?);
            }
            let mut catalogs = BTreeMap::new();
            for id in ids {
                if !catalogs.contains_key(&id)
                    && let Some(catalog) = self.catalog(id)?
                {
                    catalogs.insert(id, Arc::new(catalog));
                }
            }
            let places = pick(&catalogs);
            Ok(Told {
                since: self.since(&gateway)?,
                books: self.books(&gateway, hours, &places)?,
                gaps: self.gaps(&gateway, hours)?,
                catalogs,
            })
        };
        told().map_err(|source| self.error(source))
    }

    /// The catalogs that the books of some hours name.
    fn named(&self, gateway: &str, hours: Hours) -> rusqlite::Result<Vec<CatalogId>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT DISTINCT catalog FROM book WHERE gateway = ?1 AND hour >= ?2 AND hour < ?3",
        )?;
        let row = |row: &rusqlite::Row<'_>| row.get(0).map(CatalogId);
        let rows = statement.query_map(params![gateway, hours.first, hours.end()], row)?;
        rows.collect()
    }

    fn books(&self, gateway: &str, hours: Hours, places: &Places) -> rusqlite::Result<Vec<Book>> {
        let none = BTreeSet::new();
        let mut statement = self.conn.prepare_cached(
            "SELECT catalog, body FROM book
             WHERE gateway = ?1 AND hour >= ?2 AND hour < ?3 ORDER BY hour, epoch",
        )?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
        let rows = statement.query_map(params![gateway, hours.first, hours.end()], row)?;
        rows.filter_map(|row| match row {
            Ok((catalog, body)) => {
                let account = stored(&body)?;
                let catalog = CatalogId(catalog);
                let points = places.get(&catalog).unwrap_or(&none);
                Some(Ok(Book::of(&account, catalog, points)))
            }
            Err(error) => Some(Err(error)),
        })
        .collect()
    }

    fn since(&self, gateway: &str) -> rusqlite::Result<Option<Timestamp>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT body FROM book WHERE gateway = ?1
             AND hour = (SELECT min(hour) FROM book WHERE gateway = ?1)",
        )?;
        let bodies = statement.query_map([gateway], |row| row.get::<_, Vec<u8>>(0))?;
        let bodies = bodies.collect::<rusqlite::Result<Vec<_>>>()?;
        let accounts = bodies.iter().filter_map(|body| stored(body));
        Ok(accounts.map(|account| account.from).min())
    }

    fn last_catalog(&self, gateway: &str, before: i64) -> rusqlite::Result<Option<CatalogId>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT catalog FROM book WHERE gateway = ?1 AND hour < ?2
             ORDER BY hour DESC, seq DESC LIMIT 1",
        )?;
        let found = statement.query_row(params![gateway, before], |row| row.get(0));
        Ok(found.optional()?.map(CatalogId))
    }

    fn catalog(&self, id: CatalogId) -> rusqlite::Result<Option<Catalog>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT body FROM catalog WHERE id = ?1")?;
        let body = statement.query_row([id.0], |row| row.get::<_, Vec<u8>>(0));
        Ok(body
            .optional()?
            .and_then(|body| catalog::from_bytes(&body).ok()))
    }

    fn gaps(&self, gateway: &str, hours: Hours) -> rusqlite::Result<Vec<Gap>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT since, until, count, why FROM gap
             WHERE gateway = ?1 AND until >= ?2 AND since < ?3 ORDER BY since, until LIMIT ?4",
        )?;
        let (from, end) = (
            hours.first.saturating_mul(HOUR_MS),
            hours.end().saturating_mul(HOUR_MS),
        );
        let gap = |row: &rusqlite::Row<'_>| {
            Ok(Gap {
                from: row.get(0)?,
                until: row.get(1)?,
                count: row.get::<_, i64>(2)?.cast_unsigned(),
                why: row.get(3)?,
            })
        };
        statement
            .query_map(params![gateway, from, end, GAPS_MAX], gap)?
            .collect()
    }
}

fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    let mut conn = Connection::open(path)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    let found: i32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == 0 {
        let tx = conn.transaction()?;
        tx.execute_batch(TABLES)?;
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.commit()?;
    }
    Ok(conn)
}

fn take(tx: &Transaction<'_>, frame: &FrameEntry) -> rusqlite::Result<()> {
    let gateway = frame.gateway.to_string();
    for gap in &frame.gaps {
        tx.prepare_cached("INSERT OR IGNORE INTO gap VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                gateway,
                gap.until,
                gap.from,
                gap.why,
                gap.count.cast_signed()
            ])?;
    }
    let now = hour_of(frame.head.watermark);
    let points = frame.catalog.points().len();
    for account in frame.accounts.iter().take(ACCOUNTS_MAX) {
        // Nobody counts points that he does not have.
        if account.reach() as usize > points {
            continue;
        }
        // A run tells of its last two hours; what it spooled then may come much later, with the
        // watermark of then.
        if !(now - HOURS_BACK_MAX..=now + 2).contains(&account.hour) {
            continue;
        }
        book(tx, &gateway, frame, account)?;
    }
    Ok(())
}

/// Puts an account in the place of what the same run said of the same points before.
fn book(
    tx: &Transaction<'_>,
    gateway: &str,
    frame: &FrameEntry,
    account: &Account,
) -> rusqlite::Result<()> {
    let (epoch, seq) = (frame.head.epoch.cast_signed(), frame.head.seq.cast_signed());
    let id = frame.head.catalog.0;
    let key = params![gateway, account.hour, epoch, id];
    let before = tx
        .prepare_cached(
            "SELECT seq, body FROM book
             WHERE gateway = ?1 AND hour = ?2 AND epoch = ?3 AND catalog = ?4",
        )?
        .query_row(key, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let merged = match &before {
        Some((newest, body)) => match stored(body) {
            Some(before) if *newest > seq => merge(account, &before),
            Some(before) => merge(&before, account),
            None => account.clone(),
        },
        None if runs(tx, gateway, account.hour)? >= RUNS_MAX => return Ok(()),
        None => {
            tx.prepare_cached("INSERT OR IGNORE INTO catalog VALUES (?1, ?2)")?
                .execute(params![id, catalog::to_bytes(&frame.catalog)])?;
            account.clone()
        }
    };
    let seq = before.map_or(seq, |(newest, _)| newest.max(seq));
    tx.prepare_cached("INSERT OR REPLACE INTO book VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            gateway,
            account.hour,
            epoch,
            id,
            seq,
            merged.to_wire().encode_to_vec()
        ])?;
    Ok(())
}

fn runs(tx: &Transaction<'_>, gateway: &str, hour: i64) -> rusqlite::Result<u32> {
    let runs = "SELECT count(*) FROM book WHERE gateway = ?1 AND hour = ?2";
    tx.prepare_cached(runs)?
        .query_row(params![gateway, hour], |row| row.get(0))
}

fn stored(body: &[u8]) -> Option<Account> {
    Account::from_stored(&wire::Custody::decode(body).ok()?).ok()
}

/// The older one with what the newer one says of its points.
fn merge(older: &Account, newer: &Account) -> Account {
    let mut tallies = vec![Tally::default(); older.reach().max(newer.reach()) as usize];
    for stretch in older.stretches.iter().chain(&newer.stretches) {
        let (first, points) = (stretch.first as usize, stretch.points as usize);
        tallies[first..first + points].fill(stretch.tally);
    }
    Account {
        hour: newer.hour,
        from: older.from.min(newer.from),
        until: older.until.max(newer.until),
        stretches: stretches(&tallies),
    }
}

/// The first hour of what is kept, so many whole months before now.
#[must_use]
pub fn kept_from(now: Timestamp, months: u16) -> i64 {
    let month = fenghuo_history::Month::of(now).earlier(months);
    hour_of(month.start())
}

#[cfg(test)]
mod tests;
