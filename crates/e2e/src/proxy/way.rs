//! One way of a connection, and what the weather does to the bytes on it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{LOOK, Sky, Spoil, Weather};

/// Bytes taken at once. A Modbus message comes in one piece.
const CHUNK: usize = 4_096;
/// Bytes that are handed on at once where it is slow.
const DROP_BYTES: usize = 256;
/// Between two signs of life of a modem.
const BEAT_EVERY: Duration = Duration::from_secs(3);

/// The far end is a bus: what is lost on it is lost, and the next message may come through.
#[derive(Clone, Copy, Debug)]
pub struct Bus {
    /// What its modem says now and then, so that the call is not taken for dead.
    pub beat: Option<&'static str>,
}

/// Which end of a connection went first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    Near,
    Far,
}

/// Two ends that are joined.
struct Pair<'a> {
    near: &'a TcpStream,
    far: &'a TcpStream,
    bus: Option<Bus>,
    sky: &'a Sky,
    /// Bytes were swallowed, which a connection does not survive, whatever the weather.
    is_hole: AtomicBool,
    /// The reply that was held back last.
    before: Mutex<Vec<u8>>,
    ended: Mutex<Option<Ended>>,
}

/// Hands bytes on both ways until an end has gone. The far end is gone then, and the near one if
/// it was the first.
pub fn join(
    near: &TcpStream,
    far: &TcpStream,
    bus: Option<Bus>,
    sky: &Arc<Sky>,
) -> std::io::Result<Ended> {
    for stream in [near, far] {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
    }
    let pair = Pair {
        near,
        far,
        bus,
        sky,
        is_hole: AtomicBool::new(false),
        before: Mutex::default(),
        ended: Mutex::new(None),
    };
    std::thread::scope(|scope| {
        scope.spawn(|| pair.pump(Ended::Near));
        pair.pump(Ended::Far);
    });
    shut(far);
    let ended = pair.ended.into_inner().unwrap();
    Ok(ended.unwrap_or(Ended::Near))
}

/// Takes what comes, for nobody.
pub fn swallow(mut from: &TcpStream) -> std::io::Result<()> {
    from.set_nonblocking(false)?;
    from.set_read_timeout(Some(LOOK))?;
    match from.read(&mut [0; CHUNK]) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(()),
        Err(error) if is_nothing_yet(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn shut(stream: &TcpStream) {
    // It may be gone already.
    drop(stream.shutdown(Shutdown::Both));
}

impl Pair<'_> {
    fn is_over(&self) -> bool {
        self.sky.is_over() || self.ended.lock().unwrap().is_some()
    }

    fn is_hole(&self) -> bool {
        self.is_hole.load(Ordering::Relaxed)
    }

    /// Reads at one end until one has gone.
    fn pump(&self, from: Ended) {
        let gone = match self.hand_on_from(from) {
            // Nobody may know that the other end of a hole has gone.
            Ok(()) if self.is_hole() && !self.sky.is_over() => return,
            Ok(()) => from,
            Err(Failure::Read) => from,
            Err(Failure::Write(to)) => to,
            Err(Failure::Cut) => Ended::Near,
        };
        self.ended.lock().unwrap().get_or_insert(gone);
    }

    fn end(&self, which: Ended) -> &TcpStream {
        match which {
            Ended::Near => self.near,
            Ended::Far => self.far,
        }
    }

    fn hand_on_from(&self, from: Ended) -> Result<(), Failure> {
        let (mut chunk, mut beaten) = ([0; CHUNK], Instant::now());
        while !self.is_over() {
            if self.sky.weather() == Weather::Cut {
                return Err(Failure::Cut);
            }
            match self.end(from).read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => self.hand_on(from, &chunk[..count])?,
                Err(error) if is_nothing_yet(&error) => {}
                Err(_) => return Err(Failure::Read),
            }
            let beat = self.bus.and_then(|bus| bus.beat);
            if let (Ended::Far, Some(words)) = (from, beat)
                && beaten.elapsed() >= BEAT_EVERY
            {
                beaten = Instant::now();
                self.hand_on(from, words.as_bytes())?;
            }
        }
        Ok(())
    }

    fn hand_on(&self, from: Ended, bytes: &[u8]) -> Result<(), Failure> {
        let is_held = |weather| match weather {
            Weather::Stall => true,
            Weather::Held => from == Ended::Far,
            _ => false,
        };
        while is_held(self.sky.weather()) && !self.is_over() {
            sleep(LOOK);
        }
        let weather = self.sky.weather();
        if weather == Weather::Hole {
            self.is_hole.store(self.bus.is_none(), Ordering::Relaxed);
        }
        if weather == Weather::Hole || self.is_hole() {
            return Ok(());
        }
        let other = match from {
            Ended::Near => Ended::Far,
            Ended::Far => Ended::Near,
        };
        match weather {
            Weather::Slow(per_second) => bytes.chunks(DROP_BYTES).try_for_each(|part| {
                sleep(Duration::from_secs_f64(
                    part.len() as f64 / per_second as f64,
                ));
                self.write(other, part)
            }),
            Weather::Spoilt(spoil, framing) if from == Ended::Near => {
                match spoil.instead(framing, bytes) {
                    Some(reply) => self.write(from, &reply),
                    None => self.write(other, bytes),
                }
            }
            Weather::Spoilt(spoil, framing) => {
                sleep(spoil.delay());
                self.answer(spoil, &spoil.reply(framing, bytes))
            }
            Weather::Clear | Weather::Cut | Weather::Stall | Weather::Held | Weather::Hole => {
                self.write(other, bytes)
            }
        }
    }

    /// A reply that is spoilt already, at the pace and in the order that belong to it.
    fn answer(&self, spoil: Spoil, reply: &[u8]) -> Result<(), Failure> {
        match spoil {
            Spoil::ByteByByte => reply.iter().try_for_each(|byte| {
                sleep(Duration::from_millis(1));
                self.write(Ended::Near, &[*byte])
            }),
            Spoil::Previous => {
                let before = std::mem::replace(&mut *self.before.lock().unwrap(), reply.to_vec());
                self.write(Ended::Near, &before)
            }
            _ => self.write(Ended::Near, reply),
        }
    }

    fn write(&self, to: Ended, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.end(to).write_all(bytes);
        written.map_err(|_| Failure::Write(to))
    }
}

/// Why bytes are not handed on any more.
enum Failure {
    Read,
    Write(Ended),
    Cut,
}

fn is_nothing_yet(error: &std::io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
