//! What can go wrong, dealt so that all of it does.

use fastrand::Rng;
use fenghuo_e2e::proxy::{Spoil, Weather};

use super::world::{FRAMINGS, PLANTS};

/// What a fault strikes; one at a time strikes the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Broker,
    Server,
    Collector(usize),
    Device(usize),
    Link(usize),
}

/// Something that goes wrong, and is well again later.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// `kill -9`.
    BrokerKilled,
    /// `kill -9`.
    ServerKilled,
    /// SIGTERM.
    ServerStopped,
    /// It must leave more of the disk free than there is.
    ServerFull,
    /// `kill -9`.
    CollectorKilled(usize),
    /// SIGTERM.
    CollectorStopped(usize),
    /// Another configuration, with another catalog.
    CollectorChanged(usize),
    /// `kill -9` of the PLC.
    DeviceRebooted(usize),
    /// Between PLC and collector.
    Device(usize, Weather),
    /// Between collector and broker.
    Link(usize, Weather),
}

impl Fault {
    pub const fn target(self) -> Target {
        match self {
            Self::BrokerKilled => Target::Broker,
            Self::ServerKilled | Self::ServerStopped | Self::ServerFull => Target::Server,
            Self::CollectorKilled(at) | Self::CollectorStopped(at) | Self::CollectorChanged(at) => {
                Target::Collector(at)
            }
            Self::DeviceRebooted(at) | Self::Device(at, _) => Target::Device(at),
            Self::Link(at, _) => Target::Link(at),
        }
    }
}

/// Replies that are late, but in time; and later than the collector waits.
const LATE_MS: u16 = 700;
const TOO_LATE_MS: u16 = 1_500;
/// Exceptions: wrong address, failure, acknowledge, busy, no path, no target.
const EXCEPTIONS: [u8; 6] = [2, 4, 5, 6, 10, 11];
/// Bytes a second of a bad link.
const SLOW: usize = 4_000;

/// Every fault comes once before any comes again.
#[derive(Debug, Default)]
pub struct Deck(Vec<Fault>);

impl Deck {
    pub fn draw(&mut self, rng: &mut Rng) -> Fault {
        loop {
            if let Some(fault) = self.0.pop() {
                return fault;
            }
            self.0 = all(rng);
            rng.shuffle(&mut self.0);
        }
    }
}

fn all(rng: &mut Rng) -> Vec<Fault> {
    // As often as for each plant.
    let mut all = [
        Fault::BrokerKilled,
        Fault::ServerKilled,
        Fault::ServerStopped,
        Fault::ServerFull,
    ]
    .repeat(PLANTS);
    for (at, framing) in FRAMINGS.into_iter().enumerate() {
        all.extend([
            Fault::CollectorKilled(at),
            Fault::CollectorKilled(at),
            Fault::CollectorStopped(at),
            Fault::CollectorChanged(at),
            Fault::DeviceRebooted(at),
        ]);
        let weathers = [
            Weather::Cut,
            Weather::Stall,
            Weather::Hole,
            Weather::Slow(SLOW),
        ];
        all.extend(weathers.map(|weather| Fault::Link(at, weather)));
        all.extend(weathers.map(|weather| Fault::Device(at, weather)));
        all.extend(spoils(rng).map(|spoil| Fault::Device(at, Weather::Spoilt(spoil, framing))));
    }
    all
}

fn spoils(rng: &mut Rng) -> [Spoil; 8] {
    let mut exception = || Spoil::Exception(EXCEPTIONS[rng.usize(0..EXCEPTIONS.len())]);
    [
        Spoil::Late(LATE_MS),
        Spoil::Late(TOO_LATE_MS),
        Spoil::JunkBefore,
        Spoil::JunkBehind,
        Spoil::Twice,
        Spoil::Half,
        exception(),
        exception(),
    ]
}
