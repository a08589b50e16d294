//! A broker that misbehaves as told: what a real one does only when it is broken.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How it treats whom it lets in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Takes the connection and never says a word.
    Mute,
    /// Greets, and never answers a subscription.
    Forgetful,
    /// Refuses every subscription.
    Refusing,
    /// Grants it, and passes nothing on.
    Kind,
}

/// Runs until dropped.
pub struct Scripted {
    pub port: u16,
    pub manners: Arc<Mutex<Manners>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    pub async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let manners = Arc::new(Mutex::new(manners));
        let shared = manners.clone();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self {
            port,
            manners,
            connections,
            task,
        }
    }

    /// How many were taken so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub fn turn(&self, manners: Manners) {
        *self.manners.lock().unwrap() = manners;
    }
}

/// Packets of version 3.1.1.
async fn serve(mut stream: TcpStream, manners: Arc<Mutex<Manners>>) -> Option<()> {
    loop {
        let kind = stream.read_u8().await.ok()?;
        let mut rest = vec![0; length(&mut stream).await?];
        stream.read_exact(&mut rest).await.ok()?;
        let now = *manners.lock().unwrap();
        let answer = match (kind >> 4, now) {
            (1, Manners::Mute) => {
                // Held open, like a broker that hangs.
                std::future::pending::<()>().await;
                Vec::new()
            }
            (1, _) => vec![0x20, 2, 0, 0],
            (8, Manners::Refusing) => vec![0x90, 3, rest[0], rest[1], 0x80],
            (8, Manners::Kind) => vec![0x90, 3, rest[0], rest[1], 1],
            (12, _) => vec![0xd0, 0],
            _ => Vec::new(),
        };
        stream.write_all(&answer).await.ok()?;
    }
}

/// The remaining length: seven bits a byte, the lowest first.
pub async fn length(stream: &mut (impl AsyncRead + Unpin)) -> Option<usize> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
    None
}
