//! A Modbus TCP device that answers every read with a number it never used before, and
//! remembers which numbers went out. Units of it can be struck dumb.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The device; it ends with its value.
pub struct Plc {
    pub address: String,
    memory: Memory,
    tasks: JoinSet<()>,
}

#[derive(Clone, Default)]
struct Memory {
    /// Added to each number, so that devices can be told apart by what they say.
    base: u64,
    connections: Arc<AtomicUsize>,
    served: Arc<Mutex<Vec<u64>>>,
    dumb: Arc<Mutex<BTreeSet<u8>>>,
}

impl Plc {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    pub async fn start_at(address: &str) -> Self {
        Self::listening(address, 0).await
    }

    /// One whose numbers are above `base`.
    pub async fn above(base: u64) -> Self {
        Self::listening("127.0.0.1:0", base).await
    }

    async fn listening(address: &str, base: u64) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let memory = Memory {
            base,
            ..Memory::default()
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, memory.clone()));
        Self {
            address,
            memory,
            tasks,
        }
    }

    /// Dials in as a modem does, whenever it is hung up on.
    pub fn call(&mut self, listen: String, id: &'static str) {
        let memory = self.memory.clone();
        self.tasks.spawn(async move {
            loop {
                if let Ok(mut stream) = TcpStream::connect(&listen).await
                    && stream.write_all(id.as_bytes()).await.is_ok()
                {
                    serve(stream, memory.clone()).await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }

    /// How many connections were ever made.
    pub fn connections(&self) -> usize {
        self.memory.connections.load(Ordering::Relaxed)
    }

    /// Whether a unit takes questions and says nothing.
    pub fn set_dumb(&self, unit: u8, is_dumb: bool) {
        let mut dumb = self.memory.dumb.lock().unwrap();
        if is_dumb {
            dumb.insert(unit);
        } else {
            dumb.remove(&unit);
        }
    }

    /// Every number that was answered so far.
    pub fn served(&self) -> Vec<u64> {
        self.memory.served.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, memory: Memory) {
    let mut streams = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        streams.spawn(serve(stream, memory.clone()));
    }
}

/// Registers from address 100 hold the number as a 64-bit integer; from 900 there is
/// nothing.
async fn serve(mut stream: TcpStream, memory: Memory) {
    memory.connections.fetch_add(1, Ordering::Relaxed);
    let mut request = [0; 12];
    while stream.read_exact(&mut request).await.is_ok() {
        if memory.dumb.lock().unwrap().contains(&request[6]) {
            continue;
        }
        let start = u16::from_be_bytes([request[8], request[9]]);
        let pdu = if start >= 900 {
            vec![request[7] | 0x80, 2]
        } else {
            let number = {
                let mut served = memory.served.lock().unwrap();
                let number = memory.base + served.len() as u64 + 1;
                served.push(number);
                number
            };
            [&[request[7], 8], number.to_be_bytes().as_slice()].concat()
        };
        let mut answer = request[..4].to_vec();
        answer.extend_from_slice(&u16::try_from(pdu.len() + 1).unwrap().to_be_bytes());
        answer.push(request[6]);
        answer.extend_from_slice(&pdu);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}
