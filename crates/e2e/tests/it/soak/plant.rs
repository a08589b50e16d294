//! The plants: which devices there are, how they are reached, and what their collectors read.

use std::path::{Path, PathBuf};

use fenghuo_e2e::cable::Cable;
use fenghuo_e2e::collector::modbus_line;
use fenghuo_e2e::plc::{Over, Plc};
use fenghuo_e2e::point::{Point, Wave};
use fenghuo_e2e::port;
use fenghuo_e2e::proxy::{Framing, Proxy};

use crate::counted;

/// How long a device has to answer.
pub const TIMEOUT_MS: u32 = 1_000;
/// Counters in each of two blocks of one size: a reply to the question before shows as values
/// of the wrong block.
const COUNTERS: u16 = 15;
/// Where the second block begins: too far to be read along with the first.
const SECOND: u16 = 1_000;
/// The begin of its keys.
pub const SECOND_KEYS: &str = "count-b";
/// What a modem says.
const REGISTER: &str = "DTU-7";
const HEARTBEAT: &str = "HB";

/// How a line is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Tcp,
    /// A serial server.
    RtuOverTcp,
    /// A serial port of the gateway.
    Serial,
    /// A modem that dials in.
    DialIn,
}

impl Kind {
    pub const fn framing(self) -> Framing {
        match self {
            Self::Tcp => Framing::Tcp,
            Self::RtuOverTcp | Self::Serial | Self::DialIn => Framing::Rtu,
        }
    }

    /// Whether there is a cable that can be pulled out of the gateway.
    pub const fn is_pulled(self) -> bool {
        matches!(self, Self::Serial)
    }
}

/// A plant.
pub struct Plant {
    pub gateway: &'static str,
    pub lines: &'static [Kind],
}

pub const PLANTS: [Plant; 4] = [
    Plant {
        gateway: "oil/gw",
        lines: &[Kind::Tcp, Kind::RtuOverTcp],
    },
    Plant {
        gateway: "mine/gw",
        lines: &[Kind::Serial, Kind::DialIn],
    },
    Plant {
        gateway: "dust/gw",
        lines: &[],
    },
    Plant {
        gateway: "tank/gw",
        lines: &[Kind::Tcp],
    },
];
/// The plant whose spool is on a small disk of its own.
pub const ON_A_DISK: usize = 0;
/// The plant whose devices publish, and that delivers to the county as well.
pub const PUBLISHING: usize = 2;
/// The plant whose wall clock is set again and again.
pub const SET_CLOCK: usize = 3;

impl Plant {
    /// The live units of a line.
    pub fn units(&self, line: usize) -> [u8; 2] {
        let first = u8::try_from(line * 2 + 1).unwrap();
        [first, first + 1]
    }

    /// The unit of a line that was never there.
    fn absent(line: usize) -> u8 {
        u8::try_from(line + 101).unwrap()
    }

    /// What the devices of a line serve.
    pub fn points(&self, line: usize) -> Vec<Point> {
        let units = self.units(line).into_iter();
        units.flat_map(points_of).collect()
    }
}

fn points_of(unit: u8) -> Vec<Point> {
    let mut points = counted::points(unit, COUNTERS);
    points.extend((0..COUNTERS).map(|at| {
        let key = format!("u{unit}.{SECOND_KEYS}{at}");
        Point {
            unit,
            ..Point::new(&key, "holding", SECOND + at * 2, "u32").wave(Wave::Count)
        }
    }));
    // The block that is asked for first, beside the saw tooth.
    points.push(Point {
        unit,
        ..Point::new(&format!("u{unit}.count-c0"), "input", 8, "u32").wave(Wave::Count)
    });
    points
}

/// Key of the point of a unit that was never there.
pub fn absent_key(line: usize) -> String {
    format!("u{}.none", Plant::absent(line))
}

/// A line at work.
pub struct Line {
    pub plc: Plc,
    pub relay: Proxy,
    pub cable: Option<Cable>,
    kind: Kind,
}

impl Line {
    pub fn start(dir: &Path, plant: &Plant, line: usize) -> Self {
        let kind = plant.lines[line];
        let dir: PathBuf = dir.join(format!("{}-{line}", plant.gateway.replace('/', "-")));
        std::fs::create_dir_all(&dir).unwrap();
        let over = match kind.framing() {
            Framing::Tcp => Over::Tcp,
            Framing::Rtu => Over::RtuOverTcp,
        };
        let plc = Plc::start_over(over, &dir, &plant.points(line));
        let relay = match kind {
            Kind::Tcp => Proxy::start(plc.port),
            Kind::RtuOverTcp | Kind::Serial => Proxy::bus(plc.port),
            Kind::DialIn => Proxy::modem(port::free(), REGISTER, HEARTBEAT, plc.port),
        };
        let tty = || Cable::lay(dir.join("tty"), relay.port);
        let cable = kind.is_pulled().then(tty);
        Self {
            plc,
            relay,
            cable,
            kind,
        }
    }

    /// How a collector reaches it.
    fn keys(&self) -> String {
        let port = self.relay.port;
        let address = format!("\"127.0.0.1:{port}\"");
        match (self.kind, &self.cable) {
            (Kind::Tcp, _) => format!("address = {address}"),
            (Kind::RtuOverTcp, _) => format!("transport = \"rtu_over_tcp\"\naddress = {address}"),
            (Kind::DialIn, _) => format!(
                "transport = \"dial_in\"\nlisten = {address}\nregister = {REGISTER:?}\n\
                 heartbeat = {HEARTBEAT:?}"
            ),
            (Kind::Serial, Some(Cable { port, .. })) => {
                format!("transport = \"rtu\"\nport = {port:?}\nbaud = 115200\nparity = \"none\"")
            }
            (Kind::Serial, None) => panic!("a serial line has a cable"),
        }
    }
}

/// The `[[modbus]]` tables of a plant's lines.
pub fn sources(
    plant: &Plant,
    lines: &[Line],
    interval_ms: u32,
    is_read: impl Fn(&Point) -> bool,
) -> String {
    let lines = lines.iter().enumerate().map(|(at, line)| {
        let mut points = plant.points(at);
        points.retain(&is_read);
        let absent = Plant::absent(at);
        points.push(Point {
            unit: absent,
            ..Point::new(&absent_key(at), "holding", 0, "u16")
        });
        let keys = line.keys();
        let keys = format!("name = \"line{at}\"\n{keys}\ntimeout_ms = {TIMEOUT_MS}");
        modbus_line(&keys, interval_ms, &points)
    });
    lines.collect()
}
