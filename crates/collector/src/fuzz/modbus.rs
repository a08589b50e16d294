//! Replies of Modbus devices. Those of RTU with a wrong checksum are harmed beside the
//! connection itself; here the checksum is right, or there is none (TCP).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Corpus, hunt};
use crate::source::modbus::connection::tests::crc;
use crate::source::modbus::connection::{Connection, Failure, Reply};
use crate::source::modbus::plan::{Block, Table};
use crate::source::modbus::port::{Framing, Port};
use crate::source::modbus::wire::Wire;

const UNIT: u8 = 17;
const TABLES: [(Table, u8); 4] = [
    (Table::Coil, 1),
    (Table::Discrete, 2),
    (Table::Holding, 3),
    (Table::Input, 4),
];
const WORDS: [&[u8]; 7] = [
    &[0x83, 2],
    &[0x81, 0x0b],
    &[0, 0],
    &[UNIT, 3],
    &[0xff, 0xff],
    &[0, 3, 0x11],
    &[1, 1],
];

/// Asks, and gets these bytes as the reply, whatever the request was. On TCP the reply has
/// the request's number before it, unless that is harmed too.
fn ask(framing: Framing, block: &Block, reply: Vec<u8>) -> (Result<Reply, Failure>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 18);
        let port = Port::Tcp {
            address: String::new(),
            framing,
        };
        let connection = Connection::over(Wire::new(Box::new(near), Vec::new()), &port);
        let device = tokio::spawn(async move {
            let mut request = vec![0; if framing == Framing::Tcp { 12 } else { 8 }];
            far.read_exact(&mut request).await.unwrap();
            far.write_all(&reply).await.unwrap_or_default();
        });
        let (answer, link) = connection.read(UNIT, block, Duration::from_secs(5)).await;
        device.await.unwrap();
        (answer, link.is_some())
    })
}

const fn block(table: Table, count: u16) -> Block {
    Block {
        table,
        start: 100,
        count,
        points: Vec::new(),
    }
}

/// Function, number of bytes and so many registers or bits: what a device that is well says.
fn good((table, function): (Table, u8), count: u16) -> Vec<u8> {
    let bytes = if table.is_bits() {
        count.div_ceil(8)
    } else {
        count * 2
    };
    let mut said = vec![function, u8::try_from(bytes).unwrap()];
    said.extend((0..bytes).map(|at| (at * 37) as u8));
    said
}

/// What a reply says when it is read by hand: function, number of bytes, and those bytes.
fn by_hand(block: &Block, function: u8, said: &[u8]) -> Option<Reply> {
    let (head, data) = said.split_at_checked(2)?;
    let count = usize::from(block.count);
    let bytes = if block.table.is_bits() {
        count.div_ceil(8)
    } else {
        count * 2
    };
    if head[0] != function || usize::from(head[1]) != bytes || data.len() != bytes {
        return None;
    }
    Some(if block.table.is_bits() {
        let bits = data
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
        Reply::Bits(bits.collect())
    } else {
        let words = data.as_chunks::<2>().0.iter();
        Reply::Words(words.map(|word| u16::from_be_bytes(*word)).collect())
    })
}

/// A value only where the bytes say it, an exception only where they say that, and otherwise
/// a connection that is not used again.
fn assert_honest(
    framing: Framing,
    block: &Block,
    function: u8,
    said: &[u8],
    whole: Vec<u8>,
) -> bool {
    let by_hand = by_hand(block, function, said);
    let is_exception = said.len() == 2 && said[0] == function | 0x80;
    match ask(framing, block, whole) {
        (Ok(reply), lives) => {
            assert!(lives);
            assert_eq!(Some(reply), by_hand);
            true
        }
        (Err(Failure::Exception(_)), lives) => {
            assert!(lives && is_exception);
            true
        }
        (Err(Failure::Broken { .. }), lives) => {
            assert!(!lives && by_hand.is_none(), "a good reply was refused");
            false
        }
    }
}

fn replies() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for table in TABLES {
        for count in [1, 8, 9, 20] {
            all.push(good(table, count));
        }
        all.push(vec![table.1 | 0x80, 2]);
    }
    all
}

#[test]
fn a_harmed_reply_with_a_right_checksum_says_what_its_bytes_say() {
    let corpus = Corpus::new(replies(), &WORDS);
    hunt("modbus rtu", (4, 200), &corpus, |said, dice| {
        let (table, function) = TABLES[(dice.roll() % 4) as usize];
        let block = block(table, [1, 8, 9, 20][(dice.roll() % 4) as usize]);
        let mut whole = vec![UNIT];
        whole.extend_from_slice(said);
        whole.extend(crc(&whole));
        assert_honest(Framing::Rtu, &block, function, said, whole)
    });
}

#[test]
fn a_harmed_reply_on_tcp_says_what_its_bytes_say_to_this_request() {
    let framed = |said: Vec<u8>| {
        let length = u16::try_from(said.len() + 1).unwrap().to_be_bytes();
        let mut whole = vec![0, 0, 0, 0, length[0], length[1], UNIT];
        whole.extend(said);
        whole
    };
    let corpus = Corpus::new(replies().into_iter().map(framed), &WORDS);
    hunt("modbus tcp", (4, 500), &corpus, |whole, dice| {
        let (table, function) = TABLES[(dice.roll() % 4) as usize];
        let block = block(table, [1, 8, 9, 20][(dice.roll() % 4) as usize]);
        let said = whole.get(7..).unwrap_or_default();
        let length = u16::try_from(said.len() + 1).unwrap_or(0).to_be_bytes();
        // The first request of a connection has the number 0.
        let is_answer = whole.get(..7) == Some(&[0, 0, 0, 0, length[0], length[1], UNIT]);
        let said = if is_answer { said } else { &[] };
        assert_honest(Framing::Tcp, &block, function, said, whole.to_vec())
    });
}
