//! A screen: reads the SSE stream and notes when each alarm event came.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A listening screen.
pub struct Screen(Arc<Mutex<Vec<Instant>>>);

impl Screen {
    /// Opens the stream and reads it on a thread of its own.
    pub fn open(http: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(http)?;
        stream.set_nodelay(true)?;
        // By HTTP/1.0 the body comes as it is, not in chunks.
        let request = format!(
            "GET /api/v1/stream HTTP/1.0\r\nHost: {http}\r\nAccept: text/event-stream\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if line == "event: alarm" || line == "event:alarm" {
                    noted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(Instant::now());
                }
            }
        });
        Ok(Self(seen))
    }

    /// Waits for this many events, or until the time is over.
    pub fn wait(&self, events: usize, at_most: Duration) -> Vec<Instant> {
        let begun = Instant::now();
        loop {
            let seen = self
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if seen.len() >= events || begun.elapsed() > at_most {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
