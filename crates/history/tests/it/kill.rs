//! A process killed in the middle of its work, many times, with a log that others keep.
//!
//! The log is a rule that gives each position its rows, so parent and child know it alike.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use fenghuo_history::{History, Row, SeriesId};
use fenghuo_model::{Sample, SampleId, Unit};

use crate::world::{EVER, TYPES, at, options, point, reading};

const FOLDER: &str = "HISTORY_KILL_TEST_FOLDER";
/// The log is trimmed below this position: what was told as durable cannot be replayed.
const TRIMMED: &str = "HISTORY_KILL_TEST_TRIMMED";
const KILLS: u32 = 12;
const POSITIONS_MAX: u64 = 200_000;

fn rows(series: &[SeriesId], position: u64) -> Vec<Row> {
    let mut state = position.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let row = |index: u32| {
        let number = (next() % TYPES.len() as u64) as usize;
        // Mostly in order, at times an hour or some weeks late.
        let late = match next() % 50 {
            0 => 3_600_000,
            1 => 40 * 86_400_000,
            _ => 0,
        };
        let time = at((position * 100) as i64 - late + (next() % 3) as i64);
        Row {
            series: series[number],
            id: SampleId {
                epoch: 1,
                seq: position,
                index,
            },
            sample: Sample {
                time,
                reading: reading(TYPES[number], next() as i32),
            },
        }
    };
    (0..8).map(row).collect()
}

fn open(folder: &std::path::Path) -> (History, Vec<SeriesId>) {
    let history = History::open(folder, options()).unwrap();
    let wanted: Vec<_> = (0..TYPES.len())
        .map(|number| (point(number), Unit::ONE, TYPES[number]))
        .collect();
    let series = history.series_for_all(&wanted).unwrap();
    (history, series)
}

/// The child: works until it is killed, and says how far it has come and may be trimmed.
/// Does nothing in an ordinary run of the tests.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let (history, series) = open(folder.as_ref());
    let mut out = std::io::stderr().lock();
    let oldest: u64 = std::env::var(TRIMMED).unwrap().parse().unwrap();
    for position in history.replay_from().max(oldest)..POSITIONS_MAX {
        history.apply(position, &rows(&series, position)).unwrap();
        history.tick(at((position * 100) as i64)).unwrap();
        writeln!(out, "at {position} {}", history.replay_from()).unwrap();
    }
}

fn start(folder: &std::path::Path, trimmed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(FOLDER, folder)
        .env(TRIMMED, trimmed.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets the child take `count` positions, kills it, and answers the last pair it told.
fn run_and_kill(folder: &std::path::Path, trimmed: u64, count: usize) -> (u64, u64) {
    let mut child = start(folder, trimmed);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = (0, 0);
    let mut note = |line: String| {
        let numbers: Vec<u64> = line
            .strip_prefix("at ")
            .into_iter()
            .flat_map(|rest| rest.split(' '))
            .filter_map(|number| number.parse().ok())
            .collect();
        if let [position, floor] = numbers[..] {
            told = (position, floor);
        }
    };
    for _ in 0..count {
        note(
            lines
                .next()
                .expect("the child works until it is killed")
                .unwrap(),
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lines.map_while(Result::ok).for_each(&mut note);
    told
}

#[test]
fn every_sample_is_there_once_after_many_kills() {
    let dir = tempfile::tempdir().unwrap();
    let (mut highest, mut trimmed) = (0, 1);
    for kill in 0..KILLS {
        let (position, floor) = run_and_kill(dir.path(), trimmed, 150 + (kill as usize * 97) % 400);
        assert!(position > 0, "the child said nothing");
        highest = highest.max(position);
        trimmed = trimmed.max(floor);
    }
    let (history, series) = open(dir.path());
    // The last child may have sealed a position and been killed before it told.
    highest = highest.max(history.highest_sealed());
    assert!(trimmed > highest / 2, "the floor hardly rose");
    for position in history.replay_from().max(trimmed)..=highest {
        history.apply(position, &rows(&series, position)).unwrap();
    }
    history.seal_all().unwrap();
    let all: Vec<Row> = (1..=highest)
        .flat_map(|position| rows(&series, position))
        .collect();
    for (number, series) in series.iter().enumerate() {
        let mut wanted: Vec<_> = all.iter().filter(|row| row.series == *series).collect();
        wanted.sort_by_key(|row| (row.sample.time, row.id));
        let wanted: Vec<_> = wanted
            .into_iter()
            .map(|row| (row.id, row.sample.clone()))
            .collect();
        let range = history.range_identified(&point(number), EVER.0, EVER.1, usize::MAX);
        assert_eq!(range.faults, vec![]);
        let found = &range.series[0].1;
        let missing: Vec<_> = wanted.iter().filter(|row| !found.contains(row)).collect();
        let strange: Vec<_> = found.iter().filter(|row| !wanted.contains(row)).collect();
        assert!(
            (&missing, &strange) == (&vec![], &vec![]),
            "{missing:?} {strange:?}"
        );
        assert!(
            *found == wanted,
            "point {number}: another order or a double"
        );
    }
    assert_eq!(
        history.stats().samples as usize,
        all.len(),
        "nothing is stored twice"
    );
}
