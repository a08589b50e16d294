//! Requests: one body of lines at a time, and what the answer means.
//!
//! Only 204 is success. A body that the database calls malformed (400), too large (413) or
//! partly outside of what it takes (422) is cut in two until the lines at fault are found;
//! those are dropped, counted and reported. Anything else, silence, a wrong token and a
//! missing bucket included, is tried again for ever: the cursor stays where it is.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use influxdb2::api::write::TimestampPrecision;
use influxdb2::{Client, ClientBuilder, RequestError};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::InfluxConfig;
use super::batch::{halves, lines, shown};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(30);
/// Most characters of an answer that are kept.
const ANSWER_CHARS_MAX: usize = 300;

/// Why nothing more can be written now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The database does not answer, or not as it should; its words.
    Away(String),
    /// The server stops.
    Stopped,
}

/// What became of a body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Lines that the database took.
    pub taken: u64,
    /// Lines that it never will.
    pub dropped: u64,
    /// The first of them, and why.
    pub example: Option<(String, String)>,
}

enum Answer {
    Taken,
    Refused(String),
}

/// The database, for a thread that may wait.
pub struct Database {
    client: Client,
    org: String,
    bucket: String,
    runtime: Handle,
    stop: watch::Receiver<bool>,
}

/// Checks the address and makes a client.
///
/// # Errors
/// When the address cannot be used.
pub fn client(config: &InfluxConfig) -> anyhow::Result<Client> {
    let url = reqwest::Url::parse(&config.url)
        .map_err(|error| anyhow::anyhow!("influxdb: its url is not one: {error}"))?;
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https") && url.has_host(),
        "influxdb: its url is not `http://host:port` or `https://host:port`"
    );
    // The client puts its own path in place of any other.
    let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    anyhow::ensure!(
        bare,
        "influxdb: its url may hold nothing after host and port"
    );
    let token = config.token.as_str();
    anyhow::ensure!(
        token.chars().all(|c| c.is_ascii_graphic()),
        "influxdb: its token holds characters that no header may"
    );
    anyhow::ensure!(!config.org.is_empty(), "influxdb: its org is empty");
    anyhow::ensure!(!config.bucket.is_empty(), "influxdb: its bucket is empty");
    ClientBuilder::new(url.as_str(), config.org.as_str(), token)
        .build()
        .context("influxdb: cannot make a client")
}

impl Database {
    /// The database, reached through a runtime; `stop` ends a request under way.
    pub fn new(
        client: Client,
        config: &InfluxConfig,
        runtime: Handle,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            client,
            org: config.org.clone(),
            bucket: config.bucket.clone(),
            runtime,
            stop,
        }
    }

    /// Writes a body; when this returns, each of its lines was taken or dropped.
    ///
    /// # Errors
    /// [`Failure`]; some of the lines may have been taken.
    pub fn write(&self, body: Bytes) -> Result<Written, Failure> {
        let mut written = Written::default();
        let mut parts = vec![body];
        while let Some(part) = parts.pop() {
            match self.send(part.clone())? {
                Answer::Taken => written.taken += lines(&part) as u64,
                Answer::Refused(why) => match halves(&part) {
                    Some((first, second)) => parts.extend([second, first]),
                    None => {
                        written.dropped += 1;
                        written.example.get_or_insert_with(|| (shown(&part), why));
                    }
                },
            }
        }
        Ok(written)
    }

    fn send(&self, body: Bytes) -> Result<Answer, Failure> {
        let request = self.client.write_line_protocol_with_precision(
            &self.org,
            &self.bucket,
            body,
            TimestampPrecision::Milliseconds,
        );
        let mut stop = self.stop.clone();
        let answer = self.runtime.block_on(async move {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => None,
                answer = tokio::time::timeout(REQUEST, request) => Some(answer),
            }
        });
        match answer {
            None => Err(Failure::Stopped),
            Some(Err(_)) => Err(Failure::Away(format!("no answer within {REQUEST:?}"))),
            Some(Ok(Ok(()))) => Ok(Answer::Taken),
            Some(Ok(Err(error))) => meaning(&error),
        }
    }

    /// Waits; true when the server stops.
    pub fn pause(&self, span: Duration) -> bool {
        let mut stop = self.stop.clone();
        self.runtime.block_on(async move {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => true,
                () = tokio::time::sleep(span) => false,
            }
        })
    }
}

fn meaning(error: &RequestError) -> Result<Answer, Failure> {
    match error {
        RequestError::Http { status, text } => {
            let words: String = text.chars().take(ANSWER_CHARS_MAX).collect();
            let words = words.trim();
            match status.as_u16() {
                400 | 413 | 422 => Ok(Answer::Refused(format!(
                    "http {}: {words}",
                    status.as_u16()
                ))),
                code => Err(Failure::Away(format!("http {code}: {words}"))),
            }
        }
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other).and_then(std::error::Error::source);
            while let Some(cause) = source {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                source = cause.source();
            }
            Err(Failure::Away(text.chars().take(ANSWER_CHARS_MAX).collect()))
        }
    }
}
