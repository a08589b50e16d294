//! The webhook carrier: posts each notice as JSON to an address.
//!
//! ```text
//!  POST url   Idempotency-Key: <notice>   Authorization: Bearer <secret>
//!  {"notice": "<position.ordinal>/<carrier>", "repeat": false, "receiver": .., "kind": ..,
//!   "at": .., "alarms": [{"about": .., "times": .., "nth": .., <the alarm>}, ..], "more": 0,
//!   "raises": {"blue": .., "yellow": .., "orange": .., "red": ..},
//!   "text": {"zh": .., "en": ..}, "event": {..}}
//! ```
//!
//! An escalation has `step` and `tier` besides. `event` is there when the notice is about one
//! alarm and no digest: the event that it tells of. `repeat` says that this very request may
//! have arrived before; a reminder of an alarm is a notice of its own, of the kind `repeat`.
//!
//! - 2xx: told. A 4xx other than 408, 425 and 429: refused for ever, kept with its error.
//!   Anything else, silence included: tried again after 1 s, doubling to 5 min, spread by
//!   chance. Redirects are not followed.
//! - Oldest first, [`SENDS_MAX`] under way at a time; one that fails waits by itself.
//! - When nobody can be reached, or one try after the other fails, the carrier itself pauses
//!   ([`OUTAGE`]) and tries one at a time, so that 10,000 notices do not each wait out a
//!   time-out; `Retry-After` of a 429 or 503 pauses it too, for [`PAUSE_MAX`] at most.
//! - `repeat` is true whenever a try was begun before: it may have arrived.
//!
//! A carrier that fails is told to health ([`fault`]): when the oldest notice that was tried
//! has waited for its `fault_after`, or when the last ones were refused for ever; until one is
//! taken, or nothing waits any more.
//!
//! Secrets (the bearer token, and keys that stand in the address) reach neither logs nor
//! the stored error.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Client, Url};
use tokio::sync::{Notify, watch};

use self::send::Sender;
use super::retry::Backoff;
use crate::journal::notices::Notices;
use crate::metrics::Metrics;
use crate::view::Trouble;

mod courier;
mod fault;
mod send;

/// Notices under way at a time.
pub const SENDS_MAX: usize = 4;
/// Notices read from the queue in one go.
const BATCH: usize = 64;
/// The queue is looked at this often, besides being woken.
const POLL: Duration = Duration::from_secs(1);
/// How often the queue is counted.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// How long one notice waits after its own failures.
const NOTICE: Backoff = Backoff {
    first: Duration::from_secs(1),
    most: Duration::from_secs(300),
};
/// How long the carrier pauses when the other side cannot be reached.
pub const OUTAGE: Backoff = Backoff {
    first: Duration::from_secs(1),
    most: Duration::from_secs(10),
};
/// The longest `Retry-After` that is followed.
pub const PAUSE_MAX: Duration = Duration::from_secs(300);
/// How long a stop waits for what is under way.
const GRACE: Duration = Duration::from_secs(2);

/// How a webhook is set up.
#[derive(Clone)]
pub struct WebhookConfig {
    /// Names the carrier in the journal.
    pub name: String,
    /// Where notices are posted; may hold a secret.
    pub url: String,
    /// For one try, from connecting to the answer.
    pub timeout: Duration,
    /// Sent as a bearer token.
    pub bearer: Option<String>,
    /// A notice that waits longer than this in spite of a try is a fault of the carrier.
    pub fault_after: Duration,
}

impl std::fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The carrier.
pub struct Webhook {
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
    told: Arc<Notify>,
    fault: Arc<Mutex<Option<Trouble>>>,
    fault_after: Duration,
}

/// What every try needs.
struct Shared {
    name: String,
    sender: Sender,
    notices: Arc<Mutex<Notices>>,
}

impl Webhook {
    /// Checks the configuration and opens the journal's queue. `told` wakes the carrier when
    /// there are new notices.
    ///
    /// # Errors
    /// When the address cannot be used or the journal cannot be opened.
    pub fn new(
        config: WebhookConfig,
        journal: PathBuf,
        metrics: Arc<Metrics>,
        told: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let name = config.name;
        anyhow::ensure!(!name.is_empty(), "a webhook needs a name");
        let url = address(&config.url).with_context(|| format!("webhook `{name}`"))?;
        let client = client(config.timeout).with_context(|| format!("webhook `{name}`"))?;
        let sender =
            Sender::new(client, url, config.bearer).with_context(|| format!("webhook `{name}`"))?;
        let notices = Notices::open(&journal)?;
        Ok(Self {
            shared: Arc::new(Shared {
                name,
                sender,
                notices: Arc::new(Mutex::new(notices)),
            }),
            metrics,
            told,
            fault: Arc::default(),
            fault_after: config.fault_after,
        })
    }

    /// What is wrong, while it is.
    #[must_use]
    pub fn fault(&self) -> Arc<Mutex<Option<Trouble>>> {
        self.fault.clone()
    }

    /// Brings notices until told to stop (or until `stop`'s other end is gone). What is
    /// under way then gets a moment to end; what does not is repeated at the next start.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        courier::Courier::new(self).run(stop).await;
    }
}

fn address(text: &str) -> anyhow::Result<Url> {
    let url = Url::parse(text).map_err(|error| anyhow::anyhow!("its url is not one: {error}"))?;
    anyhow::ensure!(
        matches!(url.scheme(), "http" | "https"),
        "its url begins with `{}:`, not with `http:` or `https:`",
        url.scheme()
    );
    anyhow::ensure!(url.has_host(), "its url names no host");
    Ok(url)
}

fn client(timeout: Duration) -> anyhow::Result<Client> {
    anyhow::ensure!(!timeout.is_zero(), "its timeout is zero");
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been quicker, with the same provider: either will do.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("cannot make an http client")
}

#[cfg(test)]
mod tests;
