//! The Modbus TCP face of a plant: one listener, read functions 1 to 4, scripted faults.
//!
//! A unit that does not exist stays silent, as behind a real gateway. An address outside
//! the map is exception 2, a quantity outside the protocol's limits exception 3, and every
//! function that is not a read exception 1: nothing may write to a plant, and the face
//! counts whoever tries. At most [`CONNECTIONS_MAX`] connections; more are closed at once.

mod cut;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::Server;
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

use crate::image::{Answer, Image, Served};
use crate::plant::Place;
use crate::record::Recorder;
use crate::register::Table;
use crate::scenario::Fault;
use crate::stop::Stop;

use cut::{Cuttable, Scissors};

/// Most connections at a time.
pub const CONNECTIONS_MAX: usize = 256;
/// The protocol's limits for one read.
const BITS_MAX: u16 = 2_000;
const WORDS_MAX: u16 = 125;
/// How long to wait after the listener failed, for instance for lack of descriptors.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// What all connections of a plant share.
#[derive(Debug)]
pub struct Face {
    images: watch::Receiver<Arc<Image>>,
    record: Option<Recorder>,
    refused_writes: AtomicU64,
}

impl Face {
    /// Answers from the newest image.
    #[must_use]
    pub const fn new(images: watch::Receiver<Arc<Image>>, record: Option<Recorder>) -> Self {
        Self {
            images,
            record,
            refused_writes: AtomicU64::new(0),
        }
    }

    /// How often somebody tried to write to the plant.
    pub fn refused_writes(&self) -> u64 {
        self.refused_writes.load(Ordering::Relaxed)
    }
}

/// Serves until `stop`.
pub async fn serve(face: Arc<Face>, listener: TcpListener, mut stop: Stop) {
    let server = Server::new(listener);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let on_connected = |stream: TcpStream, peer: SocketAddr| {
        let (face, places) = (Arc::clone(&face), Arc::clone(&places));
        async move { Ok(connection(face, &places, stream, peer)) }
    };
    let on_error = |error: io::Error| tracing::debug!(%error, "connection ended");
    loop {
        tokio::select! {
            served = server.serve(&on_connected, on_error) => {
                if let Err(error) = served {
                    tracing::warn!(%error, "cannot accept connections for now");
                }
                tokio::time::sleep(LISTEN_AGAIN).await;
            }
            () = stop.stopped() => return,
        }
    }
}

fn connection(
    face: Arc<Face>,
    places: &Arc<Semaphore>,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<(Connection, Cuttable)> {
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
        tracing::warn!(%peer, CONNECTIONS_MAX, "too many connections");
        return None;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot set nodelay");
    }
    let (stream, scissors) = cut::cuttable(stream);
    let connection = Connection {
        face,
        scissors,
        _place: place,
    };
    Some((connection, stream))
}

struct Connection {
    face: Arc<Face>,
    scissors: Scissors,
    _place: OwnedSemaphorePermit,
}

type Reply = Result<Option<Response>, ExceptionCode>;

impl Service for Connection {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn call(&self, request: SlaveRequest<'static>) -> Self::Future {
        let (face, scissors) = (Arc::clone(&self.face), self.scissors.clone());
        Box::pin(async move { face.reply(request, &scissors).await })
    }
}

/// A read as asked for.
#[derive(Debug, Clone, Copy)]
struct Read {
    unit: u8,
    table: Table,
    first: u16,
    count: u16,
}

impl Face {
    async fn reply(&self, request: SlaveRequest<'static>, scissors: &Scissors) -> Reply {
        let image = Arc::clone(&self.images.borrow());
        let unit = request.slave;
        if !image
            .map()
            .kind()
            .spans()
            .iter()
            .any(|span| span.unit == unit)
        {
            return Ok(None);
        }
        let Some(read) = as_read(unit, &request.request) else {
            self.refused_writes.fetch_add(1, Ordering::Relaxed);
            return Err(ExceptionCode::IllegalFunction);
        };
        let limit = if read.table.is_bits() {
            BITS_MAX
        } else {
            WORDS_MAX
        };
        if !(1..=limit).contains(&read.count) {
            return Err(ExceptionCode::IllegalDataValue);
        }
        for fault in &image.faults {
            match fault {
                Fault::Silent => return Ok(None),
                Fault::Drop => {
                    scissors.cut();
                    return Ok(None);
                }
                Fault::Exception { code, point } if concerns(&image, *point, read) => {
                    return Err(ExceptionCode::new(*code));
                }
                // The answer stays what it was when it was asked for.
                Fault::Late { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
                Fault::Exception { .. } | Fault::Nan { .. } | Fault::Quiet { .. } => {}
            }
        }
        match image.read(unit, read.table, read.first, read.count) {
            Answer::NoUnit => Ok(None),
            Answer::IllegalAddress => Err(ExceptionCode::IllegalDataAddress),
            Answer::Cells { words, served } => {
                self.note(&image, &served).await;
                Ok(Some(response(read.table, words)))
            }
        }
    }

    async fn note(&self, image: &Image, served: &[Served]) {
        let Some(record) = &self.record else { return };
        let time_ms = now_ms();
        for Served { point, words } in served {
            let point = image.map().points()[*point];
            let key = (image.map().kind(), point.key);
            let value = decoded(&point.place, words);
            record.words(time_ms, key, words, value).await;
        }
    }
}

fn as_read(unit: u8, request: &Request<'_>) -> Option<Read> {
    let (table, first, count) = match *request {
        Request::ReadCoils(first, count) => (Table::Coil, first, count),
        Request::ReadDiscreteInputs(first, count) => (Table::Discrete, first, count),
        Request::ReadInputRegisters(first, count) => (Table::Input, first, count),
        Request::ReadHoldingRegisters(first, count) => (Table::Holding, first, count),
        _ => return None,
    };
    Some(Read {
        unit,
        table,
        first,
        count,
    })
}

fn concerns(image: &Image, point: Option<usize>, read: Read) -> bool {
    let last = read.first.saturating_add(read.count - 1);
    point.is_none_or(|point| {
        let touched = image.touched(read.unit, read.table, read.first, last);
        touched.contains(&point)
    })
}

fn response(table: Table, words: Vec<u16>) -> Response {
    let bits = |words: Vec<u16>| words.into_iter().map(|word| word != 0).collect();
    match table {
        Table::Coil => Response::ReadCoils(bits(words)),
        Table::Discrete => Response::ReadDiscreteInputs(bits(words)),
        Table::Input => Response::ReadInputRegisters(words),
        Table::Holding => Response::ReadHoldingRegisters(words),
    }
}

/// The value that a right reader gets from these words; null when there is none.
fn decoded(place: &Place, words: &[u16]) -> Value {
    let Place::Register { encoding, .. } = place else {
        return Value::Null;
    };
    let value = encoding.value(words);
    if encoding.raw.is_state() {
        return json!(value.map(|value| value != 0.0));
    }
    // serde_json writes NaN and infinities as null.
    json!(value)
}

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
