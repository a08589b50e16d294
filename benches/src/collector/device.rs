//! Devices that cost next to nothing: Modbus TCP, any number of connections, one thread.
//!
//! Register `a` answers `a` plus the number of the request on its connection, so that values
//! change with every read. Only function 3 is known; whatever else comes ends the connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;

use super::running;

/// A read request: head, unit, function, first register, count.
const REQUEST_BYTES: usize = 12;
const READ_HOLDING: u8 = 3;
const REGISTERS_MAX: u16 = 125;
/// That may wait to be accepted.
const CONNECTIONS_MAX: u32 = 1_024;

/// Starts them on a thread of their own, on one core if it is given.
pub fn start(core: Option<usize>) -> anyhow::Result<SocketAddr> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(async { listen() })?;
    let address = listener.local_addr()?;
    let (pinned, is_pinned) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let done = core.map_or(Ok(()), running::pin_this_thread);
        if pinned.send(done).is_err() {
            return;
        }
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    // The other end closes it: the run is over.
                    drop(answer(stream).await);
                });
            }
        });
    });
    is_pinned.recv()??;
    Ok(address)
}

/// All connections may come at once.
fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(CONNECTIONS_MAX)
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; REQUEST_BYTES];
    let mut reply = Vec::with_capacity(9 + 2 * usize::from(REGISTERS_MAX));
    let mut turn: u16 = 0;
    loop {
        turn = turn.wrapping_add(1);
        stream.read_exact(&mut request).await?;
        let first = u16::from_be_bytes([request[8], request[9]]);
        let count = u16::from_be_bytes([request[10], request[11]]);
        if request[7] != READ_HOLDING || !(1..=REGISTERS_MAX).contains(&count) {
            return Ok(());
        }
        reply.clear();
        reply.extend_from_slice(&request[..4]);
        reply.extend_from_slice(&(3 + 2 * count).to_be_bytes());
        reply.extend_from_slice(&request[6..8]);
        reply.push((2 * count) as u8);
        for at in 0..count {
            let word = first.wrapping_add(at).wrapping_add(turn);
            reply.extend_from_slice(&word.to_be_bytes());
        }
        stream.write_all(&reply).await?;
    }
}
