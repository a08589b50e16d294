//! The thread under load, on a budget that is too small.

use std::collections::BTreeMap;

use fenghuo_model::{
    Catalog, Kind, PointDef, PointKey, Reading, Sample, Timestamp, Title, Unit, Value, ValueType,
};
use fenghuo_uplink::frame::{Frame, FrameBuilder, Record};
use tokio::sync::oneshot;

use super::super::Terms;
use super::*;

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

fn large(catalog: &Arc<Catalog>, at: i64) -> Closed {
    let mut builder = FrameBuilder::new(catalog.clone());
    let time = Timestamp::from_millis(1_795_392_000_000 + at * 200);
    while !builder.is_full() {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let number = (builder.len() as f64 + at as f64).sqrt();
        let reading = Reading::Good(Value::F64(number));
        builder.push(0, &Sample { time, reading }).unwrap();
    }
    Closed {
        builder,
        watermark: time,
        steady: time,
    }
}

#[tokio::test]
async fn a_small_budget_drops_the_oldest_and_tells() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let opened = Store::open(dir.path(), Terms::alone(16 << 20), 7);
    let (store, _) = opened.unwrap();
    let reader = store.reader().unwrap();
    let status = Status::default();
    let clock = Arc::new(ReadClock::start(None));
    let (commands, mut events, thread) = spawn(store, clock, status.clone()).unwrap();
    let mut events = events.remove(0);
    let watcher = tokio::spawn(async move {
        let (mut spooled, mut dropped_below, mut told) = (0, 0, 0);
        while let Some(event) = events.recv().await {
            match event {
                Event::Spooled { seq, .. } => {
                    assert_eq!(seq, spooled + 1, "numbers follow one another");
                    spooled = seq;
                }
                Event::Note(note) => told += note.gaps.iter().map(|gap| gap.count).sum::<u64>(),
                Event::OfferAgain(_) => panic!("nobody asked"),
                Event::GoneBelow(seq) => {
                    assert!(seq > dropped_below);
                    dropped_below = seq;
                }
            }
        }
        (spooled, dropped_below, told)
    });
    for at in 0..300 {
        let frame = Command::Append(Box::new(large(&catalog, at)));
        assert!(commands.send(frame).await.is_ok());
    }
    let (answer, done) = oneshot::channel();
    assert!(commands.send(Command::Flush(answer)).await.is_ok());
    done.await.unwrap();
    drop(commands);
    let (spooled, dropped_below, told) = watcher.await.unwrap();
    thread.join().unwrap();
    assert_eq!(spooled, 300);
    let first = reader.first().unwrap().unwrap();
    assert_eq!(first, dropped_below);
    assert!(first > 50 && status.metrics.frames_dropped.get() == first - 1);
    let newest = reader.get(300).unwrap().unwrap();
    assert!(Frame::decode(&newest.body).is_ok());
    // What the last frames dropped waits for the next.
    assert!(told > 50 && told < first, "{told}");
    let (_, problems) = status.health.report();
    let full = problems.iter().find(|it| it.code == Code::SpoolFull);
    let words = &full.unwrap().en;
    assert!(words.ends_with("will never reach: server"), "{words}");
    assert_eq!(status.destination("server").lost.get(), first - 1);
}

/// The server is told, and asks no more: so it must be on disk before.
#[tokio::test]
async fn what_is_offered_again_is_noted_before_anyone_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let opened = Store::open(dir.path(), Terms::alone(64 << 20), 7);
    let (store, _) = opened.unwrap();
    let reader = store.reader().unwrap();
    let clock = Arc::new(ReadClock::start(None));
    let (commands, mut events, thread) = spawn(store, clock, Status::default()).unwrap();
    let frame = Closed {
        builder: FrameBuilder::new(catalog),
        watermark: Timestamp::from_millis(5),
        steady: Timestamp::from_millis(5),
    };
    let why = fenghuo_uplink::receipt::RefusalReason::Invalid;
    for command in [
        Command::Append(Box::new(frame)),
        Command::Refused(0, 1, why),
        Command::OfferAgain(0, 1, 9),
    ] {
        assert!(commands.send(command).await.is_ok());
    }
    loop {
        match events[0].recv().await.unwrap() {
            Event::OfferAgain(noted) => break assert_eq!(noted, Some((1, 9))),
            Event::Spooled { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(reader.marks("refused/").unwrap(), []);
    assert_eq!(reader.marks("dead/").unwrap().len(), 1);
    drop((commands, events));
    tokio::task::spawn_blocking(|| thread.join().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_oldest_waiting_frame_goes_when_too_many_wait() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let opened = Store::open(dir.path(), Terms::alone(64 << 20), 7);
    let (events, mut told) = mpsc::channel(EVENTS_MAX);
    let mut keeper = Keeper {
        store: opened.unwrap().0,
        clock: Arc::new(ReadClock::start(None)),
        status: Status::default(),
        events: vec![events],
        waiting: VecDeque::new(),
        sealed: None,
        full_at: None,
        // As after a failed write.
        retry_at: u64::MAX,
        untold: None,
        is_damaged: false,
    };
    let frame = |at: i64| Closed {
        builder: FrameBuilder::new(catalog.clone()),
        watermark: Timestamp::from_millis(at),
        steady: Timestamp::from_millis(at),
    };
    for at in 0..70 {
        keeper.wait(frame(at));
        keeper.write().await;
    }
    assert_eq!(keeper.waiting.len(), WAITING_MAX);
    keeper.retry_at = 0;
    keeper.write().await;
    assert!(keeper.waiting.is_empty() && keeper.sealed.is_none());
    let reader = keeper.store.reader().unwrap();
    let first = Frame::decode(&reader.get(1).unwrap().unwrap().body).unwrap();
    assert_eq!(first.head.watermark.as_millis(), 6);
    let Record::Gap(gap) = first.records[0] else {
        panic!("{:?}", first.records);
    };
    assert_eq!((gap.from, gap.until, gap.count), (0, 5, 6));
    drop(keeper);
    let mut spooled = 0;
    while told.recv().await.is_some() {
        spooled += 1;
    }
    assert_eq!(spooled, WAITING_MAX);
}

#[tokio::test]
async fn a_file_that_turns_bad_in_use_ends_the_thread_and_is_noted() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = catalog();
    let (store, _) = Store::open(dir.path(), Terms::alone(64 << 20), 7).unwrap();
    let clock = Arc::new(ReadClock::start(None));
    let status = Status::default();
    let (commands, _events, thread) = spawn(store, clock, status.clone()).unwrap();
    let file = dir.path().join(crate::spool::FILE);
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("DROP TABLE entry").unwrap();
    let frame = Closed {
        builder: FrameBuilder::new(catalog),
        watermark: Timestamp::from_millis(5),
        steady: Timestamp::from_millis(5),
    };
    commands
        .send(Command::Append(Box::new(frame)))
        .await
        .unwrap();
    commands.closed().await;
    assert!(dir.path().join(crate::spool::SUSPECT).exists());
    let (_, problems) = status.health.report();
    assert_eq!(problems[0].code, Code::SpoolFailing);
    tokio::task::spawn_blocking(|| thread.join().unwrap())
        .await
        .unwrap();
}

/// By its rounds it is known from a thread that hangs in a write.
#[tokio::test]
async fn a_thread_with_nothing_to_do_makes_its_rounds() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Store::open(dir.path(), Terms::alone(64 << 20), 7);
    let status = Status::default();
    let clock = Arc::new(ReadClock::start(None));
    let (commands, _events, thread) = spawn(opened.unwrap().0, clock, status.clone()).unwrap();
    let rounds = || status.spool_rounds.load(Ordering::Relaxed);
    while rounds() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let before = rounds();
    tokio::time::sleep(2 * PULSE).await;
    assert!((1..=3).contains(&(rounds() - before)));
    drop(commands);
    thread.join().unwrap();
}
