//! A disk that is full, which only the inside can stage.

use std::time::Duration;

use fenghuo_model::{PointRef, Reading, Sample, SampleId, Timestamp, Unit, Value, ValueType};

use crate::{Applied, Error, History, Month, Options, Row, SeriesId};

const START_MS: i64 = 1_796_000_000_000;

struct Plant {
    _dir: tempfile::TempDir,
    history: History,
    point: PointRef,
    series: SeriesId,
    taken: u64,
}

impl Plant {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::new("log");
        options.chunk_samples = 32;
        options.head_samples_max = 256;
        options.seal_age = Duration::from_secs(60);
        let history = History::open(dir.path(), options).unwrap();
        let point: PointRef = "plant/gw/p".parse().unwrap();
        let series = history
            .series_for(&point, Unit::ONE, ValueType::U64)
            .unwrap();
        Self {
            _dir: dir,
            history,
            point,
            series,
            taken: 0,
        }
    }

    /// Numbers that cannot be packed, so that pages fill.
    fn apply(&mut self) -> crate::Result<Applied> {
        let position = self.taken + 1;
        let row = |index: u32| Row {
            series: self.series,
            id: SampleId {
                epoch: 1,
                seq: position,
                index,
            },
            sample: Sample {
                time: Timestamp::from_millis(
                    START_MS + (position * 1_000 + u64::from(index)) as i64,
                ),
                reading: Reading::Good(Value::U64(
                    (position * 64 + u64::from(index)).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                )),
            },
        };
        let rows: Vec<Row> = (0..40).map(row).collect();
        let applied = self.history.apply(position, &rows)?;
        self.taken = position;
        Ok(applied)
    }

    fn limit_pages(&self, pages: i64) {
        let inner = &*self.history.inner;
        let mut writer = inner.writer();
        let month = Month::of(Timestamp::from_millis(START_MS));
        let file = inner.file(&mut writer.files, month).unwrap();
        file.limit_pages(pages);
    }

    fn stored(&self) -> usize {
        let ever = (Timestamp::MIN, Timestamp::MAX);
        let range = self
            .history
            .range_identified(&self.point, ever.0, ever.1, usize::MAX);
        assert_eq!(range.faults, vec![]);
        range.series.first().map_or(0, |(_, rows)| rows.len())
    }
}

#[test]
fn a_full_disk_takes_nothing_more_and_goes_on_when_there_is_room() {
    let mut plant = Plant::new();
    plant.apply().unwrap();
    plant.history.seal_all().unwrap();
    plant.limit_pages(8);
    let error = loop {
        assert!(plant.taken < 1_000, "the limit was never met");
        if let Err(error) = plant.apply() {
            break error;
        }
    };
    assert!(matches!(error, Error::Sqlite { .. }), "{error}");
    for _ in 0..3 {
        assert!(plant.apply().is_err());
        let later = Timestamp::from_millis(START_MS + 10_000_000);
        assert!(plant.history.tick(later).is_err());
    }
    let held = plant.history.replay_from();
    assert!(held <= plant.taken, "what is not on disk holds the log");
    assert_eq!(plant.stored(), plant.taken as usize * 40);

    plant.limit_pages(1 << 30);
    plant.apply().unwrap();
    plant.history.seal_all().unwrap();
    let stats = plant.history.stats();
    assert_eq!(
        stats.samples,
        plant.taken * 40,
        "each sample is on disk once"
    );
    assert_eq!(
        (stats.head_samples, plant.history.inner.heads().weight()),
        (0, 0)
    );
    assert_eq!(plant.history.replay_from(), plant.taken + 1);
    assert_eq!(plant.stored(), plant.taken as usize * 40);
}
