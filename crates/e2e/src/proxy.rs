//! A network that fails on demand: a TCP relay that cuts, holds, swallows and slows, and that
//! speaks enough Modbus to spoil replies.
//!
//! What must stay true, or the truth of a test is not the truth: bytes are held back, doubled
//! or lost, and junk stands beside a reply, but no byte of a payload is ever changed; and an
//! exception is answered in the device's place, so the device serves nothing then.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use crate::port;

mod spoil;

pub use spoil::Spoil;

/// How often a pump looks whether the weather has changed.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes taken at once. A Modbus message comes in one piece.
const CHUNK: usize = 4_096;
/// Bytes that are handed on at once where it is slow.
const DROP_BYTES: usize = 256;

/// What Modbus messages look like there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// With a head.
    Tcp,
    /// With a checksum.
    Rtu,
}

/// What happens to connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weather {
    /// Nothing.
    Clear,
    /// They end, and new ones end at once.
    Cut,
    /// Nothing moves; it all comes later.
    Stall,
    /// Both ends think that they are connected, for ever; bytes go nowhere.
    Hole,
    /// So many bytes a second.
    Slow(usize),
    /// What a device answers is spoilt.
    Spoilt(Spoil, Framing),
}

/// A relay to a port of this machine.
#[derive(Debug)]
pub struct Proxy {
    /// Where to connect to instead.
    pub port: u16,
    sky: Arc<Sky>,
}

#[derive(Debug)]
struct Sky {
    weather: Mutex<Weather>,
    is_over: AtomicBool,
}

impl Sky {
    fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl Proxy {
    /// Begins with clear weather.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start(to: u16) -> Self {
        let sky = Arc::new(Sky {
            weather: Mutex::new(Weather::Clear),
            is_over: AtomicBool::new(false),
        });
        let port = port::free();
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let shared = sky.clone();
        std::thread::spawn(move || accept(&listener, to, &shared));
        Self { port, sky }
    }

    /// Changes the weather.
    ///
    /// # Panics
    /// When a pump has panicked.
    pub fn set(&self, weather: Weather) {
        *self.sky.weather.lock().unwrap() = weather;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.sky.is_over.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, to: u16, sky: &Arc<Sky>) {
    while !sky.is_over() {
        match listener.accept() {
            Ok((near, _)) => relay(near, to, sky),
            Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(LOOK),
            Err(error) => eprintln!("proxy: {error}"),
        }
    }
}

/// Both ways of a connection; nothing when it is cut, or nobody listens beyond.
fn relay(near: TcpStream, to: u16, sky: &Arc<Sky>) {
    if sky.weather() == Weather::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else {
        return;
    };
    let is_hole = Arc::new(AtomicBool::new(false));
    let Ok(ways) = Way::both(near, far, sky, &is_hole) else {
        return;
    };
    for way in ways {
        std::thread::spawn(move || {
            // An end of the connection has gone; so does the other, unless nobody may know.
            if way.pump().is_err() || !way.is_hole() {
                way.end();
            }
        });
    }
}

/// One way of a connection.
struct Way {
    from: TcpStream,
    to: TcpStream,
    /// Whether requests come this way, and not replies.
    is_asking: bool,
    sky: Arc<Sky>,
    is_hole: Arc<AtomicBool>,
}

impl Way {
    fn both(
        near: TcpStream,
        far: TcpStream,
        sky: &Arc<Sky>,
        is_hole: &Arc<AtomicBool>,
    ) -> std::io::Result<[Self; 2]> {
        for stream in [&near, &far] {
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LOOK))?;
        }
        let way = |from: &TcpStream, to: &TcpStream, is_asking| {
            Ok::<_, std::io::Error>(Self {
                from: from.try_clone()?,
                to: to.try_clone()?,
                is_asking,
                sky: sky.clone(),
                is_hole: is_hole.clone(),
            })
        };
        Ok([way(&near, &far, true)?, way(&far, &near, false)?])
    }

    fn is_hole(&self) -> bool {
        self.is_hole.load(Ordering::Relaxed)
    }

    fn end(&self) {
        for stream in [&self.from, &self.to] {
            // It may be gone already.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Hands bytes on until an end has gone.
    fn pump(&self) -> std::io::Result<()> {
        let mut chunk = [0; CHUNK];
        while !self.sky.is_over() {
            if self.sky.weather() == Weather::Cut {
                return Err(ErrorKind::ConnectionAborted.into());
            }
            let count = match (&self.from).read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if is_nothing_yet(&error) => continue,
                Err(error) => return Err(error),
            };
            self.hand_on(&chunk[..count])?;
        }
        Ok(())
    }

    fn hand_on(&self, bytes: &[u8]) -> std::io::Result<()> {
        while self.sky.weather() == Weather::Stall && !self.sky.is_over() {
            sleep(LOOK);
        }
        let weather = self.sky.weather();
        if weather == Weather::Hole {
            self.is_hole.store(true, Ordering::Relaxed);
        }
        if self.is_hole() {
            return Ok(());
        }
        match weather {
            Weather::Slow(per_second) => {
                for part in bytes.chunks(DROP_BYTES) {
                    sleep(Duration::from_secs_f64(
                        part.len() as f64 / per_second as f64,
                    ));
                    (&self.to).write_all(part)?;
                }
                Ok(())
            }
            Weather::Spoilt(spoil, framing) if self.is_asking => {
                match spoil.instead(framing, bytes) {
                    Some(reply) => (&self.from).write_all(&reply),
                    None => (&self.to).write_all(bytes),
                }
            }
            Weather::Spoilt(spoil, _) => {
                sleep(spoil.delay());
                (&self.to).write_all(&spoil.reply(bytes))
            }
            Weather::Clear | Weather::Cut | Weather::Stall | Weather::Hole => {
                (&self.to).write_all(bytes)
            }
        }
    }
}

fn is_nothing_yet(error: &std::io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
