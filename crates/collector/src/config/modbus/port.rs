//! How a line is reached: `transport` and what belongs to it.
//!
//! | transport | keys |
//! | --- | --- |
//! | `tcp` (without one), `rtu_over_tcp` | `address = "host:port"` |
//! | `rtu` | `port`, `baud`, `data_bits`, `parity`, `stop_bits` |
//! | `dial_in` | `listen = "address:port"`, `register` (what the modem says first), `heartbeat`, `framing` |

use super::super::table::Table;
use crate::source::modbus::Line;
use crate::source::modbus::dial_in::ID_BYTES_MAX;
use crate::source::modbus::port::{DataBits, DialIn, Framing, Parity, Port, Serial, StopBits};

/// Registers read along where a request costs a journey over the network.
const GAP_TCP: u16 = 32;
/// Where there is a serial line behind the network.
const GAP_RTU: u16 = 16;
const BAUD: std::ops::RangeInclusive<u64> = 300..=4_000_000;
const BAUD_DEFAULT: u32 = 9_600;

/// Unused registers that cost no more than another request.
pub fn gap(port: &Port) -> u16 {
    match port {
        Port::Serial(serial) => serial.gap_by_cost(),
        _ if port.framing() == Framing::Rtu => GAP_RTU,
        _ => GAP_TCP,
    }
}

/// The way to the line's devices.
pub fn port(table: &Table<'_>) -> Option<Port> {
    let transport = table.text("transport").unwrap_or("tcp");
    for (key, whose) in [
        ("address", &["tcp", "rtu_over_tcp"][..]),
        ("port", &["rtu"]),
        ("baud", &["rtu"]),
        ("data_bits", &["rtu"]),
        ("parity", &["rtu"]),
        ("stop_bits", &["rtu"]),
        ("listen", &["dial_in"]),
        ("register", &["dial_in"]),
        ("heartbeat", &["dial_in"]),
        ("framing", &["dial_in"]),
    ] {
        if table.has(key) && !whose.contains(&transport) {
            table.problem(key, format!("is for transport {}", whose.join(" and ")));
        }
    }
    match transport {
        "tcp" => tcp(table, Framing::Tcp),
        "rtu_over_tcp" => tcp(table, Framing::Rtu),
        "rtu" => serial(table).map(Port::Serial),
        "dial_in" => dial_in(table).map(Port::DialIn),
        other => {
            let what = format!("`{other}` is not one of tcp, rtu, rtu_over_tcp, dial_in");
            table.problem("transport", what);
            None
        }
    }
}

fn tcp(table: &Table<'_>, framing: Framing) -> Option<Port> {
    let address = table.needed_text("address")?;
    if !is_address(address) {
        table.problem("address", format!("`{address}` is not `host:port`"));
        return None;
    }
    Some(Port::Tcp {
        address: address.to_owned(),
        framing,
    })
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0)
}

fn serial(table: &Table<'_>) -> Option<Serial> {
    let path = table.needed_text("port");
    let baud = table.whole("baud", BAUD);
    let data_bits = match table.whole("data_bits", 7..=8) {
        Some(7) => DataBits::Seven,
        _ => DataBits::Eight,
    };
    let parity = one_of(
        table,
        "parity",
        &[
            ("even", Parity::Even),
            ("none", Parity::None),
            ("odd", Parity::Odd),
        ],
    );
    let stop_bits = match table.whole("stop_bits", 1..=2) {
        Some(2) => StopBits::Two,
        _ => StopBits::One,
    };
    Some(Serial {
        path: path?.to_owned(),
        baud: baud
            .and_then(|baud| u32::try_from(baud).ok())
            .unwrap_or(BAUD_DEFAULT),
        data_bits,
        parity: parity.unwrap_or(Parity::None),
        stop_bits,
    })
}

fn dial_in(table: &Table<'_>) -> Option<DialIn> {
    let listen = table.needed_text("listen").and_then(|text| {
        let address = text.parse().ok();
        if address.is_none() {
            table.problem("listen", format!("`{text}` is not `address:port`"));
        }
        address
    });
    let said = |key| {
        let text = table.text(key)?;
        if !(1..=ID_BYTES_MAX).contains(&text.len()) {
            let what = format!("has {} bytes; 1 to {ID_BYTES_MAX} are allowed", text.len());
            table.problem(key, what);
            return None;
        }
        Some(text.as_bytes().to_vec())
    };
    if !table.has("register") {
        table.missing("register");
    }
    let (id, heartbeat) = (said("register"), said("heartbeat"));
    let framing = one_of(
        table,
        "framing",
        &[("rtu", Framing::Rtu), ("tcp", Framing::Tcp)],
    );
    Some(DialIn {
        listen: listen?,
        id: id?,
        heartbeat,
        framing: framing.unwrap_or(Framing::Rtu),
    })
}

/// Notes what two lines cannot share: a serial port, or modems that cannot be told apart.
pub fn shared(root: &Table<'_>, lines: &[Line]) {
    for (at, line) in lines.iter().enumerate() {
        for other in &lines[..at] {
            let (a, b) = (&other.name, &line.name);
            match (&other.way.port, &line.way.port) {
                (Port::Serial(one), Port::Serial(two)) if one.path == two.path => {
                    let what = format!("`{a}` and `{b}` are both on {}", one.path);
                    root.problem("modbus", what + "; put their units behind one");
                }
                (Port::DialIn(one), Port::DialIn(two))
                    if one.listen == two.listen
                        && (one.id.starts_with(&two.id) || two.id.starts_with(&one.id)) =>
                {
                    let what = format!("the modems of `{a}` and `{b}` cannot be told apart");
                    root.problem("modbus", what + ": one id begins with the other");
                }
                _ => {}
            }
        }
    }
}

fn one_of<T: Copy>(table: &Table<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let text = table.text(key)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        table.problem(key, format!("`{text}` is not one of {}", known.join(", ")));
    }
    found.map(|(_, it)| *it)
}
