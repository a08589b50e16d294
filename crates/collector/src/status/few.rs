//! A listener for the status page that holds few connections, and none for long that asks or
//! takes nothing: a client that only connects, or says a letter a second, must not take the
//! file descriptors that a device needs to be reached again.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// Most connections; further ones wait with the system.
pub const CONNECTIONS_MAX: usize = 64;
/// One on which nothing moves for so long is closed.
const IDLE: Duration = Duration::from_secs(10);
/// So long may a client take to say what it wants, however little it says at a time..
const ASKING: Duration = Duration::from_secs(10);
/// .. and so long to take the answer.
const ANSWERING: Duration = Duration::from_secs(60);

/// See the module.
pub struct Few {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Few {
    /// Takes connections from here.
    pub fn new(listener: TcpListener) -> Self {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Self { listener, places }
    }
}

impl Listener for Few {
    type Io = Brief;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Brief, SocketAddr) {
        // Nobody closes the semaphore; without a place the connection would only not count.
        let place = self.places.clone().acquire_owned().await.ok();
        let (stream, from) = Listener::accept(&mut self.listener).await;
        let stream = Brief {
            stream,
            idle: Box::pin(tokio::time::sleep(IDLE)),
            is_asking: true,
            turn: Box::pin(tokio::time::sleep(ASKING)),
            _place: place,
        };
        (stream, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when nothing moves on it, or one turn takes too long.
pub struct Brief {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    /// Whether the client has the turn: the last that moved was its own.
    is_asking: bool,
    turn: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Brief {
    /// The same, unless it has been waited for too long.
    fn unless_late<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        is_asking: bool,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            let now = Instant::now();
            self.idle.as_mut().reset(now + IDLE);
            if std::mem::replace(&mut self.is_asking, is_asking) != is_asking {
                let turn = if is_asking { ASKING } else { ANSWERING };
                self.turn.as_mut().reset(now + turn);
            }
            return done;
        }
        let idle = self.idle.as_mut().poll(context).is_ready();
        if idle || self.turn.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncRead for Brief {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.unless_late(done, true, context)
    }
}

impl AsyncWrite for Brief {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_late(done, false, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
