//! The carrier's loop: reads what is due, keeps a few tries under way, pauses when the other
//! side asks for it or is not there.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fault::{self, Refused};
use super::send::Outcome;
use super::{BATCH, COUNT_EVERY, GRACE, NOTICE, OUTAGE, POLL, SENDS_MAX, Shared, Webhook};
use crate::clock;
use crate::journal::JournalError;
use crate::journal::notices::{Notice, Notices};

/// Failures in a row that are not one notice's own any more.
const FAILURES_MANY: u32 = 8;

/// Tries under way and the carrier's own pause.
pub struct Courier {
    webhook: Webhook,
    under_way: JoinSet<Done>,
    /// Which notice each of them brings.
    ids: HashMap<tokio::task::Id, i64>,
    /// Tries in a row that failed, whichever notice they brought.
    failures: u32,
    paused_until: Option<Instant>,
    counted_at: Option<Instant>,
    looked_at: Option<Instant>,
    /// What was refused since the last notice that was taken.
    refused: Option<Refused>,
}

/// What became of one notice's try.
enum Done {
    /// It was taken.
    Told,
    /// It was refused for ever.
    Refused(String),
    /// Not now.
    Failed {
        error: String,
        pause: Option<Duration>,
        outage: bool,
    },
    /// The journal failed.
    Journal(JournalError),
}

impl Courier {
    /// A courier with nothing under way.
    pub fn new(webhook: Webhook) -> Self {
        Self {
            webhook,
            under_way: JoinSet::new(),
            ids: HashMap::new(),
            failures: 0,
            paused_until: None,
            counted_at: None,
            looked_at: None,
            refused: None,
        }
    }

    /// Runs until `stop` is true or its sender is gone.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            if self.is_paused() {
                self.collect_all().await;
            } else {
                self.bring_due(&stop).await;
            }
            self.count().await;
            self.look().await;
            let until = self
                .paused_until
                .map_or(POLL, |at| at.duration_since(Instant::now()).min(POLL));
            let told = self.webhook.told.clone();
            tokio::select! {
                () = tokio::time::sleep(until) => {}
                () = told.notified() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        if tokio::time::timeout(GRACE, self.collect_all())
            .await
            .is_err()
        {
            tracing::warn!(
                carrier = self.name(),
                "notices are under way; they will be repeated"
            );
        }
    }

    fn name(&self) -> &str {
        &self.webhook.shared.name
    }

    fn is_paused(&self) -> bool {
        self.paused_until
            .is_some_and(|until| Instant::now() < until)
    }

    /// Until nothing is due, or the carrier pauses.
    async fn bring_due(&mut self, stop: &watch::Receiver<bool>) {
        loop {
            let due = match self.due().await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, carrier = self.name(), "notices cannot be read");
                    return;
                }
            };
            let known: HashSet<i64> = self.ids.values().copied().collect();
            let fresh: Vec<_> = due
                .into_iter()
                .filter(|it| !known.contains(&it.id))
                .collect();
            if fresh.is_empty() && self.under_way.is_empty() {
                return;
            }
            for notice in fresh {
                // While nobody answers one try at a time is enough to find out.
                let room = if self.failures == 0 { SENDS_MAX } else { 1 };
                while self.under_way.len() >= room {
                    self.collect().await;
                }
                if self.is_paused() || *stop.borrow() || stop.has_changed().is_err() {
                    return;
                }
                let id = notice.id;
                let task = self
                    .under_way
                    .spawn(bring(self.webhook.shared.clone(), notice));
                self.ids.insert(task.id(), id);
            }
            self.collect().await;
        }
    }

    async fn due(&self) -> Result<Vec<Notice>, JournalError> {
        let name = self.webhook.shared.name.clone();
        let now = clock::now().as_millis();
        self.webhook
            .shared
            .journal(move |notices| notices.due(&name, now, BATCH))
            .await
    }

    async fn collect_all(&mut self) {
        while !self.under_way.is_empty() {
            self.collect().await;
        }
    }

    /// Waits for one try to end.
    async fn collect(&mut self) {
        let done = match self.under_way.join_next_with_id().await {
            None => return,
            Some(Ok((task, done))) => {
                self.ids.remove(&task);
                done
            }
            Some(Err(error)) => {
                self.ids.remove(&error.id());
                tracing::error!(%error, carrier = self.name(), "a try ended without an answer");
                return;
            }
        };
        match done {
            Done::Told => {
                self.answered();
                self.refused = None;
            }
            Done::Refused(error) => {
                self.answered();
                self.refused = Some(fault::refuse(self.refused.take(), clock::now(), error));
            }
            Done::Failed {
                error,
                pause,
                outage,
            } => self.failed(&error, pause, outage),
            Done::Journal(error) => {
                tracing::error!(%error, carrier = self.name(), "a try cannot be written down");
                self.pause(Some(POLL));
            }
        }
    }

    fn answered(&mut self) {
        if self.failures >= FAILURES_MANY {
            tracing::info!(carrier = self.name(), "the webhook takes notices again");
        }
        self.failures = 0;
    }

    /// One notice may fail by itself; when many do in a row, or nobody is there, it is the
    /// other side that fails, and it is left alone for a while.
    fn failed(&mut self, error: &str, pause: Option<Duration>, outage: bool) {
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 || self.failures == FAILURES_MANY {
            tracing::warn!(error, carrier = self.name(), "a notice was not taken");
        }
        self.pause(pause);
        if outage || self.failures >= FAILURES_MANY {
            self.pause(Some(OUTAGE.wait(self.failures)));
        }
    }

    fn pause(&mut self, pause: Option<Duration>) {
        let until = pause.map(|pause| Instant::now() + pause);
        self.paused_until = self.paused_until.max(until);
    }

    async fn count(&mut self) {
        if self.counted_at.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            return;
        }
        self.counted_at = Some(Instant::now());
        let name = self.webhook.shared.name.clone();
        match self
            .webhook
            .shared
            .journal(move |notices| notices.counts(&name))
            .await
        {
            Ok(counts) => self.webhook.metrics.notices(self.name(), counts),
            Err(error) => {
                tracing::error!(%error, carrier = self.name(), "notices cannot be counted")
            }
        }
    }
}

impl Courier {
    /// Tells health whether it brings what it should.
    async fn look(&mut self) {
        if self.looked_at.is_some_and(|at| at.elapsed() < POLL) {
            return;
        }
        self.looked_at = Some(Instant::now());
        let name = self.webhook.shared.name.clone();
        let asked = move |notices: &Notices| notices.waiting(&name);
        let waiting = match self.webhook.shared.journal(asked).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, carrier = self.name(), "what waits cannot be read");
                return;
            }
        };
        let (now, waiting) = (clock::now(), waiting.as_ref());
        let after = u64::try_from(self.webhook.fault_after.as_millis()).unwrap_or(u64::MAX);
        let trouble = fault::trouble(self.name(), waiting, self.refused.as_ref(), now, after);
        let stuck = Duration::from_millis(fault::stuck_ms(waiting, now));
        self.webhook.metrics.stuck(self.name(), stuck);
        let mut shown = self
            .webhook
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *shown = trouble;
    }
}

/// One try, written down before it is made and after it was answered.
async fn bring(shared: Arc<Shared>, notice: Notice) -> Done {
    try_once(&shared, &notice)
        .await
        .unwrap_or_else(Done::Journal)
}

async fn try_once(shared: &Shared, notice: &Notice) -> Result<Done, JournalError> {
    let id = notice.id;
    let wait = NOTICE.wait(notice.tries.saturating_add(1));
    let retry_at = clock::now().plus(wait).as_millis();
    shared
        .journal(move |notices| notices.begin(id, retry_at))
        .await?;
    match shared.sender.send(&shared.name, notice).await {
        Outcome::Told => {
            let at = clock::now().as_millis();
            shared.journal(move |notices| notices.told(id, at)).await?;
            Ok(Done::Told)
        }
        Outcome::Refused(error) => {
            let place = notice.place.to_string();
            tracing::error!(
                error,
                notice = place,
                carrier = shared.name,
                "a notice was refused for ever"
            );
            let kept = error.clone();
            shared
                .journal(move |notices| notices.failed(id, &kept, true))
                .await?;
            Ok(Done::Refused(error))
        }
        Outcome::Later {
            error,
            pause,
            outage,
        } => {
            let kept = error.clone();
            shared
                .journal(move |notices| notices.failed(id, &kept, false))
                .await?;
            Ok(Done::Failed {
                error,
                pause,
                outage,
            })
        }
    }
}

impl Shared {
    /// SQLite waits for the disk: not on a thread that serves sockets.
    async fn journal<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Notices) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let notices = self.notices.clone();
        let asked = move || ask(&notices.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(asked).await {
            Ok(answer) => answer,
            Err(error) => Err(JournalError::other(
                std::path::Path::new("journal"),
                error.to_string(),
            )),
        }
    }
}
