//! One try: the request, and what its answer means.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use serde::Serialize;

use super::PAUSE_MAX;
use crate::journal::notices::Notice;
use crate::view::{EventView, NoticeView};

/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 2_048;
/// Most characters of an answer that are kept.
const ANSWER_CHARS_MAX: usize = 300;

/// What became of a try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The other side took it.
    Told,
    /// It refused in a way that trying again cannot change.
    Refused(String),
    /// Not now.
    Later {
        /// Why.
        error: String,
        /// How long the other side asked to be left alone.
        pause: Option<Duration>,
        /// Nobody was reached at all.
        outage: bool,
    },
}

/// What is posted.
#[derive(Serialize)]
struct Body<'a> {
    notice: &'a str,
    repeat: bool,
    #[serde(flatten)]
    view: &'a NoticeView,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a EventView>,
}

/// Knows where to, and with which secret.
pub struct Sender {
    client: Client,
    url: Url,
    bearer: Option<HeaderValue>,
}

impl Sender {
    /// A sender to an address.
    ///
    /// # Errors
    /// When the token cannot stand in a header.
    pub fn new(client: Client, url: Url, bearer: Option<String>) -> anyhow::Result<Self> {
        let bearer = match bearer {
            None => None,
            Some(token) => {
                let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                    .ok()
                    .context("its bearer token holds characters that no header may")?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self {
            client,
            url,
            bearer,
        })
    }

    /// Makes one try.
    pub async fn send(&self, carrier: &str, notice: &Notice) -> Outcome {
        let id = format!("{}/{carrier}", notice.place);
        let body = Body {
            notice: &id,
            repeat: notice.tries > 0,
            view: &notice.view,
            event: notice.event.as_ref(),
        };
        let body = match serde_json::to_vec(&body) {
            Ok(body) => body,
            Err(error) => return Outcome::Refused(format!("cannot be written as JSON: {error}")),
        };
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", header(&id))
            .body(body);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        match request.send().await {
            Ok(answer) => judged(answer).await,
            Err(error) => Outcome::Later {
                error: told(error),
                pause: None,
                outage: true,
            },
        }
    }
}

/// A carrier's name may hold what a header may not; the id in the body is whole.
fn header(id: &str) -> HeaderValue {
    let safe: String = id
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '_' })
        .collect();
    HeaderValue::try_from(safe).unwrap_or(HeaderValue::from_static("-"))
}

async fn judged(mut answer: reqwest::Response) -> Outcome {
    let status = answer.status();
    if status.is_success() {
        return Outcome::Told;
    }
    let pause = asked_pause(status, answer.headers());
    let error = format!("http {}: {}", status.as_u16(), words(&mut answer).await);
    let passing = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    if status.is_client_error() && !passing.contains(&status) {
        return Outcome::Refused(error);
    }
    Outcome::Later {
        error,
        pause,
        outage: false,
    }
}

/// `Retry-After` in seconds; its date form is not followed, the usual wait is.
fn asked_pause(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let asks = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let value = headers
        .get(RETRY_AFTER)
        .filter(|_| asks.contains(&status))?;
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

async fn words(answer: &mut reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES_MAX {
        match answer.chunk().await {
            Ok(Some(chunk)) => {
                let room = ANSWER_BYTES_MAX - bytes.len();
                bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(None) => break,
            Err(error) => return told(error),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(clean).take(ANSWER_CHARS_MAX).collect()
}

/// The error with its causes, without the address: it may hold a key.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
