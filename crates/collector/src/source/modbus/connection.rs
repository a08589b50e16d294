//! One connection to Modbus devices. The only file that speaks to the client library.
//!
//! [`Connection::read`] takes the connection and gives it back only when the answer was whole,
//! fitted the question and came alone, so a doubtful connection cannot be used again by
//! mistake. A doubtful one that cannot simply be opened anew is drained first, and what may
//! still come on it is told from what was asked for by [`super::late`].

use std::io;
use std::time::Duration;

use fenghuo_model::Reason;
use tokio::time::Instant;
use tokio_modbus::client::{Client, Context, rtu, tcp};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_modbus::{Error, ExceptionCode, Request, Response};

use super::plan::{Block, Table};
use super::port::{Framing, Port, Way};
use super::wire::{Quiet, Wire};

/// Silence that any RTU line must show; a serial server may still hold a reply to whom was
/// connected before.
pub const FRESH_SILENCE: Duration = Duration::from_millis(20);

/// Said of a line on which bytes come and come.
const NEVER_SILENT: &str = "the line is never silent: another master talks on it, or it is noise";

/// An open connection on which nothing is under way.
pub struct Connection {
    context: Context,
    wire: Wire,
    framing: Framing,
    silence: Duration,
    heard: Option<(Instant, u8)>,
}

/// What a line's state asks of a connection that is opened or used again.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Longest wait for it.
    pub timeout: Duration,
    /// How silent an RTU line must be first.
    pub quiet: Quiet,
    /// Where the numbers of its requests begin, in steps of 256.
    pub numbers: u8,
}

impl Manner {
    /// For one who does not know what was asked before: the line must be silent for a whole
    /// time-out.
    #[must_use]
    pub const fn cautious(timeout: Duration) -> Self {
        let quiet = Quiet {
            silence: timeout,
            least: Duration::ZERO,
        };
        Self {
            timeout,
            quiet,
            numbers: 0,
        }
    }
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
        /// What is left of the connection.
        remains: Option<Doubtful>,
        /// What came and went before it broke.
        extent: Extent,
    },
}

/// How far a request got that has no reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// Nothing was sent: the connection had ended before.
    Unsent,
    /// It was sent, and not a byte came.
    Nothing,
    /// Bytes came, or were there before it was sent; this was the first.
    Something(Option<u8>),
}

/// A connection on which a late answer may still come.
#[derive(Debug)]
pub struct Doubtful(Wire);

impl Connection {
    /// Opens a connection. An RTU line must be silent first: whoever carries it over TCP may
    /// hand a late reply to the new connection.
    ///
    /// # Errors
    /// The system's own, or a time-out.
    pub async fn open(way: &Way, manner: Manner) -> io::Result<Self> {
        let wire = way.open(manner.timeout).await?;
        Self::silent(wire, way, manner).await
    }

    /// Makes a doubtful connection usable. Where replies have numbers, what is on its way is
    /// only let out, so that the next frame begins where it should.
    ///
    /// # Errors
    /// When it has ended, or never is silent.
    pub async fn revive(doubtful: Doubtful, way: &Way, manner: Manner) -> io::Result<Self> {
        if way.port.framing() == Framing::Tcp {
            let quiet = Quiet {
                silence: FRESH_SILENCE,
                least: Duration::ZERO,
            };
            let drained = doubtful.0.drain(quiet, manner.timeout).await?;
            if !drained.is_silent {
                return Err(io::Error::new(io::ErrorKind::InvalidData, NEVER_SILENT));
            }
        }
        Self::silent(doubtful.0, way, manner).await
    }

    async fn silent(wire: Wire, way: &Way, manner: Manner) -> io::Result<Self> {
        let mut connection = Self::over(wire, &way.port);
        match connection.framing {
            Framing::Tcp => connection.wire.shift(manner.numbers),
            Framing::Rtu => {
                let most = manner.quiet.silence.max(manner.timeout) * 3;
                let drained = connection.wire.drain(manner.quiet, most).await?;
                if !drained.is_silent {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, NEVER_SILENT));
                }
                connection.heard = drained.heard;
            }
        }
        Ok(connection)
    }

    /// When the last byte came that nobody asked for, before the line was silent, and which
    /// was the first.
    #[must_use]
    pub const fn heard(&self) -> Option<(Instant, u8)> {
        self.heard
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
            heard: None,
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
            Ok(response) if came == self.around() + 2 + block.payload_bytes() => {
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
        let extent = match (reason, self.wire.is_unsent(), self.wire.came()) {
            (Reason::NotConnected, true, _) => Extent::Unsent,
            (Reason::BadReply, ..) => Extent::Something(self.wire.first()),
            (_, _, 0) => Extent::Nothing,
            _ => Extent::Something(self.wire.first()),
        };
        let broken = Failure::Broken {
            reason,
            remains: Some(Doubtful(self.wire)),
            extent,
        };
        (Err(broken), None)
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
