//! A stream of bytes on which nothing may come that nobody asked for.
//!
//! On RTU a reply has no number, and the client library skips bytes until something fits: junk
//! before a reply, a second reply behind it, or one that comes late would all pass. Here every
//! byte is counted from request to reply, and bytes that wait before a request are a fault.
//! What must stay true: a reply is believed only when exactly its bytes came, and nothing
//! else, since the request before it was answered.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Bytes in and out.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// Most bytes that are looked at in one go.
const LOOK: usize = 512;
/// Said of bytes that came on their own.
const UNASKED: &str = "bytes came that nobody asked for";

struct Line {
    stream: Box<dyn Bytes>,
    /// What a modem may say on its own, again and again.
    greetings: Vec<Vec<u8>>,
    /// Bytes since the request.
    came: usize,
    /// Whether a request is yet to be sent.
    is_idle: bool,
}

/// A shared end of it: the client library has one, its owner another.
#[derive(Clone)]
pub struct Wire(Arc<Mutex<Line>>);

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Over a stream whose other end may say these on its own.
    pub fn new(stream: Box<dyn Bytes>, greetings: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(Line {
            stream,
            greetings,
            came: 0,
            is_idle: true,
        })))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a request: from here on bytes are counted.
    pub fn begin(&self) {
        let mut line = self.line();
        line.came = 0;
        line.is_idle = true;
    }

    /// How many bytes came since.
    pub fn came(&self) -> usize {
        self.line().came
    }

    /// Throws away what comes until nothing has come for `silence`, but for no longer than
    /// `most`. Whether it became silent.
    ///
    /// # Errors
    /// When the stream has ended.
    pub async fn drain(&self, silence: Duration, most: Duration) -> io::Result<bool> {
        let end = tokio::time::Instant::now() + most;
        let mut end_of_it = self.clone();
        let mut bytes = [0; LOOK];
        loop {
            match tokio::time::timeout(silence, end_of_it.read(&mut bytes)).await {
                Err(_) => return Ok(true),
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Ok(_)) if tokio::time::Instant::now() >= end => return Ok(false),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}

impl Line {
    /// Looks for bytes that wait before a request.
    fn look(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut waiting = Vec::new();
        loop {
            let mut bytes = [0; LOOK];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Poll::Ready(Ok(())) => waiting.extend_from_slice(buffer.filled()),
            }
            if waiting.len() > LOOK {
                break;
            }
        }
        if self.is_greeting(&waiting) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, UNASKED))
    }

    /// Whether these are nothing, or whole greetings one after another.
    fn is_greeting(&self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let rest = self
                .greetings
                .iter()
                .find_map(|greeting| bytes.strip_prefix(greeting.as_slice()));
            match rest {
                Some(rest) => bytes = rest,
                None => return false,
            }
        }
        true
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut line = self.line();
        let before = buffer.filled().len();
        let done = Pin::new(&mut line.stream).poll_read(cx, buffer);
        line.came += buffer.filled().len() - before;
        done
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut line = self.line();
        if line.is_idle {
            line.look(cx)?;
            line.is_idle = false;
        }
        Pin::new(&mut line.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_waits_before_a_request_is_a_fault_and_greetings_are_not() {
        let (near, mut far) = tokio::io::duplex(1_024);
        let mut wire = Wire::new(Box::new(near), vec![b"DTU-7".to_vec(), vec![0]]);
        wire.begin();
        wire.write_all(b"ask").await.unwrap();
        far.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        wire.read_exact(&mut answer).await.unwrap();
        assert_eq!(wire.came(), 6);
        far.write_all(b"\0DTU-7\0").await.unwrap();
        wire.begin();
        wire.write_all(b"ask").await.unwrap();
        far.write_all(b"late").await.unwrap();
        wire.begin();
        let error = wire.write_all(b"ask").await.unwrap_err();
        assert_eq!(error.to_string(), UNASKED);
    }

    #[tokio::test]
    async fn draining_ends_with_silence_or_in_time() {
        let (near, mut far) = tokio::io::duplex(1_024);
        let wire = Wire::new(Box::new(near), Vec::new());
        let (short, long) = (Duration::from_millis(50), Duration::from_millis(400));
        far.write_all(b"old").await.unwrap();
        assert!(wire.drain(short, long).await.unwrap());
        let talker = tokio::spawn(async move {
            for _ in 0..100 {
                far.write_all(b"x").await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            !wire.drain(short, long).await.unwrap(),
            "it never is silent"
        );
        talker.abort();
    }
}
