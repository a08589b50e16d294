//! One connection to a Modbus device. The only file that speaks to the client library.
//!
//! [`Connection::read`] takes the connection and gives it back only when the answer was whole
//! and fitted the question, so a doubtful connection cannot be used again by mistake.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fenghuo_model::Reason;
use tokio::net::{TcpSocket, TcpStream};
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::slave::{Slave, SlaveContext};
use tokio_modbus::{Error, ExceptionCode, Request, Response};

use super::plan::{Block, Table};

/// An open connection on which nothing is under way.
pub struct Connection(Context);

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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The device answered with an exception; the connection is as good as before.
    Exception {
        /// What it means for the points.
        reason: Reason,
        /// Whether a smaller block may fare better (exceptions 2 and 3).
        is_about_the_block: bool,
    },
    /// Nothing fitting came; the connection is gone.
    Broken(Reason),
}

impl Connection {
    /// Opens a connection; tries every address of the name.
    ///
    /// # Errors
    /// The last address's error, or a time-out.
    pub async fn open(address: &str, timeout: Duration) -> io::Result<Self> {
        let stream = tokio::time::timeout(timeout, connect(address))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        stream.set_nodelay(true)?;
        Ok(Self(tcp::attach(stream)))
    }

    /// Asks for a block.
    pub async fn read(
        mut self,
        unit: u8,
        block: &Block,
        timeout: Duration,
    ) -> (Result<Reply, Failure>, Option<Self>) {
        self.0.set_slave(Slave(unit));
        let (start, count) = (block.start, block.count);
        let request = match block.table {
            Table::Coil => Request::ReadCoils(start, count),
            Table::Discrete => Request::ReadDiscreteInputs(start, count),
            Table::Input => Request::ReadInputRegisters(start, count),
            Table::Holding => Request::ReadHoldingRegisters(start, count),
        };
        let answer = match tokio::time::timeout(timeout, self.0.call(request)).await {
            Err(_) => return (Err(Failure::Broken(Reason::Timeout)), None),
            Ok(Err(error)) => return (Err(Failure::Broken(meaning(&error))), None),
            Ok(Ok(answer)) => answer,
        };
        match answer {
            Err(code) => (Err(exception(code)), Some(self)),
            Ok(response) => match fit(block, response) {
                Some(reply) => (Ok(reply), Some(self)),
                None => (Err(Failure::Broken(Reason::BadReply)), None),
            },
        }
    }
}

async fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in tokio::net::lookup_host(address).await? {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_keepalive(true)?;
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
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

const fn exception(code: ExceptionCode) -> Failure {
    let reason = match code {
        ExceptionCode::IllegalFunction => Reason::IllegalFunction,
        ExceptionCode::IllegalDataAddress => Reason::IllegalAddress,
        ExceptionCode::IllegalDataValue => Reason::IllegalValue,
        ExceptionCode::ServerDeviceFailure => Reason::DeviceFailure,
        ExceptionCode::Acknowledge | ExceptionCode::ServerDeviceBusy => Reason::DeviceBusy,
        ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice => {
            Reason::GatewayPath
        }
        ExceptionCode::MemoryParityError | ExceptionCode::Custom(_) => Reason::OtherException,
    };
    Failure::Exception {
        reason,
        is_about_the_block: matches!(reason, Reason::IllegalAddress | Reason::IllegalValue),
    }
}
