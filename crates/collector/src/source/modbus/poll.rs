//! The owner of one connection: whose turn it is, what to do with each answer, when to try
//! again.
//!
//! - Units take turns block by block, so a unit with many blocks does not hold up the rest.
//! - A unit that does not answer (time-out, or exceptions 10 and 11 of a gateway in between)
//!   backs off alone, from [`UNIT_WAIT_MS`] to [`UNIT_WAIT_MS_MAX`]; a connection that cannot
//!   be opened from [`LINE_WAIT_MS`] to [`LINE_WAIT_MS_MAX`].
//! - A unit that is busy is asked again within the cycle; the others go on meanwhile.
//! - While a unit or the line is away, each of its points gets one sample without value per
//!   interval, also between two tries of a connection that brings nothing fitting.
//! - What is known of the line and its units is told as their state points, also while a
//!   request or a connection is under way; see [`crate::source::state`].
//! - A sample's time is the read clock when its reply arrived: replies of a line then have
//!   ascending times, never after the watermark of the frame they go into, and never later
//!   than the moment the value was known. It is at most one time-out after the device looked.

use std::sync::Arc;
use std::time::Duration;

use fenghuo_model::{Reason, Timestamp};

use super::Line;
use super::connection::{Connection, Doubtful, Failure};
use super::port::Port;
use crate::clock::ReadClock;
use crate::dice::{Backoff, Dice};
use crate::source::state::LineState;
use crate::source::{Closed, Outlet};

mod unit;

use unit::UnitState;

/// First and longest wait before a silent unit is asked again.
pub const UNIT_WAIT_MS: u64 = 1_000;
/// See [`UNIT_WAIT_MS`].
pub const UNIT_WAIT_MS_MAX: u64 = 30_000;
/// First and longest wait before a connection is tried again.
pub const LINE_WAIT_MS: u64 = 200;
/// See [`LINE_WAIT_MS`].
pub const LINE_WAIT_MS_MAX: u64 = 10_000;

/// The owner of one connection.
#[derive(Debug)]
pub struct Poller {
    line: Line,
    clock: Arc<ReadClock>,
    out: Outlet,
    units: Vec<UnitState>,
    state: LineState,
    turn: usize,
    link: Option<Connection>,
    /// What is left of the last connection, where a new one cannot simply be opened.
    remains: Option<Doubtful>,
    /// Whether a reply to the last connection may still come.
    is_owed: bool,
    /// No request before this.
    quiet_until: u64,
    /// Whether anything fitting came over this connection.
    proven: bool,
    reconnect_at: u64,
    backoff: Backoff,
}

impl Poller {
    /// Starts disconnected, with every unit due at once.
    #[must_use]
    pub fn new(mut line: Line, clock: Arc<ReadClock>, out: Outlet, seed: u64) -> Self {
        let now = clock.monotonic();
        let units = std::mem::take(&mut line.units);
        let state = LineState::new(line.state, units.iter().map(|unit| unit.state), now);
        let units = units.into_iter();
        let units = units.map(|unit| UnitState::new(unit, now, seed));
        Self {
            units: units.collect(),
            state,
            line,
            clock,
            out,
            turn: 0,
            link: None,
            remains: None,
            // Whoever read this line before may have asked last, and gone.
            is_owed: true,
            quiet_until: now,
            proven: false,
            reconnect_at: now,
            backoff: Backoff::new(LINE_WAIT_MS, LINE_WAIT_MS_MAX, Dice::new(seed)),
        }
    }

    /// Does the next thing: connect, start due cycles, read one block, or sleep.
    ///
    /// # Errors
    /// [`Closed`] when there is no batcher any more.
    pub async fn step(&mut self) -> Result<(), Closed> {
        self.tell(self.clock.now()).await?;
        if self.line.way.is_replaced() {
            self.hang_up();
        }
        if self.link.is_none() && self.clock.monotonic() >= self.reconnect_at {
            self.connect().await?;
        }
        self.begin_cycles().await?;
        let now = self.clock.monotonic();
        if self.link.is_some()
            && now >= self.quiet_until
            && let Some(unit) = self.next_turn(now)
        {
            return self.read_one(unit).await;
        }
        self.clock.sleep_until(self.next_thing()).await;
        Ok(())
    }

    /// When there is something to do next.
    fn next_thing(&self) -> u64 {
        let due = self.units.iter().map(|unit| unit.next_due).min();
        let next = if self.link.is_none() {
            Some(self.reconnect_at)
        } else {
            let wants = self.units.iter().filter_map(UnitState::wants).min();
            wants.map(|at| at.max(self.quiet_until))
        };
        let all = due.into_iter().chain(next);
        all.fold(self.state.next_due(), u64::min)
    }

    /// The modem has dialled in anew: this connection is dead.
    fn hang_up(&mut self) {
        if self.link.take().is_some() {
            self.out.meter().disconnected();
        }
        self.remains = None;
        self.reconnect_at = self.clock.monotonic();
    }

    /// Tells what is to be told of the line and its units.
    async fn tell(&mut self, time: Timestamp) -> Result<(), Closed> {
        tell(&mut self.state, &self.clock, &self.out, time).await
    }

    async fn connect(&mut self) -> Result<(), Closed> {
        let (way, timeout) = (self.line.way.clone(), self.line.timeout);
        let (remains, is_owed) = (self.remains.take(), self.is_owed);
        let is_new = remains.is_none();
        let opening = async move {
            match remains {
                Some(remains) => Connection::revive(remains, &way, timeout).await,
                None => Connection::open(&way, timeout, is_owed).await,
            }
        };
        match telling(&mut self.state, &self.clock, &self.out, opening).await? {
            Ok(link) => {
                self.state.connected();
                self.link = Some(link);
                self.is_owed = false;
                self.out.meter().connected();
                if is_new {
                    self.proven = false;
                    self.units.iter_mut().for_each(UnitState::ask_all_again);
                    tracing::info!(line = %self.line.name, address = %self.line.way.port, "connected");
                }
                self.tell(self.clock.now()).await
            }
            Err(error) => {
                let (line, address) = (&self.line.name, self.line.way.port.to_string());
                if self.backoff.tries() == 0 {
                    tracing::warn!(%line, address, %error, "cannot connect");
                }
                self.out.meter().connect_failed(&address, &error);
                self.reconnect_at = self.clock.monotonic() + self.backoff.next_ms();
                // The line's own state goes before what it costs.
                self.state.connect_failed();
                self.tell(self.clock.now()).await?;
                self.nothing_comes().await
            }
        }
    }

    /// There is no connection: what the units still owe is not coming.
    async fn nothing_comes(&mut self) -> Result<(), Closed> {
        let time = self.clock.now();
        for unit in &mut self.units {
            let owed = unit.owed(None);
            let reads = unit.some_bad(&owed, time, Reason::NotConnected);
            self.out.reads(reads).await?;
        }
        Ok(())
    }

    async fn begin_cycles(&mut self) -> Result<(), Closed> {
        let now = self.clock.monotonic();
        for unit in &mut self.units {
            if now < unit.next_due {
                continue;
            }
            let late = (now - unit.next_due) / unit.interval_ms;
            unit.next_due += (late + 1) * unit.interval_ms;
            self.out.meter().due(late + 1);
            let time = self.clock.now();
            let skipped = if unit.is_done() { late } else { late + 1 };
            if skipped > 0 {
                self.out.meter().skipped(skipped);
                self.out.skipped(time, unit.points(), skipped).await?;
            }
            if !unit.is_done() {
                continue;
            }
            let away = if self.link.is_none() {
                Some(Reason::NotConnected)
            } else {
                unit.silent.filter(|_| now < unit.retry_at)
            };
            let reads = match away {
                Some(reason) => unit.all_bad(time, reason),
                None => unit.begin(now, time),
            };
            self.out.reads(reads).await?;
        }
        Ok(())
    }

    /// The next unit after the last one that has something to read.
    fn next_turn(&mut self, now: u64) -> Option<usize> {
        let count = self.units.len();
        let unit = (1..=count)
            .map(|step| (self.turn + step) % count)
            .find(|&unit| self.units[unit].wants().is_some_and(|at| at <= now))?;
        self.turn = unit;
        Some(unit)
    }

    async fn read_one(&mut self, at: usize) -> Result<(), Closed> {
        let unit = &mut self.units[at];
        let Some(link) = self.link.take() else {
            return Ok(());
        };
        let Some(block) = unit.next_block() else {
            self.link = Some(link);
            return Ok(());
        };
        let asked = link.read(unit.id, unit.block(block), self.line.timeout);
        let (answer, link) = telling(&mut self.state, &self.clock, &self.out, asked).await?;
        self.link = link;
        self.quiet_until = self.clock.monotonic() + millis(self.line.pause);
        let time = self.clock.now();
        let reads = match answer {
            Ok(reply) => {
                self.proven = true;
                self.backoff.reset();
                unit.answers(&self.line.name, &self.out);
                self.state.answered(at);
                self.out.meter().read();
                unit.decode(block, &reply, time, self.clock.monotonic())
            }
            Err(failure) => {
                let lost = self.failed(at, block, failure);
                let (places, reason) = lost;
                self.units[at].some_bad(&places, time, reason)
            }
        };
        self.tell(time).await?;
        self.out.reads(reads).await?;
        if self.link.is_none() && self.reconnect_at > self.clock.monotonic() {
            // What is still owed would otherwise wait with the connection, and hold up every
            // cycle after it without a word.
            self.nothing_comes().await?;
        }
        Ok(())
    }

    /// Decides what a failed read means; returns the points that it costs, and why.
    fn failed(&mut self, at: usize, block: usize, failure: Failure) -> (Vec<usize>, Reason) {
        let now = self.clock.monotonic();
        let (reason, is_silent) = match failure {
            Failure::Exception(reason) => {
                self.excepted(at, reason, now);
                let unit = &mut self.units[at];
                let is_refused = matches!(reason, Reason::IllegalAddress | Reason::IllegalValue);
                if is_refused && unit.split(block) {
                    let (line, unit) = (&self.line.name, unit.id);
                    tracing::debug!(%line, unit, "refused block is split");
                    return (Vec::new(), reason);
                }
                if reason == Reason::DeviceBusy && unit.put_off(block, now) {
                    return (Vec::new(), reason);
                }
                unit.rest(block, reason, now);
                (reason, reason == Reason::GatewayPath)
            }
            Failure::Broken { reason, remains } => {
                self.broken(at, reason, remains, now);
                (reason, reason == Reason::Timeout)
            }
        };
        self.out.meter().failed();
        let unit = &mut self.units[at];
        if !is_silent {
            return (unit.block(block).points.clone(), reason);
        }
        if unit.silent.is_none() {
            let (line, unit) = (&self.line.name, unit.id);
            tracing::warn!(%line, unit, reason = reason.as_str(), "unit does not answer");
            self.out.meter().unit_silent(unit);
        }
        unit.silent = Some(reason);
        unit.retry_at = now + unit.backoff.next_ms();
        (unit.owed(Some(block)), reason)
    }

    /// Somebody answered, if only with an exception.
    fn excepted(&mut self, at: usize, reason: Reason, now: u64) {
        self.proven = true;
        self.backoff.reset();
        if reason == Reason::GatewayPath {
            self.state.unanswered(at, now);
        } else {
            self.state.answered(at);
            self.units[at].answers(&self.line.name, &self.out);
        }
    }

    /// The connection is gone, or doubtful.
    fn broken(&mut self, at: usize, reason: Reason, remains: Option<Doubtful>, now: u64) {
        self.out.meter().disconnected();
        self.state.unanswered(at, now);
        self.is_owed = true;
        // Whoever can be connected to anew is; a port or a call is drained.
        let is_lasting = !matches!(self.line.way.port, Port::Tcp { .. });
        let has_ended = reason == Reason::NotConnected;
        self.remains = remains.filter(|_| is_lasting && !has_ended);
        // A silent unit is that unit's own trouble. A connection that never brought anything
        // fitting is tried again later and later.
        let wait = if self.proven || reason == Reason::Timeout {
            0
        } else {
            self.backoff.next_ms()
        };
        self.reconnect_at = now + wait;
    }
}

/// Whole milliseconds, rounded up.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

async fn tell(
    state: &mut LineState,
    clock: &ReadClock,
    out: &Outlet,
    time: Timestamp,
) -> Result<(), Closed> {
    let mut samples = Vec::new();
    state.report(clock.monotonic(), time, &mut samples);
    out.reads(samples.into()).await
}

/// Waits for a device, and tells meanwhile what comes due: a time-out may be longer than a
/// heartbeat.
async fn telling<T>(
    state: &mut LineState,
    clock: &ReadClock,
    out: &Outlet,
    work: impl Future<Output = T>,
) -> Result<T, Closed> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            () = clock.sleep_until(state.next_due()) => tell(state, clock, out, clock.now()).await?,
        }
    }
}

#[cfg(test)]
mod tests;
