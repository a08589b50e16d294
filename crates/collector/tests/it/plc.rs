//! A Modbus TCP device that answers every read with a number it never used before, and
//! remembers which numbers went out.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The device; it ends with its value.
pub struct Plc {
    pub address: String,
    served: Arc<Mutex<Vec<u64>>>,
    _tasks: JoinSet<()>,
}

impl Plc {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, served.clone()));
        Self {
            address,
            served,
            _tasks: tasks,
        }
    }

    /// Every number that was answered so far.
    pub fn served(&self) -> Vec<u64> {
        self.served.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, served: Arc<Mutex<Vec<u64>>>) {
    let mut streams = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        streams.spawn(serve(stream, served.clone()));
    }
}

/// Registers from address 100 hold the number as a 64-bit integer; from 900 there is
/// nothing.
async fn serve(mut stream: TcpStream, served: Arc<Mutex<Vec<u64>>>) {
    let mut request = [0; 12];
    while stream.read_exact(&mut request).await.is_ok() {
        let start = u16::from_be_bytes([request[8], request[9]]);
        let pdu = if start >= 900 {
            vec![request[7] | 0x80, 2]
        } else {
            let number = {
                let mut served = served.lock().unwrap();
                let number = served.len() as u64 + 1;
                served.push(number);
                number
            };
            [&[request[7], 8], number.to_be_bytes().as_slice()].concat()
        };
        let mut answer = request[..4].to_vec();
        answer.extend_from_slice(&u16::try_from(pdu.len() + 1).unwrap().to_be_bytes());
        answer.push(request[6]);
        answer.extend_from_slice(&pdu);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}
