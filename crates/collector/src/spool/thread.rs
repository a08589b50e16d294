//! The spool's thread: takes commands, writes what waits, tells delivery.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use fenghuo_log::LogError;
use fenghuo_uplink::frame::GapReason;
use tokio::sync::mpsc;

use super::store::{Gone, Sealed, Store};
use super::{COMMANDS_MAX, Closed, Command, Commands, EVENTS_MAX, Event, Events, WAITING_MAX};
use crate::clock::ReadClock;
use crate::status::{Code, Status};

/// How often a write that failed is tried again, and the gauges are renewed.
const PULSE_MS: u64 = 1_000;
const PULSE: Duration = Duration::from_millis(PULSE_MS);

/// Frames in one transaction: few enough that a batch fits where frames were dropped.
const BATCH_FRAMES_MAX: usize = 16;
/// How long after the last drop the spool still counts as full.
const FULL_MS: u64 = 60_000;

/// Starts the thread, with a way to each destination's delivery. It ends, with everything written and the run marked as ended in
/// order, when all senders of commands are gone.
///
/// # Errors
/// When the system gives no thread or timer.
pub fn spawn(
    store: Store,
    clock: Arc<ReadClock>,
    status: Status,
) -> io::Result<(Commands, Vec<Events>, JoinHandle<()>)> {
    let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
    let ways = (0..store.destinations()).map(|_| mpsc::channel(EVENTS_MAX));
    let (outboxes, events) = ways.unzip();
    let timer = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let keeper = Keeper {
        store,
        clock,
        status,
        events: outboxes,
        waiting: VecDeque::new(),
        sealed: None,
        full_at: None,
        retry_at: 0,
        untold: None,
        is_damaged: false,
    };
    let thread = std::thread::Builder::new()
        .name("spool".to_owned())
        .spawn(move || timer.block_on(keeper.run(inbox)))?;
    Ok((commands, events, thread))
}

struct Keeper {
    store: Store,
    clock: Arc<ReadClock>,
    status: Status,
    /// By destination.
    events: Vec<mpsc::Sender<Event>>,
    /// Closed and without a number.
    waiting: VecDeque<Closed>,
    /// Numbered, and not taken by the disk yet.
    sealed: Option<Sealed>,
    /// When frames were last dropped.
    full_at: Option<u64>,
    /// After a failed write, when to try again.
    retry_at: u64,
    /// Frames that went and that delivery does not know of yet.
    untold: Option<Gone>,
    /// The file itself is bad. The thread ends, and the collector with it; the next start
    /// sets the file aside.
    is_damaged: bool,
}

impl Keeper {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut commands = Vec::with_capacity(COMMANDS_MAX);
        loop {
            self.status.spool_rounds.fetch_add(1, Ordering::Relaxed);
            let taken = inbox.recv_many(&mut commands, COMMANDS_MAX);
            let taken = tokio::time::timeout(PULSE, taken).await;
            if taken == Ok(0) {
                break;
            }
            // Frames that came together are written together.
            let mut answers = Vec::new();
            for command in commands.drain(..) {
                match command {
                    Command::Append(frame) => self.wait(*frame),
                    Command::Flush(answer) => answers.push(answer),
                    other => {
                        self.write().await;
                        self.obey(other).await;
                        self.free().await;
                    }
                }
            }
            self.write().await;
            for answer in answers {
                if answer.send(()).is_err() {
                    tracing::debug!("nobody waits for the flush any more");
                }
            }
            self.gauge();
            if self.is_damaged {
                return;
            }
        }
        self.retry_at = 0;
        self.write().await;
        let lost = self.waiting.len() + usize::from(self.sealed.is_some());
        if lost > 0 {
            tracing::error!(lost, "the last frames could not be written");
        }
        if let Err(error) = self.store.end() {
            tracing::error!(%error, "the spool could not be closed in order");
        }
    }

    async fn obey(&mut self, command: Command) {
        let done = match command {
            Command::Append(_) | Command::Flush(_) => Ok(()),
            Command::Done(destination, custody) => self.store.done(destination, custody),
            Command::OfferAgain(destination, from, to) => {
                let done = self.store.offer_again(destination, from, to);
                let noted = done.is_ok().then_some((from, to));
                self.tell(destination, Event::OfferAgain(noted)).await;
                done
            }
            Command::Refused(destination, seq, why) => {
                tracing::error!(
                    seq,
                    why = why.as_str(),
                    "the server refused a frame for ever"
                );
                self.store.refuse(destination, seq, why)
            }
            Command::Corrupt(destination, seq) => {
                tracing::error!(seq, "a spooled frame is damaged");
                self.store.damaged(destination, seq, self.clock.now())
            }
            Command::Keep { budget_bytes, keep } => self.store.keep(budget_bytes, keep),
            Command::NewEpoch => match crate::dice::draw() {
                Ok(epoch) => {
                    tracing::warn!("going on in a new epoch");
                    self.store.new_epoch(epoch);
                    Ok(())
                }
                Err(error) => {
                    tracing::error!(%error, "no new epoch could be drawn");
                    Ok(())
                }
            },
        };
        if let Err(error) = done {
            self.suspect(&error);
            // Nothing is lost: what stays is offered, refused or trimmed again.
            tracing::warn!(%error, "the spool could not be changed");
        }
    }

    /// Frees what nobody needs any more.
    async fn free(&mut self) {
        match self.store.free() {
            Ok(Some(first)) => self.tell_all(&Event::GoneBelow(first)).await,
            Ok(None) => {}
            Err(error) => {
                self.suspect(&error);
                tracing::warn!(%error, "delivered frames cannot be freed");
            }
        }
    }

    /// Takes a frame into memory; the oldest that waits goes when there are too many.
    fn wait(&mut self, frame: Closed) {
        if self.waiting.len() == WAITING_MAX
            && let Some(lost) = self.waiting.pop_front()
        {
            self.status.metrics.frames_dropped.inc();
            let at = lost.watermark;
            self.store.gap(at, at, 1, GapReason::Budget);
            tracing::error!(
                samples = lost.builder.len(),
                "a frame that could not be written is lost"
            );
        }
        self.waiting.push_back(frame);
    }

    /// Writes what waits, as far as the disk takes it.
    async fn write(&mut self) {
        if self.clock.monotonic() < self.retry_at {
            return;
        }
        while self.sealed.is_some() || !self.waiting.is_empty() {
            let mut sealed = match self.sealed.take() {
                Some(sealed) => sealed,
                None => {
                    let count = self.waiting.len().min(BATCH_FRAMES_MAX);
                    self.store.seal(self.waiting.drain(..count))
                }
            };
            match self.try_write(&mut sealed) {
                Ok((events, gone)) => {
                    let gone = Gone::and(self.untold.take(), gone);
                    self.written(sealed, events, gone).await;
                }
                Err(error) => {
                    self.failing(&error);
                    self.suspect(&error);
                    self.sealed = Some(sealed);
                    self.retry_at = self.clock.monotonic() + PULSE_MS;
                    return;
                }
            }
        }
    }

    /// Writes, and makes room when there is none. A full budget gives way at once. On a full
    /// file system one slice goes with each try, because dropping may not help there.
    fn try_write(&mut self, sealed: &mut Sealed) -> Result<(Vec<Event>, Option<Gone>), LogError> {
        let mut gone: Option<Gone> = None;
        let events = loop {
            let error = match self.store.write(sealed) {
                Ok(events) => break events,
                Err(error) => error,
            };
            if error.is_full()
                && let Err(error) = self.store.fold()
            {
                tracing::warn!(%error, "the spool's journal cannot be emptied");
            }
            let has_lost = gone.is_some_and(|gone| gone.most() > 0);
            let may_drop = error.is_full() && (!has_lost || self.store.is_over_budget()?);
            let Some(slice) = may_drop
                .then(|| self.store.drop_slice())
                .transpose()?
                .flatten()
            else {
                // Delivery hears of it with the next write.
                self.untold = Gone::and(self.untold, gone);
                return Err(error);
            };
            gone = Gone::and(gone, Some(slice));
        };
        match self.store.make_room() {
            Ok(more) => gone = Gone::and(gone, more),
            Err(error) => tracing::warn!(%error, "no room could be made in the spool"),
        }
        Ok((events, gone))
    }

    async fn written(&mut self, sealed: Sealed, events: Vec<Event>, gone: Option<Gone>) {
        self.status.health.clear(Code::SpoolFailing, "");
        self.status
            .metrics
            .frames_spooled
            .inc_by(events.len() as u64);
        for why in &sealed.gaps {
            self.status.metrics.gap(*why);
        }
        for (destination, note) in sealed.notes {
            for gap in &note.gaps {
                self.status.metrics.gap(GapReason::from_code(gap.why));
            }
            self.tell(destination, Event::Note(note)).await;
        }
        for (event, samples) in events.into_iter().zip(&sealed.samples) {
            if let Event::Spooled {
                seq, epoch, steady, ..
            } = event
            {
                let steady = steady.as_millis();
                tracing::debug!(epoch, seq, samples, steady, "frame spooled");
            }
            self.tell_all(&event).await;
        }
        if let Some(gone) = gone {
            self.tell_all(&Event::GoneBelow(gone.first)).await;
        }
        self.judge_room(gone.filter(|gone| gone.most() > 0));
    }

    /// Says that data is being lost, and for whom, for as long as it is: with little room the
    /// next slice may be an hour away, and is lost all the same.
    fn judge_room(&mut self, gone: Option<Gone>) {
        let now = self.clock.monotonic();
        let Some(gone) = gone else {
            if self.full_at.is_some_and(|at| now > at + FULL_MS) {
                // When it cannot be asked it is not known to be over.
                if self.store.is_losing().unwrap_or(true) {
                    self.full_at = Some(now);
                } else {
                    self.full_at = None;
                    self.status.health.clear(Code::SpoolFull, "");
                }
            }
            return;
        };
        self.full_at = Some(now);
        self.status.metrics.frames_dropped.inc_by(gone.most());
        let mut names = Vec::new();
        for number in 0..self.store.destinations() {
            let (name, lost) = (self.store.destination(number), gone.lost[number]);
            if lost > 0 {
                tracing::error!(
                    destination = name,
                    lost,
                    "the spool is full, its oldest frames went"
                );
                self.status.destination(name).lost.inc_by(lost);
                names.push(name);
            }
        }
        let names = names.join(", ");
        self.status.health.raise(
            Code::SpoolFull,
            "",
            format!("本地缓存已满，最早的数据被丢弃，这些目标收不到：{names}"),
            format!(
                "the spool is full; its oldest frames are dropped and will never reach: {names}"
            ),
        );
    }

    /// Notes beside a damaged file that it is not to be used again.
    fn suspect(&mut self, error: &LogError) {
        if !error.is_damage() {
            return;
        }
        match self.store.suspect() {
            Ok(()) => {
                tracing::error!(%error, "the spool is damaged; it is set aside at the next start");
                self.is_damaged = true;
            }
            // Ending now would only find the same file again.
            Err(io) => {
                tracing::error!(%error, %io, "the spool is damaged, and that cannot be noted")
            }
        }
    }

    fn failing(&self, error: &LogError) {
        let waiting = self.waiting.len();
        tracing::error!(%error, waiting, "the spool cannot be written");
        self.status.health.raise(
            Code::SpoolFailing,
            "",
            format!("本地缓存无法写入：{error}"),
            format!("the spool cannot be written: {error}"),
        );
    }

    async fn tell(&self, destination: usize, event: Event) {
        if self.events[destination].send(event).await.is_err() {
            tracing::debug!("delivery has ended, the frame stays in the spool");
        }
    }

    async fn tell_all(&self, event: &Event) {
        for destination in 0..self.events.len() {
            self.tell(destination, event.clone()).await;
        }
    }

    fn gauge(&self) {
        match self.store.bytes() {
            Ok(bytes) => {
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                self.status.metrics.spool_bytes.set(bytes);
            }
            Err(error) => tracing::warn!(%error, "the spool's size cannot be asked"),
        }
    }
}

#[cfg(test)]
mod tests;
