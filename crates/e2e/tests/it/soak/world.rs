//! The programs, and the networks between them; what a fault does to them.

use std::path::Path;

use fastrand::Rng;
use fenghuo_e2e::clock::WallClock;
use fenghuo_e2e::collector::Collector;
use fenghuo_e2e::devices::Devices;
use fenghuo_e2e::disk::Disk;
use fenghuo_e2e::gateway::now;
use fenghuo_e2e::mosquitto::Mosquitto;
use fenghuo_e2e::proxy::{Proxy, Weather};
use fenghuo_e2e::server::{Server, Settings};

use super::fault::{Fault, Net};
use super::plant::{self, Line, ON_A_DISK, PLANTS, PUBLISHING, SECOND_KEYS, SET_CLOCK};
use crate::{counted, proof};

/// Between two reads, as usual and by another configuration.
const INTERVAL_MS: u32 = 200;
const OTHER_INTERVAL_MS: u32 = 300;
/// More than any disk of a test machine has.
const ALL_OF_THE_DISK_MB: u32 = 1 << 20;
/// The disk of the collector that has one of its own.
const DISK_MB: u32 = 80;
/// What the line to the county carries.
const COUNTY_KBIT_S: u32 = 128;
/// Stretches of a spool that are harmed at once, and their bytes.
const HARMS: usize = 32;
const HARM_BYTES: usize = 64;

/// A time in which a collector does not read, by the machine's clock.
pub type Down = (i64, i64);

pub struct World {
    /// By plant.
    pub lines: Vec<Vec<Line>>,
    pub devices: Devices,
    pub server: Server,
    pub county: Server,
    /// By plant.
    pub collectors: Vec<Collector>,
    /// By plant, when its collector did not run.
    pub downs: Vec<Vec<Down>>,
    /// By plant, when its second blocks were not asked for.
    pub without_second: Vec<Vec<Down>>,
    disk: Disk,
    clock: WallClock,
    broker: Mosquitto,
    field: Mosquitto,
    /// By plant.
    links: Vec<Proxy>,
    county_link: Proxy,
    field_link: Proxy,
    devices_link: Proxy,
}

fn settings(broker: &Mosquitto) -> Settings {
    Settings {
        broker: Some(broker.port),
        rules: counted::RULES.to_owned(),
        ..Settings::default()
    }
}

fn folder(dir: &Path, name: &str) -> std::path::PathBuf {
    let dir = dir.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

impl World {
    pub fn start(dir: &Path) -> Self {
        let lines = PLANTS.iter().map(|plant| {
            let lines = 0..plant.lines.len();
            lines.map(|line| Line::start(dir, plant, line)).collect()
        });
        let lines: Vec<Vec<Line>> = lines.collect();
        let field = Mosquitto::start(&folder(dir, "field"));
        let devices_link = Proxy::start(field.port);
        let broker = Mosquitto::start(dir);
        let mut server = Server::new(dir, &settings(&broker));
        server.start();
        let mut county = Server::new(&folder(dir, "county"), &Settings::default());
        county.start();
        let links: Vec<_> = PLANTS.iter().map(|_| Proxy::start(broker.port)).collect();
        let spool = PLANTS[ON_A_DISK].gateway.replace('/', "-");
        let mut world = Self {
            devices: Devices::start(&folder(dir, "field"), devices_link.port),
            disk: Disk::mount(&dir.join(spool).join("spool"), DISK_MB),
            clock: WallClock::new(dir),
            collectors: Vec::new(),
            downs: vec![Vec::new(); PLANTS.len()],
            without_second: vec![Vec::new(); PLANTS.len()],
            county_link: Proxy::start(county.mqtt),
            field_link: Proxy::start(field.port),
            lines,
            devices_link,
            server,
            county,
            broker,
            field,
            links,
        };
        for at in 0..PLANTS.len() {
            let collector = world.collector(dir, at);
            world.collectors.push(collector);
            world.downs[at].push((0, now()));
        }
        world
    }

    fn collector(&self, dir: &Path, at: usize) -> Collector {
        let sources = self.sources(at, INTERVAL_MS, true);
        let gateway = PLANTS[at].gateway;
        let mut collector = Collector::new(dir, gateway, self.links[at].port, &sources);
        if at == ON_A_DISK {
            collector.live_on(&self.disk);
        }
        if at == SET_CLOCK {
            collector.look_at(&self.clock);
        }
        if at == PUBLISHING {
            let limit = format!("limit_kbit_s = {COUNTY_KBIT_S}\n");
            collector.deliver_to("county", self.county_link.port, &limit);
            collector.configure(&sources);
        }
        collector.start();
        collector
    }

    fn sources(&self, at: usize, interval_ms: u32, is_all: bool) -> String {
        let is_read = |key: &str| is_all || !key.contains(SECOND_KEYS);
        let lines = &self.lines[at];
        let mut sources =
            plant::sources(&PLANTS[at], lines, interval_ms, |point| is_read(&point.key));
        if at == PUBLISHING {
            sources.push_str(&Devices::sources(self.field_link.port));
        }
        sources
    }

    fn net(&self, net: Net) -> &Proxy {
        match net {
            Net::Server(at) => &self.links[at],
            Net::County => &self.county_link,
            Net::Line(at, line) => &self.lines[at][line].relay,
            Net::Field => &self.field_link,
            Net::Devices => &self.devices_link,
        }
    }

    fn cable(&mut self, at: usize, line: usize) -> &mut fenghuo_e2e::cable::Cable {
        self.lines[at][line].cable.as_mut().unwrap()
    }

    pub fn begin(&mut self, fault: Fault, rng: &mut Rng) {
        match fault {
            Fault::BrokerKilled => self.broker.kill(),
            Fault::ServerKilled => self.server.kill(),
            Fault::ServerStopped => stop_server(&mut self.server),
            Fault::ServerFull => {
                stop_server(&mut self.server);
                self.server.configure(&Settings {
                    reserve_mb: ALL_OF_THE_DISK_MB,
                    ..settings(&self.broker)
                });
                self.server.start_only();
            }
            Fault::CountyKilled => self.county.kill(),
            Fault::CountyStopped => stop_server(&mut self.county),
            Fault::CollectorKilled(at) => self.kill_collector(at),
            Fault::CollectorStopped(at) => self.stop_collector(at),
            Fault::CollectorChanged(at) => {
                let sources = self.other_sources(at, rng.bool());
                self.restart_with(at, &sources);
            }
            Fault::CollectorReloaded(at) => {
                self.collectors[at].wait_up();
                let sources = self.other_sources(at, rng.bool());
                self.reload_with(at, &sources);
            }
            Fault::DiskFull => self.disk.fill(),
            Fault::DiskRefuses => {
                self.collectors[ON_A_DISK].wait_up();
                self.collectors[ON_A_DISK].let_write(false);
            }
            Fault::DiskReadOnly => self.lose_writing(),
            Fault::SpoolDamaged => {
                self.kill_collector(ON_A_DISK);
                self.harm_spool(rng);
            }
            Fault::ClockSet(ahead_ms) => self.clock.set(ahead_ms),
            Fault::Net(net, weather) => self.net(net).set(weather),
            Fault::PlcRebooted(at, line) => self.lines[at][line].plc.kill(),
            Fault::CablePulled(at, line) => self.cable(at, line).pull(),
            Fault::FieldBrokerKilled => self.field.kill(),
            Fault::DevicesKilled => self.devices.kill(),
        }
    }

    pub fn end(&mut self, fault: Fault) {
        match fault {
            Fault::BrokerKilled => self.broker.restart(),
            Fault::ServerKilled | Fault::ServerStopped => self.server.start_only(),
            Fault::ServerFull => {
                stop_server(&mut self.server);
                self.server.configure(&settings(&self.broker));
                self.server.start_only();
            }
            Fault::CountyKilled | Fault::CountyStopped => self.county.start_only(),
            Fault::CollectorKilled(at) | Fault::CollectorStopped(at) => self.start_collector(at),
            Fault::CollectorChanged(at) => {
                let sources = self.sources(at, INTERVAL_MS, true);
                self.restart_with(at, &sources);
                self.asks_all(at);
            }
            Fault::CollectorReloaded(at) => {
                self.collectors[at].wait_up();
                let sources = self.sources(at, INTERVAL_MS, true);
                self.reload_with(at, &sources);
                self.asks_all(at);
            }
            Fault::DiskFull => self.disk.drain(),
            Fault::DiskRefuses => self.collectors[ON_A_DISK].let_write(true),
            Fault::DiskReadOnly => {
                self.disk.set_read_only(false);
                self.start_collector(ON_A_DISK);
            }
            Fault::SpoolDamaged => self.start_collector(ON_A_DISK),
            Fault::ClockSet(_) => self.clock.set(0),
            Fault::Net(net, _) => self.net(net).set(Weather::Clear),
            Fault::PlcRebooted(at, line) => self.lines[at][line].plc.restart(),
            Fault::CablePulled(at, line) => self.cable(at, line).plug(),
            Fault::FieldBrokerKilled => self.field.restart(),
            Fault::DevicesKilled => self.devices.restart(),
        }
    }

    /// Starts again what has ended as it should.
    pub fn supervise(&mut self) {
        self.collectors[ON_A_DISK].supervise();
    }

    fn kill_collector(&mut self, at: usize) {
        self.goes_down(at);
        self.collectors[at].kill();
    }

    /// In order, which needs a program that has begun.
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

    /// Sources that are read less often, or of which less is read from now on.
    fn other_sources(&mut self, at: usize, is_less: bool) -> String {
        if is_less {
            self.without_second[at].push((now(), i64::MAX));
            self.sources(at, INTERVAL_MS, false)
        } else {
            self.sources(at, OTHER_INTERVAL_MS, true)
        }
    }

    fn restart_with(&mut self, at: usize, sources: &str) {
        self.stop_collector(at);
        self.collectors[at].configure(sources);
        self.start_collector(at);
    }

    /// Without a stop; but what a changed source had just asked for is answered to nobody.
    fn reload_with(&mut self, at: usize, sources: &str) {
        self.goes_down(at);
        self.collectors[at].reload(sources);
        if let Some(down) = self.downs[at].last_mut() {
            down.1 = now();
        }
    }

    /// Everything is asked for again.
    fn asks_all(&mut self, at: usize) {
        let spans = self.without_second[at].iter_mut();
        for (_, until) in spans.filter(|(_, until)| *until == i64::MAX) {
            *until = now();
        }
    }

    /// The disk comes back read-only: the collector says so and does not run.
    fn lose_writing(&mut self) {
        self.stop_collector(ON_A_DISK);
        self.disk.set_read_only(true);
        let said = self.collectors[ON_A_DISK].start_in_vain();
        assert!(said.contains("Read-only file system"), "{said}");
    }

    /// Bytes in some places of the file are others.
    fn harm_spool(&self, rng: &mut Rng) {
        let file = self.disk.file("spool.db");
        let bytes = std::fs::read(&file).unwrap();
        for _ in 0..HARMS {
            let from = rng.usize(0..bytes.len());
            let until = bytes.len().min(from + HARM_BYTES);
            let harmed: Vec<_> = bytes[from..until]
                .iter()
                .map(|byte| byte ^ rng.u8(1..))
                .collect();
            if let Err(error) = overwrite(&file, from, &harmed) {
                panic!("cannot harm {}: {error}", file.display());
            }
        }
    }

    /// Everything that was spooled is at the server. Answers how often each collector ran.
    pub fn settle(&mut self) -> Vec<u32> {
        self.server.wait_up();
        self.county.wait_up();
        for at in 0..PLANTS.len() {
            self.stop_collector(at);
        }
        let runs = self.collectors.iter().map(Collector::runs).collect();
        proof::drain(&mut self.collectors, self.broker.port);
        runs
    }
}

/// In place: the file keeps its length, on a full disk too.
fn overwrite(file: &Path, from: usize, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let mut file = std::fs::OpenOptions::new().write(true).open(file)?;
    file.seek(SeekFrom::Start(from as u64))?;
    file.write_all(bytes)
}

/// In order, which needs a program that has begun.
fn stop_server(server: &mut Server) {
    server.wait_up();
    server.stop();
}
