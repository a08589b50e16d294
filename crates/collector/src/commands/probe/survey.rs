//! What a device answers, found by asking: which registers are there, how many it gives at
//! once, how fast, and how much peace it needs. Reads only.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use fenghuo_model::Reason;

use crate::commands::call::Called;
use crate::source::modbus::connection::{Connection, Failure, Reply};
use crate::source::modbus::plan::{Block, Reach, Table};
use crate::source::modbus::port::Way;

/// Most requests of one survey.
const REQUESTS_MAX: usize = 20_000;
/// Requests in a row without a reply after which the rest of a span is left out.
const SILENT_ROW: usize = 12;
/// Requests without a reply after which the survey ends.
const SILENT_MAX: usize = 120;
/// Reads that tell how fast a device is.
const LATENCY_READS: usize = 20;
/// Pauses that are tried when a device does not keep up.
const PAUSES_MS: [u64; 5] = [0, 20, 50, 100, 250];
/// Looks at the values, and the wait between them.
const LOOKS: usize = 4;
const LOOK_WAIT: Duration = Duration::from_millis(400);

/// A run of registers that are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its first address.
    pub first: u16,
    /// Its last.
    pub last: u16,
}

impl Run {
    /// How many: up to 65,536.
    pub fn count(&self) -> u32 {
        u32::from(self.last - self.first) + 1
    }

    /// Reads that bring all of it, of at most so many.
    fn reads(&self, most: u16) -> Vec<(u16, u16)> {
        let mut reads = spans(self.first, self.last, most);
        reads.reverse();
        reads
    }
}

/// A device that is asked.
pub struct Device {
    line: Called,
    unit: u8,
    table: Table,
    timeout: Duration,
    pause: Duration,
    link: Option<Connection>,
    requests: usize,
    /// Requests that brought no reply, in all and in a row.
    silent: usize,
    row: usize,
}

/// How fast a device answers one register, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// The quickest.
    pub least: f64,
    /// Half are quicker.
    pub median: f64,
    /// The slowest.
    pub most: f64,
}

impl Device {
    /// Connects.
    pub async fn open(way: Way, unit: u8, table: Table, timeout: Duration) -> anyhow::Result<Self> {
        let mut device = Self {
            line: Called::new(way).await?,
            unit,
            table,
            timeout,
            pause: Duration::from_millis(PAUSES_MS[1]),
            link: None,
            requests: 0,
            silent: 0,
            row: 0,
        };
        device.connect().await?;
        Ok(device)
    }

    async fn connect(&mut self) -> anyhow::Result<()> {
        let opened = self.line.connect(self.timeout).await;
        let link = opened.with_context(|| format!("cannot connect to {}", self.line.way.port))?;
        self.link = Some(link);
        Ok(())
    }

    /// How many requests it took so far.
    pub const fn requests(&self) -> usize {
        self.requests
    }

    /// Reads registers; a refusal is a reason.
    pub async fn read(
        &mut self,
        first: u16,
        count: u16,
    ) -> anyhow::Result<Result<Vec<u16>, Reason>> {
        self.read_table(self.table, first, count).await
    }

    async fn read_table(
        &mut self,
        table: Table,
        first: u16,
        count: u16,
    ) -> anyhow::Result<Result<Vec<u16>, Reason>> {
        anyhow::ensure!(
            self.requests < REQUESTS_MAX,
            "stopped after {REQUESTS_MAX} requests; ask for a smaller range"
        );
        self.requests += 1;
        tokio::time::sleep(self.pause).await;
        if self.link.is_none() {
            self.connect().await?;
        }
        let Some(link) = self.link.take() else {
            anyhow::bail!("no connection to {}", self.line.way.port);
        };
        let block = Block::bare(table, first, count);
        let (answer, link) = link.read(self.unit, &block, self.timeout).await;
        self.link = link;
        let answer = match answer {
            Ok(Reply::Words(words)) => Ok(words),
            Ok(Reply::Bits(bits)) => {
                let bits = bits.iter().take(count.into());
                Ok(bits.map(|bit| u16::from(*bit)).collect())
            }
            Err(Failure::Exception(reason) | Failure::Broken { reason, .. }) => Err(reason),
        };
        let is_silent = answer.as_ref().is_err_and(|reason| is_silence(*reason));
        self.silent += usize::from(is_silent);
        self.row = if is_silent { self.row + 1 } else { 0 };
        Ok(answer)
    }

    /// The most that one read of the table may bring.
    fn most(&self) -> u16 {
        Reach::default().most(self.table)
    }

    /// Whether the unit answers anything at all, if only with an exception.
    ///
    /// # Errors
    /// When it does not: after a few tries, not after a whole survey.
    pub async fn sign_of_life(&mut self, first: u16, last: u16) -> anyhow::Result<()> {
        let middle = first.midpoint(last);
        let several = (last - first).saturating_add(1).min(10);
        let tries = [
            (self.table, first, 1),
            (self.table, first, several),
            (self.table, middle, 1),
            (self.table, last, 1),
            (Table::Holding, 0, 1),
            (Table::Input, 0, 1),
            (Table::Coil, 0, 1),
        ];
        for (table, start, count) in tries {
            match self.read_table(table, start, count).await? {
                Err(reason) if is_silence(reason) => {}
                _ => return Ok(()),
            }
        }
        anyhow::bail!(
            "unit {} does not answer ({} requests of up to {} ms, none with a reply); look at the \
             unit id, the wiring, and on a serial line at baud and parity",
            self.unit,
            self.requests,
            self.timeout.as_millis()
        )
    }

    /// Which registers of a range are there.
    pub async fn runs(&mut self, first: u16, last: u16) -> anyhow::Result<Vec<Run>> {
        let mut runs: Vec<Run> = Vec::new();
        let mut todo = spans(first, last, self.most());
        while let Some((start, count)) = todo.pop() {
            anyhow::ensure!(
                self.silent < SILENT_MAX,
                "stopped after {SILENT_MAX} requests without a reply: the device is silent where \
                 it has nothing; ask for the range that its manual names"
            );
            if self.row >= SILENT_ROW {
                // It is silent where it has nothing: the next span tells more than the rest
                // of this one.
                let end = span_end(start, first, self.most());
                todo.retain(|(start, _)| u32::from(*start) > end);
                self.row = 0;
                continue;
            }
            match self.read(start, count).await? {
                Ok(_) => add(&mut runs, start, count),
                Err(Reason::IllegalFunction) => {
                    anyhow::bail!("the device does not know this table (illegal function)")
                }
                Err(_) if count > 1 => {
                    let half = count / 2;
                    todo.push((start + half, count - half));
                    todo.push((start, half));
                }
                Err(_) => {}
            }
        }
        Ok(runs)
    }

    /// The largest read that works, within a run.
    pub async fn largest(&mut self, run: &Run) -> anyhow::Result<u16> {
        let longest = run.count().min(self.most().into());
        let longest = u16::try_from(longest)?;
        let (mut works, mut fails) = (1, longest + 1);
        if self.read(run.first, fails - 1).await?.is_ok() {
            return Ok(fails - 1);
        }
        while fails - works > 1 {
            let middle = works.midpoint(fails);
            match self.read(run.first, middle).await? {
                Ok(_) => works = middle,
                Err(_) => fails = middle,
            }
        }
        Ok(works)
    }

    /// The shortest pause at which it answers every time, and how fast it then is.
    pub async fn pace(&mut self, run: &Run) -> anyhow::Result<Option<(Duration, Latency)>> {
        for pause in PAUSES_MS.map(Duration::from_millis) {
            self.pause = pause;
            let mut took = Vec::new();
            for _ in 0..LATENCY_READS {
                let begun = Instant::now();
                if self.read(run.first, 1).await?.is_err() {
                    break;
                }
                took.push((begun.elapsed().saturating_sub(pause)).as_secs_f64() * 1_000.0);
            }
            if took.len() == LATENCY_READS {
                took.sort_by(f64::total_cmp);
                let latency = Latency {
                    least: took[0],
                    median: took[LATENCY_READS / 2],
                    most: took[LATENCY_READS - 1],
                };
                return Ok(Some((pause, latency)));
            }
        }
        Ok(None)
    }

    /// A few looks at a run's values.
    pub async fn looks(&mut self, run: &Run, largest: u16) -> anyhow::Result<Vec<Vec<u16>>> {
        let mut looks = Vec::new();
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(LOOK_WAIT).await;
            }
            let mut words = Vec::new();
            for (at, count) in run.reads(largest) {
                match self.read(at, count).await? {
                    Ok(got) => words.extend(got),
                    Err(reason) => anyhow::bail!(
                        "address {at} was there and is not any more ({})",
                        reason.as_str()
                    ),
                }
            }
            looks.push(words);
        }
        Ok(looks)
    }
}

/// Whether this is no answer of the unit.
const fn is_silence(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Timeout | Reason::NotConnected | Reason::GatewayPath
    )
}

/// Spans of at most a read, the last first.
fn spans(first: u16, last: u16, most: u16) -> Vec<(u16, u16)> {
    let mut spans = Vec::new();
    let mut at = u32::from(first);
    while at <= u32::from(last) {
        let count = (u32::from(last) - at + 1).min(most.into());
        if let (Ok(at), Ok(count)) = (u16::try_from(at), u16::try_from(count)) {
            spans.push((at, count));
        }
        at += count;
    }
    spans.reverse();
    spans
}

/// The last address of the span that an address lies in.
fn span_end(at: u16, first: u16, most: u16) -> u32 {
    let most = u32::from(most.max(1));
    let before = u32::from(at - first) / most;
    u32::from(first) + (before + 1) * most - 1
}

/// Adds what follows the last run, or begins another.
fn add(runs: &mut Vec<Run>, first: u16, count: u16) {
    let last = first.saturating_add(count.saturating_sub(1));
    if let Some(run) = runs.last_mut()
        && run.last.checked_add(1) == Some(first)
    {
        run.last = last;
        return;
    }
    runs.push(Run { first, last });
}

#[cfg(test)]
mod tests;
