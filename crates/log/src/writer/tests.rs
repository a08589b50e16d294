use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn batch(bodies: &[&[u8]]) -> Batch {
    let mut batch = Batch::default();
    for body in bodies {
        batch.push(7, body.to_vec());
    }
    batch
}

#[test]
fn positions_never_return_even_when_trimmed_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let mut log = Log::open(&path, None).unwrap();
    assert_eq!(log.append(&batch(&[b"a", b"b"])).unwrap(), 1..3);
    assert_eq!(log.trim(100).unwrap(), 2);
    assert_eq!(log.first().unwrap(), None);
    drop(log);
    let mut log = Log::open(&path, None).unwrap();
    assert_eq!(log.append(&batch(&[b"c"])).unwrap(), 3..4);
}

#[test]
fn what_goes_and_the_mark_that_says_so_are_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let mut log = Log::open(&path, None).unwrap();
    log.append(&batch(&[b"a", b"b", b"c"])).unwrap();
    let mut marks = Batch::default();
    marks.mark("gone", Some(vec![2]));
    log.trim_with(3, &marks).unwrap();
    assert!(log.trim_with(4, &batch(&[b"d"])).is_err());
    drop(log);
    let log = Log::open(&path, None).unwrap();
    assert_eq!(log.first().unwrap(), Some(3));
    assert_eq!(
        log.reader().unwrap().marks("go").unwrap(),
        [("gone".to_owned(), vec![2])]
    );
}

#[test]
fn positions_rise_above_what_others_have_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let mut log = Log::open(&path, None).unwrap();
    log.append(&batch(&[b"a"])).unwrap();
    log.rise_above(500).unwrap();
    log.rise_above(20).unwrap();
    drop(log);
    let mut log = Log::open(&path, None).unwrap();
    assert_eq!(log.append(&batch(&[b"b"])).unwrap(), 501..502);
    let read = log.reader().unwrap().read(2, 10, 100).unwrap();
    assert_eq!(read[0].position, 501);
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    let mut log = Log::open(&path, None).unwrap();
    assert!(matches!(
        Log::open(&path, None),
        Err(LogError::InUse { .. })
    ));
    log.append(&batch(&[b"a"])).unwrap();
    let reader = log.reader().unwrap();
    assert_eq!(reader.read(1, 10, 1_000).unwrap().len(), 1);
}

#[test]
fn a_full_log_keeps_nothing_of_the_batch_and_recovers_after_a_trim() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(&dir.path().join("log.db"), Some(512 << 10)).unwrap();
    let body = vec![0x5a; 50_000];
    let error = loop {
        let mut batch = batch(&[&body]);
        batch.mark("count", Some(log.next().to_le_bytes().to_vec()));
        if let Err(error) = log.append(&batch) {
            break error;
        }
    };
    assert!(error.is_full(), "{error}");
    let kept = log.next();
    let count = log.mark("count").unwrap().unwrap();
    assert_eq!(count, (kept - 1).to_le_bytes(), "mark and entries disagree");
    assert!(log.space().unwrap().appendable_bytes() < 60_000);
    log.trim(kept - 1).unwrap();
    assert_eq!(log.append(&batch(&[&body])).unwrap(), kept..kept + 1);
}

#[test]
fn the_bound_of_the_file_may_change_while_it_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(&dir.path().join("log.db"), Some(512 << 10)).unwrap();
    let body = vec![0x5a; 50_000];
    let fill = |log: &mut Log| while log.append(&batch(&[&body])).is_ok() {};
    fill(&mut log);
    let full = log.next();
    log.set_bytes_max(Some(1 << 20)).unwrap();
    fill(&mut log);
    assert!(log.next() > full + 5, "{} after {full}", log.next());
    assert!(log.space().unwrap().file_bytes <= 1 << 20);
    // Below what the file has already: it grows no more, and room is made within it.
    log.set_bytes_max(Some(256 << 10)).unwrap();
    assert_eq!(log.space().unwrap().budget_left_bytes, 0);
    let next = log.next();
    fill(&mut log);
    assert_eq!(log.next(), next);
    log.trim(next - 2).unwrap();
    log.append(&batch(&[b"small"])).unwrap();
    log.set_bytes_max(None).unwrap();
    assert_eq!(log.space().unwrap().budget_left_bytes, u64::MAX);
    for _ in 0..50 {
        log.append(&batch(&[&[1; 50_000]])).unwrap();
    }
}

#[test]
fn another_database_is_not_taken_for_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("PRAGMA user_version = 9; CREATE TABLE t (x)")
        .unwrap();
    drop(other);
    assert!(matches!(
        Log::open(&path, None),
        Err(LogError::Corrupt { .. })
    ));
}

#[test]
fn garbage_is_reported_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.db");
    std::fs::write(&path, vec![0xee; 40_000]).unwrap();
    let error = Log::open(&path, None).unwrap_err();
    assert!(error.to_string().contains("log.db"), "{error}");
}

#[test]
fn a_reader_stops_at_its_byte_budget_but_always_moves() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(&dir.path().join("log.db"), None).unwrap();
    log.append(&batch(&[&[1; 100], &[2; 100], &[3; 100]]))
        .unwrap();
    let reader = log.reader().unwrap();
    assert_eq!(reader.read(1, 10, 250).unwrap().len(), 2);
    assert_eq!(reader.read(3, 10, 10).unwrap().len(), 1);
    assert_eq!(reader.read(4, 10, 10).unwrap().len(), 0);
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Vec<u8>>),
    Trim(u64),
    Mark(u8, Option<u8>),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)
            .prop_map(Step::Append),
        1 => (0_u64..60).prop_map(Step::Trim),
        2 => (0_u8..4, any::<Option<u8>>()).prop_map(|(key, value)| Step::Mark(key, value)),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_log_equals_a_model_of_it(steps in prop::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.db");
        let mut log = Log::open(&path, None).unwrap();
        let id = log.id();
        let (mut entries, mut marks, mut next) = (BTreeMap::new(), BTreeMap::new(), 1_u64);
        for step in steps {
            match step {
                Step::Append(bodies) => {
                    let mut batch = Batch::default();
                    for body in bodies {
                        batch.push(1, body.clone());
                        entries.insert(next, body);
                        next += 1;
                    }
                    prop_assert_eq!(log.append(&batch).unwrap().end, next);
                }
                Step::Trim(below) => {
                    let keep = entries.split_off(&below);
                    prop_assert_eq!(log.trim(below).unwrap(), entries.len() as u64);
                    entries = keep;
                }
                Step::Mark(key, value) => {
                    let key = format!("m/{key}");
                    let mut batch = Batch::default();
                    batch.mark(key.clone(), value.map(|value| vec![value]));
                    log.append(&batch).unwrap();
                    match value {
                        Some(value) => marks.insert(key, vec![value]),
                        None => marks.remove(&key),
                    };
                }
                Step::Reopen => {
                    drop(log);
                    log = Log::open(&path, None).unwrap();
                }
            }
            let read = log.reader().unwrap().read(0, 1_000, 1 << 20).unwrap();
            let read: BTreeMap<_, _> = read.into_iter().map(|e| (e.position, e.body)).collect();
            prop_assert_eq!(&read, &entries);
            prop_assert_eq!(log.marks("m/").unwrap(), marks.clone().into_iter().collect::<Vec<_>>());
        }
        prop_assert_eq!(log.id(), id);
        prop_assert_eq!(log.next(), next);
    }
}
