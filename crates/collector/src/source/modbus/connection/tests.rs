//! Replies with their bytes changed at random: only the very reply may become values.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const UNIT: u8 = 17;

/// The checksum of RTU frames, bit by bit (Modbus over serial line 1.02, appendix B).
pub fn crc(bytes: &[u8]) -> [u8; 2] {
    let step = |crc: u16, _| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xa001
        } else {
            crc >> 1
        }
    };
    let add = |crc: u16, byte: &u8| (0..8).fold(crc ^ u16::from(*byte), step);
    bytes.iter().fold(0xffff, add).to_le_bytes()
}

/// What happens to a reply on its way.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Cut(usize),
    Again,
    Swap(usize, usize),
    Rubbish(Vec<u8>),
}

impl Harm {
    fn done_to(&self, reply: &[u8]) -> Vec<u8> {
        let mut bytes = reply.to_vec();
        let length = bytes.len();
        match self {
            Self::Flip(at, bits) => bytes[at % length] ^= bits,
            Self::Insert(at, byte) => bytes.insert(at % (length + 1), *byte),
            Self::Remove(at) => drop(bytes.remove(at % length)),
            Self::Cut(at) => bytes.truncate(at % length),
            Self::Again => bytes.extend_from_slice(reply),
            Self::Swap(a, b) => bytes.swap(a % length, b % length),
            Self::Rubbish(rubbish) => bytes.clone_from(rubbish),
        }
        bytes
    }
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = 0_usize..300;
    prop_oneof![
        (at.clone(), 1_u8..).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Harm::Insert(at, byte)),
        at.clone().prop_map(Harm::Remove),
        at.clone().prop_map(Harm::Cut),
        Just(Harm::Again),
        (at.clone(), at).prop_map(|(a, b)| Harm::Swap(a, b)),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Harm::Rubbish),
    ]
}

/// Asks for a block over RTU, where these bytes come as the reply and then nothing any more.
fn ask(count: u16, reply: Vec<u8>) -> (Result<Reply, Failure>, bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(4_096);
        let port = Port::Tcp {
            address: String::new(),
            framing: Framing::Rtu,
        };
        let connection = Connection::over(Wire::new(Box::new(near), Vec::new()), &port);
        let device = tokio::spawn(async move {
            let mut request = [0; 8];
            far.read_exact(&mut request).await.unwrap();
            far.write_all(&reply).await.unwrap();
        });
        let block = Block {
            table: Table::Holding,
            start: 100,
            count,
            points: Vec::new(),
        };
        let asked = connection.read(UNIT, &block, Duration::from_secs(5));
        let (answer, link) = asked.await;
        device.await.unwrap();
        (answer, link.is_some())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn only_the_very_reply_becomes_values(
        words in prop::collection::vec(any::<u16>(), 1..=125),
        harms in prop::collection::vec(harm(), 0..3),
    ) {
        let count = u16::try_from(words.len()).unwrap();
        let mut reply = vec![UNIT, 3, u8::try_from(count * 2).unwrap()];
        reply.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        reply.extend(crc(&reply));
        let came = harms.iter().fold(reply.clone(), |bytes, harm| {
            if bytes.is_empty() { bytes } else { harm.done_to(&bytes) }
        });
        let is_whole = came == reply;
        // Whatever has the right checksum and fits says what the device meant to say.
        let is_sound = came.len() == reply.len()
            && came[..3] == reply[..3]
            && crc(&came[..came.len() - 2]) == came[came.len() - 2..];
        let is_exception = came.len() == 5 && came[..2] == [UNIT, 0x83];
        match ask(count, came) {
            (Ok(Reply::Words(got)), true) if is_whole => prop_assert_eq!(got, words),
            (Ok(_), _) => prop_assert!(is_sound),
            (Err(Failure::Exception(_)), lives) => prop_assert!(lives && is_exception),
            (Err(Failure::Broken { .. }), lives) => prop_assert!(!lives && !is_whole),
        }
    }
}
