//! One connection to Modbus devices. The only file that speaks to the client library.
//!
//! [`Connection::read`] takes the connection and gives it back only when the answer was whole,
//! fitted the question and came alone, so a doubtful connection cannot be used again by
//! mistake. A doubtful one that cannot simply be opened anew (a serial port, a modem's call)
//! is drained first: a late answer would be taken for the next one.

use std::io;
use std::time::Duration;

use fenghuo_model::Reason;
use tokio_modbus::client::{Client, Context, rtu, tcp};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_modbus::{Error, ExceptionCode, Request, Response};

use super::plan::{Block, Table};
use super::port::{Framing, Port, Way};
use super::wire::Wire;

/// Silence that a fresh RTU line must show; a serial server may still hold a reply to whom
/// was connected before.
const FRESH_SILENCE: Duration = Duration::from_millis(20);

/// An open connection on which nothing is under way.
pub struct Connection {
    context: Context,
    wire: Wire,
    framing: Framing,
    silence: Duration,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

/// What a device answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    /// As many registers as were asked for.
    Words(Vec<u16>),
    /// At least as many bits as were asked for.
    Bits(Vec<bool>),
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Failure {
    /// The device answered with an exception; the connection is as good as before.
    Exception(Reason),
    /// Nothing fitting came.
    Broken {
        /// What it means for the points.
        reason: Reason,
        /// What is left of a connection that cannot simply be opened anew.
        remains: Option<Doubtful>,
    },
}

/// A connection on which a late answer may still come.
#[derive(Debug)]
pub struct Doubtful(Wire);

impl Connection {
    /// Opens a connection. When a reply to an older one may still be under way (`is_owed`), an
    /// RTU line must be silent for a whole time-out first: whoever carries it over TCP may hand
    /// that reply to the new connection.
    ///
    /// # Errors
    /// The system's own, or a time-out.
    pub async fn open(way: &Way, timeout: Duration, is_owed: bool) -> io::Result<Self> {
        let wire = way.open(timeout).await?;
        if way.port.framing() == Framing::Rtu {
            let silence = if is_owed { timeout } else { FRESH_SILENCE };
            Self::silent(&wire, silence, silence.max(timeout) * 3).await?;
        }
        Ok(Self::over(wire, &way.port))
    }

    /// Makes a doubtful connection usable: waits until no late answer can come any more.
    ///
    /// # Errors
    /// When it has ended, or never is silent.
    pub async fn revive(doubtful: Doubtful, way: &Way, timeout: Duration) -> io::Result<Self> {
        Self::silent(&doubtful.0, timeout, timeout * 3).await?;
        Ok(Self::over(doubtful.0, &way.port))
    }

    async fn silent(wire: &Wire, silence: Duration, most: Duration) -> io::Result<()> {
        if wire.drain(silence, most).await? {
            return Ok(());
        }
        let what = "the line is never silent: another master talks on it, or it is noise";
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    }

    pub(crate) fn over(wire: Wire, port: &Port) -> Self {
        let framing = port.framing();
        let context = match framing {
            Framing::Tcp => tcp::attach(wire.clone()),
            Framing::Rtu => rtu::attach(wire.clone()),
        };
        Self {
            context,
            wire,
            framing,
            silence: port.silence(),
        }
    }

    /// Asks for a block.
    pub async fn read(
        mut self,
        unit: u8,
        block: &Block,
        timeout: Duration,
    ) -> (Result<Reply, Failure>, Option<Self>) {
        if !self.silence.is_zero() {
            tokio::time::sleep(self.silence).await;
        }
        self.context.set_slave(Slave(unit));
        self.wire.begin();
        let called = self.context.call(request(block));
        let answer = match tokio::time::timeout(timeout, called).await {
            Err(_) => return self.broken(Reason::Timeout),
            Ok(Err(error)) => return self.broken(meaning(&error)),
            Ok(Ok(answer)) => answer,
        };
        let came = self.wire.came();
        match answer {
            Err(code) if came == self.around() + 2 => {
                (Err(Failure::Exception(exception(code))), Some(self))
            }
            Ok(response) if came == self.around() + 2 + payload_bytes(block) => {
                match fit(block, response) {
                    Some(reply) => (Ok(reply), Some(self)),
                    None => self.broken(Reason::BadReply),
                }
            }
            // More came than the reply: whatever it was, it is not to be trusted.
            _ => self.broken(Reason::BadReply),
        }
    }

    /// Bytes around function code and what follows it.
    const fn around(&self) -> usize {
        match self.framing {
            // Transaction, protocol and length of two bytes each, and the unit.
            Framing::Tcp => 7,
            // The unit and the checksum.
            Framing::Rtu => 3,
        }
    }

    fn broken(self, reason: Reason) -> (Result<Reply, Failure>, Option<Self>) {
        let remains = Some(Doubtful(self.wire));
        (Err(Failure::Broken { reason, remains }), None)
    }
}

const fn request(block: &Block) -> Request<'static> {
    let (start, count) = (block.start, block.count);
    match block.table {
        Table::Coil => Request::ReadCoils(start, count),
        Table::Discrete => Request::ReadDiscreteInputs(start, count),
        Table::Input => Request::ReadInputRegisters(start, count),
        Table::Holding => Request::ReadHoldingRegisters(start, count),
    }
}

fn payload_bytes(block: &Block) -> usize {
    let count = usize::from(block.count);
    if block.table.is_bits() {
        count.div_ceil(8)
    } else {
        count * 2
    }
}

/// The response, if it is to this very question.
fn fit(block: &Block, response: Response) -> Option<Reply> {
    let count = usize::from(block.count);
    match (block.table, response) {
        (Table::Coil, Response::ReadCoils(bits))
        | (Table::Discrete, Response::ReadDiscreteInputs(bits))
            // Bits come in whole bytes.
            if bits.len() == count.next_multiple_of(8) =>
        {
            Some(Reply::Bits(bits))
        }
        (Table::Input, Response::ReadInputRegisters(words))
        | (Table::Holding, Response::ReadHoldingRegisters(words))
            if words.len() == count =>
        {
            Some(Reply::Words(words))
        }
        _ => None,
    }
}

fn meaning(error: &Error) -> Reason {
    match error {
        Error::Protocol(_) => Reason::BadReply,
        Error::Transport(error) => match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Reason::BadReply,
            _ => Reason::NotConnected,
        },
    }
}

const fn exception(code: ExceptionCode) -> Reason {
    match code {
        ExceptionCode::IllegalFunction => Reason::IllegalFunction,
        ExceptionCode::IllegalDataAddress => Reason::IllegalAddress,
        ExceptionCode::IllegalDataValue => Reason::IllegalValue,
        ExceptionCode::ServerDeviceFailure => Reason::DeviceFailure,
        ExceptionCode::Acknowledge | ExceptionCode::ServerDeviceBusy => Reason::DeviceBusy,
        ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice => {
            Reason::GatewayPath
        }
        ExceptionCode::MemoryParityError | ExceptionCode::Custom(_) => Reason::OtherException,
    }
}

#[cfg(test)]
pub mod tests;
