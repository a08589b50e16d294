//! A path that gives everything in its order, but stalls now and then, as a mobile network
//! does: replies come late, in bunches, and look like replies to what is asked meanwhile.
//! What was read must be the block that was asked for, and of the moment at which it was.

use std::sync::Mutex;
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_serial::{SerialPort as _, SerialStream};

use super::super::super::port::{DataBits, Parity, Serial, StopBits};
use super::*;

/// What the path takes when it does not stall.
const LATENCY: Duration = Duration::from_millis(4);
const SPAN: Duration = Duration::from_secs(20);
const LATE_TIMEOUT: Duration = Duration::from_millis(100);
/// Longest stall.
const STALL_MAX: Duration = Duration::from_millis(2_500);
/// How long a device is off that is switched on late: longer than it takes to try its proofs.
const OFF: Duration = Duration::from_secs(4);
/// Set in the registers from 500 on.
const FAR_BIT: u16 = 0x8000;

/// When the path stalls, and for how long: until so many more requests came in vain, and then
/// a little longer, so that what was held back comes while the last of them waits.
struct Stalls {
    /// Until when nobody hears anything.
    on_at: Instant,
    dice: Dice,
    free: u64,
}

impl Stalls {
    fn new() -> Self {
        Self {
            on_at: Instant::now(),
            dice: Dice::new(5),
            free: 10,
        }
    }

    /// Of a device that is still off.
    fn off_at_first() -> Self {
        Self {
            on_at: Instant::now() + OFF,
            ..Self::new()
        }
    }

    /// One more reply; how many more are held back with it, if the path stalls.
    fn stall(&mut self) -> Option<u64> {
        if self.free > 0 {
            self.free -= 1;
            return None;
        }
        self.free = 15 + self.dice.roll() % 20;
        Some(1 + self.dice.roll() % 3)
    }
}

/// Hundredths of seconds, and which block it is.
fn held(epoch: Instant, asked: &Asked) -> Vec<u8> {
    let time = u16::try_from(epoch.elapsed().as_millis() / 10).unwrap() & !FAR_BIT;
    let word = time | if asked.start >= FAR[1] { FAR_BIT } else { 0 };
    let words = usize::from(asked.count);
    // Bits come in whole bytes.
    let bytes = if asked.function < 3 {
        vec![0; words.div_ceil(8)]
    } else {
        word.to_be_bytes().repeat(words)
    };
    let mut pdu = vec![asked.function, u8::try_from(bytes.len()).unwrap()];
    pdu.extend(bytes);
    asked.framed(&pdu)
}

/// A device behind the path, until the stream ends.
async fn behind<S>(stream: S, framing: Framing, epoch: Instant, stalls: Arc<Mutex<Stalls>>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut from, mut to) = tokio::io::split(stream);
    let on_at = stalls.lock().unwrap().on_at;
    let (replies, mut waiting) = mpsc::channel::<Vec<u8>>(64);
    let sending = tokio::spawn(async move {
        while let Some(reply) = waiting.recv().await {
            let mut held = vec![reply];
            let more = stalls.lock().unwrap().stall();
            let end = tokio::time::Instant::now() + STALL_MAX;
            for _ in 0..more.unwrap_or(0) {
                match tokio::time::timeout_at(end, waiting.recv()).await {
                    Ok(Some(reply)) => held.push(reply),
                    _ => break,
                }
            }
            if more.is_some() {
                tokio::time::sleep(LATE_TIMEOUT / 4).await;
            }
            for reply in held {
                tokio::time::sleep(LATENCY).await;
                if to.write_all(&reply).await.is_err() {
                    return;
                }
            }
        }
    });
    while let Some(asked) = ask(&mut from, framing).await {
        if Instant::now() >= on_at {
            replies.send(held(epoch, &asked)).await.unwrap();
        }
    }
    sending.abort();
}

fn two_blocks() -> Vec<Unit> {
    let mut one = unit(1, &FAR);
    one.interval_ms = 40;
    vec![one]
}

/// Reads the line, and looks at each value: its block, and its age.
async fn judged(mut line: Line, epoch: Instant) {
    line.timeout = LATE_TIMEOUT;
    let (reports, mut inbox) = mpsc::channel(64);
    let out = Outlet::new(SourceId(0), reports, Status::default().source("plc"));
    let poller = tokio::spawn(super::super::super::run(
        line,
        Arc::new(ReadClock::start(None)),
        out,
        1,
    ));
    let (mut good, mut bad, mut wrong, mut stale) = (0, 0, 0, 0);
    let end = tokio::time::Instant::now() + SPAN;
    while let Ok(Some(report)) = tokio::time::timeout_at(end, inbox.recv()).await {
        let now = u16::try_from(epoch.elapsed().as_millis() / 10).unwrap();
        let Report::Reads(_, reads) = report else {
            continue;
        };
        for (point, sample) in reads.samples {
            let Reading::Good(Value::U64(word)) = sample.reading else {
                bad += u32::from(point < LINE);
                continue;
            };
            let word = u16::try_from(word).unwrap();
            good += 1;
            wrong += u32::from((word & FAR_BIT != 0) != (point == 101));
            // A time-out, and what a loaded machine adds.
            stale += u32::from(now - (word & !FAR_BIT) > 15);
        }
    }
    poller.abort();
    assert_eq!((wrong, stale), (0, 0), "of {good} good, {bad} bad");
    assert!(good >= 50, "{good} good, {bad} bad");
    assert!(bad >= 5, "{good} good, {bad} bad: the path stalled");
}

/// Takes calls, and has a device behind each.
fn listening(
    listener: TcpListener,
    framing: Framing,
    epoch: Instant,
    stalls: Stalls,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let stalls = Arc::new(Mutex::new(stalls));
        let mut calls = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            calls.spawn(behind(stream, framing, epoch, stalls.clone()));
        }
    })
}

async fn called(stalls: Stalls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let epoch = Instant::now();
    let framing = Framing::Rtu;
    let device = listening(listener, framing, epoch, stalls);
    let mut line = line(address.clone(), two_blocks());
    line.way.port = Port::Tcp { address, framing };
    judged(line, epoch).await;
    device.abort();
}

#[tokio::test]
async fn what_a_stalling_network_holds_back_is_no_value_over_tcp() {
    called(Stalls::new()).await;
}

/// That it was not there says nothing of what it can answer.
#[tokio::test]
async fn what_is_held_back_of_a_device_that_was_off_at_the_start_is_no_value() {
    called(Stalls::off_at_first()).await;
}

async fn dialled_in(framing: Framing) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = listener.local_addr().unwrap();
    let mut line = line(String::new(), two_blocks());
    line.way.port = Port::DialIn(DialIn {
        listen,
        id: b"DTU-7".to_vec(),
        heartbeat: None,
        framing,
    });
    let exchange = Arc::new(dial_in::Exchange::default());
    line.way.caller = Some(exchange.expect(b"DTU-7"));
    let serving = tokio::spawn(exchange.serve(listener));
    let epoch = Instant::now();
    let modem = tokio::spawn(async move {
        let stalls = Arc::new(Mutex::new(Stalls::new()));
        loop {
            let mut stream = TcpStream::connect(listen).await.unwrap();
            stream.write_all(b"DTU-7").await.unwrap();
            behind(stream, framing, epoch, stalls.clone()).await;
        }
    });
    judged(line, epoch).await;
    serving.abort();
    modem.abort();
}

#[tokio::test]
async fn what_a_stalling_network_holds_back_is_no_value_from_a_modem() {
    dialled_in(Framing::Rtu).await;
}

#[tokio::test]
async fn what_a_stalling_network_holds_back_is_no_value_from_a_modem_with_numbers() {
    dialled_in(Framing::Tcp).await;
}

#[tokio::test]
async fn what_a_stalling_line_holds_back_is_no_value() {
    let (far, near) = SerialStream::pair().unwrap();
    let mut line = line(String::new(), two_blocks());
    line.way.port = Port::Serial(Serial {
        path: near.name().unwrap(),
        baud: 115_200,
        data_bits: DataBits::Eight,
        parity: Parity::None,
        stop_bits: StopBits::One,
    });
    let epoch = Instant::now();
    let stalls = Arc::new(Mutex::new(Stalls::new()));
    let device = tokio::spawn(behind(far, Framing::Rtu, epoch, stalls));
    judged(line, epoch).await;
    device.abort();
    drop(near);
}

/// No number comes twice on a line, however often it is opened anew.
#[tokio::test]
async fn numbers_go_on_over_connections() {
    static SEEN: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let script: Script = |number, asked| {
        SEEN.lock().unwrap().push(asked.head[..2].to_vec());
        let is_end = number % 300 == 299;
        if is_end {
            return Vec::new();
        }
        vec![(0, asked.answer())]
    };
    let mut one = unit(1, &FAR);
    one.interval_ms = 1;
    collect(vec![one], script, Duration::from_secs(3)).await;
    let seen = SEEN.lock().unwrap();
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert!(seen.len() > 600, "{}", seen.len());
    assert_eq!(once.len(), seen.len());
}
