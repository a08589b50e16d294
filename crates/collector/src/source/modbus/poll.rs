//! The owner of one connection: whose turn it is, what to do with each answer, when to try
//! again.
//!
//! - Units take turns block by block, so a unit with many blocks does not hold up the rest.
//! - A unit that does not answer (time-out, or exceptions 10 and 11 of a gateway in between)
//!   backs off alone, from [`UNIT_WAIT_MS`] to [`UNIT_WAIT_MS_MAX`]; a connection that cannot
//!   be opened from [`LINE_WAIT_MS`] to [`LINE_WAIT_MS_MAX`].
//! - While a unit or the line is away, each of its points gets one sample without value per
//!   interval.
//! - What is known of the line and its units is told as their state points, also while a
//!   request or a connection is under way; see [`crate::source::state`].
//! - A sample's time is the read clock when its reply arrived: replies of a line then have
//!   ascending times, never after the watermark of the frame they go into, and never later
//!   than the moment the value was known. It is at most one time-out after the device looked.

use std::collections::VecDeque;
use std::sync::Arc;

use fenghuo_model::{Reason, Sample, Timestamp};

use super::connection::{Connection, Failure, Reply};
use super::plan::{Block, Register, plan};
use super::{Line, Point};
use crate::clock::ReadClock;
use crate::dice::{Backoff, Dice};
use crate::source::change::ChangeFilter;
use crate::source::state::LineState;
use crate::source::{Closed, Outlet, bad};

/// First and longest wait before a silent unit is asked again.
pub const UNIT_WAIT_MS: u64 = 1_000;
/// See [`UNIT_WAIT_MS`].
pub const UNIT_WAIT_MS_MAX: u64 = 30_000;
/// First and longest wait before a connection is tried again.
pub const LINE_WAIT_MS: u64 = 200;
/// See [`LINE_WAIT_MS`].
pub const LINE_WAIT_MS_MAX: u64 = 10_000;

#[derive(Debug)]
struct UnitState {
    id: u8,
    interval_ms: u64,
    points: Vec<Point>,
    registers: Vec<Register>,
    filters: Vec<ChangeFilter>,
    /// What is read; blocks that a device refused stay split.
    blocks: Vec<Block>,
    /// Blocks of this cycle that are still to be read.
    queue: VecDeque<usize>,
    next_due: u64,
    /// Why and until when it is left alone.
    silent: Option<Reason>,
    retry_at: u64,
    backoff: Backoff,
}

impl UnitState {
    /// It said something: it is not silent any more.
    fn answers(&mut self, line: &str, out: &Outlet) {
        self.backoff.reset();
        if self.silent.take().is_some() {
            tracing::info!(line, unit = self.id, "unit answers again");
            out.meter().unit_answers(self.id);
        }
    }

    /// Every point's sample without value.
    fn all_bad(&mut self, time: fenghuo_model::Timestamp, reason: Reason) -> Vec<(u32, Sample)> {
        let places: Vec<usize> = (0..self.points.len()).collect();
        self.some_bad(&places, time, reason)
    }

    fn some_bad(
        &mut self,
        places: &[usize],
        time: fenghuo_model::Timestamp,
        reason: Reason,
    ) -> Vec<(u32, Sample)> {
        let mut out = Vec::with_capacity(places.len());
        for &at in places {
            let sample = bad(time, reason);
            if self.filters[at].passes(&sample) {
                out.push((self.points[at].index, sample));
            }
        }
        out
    }

    /// The places of the points that this cycle still owes, `block` included.
    fn owed(&mut self, block: Option<usize>) -> Vec<usize> {
        let blocks = block.into_iter().chain(self.queue.drain(..));
        blocks
            .flat_map(|at| self.blocks[at].points.iter().copied())
            .collect()
    }

    fn decode(
        &mut self,
        block: usize,
        reply: &Reply,
        time: fenghuo_model::Timestamp,
    ) -> Vec<(u32, Sample)> {
        let block = &self.blocks[block];
        let mut out = Vec::with_capacity(block.points.len());
        for &at in &block.points {
            let register = &self.registers[at];
            let reading = match reply {
                Reply::Words(words) => register.of_words(block.start, words),
                Reply::Bits(bits) => register.of_bits(block.start, bits),
            };
            let sample = Sample { time, reading };
            if self.filters[at].passes(&sample) {
                out.push((self.points[at].index, sample));
            }
        }
        out
    }

    /// Halves a refused block and reads its halves next.
    fn split(&mut self, block: usize) -> bool {
        let Some([low, high]) = self.blocks[block].split(&self.registers) else {
            return false;
        };
        self.blocks[block] = low;
        self.blocks.push(high);
        self.queue.push_front(self.blocks.len() - 1);
        self.queue.push_front(block);
        true
    }
}

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
        let units = units.into_iter().map(|unit| {
            let registers: Vec<Register> = unit.points.iter().map(|p| p.register.clone()).collect();
            let dice = Dice::new(seed ^ (u64::from(unit.id) << 32));
            UnitState {
                id: unit.id,
                interval_ms: u64::from(unit.interval_ms.max(1)),
                blocks: plan(&registers, &unit.reach),
                filters: unit
                    .points
                    .iter()
                    .map(|point| ChangeFilter::new(point.exception))
                    .collect(),
                registers,
                points: unit.points,
                queue: VecDeque::new(),
                next_due: now,
                silent: None,
                retry_at: 0,
                backoff: Backoff::new(UNIT_WAIT_MS, UNIT_WAIT_MS_MAX, dice),
            }
        });
        Self {
            units: units.collect(),
            state,
            line,
            clock,
            out,
            turn: 0,
            link: None,
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
        if self.link.is_none() && self.clock.monotonic() >= self.reconnect_at {
            self.connect().await?;
        }
        self.begin_cycles().await?;
        if self.link.is_some()
            && let Some(unit) = self.next_turn()
        {
            return self.read_one(unit).await;
        }
        let due = self.units.iter().map(|unit| unit.next_due).min();
        let again = self.link.is_none().then_some(self.reconnect_at);
        let wake = due.into_iter().chain(again);
        let wake = wake.fold(self.state.next_due(), u64::min);
        self.clock.sleep_until(wake).await;
        Ok(())
    }

    /// Tells what is to be told of the line and its units.
    async fn tell(&mut self, time: Timestamp) -> Result<(), Closed> {
        tell(&mut self.state, &self.clock, &self.out, time).await
    }

    async fn connect(&mut self) -> Result<(), Closed> {
        let opening = Connection::open(&self.line.address, self.line.timeout);
        match telling(&mut self.state, &self.clock, &self.out, opening).await? {
            Ok(link) => {
                self.state.connected();
                self.link = Some(link);
                self.proven = false;
                self.out.meter().connected();
                tracing::info!(line = %self.line.name, address = %self.line.address, "connected");
                self.tell(self.clock.now()).await
            }
            Err(error) => {
                if self.backoff.tries() == 0 {
                    let (line, address) = (&self.line.name, &self.line.address);
                    tracing::warn!(%line, %address, %error, "cannot connect");
                }
                self.out.meter().connect_failed(&self.line.address, &error);
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
            let samples = unit.some_bad(&owed, time, Reason::NotConnected);
            self.out.samples(samples).await?;
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
            if !unit.queue.is_empty() {
                self.out.meter().skipped(late + 1);
                continue;
            }
            self.out.meter().skipped(late);
            let away = if self.link.is_none() {
                Some(Reason::NotConnected)
            } else {
                unit.silent.filter(|_| now < unit.retry_at)
            };
            match away {
                Some(reason) => {
                    let samples = unit.all_bad(self.clock.now(), reason);
                    self.out.samples(samples).await?;
                }
                None => unit.queue.extend(0..unit.blocks.len()),
            }
        }
        Ok(())
    }

    /// The next unit after the last one that has something to read.
    fn next_turn(&mut self) -> Option<usize> {
        let count = self.units.len();
        let unit = (1..=count)
            .map(|step| (self.turn + step) % count)
            .find(|&unit| !self.units[unit].queue.is_empty())?;
        self.turn = unit;
        Some(unit)
    }

    async fn read_one(&mut self, at: usize) -> Result<(), Closed> {
        let unit = &mut self.units[at];
        let (Some(block), Some(link)) = (unit.queue.pop_front(), self.link.take()) else {
            return Ok(());
        };
        let asked = link.read(unit.id, &unit.blocks[block], self.line.timeout);
        let (answer, link) = telling(&mut self.state, &self.clock, &self.out, asked).await?;
        self.link = link;
        let time = self.clock.now();
        let samples = match answer {
            Ok(reply) => {
                self.proven = true;
                self.backoff.reset();
                unit.answers(&self.line.name, &self.out);
                self.state.answered(at);
                self.out.meter().read();
                unit.decode(block, &reply, time)
            }
            Err(failure) => {
                let lost = self.failed(at, block, failure);
                let (places, reason) = lost;
                self.units[at].some_bad(&places, time, reason)
            }
        };
        self.tell(time).await?;
        self.out.samples(samples).await
    }

    /// Decides what a failed read means; returns the points that it costs, and why.
    fn failed(&mut self, at: usize, block: usize, failure: Failure) -> (Vec<usize>, Reason) {
        let now = self.clock.monotonic();
        let unit = &mut self.units[at];
        let (reason, is_silent) = match failure {
            Failure::Exception {
                reason,
                is_about_the_block,
            } => {
                self.proven = true;
                self.backoff.reset();
                if reason == Reason::GatewayPath {
                    self.state.unanswered(at, now);
                } else {
                    self.state.answered(at);
                    unit.answers(&self.line.name, &self.out);
                }
                if is_about_the_block && unit.split(block) {
                    let (line, unit) = (&self.line.name, unit.id);
                    tracing::debug!(%line, unit, "refused block is split");
                    return (Vec::new(), reason);
                }
                (reason, reason == Reason::GatewayPath)
            }
            Failure::Broken(reason) => {
                self.out.meter().disconnected();
                self.state.unanswered(at, now);
                let is_silent = reason == Reason::Timeout;
                // A silent unit is that unit's own trouble. A connection that never brought
                // anything fitting is tried again later and later.
                let wait = if self.proven || is_silent {
                    0
                } else {
                    self.backoff.next_ms()
                };
                self.reconnect_at = now + wait;
                (reason, is_silent)
            }
        };
        self.out.meter().failed();
        if !is_silent {
            return (unit.blocks[block].points.clone(), reason);
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
}

async fn tell(
    state: &mut LineState,
    clock: &ReadClock,
    out: &Outlet,
    time: Timestamp,
) -> Result<(), Closed> {
    let mut samples = Vec::new();
    state.report(clock.monotonic(), time, &mut samples);
    out.samples(samples).await
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
