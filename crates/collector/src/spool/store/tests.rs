//! The spool's promises: killed, restored from a copy, full, refused, damaged.

use std::collections::BTreeMap;

use fenghuo_model::{Kind, PointDef, PointKey, Reading, Sample, Title, Unit, Value, ValueType};
use fenghuo_uplink::frame::{FrameBuilder, Record};

use super::*;

const BUDGET: u64 = 16 << 20;

fn catalog(points: usize) -> Arc<Catalog> {
    let point = |at: usize| PointDef {
        key: PointKey::new(&format!("p{at}")).unwrap(),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::new(),
    };
    Arc::new(Catalog::new((0..points).map(point).collect()).unwrap())
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_795_392_000_000 + ms)
}

fn frame(catalog: &Arc<Catalog>, ms: i64, samples: usize) -> Closed {
    let mut builder = FrameBuilder::new(catalog.clone());
    for sample in 0..samples {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let number = ms as f64 + sample as f64 * 0.1;
        let sample = Sample {
            time: at(ms),
            reading: Reading::Good(Value::F64(number)),
        };
        builder.push(0, &sample).unwrap();
    }
    Closed {
        builder,
        watermark: at(ms),
        steady: at(ms),
    }
}

struct Rig {
    store: Store,
    found: Found,
    catalog: Arc<Catalog>,
}

fn open(dir: &Path, epoch: u64, points: usize) -> Rig {
    let catalog = catalog(points);
    let (store, found) = Store::open(dir, BUDGET, "server", catalog.clone(), epoch).unwrap();
    Rig {
        store,
        found,
        catalog,
    }
}

impl Rig {
    fn put(&mut self, ms: i64, samples: usize) -> Vec<Event> {
        let sealed = self.store.seal([frame(&self.catalog, ms, samples)]);
        self.store.write(&sealed).unwrap()
    }

    fn frame(&self, seq: u64) -> Frame {
        let entry = self.store.reader.get(seq).unwrap().unwrap();
        Frame::decode(&entry.body).unwrap()
    }

    fn gaps(&self, seq: u64) -> Vec<(GapReason, u64)> {
        let records = self.frame(seq).records;
        let gap = |record: &Record| match record {
            Record::Gap(gap) => Some((GapReason::from_code(gap.why), gap.count)),
            _ => None,
        };
        records.iter().filter_map(gap).collect()
    }
}

#[test]
fn a_killed_run_is_found_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    assert!(rig.found.clean && rig.found.watermark.is_none());
    for ms in [0, 200, 400] {
        rig.put(ms, 3);
    }
    let custody = Custody {
        log_id: Some([9; 16]),
        trimmed_below: 2,
        trimmed_epoch: 7,
    };
    rig.store.trim(2, &custody).unwrap();
    drop(rig);
    let mut rig = open(dir.path(), 8, 1);
    assert!(!rig.found.clean);
    assert_eq!(rig.found.watermark, Some(at(400)));
    assert_eq!((rig.found.oldest, rig.found.next), (2, 4));
    assert_eq!(rig.found.oldest_watermark, Some(at(200)));
    assert_eq!(rig.found.custody, custody);
    rig.put(1_000, 1);
    let head = rig.frame(4).head;
    assert_eq!((head.epoch, head.seq, head.epoch_first), (8, 4, 4));
    rig.store.end().unwrap();
    drop(rig);
    let rig = open(dir.path(), 9, 1);
    assert!(rig.found.clean);
    let spans: Vec<_> = rig
        .found
        .epochs()
        .iter()
        .map(|e| (e.epoch, e.first, e.last))
        .collect();
    assert_eq!(spans, [(7, 1, 3), (8, 4, 4)]);
}

#[test]
fn a_restored_copy_goes_on_under_its_own_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    rig.put(0, 1);
    rig.store.end().unwrap();
    drop(rig);
    std::fs::copy(dir.path().join("spool.db"), copy.path().join("spool.db")).unwrap();
    let mut first = open(dir.path(), 11, 1);
    let mut second = open(copy.path(), 12, 1);
    first.put(500, 2);
    second.put(500, 3);
    let (a, b) = (first.frame(2).head, second.frame(2).head);
    assert_eq!(a.seq, b.seq);
    assert_ne!(a.epoch, b.epoch);
    assert_eq!(b.epoch_first, 2);
}

#[test]
fn the_oldest_frames_go_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    let (mut dropped, mut seq) = (0, 0);
    for ms in 0..600 {
        seq += 1;
        rig.put(ms * 200, 8_000);
        if let Some((count, oldest)) = rig.store.make_room().unwrap() {
            dropped += count;
            assert_eq!(rig.store.log.first().unwrap(), Some(oldest));
        }
    }
    assert!(dropped > 100, "{dropped}");
    assert!(rig.store.bytes().unwrap() <= BUDGET);
    rig.put(1_000_000, 1);
    let first = rig.store.log.first().unwrap().unwrap();
    let told: u64 = (first..=seq + 1)
        .flat_map(|seq| rig.gaps(seq))
        .map(|(why, count)| {
            assert_eq!(why, GapReason::Budget);
            count
        })
        .sum();
    // Every gap record but those that were dropped themselves is still there.
    assert!(told > 0 && told <= dropped, "{told} of {dropped}");
    // Numbers never return, and the first frame still there is the one after the dropped.
    assert_eq!(first, dropped + 1);
}

#[test]
fn a_gap_survives_a_kill_before_its_frame() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    for ms in 0..10 {
        rig.put(ms * 200, 1);
    }
    let (count, oldest) = rig.store.drop_slice().unwrap().unwrap();
    assert_eq!((count, oldest), (1, 2));
    drop(rig);
    let mut rig = open(dir.path(), 8, 1);
    rig.store.gap(at(0), at(9_000), 0, GapReason::Restart);
    rig.put(9_000, 1);
    assert_eq!(
        rig.gaps(11),
        [(GapReason::Budget, 1), (GapReason::Restart, 0)]
    );
    rig.put(9_200, 1);
    assert_eq!(rig.gaps(12), []);
}

#[test]
fn refused_frames_become_dead_letters_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    for ms in 0..150 {
        rig.put(ms * 200, 1);
    }
    for seq in 2..=140 {
        rig.store.refuse(seq, RefusalReason::Invalid).unwrap();
    }
    assert_eq!(
        rig.store.log.marks(marks::DEAD).unwrap().len(),
        DEAD_LETTERS_MAX
    );
    rig.put(100_000, 1);
    assert_eq!(rig.gaps(151), [(GapReason::Refused, 139)]);
    drop(rig);
    let mut rig = open(dir.path(), 8, 1);
    assert_eq!(rig.found.refused.len(), 139);
    rig.store.trim(100, &Custody::default()).unwrap();
    drop(rig);
    let rig = open(dir.path(), 9, 1);
    assert_eq!(rig.found.refused, (100..=140).collect::<Vec<_>>());
    assert_eq!(
        rig.store.log.marks(marks::DEAD).unwrap().len(),
        DEAD_LETTERS_MAX
    );
}

#[test]
fn a_damaged_frame_leaves_a_gap_between_its_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    for ms in [0, 200, 400] {
        rig.put(ms, 1);
    }
    rig.store.damaged(2, at(9_999)).unwrap();
    rig.put(600, 1);
    let records = rig.frame(4).records;
    let Record::Gap(gap) = &records[0] else {
        panic!("{records:?}");
    };
    assert_eq!(
        (gap.from, gap.until),
        (at(0).as_millis(), at(400).as_millis())
    );
}

#[test]
fn a_catalog_stays_as_long_as_a_frame_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    let old = rig.catalog.id();
    rig.put(0, 1);
    drop(rig);
    let mut rig = open(dir.path(), 8, 2);
    rig.put(1_000, 1);
    rig.put(1_200, 1);
    let held = |rig: &Rig| {
        let bytes = rig.store.reader.mark(&marks::catalog(old)).unwrap();
        bytes.map(|bytes| fenghuo_uplink::catalog::from_bytes(&bytes).unwrap().id())
    };
    assert_eq!(held(&rig), Some(old));
    rig.store.trim(1, &Custody::default()).unwrap();
    assert_eq!(held(&rig), Some(old));
    rig.store.trim(2, &Custody::default()).unwrap();
    assert_eq!(held(&rig), None);
    rig.store.trim(4, &Custody::default()).unwrap();
    let current = marks::catalog(rig.catalog.id());
    assert!(rig.store.reader.mark(&current).unwrap().is_some());
}

#[test]
fn a_new_epoch_starts_a_new_span() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    rig.put(0, 1);
    rig.store.new_epoch(8);
    rig.put(200, 1);
    rig.put(400, 1);
    let head = rig.frame(3).head;
    assert_eq!((head.epoch, head.epoch_first), (8, 2));
}
