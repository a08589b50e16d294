//! A stream of bytes on which nothing may come that nobody asked for.
//!
//! On RTU a reply has no number, and the client library skips bytes until something fits: junk
//! before a reply, a second reply behind it, or one that comes late would all pass. Here every
//! byte is counted from request to reply, and bytes that wait before a request are a fault.
//! Where replies have numbers, the client library numbers its requests from 0 on each
//! connection; the first byte of the number is moved here, so that no two connections of a
//! line use the same numbers one after the other.
//!
//! What must stay true: a reply is believed only when exactly its bytes came, and nothing
//! else, since the request before it was answered.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

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
    /// The first of them, or of what waited before it.
    first: Option<u8>,
    /// Whether a request is yet to be sent.
    is_idle: bool,
    /// What is added to the first byte of a request, and taken from that of a reply.
    shift: u8,
}

/// How silent a line must be.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    /// For so long on end..
    pub silence: Duration,
    /// .. and no sooner than so long from now.
    pub least: Duration,
}

/// What came of waiting for silence.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    /// Whether it came.
    pub is_silent: bool,
    /// When the last byte came before it, and the first of all; unless it was a modem that said
    /// it is there.
    pub heard: Option<(Instant, u8)>,
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
            first: None,
            is_idle: true,
            shift: 0,
        })))
    }

    /// Moves the numbers of requests and replies.
    pub fn shift(&self, shift: u8) {
        self.line().shift = shift;
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a request: from here on bytes are counted.
    pub fn begin(&self) {
        let mut line = self.line();
        line.came = 0;
        line.first = None;
        line.is_idle = true;
    }

    /// How many bytes came since.
    pub fn came(&self) -> usize {
        self.line().came
    }

    /// The first byte that came since, or waited before.
    pub fn first(&self) -> Option<u8> {
        self.line().first
    }

    /// Whether nothing of a request was sent.
    pub fn is_unsent(&self) -> bool {
        self.line().is_idle
    }

    /// Throws away what comes until the line is quiet, but for no longer than `most` more than
    /// that takes.
    ///
    /// # Errors
    /// When the stream has ended.
    pub async fn drain(&self, quiet: Quiet, most: Duration) -> io::Result<Drained> {
        let begun = Instant::now();
        let end = begun + quiet.least + most;
        let (mut heard, mut said) = (None, Vec::new());
        let mut end_of_it = self.clone();
        let mut bytes = [0; LOOK];
        loop {
            let silent_at = heard.map_or(begun, |(at, _)| at) + quiet.silence;
            let until = silent_at.max(begun + quiet.least);
            let is_silent = match tokio::time::timeout_at(until, end_of_it.read(&mut bytes)).await {
                Err(_) => true,
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(count)) => {
                    let first = heard.map_or(bytes[0], |(_, first)| first);
                    heard = Some((Instant::now(), first));
                    if said.len() <= LOOK {
                        said.extend_from_slice(&bytes[..count]);
                    }
                    if Instant::now() < end {
                        continue;
                    }
                    false
                }
            };
            let heard = heard.filter(|_| !self.line().is_greeting(&said));
            return Ok(Drained { is_silent, heard });
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
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                Poll::Ready(Ok(())) => waiting.extend_from_slice(buffer.filled()),
            }
            if waiting.len() > LOOK {
                break;
            }
        }
        self.first = waiting.first().copied();
        if self.is_greeting(&waiting) {
            self.first = None;
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
        if line.came == 0
            && let Some(first) = buffer.filled_mut().get_mut(before)
        {
            *first = first.wrapping_sub(line.shift);
            line.first = Some(*first);
        }
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
        if !line.is_idle {
            return Pin::new(&mut line.stream).poll_write(cx, bytes);
        }
        line.look(cx)?;
        let mut request = bytes.to_vec();
        if let Some(first) = request.first_mut() {
            *first = first.wrapping_add(line.shift);
        }
        let sent = Pin::new(&mut line.stream).poll_write(cx, &request);
        line.is_idle = sent.is_pending();
        sent
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
    async fn numbers_are_moved_on_the_way_out_and_back() {
        let (near, mut far) = tokio::io::duplex(1_024);
        let mut wire = Wire::new(Box::new(near), Vec::new());
        wire.shift(255);
        for _ in 0..2 {
            wire.begin();
            wire.write_all(&[1, 2, 3]).await.unwrap();
            let mut asked = [0; 3];
            far.read_exact(&mut asked).await.unwrap();
            assert_eq!(asked, [0, 2, 3]);
            far.write_all(&[0]).await.unwrap();
            let mut answer = [0; 3];
            wire.read_exact(&mut answer[..1]).await.unwrap();
            far.write_all(&[0, 9]).await.unwrap();
            wire.read_exact(&mut answer[1..]).await.unwrap();
            assert_eq!(answer, [1, 0, 9]);
        }
    }

    #[tokio::test]
    async fn draining_ends_with_silence_or_in_time() {
        let (near, mut far) = tokio::io::duplex(1_024);
        let greetings = vec![b"\r\n".to_vec(), vec![0]];
        let wire = Wire::new(Box::new(near), greetings);
        let (short, long) = (Duration::from_millis(150), Duration::from_millis(600));
        let quiet = |least| Quiet {
            silence: short,
            least,
        };
        let drained = {
            far.write_all(b"\r\n\0").await.unwrap();
            wire.drain(quiet(Duration::ZERO), long).await.unwrap()
        };
        assert!(drained.is_silent && drained.heard.is_none(), "a greeting");
        far.write_all(b"old").await.unwrap();
        let drained = wire.drain(quiet(Duration::ZERO), long).await.unwrap();
        assert!(drained.is_silent && drained.heard.is_some());
        let begun = Instant::now();
        let drained = wire.drain(quiet(long), long).await.unwrap();
        assert!(drained.is_silent && drained.heard.is_none());
        assert!(begun.elapsed() >= long, "no sooner than that");
        let talker = tokio::spawn(async move {
            for _ in 0..100 {
                far.write_all(b"x").await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let drained = wire.drain(quiet(Duration::ZERO), long).await.unwrap();
        assert!(!drained.is_silent, "it never is");
        talker.abort();
    }
}
