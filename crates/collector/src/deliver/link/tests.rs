use tokio::net::TcpListener;

use super::*;
use crate::mqtt::tests::{PUBLISH, Peer, SUBSCRIBE, broker};

/// A message that found no room in the client waits there when the connection ends. It belongs
/// to that one; nobody counts on its acknowledgement on the next.
#[tokio::test]
async fn a_message_of_an_older_connection_goes_on_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = "acme/gw1".parse().unwrap();
    let mut link = Link::open(&broker(&listener), &gateway, 1, 7);
    let mut peer = Peer::greet(&listener).await;
    grant(&mut peer).await;
    let Some(LinkEvent::Up(generation)) = link.events.recv().await else {
        panic!("not up");
    };
    // Nothing is acknowledged.
    let wait = Duration::from_millis(500);
    while let Ok(place) = tokio::time::timeout(wait, link.out.clone().reserve_owned()).await {
        let message = Outgoing {
            channel: Channel::Data,
            payload: vec![0],
            generation,
        };
        link.send(place.unwrap(), message);
    }
    assert!(!link.is_empty());
    drop(peer);
    assert!(matches!(link.events.recv().await, Some(LinkEvent::Down(_))));
    let mut peer = Peer::greet(&listener).await;
    grant(&mut peer).await;
    let Some(LinkEvent::Up(_)) = link.events.recv().await else {
        panic!("not up again");
    };
    let (kind, state) = peer.hear().await;
    assert_eq!(kind, PUBLISH);
    let length = usize::from(state[1]);
    assert!(state[2..2 + length].ends_with(b"/state"));
    peer.say(&[0x40, 2, state[2 + length], state[3 + length]])
        .await;
    tokio::time::timeout(wait, peer.hear())
        .await
        .expect_err("nothing else goes");
    assert!(link.is_empty());
}

async fn grant(peer: &mut Peer) {
    let (kind, subscribe) = peer.hear().await;
    assert_eq!(kind, SUBSCRIBE, "nothing goes before");
    peer.say(&[0x90, 3, subscribe[0], subscribe[1], 1]).await;
}
