//! A network that fails on demand: a relay that cuts, holds, swallows and slows, and that
//! speaks enough Modbus to spoil replies.
//!
//! What must stay true, or the truth of a test is not the truth: bytes are held back, doubled
//! or lost, junk stands beside a reply, and a reply may claim to be another unit's or another
//! function's, or hold less; but no byte of a value is ever changed, and where something is
//! answered (or nothing) in the device's place, the device serves nothing.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::port;

mod reach;
mod spoil;
mod way;

pub use spoil::Spoil;

/// How often it is looked whether the weather has changed.
const LOOK: Duration = Duration::from_millis(20);

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
    /// What is asked goes through; answers come later, in their order.
    Held,
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
    /// Its near end: where to connect to instead, or where a modem dials in.
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
    /// A network: a connection has two ends, and ends with either.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start(to: u16) -> Self {
        Self::listening(move |near, sky| reach::through(near, to, sky))
    }

    /// A bus behind a serial server: the connection stays, whatever becomes of the devices.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn bus(to: u16) -> Self {
        Self::listening(move |near, sky| reach::bus(&near, to, way::Bus { beat: None }, sky))
    }

    /// A modem with a bus behind it: it dials in where a collector listens, says who it is, and
    /// goes on saying that it is there.
    #[must_use]
    pub fn modem(dials: u16, register: &'static str, heartbeat: &'static str, to: u16) -> Self {
        let proxy = Self::under(Sky::clear(), dials);
        let sky = proxy.sky.clone();
        std::thread::spawn(move || reach::dial(dials, register, heartbeat, to, &sky));
        proxy
    }

    fn listening(reach: impl Fn(std::net::TcpStream, &Arc<Sky>) + Clone + Send + 'static) -> Self {
        let port = port::free();
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let proxy = Self::under(Sky::clear(), port);
        let sky = proxy.sky.clone();
        std::thread::spawn(move || reach::accept(&listener, &reach, &sky));
        proxy
    }

    const fn under(sky: Arc<Sky>, port: u16) -> Self {
        Self { port, sky }
    }

    /// Changes the weather.
    ///
    /// # Panics
    /// When a relay has panicked.
    pub fn set(&self, weather: Weather) {
        *self.sky.weather.lock().unwrap() = weather;
    }
}

impl Sky {
    fn clear() -> Arc<Self> {
        Arc::new(Self {
            weather: Mutex::new(Weather::Clear),
            is_over: AtomicBool::new(false),
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.sky.is_over.store(true, Ordering::Relaxed);
    }
}
