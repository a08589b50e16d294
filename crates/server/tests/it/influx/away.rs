//! The database is away: the log is held, within its budget, and nothing is missing after.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_while_the_database_was_away_is_all_there() {
    let mut plant = Plant::new();
    let storage = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut expected = Expected::default();
    feed(&mut plant, &mut expected, &samples(T0, 200));
    let running = Running::start(&plant, port, ROOMY);
    until("it is noticed", async || running.fault().is_some()).await;
    assert_eq!(running.fault().as_deref(), Some("sink_influx_away"));
    write_events(&mut plant.journal, 3..6, &[]);
    assert_eq!(running.keep_from(), 1, "the log is held");

    let victoria = Victoria::start(storage.path(), port).await;
    running.all_written(&plant).await;
    until("it is well again", async || running.fault().is_none()).await;
    drop(victoria);

    feed(&mut plant, &mut expected, &samples(T0 + 1_000_000, 200));
    until("it is noticed", async || running.fault().is_some()).await;
    let victoria = Victoria::start(storage.path(), port).await;
    feed(&mut plant, &mut expected, &samples(T0 + 2_000_000, 200));
    running.all_written(&plant).await;
    running.stop().await;
    expected.check(&victoria).await;
    check_alarms(&victoria).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_its_budget_the_log_is_let_go_and_filled_from_history() {
    const BUDGET: u64 = 20_000;
    let mut plant = Plant::new();
    let storage = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut expected = Expected::default();
    let running = Running::start(&plant, port, BUDGET);
    // Late data among it, from a month before.
    feed(&mut plant, &mut expected, &samples(T0, 1_000));
    feed(
        &mut plant,
        &mut expected,
        &samples(T0 - 30 * 86_400_000, 100),
    );
    feed(&mut plant, &mut expected, &samples(T0 + 1_000_000, 300));
    until("the oldest is let go", async || {
        held(&plant, &running) <= BUDGET
    })
    .await;
    assert!(running.keep_from() > 1);
    plant.log.lock().unwrap().trim(running.keep_from()).unwrap();
    assert_eq!(running.fault().as_deref(), Some("sink_influx_away"));
    // A restart in between must not forget what is missing.
    running.stop().await;
    let running = Running::start(&plant, port, BUDGET);

    let victoria = Victoria::start(storage.path(), port).await;
    let last = samples(T0 + 3_000_000, 50);
    feed(&mut plant, &mut expected, &last);
    let newest = last.last().unwrap().1.time.as_millis();
    let has_newest = async || {
        let found = victoria.export("sample_").await;
        found.values().any(|values| values.contains_key(&newest))
    };
    until("the newest is there before the hole is filled", has_newest).await;
    assert!(
        !plant.stored_cursor().unwrap().hole.is_empty(),
        "history has not sealed it yet"
    );
    let refills = async || running.fault().as_deref() == Some("sink_influx_refill");
    until("it says that something is missing", refills).await;

    plant.history.seal_all().unwrap();
    running.all_written(&plant).await;
    until("it is well again", async || running.fault().is_none()).await;
    running.stop().await;
    expected.check(&victoria).await;
    assert_eq!(victoria.invalid_rows().await, 0);
}

/// Bytes of the log that the sink holds.
fn held(plant: &Plant, running: &Running) -> u64 {
    let log = plant.log.lock().unwrap();
    let entries = log
        .reader()
        .unwrap()
        .read(running.keep_from(), 100_000, usize::MAX)
        .unwrap();
    entries.iter().map(|entry| entry.body.len() as u64).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_trimmed_unseen_are_fetched_by_their_time() {
    let mut plant = Plant::new();
    let storage = tempfile::tempdir().unwrap();
    let victoria = Victoria::start(storage.path(), free_port()).await;
    let mut expected = Expected::default();
    feed(&mut plant, &mut expected, &samples(T0, 100));
    let running = Running::start(&plant, victoria.port, ROOMY);
    running.all_written(&plant).await;
    running.stop().await;
    // The sink is switched off for a while, and nothing holds the log.
    feed(&mut plant, &mut expected, &samples(T0 + 100_000, 400));
    let next = plant.log.lock().unwrap().next();
    plant.log.lock().unwrap().trim(next).unwrap();
    plant.history.seal_all().unwrap();
    feed(&mut plant, &mut expected, &samples(T0 + 500_000, 100));
    let running = Running::start(&plant, victoria.port, ROOMY);
    running.all_written(&plant).await;
    running.stop().await;
    expected.check(&victoria).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_its_age_the_log_is_let_go() {
    let mut plant = Plant::new();
    let mut expected = Expected::default();
    let now = fenghuo_server::clock::now().as_millis();
    let hour = Duration::from_secs(3_600);
    feed(&mut plant, &mut expected, &samples(now - 3 * 3_600_000, 10));
    let server = Scripted::start(Box::new(|_, _| status(204))).await;
    let running = Running::start(&plant, server.address.port(), ROOMY);
    running.all_written(&plant).await;
    running.stop().await;
    drop(server);

    feed(
        &mut plant,
        &mut expected,
        &samples(now - 2 * 3_600_000, 400),
    );
    let old = plant.log.lock().unwrap().next();
    feed(&mut plant, &mut expected, &samples(now, 100));
    let running = Running::start_aged(&plant, free_port(), ROOMY, hour);
    until("the old part is let go", async || {
        running.keep_from() >= old - 2
    })
    .await;
    assert!(
        running.keep_from() < plant.log.lock().unwrap().next(),
        "the rest is held"
    );
    running.stop().await;
    let hole = plant.stored_cursor().unwrap().hole;
    assert_eq!(hole.spans().first().unwrap().from, now - 2 * 3_600_000);
}
