//! What a device answers, found by asking: which registers are there, how many it gives at
//! once, how fast, and how much peace it needs. Reads only.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use fenghuo_model::Reason;

use crate::source::modbus::connection::{Connection, Failure, Manner, Reply};
use crate::source::modbus::plan::{Block, REGISTERS_MAX, Table};
use crate::source::modbus::port::Way;

/// Most requests of one survey.
const REQUESTS_MAX: usize = 20_000;
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
    /// How many.
    pub count: u16,
}

/// A device that is asked.
pub struct Device {
    way: Way,
    unit: u8,
    table: Table,
    timeout: Duration,
    pause: Duration,
    link: Option<Connection>,
    requests: usize,
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
            way,
            unit,
            table,
            timeout,
            pause: Duration::from_millis(PAUSES_MS[1]),
            link: None,
            requests: 0,
        };
        device.connect().await?;
        Ok(device)
    }

    async fn connect(&mut self) -> anyhow::Result<()> {
        let opened = Connection::open(&self.way, Manner::cautious(self.timeout)).await;
        let link = opened.with_context(|| format!("cannot connect to {}", self.way.port))?;
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
            anyhow::bail!("no connection to {}", self.way.port);
        };
        let block = Block {
            table: self.table,
            start: first,
            count,
            points: Vec::new(),
        };
        let (answer, link) = link.read(self.unit, &block, self.timeout).await;
        self.link = link;
        Ok(match answer {
            Ok(Reply::Words(words)) => Ok(words),
            Ok(Reply::Bits(bits)) => Ok(bits.iter().map(|bit| u16::from(*bit)).collect()),
            Err(Failure::Exception(reason) | Failure::Broken { reason, .. }) => Err(reason),
        })
    }

    /// Which registers of a range are there.
    pub async fn runs(&mut self, first: u16, last: u16) -> anyhow::Result<Vec<Run>> {
        let mut runs: Vec<Run> = Vec::new();
        let mut todo = spans(first, last);
        while let Some((start, count)) = todo.pop() {
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
        let (mut works, mut fails) = (1, run.count.min(REGISTERS_MAX) + 1);
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
            let mut at = run.first;
            while words.len() < usize::from(run.count) {
                let left = run.count - (at - run.first);
                let count = left.min(largest);
                match self.read(at, count).await? {
                    Ok(got) => words.extend(got),
                    Err(reason) => anyhow::bail!(
                        "register {at} was there and is not any more ({})",
                        reason.as_str()
                    ),
                }
                at = at.saturating_add(count);
            }
            looks.push(words);
        }
        Ok(looks)
    }
}

/// Spans of at most a read, the last first.
fn spans(first: u16, last: u16) -> Vec<(u16, u16)> {
    let mut spans = Vec::new();
    let mut at = u32::from(first);
    while at <= u32::from(last) {
        let count = (u32::from(last) - at + 1).min(u32::from(REGISTERS_MAX));
        if let (Ok(at), Ok(count)) = (u16::try_from(at), u16::try_from(count)) {
            spans.push((at, count));
        }
        at += count;
    }
    spans.reverse();
    spans
}

fn add(runs: &mut Vec<Run>, first: u16, count: u16) {
    if let Some(run) = runs.last_mut()
        && run.first + run.count == first
    {
        run.count += count;
        return;
    }
    runs.push(Run { first, count });
}
