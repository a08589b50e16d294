//! The spool's promises: killed, restored from a copy, full, refused, damaged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fenghuo_model::{Kind, PointDef, PointKey, Reading, Sample, Title, Unit, Value, ValueType};
use fenghuo_uplink::frame::{FrameBuilder, Record};

use super::*;

mod kills;

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
        // Noise, so that a frame is as long as its samples are many.
        let seed = ms.unsigned_abs() * 10_000 + sample as u64;
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        let number = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / 1e9;
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
    open_for(dir, epoch, points, &["server"], 0)
}

fn open_for(dir: &Path, epoch: u64, points: usize, names: &[&str], keep_seconds: u64) -> Rig {
    let catalog = catalog(points);
    let terms = Terms {
        gateway: Terms::alone(0).gateway,
        budget_bytes: BUDGET,
        keep: Duration::from_secs(keep_seconds),
        destinations: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let (store, found) = Store::open(dir, terms, epoch).unwrap();
    Rig {
        store,
        found,
        catalog,
    }
}

impl Rig {
    fn put(&mut self, ms: i64, samples: usize) -> Vec<Event> {
        let mut sealed = self.store.seal([frame(&self.catalog, ms, samples)]);
        self.store.write(&mut sealed).unwrap()
    }

    /// Everything below is done for a destination.
    fn done(&mut self, destination: usize, below: u64) -> Option<u64> {
        let custody = Custody {
            done_below: below,
            ..Custody::default()
        };
        self.store.done(destination, custody).unwrap();
        self.store.free().unwrap()
    }

    /// The gap records that go with a frame to a destination.
    fn told(&self, destination: usize, seq: u64) -> Vec<(GapReason, u64)> {
        let notes = self.store.accounts[destination].notes();
        let of_it = notes.iter().filter(|note| note.seq == seq);
        of_it
            .flat_map(|note| &note.gaps)
            .map(|gap| (GapReason::from_code(gap.why), gap.count))
            .collect()
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
        done_below: 2,
    };
    rig.store.done(0, custody).unwrap();
    assert_eq!(rig.store.free().unwrap(), Some(2));
    drop(rig);
    let mut rig = open(dir.path(), 8, 1);
    assert!(!rig.found.clean);
    assert_eq!(rig.found.watermark, Some(at(400)));
    let due = &rig.found.destinations[0];
    assert_eq!((rig.found.first, rig.found.next), (2, 4));
    assert_eq!((due.oldest, due.oldest_watermark), (2, Some(at(200))));
    assert_eq!(due.custody, custody);
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
        if let Some(gone) = rig.store.make_room().unwrap() {
            dropped += gone.most();
            assert_eq!(rig.store.log.first().unwrap(), Some(gone.first));
        }
    }
    assert!(dropped > 100, "{dropped}");
    assert!(rig.store.bytes().unwrap() <= BUDGET);
    rig.put(1_000_000, 1);
    let first = rig.store.log.first().unwrap().unwrap();
    let told: u64 = (1..=seq + 1)
        .flat_map(|seq| rig.told(0, seq))
        .map(|(why, count)| {
            assert_eq!(why, GapReason::Budget);
            count
        })
        .sum();
    // What was to go with a frame that was dropped itself goes with a later one.
    assert_eq!(told, dropped);
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
    let gone = rig.store.drop_slice().unwrap().unwrap();
    assert_eq!((gone.most(), gone.first), (1, 2));
    drop(rig);
    let mut rig = open(dir.path(), 8, 1);
    rig.store.gap(at(0), at(9_000), 0, GapReason::Restart);
    rig.put(9_000, 1);
    assert_eq!(rig.gaps(11), [(GapReason::Restart, 0)]);
    assert_eq!(rig.told(0, 11), [(GapReason::Budget, 1)]);
    rig.put(9_200, 1);
    assert_eq!((rig.gaps(12), rig.told(0, 12)), (vec![], vec![]));
    // It is told until its frame is delivered, over any number of starts.
    drop(rig);
    let mut rig = open(dir.path(), 9, 1);
    assert_eq!(rig.found.destinations[0].notes[0].seq, 11);
    rig.done(0, 12);
    drop(rig);
    assert_eq!(open(dir.path(), 9, 1).found.destinations[0].notes, []);
}

#[test]
fn refused_frames_become_dead_letters_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    for ms in 0..150 {
        rig.put(ms * 200, 1);
    }
    for seq in 2..=140 {
        rig.store.refuse(0, seq, RefusalReason::Invalid).unwrap();
    }
    assert_eq!(
        rig.store.log.marks(marks::DEAD).unwrap().len(),
        DEAD_LETTERS_MAX
    );
    rig.put(100_000, 1);
    assert_eq!(rig.told(0, 151), [(GapReason::Refused, 139)]);
    drop(rig);
    let mut rig = open(dir.path(), 8, 1);
    assert_eq!(rig.found.destinations[0].given_up.len(), 139);
    rig.done(0, 100);
    drop(rig);
    let rig = open(dir.path(), 9, 1);
    let given_up = &rig.found.destinations[0].given_up;
    assert_eq!(*given_up, (100..=140).collect::<Vec<_>>());
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
    rig.store.damaged(0, 2, at(9_999)).unwrap();
    rig.put(600, 1);
    let notes = rig.store.accounts[0].notes();
    let gap = notes[0].gaps[0];
    assert_eq!((notes[0].seq, gap.count), (4, 1));
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
    rig.done(0, 1);
    assert_eq!(held(&rig), Some(old));
    rig.done(0, 2);
    assert_eq!(held(&rig), None);
    rig.done(0, 4);
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

#[test]
fn a_frame_stays_until_every_destination_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open_for(dir.path(), 7, 1, &["plant", "county"], 0);
    for ms in 0..10 {
        rig.put(ms * 200, 1);
    }
    assert_eq!(rig.done(0, 11), None);
    assert_eq!(rig.done(1, 4), Some(4));
    drop(rig);
    let rig = open_for(dir.path(), 8, 1, &["plant", "county"], 0);
    let oldest: Vec<_> = rig.found.destinations.iter().map(|it| it.oldest).collect();
    assert_eq!((rig.found.first, oldest), (4, vec![11, 4]));
    drop(rig);
    // A destination that is not configured any more holds nothing back; a new one gets all
    // that is there.
    let mut rig = open_for(dir.path(), 9, 1, &["region", "plant"], 0);
    let oldest: Vec<_> = rig.found.destinations.iter().map(|it| it.oldest).collect();
    assert_eq!(oldest, [4, 11]);
    assert_eq!(rig.done(0, 11), Some(11));
}

#[test]
fn each_destination_is_told_of_its_own_gaps_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open_for(dir.path(), 7, 1, &["plant", "county"], 0);
    for ms in 0..64 {
        rig.put(ms * 200, 1);
    }
    rig.done(0, 65);
    let gone = rig.store.drop_slice().unwrap().unwrap();
    assert_eq!((gone.most(), gone.first), (2, 3));
    rig.store.refuse(0, 40, RefusalReason::Invalid).unwrap();
    rig.put(20_000, 1);
    assert_eq!(rig.told(0, 65), [(GapReason::Refused, 1)]);
    assert_eq!(rig.told(1, 65), [(GapReason::Budget, 2)]);
    // The frame that was to tell it is refused too: another one tells both.
    rig.store.refuse(1, 65, RefusalReason::Invalid).unwrap();
    rig.put(20_200, 1);
    let told = rig.told(1, 66);
    assert_eq!(told, [(GapReason::Refused, 1), (GapReason::Budget, 2)]);
    assert_eq!(rig.told(0, 66), []);
}

#[test]
fn delivered_frames_stay_as_long_as_they_are_kept_and_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open_for(dir.path(), 7, 1, &["server"], 60);
    for second in 0..100 {
        rig.put(second * 1_000, 1);
    }
    // The hundredth was read at 99 s: what was read before 39 s goes.
    assert_eq!(rig.done(0, 101), Some(40));
    assert_eq!(rig.done(0, 101), None);
    rig.put(100_000, 1);
    assert_eq!(rig.done(0, 101), Some(41));
    let gone = rig.store.drop_slice().unwrap().unwrap();
    assert_eq!((gone.most(), gone.first), (0, 42));
    rig.put(100_200, 1);
    assert_eq!(rig.told(0, 102), []);
    drop(rig);
    let rig = open_for(dir.path(), 8, 1, &["server"], 60);
    let due = &rig.found.destinations[0];
    assert_eq!((rig.found.first, due.oldest), (42, 101));
    assert_eq!(rig.found.epochs()[0].last, 102);
}

#[test]
fn refused_frames_are_offered_again_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    for ms in 0..10 {
        rig.put(ms * 200, 1);
    }
    for seq in [2, 5, 9] {
        rig.store.refuse(0, seq, RefusalReason::Invalid).unwrap();
    }
    rig.store.offer_again(0, 3, 8).unwrap();
    drop(rig);
    let rig = open(dir.path(), 8, 1);
    assert_eq!(rig.found.destinations[0].given_up, [2, 9]);
}

/// The configuration was loaded again, and back: one run, three spans, and each frame under
/// the catalog that it was made with, also where frames of two catalogs waited for the disk
/// together.
#[test]
fn a_run_goes_on_under_another_catalog() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    let (one, two) = (catalog(1), catalog(2));
    rig.put(0, 1);
    let waiting = [
        frame(&one, 200, 1),
        frame(&two, 400, 1),
        frame(&two, 600, 1),
    ];
    let mut sealed = rig.store.seal(waiting);
    let events = rig.store.write(&mut sealed).unwrap();
    let named = events.iter().map(|event| match event {
        Event::Spooled { seq, catalog, .. } => (*seq, *catalog),
        other => panic!("{other:?}"),
    });
    let named: Vec<_> = named.collect();
    assert_eq!(named, [(2, one.id()), (3, two.id()), (4, two.id())]);
    rig.put(800, 1);
    for (seq, catalog) in (1..).zip([&one, &one, &two, &two, &one]) {
        let head = rig.frame(seq).head;
        assert_eq!((head.seq, head.catalog), (seq, catalog.id()));
        assert_eq!((head.epoch, head.epoch_first), (7, 1));
    }
    drop(rig);

    let mut rig = open(dir.path(), 8, 1);
    let spans = |rig: &Rig| -> Vec<_> {
        let spans = rig.found.spans.iter();
        spans.map(|it| (it.epoch, it.first, it.catalog)).collect()
    };
    let all = [(7, 1, one.id()), (7, 3, two.id()), (7, 5, one.id())];
    assert_eq!(spans(&rig), all);
    let epochs = rig.found.epochs();
    assert_eq!(epochs.len(), 1);
    assert_eq!((epochs[0].first, epochs[0].last), (1, 5));
    let held = |rig: &Rig, catalog: &Catalog| {
        let mark = rig.store.reader.mark(&marks::catalog(catalog.id()));
        mark.unwrap().is_some()
    };
    rig.done(0, 4);
    assert!(
        held(&rig, &one) && held(&rig, &two),
        "frame 4 names the second"
    );
    rig.done(0, 5);
    assert!(held(&rig, &one) && !held(&rig, &two));
}

/// A collector that is started again and again: the server forgets the oldest of its runs, and
/// would take their frames a second time.
#[test]
fn delivered_frames_of_very_many_runs_are_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open_for(dir.path(), 1, 1, &["plant", "county"], 86_400);
    for run in 1..=1_100 {
        rig.store.new_epoch(run);
        rig.put(run.cast_signed() * 10, 1);
    }
    rig.done(0, 1_101);
    assert_eq!(
        rig.store.spans.len(),
        1_100,
        "one destination has nothing yet"
    );
    rig.put(200_000, 1);
    assert_eq!(rig.done(1, 1_051), Some(77));
    assert_eq!(rig.store.spans.len(), 1_024);
    drop(rig);
    let rig = open_for(dir.path(), 2_000, 1, &["plant", "county"], 86_400);
    assert_eq!((rig.found.first, rig.found.spans.len()), (77, 1_024));
}

/// One that is dead for weeks makes the others lose nothing, and is named all the time.
#[test]
fn a_dead_destination_loses_alone() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["plant", "county", "region", "dead"];
    let mut rig = open_for(dir.path(), 7, 1, &names, 3_600);
    let (mut lost, mut seq) = ([0; 4], 0);
    for ms in 0..600 {
        seq += 1;
        rig.put(ms * 200, 8_000);
        for alive in 0..3 {
            assert_eq!(rig.done(alive, seq + 1), None);
        }
        if let Some(gone) = rig.store.make_room().unwrap() {
            lost = std::array::from_fn(|at| lost[at] + gone.lost[at]);
            assert!(rig.store.is_losing().unwrap());
        }
    }
    assert_eq!(lost[..3], [0; 3]);
    assert!(lost[3] > 100 && rig.store.is_losing().unwrap(), "{lost:?}");
    assert_eq!(rig.told(0, seq), []);
    // It is back: what is kept is no loss, however little room there is.
    rig.done(3, seq + 1);
    assert!(!rig.store.is_losing().unwrap());
    let gone = rig.store.drop_slice().unwrap().unwrap();
    assert_eq!(gone.most(), 0);
}
