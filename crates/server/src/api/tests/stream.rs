//! A screen's stream: live, resumed, reset, ended.

use axum::body::BodyDataStream;
use tokio::time::timeout;
use tokio_stream::StreamExt;

use super::*;
use crate::board::UPDATES_MAX;

/// A screen that reads events one by one.
struct Screen {
    body: BodyDataStream,
    text: String,
}

#[derive(PartialEq, Debug, Default)]
struct Told {
    event: String,
    id: String,
    data: String,
}

impl Screen {
    async fn open(world: &World, uri: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(uri);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = world.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut told = Told::default();
                for line in event.lines() {
                    match line.split_once(": ") {
                        Some(("event", it)) => it.clone_into(&mut told.event),
                        Some(("id", it)) => it.clone_into(&mut told.id),
                        Some(("data", it)) => it.clone_into(&mut told.data),
                        _ => {}
                    }
                }
                self.text = rest.to_owned();
                if told == Told::default() {
                    continue; // a sign of life
                }
                return Some(told);
            }
            let chunk = timeout(Duration::from_secs(10), self.body.next())
                .await
                .unwrap()?;
            self.text
                .push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let told = self.next().await.unwrap();
            assert_eq!(told.event, "alarm");
            ids.push(told.id);
        }
        ids
    }
}

#[tokio::test]
async fn what_changes_is_told_at_once() {
    let mut world = World::new();
    let mut screen = Screen::open(&world, "/api/v1/stream", None).await;
    world.event("1.0", "raise", alarm("1.0", "red", 10));
    world.api.board.health(HealthView::default());
    let told = screen.next().await.unwrap();
    assert_eq!((told.event.as_str(), told.id.as_str()), ("alarm", "1.0"));
    let data: Json = serde_json::from_str(&told.data).unwrap();
    assert_eq!(
        (&data["transition"], &data["event"]),
        (&json!("raise"), &json!("1.0"))
    );
    assert_eq!(screen.next().await.unwrap().event, "health");
    assert!(world.api.metrics.render().contains("fenghuo_screens 1"));
}

// peers 42
#[tokio::test]
async fn a_screen_resumes_without_a_loss_or_a_double() {
    let mut world = World::new();
    for id in ["1.0", "1.1", "2.0"] {
        world.event(id, "raise", alarm(id, "red", 10));
    }
    // In the journal already, and shown only after the screen came.
    world.journaled("3.0", "raise", alarm("3.0", "red", 10));
    let mut screen = Screen::open(&world, "/api/v1/stream?after=0.0", Some("1.0")).await;
    show(&world.api.board, "3.0", "raise", alarm("3.0", "red", 10));
    world.event("4.0", "raise", alarm("4.0", "red", 10));
    assert_eq!(screen.ids(4).await, ["1.1", "2.0", "3.0", "4.0"]);
    let mut from_start = Screen::open(&world, "/api/v1/stream?after=0.0", None).await;
    assert_eq!(from_start.ids(5).await, ["1.0", "1.1", "2.0", "3.0", "4.0"]);
}

// peers 42
#[tokio::test]
async fn a_screen_that_cannot_resume_is_told_to_reload_and_goes_on() {
    let mut world = World::new();
    world.event("5.0", "raise", alarm("5.0", "red", 10));
    // Of a journal that had more, or of no journal at all.
    for last in ["900.0", "5.1", "nonsense", "18446744073709551615.0"] {
        let mut screen = Screen::open(&world, "/api/v1/stream", Some(last)).await;
        assert_eq!(screen.next().await.unwrap().event, "reset", "{last}");
        show(&world.api.board, "6.0", "raise", alarm("6.0", "red", 10));
        assert_eq!(screen.ids(1).await, ["6.0"]);
    }
    assert_eq!(
        world
            .get("/api/v1/stream?after=nonsense")
            .await
            .refused(400),
        "invalid"
    );
}

#[tokio::test]
async fn a_screen_that_missed_too_much_is_told_to_reload() {
    let mut world = World::new();
    for position in 1..=super::super::stream::REPLAY_MAX + 2 {
        world.journaled(&format!("{position}.0"), "raise", alarm("1.0", "red", 10));
    }
    let mut screen = Screen::open(&world, "/api/v1/stream", Some("1.0")).await;
    assert_eq!(screen.next().await.unwrap().event, "reset");
    let mut screen = Screen::open(&world, "/api/v1/stream", Some("2.0")).await;
    assert_eq!(screen.ids(1_000).await.last().unwrap(), "1002.0");
}

#[tokio::test]
async fn a_slow_screen_is_told_to_reload_and_holds_nobody() {
    let world = World::new();
    let mut screen = Screen::open(&world, "/api/v1/stream", None).await;
    for _ in 0..UPDATES_MAX + 10 {
        world.api.board.health(HealthView::default());
    }
    // It takes what was on its way, then learns that it missed something.
    loop {
        match screen.next().await.unwrap().event.as_str() {
            "health" => {}
            "reset" => break,
            other => panic!("{other}"),
        }
    }
    show(&world.api.board, "6.0", "raise", alarm("6.0", "red", 10));
    assert_eq!(screen.ids(1).await, ["6.0"]);
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let world = World::new();
    let mut screen = Screen::open(&world, "/api/v1/stream", None).await;
    world.stop.send_replace(true);
    assert_eq!(screen.next().await, None);
    assert!(world.api.metrics.render().contains("fenghuo_screens 0"));
}

#[tokio::test]
async fn a_screen_that_leaves_frees_its_place() {
    let world = World::new();
    let mut screens = Vec::new();
    for _ in 0..crate::api::SCREENS_MAX {
        screens.push(Screen::open(&world, "/api/v1/stream", None).await);
    }
    assert_eq!(
        world.get("/api/v1/stream").await.refused(503),
        "too_many_screens"
    );
    screens.clear();
    let full = format!("fenghuo_screens {}", crate::api::SCREENS_MAX);
    while world.api.metrics.render().contains(&full) {
        tokio::task::yield_now().await;
    }
    Screen::open(&world, "/api/v1/stream", None).await;
}
