//! Modems that dial in: one listener an address, and a place for each modem that is expected.
//!
//! A modem says its id first, within [`SAYS_WITHIN`]; a stranger is hung up on. When a modem
//! dials in again its older connection is dead: modems do not notice themselves when a mobile
//! network has forgotten them. Memory is bounded: at most [`STRANGERS_MAX`] connections that
//! have not said who they are, and one a modem that nobody has taken yet.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::Line;
use super::port;

/// How long a modem may take to say its id.
pub const SAYS_WITHIN: Duration = Duration::from_secs(10);
/// Most connections that have not said theirs.
pub const STRANGERS_MAX: usize = 64;
/// Longest id in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// A modem's place.
#[derive(Debug, Default)]
pub struct Caller {
    stream: Mutex<Option<TcpStream>>,
    came: Notify,
}

impl Caller {
    /// Waits for the modem's connection and takes it.
    pub async fn wait(&self) -> TcpStream {
        loop {
            if let Some(stream) = self.take() {
                return stream;
            }
            self.came.notified().await;
        }
    }

    /// Whether a connection waits.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.place().is_some()
    }

    fn take(&self) -> Option<TcpStream> {
        self.place().take()
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<TcpStream>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, stream: TcpStream) {
        *self.place() = Some(stream);
        self.came.notify_one();
    }
}

/// One listener and the modems that it expects, which may come and go.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Who may call, by id; no id begins with another.
    callers: Mutex<Vec<(Vec<u8>, Arc<Caller>)>>,
}

/// Where these lines are called, each address once.
pub fn listens(lines: &[Line]) -> BTreeSet<SocketAddr> {
    let ways = lines.iter().filter_map(|line| line.way.port.dial_in());
    ways.map(|dial_in| dial_in.listen).collect()
}

impl Exchange {
    fn callers(&self) -> MutexGuard<'_, Vec<(Vec<u8>, Arc<Caller>)>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a modem, from now on; instead of the one that it had, if it had one.
    pub fn expect(&self, id: &[u8]) -> Arc<Caller> {
        let caller = Arc::new(Caller::default());
        let mut callers = self.callers();
        callers.retain(|(known, _)| known != id);
        callers.push((id.to_vec(), caller.clone()));
        caller
    }

    /// This modem is a stranger from now on.
    pub fn forget(&self, id: &[u8]) {
        self.callers().retain(|(known, _)| known != id);
    }

    /// Takes the calls of a listener for ever.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
        let exchange = self;
        let mut calls = JoinSet::new();
        loop {
            while calls.try_join_next().is_some() {}
            let (stream, from) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    let listen = listener.local_addr().ok();
                    tracing::warn!(?listen, %error, "cannot take a call");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            let Ok(permit) = strangers.clone().try_acquire_owned() else {
                tracing::warn!(%from, "too many calls that say no id; hung up");
                continue;
            };
            let exchange = exchange.clone();
            calls.spawn(async move {
                exchange.answer(stream, from).await;
                drop(permit);
            });
        }
    }

    async fn answer(&self, mut stream: TcpStream, from: SocketAddr) {
        let said = tokio::time::timeout(SAYS_WITHIN, self.listen_to(&mut stream)).await;
        match said {
            Ok(Ok((id, caller))) => {
                if let Err(error) = port::settle(&stream) {
                    tracing::warn!(%from, %error, "a call that ended at once");
                    return;
                }
                tracing::info!(%from, id = %id.escape_ascii(), "modem dialled in");
                caller.put(stream);
            }
            Ok(Err(said)) => {
                tracing::warn!(%from, said = %said.escape_ascii(), "a stranger called; hung up");
            }
            Err(_) => tracing::warn!(%from, "a call that said no id; hung up"),
        }
    }

    /// Reads byte by byte up to a known id, so that nothing behind it is taken away; or what
    /// was said instead.
    async fn listen_to(&self, stream: &mut TcpStream) -> Result<(Vec<u8>, Arc<Caller>), Vec<u8>> {
        let mut said = Vec::new();
        loop {
            let Ok(byte) = stream.read_u8().await else {
                return Err(said);
            };
            said.push(byte);
            let callers = self.callers();
            // The longest that fits so far may still become a longer one.
            let longer = |id: &Vec<u8>| id.len() > said.len() && id.starts_with(&said);
            let known = callers.iter().find(|(id, _)| *id == said);
            match known {
                Some((id, caller)) if !callers.iter().any(|(id, _)| longer(id)) => {
                    return Ok((id.clone(), caller.clone()));
                }
                _ if callers.iter().any(|(id, _)| longer(id)) => {}
                _ => return Err(said),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_modem_is_known_by_its_id_and_a_newer_call_replaces_the_older() {
        let exchange = Arc::new(Exchange::default());
        exchange.expect(b"DTU-1");
        let second = exchange.expect(b"DTU-2");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let serving = tokio::spawn(exchange.clone().serve(listener));
        let mut stranger = TcpStream::connect(listen).await.unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let mut rest = Vec::new();
        // It is hung up on; how that looks depends on what it still had to say.
        drop(stranger.read_to_end(&mut rest).await);
        assert!(rest.is_empty() && !second.is_waiting());
        let mut old = TcpStream::connect(listen).await.unwrap();
        old.write_all(b"DTU-2").await.unwrap();
        let _held = second.wait().await;
        let mut new = TcpStream::connect(listen).await.unwrap();
        new.write_all(b"DTU").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        new.write_all(b"-2\x01\x02").await.unwrap();
        let mut taken = second.wait().await;
        let mut two = [0; 2];
        taken.read_exact(&mut two).await.unwrap();
        assert_eq!(two, [1, 2], "what follows the id stays");
        // Its line was changed: who calls now is another line's.
        let other = exchange.expect(b"DTU-2");
        let mut again = TcpStream::connect(listen).await.unwrap();
        again.write_all(b"DTU-2").await.unwrap();
        other.wait().await;
        assert!(!second.is_waiting());
        exchange.forget(b"DTU-2");
        let mut gone = TcpStream::connect(listen).await.unwrap();
        gone.write_all(b"DTU-2").await.unwrap();
        drop(gone.read_to_end(&mut rest).await);
        assert!(rest.is_empty() && !other.is_waiting());
        serving.abort();
    }
}
