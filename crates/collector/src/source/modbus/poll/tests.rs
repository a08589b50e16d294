//! A scripted device that answers late, short, wrong or not at all: none of it may become a
//! value. Registers hold their own address, so a misplaced answer would show.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fenghuo_model::{Reading, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::connection::tests::crc;
use super::super::decode::{Decode, Order, Raw};
use super::super::dial_in;
use super::super::plan::{Reach, Register, Table};
use super::super::port::{DialIn, Framing, Port, Way};
use super::super::{Point, Unit};
use super::*;
use crate::source::{Report, SourceId};
use crate::status::Status;

mod late;
mod rtu;
mod states;
mod trouble;

const TIMEOUT: Duration = Duration::from_millis(60);

/// A request as it came.
#[derive(Clone, Debug)]
struct Asked {
    /// The header of TCP, or the unit alone.
    head: Vec<u8>,
    function: u8,
    start: u16,
    count: u16,
}

impl Asked {
    fn answer(&self) -> Vec<u8> {
        self.words(self.count)
    }

    fn unit(&self) -> u8 {
        *self.head.last().unwrap()
    }

    /// A well-formed answer of another length.
    fn words(&self, count: u16) -> Vec<u8> {
        if self.function < 3 {
            let bytes = u8::try_from(count.div_ceil(8)).unwrap();
            let pdu = [vec![self.function, bytes], vec![0; bytes.into()]].concat();
            return self.framed(&pdu);
        }
        let mut pdu = vec![self.function, u8::try_from(count * 2).unwrap()];
        for at in 0..count {
            pdu.extend_from_slice(&(self.start + at).to_be_bytes());
        }
        self.framed(&pdu)
    }

    fn exception(&self, code: u8) -> Vec<u8> {
        self.framed(&[self.function | 0x80, code])
    }

    fn framed(&self, pdu: &[u8]) -> Vec<u8> {
        if let [unit] = self.head[..] {
            let mut bytes = [&[unit], pdu].concat();
            bytes.extend_from_slice(&crc(&bytes));
            return bytes;
        }
        let mut bytes = self.head[..4].to_vec();
        bytes.extend_from_slice(&u16::try_from(pdu.len() + 1).unwrap().to_be_bytes());
        bytes.push(self.unit());
        bytes.extend_from_slice(pdu);
        bytes
    }
}

async fn ask(stream: &mut (impl AsyncRead + Unpin), framing: Framing) -> Option<Asked> {
    let head = match framing {
        Framing::Tcp => 7,
        Framing::Rtu => 1,
    };
    // Function, address and count; and on RTU the checksum.
    let mut bytes = vec![0; if head == 7 { 12 } else { 8 }];
    stream.read_exact(&mut bytes).await.ok()?;
    if head == 1 {
        assert_eq!(bytes[6..], crc(&bytes[..6]));
    }
    Some(Asked {
        head: bytes[..head].to_vec(),
        function: bytes[head],
        start: u16::from_be_bytes([bytes[head + 1], bytes[head + 2]]),
        count: u16::from_be_bytes([bytes[head + 3], bytes[head + 4]]),
    })
}

/// What to send, and after how long; an empty answer closes the connection.
type Script = fn(number: usize, asked: &Asked) -> Vec<(u64, Vec<u8>)>;

async fn device(listener: TcpListener, script: Script, framing: Framing) {
    let number = Arc::new(AtomicUsize::new(0));
    let mut streams = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        streams.spawn(serve(stream, script, framing, number.clone()));
    }
}

async fn serve(mut stream: TcpStream, script: Script, framing: Framing, number: Arc<AtomicUsize>) {
    while let Some(asked) = ask(&mut stream, framing).await {
        let steps = script(number.fetch_add(1, Ordering::Relaxed) + 1, &asked);
        if steps.is_empty() {
            return;
        }
        for (wait, bytes) in steps {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}

/// State points; measured ones are below.
const LINE: u32 = 100_000;

fn state_of(unit: u8) -> u32 {
    LINE + u32::from(unit)
}

fn unit(id: u8, addresses: &[u16]) -> Unit {
    let point = |(at, address): (usize, &u16)| Point {
        index: u32::from(id) * 100 + u32::try_from(at).unwrap(),
        register: Register {
            table: Table::Holding,
            address: *address,
            decode: Decode::plain(Raw::U16, Order::default()),
        },
        exception: None,
    };
    Unit {
        id,
        state: state_of(id),
        interval_ms: 20,
        pause: Duration::ZERO,
        reach: Reach {
            gap: 8,
            ..Reach::default()
        },
        drift_guard: false,
        points: addresses.iter().enumerate().map(point).collect(),
    }
}

/// Runs a line against a script; returns the readings of each point.
async fn collect(units: Vec<Unit>, script: Script, span: Duration) -> BTreeMap<u32, Vec<Reading>> {
    collect_over(Framing::Tcp, units, script, span).await
}

async fn collect_over(
    framing: Framing,
    units: Vec<Unit>,
    script: Script,
    span: Duration,
) -> BTreeMap<u32, Vec<Reading>> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let device = tokio::spawn(device(listener, script, framing));
    let mut line = line(address.clone(), units);
    line.way.port = Port::Tcp { address, framing };
    let readings = collect_from(line, span).await;
    device.abort();
    readings
}

fn line(address: String, units: Vec<Unit>) -> Line {
    Line {
        name: "plc".to_owned(),
        state: LINE,
        way: Way {
            port: Port::Tcp {
                address,
                framing: Framing::Tcp,
            },
            caller: None,
        },
        timeout: TIMEOUT,
        pause: Duration::ZERO,
        units,
    }
}

async fn collect_from(line: Line, span: Duration) -> BTreeMap<u32, Vec<Reading>> {
    collect_with(line, span, &Status::default()).await
}

async fn collect_with(line: Line, span: Duration, status: &Status) -> BTreeMap<u32, Vec<Reading>> {
    let (reports, mut inbox) = mpsc::channel(64);
    let out = Outlet::new(SourceId(0), reports, status.source("plc"));
    let clock = Arc::new(ReadClock::start(None));
    let poller = tokio::spawn(super::super::run(line, clock.clone(), out, 1));
    let mut readings: BTreeMap<u32, Vec<Reading>> = BTreeMap::new();
    let mut last = clock.now();
    let end = tokio::time::Instant::now() + span;
    while let Ok(Some(report)) = tokio::time::timeout_at(end, inbox.recv()).await {
        let Report::Reads(_, reads) = report else {
            continue;
        };
        for (point, sample) in reads.samples {
            assert!(sample.time >= last, "times of a line ascend");
            last = sample.time;
            readings.entry(point).or_default().push(sample.reading);
        }
    }
    poller.abort();
    readings
}

/// An address where nobody listens.
async fn nobody() -> String {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    free.local_addr().unwrap().to_string()
}

/// Every value is the register's own address; returns how many were good, and the reasons
/// of the rest.
fn judge(readings: &BTreeMap<u32, Vec<Reading>>, addresses: &[u16]) -> (usize, Vec<Reason>) {
    let (mut good, mut reasons) = (0, Vec::new());
    for (point, readings) in readings.range(..LINE) {
        let address = addresses[usize::try_from(point % 100).unwrap()];
        for reading in readings {
            match reading {
                Reading::Good(value) => {
                    assert_eq!(*value, Value::U64(address.into()), "point {point}");
                    good += 1;
                }
                other => reasons.extend(other.reason()),
            }
        }
    }
    reasons.sort();
    reasons.dedup();
    (good, reasons)
}

/// Two blocks of one length, so that an answer to one would fit the other.
const FAR: [u16; 2] = [100, 500];

async fn faulty(script: Script) -> (usize, Vec<Reason>) {
    let readings = collect(vec![unit(1, &FAR)], script, Duration::from_millis(1_600)).await;
    judge(&readings, &FAR)
}

#[tokio::test]
async fn a_late_answer_is_never_taken_for_the_next_one() {
    let (good, reasons) = faulty(|number, asked| {
        let wait = if number % 5 == 2 { 90 } else { 0 };
        vec![(wait, asked.answer())]
    })
    .await;
    assert!(good > 4, "{good}");
    assert_eq!(reasons, [Reason::Timeout]);
}

#[tokio::test]
async fn an_answer_in_two_halves_is_late_as_a_whole() {
    let (good, reasons) = faulty(|number, asked| {
        let answer = asked.answer();
        let (first, second) = answer.split_at(answer.len() / 2);
        let wait = if number % 5 == 2 { 90 } else { 1 };
        vec![(0, first.to_vec()), (wait, second.to_vec())]
    })
    .await;
    assert!(good > 4, "{good}");
    assert_eq!(reasons, [Reason::Timeout]);
}

#[tokio::test]
async fn no_value_is_invented() {
    let scripts: [Script; 6] = [
        // Too short, too long.
        |n, asked| vec![(0, asked.words(if n % 4 == 2 { 0 } else { asked.count }))],
        |n, asked| vec![(0, asked.words(asked.count + u16::from(n % 4 == 2)))],
        // Another transaction, another unit, another function.
        |n, asked| {
            let mut answer = asked.answer();
            answer[1] ^= u8::from(n % 4 == 2);
            vec![(0, answer)]
        },
        |n, asked| {
            let mut answer = asked.answer();
            answer[6] ^= u8::from(n % 4 == 2);
            vec![(0, answer)]
        },
        |n, asked| {
            let mut answer = asked.answer();
            answer[7] ^= if n % 4 == 2 { 7 } else { 0 };
            vec![(0, answer)]
        },
        // The byte count promises more than there is.
        |n, asked| {
            let mut answer = asked.answer();
            answer[8] += if n % 4 == 2 { 2 } else { 0 };
            vec![(0, answer)]
        },
    ];
    for (at, script) in scripts.into_iter().enumerate() {
        let (good, reasons) = faulty(script).await;
        // `judge` has compared every value with what its register holds. A loaded machine may
        // add timeouts, and takes fewer turns.
        assert!(good > 3, "script {at}: {good}");
        assert!(
            reasons.contains(&Reason::BadReply),
            "script {at}: {reasons:?}"
        );
        assert!(
            reasons
                .iter()
                .all(|reason| [Reason::BadReply, Reason::Timeout].contains(reason)),
            "script {at}: {reasons:?}"
        );
    }
}

/// Values came, and what went wrong went wrong for this reason. A loaded machine may add
/// timeouts, and takes fewer turns.
fn only((good, reasons): (usize, Vec<Reason>), why: Reason) {
    assert!(good > 3, "{good}");
    assert!(reasons.contains(&why), "{reasons:?}");
    let others = reasons.iter().filter(|it| **it != why);
    assert!(
        others.into_iter().all(|it| *it == Reason::Timeout),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn an_unasked_answer_before_the_right_one_is_no_value() {
    let (good, reasons) = faulty(|n, asked| {
        let mut stale = asked.clone();
        stale.start += 7;
        stale.head[1] ^= 1;
        let bytes = [stale.answer(), asked.answer()].concat();
        vec![(0, if n % 4 == 2 { bytes } else { asked.answer() })]
    })
    .await;
    only((good, reasons), Reason::BadReply);
}

#[tokio::test]
async fn a_closed_connection_is_opened_again() {
    let (good, reasons) = faulty(|n, asked| {
        if n % 4 == 2 {
            return Vec::new();
        }
        vec![(0, asked.answer())]
    })
    .await;
    only((good, reasons), Reason::NotConnected);
}

#[tokio::test]
async fn exceptions_keep_the_connection_and_name_their_reason() {
    let (good, reasons) = faulty(|n, asked| {
        let codes = [4, 8, 99];
        let answer = match n % 4 {
            2 => asked.exception(codes[n / 4 % codes.len()]),
            _ => asked.answer(),
        };
        vec![(0, answer)]
    })
    .await;
    assert!(good > 20, "{good}");
    assert_eq!(reasons, [Reason::DeviceFailure, Reason::OtherException]);
}

#[tokio::test]
async fn a_busy_device_is_asked_again_and_nothing_is_lost() {
    let script: Script = |n, asked| {
        let answer = match n % 3 {
            1 => asked.exception(6),
            2 => asked.exception(5),
            _ => asked.answer(),
        };
        vec![(0, answer)]
    };
    let mut one = unit(1, &[7]);
    one.interval_ms = 300;
    let readings = collect(vec![one], script, Duration::from_millis(1_500)).await;
    let (good, reasons) = judge(&readings, &[7]);
    assert!(good >= 3, "{good}");
    assert_eq!(reasons, []);
}

#[tokio::test]
async fn one_that_stays_busy_is_so() {
    let script: Script = |_, asked| vec![(0, asked.exception(6))];
    let mut one = unit(1, &[7]);
    one.interval_ms = 500;
    let readings = collect(vec![one], script, Duration::from_millis(900)).await;
    assert_eq!(judge(&readings, &[7]), (0, vec![Reason::DeviceBusy]));
}

/// Also what is left of a split is not asked for in each cycle.
#[tokio::test]
async fn what_a_device_does_not_have_is_left_in_peace() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let script: Script = |_, asked| {
        let is_there = asked.start == 10 && asked.count == 1;
        if !is_there {
            ASKED.fetch_add(1, Ordering::Relaxed);
        }
        let code = if asked.function == 3 { 2 } else { 1 };
        vec![(
            0,
            if is_there {
                asked.answer()
            } else {
                asked.exception(code)
            },
        )]
    };
    let mut one = unit(1, &[10, 12, 30]);
    one.points[2].register.table = Table::Input;
    let readings = collect(vec![one], script, Duration::from_millis(600)).await;
    let (good, reasons) = judge(&readings, &[10, 12, 30]);
    assert!(good > 10, "{good}");
    assert_eq!(reasons, [Reason::IllegalFunction, Reason::IllegalAddress]);
    // The block of two, the bad half, and the function that is not there: once each.
    assert_eq!(ASKED.load(Ordering::Relaxed), 3);
    let (there, gone) = (readings[&100].len(), readings[&102].len());
    assert!(there.abs_diff(gone) <= 1, "{there} and {gone}");
}

#[tokio::test]
async fn a_device_is_left_in_peace_between_requests() {
    let script: Script = |_, asked| vec![(0, asked.answer())];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let device = tokio::spawn(device(listener, script, Framing::Tcp));
    let mut slow = line(address, vec![unit(1, &FAR)]);
    slow.pause = Duration::from_millis(100);
    let readings = collect_from(slow, Duration::from_millis(1_000)).await;
    device.abort();
    let (good, _) = judge(&readings, &FAR);
    assert!((2..=10).contains(&good), "{good} reads in a second");
}

/// The rest is that unit's own: the others of its line are asked meanwhile.
#[tokio::test]
async fn a_unit_has_its_own_peace_after_each_reply() {
    static ASKED: Mutex<Vec<(u8, Instant)>> = Mutex::new(Vec::new());
    let script: Script = |_, asked| {
        let now = Instant::now();
        ASKED.lock().unwrap().push((asked.unit(), now));
        vec![(0, asked.answer())]
    };
    let mut slow = unit(1, &FAR);
    slow.pause = Duration::from_millis(100);
    collect(
        vec![slow, unit(2, &FAR)],
        script,
        Duration::from_millis(1_500),
    )
    .await;
    let asked = ASKED.lock().unwrap().clone();
    let of = |unit| {
        let times = asked.iter().filter(move |(it, _)| *it == unit);
        times.map(|(_, at)| *at).collect::<Vec<_>>()
    };
    let (slow, quick) = (of(1), of(2));
    assert!(slow.len() >= 4, "{}", slow.len());
    let least = slow.windows(2).map(|pair| pair[1] - pair[0]).min();
    // The clock of the poller counts whole milliseconds.
    assert!(least >= Some(Duration::from_millis(98)), "{least:?}");
    let (slow, quick) = (slow.len(), quick.len());
    assert!(quick > slow * 2, "{quick} and {slow}");
}

#[tokio::test]
async fn a_bad_register_costs_only_its_own_point() {
    let addresses = [10, 11, 12, 13, 15, 20];
    let script: Script = |_, asked| {
        let span = asked.start..asked.start + asked.count;
        let answer = if span.contains(&13) {
            asked.exception(2)
        } else {
            asked.answer()
        };
        vec![(0, answer)]
    };
    let span = Duration::from_millis(300);
    let readings = collect(vec![unit(1, &addresses)], script, span).await;
    let (good, reasons) = judge(&readings, &addresses);
    assert!(good > 20, "{good}");
    assert_eq!(reasons, [Reason::IllegalAddress]);
    for (point, readings) in readings.range(..LINE) {
        // From the first cycle on: the split is done within it.
        let is_bad = *point == 103;
        assert!(
            readings.iter().all(|r| r.value().is_none() == is_bad),
            "{point}"
        );
    }
}

#[tokio::test]
async fn a_silent_unit_backs_off_alone() {
    let script: Script = |_, asked| match asked.unit() {
        1 => vec![(0, asked.answer())],
        _ => vec![(200, Vec::new())],
    };
    let units = vec![unit(1, &FAR), unit(2, &FAR)];
    let readings = collect(units, script, Duration::from_millis(900)).await;
    let (good, reasons) = judge(&readings, &FAR);
    assert_eq!(reasons, [Reason::Timeout]);
    // 45 cycles of two points fit; the silent unit costs one time-out.
    assert!(good > 40, "{good}");
    // The silent unit's points are bad once an interval, not once a second.
    assert!(readings[&200].len() > 20, "{}", readings[&200].len());
}

#[tokio::test]
async fn without_a_connection_every_point_is_bad_once_an_interval() {
    let line = line(nobody().await, vec![unit(1, &FAR)]);
    let readings = collect_from(line, Duration::from_millis(400)).await;
    let (good, reasons) = judge(&readings, &FAR);
    assert_eq!((good, reasons), (0, vec![Reason::NotConnected]));
    let count = readings[&100].len();
    assert!((10..=21).contains(&count), "{count}");
}

#[tokio::test]
async fn every_point_is_bad_once_an_interval_while_nothing_fits() {
    // It takes connections and ends them at the first question.
    let script: Script = |_, _| Vec::new();
    let units = vec![unit(1, &FAR), unit(2, &FAR)];
    let readings = collect(units, script, Duration::from_millis(900)).await;
    let (good, reasons) = judge(&readings, &FAR);
    assert_eq!(good, 0);
    assert!(reasons.contains(&Reason::NotConnected), "{reasons:?}");
    for point in [100, 101, 200, 201] {
        let count = readings.get(&point).map_or(0, Vec::len);
        assert!((20..=46).contains(&count), "{count} of point {point}");
    }
}
