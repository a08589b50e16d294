//! How much goes through; printed, never asserted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fenghuo_broker::{Broker, Incoming, Intake, Taken};
use rumqttc::QoS;

use crate::support::{Client, PATIENCE, open_config, start, until};

const MESSAGES: usize = 20_000;
const PAYLOAD_BYTES: usize = 10_000;

#[derive(Default)]
struct Tally {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Intake for Tally {
    fn take(&self, message: Incoming) -> Taken {
        self.bytes
            .fetch_add(message.payload.len(), Ordering::Relaxed);
        self.messages.fetch_add(1, Ordering::Relaxed);
        Taken::Queued
    }
}

fn print_rate(what: &str, messages: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let rate = messages as f64 / seconds;
    println!("{what}: {messages} x {PAYLOAD_BYTES} B in {seconds:.2} s = {rate:.0} msg/s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_frames_arrive() {
    let tally = Arc::new(Tally::default());
    let broker = Broker::start(open_config(), Arc::clone(&tally) as Arc<dyn Intake>);
    let broker = broker.await.unwrap();
    let gateway = Client::connect(broker.local_addr(), "col", None).await;
    let payload = vec![7; PAYLOAD_BYTES];
    let start = Instant::now();
    for _ in 0..MESSAGES {
        gateway
            .publish("fenghuo/1/oil/gw1/data", payload.clone())
            .await;
    }
    let arrived = async {
        while tally.messages.load(Ordering::Relaxed) < MESSAGES {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(6 * PATIENCE, arrived).await.unwrap();
    print_rate("intake, one connection, qos 1", MESSAGES, start);
    assert_eq!(tally.messages.load(Ordering::Relaxed), MESSAGES);
    assert_eq!(
        tally.bytes.load(Ordering::Relaxed),
        MESSAGES * PAYLOAD_BYTES
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn device_messages_are_delivered_or_counted() {
    let (broker, _) = start(open_config()).await;
    let mut listener = Client::connect(broker.local_addr(), "listener", None).await;
    assert!(listener.subscribe("plant/#").await);
    let device = Client::connect(broker.local_addr(), "device", None).await;
    let payload = vec![7; PAYLOAD_BYTES];
    let start = Instant::now();
    for _ in 0..MESSAGES {
        let sent = device
            .mqtt
            .publish("plant/x", QoS::AtLeastOnce, false, payload.clone());
        sent.await.unwrap();
    }
    let done = || {
        let counts = broker.counts();
        (counts.routed + counts.unrouted) as usize == MESSAGES
    };
    until("every message to be routed or counted", done).await;
    let routed = broker.counts().routed as usize;
    for _ in 0..routed {
        listener.message().await;
    }
    print_rate("device to one subscriber, qos 1", routed, start);
    println!("dropped for want of room: {}", broker.counts().unrouted);
    assert!(listener.message_soon().await.is_none());
    broker.stop().await;
}
