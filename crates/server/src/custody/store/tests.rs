use fenghuo_model::{Kind, PointDef, PointKey, Title, Unit, ValueType};
use fenghuo_uplink::frame::{FrameHead, GapReason};

use super::*;

const HOUR: i64 = 498_794;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_millis(HOUR * HOUR_MS + minute * 60_000)
}

fn catalog(keys: &[&str]) -> Arc<Catalog> {
    let point = |key: &&str| PointDef {
        key: PointKey::new(key).unwrap(),
        title: Title::default(),
        kind: Kind::Other,
        unit: Unit::ONE,
        value_type: ValueType::F64,
        range: None,
        interval_ms: 1_000,
        labels: BTreeMap::new(),
    };
    Arc::new(Catalog::new(keys.iter().map(point).collect()).unwrap())
}

fn tally(reads: u32) -> Tally {
    Tally {
        due: reads,
        made: reads,
        good: reads,
        unchanged: 0,
        unchanged_bad: 0,
        sent: reads,
    }
}

fn frame(epoch: u64, seq: u64, until: i64, reads: &[u32]) -> FrameEntry {
    let tallies: Vec<_> = reads.iter().copied().map(tally).collect();
    let catalog = catalog(&["a", "b", "c"]);
    FrameEntry {
        gateway: "e/g".parse().unwrap(),
        received: 0,
        oldest: 1,
        live_from: 1,
        live_oldest: 1,
        head: FrameHead {
            catalog: catalog.id(),
            epoch,
            seq,
            epoch_first: 1,
            watermark: at(until),
        },
        catalog,
        samples: Vec::new(),
        gaps: Vec::new(),
        accounts: vec![Account {
            hour: HOUR,
            from: at(0),
            until: at(until),
            stretches: stretches(&tallies),
        }],
        clock_step_ms: 0,
    }
}

fn custody() -> (tempfile::TempDir, Custody) {
    let dir = tempfile::tempdir().unwrap();
    let custody = Custody::open(&dir.path().join("custody.db")).unwrap();
    (dir, custody)
}

const THIS: Hours = Hours {
    first: HOUR,
    count: 1,
};

/// All points.
fn all(catalogs: &CatalogsOf) -> Places {
    let places = catalogs.iter().map(|(id, catalog)| {
        let points = 0..u32::try_from(catalog.points().len()).unwrap();
        (*id, points.collect())
    });
    places.collect()
}

fn told_of(custody: &Custody, gateway: &str, hours: Hours) -> Told {
    let gateway = gateway.parse().unwrap();
    custody.told(&gateway, hours, all).unwrap()
}

fn told(custody: &Custody) -> Told {
    told_of(custody, "e/g", THIS)
}

fn reads(book: &Book) -> [u32; 3] {
    [0, 1, 2].map(|point| book.tally(point).due)
}

#[test]
fn a_newer_record_takes_the_place_of_the_older_in_any_order() {
    for order in [[0, 1], [1, 0]] {
        let (_dir, mut custody) = custody();
        let frames = [frame(7, 5, 1, &[60, 60, 60]), frame(7, 9, 2, &[120, 119])];
        for at in order {
            custody.write(&[&frames[at]], 3).unwrap();
        }
        let told = told(&custody);
        assert_eq!(told.books.len(), 1);
        assert_eq!(reads(&told.books[0]), [120, 119, 60], "{order:?}");
        assert_eq!((told.books[0].from, told.books[0].until), (at(0), at(2)));
        assert_eq!(custody.next().unwrap(), 3);
    }
}

#[test]
fn runs_are_kept_apart_and_a_repeated_frame_changes_nothing() {
    let (_dir, mut custody) = custody();
    let (first, second) = (frame(7, 5, 1, &[60]), frame(8, 6, 2, &[30]));
    custody.write(&[&first, &second, &first], 1).unwrap();
    custody.write(&[&second], 2).unwrap();
    let told = told(&custody);
    assert_eq!(
        told.books.iter().map(reads).collect::<Vec<_>>(),
        [[60, 0, 0], [30, 0, 0]]
    );
    assert_eq!(told.catalogs.len(), 1);
}

#[test]
fn a_gap_that_is_told_again_is_the_same_gap() {
    let (_dir, mut custody) = custody();
    let mut frame = frame(7, 5, 1, &[60]);
    let gap = |until| Gap {
        from: at(0).as_millis(),
        until: at(until).as_millis(),
        count: u64::MAX,
        why: GapReason::Budget as u32,
    };
    frame.gaps = vec![gap(1), gap(1), gap(2), gap(-5)];
    custody.write(&[&frame], 1).unwrap();
    custody.write(&[&frame], 1).unwrap();
    assert_eq!(told(&custody).gaps, [gap(1), gap(2)]);
}

#[test]
fn hours_that_cannot_be_are_left() {
    let (_dir, mut custody) = custody();
    let mut frame = frame(7, 5, 1, &[60]);
    let mut far = frame.accounts[0].clone();
    far.hour -= HOURS_BACK_MAX + 1;
    frame.accounts = vec![far.clone()];
    custody.write(&[&frame], 1).unwrap();
    let hours = Hours {
        first: far.hour,
        count: 1,
    };
    assert!(told_of(&custody, "e/g", hours).books.is_empty());
}

#[test]
fn a_dark_hour_still_knows_the_points_of_the_hours_before() {
    let (_dir, mut custody) = custody();
    custody.write(&[&frame(7, 5, 1, &[60])], 1).unwrap();
    let later = Hours {
        first: HOUR + 4,
        count: 2,
    };
    let told = told_of(&custody, "e/g", later);
    assert_eq!((told.books.len(), told.catalogs.len()), (0, 1));
    assert_eq!(told.since, Some(at(0)));
    let other = told_of(&custody, "e/other", later);
    assert!(other.catalogs.is_empty());
}

#[test]
fn old_hours_are_forgotten_with_their_catalogs() {
    let (_dir, mut custody) = custody();
    custody.write(&[&frame(7, 5, 1, &[60])], 1).unwrap();
    custody.forget_before(HOUR).unwrap();
    assert_eq!(told(&custody).books.len(), 1);
    custody.forget_before(HOUR + 1).unwrap();
    let told = told(&custody);
    assert!(told.books.is_empty() && told.catalogs.is_empty());
}

#[test]
fn another_versions_book_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("custody.db");
    drop(Custody::open(&path).unwrap());
    let conn = Connection::open(&path).unwrap();
    conn.pragma_update(None, "user_version", 9).unwrap();
    drop(conn);
    let error = Custody::open(&path).unwrap_err().to_string();
    assert!(error.contains("custody.db: version 9"), "{error}");
}

#[test]
fn only_what_was_asked_for_is_held() {
    let (_dir, mut custody) = custody();
    custody.write(&[&frame(7, 5, 1, &[60, 61, 62])], 1).unwrap();
    let gateway = "e/g".parse().unwrap();
    let second = |catalogs: &CatalogsOf| {
        let ids = catalogs.keys();
        ids.map(|id| (*id, [1].into())).collect()
    };
    let told = custody.told(&gateway, THIS, second).unwrap();
    assert_eq!(told.books[0].tallies, [(1, tally(61))]);
}

#[test]
fn points_that_the_catalog_lacks_and_a_flood_of_accounts_are_left() {
    let (_dir, mut custody) = custody();
    // Each would cost as much as a hundred thousand points.
    let far = frame(7, 5, 1, &[60, 60, 60, 60]);
    custody.write(&[&far], 1).unwrap();
    assert!(told(&custody).books.is_empty());
    let mut flood = frame(7, 5, 1, &[60]);
    let account = flood.accounts[0].clone();
    let hours = (0..20).map(|back| Account {
        hour: HOUR - back,
        ..account.clone()
    });
    flood.accounts = hours.collect();
    custody.write(&[&flood], 1).unwrap();
    let day = Hours {
        first: HOUR - 20,
        count: 21,
    };
    assert_eq!(told_of(&custody, "e/g", day).books.len(), ACCOUNTS_MAX);
    // A gateway that calls every frame a run of its own.
    for epoch in 0..300 {
        custody.write(&[&frame(epoch, 5, 1, &[1])], 1).unwrap();
    }
    assert_eq!(told(&custody).books.len(), RUNS_MAX as usize);
}
