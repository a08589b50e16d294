//! A spool's files, cut and overwritten anywhere, as a power cut or a worn card leaves them.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};

use fenghuo_model::{Kind, PointDef, PointKey, Reading, Sample, Title, Unit, Value, ValueType};
use fenghuo_uplink::frame::{FrameBuilder, Record};

use fenghuo_log::Log;
use fenghuo_uplink::frame::{Frame, GapReason};

use super::*;
use crate::dice::Dice;
use crate::spool::Closed;

mod numbers;

const BUDGET: u64 = 16 << 20;
const FRAMES: u64 = 120;
const SEEDS: u64 = 200;
/// Spools whose rescue is stopped at every step.
const RESCUES: u64 = 5;

fn catalog() -> Arc<Catalog> {
    let point = PointDef {
        key: PointKey::new("p").unwrap(),
        title: Title::default(),
        kind: Kind::Level,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::new(),
    };
    Arc::new(Catalog::new(vec![point]).unwrap())
}

fn at(seq: u64) -> Timestamp {
    Timestamp::from_millis(1_795_392_000_000 + i64::try_from(seq).unwrap() * 200)
}

fn put(store: &mut Store, catalog: &Arc<Catalog>, seq: u64) -> u64 {
    let mut builder = FrameBuilder::new(catalog.clone());
    for sample in 0..300_u32 {
        let reading = Reading::Good(Value::F64(f64::from(sample).sqrt()));
        let time = at(seq);
        builder.push(0, &Sample { time, reading }).unwrap();
    }
    put_frame(store, builder, seq)
}

/// One that no copy has room for where there is none.
fn put_large(store: &mut Store, catalog: &Arc<Catalog>, seq: u64) -> u64 {
    let (mut builder, mut dice) = (FrameBuilder::new(catalog.clone()), Dice::new(seq));
    for _ in 0..20_000 {
        // Any number below two.
        let reading = Reading::Good(Value::F64(f64::from_bits(dice.roll() & !(1 << 62))));
        let time = at(seq);
        builder.push(0, &Sample { time, reading }).unwrap();
    }
    put_frame(store, builder, seq)
}

fn put_frame(store: &mut Store, builder: FrameBuilder, seq: u64) -> u64 {
    let watermark = at(seq);
    let mut sealed = store.seal([Closed {
        builder,
        watermark,
        steady: watermark,
    }]);
    let events = store.write(&mut sealed).unwrap();
    match events[0] {
        crate::spool::Event::Spooled { seq, .. } => seq,
        _ => unreachable!("there is room"),
    }
}

fn reopen(dir: &Path, epoch: u64) -> Opened {
    open(
        dir,
        &Terms::alone(BUDGET),
        &catalog(),
        epoch,
        at(10_000),
        &mut |_| (),
    )
    .unwrap()
}

/// A spool as a killed collector leaves it: two runs, the second in the journal alone.
fn killed(template: &Path) -> BTreeMap<u64, Vec<u8>> {
    let work = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let mut opened = reopen(work.path(), 6);
    for seq in 1..=FRAMES {
        assert_eq!(put(&mut opened.store, &catalog, seq), seq);
        if seq == FRAMES / 3 * 2 {
            drop(opened.store);
            opened = reopen(work.path(), 7);
        }
    }
    for entry in std::fs::read_dir(work.path()).unwrap().flatten() {
        std::fs::copy(entry.path(), template.join(entry.file_name())).unwrap();
    }
    let reader = opened.store.reader().unwrap();
    let entries = reader.read(1, usize::MAX, usize::MAX).unwrap();
    entries
        .into_iter()
        .map(|entry| (entry.position, entry.body))
        .collect()
}

fn below(dice: &mut Dice, bound: u64) -> u64 {
    dice.roll() % bound.max(1)
}

/// Cuts a file, or overwrites some of it.
fn damage(dir: &Path, dice: &mut Dice) {
    let name = ["spool.db", "spool.db", "spool.db-wal"][usize::try_from(below(dice, 3)).unwrap()];
    let options = std::fs::OpenOptions::new().read(true).write(true).clone();
    let mut file = options.open(dir.join(name)).unwrap();
    let length = file.metadata().unwrap().len();
    // The first pages hold what all the others hang on.
    let reach = if below(dice, 3) == 0 {
        32_768.min(length)
    } else {
        length
    };
    let from = below(dice, reach);
    match below(dice, 3) {
        0 => file.set_len(from).unwrap(),
        kind => {
            let mut bytes = vec![0; usize::try_from(1 + below(dice, 20_000)).unwrap()];
            file.seek(SeekFrom::Start(from)).unwrap();
            let count = file.read(&mut bytes).unwrap();
            bytes.truncate(count);
            for byte in &mut bytes {
                *byte = if kind == 1 { 0 } else { below(dice, 256) as u8 };
            }
            file.seek(SeekFrom::Start(from)).unwrap();
            file.write_all(&bytes).unwrap();
        }
    }
}

/// Every frame of a spool that can be read; what is damaged is what delivery finds so too.
fn readable(store: &Store) -> BTreeMap<u64, Vec<u8>> {
    let reader = store.reader().unwrap();
    let get = |seq| Some((seq, reader.get(seq).ok()??.body));
    let frames = (1..=FRAMES + 1).filter_map(get);
    frames
        .filter(|(_, body)| fenghuo_uplink::frame::is_whole(body))
        .collect()
}

#[test]
fn damage_anywhere_never_stops_a_start_or_invents_a_frame() {
    let template = tempfile::tempdir().unwrap();
    let originals = killed(template.path());
    let (mut rescued, mut kept, mut said) = (0, 0, 0);
    for seed in 1..=SEEDS {
        let dir = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(template.path()).unwrap().flatten() {
            std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
        damage(dir.path(), &mut Dice::new(seed));
        let mut opened = reopen(dir.path(), 8);
        for (seq, body) in readable(&opened.store) {
            assert_eq!(originals.get(&seq), Some(&body), "seed {seed}: frame {seq}");
        }
        let Some(rescue) = opened.rescue else {
            continue;
        };
        rescued += 1;
        kept += rescue.kept;
        assert!(rescue.folder.join(super::FILE).exists(), "seed {seed}");
        assert_eq!(
            readable(&opened.store).len() as u64,
            rescue.kept,
            "seed {seed}"
        );
        assert!(opened.found.next > rescue.kept, "seed {seed}");
        let seq = put(&mut opened.store, &catalog(), 9_000);
        let entry = opened.store.reader().unwrap().get(seq).unwrap().unwrap();
        let is_gap = |record: &Record| matches!(record, Record::Gap(gap) if gap.why == GapReason::Corrupt as u32);
        said += u64::from(
            Frame::decode(&entry.body)
                .unwrap()
                .records
                .iter()
                .any(is_gap),
        );
        drop(opened.store);
        let again = reopen(dir.path(), 9);
        assert!(
            again.rescue.is_none(),
            "seed {seed}: the fresh spool is sound"
        );
    }
    assert!(
        rescued >= 20,
        "{rescued} of {SEEDS} seeds damaged what an open looks at"
    );
    assert_eq!(said, rescued, "each rescue leaves a gap record");
    assert!(
        kept > rescued * FRAMES / 20,
        "{kept} frames of {rescued} spools"
    );
}

#[test]
fn a_spool_that_was_found_damaged_in_use_is_set_aside_with_all_that_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let mut first = reopen(dir.path(), 7);
    for seq in 1..=50 {
        put(&mut first.store, &catalog, seq);
    }
    first.store.suspect().unwrap();
    let busy = open(
        dir.path(),
        &Terms::alone(BUDGET),
        &catalog,
        8,
        at(100),
        &mut |_| (),
    );
    assert!(
        matches!(busy, Err(LogError::InUse { .. })),
        "a running one is left alone"
    );
    drop(first.store);
    let opened = reopen(dir.path(), 8);
    let rescue = opened.rescue.unwrap();
    assert_eq!((rescue.kept, rescue.lost, opened.found.next), (50, 0, 51));
    let spans: Vec<_> = opened.found.epochs();
    assert_eq!((spans.len(), spans[0].epoch, spans[0].last), (1, 7, 50));
    assert_eq!(opened.found.watermark, Some(at(50)));
    drop(opened.store);
    assert!(reopen(dir.path(), 9).rescue.is_none());
}

/// Numbers above the last frame that could be read are given again, in a new epoch: nobody
/// has those. What was owed to a destination is owed still.
#[test]
fn what_a_destination_had_is_not_taken_for_what_is_read_after_a_rescue() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let mut opened = reopen(dir.path(), 7);
    for seq in 1..=50 {
        put(&mut opened.store, &catalog, seq);
    }
    let why = fenghuo_uplink::receipt::RefusalReason::Invalid;
    opened.store.refuse(0, 20, why).unwrap();
    put(&mut opened.store, &catalog, 51);
    let custody = marks::Custody {
        done_below: 51,
        ..marks::Custody::default()
    };
    opened.store.done(0, custody).unwrap();
    opened.store.suspect().unwrap();
    drop(opened.store);
    let file = rusqlite::Connection::open(dir.path().join(super::FILE)).unwrap();
    file.execute_batch("DELETE FROM entry WHERE position > 30")
        .unwrap();
    drop(file);
    let mut opened = reopen(dir.path(), 8);
    assert_eq!((opened.rescue.unwrap().kept, opened.found.next), (30, 31));
    for seq in 31..=60 {
        put(&mut opened.store, &catalog, seq);
    }
    assert_eq!(opened.store.free().unwrap(), Some(31));
    drop(opened.store);
    let opened = reopen(dir.path(), 9);
    let due = &opened.found.destinations[0];
    assert_eq!((opened.found.first, due.oldest), (31, 31));
    let told = due.notes.iter().flat_map(|note| &note.gaps);
    let told: Vec<_> = told
        .map(|gap| (GapReason::from_code(gap.why), gap.count))
        .collect();
    assert_eq!(told, [(GapReason::Refused, 1)]);
}

#[test]
fn only_the_newest_damaged_spool_is_kept_and_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    for run in 0..3 {
        std::fs::write(
            dir.path().join(super::FILE),
            b"no database at all, for 32 bytes",
        )
        .unwrap();
        let now = at(run);
        let opened = open(
            dir.path(),
            &Terms::alone(BUDGET),
            &catalog(),
            run,
            now,
            &mut |_| (),
        )
        .unwrap();
        assert_eq!(opened.rescue.map(|rescue| rescue.kept), Some(0));
    }
    let names = std::fs::read_dir(dir.path()).unwrap().flatten();
    let bad = names.filter(|entry| entry.file_name().to_string_lossy().starts_with(BAD));
    assert_eq!(bad.count(), 1);

    let path = dir.path().join(super::FILE);
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 2).unwrap();
    drop(newer);
    let refused = open(
        dir.path(),
        &Terms::alone(BUDGET),
        &catalog(),
        9,
        at(9),
        &mut |_| (),
    );
    assert!(matches!(refused, Err(LogError::Refused { .. })));
    assert!(path.exists());
}

fn copy_files(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Opens, and is stopped after so many steps of a rescue. Counts them.
fn stopped(dir: &Path, steps: u64) -> (Result<Opened, LogError>, u64) {
    let mut done = 0;
    let mut after = || {
        done += 1;
        if done < steps {
            return Ok(());
        }
        // As a kill in the middle of the copying leaves it.
        let half = dir.join("spool.fresh.part");
        if half.exists() && !half.join(super::FILE).exists() {
            std::fs::write(half.join(super::FILE), b"half a database").unwrap();
        }
        Err(std::io::Error::other("stopped"))
    };
    let catalog = catalog();
    let terms = (&catalog, 8);
    let to = Terms::alone(BUDGET);
    let opened = open_with(dir, &to, terms, at(10_000), &mut |_| (), &mut after);
    (opened, done)
}

fn set_aside(dir: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(dir).unwrap().flatten();
    let folders = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("spool."));
    folders
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

#[test]
fn a_kill_at_any_step_of_a_rescue_loses_nothing_of_it() {
    let template = tempfile::tempdir().unwrap();
    killed(template.path());
    let (mut rescued, mut stops, mut kept) = (0, 0, 0);
    for seed in 1..=SEEDS {
        if rescued == RESCUES {
            break;
        }
        let damaged = tempfile::tempdir().unwrap();
        copy_files(template.path(), damaged.path());
        damage(damaged.path(), &mut Dice::new(seed));
        if seed % 4 == 0 {
            std::fs::write(damaged.path().join(SUSPECT), b"").unwrap();
        }
        let whole = tempfile::tempdir().unwrap();
        copy_files(damaged.path(), whole.path());
        let (opened, steps) = stopped(whole.path(), u64::MAX);
        let opened = opened.unwrap();
        let Some(rescue) = opened.rescue else {
            continue;
        };
        let expected = readable(&opened.store);
        (rescued, kept) = (rescued + 1, kept + expected.len());
        assert!(steps >= 7, "seed {seed}: {steps} steps");
        for step in 1..=steps {
            let place = format!("seed {seed}, step {step} of {steps}");
            let dir = tempfile::tempdir().unwrap();
            copy_files(damaged.path(), dir.path());
            assert!(stopped(dir.path(), step).0.is_err(), "{place}");
            // Stopped again while it goes on, wherever that is.
            let again = stopped(dir.path(), 1 + seed % 5).0;
            let opened = match again {
                Ok(opened) => opened,
                Err(_) => reopen(dir.path(), 8),
            };
            assert_eq!(readable(&opened.store), expected, "{place}");
            let folders = set_aside(dir.path());
            assert_eq!(folders.len(), 1, "{place}: {folders:?}");
            assert!(folders[0].join(super::FILE).exists(), "{place}");
            assert!(!dir.path().join(SUSPECT).exists(), "{place}");
            if let Some(told) = opened.rescue {
                assert_eq!(
                    (told.kept, told.lost),
                    (rescue.kept, rescue.lost),
                    "{place}"
                );
            }
            stops += 1;
            drop(opened.store);
            assert!(reopen(dir.path(), 9).rescue.is_none(), "{place}");
        }
    }
    let told = format!("{rescued} rescues, {stops} stops, {kept} frames");
    assert!(
        rescued == RESCUES && stops >= 7 * RESCUES && kept > 0,
        "{told}"
    );
}

/// A spool of a day on a slow card takes hours frame by frame, and a start that takes so long
/// is killed by whoever waits for it.
#[test]
fn a_rescue_writes_many_frames_at_once_and_goes_on_where_a_kill_stopped_it() {
    let dir = tempfile::tempdir().unwrap();
    killed(dir.path());
    std::fs::write(dir.path().join(SUSPECT), b"").unwrap();
    let mut seen = Vec::new();
    let mut told = |progress: Progress| seen.push(progress.seen);
    let (catalog, terms) = (catalog(), Terms::alone(BUDGET));
    let mut steps = 0;
    let mut after = || {
        steps += 1;
        // The folder, an empty one, and two batches.
        if steps == 4 {
            Err(std::io::Error::other("killed"))
        } else {
            Ok(())
        }
    };
    let of = (&catalog, 8);
    let stopped = open_with(dir.path(), &terms, of, at(10_000), &mut told, &mut after);
    assert!(stopped.is_err());
    let mut tell = |progress: Progress| seen.push(progress.seen);
    let opened = open(dir.path(), &terms, &catalog, 8, at(10_000), &mut tell).unwrap();
    assert_eq!(seen, [48, 96, FRAMES], "each batch once");
    let rescue = opened.rescue.unwrap();
    assert_eq!((rescue.kept, rescue.lost), (FRAMES, 0));
    assert_eq!(readable(&opened.store).len() as u64, FRAMES);
    let epochs = opened.found.epochs();
    let epochs: Vec<_> = epochs
        .iter()
        .map(|it| (it.epoch, it.first, it.last))
        .collect();
    assert_eq!(epochs, [(6, 1, 80), (7, 81, FRAMES)]);
}

/// Half a copy is of the damaged file that it was made of, and of no other.
#[test]
fn half_a_copy_is_not_gone_on_with_when_the_damaged_file_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    killed(dir.path());
    std::fs::write(dir.path().join(SUSPECT), b"").unwrap();
    assert!(stopped(dir.path(), 4).0.is_err());
    for name in [super::FILE, "spool.db-wal", "spool.db-shm", SUSPECT] {
        std::fs::remove_file(dir.path().join(name)).unwrap_or_default();
    }
    let mut opened = reopen(dir.path(), 9);
    assert!(opened.rescue.is_none());
    put(&mut opened.store, &catalog(), 1);
    opened.store.suspect().unwrap();
    drop(opened.store);
    let opened = reopen(dir.path(), 10);
    assert_eq!(opened.rescue.unwrap().kept, 1);
    assert_eq!(opened.found.next, 2);
}

#[test]
fn a_spool_is_its_gateways_alone_also_after_a_rescue() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = reopen(dir.path(), 7);
    put(&mut opened.store, &catalog(), 1);
    drop(opened.store);
    let other = Terms {
        gateway: GatewayKey::new("oil", "gw2").unwrap(),
        ..Terms::alone(BUDGET)
    };
    let refused = |dir: &Path| {
        let opened = open(dir, &other, &catalog(), 8, at(100), &mut |_| ());
        let said = opened.unwrap_err().to_string();
        for words in ["oil/gw1", "oil/gw2", "网关", "another folder"] {
            assert!(said.contains(words), "{said}");
        }
    };
    refused(dir.path());
    std::fs::write(dir.path().join(SUSPECT), b"").unwrap();
    refused(dir.path());
    assert!(reopen(dir.path(), 9).rescue.is_some());
    refused(dir.path());
    // One from before this was noted takes the name that it is opened with, once.
    let mut log = Log::open(&dir.path().join(super::FILE), None).unwrap();
    let mut batch = fenghuo_log::Batch::default();
    batch.mark(marks::GATEWAY, None);
    log.append(&batch).unwrap();
    drop(log);
    drop(open(dir.path(), &other, &catalog(), 8, at(100), &mut |_| ()).unwrap());
    let back = open(
        dir.path(),
        &Terms::alone(BUDGET),
        &catalog(),
        9,
        at(100),
        &mut |_| (),
    );
    assert!(back.is_err());
}

/// The budget was made smaller since: what does not fit stays in the file that was set aside.
#[test]
fn a_copy_that_does_not_fit_is_one_of_what_fits() {
    let damaged = tempfile::tempdir().unwrap();
    killed(damaged.path());
    std::fs::write(damaged.path().join(SUSPECT), b"").unwrap();
    for budget in [160 << 10, 200 << 10, 256 << 10] {
        let dir = tempfile::tempdir().unwrap();
        copy_files(damaged.path(), dir.path());
        let terms = Terms::alone(budget);
        let opened = open(dir.path(), &terms, &catalog(), 8, at(10_000), &mut |_| ()).unwrap();
        let rescue = opened.rescue.unwrap();
        let kept = rescue.kept;
        assert!(
            (20..FRAMES).contains(&kept),
            "{kept} of {FRAMES} in {budget}"
        );
        let frames = readable(&opened.store);
        assert_eq!(frames.len() as u64, kept);
        newest_are_kept(&opened.store, &frames, rescue.left);
    }
}

/// The oldest were left, and the gap says how many.
fn newest_are_kept(store: &Store, frames: &BTreeMap<u64, Vec<u8>>, left: u64) {
    let kept = frames.len() as u64;
    assert_eq!(left, FRAMES - kept);
    assert!(frames.keys().copied().eq(left + 1..=FRAMES), "the newest");
    let gaps = store.reader().unwrap().mark(marks::GAPS).unwrap().unwrap();
    let gaps = Gaps::decode(&gaps).unwrap();
    let budget = gaps.records().iter();
    let budget = budget.filter(|gap| gap.why == GapReason::Budget as u32);
    let said: Vec<_> = budget.map(|gap| (gap.from, gap.until, gap.count)).collect();
    assert_eq!(said, [(at(1).as_millis(), at(left).as_millis(), left)]);
}

/// The damaged file stands beside the copy: a disk that has not room for both never kept a
/// collector from reading.
#[test]
fn a_disk_without_room_for_a_copy_gets_one_of_the_newest_frames() {
    let damaged = tempfile::tempdir().unwrap();
    killed(damaged.path());
    std::fs::write(damaged.path().join(SUSPECT), b"").unwrap();
    for free in [200 << 10, 256 << 10] {
        let dir = tempfile::tempdir().unwrap();
        copy_files(damaged.path(), dir.path());
        copy::FREE.set(copy::DISK_LEFT + free);
        let opened = reopen(dir.path(), 8);
        let rescue = opened.rescue.unwrap();
        assert!((20..FRAMES).contains(&rescue.kept), "{}", rescue.kept);
        let frames = readable(&opened.store);
        newest_are_kept(&opened.store, &frames, rescue.left);
    }
    let dir = tempfile::tempdir().unwrap();
    copy_files(damaged.path(), dir.path());
    copy::FREE.set(0);
    let mut opened = reopen(dir.path(), 8);
    let rescue = opened.rescue.unwrap();
    assert_eq!(rescue.kept + rescue.left, FRAMES);
    put(&mut opened.store, &catalog(), FRAMES + 1);
    assert!(rescue.folder.join(super::FILE).exists());
}

/// A damaged spool without some of its numbers, opened again where there is next to no room.
fn opened_without(dir: &Path, gone: &str) -> Rescue {
    let file = rusqlite::Connection::open(dir.join(super::FILE)).unwrap();
    file.execute_batch(&format!("DELETE FROM entry WHERE {gone}"))
        .unwrap();
    drop(file);
    copy::FREE.set(copy::DISK_LEFT);
    let opened = reopen(dir, 8);
    let rescue = opened.rescue.unwrap();
    let gaps = opened.store.reader().unwrap().mark(marks::GAPS).unwrap();
    let gaps = Gaps::decode(&gaps.unwrap()).unwrap();
    let count = |why: GapReason| {
        let records = gaps.records().iter();
        records
            .filter(|gap| gap.why == why as u32)
            .map(|gap| gap.count)
            .sum::<u64>()
    };
    assert_eq!(count(GapReason::Budget), rescue.left, "it is told so");
    assert_eq!(count(GapReason::Corrupt), rescue.lost, "it is told so");
    rescue
}

/// The rest of the file may hold few of its numbers: what was never there is not left in it.
#[test]
fn what_is_left_is_what_is_whole_in_the_file_that_was_set_aside() {
    for (large, gone, expected) in [
        // Dropped again for the large one, which does not fit all the same; it and the rest.
        (51, "position IN (40, 55, 56)", (0, 3, 57)),
        // Nothing was copied at all.
        (51, "position < 51 OR position = 58", (0, 1, 9)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut opened = reopen(dir.path(), 7);
        for seq in 1..=60 {
            if seq == large {
                put_large(&mut opened.store, &catalog(), seq);
            } else {
                put(&mut opened.store, &catalog(), seq);
            }
        }
        opened.store.suspect().unwrap();
        drop(opened.store);
        let rescue = opened_without(dir.path(), gone);
        let counted = (rescue.kept, rescue.lost, rescue.left);
        assert_eq!(counted, expected, "{gone}");
        copy::FREE.set(u64::MAX / 2);
    }
}

/// The end of a copy may have no room though its frames had: all are left then, and of those
/// only what is owed counts.
#[test]
fn frames_that_are_owed_to_nobody_are_not_left() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = reopen(dir.path(), 7);
    for seq in 1..=50 {
        put(&mut opened.store, &catalog(), seq);
    }
    let from = opened.store.reader().unwrap();
    let fresh = dir.path().join("fresh.db");
    let mut copy = Copy::begin(&fresh, BUDGET, &catalog(), Gaps::default()).unwrap();
    let mut told = |_| Ok(());
    copy.frames(&from, (11, 1), &mut told).unwrap();
    assert_eq!(
        copy.counts().kept,
        50,
        "there is room for what nobody is owed"
    );
    let (counts, gaps) = copy.leave_all().unwrap();
    assert_eq!((counts.kept, counts.lost, counts.left), (0, 0, 40));
    let gaps: Vec<_> = gaps
        .records()
        .iter()
        .map(|gap| (gap.from, gap.until, gap.count, gap.why))
        .collect();
    let (from, until) = (at(11).as_millis(), at(50).as_millis());
    assert_eq!(gaps, [(from, until, 40, GapReason::Budget as u32)]);
}
