//! A slow link before a broker: so many bytes in a second go up, whatever is sent; what comes
//! down is not hurt. It may hang, like a modem without a network.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::scripted::length;

/// Times a second that some bytes go.
const BEATS: usize = 20;

/// A running link. It ends with its value.
pub struct Narrow {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    broker: u16,
    bytes_per_second: usize,
    /// The broker behind it takes a message for silence until its last byte has come.
    is_strict: bool,
    hangs: AtomicBool,
    connections: AtomicUsize,
    /// How large each packet was that came through.
    packets: Mutex<Vec<usize>>,
    keep_alive_s: AtomicU64,
}

impl Drop for Narrow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Narrow {
    /// Before the broker at this port.
    pub async fn start(broker: u16, bytes_per_second: usize, is_strict: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            broker,
            bytes_per_second,
            is_strict,
            hangs: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            packets: Mutex::new(Vec::new()),
            keep_alive_s: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { port, shared, task }
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Nothing goes either way any more, and no connection is closed.
    pub fn hang(&self) {
        self.shared.hangs.store(true, Ordering::Relaxed);
    }

    /// How many were taken so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many packets of at least this size came through.
    pub fn packets_from(&self, bytes: usize) -> usize {
        let packets = self.shared.packets.lock().unwrap();
        packets.iter().filter(|size| **size >= bytes).count()
    }

    /// What the broker was told last, in seconds.
    pub fn keep_alive(&self) -> u64 {
        self.shared.keep_alive_s.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (ours, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let Ok(theirs) = TcpStream::connect(("127.0.0.1", shared.broker)).await else {
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let (from_us, mut to_us) = ours.into_split();
            let (mut from_them, to_them) = theirs.into_split();
            let hanging = shared.clone();
            let down = async move {
                let mut some = [0; 4_096];
                loop {
                    let read = from_them.read(&mut some).await.ok().filter(|n| *n > 0)?;
                    hanging.pass().await;
                    to_us.write_all(&some[..read]).await.ok()?;
                }
            };
            // Both ends are closed with the first that ends.
            tokio::select! {
                _ = up(from_us, to_them, shared) => {}
                None::<()> = down => {}
            }
        });
    }
}

/// Packet by packet, as a broker sees them, but for one that is strict: on its way a packet is
/// no sign of life to that one.
async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: Arc<Shared>) -> Option<()> {
    let mut whole_at = Instant::now();
    let mut keep_alive = Duration::from_secs(3_600);
    loop {
        let kind = from.read_u8().await.ok()?;
        let mut rest = vec![0; length(&mut from).await?];
        to.write_all(&head(kind, rest.len())).await.ok()?;
        let patience = keep_alive + keep_alive / 2;
        let carried = shared.carry(&mut from, &mut to, &mut rest);
        if shared.is_strict {
            let end = whole_at + patience;
            tokio::time::timeout_at(end, carried).await.ok()??;
        } else {
            carried.await?;
        }
        whole_at = Instant::now();
        if kind >> 4 == 1 {
            let seconds = u16::from_be_bytes([rest[8], rest[9]]).into();
            shared.keep_alive_s.store(seconds, Ordering::Relaxed);
            keep_alive = Duration::from_secs(seconds);
        }
        shared.packets.lock().unwrap().push(rest.len());
    }
}

fn head(kind: u8, mut left: usize) -> Vec<u8> {
    let mut head = vec![kind];
    while left >= 0x80 {
        head.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    head.push(u8::try_from(left).unwrap());
    head
}

impl Shared {
    async fn pass(&self) {
        while self.hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn carry(
        &self,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
        packet: &mut [u8],
    ) -> Option<()> {
        let at_once = self.bytes_per_second / BEATS;
        for some in packet.chunks_mut(at_once) {
            self.pass().await;
            from.read_exact(some).await.ok()?;
            let share = u32::try_from(some.len()).ok()?;
            let beat = Duration::from_secs(1) / u32::try_from(BEATS).ok()?;
            tokio::time::sleep(beat * share / u32::try_from(at_once).ok()?).await;
            to.write_all(some).await.ok()?;
        }
        Some(())
    }
}
