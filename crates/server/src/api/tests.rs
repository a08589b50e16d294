//! The API against a board, a journal and a history made up here.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use fenghuo_engine::EventId;
use fenghuo_history::{History, Options};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt;

use super::{Api, JournalPool, router};
use crate::board::Board;
use crate::clock;
use crate::explain::{Desk, Questions};
use crate::intake::{ActRequest, Control, Intake};
use crate::journal::{Journal, Written};
use crate::metrics::Metrics;
use crate::serve::Files;
use crate::view::{AlarmView, EventView, HealthView, Words};

mod ack;
mod acts;
mod contract;
mod coverage;
mod custody;
mod explain;
mod figures;
mod lists;
mod range;
mod rim;
mod rules;
mod stream;

/// A server without its other half.
struct World {
    _dir: TempDir,
    api: Api,
    journal: Option<Journal>,
    questions: Option<Questions>,
    judged: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    router: Router,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        let journal = Journal::open(&path).unwrap();
        let (judged, judged_seen) = watch::channel(0);
        let (stop, stop_seen) = watch::channel(false);
        let history = History::open(&dir.path().join("history"), Options::new("log-1")).unwrap();
        let (desk, questions) = Desk::new(&Files::new(dir.path()), &history, None);
        let api = Api {
            desk,
            board: Arc::new(Board::default()),
            journal: Arc::new(JournalPool::new(path)),
            history,
            custody: Files::new(dir.path()).custody,
            intake: Intake::default(),
            judged: judged_seen,
            metrics: Arc::new(Metrics::new()),
            stop: stop_seen,
            loopback_only: true,
        };
        api.board.health(HealthView {
            status: "ok".to_owned(),
            now: clock::now().as_millis(),
            ..HealthView::default()
        });
        Self {
            _dir: dir,
            router: router(api.clone()),
            api,
            journal: Some(journal),
            questions: Some(questions),
            judged,
            stop,
        }
    }

    /// Writes an event and shows it, as the judge does.
    fn event(&mut self, id: &str, transition: &str, alarm: AlarmView) {
        self.journaled(id, transition, alarm.clone());
        show(&self.api.board, id, transition, alarm);
    }

    /// Writes an event that is not shown yet.
    fn journaled(&mut self, id: &str, transition: &str, alarm: AlarmView) {
        write(self.journal.as_mut().unwrap(), id, transition, alarm);
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, uri: &str) -> Answer {
        self.ask(Request::get(uri).body(Body::empty()).unwrap())
            .await
    }

    async fn post(&self, uri: &str, body: &Json) -> Answer {
        let request = Request::post(uri)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        self.ask(request.unwrap()).await
    }

    /// Takes acts as ingest and judge would, until the intake is closed.
    fn judge(
        &mut self,
        mut act: impl FnMut(&mut Journal, &Board, ActRequest) -> Option<u64> + Send + 'static,
    ) -> JoinHandle<()> {
        let (intake, board) = (self.api.intake.clone(), Arc::clone(&self.api.board));
        let mut journal = self.journal.take().unwrap();
        let judged = self.judged.clone();
        std::thread::spawn(move || {
            loop {
                let taken = intake.take(1, false, false, Duration::from_millis(50));
                for control in taken.control {
                    let Control::Act(request) = control else {
                        continue;
                    };
                    if let Some(position) = act(&mut journal, &board, request) {
                        judged.send_replace(position);
                    }
                }
                if taken.closed {
                    return;
                }
            }
        })
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The error's code, whatever its status.
    fn refused_code(&self) -> String {
        self.refused(self.status.as_u16())
    }

    /// The error's code, after a look at its shape.
    fn refused(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        let body = self.json();
        for language in ["zh", "en"] {
            assert_ne!(body["message"][language].as_str().unwrap(), "");
        }
        body["code"].as_str().unwrap().to_owned()
    }
}

fn write(journal: &mut Journal, id: &str, transition: &str, alarm: AlarmView) {
    let id: EventId = id.parse().unwrap();
    let written = Written {
        id,
        occurrence: alarm.occurrence.parse().unwrap(),
        body: format!("{{\"id\":\"{id}\"}}"),
        view: view(id, transition, alarm),
    };
    journal.append(&[written], &[]).unwrap();
}

fn show(board: &Board, id: &str, transition: &str, alarm: AlarmView) {
    let (id, occurrence) = (id.parse().unwrap(), alarm.occurrence.parse().unwrap());
    board.event(id, occurrence, &view(id, transition, alarm));
}

fn view(id: EventId, transition: &str, mut alarm: AlarmView) -> EventView {
    alarm.event = id.to_string();
    EventView {
        transition: transition.to_owned(),
        alarm,
    }
}

/// An unacknowledged alarm raised at `raised_at`.
fn alarm(occurrence: &str, severity: &str, raised_at: i64) -> AlarmView {
    AlarmView {
        alarm: "gas/L1@mine/gw1/ch4".to_owned(),
        occurrence: occurrence.to_owned(),
        rule: "gas".to_owned(),
        level: "L1".to_owned(),
        title: Words::new("瓦斯", "Methane"),
        severity: severity.to_owned(),
        state: "unacknowledged".to_owned(),
        life: "unacknowledged".to_owned(),
        active: true,
        enterprise: "mine".to_owned(),
        gateway: "gw1".to_owned(),
        point: Some("mine/gw1/ch4".to_owned()),
        raised_at,
        raises: 1,
        changed_at: raised_at,
        event: occurrence.to_owned(),
        ..AlarmView::default()
    }
}

/// The alarm when nothing covers it.
fn with_state(alarm: AlarmView, state: &str) -> AlarmView {
    AlarmView {
        state: state.to_owned(),
        life: state.to_owned(),
        active: matches!(state, "unacknowledged" | "acknowledged"),
        over: state == "normal" && alarm.case.is_none(),
        ..alarm
    }
}
