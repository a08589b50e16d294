use super::*;
use crate::journal::Journal;

fn config() -> InfluxConfig {
    InfluxConfig {
        url: "http://127.0.0.1:8086".to_owned(),
        org: "county".to_owned(),
        bucket: "fenghuo".to_owned(),
        token: "very-secret".to_owned(),
        budget_bytes: 1 << 20,
        budget_age: Duration::from_secs(60),
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused_by_name() {
    assert!(client::client(&config()).is_ok());
    let refused = |change: fn(&mut InfluxConfig)| {
        let mut config = config();
        change(&mut config);
        client::client(&config).map(drop).unwrap_err().to_string()
    };
    assert!(refused(|it| it.url = "influx:8086".to_owned()).contains("url"));
    assert!(refused(|it| it.url = String::new()).contains("url"));
    assert!(refused(|it| it.url = "http://h/influx".to_owned()).contains("nothing after"));
    assert!(refused(|it| it.token = "a\nb".to_owned()).contains("token"));
    assert!(refused(|it| it.bucket = String::new()).contains("bucket"));
    assert!(!format!("{:?}", config()).contains("very-secret"));
}

#[test]
fn the_start_is_the_stored_cursor_or_the_oldest_entry() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = Log::open(&dir.path().join("log.db"), None).unwrap();
    assert_eq!(start(&log).unwrap().position, 1);
    let mut batch = fenghuo_log::Batch::default();
    (0..5).for_each(|_| batch.push(crate::entry::TICK, Vec::new()));
    let stored = Cursor {
        position: 4,
        at: 9,
        ..Cursor::default()
    };
    log.append(&batch).unwrap();
    log.trim(3).unwrap();
    assert_eq!(start(&log).unwrap().position, 3);
    let mut mark = fenghuo_log::Batch::default();
    mark.mark(MARK, Some(stored.encode()));
    log.append(&mark).unwrap();
    assert_eq!(start(&log).unwrap(), stored);

    let beyond = Cursor {
        position: 99,
        ..stored
    };
    mark.mark(MARK, Some(beyond.encode()));
    log.append(&mark).unwrap();
    assert_eq!(
        start(&log).unwrap().position,
        3,
        "another life of the log is written again"
    );
    mark.mark(MARK, Some(vec![0xff]));
    log.append(&mark).unwrap();
    assert!(start(&log).unwrap_err().to_string().contains("sink/influx"));
}

#[test]
fn a_sink_holds_the_log_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(&dir.path().join("log.db"), None).unwrap();
    let journal = dir.path().join("journal.db");
    drop(Journal::open(&journal).unwrap());
    let options = fenghuo_history::Options::new("test");
    let parts = InfluxParts {
        feed: Feed::new(log.head()),
        journal,
        history: History::open(&dir.path().join("history"), options).unwrap(),
        intake: Intake::default(),
        metrics: Arc::new(Metrics::new()),
    };
    let influx = Influx::new(config(), &log, parts).unwrap();
    assert_eq!(influx.keep_from().load(Ordering::Relaxed), 1);
    assert_eq!(*influx.fault().lock().unwrap(), None);
}
