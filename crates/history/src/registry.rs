//! `series.db`: which point, unit and type each series is, and what the store as a whole
//! must remember (its log, its floor, its oldest month).
//!
//! A series is registered durably before any chunk may name it, so that a number never
//! passes to another point. Series are never deleted: a number costs about 200 bytes.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use fenghuo_model::{PointRef, Unit, ValueType};
use rusqlite::{Connection, params};

use crate::error::sqlite;
use crate::file::database;
use crate::{Error, Month, Result};

/// Most series that a store can hold: what fits beside 42 bits of time in a row id.
pub const SERIES_MAX: usize = (1 << 21) - 1;

const APPLICATION: i64 = 0x4648_5352; // "FHSR"
const VERSION: i64 = 1;
const SCHEMA: &str = "
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    point TEXT NOT NULL,
    unit TEXT NOT NULL,
    type INTEGER NOT NULL,
    UNIQUE (point, unit, type)
) STRICT;
CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    log TEXT NOT NULL,
    floor INTEGER NOT NULL,
    oldest INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (0, '', 0, 0);
";

/// One point in one unit and type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SeriesId(u32);

impl SeriesId {
    /// Its number, from 1 to [`SERIES_MAX`].
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    pub(crate) const fn slot(self) -> usize {
        self.0 as usize - 1
    }

    fn from_slot(slot: usize) -> Option<Self> {
        let number = u32::try_from(slot + 1).ok()?;
        (slot < SERIES_MAX).then_some(Self(number))
    }

    /// The series in a slot that is known to be taken.
    pub(crate) fn of_slot(slot: usize) -> Self {
        Self::from_slot(slot).expect("slots are only made for registered series")
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "series {}", self.0)
    }
}

/// What a series is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeriesMeta {
    /// Its number.
    pub id: SeriesId,
    /// Whose values it holds.
    pub point: PointRef,
    /// In which unit.
    pub unit: Unit,
    /// Of which type.
    pub value_type: ValueType,
}

#[derive(Default)]
struct Table {
    metas: Vec<SeriesMeta>,
    by_point: HashMap<PointRef, Vec<SeriesId>>,
}

impl Table {
    fn find(&self, point: &PointRef, unit: Unit, value_type: ValueType) -> Option<SeriesId> {
        let same = |id: &&SeriesId| {
            let meta = &self.metas[id.slot()];
            meta.unit == unit && meta.value_type == value_type
        };
        self.by_point.get(point)?.iter().find(same).copied()
    }

    fn add(&mut self, meta: SeriesMeta) {
        self.by_point
            .entry(meta.point.clone())
            .or_default()
            .push(meta.id);
        self.metas.push(meta);
    }
}

/// What the store as a whole remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// Everything below this log position is in the files.
    pub(crate) floor: u64,
    /// Older months were dropped for good.
    pub(crate) oldest: Month,
}

pub(crate) struct Registry {
    path: PathBuf,
    connection: Mutex<Connection>,
    table: RwLock<Table>,
}

impl Registry {
    /// Which log the positions of an existing store count in.
    pub(crate) fn log_of(dir: &Path) -> Result<String> {
        let path = dir.join("series.db");
        if !path.exists() {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(crate::error::io(&path, "find the registry")(source));
        }
        let connection = database::create(&path, APPLICATION, VERSION, SCHEMA)?;
        connection
            .query_row("SELECT log FROM state", [], |row| row.get(0))
            .map_err(sqlite(&path, "read the state"))
    }

    /// Opens or creates `series.db`. A floor that was counted in another log is forgotten.
    pub(crate) fn open(dir: &Path, log: &str) -> Result<(Self, State)> {
        let path = dir.join("series.db");
        let connection = database::create(&path, APPLICATION, VERSION, SCHEMA)?;
        let table = load(&connection, &path)?;
        let fail = sqlite(&path, "read the state");
        connection
            .execute(
                "UPDATE state SET log = ?1, floor = 0 WHERE log <> ?1",
                [log],
            )
            .map_err(&fail)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (floor, oldest) = connection
            .query_row("SELECT floor, oldest FROM state", [], row)
            .map_err(&fail)?;
        let state = State {
            floor: u64::try_from(floor).unwrap_or(0),
            oldest: Month::from_number(oldest).unwrap_or(Month::of(fenghuo_model::Timestamp::MIN)),
        };
        drop(fail);
        let registry = Self {
            path,
            connection: Mutex::new(connection),
            table: RwLock::new(table),
        };
        Ok((registry, state))
    }

    fn table(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> usize {
        self.table().metas.len()
    }

    /// The types of all series, by slot, from `from` on.
    pub(crate) fn types_from(&self, from: usize) -> Vec<ValueType> {
        let table = self.table();
        let metas = table.metas.get(from..).unwrap_or_default();
        metas.iter().map(|meta| meta.value_type).collect()
    }

    /// All series of a point, oldest first.
    pub(crate) fn of_point(&self, point: &PointRef) -> Vec<SeriesMeta> {
        let table = self.table();
        let ids = table.by_point.get(point).map_or(&[][..], Vec::as_slice);
        ids.iter()
            .map(|id| table.metas[id.slot()].clone())
            .collect()
    }

    pub(crate) fn meta(&self, id: SeriesId) -> Option<SeriesMeta> {
        self.table().metas.get(id.slot()).cloned()
    }

    pub(crate) fn by_number(&self, number: i64) -> Option<SeriesMeta> {
        let slot = usize::try_from(number).ok()?.checked_sub(1)?;
        self.table().metas.get(slot).cloned()
    }

    pub(crate) fn all(&self) -> Vec<SeriesMeta> {
        self.table().metas.clone()
    }

    /// Finds or registers each, the new ones in one durable transaction: all or none.
    pub(crate) fn register(&self, wanted: &[(PointRef, Unit, ValueType)]) -> Result<Vec<SeriesId>> {
        let find = |table: &Table| {
            let one =
                |(point, unit, ty): &(PointRef, Unit, ValueType)| table.find(point, *unit, *ty);
            wanted.iter().map(one).collect::<Option<Vec<_>>>()
        };
        if let Some(known) = find(&self.table()) {
            return Ok(known);
        }
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fresh = self.fresh(wanted)?;
        let fail = sqlite(&self.path, "register a series");
        let transaction = connection.transaction().map_err(&fail)?;
        for meta in &fresh {
            let row = params![
                meta.id.0,
                meta.point.to_string(),
                meta.unit.symbol(),
                meta.value_type as u8
            ];
            transaction
                .prepare_cached("INSERT INTO series VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut insert| insert.execute(row))
                .map_err(&fail)?;
        }
        transaction.commit().map_err(&fail)?;
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        fresh.into_iter().for_each(|meta| table.add(meta));
        Ok(find(&table).expect("every wanted series was just added"))
    }

    /// Those that are not yet there, each once. Called under the connection's lock, so that
    /// nobody else gives out the same numbers.
    fn fresh(&self, wanted: &[(PointRef, Unit, ValueType)]) -> Result<Vec<SeriesMeta>> {
        let table = self.table();
        let mut seen = std::collections::HashSet::new();
        let mut fresh = Vec::new();
        for (point, unit, value_type) in wanted {
            let known = table.find(point, *unit, *value_type).is_some();
            if known || !seen.insert((point, *unit, *value_type)) {
                continue;
            }
            let id = SeriesId::from_slot(table.metas.len() + fresh.len());
            fresh.push(SeriesMeta {
                id: id.ok_or_else(|| Error::SeriesFull {
                    point: point.clone(),
                })?,
                point: point.clone(),
                unit: *unit,
                value_type: *value_type,
            });
        }
        Ok(fresh)
    }

    /// Durably raises the floor.
    pub(crate) fn save_floor(&self, floor: u64) -> Result<()> {
        let floor = i64::try_from(floor).unwrap_or(i64::MAX);
        self.save("UPDATE state SET floor = ?1", floor, "save the floor")
    }

    /// Durably remembers that older months are gone, before they go.
    pub(crate) fn save_oldest(&self, oldest: Month) -> Result<()> {
        let number = i64::from(oldest.number());
        self.save(
            "UPDATE state SET oldest = ?1",
            number,
            "save the oldest month",
        )
    }

    fn save(&self, sql: &str, number: i64, doing: &'static str) -> Result<()> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = connection.execute(sql, [number]);
        changed.map(drop).map_err(sqlite(&self.path, doing))
    }
}

fn load(connection: &Connection, path: &Path) -> Result<Table> {
    let fail = sqlite(path, "read the series");
    let mut select = connection
        .prepare("SELECT id, point, unit, type FROM series ORDER BY id")
        .map_err(&fail)?;
    let mut rows = select.query([]).map_err(&fail)?;
    let mut table = Table::default();
    while let Some(row) = rows.next().map_err(&fail)? {
        let id: i64 = row.get(0).map_err(&fail)?;
        let refuse = |what: String| Error::Registry {
            path: path.to_owned(),
            id,
            what,
        };
        let (point, unit): (String, String) =
            (row.get(1).map_err(&fail)?, row.get(2).map_err(&fail)?);
        let code: i64 = row.get(3).map_err(&fail)?;
        let slot = SeriesId::from_slot(table.metas.len());
        let numbered = slot.filter(|slot| i64::from(slot.0) == id);
        table.add(SeriesMeta {
            id: numbered.ok_or_else(|| refuse("does not follow the one before".to_owned()))?,
            point: point.parse().map_err(|error| refuse(format!("{error}")))?,
            unit: Unit::parse(&unit).map_err(|error| refuse(error.to_string()))?,
            value_type: value_type(code).ok_or_else(|| refuse(format!("value type {code}")))?,
        });
    }
    Ok(table)
}

const fn value_type(code: i64) -> Option<ValueType> {
    Some(match code {
        0 => ValueType::F64,
        1 => ValueType::I64,
        2 => ValueType::U64,
        3 => ValueType::Bool,
        4 => ValueType::Text,
        _ => return None,
    })
}
