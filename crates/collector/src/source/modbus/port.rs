//! Where a line's bytes come from: a TCP connection, a serial port, or a modem that dials in.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio_serial::SerialPortBuilderExt;

use super::dial_in::Caller;
use super::wire::Wire;

pub use tokio_serial::{DataBits, Parity, StopBits};

/// How requests and replies are framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// With a header that numbers them (Modbus messaging on TCP/IP 1.0b).
    Tcp,
    /// With a checksum and silence around them (Modbus over serial line 1.02).
    Rtu,
}

/// A way to a line's devices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Port {
    /// A connection that we open.
    Tcp {
        /// `host:port`.
        address: String,
        /// What is spoken there.
        framing: Framing,
    },
    /// A serial port of this machine; RTU is spoken there.
    Serial(Serial),
    /// A connection that the other end opens to us.
    DialIn(DialIn),
}

/// A serial port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serial {
    /// Its device file.
    pub path: String,
    /// Bits a second.
    pub baud: u32,
    /// Bits of a character.
    pub data_bits: DataBits,
    /// Its check bit.
    pub parity: Parity,
    /// How it ends.
    pub stop_bits: StopBits,
}

/// A modem that dials in and says who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DialIn {
    /// Where we listen.
    pub listen: SocketAddr,
    /// What the modem says first.
    pub id: Vec<u8>,
    /// What it may say at any time to keep its connection.
    pub heartbeat: Option<Vec<u8>>,
    /// What is spoken then.
    pub framing: Framing,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address, .. } => f.write_str(address),
            Self::Serial(serial) => write!(f, "{} at {} baud", serial.path, serial.baud),
            Self::DialIn(dial_in) => {
                let id = dial_in.id.escape_ascii();
                write!(f, "{id} calling {}", dial_in.listen)
            }
        }
    }
}

impl Serial {
    /// Bits that a character takes on the line, start bit included.
    fn character_bits(&self) -> u32 {
        let data = match self.data_bits {
            DataBits::Five => 5,
            DataBits::Six => 6,
            DataBits::Seven => 7,
            DataBits::Eight => 8,
        };
        let parity = u32::from(self.parity != Parity::None);
        let stop = if self.stop_bits == StopBits::Two {
            2
        } else {
            1
        };
        1 + data + parity + stop
    }

    /// The silence that parts frames: three and a half characters, and 1.75 ms from 19,200
    /// baud on (Modbus over serial line 1.02, 2.5.1.1).
    #[must_use]
    pub fn silence(&self) -> Duration {
        if self.baud > 19_200 {
            return Duration::from_micros(1_750);
        }
        let bits = f64::from(self.character_bits()) * 3.5;
        Duration::from_secs_f64(bits / f64::from(self.baud.max(1)))
    }

    /// Registers that take as long as another request would: what is worth reading along.
    #[must_use]
    pub fn gap_by_cost(&self) -> u16 {
        /// What a device takes to answer.
        const TURN_SECONDS: f64 = 0.02;
        /// A request and what a reply has around its registers.
        const CHARACTERS: f64 = 8.0 + 5.0 + 2.0 * 3.5;
        let a_second = f64::from(self.baud) / f64::from(self.character_bits());
        let registers = (CHARACTERS + TURN_SECONDS * a_second) / 2.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 125"
        )]
        let registers = registers.clamp(0.0, 125.0) as u16;
        registers
    }
}

impl Port {
    /// What is expected of a modem, if one dials in.
    #[must_use]
    pub const fn dial_in(&self) -> Option<&DialIn> {
        match self {
            Self::DialIn(dial_in) => Some(dial_in),
            Self::Tcp { .. } | Self::Serial(_) => None,
        }
    }

    /// How frames look on it.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match self {
            Self::Tcp { framing, .. } => *framing,
            Self::Serial(_) => Framing::Rtu,
            Self::DialIn(dial_in) => dial_in.framing,
        }
    }

    /// Silence that is kept before each request.
    #[must_use]
    pub fn silence(&self) -> Duration {
        match self {
            Self::Serial(serial) => serial.silence(),
            Self::Tcp { .. } | Self::DialIn(_) => Duration::ZERO,
        }
    }
}

/// The way of a line that runs: as configured, and the modem's place if it dials in. Two ways
/// are the same when the same is opened, whoever has called there.
#[derive(Clone, Debug)]
pub struct Way {
    /// What is opened.
    pub port: Port,
    /// Where the modem's connection comes in.
    pub caller: Option<Arc<Caller>>,
}

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        self.port == other.port
    }
}

impl Way {
    /// Opens it. Bytes that were on the way before must still be drained.
    ///
    /// # Errors
    /// The system's own, the last address's, or a time-out.
    pub async fn open(&self, timeout: Duration) -> io::Result<Wire> {
        let opened = tokio::time::timeout(timeout, self.open_at_leisure()).await;
        opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn open_at_leisure(&self) -> io::Result<Wire> {
        match &self.port {
            Port::Tcp { address, .. } => {
                let stream = connect(address).await?;
                Ok(Wire::new(Box::new(stream), Vec::new()))
            }
            Port::Serial(serial) => {
                let stream = tokio_serial::new(&serial.path, serial.baud)
                    .data_bits(serial.data_bits)
                    .parity(serial.parity)
                    .stop_bits(serial.stop_bits)
                    .open_native_async()?;
                Ok(Wire::new(Box::new(stream), Vec::new()))
            }
            Port::DialIn(dial_in) => {
                let stream = match &self.caller {
                    Some(caller) => caller.wait().await,
                    None => return Err(io::ErrorKind::NotConnected.into()),
                };
                let greetings = [&dial_in.id].into_iter().chain(&dial_in.heartbeat);
                let greetings = greetings.flat_map(|bytes| with_line_ends(bytes));
                // The end of the line that the id stood in is still to come.
                let ends = LINE_ENDS.iter().map(|end| end.to_vec());
                Ok(Wire::new(Box::new(stream), greetings.chain(ends).collect()))
            }
        }
    }

    /// Whether the modem has dialled in anew: the connection that is open is dead then.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.caller
            .as_ref()
            .is_some_and(|caller| caller.is_waiting())
    }
}

/// How a modem may end what it says.
const LINE_ENDS: [&[u8]; 2] = [b"\r\n", b"\n"];

/// Longest first, so that a line's end is not left over.
fn with_line_ends(bytes: &[u8]) -> Vec<Vec<u8>> {
    let ends = LINE_ENDS.into_iter().chain([&b""[..]]);
    ends.map(|end| [bytes, end].concat()).collect()
}

/// Tries every address of the name.
async fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in tokio::net::lookup_host(address).await? {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        match socket.connect(address).await {
            Ok(stream) => {
                settle(&stream)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends at once, and finds out by itself that the other end is gone.
///
/// # Errors
/// The system's own.
pub fn settle(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(20))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(baud: u32, parity: Parity) -> Serial {
        Serial {
            path: "/dev/ttyUSB0".to_owned(),
            baud,
            data_bits: DataBits::Eight,
            parity,
            stop_bits: StopBits::One,
        }
    }

    #[test]
    fn silence_is_three_and_a_half_characters_and_never_below_the_standards() {
        let silence = serial(9_600, Parity::Even).silence();
        assert_eq!(silence.as_micros(), 4_010);
        assert_eq!(serial(115_200, Parity::None).silence().as_micros(), 1_750);
    }

    #[test]
    fn a_slow_line_reads_fewer_registers_along() {
        let gap = |baud| serial(baud, Parity::None).gap_by_cost();
        assert_eq!((gap(1_200), gap(9_600), gap(115_200)), (11, 19, 125));
    }
}
