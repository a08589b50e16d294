//! The webhook carrier against a scripted HTTP server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::header::RETRY_AFTER;
use axum::response::IntoResponse;
use fenghuo_server::journal::Journal;
use fenghuo_server::journal::notices::Notices;
use fenghuo_server::metrics::Metrics;
use fenghuo_server::notify::{Webhook, WebhookConfig};
use fenghuo_server::view::Trouble;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::peers::{Scripted, free_port, status, until};
use crate::plant::{notice, write_events};

/// A journal with notices, and a carrier that may run.
struct Desk {
    _dir: TempDir,
    path: PathBuf,
    told: Arc<Notify>,
}

struct Running {
    fault: Arc<Mutex<Option<Trouble>>>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Desk {
    fn with_events(count: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let mut journal = Journal::open(&path).unwrap();
        write_events(&mut journal, 1..=count, &["duty"]);
        Self {
            _dir: dir,
            path,
            told: Arc::default(),
        }
    }

    /// Notices that became due just now.
    fn write_now(&self, count: u64) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = i64::try_from(now.unwrap().as_millis()).unwrap();
        let notices = (1..=count).map(|at| {
            let mut notice = notice(at, &["duty"]);
            notice.view.at = now;
            notice
        });
        let notices: Vec<_> = notices.collect();
        let batch = fenghuo_server::journal::Batch {
            notices: &notices,
            ..Default::default()
        };
        Journal::open(&self.path).unwrap().write(batch).unwrap();
    }

    fn start(&self, url: &str, timeout: Duration) -> Running {
        let config = WebhookConfig {
            name: "duty".to_owned(),
            url: url.to_owned(),
            timeout,
            bearer: Some("token-1".to_owned()),
            fault_after: Duration::from_secs(2),
        };
        let metrics = Arc::new(Metrics::new());
        let told = self.told.clone();
        let webhook = Webhook::new(config, self.path.clone(), metrics.clone(), told).unwrap();
        let (stop, stopped) = watch::channel(false);
        Running {
            fault: webhook.fault(),
            metrics,
            stop,
            task: tokio::spawn(webhook.run(stopped)),
        }
    }

    fn counts(&self) -> [u64; 3] {
        Notices::open(&self.path).unwrap().counts("duty").unwrap()
    }
}

impl Running {
    fn trouble(&self) -> Option<Trouble> {
        self.fault.lock().unwrap().clone()
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

fn errors(path: &Path) -> Vec<String> {
    let conn = rusqlite::Connection::open(path).unwrap();
    let mut select = conn
        .prepare("SELECT error FROM notice WHERE error IS NOT NULL ORDER BY id")
        .unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

const PATIENT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_notice_is_told_once_with_its_id_words_and_token() {
    let desk = Desk::with_events(1);
    let server = Scripted::start(Box::new(|_, _| status(200))).await;
    let running = desk.start(&server.url(), PATIENT);
    until("it is told", async || desk.counts() == [0, 1, 0]).await;
    let requests = server.requests();
    let body = requests[0].json();
    assert_eq!(body["notice"], "1.0/duty");
    assert_eq!(body["repeat"], false);
    assert_eq!(body["event"]["transition"], "raise");
    assert_eq!(body["event"]["value"], 51.5);
    assert_eq!(
        (&body["receiver"], &body["kind"]),
        (&"all".into(), &"alarm".into())
    );
    assert_eq!(body["alarms"][0]["about"], "called");
    assert_eq!(body["alarms"][0]["alarm"], body["event"]["alarm"]);
    let zh = body["text"]["zh"].as_str().unwrap();
    assert!(
        zh.contains("橙色") && zh.contains("可燃气体超限") && zh.contains(" 51.5 %LEL (≥ 50 %LEL)"),
        "{zh}"
    );
    assert!(
        body["text"]["en"]
            .as_str()
            .unwrap()
            .starts_with("[ORANGE] kaijiang-oil")
    );
    assert_eq!(requests[0].headers["idempotency-key"], "1.0/duty");
    assert_eq!(requests[0].headers["authorization"], "Bearer token-1");
    assert_eq!(requests[0].uri.query(), Some("key=secret"));

    let mut journal = Journal::open(&desk.path).unwrap();
    write_events(&mut journal, 2..=2, &["duty"]);
    let asked = Instant::now();
    desk.told.notify_waiters();
    until("the next is told", async || desk.counts() == [0, 2, 0]).await;
    assert!(asked.elapsed() < PATIENT);
    running.stop().await;
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_digest_brings_its_alarms_and_no_event() {
    let desk = Desk::with_events(0);
    let mut notice = notice(2, &["duty"]);
    notice.view.kind = "digest_flood".to_owned();
    (notice.view.more, notice.view.raises.yellow, notice.event) = (9, 10, None);
    let batch = fenghuo_server::journal::Batch {
        notices: &[notice],
        ..Default::default()
    };
    Journal::open(&desk.path).unwrap().write(batch).unwrap();
    let server = Scripted::start(Box::new(|_, _| status(200))).await;
    let running = desk.start(&server.url(), PATIENT);
    until("it is told", async || desk.counts() == [0, 1, 0]).await;
    running.stop().await;
    let body = server.requests()[0].json();
    assert_eq!(body["notice"], "2.0/duty");
    assert_eq!(
        (&body["kind"], &body["more"]),
        (&"digest_flood".into(), &9.into())
    );
    assert_eq!(body["raises"]["yellow"], 10);
    assert_eq!(body["alarms"].as_array().unwrap().len(), 1);
    assert!(body.get("event").is_none() && body.get("step").is_none());
}

#[tokio::test]
async fn what_fails_for_a_while_is_repeated_and_says_so() {
    let desk = Desk::with_events(1);
    let script = |tries, _: &_| status([500, 408, 302, 204][usize::min(tries, 3)]);
    let server = Scripted::start(Box::new(script)).await;
    let running = desk.start(&server.url(), PATIENT);
    until("it is told", async || desk.counts() == [0, 1, 0]).await;
    running.stop().await;
    let sent: Vec<_> = server.requests().iter().map(|it| it.json()).collect();
    let ids: Vec<_> = sent
        .iter()
        .map(|it| it["notice"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["1.0/duty"; 4]);
    let repeats: Vec<_> = sent
        .iter()
        .map(|it| it["repeat"].as_bool().unwrap())
        .collect();
    assert_eq!(repeats, [false, true, true, true]);
}

#[tokio::test]
async fn a_request_to_wait_is_heeded() {
    let desk = Desk::with_events(1);
    let wait = Duration::from_secs(3);
    let script = move |tries, _: &_| match tries {
        0 => Some(
            (
                axum::http::StatusCode::TOO_MANY_REQUESTS,
                [(RETRY_AFTER, "3")],
            )
                .into_response(),
        ),
        _ => status(200),
    };
    let server = Scripted::start(Box::new(script)).await;
    let running = desk.start(&server.url(), PATIENT);
    until("it is told", async || desk.counts() == [0, 1, 0]).await;
    running.stop().await;
    let requests = server.requests();
    assert!(requests[1].at.duration_since(requests[0].at) >= wait);
}

#[tokio::test]
async fn a_refusal_is_kept_and_not_repeated() {
    let desk = Desk::with_events(2);
    let script = |_, request: &crate::peers::Request| {
        if request.json()["notice"] == "1.0/duty" {
            Some((axum::http::StatusCode::BAD_REQUEST, "no such\nroom").into_response())
        } else {
            status(200)
        }
    };
    let server = Scripted::start(Box::new(script)).await;
    let running = desk.start(&server.url(), PATIENT);
    until("both are decided", async || desk.counts() == [0, 1, 1]).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    running.stop().await;
    assert_eq!(server.count(), 2, "a refused notice does not come again");
    assert_eq!(errors(&desk.path), ["http 400: no such room"]);
}

#[tokio::test]
async fn nobody_there_is_waited_for() {
    let desk = Desk::with_events(5);
    let port = free_port();
    let running = desk.start(&format!("http://127.0.0.1:{port}/?key=secret"), PATIENT);
    until("a try failed", async || !errors(&desk.path).is_empty()).await;
    assert!(
        errors(&desk.path)
            .iter()
            .all(|error| !error.contains("secret"))
    );
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let server = Scripted::start_at(listener, Box::new(|_, _| status(200)));
    until("all are told", async || desk.counts() == [0, 5, 0]).await;
    running.stop().await;
    assert_eq!(server.count(), 5);
}

#[tokio::test]
async fn a_carrier_that_cannot_deliver_is_a_fault_until_it_does() {
    let desk = Desk::with_events(0);
    desk.write_now(3);
    let accepts = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let open = accepts.clone();
    let script = move |_, _: &_| {
        let open = open.load(std::sync::atomic::Ordering::Relaxed);
        status(if open { 200 } else { 503 })
    };
    let server = Scripted::start(Box::new(script)).await;
    let running = desk.start(&server.url(), PATIENT);
    until("it is a fault", async || running.trouble().is_some()).await;
    let said = running.trouble().unwrap();
    assert_eq!(said.code, "carrier");
    for words in ["carrier duty", "+08:00", "waiting: 3", "http 503"] {
        assert!(said.en.contains(words), "{words}: {}", said.en);
    }
    let stuck = "fenghuo_carrier_stuck_seconds{carrier=\"duty\"} ";
    let figure = running.metrics.render();
    assert!(figure.contains(stuck) && !figure.contains(&format!("{stuck}0\n")));
    accepts.store(true, std::sync::atomic::Ordering::Relaxed);
    until("all are told", async || desk.counts() == [0, 3, 0]).await;
    until("it is none", async || running.trouble().is_none()).await;
    assert!(running.metrics.render().contains(&format!("{stuck}0\n")));
    running.stop().await;
}

#[tokio::test]
async fn a_carrier_that_refuses_is_a_fault_until_it_takes_one() {
    let desk = Desk::with_events(1);
    let script = |tries: usize, _: &_| status(if tries == 0 { 401 } else { 200 });
    let server = Scripted::start(Box::new(script)).await;
    let running = desk.start(&server.url(), PATIENT);
    until("it is a fault", async || running.trouble().is_some()).await;
    let said = running.trouble().unwrap();
    assert!(
        said.en.contains("given up: 1; last error: http 401"),
        "{}",
        said.en
    );
    let mut journal = Journal::open(&desk.path).unwrap();
    write_events(&mut journal, 2..=2, &["duty"]);
    until("it is none", async || running.trouble().is_none()).await;
    running.stop().await;
}

#[tokio::test]
async fn a_kill_during_a_send_repeats_that_notice_alone() {
    let desk = Desk::with_events(3);
    let script = |_, request: &crate::peers::Request| {
        let body = request.json();
        let stuck = body["notice"] == "2.0/duty" && body["repeat"] == false;
        if stuck { None } else { status(200) }
    };
    let server = Scripted::start(Box::new(script)).await;
    let running = desk.start(&server.url(), PATIENT);
    until("one is under way", async || {
        desk.counts() == [1, 2, 0] && server.count() == 3
    })
    .await;
    running.task.abort();
    assert!(running.task.await.unwrap_err().is_cancelled());

    let running = desk.start(&server.url(), PATIENT);
    until("it is told", async || desk.counts() == [0, 3, 0]).await;
    running.stop().await;
    let last = server.requests().pop().unwrap().json();
    assert_eq!(
        (last["notice"].as_str(), last["repeat"].as_bool()),
        (Some("2.0/duty"), Some(true))
    );
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn one_that_always_fails_holds_nobody_back() {
    let desk = Desk::with_events(40);
    let script = |_, request: &crate::peers::Request| {
        if request.json()["notice"] == "1.0/duty" {
            status(500)
        } else {
            status(200)
        }
    };
    let server = Scripted::start(Box::new(script)).await;
    let running = desk.start(&server.url(), PATIENT);
    until("the others are told", async || desk.counts() == [1, 39, 0]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_notices_are_told_once_each() {
    const MANY: u64 = 10_000;
    let desk = Desk::with_events(MANY);
    let server = Scripted::start(Box::new(|_, _| status(200))).await;
    let started = Instant::now();
    let running = desk.start(&server.url(), PATIENT);
    until("all are told", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        desk.counts() == [0, MANY, 0]
    })
    .await;
    println!("{MANY} notices told in {:?}", started.elapsed());
    running.stop().await;
    let requests = server.requests();
    let ids: std::collections::BTreeSet<_> = requests
        .iter()
        .map(|it| it.headers["idempotency-key"].clone())
        .map(|id| id.to_str().unwrap().to_owned())
        .collect();
    assert_eq!((requests.len() as u64, ids.len() as u64), (MANY, MANY));
}
