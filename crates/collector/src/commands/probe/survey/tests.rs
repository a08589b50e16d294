//! Surveys of scripted devices, over a real connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::source::modbus::port::{Framing, Port};

/// What a device says to function, address and count; nothing when it is silent.
type Script = fn(function: u8, start: u16, count: u16) -> Option<Vec<u8>>;

/// A device on Modbus TCP; counts what it was asked.
async fn device(script: Script, asked: &'static AtomicUsize) -> Way {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 12];
                while stream.read_exact(&mut request).await.is_ok() {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let word = |at| u16::from_be_bytes([request[at], request[at + 1]]);
                    let Some(pdu) = script(request[7], word(8), word(10)) else {
                        continue;
                    };
                    let length = u16::try_from(pdu.len() + 1).unwrap().to_be_bytes();
                    let head = [&request[..4], &length, &request[6..7]].concat();
                    stream.write_all(&[head, pdu].concat()).await.unwrap();
                }
            });
        }
    });
    Way {
        port: Port::Tcp {
            address,
            framing: Framing::Tcp,
        },
        caller: None,
    }
}

fn words(function: u8, count: u16) -> Option<Vec<u8>> {
    let bytes = u8::try_from(count * 2).unwrap();
    Some([vec![function, bytes], vec![0; bytes.into()]].concat())
}

async fn open(script: Script, table: Table, asked: &'static AtomicUsize) -> Device {
    let way = device(script, asked).await;
    let mut device = Device::open(way, 1, table, Duration::from_millis(60))
        .await
        .unwrap();
    device.pause = Duration::ZERO;
    device
}

#[tokio::test]
async fn every_address_there_is_may_be_asked_for() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let script: Script = |function, _, count| words(function, count);
    let mut device = open(script, Table::Holding, &ASKED).await;
    let runs = device.runs(0, 65_535).await.unwrap();
    assert_eq!(
        runs,
        [Run {
            first: 0,
            last: 65_535
        }]
    );
    assert_eq!(runs[0].count(), 65_536);
    let reads = runs[0].reads(125);
    assert_eq!((reads.len(), reads[0]), (525, (0, 125)));
    assert_eq!(reads[524], (65_500, 36));
    let upper = device.runs(65_530, 65_535).await.unwrap();
    assert_eq!(device.largest(&upper[0]).await.unwrap(), 6);
}

#[tokio::test]
async fn a_unit_that_is_silent_is_so_after_a_few_tries() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let mut device = open(|_, _, _| None, Table::Holding, &ASKED).await;
    let said = device.sign_of_life(0, 499).await.unwrap_err().to_string();
    assert!(said.contains("unit 1 does not answer"), "{said}");
    assert!(ASKED.load(Ordering::Relaxed) <= 8);
}

#[tokio::test]
async fn a_device_that_is_silent_where_it_has_nothing_ends_in_time() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let script: Script = |function, start, count| {
        let is_there = start >= 2 && start + count <= 12;
        is_there.then(|| words(function, count)).flatten()
    };
    let mut device = open(script, Table::Holding, &ASKED).await;
    let runs = device.runs(0, 300).await.unwrap();
    assert!(runs.contains(&Run { first: 2, last: 11 }), "{runs:?}");
    let asked = ASKED.load(Ordering::Relaxed);
    assert!(asked < 80, "{asked}");
}

#[tokio::test]
async fn coils_are_read_too() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let script: Script = |function, start, count| {
        if function != 1 || start + count > 20 {
            return Some(vec![function | 0x80, 2]);
        }
        let bytes = u8::try_from(count.div_ceil(8)).unwrap();
        Some([vec![1, bytes], vec![0xff; bytes.into()]].concat())
    };
    let mut device = open(script, Table::Coil, &ASKED).await;
    device.sign_of_life(0, 99).await.unwrap();
    let runs = device.runs(0, 99).await.unwrap();
    assert_eq!(runs, [Run { first: 0, last: 19 }]);
    assert_eq!(device.largest(&runs[0]).await.unwrap(), 20);
    assert_eq!(device.read(3, 5).await.unwrap().unwrap(), [1; 5]);
}
