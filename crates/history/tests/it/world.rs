//! A log to replay, a store to kill, and a plain list that says what must be in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fenghuo_history::{Error, History, Options, Row, SeriesId};
use fenghuo_model::{
    PointRef, Reading, Reason, Sample, SampleId, Timestamp, Unit, Value, ValueType,
};
use tempfile::TempDir;

pub const CHUNK: usize = 16;
pub const AGE: Duration = Duration::from_secs(600);
/// 2026-11-30T23:50:00Z: ten minutes before a month's end.
pub const BASE_MS: i64 = 1_796_082_600_000;
pub const EVER: (Timestamp, Timestamp) = (Timestamp::MIN, Timestamp::MAX);

pub const TYPES: [ValueType; 5] = [
    ValueType::F64,
    ValueType::I64,
    ValueType::U64,
    ValueType::Bool,
    ValueType::Text,
];

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(BASE_MS + ms)
}

pub fn point(number: usize) -> PointRef {
    format!("plant/gw/p{number}").parse().unwrap()
}

pub fn options() -> Options {
    let mut options = Options::new("log one");
    options.chunk_samples = CHUNK;
    options.head_samples_max = 400;
    options.seal_age = AGE;
    options
}

/// A value of the type, from any number.
pub fn value(value_type: ValueType, seed: i32) -> Value {
    match value_type {
        ValueType::F64 => Value::F64(f64::from(seed) / 10.0),
        ValueType::I64 => Value::I64(i64::from(seed)),
        ValueType::U64 => Value::U64(u64::from(seed.unsigned_abs())),
        ValueType::Bool => Value::Bool(seed % 3 == 0),
        ValueType::Text => Value::Text(format!("状态 {}", seed % 7)),
    }
}

pub fn reading(value_type: ValueType, seed: i32) -> Reading {
    let reason = Reason::ALL[seed.unsigned_abs() as usize % Reason::ALL.len()];
    match seed.rem_euclid(11) {
        0 => Reading::Bad(reason),
        1 => Reading::Uncertain(value(value_type, seed), reason),
        _ => Reading::Good(value(value_type, seed)),
    }
}

pub struct World {
    pub dir: TempDir,
    pub history: History,
    pub series: Vec<SeriesId>,
    pub log: BTreeMap<u64, Vec<Row>>,
    pub position: u64,
    pub clock: Timestamp,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let history = History::open(dir.path(), options()).unwrap();
        let series = Self::register(&history);
        Self {
            dir,
            history,
            series,
            log: BTreeMap::new(),
            position: 0,
            clock: at(0),
        }
    }

    fn register(history: &History) -> Vec<SeriesId> {
        let wanted: Vec<_> = TYPES
            .iter()
            .enumerate()
            .map(|(number, value_type)| (point(number), Unit::ONE, *value_type))
            .collect();
        history.series_for_all(&wanted).unwrap()
    }

    /// One log entry: `(series, ms, seed)` each.
    pub fn frame(&mut self, samples: &[(usize, i64, i32)]) {
        self.position += 1;
        let row = |(index, (number, ms, seed)): (usize, &(usize, i64, i32))| Row {
            series: self.series[*number],
            id: SampleId {
                epoch: 1,
                seq: self.position,
                index: u32::try_from(index).unwrap(),
            },
            sample: Sample {
                time: at(*ms),
                reading: reading(TYPES[*number], *seed),
            },
        };
        let rows: Vec<Row> = samples.iter().enumerate().map(row).collect();
        let applied = self.history.apply(self.position, &rows).unwrap();
        assert_eq!(applied.stored, rows.len());
        self.log.insert(self.position, rows);
    }

    pub fn tick(&mut self, seconds: u64) {
        self.clock = self.clock.plus(Duration::from_secs(seconds));
        self.history.tick(self.clock).unwrap();
    }

    pub fn trim(&mut self) {
        self.log = self.log.split_off(&self.history.replay_from());
    }

    /// Ends the process without a word, and starts it again.
    pub fn kill(self, all: &mut Expected) -> Self {
        all.note(&self.log);
        let Self {
            dir,
            history,
            series,
            log,
            position,
            clock,
        } = self;
        drop(history);
        let history = open_again(dir.path());
        assert_eq!(Self::register(&history), series);
        let from = history.replay_from();
        for (position, rows) in log.range(from..) {
            let applied = history.apply(*position, rows).unwrap();
            assert_eq!(
                applied.stored + applied.replayed + applied.expired,
                rows.len()
            );
            assert_eq!(applied.refused, 0);
        }
        Self {
            dir,
            history,
            series,
            log,
            position,
            clock,
        }
    }

    /// Everything that was ever applied is there exactly once, in order; also on disk.
    pub fn check(&self, all: &mut Expected) {
        all.note(&self.log);
        for number in 0..TYPES.len() {
            let range = self
                .history
                .range_identified(&point(number), EVER.0, EVER.1, usize::MAX);
            assert_eq!(range.faults, vec![]);
            let found: Vec<_> = range
                .series
                .into_iter()
                .flat_map(|(_, rows)| rows)
                .collect();
            assert_eq!(found, all.of(self.series[number]), "point {number}");
        }
        let stats = self.history.stats();
        assert_eq!(
            stats.samples as usize + stats.head_samples,
            all.len(),
            "a sample is stored twice or not at all"
        );
        assert_eq!((stats.refused, stats.expired), (0, 0));
    }
}

/// The plain list.
#[derive(Default)]
pub struct Expected {
    rows: BTreeMap<(SeriesId, Timestamp, SampleId), Sample>,
    seen: BTreeSet<u64>,
}

impl Expected {
    pub fn note(&mut self, log: &BTreeMap<u64, Vec<Row>>) {
        for (position, rows) in log {
            if self.seen.insert(*position) {
                for row in rows {
                    let key = (row.series, row.sample.time, row.id);
                    self.rows.insert(key, row.sample.clone());
                }
            }
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn of(&self, series: SeriesId) -> Vec<(SampleId, Sample)> {
        let rows = self.rows.iter().filter(|((of, _, _), _)| *of == series);
        rows.map(|((_, _, id), sample)| (*id, sample.clone()))
            .collect()
    }
}

/// Opens a folder that this very process had open. Another test may just have forked a child,
/// which shares every lock until it becomes another program.
fn open_again(dir: &std::path::Path) -> History {
    for _ in 0..200 {
        match History::open(dir, options()) {
            Err(Error::Locked { .. }) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened.unwrap(),
        }
    }
    panic!("{} stays locked", dir.display());
}
