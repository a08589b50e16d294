//! What can go wrong, dealt so that all of it does.

use fastrand::Rng;
use fenghuo_e2e::proxy::{Framing, Spoil, Weather};

use super::plant::{ON_A_DISK, PLANTS, Plant};

/// A network that fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Net {
    /// Between a plant's collector and the server's broker.
    Server(usize),
    /// Between the collector with two destinations and the county's broker.
    County,
    /// Between a line of a plant and its collector.
    Line(usize, usize),
    /// Between the field's broker and its collector.
    Field,
    /// Between the field's devices and their broker.
    Devices,
}

/// What a fault strikes; one at a time strikes the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Broker,
    Server,
    County,
    Collector(usize),
    Disk,
    Clock,
    Net(Net),
    Plc(usize, usize),
    Cable(usize, usize),
    FieldBroker,
    Devices,
}

/// Something that goes wrong, and is well again later. What is killed is killed with `kill -9`,
/// what is stopped with SIGTERM.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    BrokerKilled,
    ServerKilled,
    ServerStopped,
    /// It must leave more of the disk free than there is.
    ServerFull,
    CountyKilled,
    CountyStopped,
    CollectorKilled(usize),
    CollectorStopped(usize),
    /// Another configuration, with another catalog, after a stop.
    CollectorChanged(usize),
    /// The same while it runs, by SIGHUP.
    CollectorReloaded(usize),
    /// There is no room for the spool.
    DiskFull,
    /// No file may grow, the log's neither.
    DiskRefuses,
    /// The disk comes back read-only after a stop: the collector does not run on it.
    DiskReadOnly,
    /// Bytes of the spool are others after a kill.
    SpoolDamaged,
    /// The wall clock is so many milliseconds ahead, and then right again.
    ClockSet(i64),
    Net(Net, Weather),
    /// `kill -9` of a line's PLC.
    PlcRebooted(usize, usize),
    /// The serial adapter is pulled out.
    CablePulled(usize, usize),
    FieldBrokerKilled,
    DevicesKilled,
}

impl Fault {
    /// What it strikes.
    pub fn targets(self) -> Vec<Target> {
        let target = match self {
            // Nobody makes room on a disk that can only be read, and a new catalog needs room.
            Self::DiskReadOnly | Self::CollectorReloaded(ON_A_DISK) => {
                return vec![Target::Collector(ON_A_DISK), Target::Disk];
            }
            Self::BrokerKilled => Target::Broker,
            Self::ServerKilled | Self::ServerStopped | Self::ServerFull => Target::Server,
            Self::CountyKilled | Self::CountyStopped => Target::County,
            Self::CollectorKilled(at)
            | Self::CollectorStopped(at)
            | Self::CollectorChanged(at)
            | Self::CollectorReloaded(at) => Target::Collector(at),
            Self::DiskRefuses | Self::SpoolDamaged => Target::Collector(ON_A_DISK),
            Self::DiskFull => Target::Disk,
            Self::ClockSet(_) => Target::Clock,
            Self::Net(net, _) => Target::Net(net),
            Self::PlcRebooted(at, line) => Target::Plc(at, line),
            Self::CablePulled(at, line) => Target::Cable(at, line),
            Self::FieldBrokerKilled => Target::FieldBroker,
            Self::DevicesKilled => Target::Devices,
        };
        vec![target]
    }
}

/// Replies that are late, but in time; and later than the collector waits.
const LATE_MS: u16 = 700;
const TOO_LATE_MS: u16 = 1_500;
/// Exceptions: wrong address, failure, acknowledge, busy, no path, no target.
const EXCEPTIONS: [u8; 6] = [2, 4, 5, 6, 10, 11];
/// Bytes a second of a bad link.
const SLOW: usize = 4_000;
/// How far a clock is set: within what a collector takes for right.
const CLOCK_MS: std::ops::Range<i64> = 2_000..CLOCK_MS_MAX;
pub const CLOCK_MS_MAX: i64 = 120_000;

const WEATHERS: [Weather; 4] = [
    Weather::Cut,
    Weather::Stall,
    Weather::Hole,
    Weather::Slow(SLOW),
];

/// Every fault comes once before any comes again.
#[derive(Debug, Default)]
pub struct Deck(Vec<Fault>);

impl Deck {
    /// The next fault that strikes what is well now, if there is one.
    pub fn draw(&mut self, rng: &mut Rng, is_well: impl Fn(Target) -> bool) -> Option<Fault> {
        if self.0.is_empty() {
            self.0 = all(rng);
            rng.shuffle(&mut self.0);
        }
        let is_free = |fault: &Fault| fault.targets().into_iter().all(&is_well);
        let at = self.0.iter().rposition(is_free)?;
        Some(self.0.remove(at))
    }
}

fn all(rng: &mut Rng) -> Vec<Fault> {
    let mut all = vec![
        Fault::BrokerKilled,
        Fault::BrokerKilled,
        Fault::ServerKilled,
        Fault::ServerKilled,
        Fault::ServerStopped,
        Fault::ServerFull,
        Fault::CountyKilled,
        Fault::CountyStopped,
        Fault::DiskFull,
        Fault::DiskRefuses,
        Fault::DiskReadOnly,
        Fault::SpoolDamaged,
        Fault::ClockSet(rng.i64(CLOCK_MS)),
        Fault::ClockSet(rng.i64(CLOCK_MS)),
        Fault::ClockSet(-rng.i64(CLOCK_MS)),
        Fault::FieldBrokerKilled,
        Fault::FieldBrokerKilled,
        Fault::DevicesKilled,
    ];
    for net in [Net::County, Net::Field, Net::Devices] {
        all.extend(WEATHERS.map(|weather| Fault::Net(net, weather)));
    }
    for (at, plant) in PLANTS.iter().enumerate() {
        all.extend([Fault::CollectorKilled(at), Fault::CollectorStopped(at)]);
        all.extend(WEATHERS.map(|weather| Fault::Net(Net::Server(at), weather)));
        if !plant.lines.is_empty() {
            all.extend([Fault::CollectorChanged(at), Fault::CollectorReloaded(at)]);
        }
        for line in 0..plant.lines.len() {
            all.extend(of_line(at, plant, line, rng));
        }
    }
    all
}

fn of_line(at: usize, plant: &Plant, line: usize, rng: &mut Rng) -> Vec<Fault> {
    let kind = plant.lines[line];
    let mut weathers = WEATHERS.to_vec();
    if kind.is_pulled() {
        // A cable that is cut is one that is pulled out.
        weathers.retain(|weather| *weather != Weather::Cut);
    }
    let unit = plant.units(line)[rng.usize(0..2)];
    // What makes an older reply look like the one to the newest request.
    weathers.extend([Weather::Held; 2]);
    let previous = (kind.framing() == Framing::Tcp).then_some(Spoil::Previous);
    let spoils = spoils(unit, rng).into_iter().chain(previous);
    let spoilt = |spoil| Weather::Spoilt(spoil, kind.framing());
    weathers.extend(spoils.map(spoilt));
    let net = Net::Line(at, line);
    let mut all: Vec<_> = weathers
        .into_iter()
        .map(|weather| Fault::Net(net, weather))
        .collect();
    all.push(Fault::PlcRebooted(at, line));
    all.extend(kind.is_pulled().then_some(Fault::CablePulled(at, line)));
    all
}

fn spoils(unit: u8, rng: &mut Rng) -> [Spoil; 12] {
    [
        Spoil::Late(LATE_MS),
        Spoil::Late(TOO_LATE_MS),
        Spoil::JunkBefore,
        Spoil::JunkBehind,
        Spoil::Twice,
        Spoil::Half,
        Spoil::ByteByByte,
        Spoil::WrongUnit,
        Spoil::WrongFunction,
        Spoil::Fewer,
        Spoil::Exception(EXCEPTIONS[rng.usize(0..EXCEPTIONS.len())]),
        Spoil::Dead(unit),
    ]
}
