//! Killed between two steps: gap records are neither lost nor told of what is still there.

use super::*;

/// As a kill leaves it: the frames below are gone, and nothing else was written.
fn trim_by_hand(dir: &Path, sql: &str) {
    let file = rusqlite::Connection::open(dir.join(crate::spool::FILE)).unwrap();
    file.execute_batch(sql).unwrap();
}

#[test]
fn what_a_waiting_frame_was_to_tell_survives_what_is_written_before_it() {
    for with_refusal in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut rig = open(dir.path(), 7, 1);
        for ms in 0..10 {
            rig.put(ms * 200, 1);
        }
        rig.store.drop_slice().unwrap().unwrap();
        rig.store.gap(at(0), at(9), 3, GapReason::Queue);
        // It has a number, and the disk does not take it.
        let waiting = rig.store.seal([frame(&rig.catalog, 2_000, 1)]);
        match with_refusal {
            true => rig.store.refuse(0, 5, RefusalReason::Invalid).unwrap(),
            false => drop(rig.store.drop_slice().unwrap().unwrap()),
        }
        drop((waiting, rig));
        let mut rig = open(dir.path(), 8, 1);
        rig.put(3_000, 1);
        assert_eq!(rig.gaps(11), [(GapReason::Queue, 3)]);
        let expected = match with_refusal {
            true => vec![(GapReason::Budget, 1), (GapReason::Refused, 1)],
            false => vec![(GapReason::Budget, 2)],
        };
        let mut told = rig.told(0, 11);
        told.sort_by_key(|(why, _)| *why as u32);
        assert_eq!(told, expected);
    }
}

#[test]
fn what_was_to_go_with_a_frame_that_is_gone_goes_with_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open(dir.path(), 7, 1);
    for ms in 0..10 {
        rig.put(ms * 200, 1);
    }
    rig.store.refuse(0, 5, RefusalReason::Invalid).unwrap();
    rig.put(2_000, 1);
    rig.put(2_200, 1);
    drop(rig);
    trim_by_hand(dir.path(), "DELETE FROM entry WHERE position < 12");
    let mut rig = open(dir.path(), 8, 1);
    rig.done(0, 12);
    rig.put(2_400, 1);
    assert_eq!(rig.told(0, 13), [(GapReason::Refused, 1)]);
    assert_eq!(rig.store.log.marks(marks::REFUSED).unwrap(), []);
}

/// A server that was restored from an older copy gets a frame again, and what goes with it.
#[test]
fn a_gap_record_stays_as_long_as_its_frame() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = open_for(dir.path(), 7, 1, &["server"], 60);
    for second in 0..10 {
        rig.put(second * 1_000, 1);
    }
    rig.store.refuse(0, 5, RefusalReason::Invalid).unwrap();
    rig.put(10_000, 1);
    rig.done(0, 12);
    drop(rig);
    let mut rig = open_for(dir.path(), 8, 1, &["server"], 60);
    assert_eq!(rig.found.destinations[0].notes[0].seq, 11);
    rig.put(100_000, 1);
    assert_eq!(rig.done(0, 13), Some(12));
    rig.put(101_000, 1);
    let told: Vec<_> = (11..14).flat_map(|seq| rig.told(0, seq)).collect();
    assert_eq!(told, [], "it was delivered, so it is not told again");
}

#[test]
fn a_gap_begins_where_something_is_known_of() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["plant", "county"];
    let mut rig = open_for(dir.path(), 7, 1, &names, 0);
    for ms in 0..64 {
        rig.put(ms * 200, 1);
    }
    rig.done(0, 2);
    drop(rig);
    trim_by_hand(dir.path(), "DELETE FROM entry WHERE position = 2");
    let mut rig = open_for(dir.path(), 8, 1, &names, 0);
    rig.store.drop_slice().unwrap().unwrap();
    rig.put(20_000, 1);
    let notes = rig.store.accounts[0].notes();
    assert_eq!(notes[0].gaps[0].from, at(400).as_millis());
}
