//! A connection that the service can cut: the next read or write of it fails.
//!
//! The server's loop owns the stream and gives its service no hold on it; a shared flag
//! does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Cuts the connection that it was made with.
#[derive(Debug, Clone)]
pub struct Scissors(Arc<AtomicBool>);

impl Scissors {
    /// Cuts.
    pub fn cut(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// See the module.
#[derive(Debug)]
pub struct Cuttable {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

/// A stream and what cuts it.
pub fn cuttable(stream: TcpStream) -> (Cuttable, Scissors) {
    let cut = Arc::new(AtomicBool::new(false));
    let scissors = Scissors(Arc::clone(&cut));
    (Cuttable { stream, cut }, scissors)
}

impl Cuttable {
    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Relaxed) {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "cut by the scenario",
            ));
        }
        Ok(())
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
