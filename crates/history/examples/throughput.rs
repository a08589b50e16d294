//! Writes a plant-like data set and prints how fast, how small and how soon readable.
//!
//! 2,000 series at 20 s with 0 to 6 ms of jitter: 40 % analog at 0.1 resolution, 20 % noisy
//! f32, 20 % counters, 20 % state bits; batches of 10,000. Then one series at 1 s for a day.
//!
//! `cargo run --release -p fenghuo-history --example throughput -- [millions] [folder]`

use std::path::Path;
use std::time::{Duration, Instant};

use fenghuo_history::{History, Options, Row, SeriesId};
use fenghuo_model::{PointRef, Reading, Sample, SampleId, Timestamp, Unit, Value, ValueType};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

const SERIES: usize = 2_000;
const BATCH: usize = 10_000;
const CADENCE_MS: i64 = 20_000;
const START_MS: i64 = 1_793_620_800_000;

/// Xorshift: repeatable, and quick enough to stay out of the picture.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Plant {
    series: Vec<SeriesId>,
    levels: Vec<f64>,
    noise: Noise,
    round: i64,
    at: usize,
}

fn point(at: usize) -> Fallible<PointRef> {
    Ok(format!("bench/gw{}/tag{}", at / 50, at % 50).parse()?)
}

const fn value_type(at: usize) -> ValueType {
    match at % 5 {
        0..=2 => ValueType::F64,
        3 => ValueType::U64,
        _ => ValueType::Bool,
    }
}

impl Plant {
    fn new(history: &History) -> Fallible<Self> {
        let wanted: Vec<_> = (0..SERIES)
            .map(|at| Ok((point(at)?, Unit::ONE, value_type(at))))
            .collect::<Fallible<_>>()?;
        Ok(Self {
            series: history.series_for_all(&wanted)?,
            levels: (0..SERIES).map(|at| 20.0 + (at % 60) as f64).collect(),
            noise: Noise(0x9e37_79b9_7f4a_7c15),
            round: 0,
            at: 0,
        })
    }

    fn value(&mut self, at: usize) -> Value {
        let level = &mut self.levels[at];
        match at % 5 {
            0 | 1 => {
                *level += (self.noise.unit() - 0.5) * 0.4;
                Value::F64((*level * 10.0).round() / 10.0)
            }
            2 => {
                *level += (self.noise.unit() - 0.5) * 0.1;
                let noisy = *level + (self.noise.unit() - 0.5) * 0.05;
                Value::F64(f64::from(noisy as f32))
            }
            3 => {
                *level += (self.noise.next() % 7) as f64;
                Value::U64(*level as u64)
            }
            _ => {
                if self.noise.next().is_multiple_of(200) {
                    *level = -*level;
                }
                Value::Bool(*level > 0.0)
            }
        }
    }

    fn fill(&mut self, rows: &mut Vec<Row>) {
        rows.clear();
        while rows.len() < BATCH {
            let jitter = (self.noise.next() % 7) as i64;
            let time = Timestamp::from_millis(START_MS + self.round * CADENCE_MS + jitter);
            let reading = Reading::Good(self.value(self.at));
            rows.push(Row {
                series: self.series[self.at],
                id: SampleId {
                    epoch: 1,
                    seq: self.round.cast_unsigned() + 1,
                    index: (self.at % 50) as u32,
                },
                sample: Sample { time, reading },
            });
            self.at += 1;
            if self.at == SERIES {
                self.at = 0;
                self.round += 1;
            }
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(START_MS + self.round * CADENCE_MS)
    }
}

/// Nanoseconds that this thread has run, where the system tells: on a shared machine the
/// wall clock also counts the neighbours.
fn ran() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

struct Timing {
    busy: Duration,
    longest: Duration,
}

impl Timing {
    fn note<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let outcome = work();
        let spent = started.elapsed();
        self.busy += spent;
        self.longest = self.longest.max(spent);
        outcome
    }
}

/// `age` decides whether seals come by count alone, as in a burst, or also by age.
fn write(dir: &Path, samples: usize, age: Duration) -> Fallible<History> {
    let mut options = Options::new("bench");
    options.seal_age = age;
    let history = History::open(dir, options)?;
    let mut plant = Plant::new(&history)?;
    let mut rows = Vec::with_capacity(BATCH);
    let mut timing = Timing {
        busy: Duration::ZERO,
        longest: Duration::ZERO,
    };
    let begun = ran();
    for position in 1..=samples.div_ceil(BATCH) {
        plant.fill(&mut rows);
        timing.note(|| history.apply(position as u64, &rows))?;
        while timing.note(|| history.tick(plant.now()))? {}
    }
    let started = Instant::now();
    history.seal_all()?;
    let last = started.elapsed();
    // The generator's share is taken out by letting it run once more alone.
    let whole = ran();
    for _ in 0..samples.div_ceil(BATCH) {
        plant.fill(&mut rows);
    }
    let total = samples.div_ceil(BATCH) * BATCH;
    if let (Some(start), Some(whole), Some(end)) = (begun, whole, ran()) {
        let cost = (whole - start).saturating_sub(end - whole).max(1) as f64;
        let (each, rate) = (cost / total as f64, total as f64 * 1e3 / cost);
        println!("cpu: {each:.0} ns a sample, {rate:.2} M/s of one core's time");
    }
    let rate = |spent: Duration| total as f64 / spent.as_secs_f64() / 1e6;
    println!(
        "write, age {:>6} s: {total} samples, {:.2} M/s in apply and tick ({:.2} M/s with the last \
         seal of {:.0} ms), longest call {:.1} ms",
        age.as_secs(),
        rate(timing.busy),
        rate(timing.busy + last),
        last.as_secs_f64() * 1e3,
        timing.longest.as_secs_f64() * 1e3,
    );
    Ok(history)
}

fn size(history: &History) {
    let stats = history.stats();
    println!(
        "size: {:.3} bytes/sample over {} chunks in {} files, {:.1} MB",
        stats.bytes as f64 / stats.samples as f64,
        stats.chunks,
        stats.months,
        stats.bytes as f64 / 1e6
    );
}

fn timed<T>(name: &str, rounds: usize, mut ask: impl FnMut(usize) -> Fallible<T>) -> Fallible<()> {
    let mut spent: Vec<Duration> = Vec::new();
    for round in 0..rounds {
        let started = Instant::now();
        let answer = ask(round)?;
        spent.push(started.elapsed());
        drop(answer);
    }
    spent.sort();
    let (median, worst) = (spent[spent.len() / 2], spent[spent.len() - 1]);
    println!(
        "{name}: median {:.3} ms, worst {:.3} ms",
        median.as_secs_f64() * 1e3,
        worst.as_secs_f64() * 1e3
    );
    Ok(())
}

const DAY_MS: i64 = 86_400_000;

fn day(from: i64) -> (Timestamp, Timestamp) {
    (
        Timestamp::from_millis(from),
        Timestamp::from_millis(from + DAY_MS),
    )
}

fn read(history: &History) -> Fallible<()> {
    let (from, until) = day(START_MS);
    let one = |round: usize| point(round * 37 % SERIES);
    timed("range, 1 series, 1 day at 20 s", 50, |round| {
        Ok(history.range(&one(round)?, from, until, usize::MAX))
    })?;
    timed("downsample to 300, the same", 50, |round| {
        Ok(history.downsample(&one(round)?, from, until, 300))
    })?;
    timed("downsample 200 series, the same", 5, |_| {
        (0..200)
            .map(|at| Ok(history.downsample(&point(at)?, from, until, 288)))
            .collect::<Fallible<Vec<_>>>()
    })?;
    timed("latest", 50, |round| Ok(history.latest(&one(round)?)))
}

/// A day of one point a second, in frames of one.
fn fast_series(history: &History, position: u64) -> Fallible<()> {
    let point: PointRef = "bench/fast/methane".parse()?;
    let series = history.series_for(&point, Unit::ONE, ValueType::F64)?;
    let mut noise = Noise(7);
    let start = START_MS + 10 * DAY_MS;
    for second in 0..86_400_i64 {
        let number = 0.3 + (noise.unit() * 20.0).round() / 100.0;
        let row = Row {
            series,
            id: SampleId {
                epoch: 1,
                seq: second.cast_unsigned(),
                index: 0,
            },
            sample: Sample {
                time: Timestamp::from_millis(start + second * 1_000),
                reading: Reading::Good(Value::F64(number)),
            },
        };
        history.apply(position + second.cast_unsigned(), &[row])?;
        history.tick(Timestamp::from_millis(start + second * 1_000))?;
    }
    let (from, until) = day(start);
    timed("range, 1 series, 1 day at 1 s", 50, |_| {
        Ok(history.range(&point, from, until, usize::MAX))
    })?;
    timed("downsample to 300, the same", 50, |_| {
        Ok(history.downsample(&point, from, until, 300))
    })
}

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let millions: usize = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let folder = arguments
        .next()
        .unwrap_or_else(|| "target/history-throughput".to_owned());
    let folder = Path::new(&folder);
    for (name, age) in [("burst", 86_400), ("aged", 600)] {
        let dir = folder.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        let history = write(&dir, millions * 1_000_000, Duration::from_secs(age))?;
        size(&history);
        read(&history)?;
        if name == "burst" {
            fast_series(&history, 1_000_000)?;
        }
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
