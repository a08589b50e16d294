//! A proxy before a broker that loses what the broker says of messages, as long as it is told
//! to: acknowledgements and messages go missing, pings and greetings pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::scripted::length;

/// Kinds of packets: a message, and the acknowledgement of one.
const LOST: [u8; 2] = [3, 4];

/// A running proxy. It ends with its value.
pub struct Sieve {
    port: u16,
    loses: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Sieve {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sieve {
    /// Passes everything to the broker at this port and back.
    pub async fn start(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let loses = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (loses.clone(), connections.clone());
        let task = tokio::spawn(async move {
            loop {
                let (ours, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let theirs = TcpStream::connect(("127.0.0.1", broker)).await.unwrap();
                let (mut from_us, to_us) = ours.into_split();
                let (from_them, mut to_them) = theirs.into_split();
                tokio::spawn(async move {
                    tokio::io::copy(&mut from_us, &mut to_them)
                        .await
                        .unwrap_or_default();
                });
                tokio::spawn(sift(from_them, to_us, shared.clone()));
            }
        });
        Self {
            port,
            loses,
            connections,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub fn lose(&self, loses: bool) {
        self.loses.store(loses, Ordering::Relaxed);
    }

    /// How many were taken so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Packets from the broker, all but the lost ones; both versions frame them alike.
async fn sift(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    loses: Arc<AtomicBool>,
) -> Option<()> {
    loop {
        let kind = from.read_u8().await.ok()?;
        let mut rest = vec![0; length(&mut from).await?];
        from.read_exact(&mut rest).await.ok()?;
        if loses.load(Ordering::Relaxed) && LOST.contains(&(kind >> 4)) {
            continue;
        }
        let mut packet = vec![kind];
        let mut left = rest.len();
        while left >= 0x80 {
            packet.push(u8::try_from(left & 0x7f).ok()? | 0x80);
            left >>= 7;
        }
        packet.push(u8::try_from(left).ok()?);
        packet.extend(rest);
        to.write_all(&packet).await.ok()?;
    }
}
