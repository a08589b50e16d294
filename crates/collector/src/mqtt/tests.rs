//! A broker of a few lines that does what a test wants.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

pub const CONNECT: u8 = 1;
pub const PUBLISH: u8 = 3;
pub const SUBSCRIBE: u8 = 8;
const PING: u8 = 12;

/// One whom the broker let in.
pub struct Peer(TcpStream);

/// A broker at this port of our own.
pub fn broker(listener: &TcpListener) -> Broker {
    Broker {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        login: None,
        version: Version::V4,
        tls: None,
    }
}

impl Peer {
    /// Greets the next one.
    pub async fn greet(listener: &TcpListener) -> Self {
        let mut peer = Self(listener.accept().await.unwrap().0);
        assert_eq!(peer.hear().await.0, CONNECT);
        peer.say(&[0x20, 2, 0, 0]).await;
        peer
    }

    /// The next packet: its kind, and what follows its length.
    pub async fn hear(&mut self) -> (u8, Vec<u8>) {
        let kind = self.0.read_u8().await.unwrap() >> 4;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.0.read_u8().await.unwrap();
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut rest = vec![0; length];
        self.0.read_exact(&mut rest).await.unwrap();
        (kind, rest)
    }

    /// A packet.
    pub async fn say(&mut self, packet: &[u8]) {
        self.0.write_all(packet).await.unwrap();
    }
}

/// A large message was taken for slow when a ping went, and was not. That must not put off the
/// next ping: the link dies meanwhile.
#[tokio::test]
async fn a_link_that_was_taken_for_slow_is_found_dead_as_soon_as_ever() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, mut connection) = open(
        &broker(&listener),
        Manner {
            client_id: "a".to_owned(),
            packet_bytes_max: 1 << 20,
            message_bytes_max: Some(1 << 18),
            requests_max: 8,
            inflight_max: 8,
            will: None,
        },
    );
    let broker = tokio::spawn(async move {
        let mut peer = Peer::greet(&listener).await;
        let (kind, publish) = peer.hear().await;
        assert_eq!(kind, PUBLISH);
        let (kind, _) = peer.hear().await;
        assert_eq!(kind, PING);
        peer.say(&[0x40, 2, publish[3], publish[4], 0xd0, 0]).await;
        let silent_since = Instant::now();
        // No answer to the next ping, and none to what follows.
        loop {
            peer.hear().await;
            if silent_since.elapsed() > Duration::from_secs(30) {
                return;
            }
        }
    });
    assert!(matches!(connection.poll().await, Ok(Event::Connected)));
    let sender = async {
        tokio::time::sleep(KEEP_ALIVE - Duration::from_millis(500)).await;
        let sent = client.publish("a".to_owned(), Surety::Acknowledged, vec![0; 100_000]);
        sent.await.unwrap();
        std::future::pending::<()>().await;
    };
    let begun = Instant::now();
    let mut acknowledged = None;
    let watcher = async {
        while let Ok(event) = connection.poll().await {
            if matches!(event, Event::Acknowledged) {
                acknowledged = Some(begun.elapsed());
            }
        }
    };
    let end = tokio::time::timeout(Duration::from_secs(40), async {
        tokio::select! {
            () = sender => {}
            () = watcher => {}
        }
    });
    end.await.expect("it is found dead");
    let silent = begun.elapsed() - acknowledged.unwrap();
    assert!(silent > KEEP_ALIVE, "{silent:?}");
    assert!(
        silent < 2 * KEEP_ALIVE + Duration::from_secs(1),
        "{silent:?}"
    );
    broker.abort();
}
