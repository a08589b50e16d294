//! `probe ADDRESS`: reads a live device, never writes, and writes out what it found as a
//! configuration that is ready to be named: the registers that are there, the holes between
//! them, the largest read, the pause it needs, and a guess at the byte order.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Context as _;

use crate::source::modbus::decode::Order;
use crate::source::modbus::plan::Table;
use crate::source::modbus::port::{DataBits, DialIn, Framing, Parity, Port, Serial, StopBits, Way};

mod guess;
mod survey;

use survey::{Device, Latency, Run};

/// What is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct Ask {
    /// `host:port`, a serial port's file, or with --register where a modem dials in.
    pub address: String,
    /// The unit behind it.
    #[arg(long, default_value_t = 1)]
    pub unit: u8,
    /// holding, input, coil or discrete.
    #[arg(long, default_value = "holding", value_parser = ["holding", "input", "coil", "discrete"])]
    pub table: String,
    /// The first address.
    #[arg(long, default_value_t = 0)]
    pub from: u16,
    /// The last address.
    #[arg(long, default_value_t = 499)]
    pub to: u16,
    /// RTU frames over the TCP connection.
    #[arg(long)]
    pub rtu_over_tcp: bool,
    /// Of a serial port.
    #[arg(long, default_value_t = 9_600)]
    pub baud: u32,
    /// Of a serial port: none, even or odd.
    #[arg(long, default_value = "none", value_parser = ["none", "even", "odd"])]
    pub parity: String,
    /// Of a serial port: 7 or 8.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(7..=8))]
    pub data_bits: u8,
    /// Of a serial port: 1 or 2.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub stop_bits: u8,
    /// What the modem says first that dials in at ADDRESS (address:port, where we listen).
    #[arg(long)]
    pub register: Option<String>,
    /// What is spoken over its call: rtu or tcp.
    #[arg(long, default_value = "rtu", value_parser = ["rtu", "tcp"])]
    pub framing: String,
    /// Longest wait for a reply, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub timeout_ms: u64,
}

impl Ask {
    fn port(&self) -> anyhow::Result<Port> {
        if let Some(register) = &self.register {
            let listen = self.address.parse();
            return Ok(Port::DialIn(DialIn {
                listen: listen
                    .with_context(|| format!("`{}` is not address:port", self.address))?,
                id: register.as_bytes().to_vec(),
                heartbeat: None,
                framing: if self.framing == "tcp" {
                    Framing::Tcp
                } else {
                    Framing::Rtu
                },
            }));
        }
        Ok(self.own_port())
    }

    /// One that we open.
    fn own_port(&self) -> Port {
        if self.address.starts_with('/') {
            return Port::Serial(Serial {
                path: self.address.clone(),
                baud: self.baud,
                data_bits: if self.data_bits == 7 {
                    DataBits::Seven
                } else {
                    DataBits::Eight
                },
                parity: match self.parity.as_str() {
                    "even" => Parity::Even,
                    "odd" => Parity::Odd,
                    _ => Parity::None,
                },
                stop_bits: if self.stop_bits == 2 {
                    StopBits::Two
                } else {
                    StopBits::One
                },
            });
        }
        Port::Tcp {
            address: self.address.clone(),
            framing: if self.rtu_over_tcp {
                Framing::Rtu
            } else {
                Framing::Tcp
            },
        }
    }

    fn is_bits(&self) -> bool {
        matches!(self.table.as_str(), "coil" | "discrete")
    }

    /// The keys of the line, as a configuration has them.
    fn keys(&self) -> String {
        if let Some(register) = &self.register {
            return format!(
                "transport = \"dial_in\"\nlisten = {:?}\nregister = {register:?}\nframing = {:?}",
                self.address, self.framing
            );
        }
        match self.own_port() {
            Port::Serial(_) => format!(
                "transport = \"rtu\"\nport = {:?}\nbaud = {}\ndata_bits = {}\nparity = {:?}\n\
                 stop_bits = {}",
                self.address, self.baud, self.data_bits, self.parity, self.stop_bits
            ),
            _ if self.rtu_over_tcp => {
                format!("transport = \"rtu_over_tcp\"\naddress = {:?}", self.address)
            }
            _ => format!("address = {:?}", self.address),
        }
    }
}

/// What was found.
struct Found {
    runs: Vec<Run>,
    largest: u16,
    pause: Duration,
    latency: Option<Latency>,
    counts: [usize; 4],
    order: Option<&'static str>,
    /// First addresses, and whether two registers are a float there.
    points: Vec<(u16, bool)>,
    requests: usize,
}

/// Asks a device and writes down what it found.
///
/// # Errors
/// When it cannot be reached, or answers nothing in the range.
pub async fn probe(ask: &Ask) -> anyhow::Result<String> {
    anyhow::ensure!(ask.from <= ask.to, "--from is above --to");
    let table = Table::parse(&ask.table).unwrap_or(Table::Holding);
    let way = Way {
        port: ask.port()?,
        caller: None,
    };
    let timeout = Duration::from_millis(ask.timeout_ms.max(10));
    let mut device = Device::open(way, ask.unit, table, timeout).await?;
    let found = survey(&mut device, ask).await?;
    Ok(written(ask, &found))
}

async fn survey(device: &mut Device, ask: &Ask) -> anyhow::Result<Found> {
    device.sign_of_life(ask.from, ask.to).await?;
    let runs = device.runs(ask.from, ask.to).await?;
    let Some(longest) = runs.iter().max_by_key(|run| run.count()) else {
        anyhow::bail!(
            "unit {} answers, and has no {} register from {} to {}; try another table or range",
            ask.unit,
            ask.table,
            ask.from,
            ask.to
        );
    };
    let largest = device.largest(longest).await?;
    let paced = device.pace(longest).await?;
    let mut looks = Vec::new();
    for run in &runs {
        looks.push(device.looks(run, largest).await?);
    }
    // A float takes two registers, and comes in one read.
    let (counts, order) = if ask.is_bits() || largest < 2 {
        ([0; 4], None)
    } else {
        guess::order(&looks)
    };
    let code = order.and_then(|order| Order::parse(order, 2));
    let points = runs.iter().zip(&looks);
    let points = points.flat_map(|(run, looks)| guess::points(run.first, looks, code));
    Ok(Found {
        points: points.collect(),
        runs,
        largest,
        pause: paced.map_or(Duration::from_millis(500), |(pause, _)| pause),
        latency: paced.map(|(_, latency)| latency),
        counts,
        order,
        requests: device.requests(),
    })
}

/// The configuration, with what was found as remarks.
fn written(ask: &Ask, found: &Found) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        // Writing into a text cannot fail.
        writeln!(text, "{words}").unwrap_or_default();
    };
    line(format!(
        "# 探测结果，共读 {} 次，未写任何寄存器。名称、种类、单位须按设备手册填写。",
        found.requests
    ));
    line(format!(
        "# Probed with {} reads; nothing was written. Names, kinds and units are yours to fill in.",
        found.requests
    ));
    for run in &found.runs {
        line(format!(
            "# {} {}..{}: {} {}",
            ask.table,
            run.first,
            run.last,
            run.count(),
            if ask.is_bits() { "bits" } else { "registers" }
        ));
    }
    if let Some(latency) = found.latency {
        line(format!(
            "# one takes {:.1} ms (least {:.1}, most {:.1})",
            latency.median, latency.least, latency.most
        ));
    } else {
        line(
            "# 设备跟不上读取，已按最长间隔填写 it does not keep up; the pause is a guess"
                .to_owned(),
        );
    }
    if !ask.is_bits() {
        line(order_remark(found));
    }
    line(format!("[[modbus]]\nname = \"probed\"\n{}", ask.keys()));
    line(format!("timeout_ms = {}", ask.timeout_ms));
    if !found.pause.is_zero() {
        line(format!("pause_ms = {}", found.pause.as_millis()));
    }
    line(format!("[[modbus.unit]]\nid = {}", ask.unit));
    let limit = if ask.is_bits() {
        "max_bits"
    } else {
        "max_registers"
    };
    line(format!("{limit} = {}", found.largest));
    if let Some(holes) = holes(ask, &found.runs) {
        line(format!("holes = [{holes}]"));
    }
    for (address, is_float) in &found.points {
        let (kind, order) = match (is_float, found.order) {
            (true, Some(order)) => ("f32", format!("order = \"{order}\"\n")),
            _ if ask.is_bits() => ("bool", String::new()),
            _ => ("u16", String::new()),
        };
        line(format!(
            "[[modbus.unit.point]]\nkey = \"{}.{address}\"\nkind = \"other\"\n\
             table = \"{}\"\naddress = {address}\ntype = \"{kind}\"\n{order}",
            ask.table, ask.table
        ));
    }
    text
}

fn order_remark(found: &Found) -> String {
    let counts = guess::ORDERS.iter().zip(found.counts);
    let counts: Vec<String> = counts
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    format!(
        "# 字节序是按数值是否合理猜测的 byte order is a guess; plausible floats: {}",
        counts.join(", ")
    )
}

/// What lies between the runs.
fn holes(ask: &Ask, runs: &[Run]) -> Option<String> {
    let between = runs.windows(2).map(|pair| {
        // There is an address between two runs.
        let (from, to) = (pair[0].last + 1, pair[1].first - 1);
        format!("\"{} {from}-{to}\"", ask.table)
    });
    let holes: Vec<String> = between.collect();
    (!holes.is_empty()).then(|| holes.join(", "))
}
