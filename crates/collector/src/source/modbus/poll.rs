//! The owner of one connection: whose turn it is, what to do with each answer, when to try
//! again.
//!
//! - Units take turns block by block, so a unit with many blocks does not hold up the rest.
//! - A unit that does not answer (time-out, an end of the connection when it is asked, or
//!   exceptions 10 and 11 of a gateway in between) backs off alone, from [`UNIT_WAIT_MS`] to
//!   [`UNIT_WAIT_MS_MAX`]; a connection that cannot be opened from [`LINE_WAIT_MS`] to
//!   [`LINE_WAIT_MS_MAX`].
//! - Units that answer go first. Those that do not are tried apart from their cycles, by a read
//!   of which nothing is taken, and all of them together get a share of the line's time; see
//!   [`share`].
//! - Where replies have no number, a unit that may still answer something older is asked for
//!   a proof before its values; see [`super::late`].
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
use super::connection::{Connection, Doubtful, FRESH_SILENCE, Manner};
use super::late::{Late, Question};
use super::plan::Block;
use super::port::Framing;
use super::wire::Quiet;
use crate::clock::ReadClock;
use crate::dice::{Backoff, Dice};
use crate::source::state::LineState;
use crate::source::{Closed, Outlet};

mod outcome;
mod parts;
mod share;
mod unit;

use share::Share;
use unit::UnitState;

/// First and longest wait before a silent unit is asked again.
pub const UNIT_WAIT_MS: u64 = 1_000;
/// See [`UNIT_WAIT_MS`].
pub const UNIT_WAIT_MS_MAX: u64 = 30_000;
/// First and longest wait before a connection is tried again.
pub const LINE_WAIT_MS: u64 = 200;
/// See [`LINE_WAIT_MS`].
pub const LINE_WAIT_MS_MAX: u64 = 10_000;

/// Requests in a row, of units that answered before, that bring nothing fitting over a modem's
/// call before it is hung up.
pub const SURPRISES_MAX: u32 = 3;

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
    /// What may still come, where replies have no number.
    late: Option<Late>,
    is_suspect: bool,
    /// How silent the line must be before it is used again, and until when at least.
    silence: Duration,
    silent_until: u64,
    /// Where this connection's numbers began, and how many requests it had.
    numbers: u8,
    requests: usize,
    share: Share,
    /// No request before this.
    quiet_until: u64,
    /// Whether anything fitting came over this connection.
    proven: bool,
    /// Requests in a row that brought nothing fitting although something was to be expected.
    surprises: u32,
    /// Whether the other end went away: it may come back as something else.
    is_lost: bool,
    reconnect_at: u64,
    backoff: Backoff,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// The next block of a unit's cycle.
    Read(usize),
    /// Whether a silent unit answers again.
    Try(usize),
}

/// One request.
#[derive(Debug)]
struct Asking {
    /// The unit's place.
    at: usize,
    /// The block that is wanted.
    block: usize,
    /// What is asked for.
    read: Block,
    /// Whether that is not the block, but something that proves the line.
    is_proof: bool,
    /// Whether nothing of it is taken.
    is_try: bool,
    asked_at: u64,
}

impl Poller {
    /// Starts disconnected, with every unit due at once.
    #[must_use]
    pub fn new(mut line: Line, clock: Arc<ReadClock>, out: Outlet, seed: u64) -> Self {
        let now = clock.monotonic();
        let units = std::mem::take(&mut line.units);
        let state = LineState::new(line.state, units.iter().map(|unit| unit.state), now);
        let units = units.into_iter();
        let units: Vec<UnitState> = units.map(|unit| UnitState::new(unit, now, seed)).collect();
        let late = (line.way.port.framing() == Framing::Rtu).then(|| {
            let mut late = Late::new(millis(line.timeout));
            for unit in &units {
                late.assume(unit.id, &unit.blocks(), now);
            }
            late
        });
        Self {
            // The first unit is the first.
            turn: units.len().saturating_sub(1),
            units,
            late,
            is_suspect: false,
            // Whoever read this line before may have asked last, and gone.
            silence: line.timeout,
            silent_until: now,
            numbers: 0,
            requests: 0,
            share: Share::new(millis(line.timeout)),
            state,
            line,
            clock,
            out,
            link: None,
            remains: None,
            quiet_until: now,
            proven: false,
            surprises: 0,
            is_lost: false,
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
        self.look_at_line(now);
        if self.link.is_some()
            && now >= self.quiet_until
            && let Some(turn) = self.next_turn(now)
        {
            return self.take(turn).await;
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
            let wants = self.units.iter().filter_map(UnitState::wants);
            let tries = self.next_try().map(|(_, at)| at);
            let next = wants.chain(tries).min();
            next.map(|at| at.max(self.quiet_until))
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

    /// What the line must show first, and the numbers that come next on it.
    fn manner(&mut self) -> Manner {
        let hundreds = self.requests / 256 + 1;
        self.numbers = self.numbers.wrapping_add((hundreds % 256) as u8);
        self.requests = 0;
        let least = self.silent_until.saturating_sub(self.clock.monotonic());
        Manner {
            timeout: self.line.timeout,
            quiet: Quiet {
                silence: self.silence,
                least: Duration::from_millis(least),
            },
            numbers: self.numbers,
        }
    }

    /// What came before the line was silent was late, or nobody's.
    fn heard_before(&mut self, link: &Connection) {
        if let (Some(late), Some((last, first))) = (&mut self.late, link.heard()) {
            let at = self
                .clock
                .monotonic()
                .saturating_sub(millis(last.elapsed()));
            late.came_strange(at, Some(first));
        }
    }

    /// Tells when bytes came again and again that nobody asked for, and when that is over.
    fn look_at_line(&mut self, now: u64) {
        let Some(late) = &self.late else {
            return;
        };
        if late.is_suspect(now) == self.is_suspect {
            return;
        }
        self.is_suspect = !self.is_suspect;
        let lateness = self.is_suspect.then(|| late.lateness(now));
        self.out.meter().line_suspect(lateness);
        if let Some(lateness_ms) = lateness {
            let line = &self.line.name;
            tracing::warn!(%line, lateness_ms, "bytes come that nobody asked for");
        }
    }

    async fn connect(&mut self) -> Result<(), Closed> {
        let (way, manner) = (self.line.way.clone(), self.manner());
        let remains = self.remains.take();
        let is_new = remains.is_none();
        let opening = async move {
            match remains {
                Some(remains) => Connection::revive(remains, &way, manner).await,
                None => Connection::open(&way, manner).await,
            }
        };
        match telling(&mut self.state, &self.clock, &self.out, opening).await? {
            Ok(link) => {
                self.state.connected();
                self.heard_before(&link);
                self.link = Some(link);
                self.silence = FRESH_SILENCE;
                self.out.meter().connected();
                if is_new {
                    self.proven = false;
                    self.surprises = 0;
                    if std::mem::take(&mut self.is_lost) {
                        self.units.iter_mut().for_each(UnitState::ask_all_again);
                    }
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
                self.is_lost = true;
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
                unit.silent
            };
            let reads = match away {
                Some(reason) => unit.all_bad(time, reason),
                None => unit.begin(now, time),
            };
            self.out.reads(reads).await?;
        }
        Ok(())
    }

    /// Units that answer go first; what may cost a time-out waits, but not for ever.
    fn next_turn(&mut self, now: u64) -> Option<Turn> {
        let tried = self.next_try().filter(|(_, at)| *at <= now);
        if let Some((unit, at)) = tried
            && now - at >= unit::PATIENCE_MS
        {
            return Some(Turn::Try(unit));
        }
        let first = self.next_read(now, |unit| unit.goes_first(now));
        let read = first.or_else(|| self.next_read(now, |_| true));
        read.map(Turn::Read)
            .or_else(|| tried.map(|(unit, _)| Turn::Try(unit)))
    }

    /// The next unit after the last one that has something to read.
    fn next_read(&mut self, now: u64, is_meant: impl Fn(&UnitState) -> bool) -> Option<usize> {
        let count = self.units.len();
        let mut after = (1..=count).map(|step| (self.turn + step) % count);
        let unit = after.find(|&unit| {
            let unit = &self.units[unit];
            unit.wants().is_some_and(|at| at <= now) && is_meant(unit)
        })?;
        self.turn = unit;
        Some(unit)
    }

    /// The silent unit that waits longest for a try, and when it may have it. Where nobody
    /// else is on the line there is nobody to spare.
    fn next_try(&self) -> Option<(usize, u64)> {
        let is_shared = self.units.iter().any(|unit| unit.silent.is_none());
        let open_at = if is_shared { self.share.open_at() } else { 0 };
        let units = self.units.iter().enumerate();
        let waiting = units.filter_map(|(at, unit)| Some((at, unit.wants_try()?)));
        let next = waiting.min_by_key(|(_, at)| *at);
        next.map(|(unit, at)| (unit, at.max(open_at)))
    }

    /// What is asked for in this turn; nothing when whatever may be asked is owed already.
    fn asking(&mut self, turn: Turn) -> Option<Asking> {
        let (at, is_try) = match turn {
            Turn::Read(at) => (at, false),
            Turn::Try(at) => (at, true),
        };
        let now = self.clock.monotonic();
        let unit = &mut self.units[at];
        let block = if is_try {
            unit.likeliest()
        } else {
            unit.next_block()
        }?;
        let wanted = unit.block(block);
        let question = self.late.as_mut().map_or(Question::Block, |late| {
            late.question(unit.id, wanted, unit.reach(), now)
        });
        let (read, is_proof) = match question {
            Question::Block => (wanted.clone(), false),
            Question::Proof(read) => {
                if let Some(late) = &mut self.late {
                    late.tries(unit.id);
                }
                (read, true)
            }
            Question::Nothing => {
                if !is_try {
                    unit.put_back(block);
                }
                return None;
            }
        };
        Some(Asking {
            at,
            block,
            read,
            is_proof,
            is_try,
            asked_at: now,
        })
    }

    async fn take(&mut self, turn: Turn) -> Result<(), Closed> {
        let Some(asking) = self.asking(turn) else {
            return self.give_up(turn).await;
        };
        let Some(link) = self.link.take() else {
            return Ok(());
        };
        self.requests += 1;
        let unit = self.units[asking.at].id;
        let asked = link.read(unit, &asking.read, self.line.timeout);
        let (answer, link) = telling(&mut self.state, &self.clock, &self.out, asked).await?;
        self.link = link;
        let now = self.clock.monotonic();
        self.quiet_until = now + millis(self.line.pause);
        self.units[asking.at].asked(now);
        let time = self.clock.now();
        let reads = match answer {
            Ok(reply) => self.answered(&asking, &reply, time),
            Err(failure) => self.failed(&asking, failure, time),
        };
        if asking.is_try && self.units[asking.at].silent.is_some() {
            self.share.spend(now - asking.asked_at, now);
        }
        self.tell(time).await?;
        self.out.reads(reads).await?;
        if self.link.is_none() && self.reconnect_at > self.clock.monotonic() {
            // What is still owed would otherwise wait with the connection, and hold up every
            // cycle after it without a word.
            self.nothing_comes().await?;
        }
        Ok(())
    }

    /// Nothing can be asked of a unit whose reply would be known as its own: it is silent.
    async fn give_up(&mut self, turn: Turn) -> Result<(), Closed> {
        let (Turn::Read(at) | Turn::Try(at)) = turn;
        let (now, time, unit) = (
            self.clock.monotonic(),
            self.clock.now(),
            &mut self.units[at],
        );
        unit.fall_silent(Reason::Timeout, now, &self.line.name, &self.out);
        let owed = unit.owed(None);
        let reads = unit.some_bad(&owed, time, Reason::Timeout);
        self.out.reads(reads).await
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
