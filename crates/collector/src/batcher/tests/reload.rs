//! Another configuration comes into force while reports wait.

use std::collections::BTreeSet;

use fenghuo_uplink::custody::Tally;

use super::*;

fn catalog_of(keys: &[&str]) -> Arc<Catalog> {
    let points = keys.iter().map(|key| {
        let point = catalog().points()[0].clone();
        let key = PointKey::new(key).unwrap();
        PointDef { key, ..point }
    });
    Arc::new(Catalog::new(points.collect()).unwrap())
}

fn placed<const N: usize>(
    catalog: &Arc<Catalog>,
    places: [(SourceId, Range<u32>); N],
) -> Placement {
    Placement {
        catalog: catalog.clone(),
        places: places.into(),
        flush: Duration::from_secs(1),
    }
}

fn said(source: SourceId, point: u32, number: f64) -> Report {
    let time = Timestamp::from_millis(TODAY);
    let reading = Reading::Good(Value::F64(number));
    Report::Reads(source, vec![(point, Sample { time, reading })].into())
}

fn place(placement: Placement) -> Report {
    Report::Place(Box::new(placement))
}

/// Everything waits before the batcher takes the first of it. What is on disk then.
async fn play(first: Placement, script: Vec<Report>) -> Vec<Frame> {
    let dir = tempfile::tempdir().unwrap();
    let opened = Store::open(dir.path(), Terms::alone(64 << 20), 5);
    let clock = Arc::new(ReadClock::start_at(TODAY, None));
    let status = Status::default();
    let (commands, mut events, thread) =
        spool::spawn(opened.unwrap().0, clock.clone(), status.clone()).unwrap();
    let drain = tokio::spawn(async move { while events[0].recv().await.is_some() {} });
    let (out, reports) = mpsc::channel(REPORTS_MAX);
    for report in script {
        out.send(report).await.unwrap();
    }
    drop(out);
    let batch = super::super::run(first, clock, reports, commands, status);
    batch.await.unwrap();
    drain.await.unwrap();
    thread.join().unwrap();
    frames(dir.path())
}

/// Each value goes to its own point, whatever stands before that in the one catalog and the
/// other.
#[tokio::test]
async fn what_waits_across_a_reload_is_placed_by_its_source() {
    let (stays, goes, comes) = (SourceId(1), SourceId(2), SourceId(3));
    let before = catalog_of(&["goes", "stays.a", "stays.b"]);
    let after = catalog_of(&["comes.a", "comes.b", "stays.a", "stays.b"]);
    let frames = play(
        placed(&before, [(goes, 0..1), (stays, 1..3)]),
        vec![
            said(stays, 0, 10.0),
            said(goes, 0, 30.0),
            said(stays, 1, 20.0),
            place(placed(&after, [(comes, 0..2), (stays, 2..4)])),
            said(stays, 1, 21.0),
            said(comes, 1, 50.0),
            said(stays, 0, 11.0),
            // A fault of ours must not become a neighbour's value.
            said(comes, 2, 99.0),
            said(goes, 0, 99.0),
        ],
    )
    .await;
    let mut told = Vec::new();
    for frame in frames {
        let catalog = [&before, &after].into_iter();
        let mut named = catalog.filter(|it| it.id() == frame.head.catalog);
        let catalog = named.next().unwrap();
        let mut samples = Vec::new();
        frame.samples(catalog, &mut samples).unwrap();
        told.extend(samples.into_iter().map(|it| {
            let key = catalog.points()[it.point as usize].key.to_string();
            (key, it.sample.reading.value().and_then(Value::as_f64))
        }));
    }
    let expected = [
        ("stays.a", 10.0),
        ("goes", 30.0),
        ("stays.b", 20.0),
        ("stays.b", 21.0),
        ("comes.b", 50.0),
        ("stays.a", 11.0),
    ];
    let expected = expected.map(|(key, number)| (key.to_owned(), Some(number)));
    assert_eq!(told, expected);
}

/// A record of an epoch and a catalog holds all that was counted of them: the last one of each
/// tells of every read, also when the catalog stays the same, and when it comes back.
#[tokio::test]
async fn every_read_is_counted_over_reloads_there_and_back() {
    let (old, new, other) = (SourceId(1), SourceId(2), SourceId(3));
    let (one, two) = (catalog_of(&["a"]), catalog_of(&["b", "a"]));
    let back = || place(placed(&one, [(new, 0..1)]));
    let there = || place(placed(&two, [(other, 0..1), (new, 1..2)]));
    let read = |source| said(source, 0, 1.0);
    let frames = play(
        placed(&one, [(old, 0..1)]),
        vec![
            read(old),
            read(old),
            // Only how it is read has changed: the catalog is the same.
            back(),
            read(new),
            there(),
            read(new),
            read(other),
            back(),
            read(new),
            read(new),
            there(),
            read(new),
        ],
    )
    .await;
    let epochs: BTreeSet<u64> = frames.iter().map(|frame| frame.head.epoch).collect();
    assert_eq!(
        epochs.len(),
        2,
        "one for each time that a catalog comes back"
    );
    let mut last: BTreeMap<_, Vec<(String, Tally)>> = BTreeMap::new();
    for frame in &frames {
        let catalog = if frame.head.catalog == one.id() {
            &one
        } else {
            &two
        };
        for record in &frame.records {
            let Record::Custody(account) = record else {
                continue;
            };
            let named = account.stretches.iter().flat_map(|it| {
                let points = it.first..it.first + it.points;
                points.map(|at| (catalog.points()[at as usize].key.to_string(), it.tally))
            });
            let book = (frame.head.epoch, frame.head.catalog, account.hour);
            last.insert(book, named.collect());
        }
    }
    let mut sums: BTreeMap<String, Tally> = BTreeMap::new();
    for (key, tally) in last.into_values().flatten() {
        let sum = sums.entry(key).or_default();
        *sum = sum.plus(tally);
    }
    let sent = |key: &str| (sums[key].due, sums[key].good, sums[key].sent);
    assert_eq!((sent("a"), sent("b")), ((7, 7, 7), (1, 1, 1)));
}
