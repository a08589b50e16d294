//! The plants, the programs, and the networks between them; what a fault does to them.

use std::path::Path;

use fastrand::Rng;
use fenghuo_e2e::collector::{Collector, modbus_within};
use fenghuo_e2e::gateway::now;
use fenghuo_e2e::mosquitto::Mosquitto;
use fenghuo_e2e::plc::{Over, Plc};
use fenghuo_e2e::point::{Point, Wave};
use fenghuo_e2e::proxy::{Framing, Proxy, Weather};
use fenghuo_e2e::server::{Server, Settings};

use super::fault::Fault;
use crate::{counted, proof};

/// How each plant's device speaks.
pub const FRAMINGS: [Framing; 2] = [Framing::Tcp, Framing::Rtu];
pub const PLANTS: usize = FRAMINGS.len();
/// How long a device has to answer.
pub const TIMEOUT_MS: u32 = 1_000;
/// Between two reads, as usual and by another configuration.
const INTERVAL_MS: u32 = 200;
const OTHER_INTERVAL_MS: u32 = 300;
/// Counters in each of two blocks of one size: a reply to the question before shows as values
/// of the wrong block.
const COUNTERS: u16 = 15;
/// Where the second block begins: too far to be read along with the first.
const SECOND: u16 = 1_000;
/// The begin of its keys.
pub const SECOND_KEYS: &str = "count-b";
/// More than any disk of a test machine has.
const ALL_OF_THE_DISK_MB: u32 = 1 << 20;

/// A time in which a collector does not read, by the machine's clock.
pub type Down = (i64, i64);

pub struct World {
    pub plcs: Vec<Plc>,
    devices: Vec<Proxy>,
    broker: Mosquitto,
    links: Vec<Proxy>,
    pub server: Server,
    pub collectors: Vec<Collector>,
    /// By plant, when its collector did not run.
    pub downs: Vec<Vec<Down>>,
    /// By plant, when its second block was not asked for.
    pub without_second: Vec<Vec<Down>>,
}

/// The only unit of a plant.
pub fn unit(plant: usize) -> u8 {
    u8::try_from(plant + 1).unwrap()
}

fn points(plant: usize) -> Vec<Point> {
    let mut points = counted::points(unit(plant), COUNTERS);
    points.extend((0..COUNTERS).map(|at| {
        let key = format!("u{}.{SECOND_KEYS}{at}", unit(plant));
        Point {
            unit: unit(plant),
            ..Point::new(&key, "holding", SECOND + at * 2, "u32").wave(Wave::Count)
        }
    }));
    points
}

fn settings(broker: &Mosquitto) -> Settings {
    Settings {
        broker: Some(broker.port),
        rules: counted::RULES.to_owned(),
        ..Settings::default()
    }
}

impl World {
    pub fn start(dir: &Path) -> Self {
        let plcs: Vec<_> = (0..PLANTS)
            .map(|at| {
                let dir = dir.join(format!("plant{at}"));
                std::fs::create_dir_all(&dir).unwrap();
                let over = match FRAMINGS[at] {
                    Framing::Tcp => Over::Tcp,
                    Framing::Rtu => Over::RtuOverTcp,
                };
                Plc::start_over(over, &dir, &points(at))
            })
            .collect();
        let devices = plcs.iter().map(|plc| Proxy::start(plc.port)).collect();
        let broker = Mosquitto::start(dir);
        let links: Vec<_> = (0..PLANTS).map(|_| Proxy::start(broker.port)).collect();
        let mut server = Server::new(dir, &settings(&broker));
        server.start();
        let mut world = Self {
            plcs,
            devices,
            server,
            collectors: Vec::new(),
            downs: vec![Vec::new(); PLANTS],
            without_second: vec![Vec::new(); PLANTS],
            broker,
            links,
        };
        for at in 0..PLANTS {
            let gateway = format!("plant{at}/gw");
            let sources = world.sources(at, INTERVAL_MS, |_| true);
            let mut collector = Collector::new(dir, &gateway, world.links[at].port, &sources);
            collector.start();
            world.collectors.push(collector);
        }
        world
    }

    fn sources(&self, at: usize, interval_ms: u32, is_read: impl Fn(&Point) -> bool) -> String {
        let mut points = points(at);
        points.retain(is_read);
        let port = self.devices[at].port;
        let keys = match FRAMINGS[at] {
            Framing::Tcp => format!("address = \"127.0.0.1:{port}\""),
            Framing::Rtu => {
                format!("transport = \"rtu_over_tcp\"\naddress = \"127.0.0.1:{port}\"")
            }
        };
        modbus_within(TIMEOUT_MS, &keys, interval_ms, &points)
    }

    pub fn begin(&mut self, fault: Fault, rng: &mut Rng) {
        match fault {
            Fault::BrokerKilled => self.broker.kill(),
            Fault::ServerKilled => self.server.kill(),
            Fault::ServerStopped => self.stop_server(),
            Fault::ServerFull => {
                self.stop_server();
                self.server.configure(&Settings {
                    reserve_mb: ALL_OF_THE_DISK_MB,
                    ..settings(&self.broker)
                });
                self.server.start_only();
            }
            Fault::CollectorKilled(at) => {
                self.goes_down(at);
                self.collectors[at].kill();
            }
            Fault::CollectorStopped(at) => self.stop_collector(at),
            Fault::CollectorChanged(at) => self.change_collector(at, rng.bool()),
            Fault::DeviceRebooted(at) => self.plcs[at].kill(),
            Fault::Device(at, weather) => self.devices[at].set(weather),
            Fault::Link(at, weather) => self.links[at].set(weather),
        }
    }

    pub fn end(&mut self, fault: Fault) {
        match fault {
            Fault::BrokerKilled => self.broker.restart(),
            Fault::ServerKilled | Fault::ServerStopped => self.server.start_only(),
            Fault::ServerFull => {
                self.stop_server();
                self.server.configure(&settings(&self.broker));
                self.server.start_only();
            }
            Fault::CollectorKilled(at) | Fault::CollectorStopped(at) => self.start_collector(at),
            Fault::CollectorChanged(at) => self.change_back(at),
            Fault::DeviceRebooted(at) => self.plcs[at].restart(),
            Fault::Device(at, _) => self.devices[at].set(Weather::Clear),
            Fault::Link(at, _) => self.links[at].set(Weather::Clear),
        }
    }

    /// In order, which needs a program that has begun.
    fn stop_server(&mut self) {
        self.server.wait_up();
        self.server.stop();
    }

    fn stop_collector(&mut self, at: usize) {
        self.collectors[at].wait_up();
        self.goes_down(at);
        self.collectors[at].stop();
    }

    fn start_collector(&mut self, at: usize) {
        self.collectors[at].start_only();
        if let Some(down) = self.downs[at].last_mut() {
            down.1 = now();
        }
    }

    /// Down from now on; it is told later until when.
    fn goes_down(&mut self, at: usize) {
        self.downs[at].push((now(), i64::MAX));
    }

    /// Reads less often, or less.
    fn change_collector(&mut self, at: usize, is_less: bool) {
        self.stop_collector(at);
        let sources = if is_less {
            self.without_second[at].push((now(), i64::MAX));
            self.sources(at, INTERVAL_MS, |point| !point.key.contains(SECOND_KEYS))
        } else {
            self.sources(at, OTHER_INTERVAL_MS, |_| true)
        };
        self.collectors[at].configure(&sources);
        self.start_collector(at);
    }

    fn change_back(&mut self, at: usize) {
        self.stop_collector(at);
        let sources = self.sources(at, INTERVAL_MS, |_| true);
        self.collectors[at].configure(&sources);
        self.start_collector(at);
        let spans = self.without_second[at].iter_mut();
        for (_, until) in spans.filter(|(_, until)| *until == i64::MAX) {
            *until = now();
        }
    }

    /// Everything that was spooled is at the server. Answers how often each collector ran.
    pub fn settle(&mut self) -> Vec<u32> {
        self.server.wait_up();
        for at in 0..PLANTS {
            self.stop_collector(at);
        }
        let runs = self.collectors.iter().map(Collector::runs).collect();
        proof::drain(&mut self.collectors, self.broker.port);
        runs
    }
}
