//! A screen's stream of server-sent events.
//!
//! A screen that was away resumes after the last alarm event that it had: the subscription
//! is taken first, then the journal is read, then what both have is left out, so nothing is
//! lost or doubled in between. What cannot be resumed is answered by `reset`: reload all.
//! Bounds: [`PENDING_MAX`] messages wait for a screen, the board keeps what comes meanwhile,
//! and a screen that falls behind that is told to reload (sentence 7). A screen that takes
//! nothing for [`STUCK_MAX`] is let go.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use fenghuo_engine::EventId;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::alarms::event_id;
use super::error::{Asked, Refusals};
use super::{ApiError, Shared};
use crate::board::Update;
use crate::journal::{JournalReader, Stored};
use crate::metrics::Metrics;

/// Most events that are made up for; a screen that missed more reloads.
pub const REPLAY_MAX: usize = 1_000;
/// Messages that wait for one screen, besides what the board keeps.
pub const PENDING_MAX: usize = 64;
/// A screen that takes nothing for this long is let go.
pub const STUCK_MAX: Duration = Duration::from_secs(30);
/// How often a quiet stream gives a sign of life.
pub const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// For proxies that would otherwise gather events before they pass them on.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// Resume after this alarm event; the header goes first.
    after: Option<String>,
}

/// Everything that changes, as server-sent events.
///
/// `alarm` is an alarm event with its id, `current` a list of readings, `gateway` and
/// `health` what their names say, and `reset`: too much was missed, reload everything.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "alarms",
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "Resume after this alarm event")
    ),
    responses(
        (status = 200, description = "Server-sent events", body = String,
         content_type = "text/event-stream"),
        Refusals
    )
)]
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Asked(query): Asked<StreamQuery>,
) -> Result<Response, ApiError> {
    let place = Arc::clone(&shared.screens)
        .try_acquire_owned()
        .map_err(|_| ApiError::Screens)?;
    // Before the journal is read: what comes from now on is not lost.
    let live = shared.api.board.subscribe();
    let missed = match resume_after(&headers, &query)? {
        Resume::Now => Missed::Nothing,
        Resume::Unknown => Missed::TooMuch,
        Resume::After(after) => missed(&shared, after).await?,
    };
    let (out, events) = mpsc::channel(PENDING_MAX);
    let screen = Screen {
        live,
        out,
        last: None,
        _seat: Seat::take(place, Arc::clone(&shared.api.metrics)),
    };
    tokio::spawn(screen.run(missed, shared.api.stop.clone()));
    let events = ReceiverStream::new(events).map(Ok::<_, Infallible>);
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE));
    Ok(([UNBUFFERED], sse).into_response())
}

enum Resume {
    Now,
    After(EventId),
    /// An id that is none of ours, kept by a browser: it would ask with it for ever.
    Unknown,
}

fn resume_after(headers: &HeaderMap, query: &StreamQuery) -> Result<Resume, ApiError> {
    if let Some(id) = headers.get(LAST_EVENT_ID) {
        let id = id.to_str().ok().and_then(|id| event_id(id).ok());
        return Ok(id.map_or(Resume::Unknown, Resume::After));
    }
    match query.after.as_deref() {
        Some(id) => event_id(id).map(Resume::After),
        None => Ok(Resume::Now),
    }
}

/// What a screen missed.
enum Missed {
    Nothing,
    These(Vec<Stored>),
    /// More than is made up for, or since an event that this journal does not have.
    TooMuch,
}

async fn missed(shared: &Shared, after: EventId) -> Result<Missed, ApiError> {
    let from_start = after == EventId::default();
    let read = move |journal: &JournalReader| {
        let since = if from_start {
            after
        } else {
            just_before(after)
        };
        journal.events(since, REPLAY_MAX + 2)
    };
    let mut events = shared.api.journal.read(read).await?;
    if !from_start {
        // A journal without that event is another one, or an older copy.
        if events.first().map(|event| event.id) != Some(after) {
            return Ok(Missed::TooMuch);
        }
        events.remove(0);
    }
    Ok(match events.len() {
        0 => Missed::Nothing,
        1..=REPLAY_MAX => Missed::These(events),
        _ => Missed::TooMuch,
    })
}

const fn just_before(id: EventId) -> EventId {
    match id.ordinal.checked_sub(1) {
        Some(ordinal) => EventId {
            position: id.position,
            ordinal,
        },
        None => EventId {
            position: id.position.saturating_sub(1),
            ordinal: u32::MAX,
        },
    }
}

/// A place among [`super::SCREENS_MAX`], counted while it is taken.
struct Seat {
    metrics: Arc<Metrics>,
    _place: OwnedSemaphorePermit,
}

impl Seat {
    fn take(place: OwnedSemaphorePermit, metrics: Arc<Metrics>) -> Self {
        metrics.screen(1);
        Self {
            metrics,
            _place: place,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.metrics.screen(-1);
    }
}

/// The screen went away, or takes nothing any more.
struct Gone;

struct Screen {
    live: broadcast::Receiver<Update>,
    out: mpsc::Sender<Event>,
    /// The last event that came from the journal.
    last: Option<EventId>,
    _seat: Seat,
}

impl Screen {
    async fn run(mut self, missed: Missed, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            // It says so, or its sender is gone: in both cases the server stops.
            _ = stop.wait_for(|stop| *stop) => {}
            Gone = self.serve(missed) => {}
        }
    }

    async fn serve(&mut self, missed: Missed) -> Gone {
        if let Err(gone) = self.make_up(missed).await {
            return gone;
        }
        loop {
            let update = tokio::select! {
                () = self.out.closed() => return Gone,
                update = self.live.recv() => update,
            };
            let sent = match update {
                Ok(update) => self.show(update).await,
                Err(RecvError::Lagged(_)) => {
                    // It reloads everything, so what waits for it is of no use any more.
                    self.live = self.live.resubscribe();
                    self.send(reset()).await
                }
                Err(RecvError::Closed) => Err(Gone),
            };
            if let Err(gone) = sent {
                return gone;
            }
        }
    }

    async fn make_up(&mut self, missed: Missed) -> Result<(), Gone> {
        match missed {
            Missed::Nothing => Ok(()),
            Missed::TooMuch => self.send(reset()).await,
            Missed::These(events) => {
                self.last = events.last().map(|event| event.id);
                for event in events {
                    let Ok(view) = serde_json::to_string(&event.view) else {
                        return self.send(reset()).await;
                    };
                    self.send(alarm(event.id, &view)).await?;
                }
                Ok(())
            }
        }
    }

    async fn show(&self, update: Update) -> Result<(), Gone> {
        let event = match &update {
            Update::Alarm(id, _) if self.last.is_some_and(|last| *id <= last) => return Ok(()),
            Update::Alarm(id, json) => alarm(*id, json),
            Update::Current(json) => Event::default().event("current").data(json),
            Update::Gateway(json) => Event::default().event("gateway").data(json),
            Update::Health(json) => Event::default().event("health").data(json),
        };
        self.send(event).await
    }

    async fn send(&self, event: Event) -> Result<(), Gone> {
        self.out
            .send_timeout(event, STUCK_MAX)
            .await
            .map_err(|_| Gone)
    }
}

fn alarm(id: EventId, json: &str) -> Event {
    Event::default()
        .event("alarm")
        .id(id.to_string())
        .data(json)
}

fn reset() -> Event {
    Event::default().event("reset").data("{}")
}
