//! Topics outside ours are ordinary MQTT, within bounds.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use rumqttc::{LastWill, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::{Client, PASSWORD, closed_config, open_config, options, start, until};

#[tokio::test]
async fn devices_reach_their_subscribers() {
    let (broker, memory) = start(closed_config()).await;
    let address = broker.local_addr();
    let mut listener = Client::connect(address, "listener", Some("device")).await;
    assert!(listener.subscribe("plant/+/level").await);
    let device = Client::connect(address, "device", Some("device")).await;
    device.publish("plant/tank1/level", "1.5").await;
    device.publish("plant/tank1/other", "no").await;
    device.publish("plant/tank2/level", "2.5").await;
    let first = listener.message().await;
    let second = listener.message().await;
    assert_eq!(
        (first.topic.as_str(), &first.payload[..]),
        ("plant/tank1/level", &b"1.5"[..])
    );
    assert_eq!(
        (second.topic.as_str(), &second.payload[..]),
        ("plant/tank2/level", &b"2.5"[..])
    );
    assert_eq!(memory.len(), 0);
    broker.stop().await;
}

#[tokio::test]
async fn a_device_will_reaches_its_subscribers_once() {
    let (broker, _) = start(closed_config()).await;
    let address = broker.local_addr();
    let mut listener = Client::connect(address, "listener", Some("device")).await;
    assert!(listener.subscribe("plant/#").await);
    let mut options = options(address, "device", Some("device"));
    options.set_last_will(LastWill::new("plant/d", "gone", QoS::AtLeastOnce, false));
    Client::with(options).await.unwrap().vanish().await;
    assert_eq!(&listener.message().await.payload[..], b"gone");
    assert!(listener.message_soon().await.is_none());
    broker.stop().await;
}

#[tokio::test]
async fn a_sleeping_session_finds_its_messages() {
    let (broker, _) = start(closed_config()).await;
    let address = broker.local_addr();
    let mut sleepy = options(address, "listener", Some("device"));
    sleepy.set_clean_session(false);
    let mut listener = Client::with(sleepy.clone()).await.unwrap();
    assert!(listener.subscribe("plant/#").await);
    listener.vanish().await;
    until("the listener to sleep", || broker.connections() == 0).await;
    let mut device = Client::connect(address, "device", Some("device")).await;
    for index in 0..50 {
        device.publish_acked("plant/x", format!("{index}")).await;
    }
    let mut listener = Client::with(sleepy).await.unwrap();
    for index in 0..50 {
        let payload = listener.message().await.payload;
        assert_eq!(payload, format!("{index}"));
    }
    broker.stop().await;
}

#[tokio::test]
async fn what_waits_for_a_sleeper_is_bounded_counted_and_freed() {
    let mut config = closed_config();
    config.limits.session_messages_max = 10;
    let (broker, _) = start(config).await;
    let address = broker.local_addr();
    let mut sleepy = options(address, "listener", Some("device"));
    sleepy.set_clean_session(false);
    let mut listener = Client::with(sleepy.clone()).await.unwrap();
    assert!(listener.subscribe("plant/#").await);
    listener.vanish().await;
    until("the listener to sleep", || broker.connections() == 0).await;
    let mut device = Client::connect(address, "device", Some("device")).await;
    for index in 0..30 {
        device.publish_acked("plant/x", format!("{index}")).await;
    }
    let counts = broker.counts();
    assert_eq!((counts.routed, counts.unrouted), (10, 20));
    let mut listener = Client::with(sleepy).await.unwrap();
    for index in 0..10 {
        assert_eq!(listener.message().await.payload, format!("{index}"));
    }
    assert!(listener.message_soon().await.is_none());
    device.publish_acked("plant/x", "after").await;
    assert_eq!(&listener.message().await.payload[..], b"after");
    broker.stop().await;
}

#[tokio::test]
async fn the_bytes_that_wait_are_bounded() {
    let mut config = closed_config();
    config.limits.total_bytes_max = 1 << 20;
    let (broker, _) = start(config).await;
    let address = broker.local_addr();
    let mut sleepy = options(address, "listener", Some("device"));
    sleepy.set_clean_session(false);
    let mut listener = Client::with(sleepy).await.unwrap();
    assert!(listener.subscribe("plant/#").await);
    listener.vanish().await;
    until("the listener to sleep", || broker.connections() == 0).await;
    let mut device = Client::connect(address, "device", Some("device")).await;
    for _ in 0..20 {
        device.publish_acked("plant/x", vec![1; 100_000]).await;
    }
    let counts = broker.counts();
    assert_eq!((counts.routed, counts.unrouted), (10, 10));
    broker.stop().await;
}

/// Subscribes to `plant/#` and then reads nothing more, as a hung program does.
async fn stuck_subscriber(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let user = b"device";
    let mut connect = b"\0\x04MQTT\x04\xc2\0\x3c\0\x05stuck\0\x06".to_vec();
    connect.extend_from_slice(user);
    connect.extend_from_slice(&[0, PASSWORD.len() as u8]);
    connect.extend_from_slice(PASSWORD.as_bytes());
    let mut packet = vec![0x10, connect.len() as u8];
    packet.extend(connect);
    stream.write_all(&packet).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    let subscribe = b"\x82\x0c\0\x01\0\x07plant/#\x01";
    stream.write_all(subscribe).await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x90, 3, 0, 1, 1]);
    stream
}

#[tokio::test]
async fn a_stuck_subscriber_holds_back_nobody_and_is_cut_off() {
    let mut config = closed_config();
    config.limits.session_bytes_max = 4 << 20;
    let (broker, _) = start(config).await;
    let address = broker.local_addr();
    let _stuck = stuck_subscriber(address).await;
    let mut listener = Client::connect(address, "listener", Some("device")).await;
    assert!(listener.subscribe("plant/#").await);
    let mut device = Client::connect(address, "device", Some("device")).await;
    for index in 0..1000 {
        let mut payload = vec![0; 20_000];
        payload[..2].copy_from_slice(&u16::to_be_bytes(index));
        device.publish_acked("plant/x", payload).await;
        let heard = listener.message().await.payload;
        assert_eq!(heard[..2], u16::to_be_bytes(index));
    }
    assert!(broker.counts().unrouted > 0);
    until("the stuck one to be cut", || broker.connections() == 2).await;
    broker.stop().await;
}

/// Debian's clients, if they are here; the workspace's own set-up installs them.
#[tokio::test]
async fn mosquitto_clients_are_served() {
    let (broker, memory) = start(open_config()).await;
    let port = broker.local_addr().port().to_string();
    let arguments = ["-h", "127.0.0.1", "-p", &port, "-q", "1"];
    let listener = Command::new("mosquitto_sub")
        .args(arguments)
        .args(["-t", "plant/#", "-C", "1", "-v", "-W", "10"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let Ok(listener) = listener else {
        eprintln!("skipped: mosquitto_sub is not installed");
        return;
    };
    until("mosquitto_sub", || broker.connections() == 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    for version in ["mqttv311", "mqttv5"] {
        for topic in ["plant/tank", "fenghuo/1/oil/gw1/data"] {
            let published = Command::new("mosquitto_pub")
                .args(arguments)
                .args(["-V", version, "-t", topic, "-m", "1.5"])
                .status();
            assert!(published.await.unwrap().success());
        }
    }
    let heard = listener.wait_with_output().await.unwrap();
    assert_eq!(heard.stdout, b"plant/tank 1.5\n");
    assert_eq!(memory.wait(2).await[0].payload, "1.5");
    broker.stop().await;
}
