//! What gateways say reaches the intake, and receipts reach the gateway.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use fenghuo_broker::BrokerError;
use fenghuo_uplink::topic::Topic;
use rumqttc::{LastWill, QoS};

use crate::support::{Client, QUIET, closed_config, open_config, options, start, until};

fn topic(text: &str) -> Topic {
    Topic::parse(text).unwrap()
}

#[tokio::test]
async fn the_intake_gets_exactly_what_was_published() {
    let (broker, memory) = start(closed_config()).await;
    let gateway = Client::connect(broker.local_addr(), "col", Some("gw1")).await;
    let mut said = Vec::new();
    for (index, channel) in ["hello", "catalog", "data", "state"]
        .iter()
        .cycle()
        .take(400)
        .enumerate()
    {
        let topic = format!("fenghuo/1/oil/gw1/{channel}");
        let payload: Vec<u8> = (0..index * 37).map(|at| (at ^ index) as u8).collect();
        gateway.publish(&topic, payload.clone()).await;
        said.push((topic, payload));
    }
    let heard = memory.wait(said.len()).await;
    assert_eq!(heard.len(), said.len());
    for (heard, (topic, payload)) in heard.iter().zip(&said) {
        assert_eq!(&heard.topic.to_string(), topic);
        assert_eq!(&heard.payload[..], &payload[..]);
        assert_eq!((heard.client.as_str(), heard.will), ("col", false));
    }
    assert_eq!(broker.counts().taken, 400);
    broker.stop().await;
}

#[tokio::test]
async fn every_qos_is_taken_once_and_a_retained_flag_stores_nothing() {
    let (broker, memory) = start(open_config()).await;
    let gateway = Client::connect(broker.local_addr(), "col", None).await;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let sent = gateway
            .mqtt
            .publish("fenghuo/1/oil/gw1/data", qos, true, "x");
        sent.await.unwrap();
    }
    memory.wait(3).await;
    let mut device = Client::connect(broker.local_addr(), "dev", None).await;
    let sent = device.mqtt.publish("plant/x", QoS::AtLeastOnce, true, "x");
    sent.await.unwrap();
    assert!(device.subscribe("plant/#").await);
    assert!(device.message_soon().await.is_none());
    assert_eq!(memory.len(), 3);
    broker.stop().await;
}

#[tokio::test]
async fn a_receipt_reaches_its_gateway_and_nobody_else() {
    let (broker, _) = start(closed_config()).await;
    let mut one = Client::connect(broker.local_addr(), "one", Some("gw1")).await;
    let mut two = Client::connect(broker.local_addr(), "two", Some("gw2")).await;
    assert!(one.subscribe("fenghuo/1/oil/gw1/receipt").await);
    assert!(two.subscribe("fenghuo/1/oil/gw2/receipt").await);
    let receipt = topic("fenghuo/1/oil/gw1/receipt");
    let sent = broker.publish(&receipt, Bytes::from_static(b"durable to 7"));
    sent.await.unwrap();
    let message = one.message().await;
    assert_eq!(message.topic, receipt.to_string());
    assert_eq!(&message.payload[..], b"durable to 7");
    assert!(!message.retain);
    assert!(two.message_soon().await.is_none());
    let counts = broker.counts();
    assert_eq!((counts.receipts, counts.receipts_unheard), (1, 0));
    broker.stop().await;
}

#[tokio::test]
async fn a_receipt_is_not_kept_for_a_sleeping_session() {
    let (broker, _) = start(closed_config()).await;
    let receipt = topic("fenghuo/1/oil/gw1/receipt");
    let mut sleepy = options(broker.local_addr(), "one", Some("gw1"));
    sleepy.set_clean_session(false);
    let mut one = Client::with(sleepy.clone()).await.unwrap();
    assert!(one.subscribe("fenghuo/1/oil/gw1/receipt").await);
    one.vanish().await;
    until("the session to sleep", || broker.connections() == 0).await;
    let sent = broker.publish(&receipt, Bytes::from_static(b"stale"));
    sent.await.unwrap();
    assert_eq!(broker.counts().receipts_unheard, 1);
    let mut one = Client::with(sleepy).await.unwrap();
    until("the session to wake", || broker.connections() == 1).await;
    assert!(one.subscribe("fenghuo/1/oil/gw1/receipt").await);
    let sent = broker.publish(&receipt, Bytes::from_static(b"live"));
    sent.await.unwrap();
    assert_eq!(&one.message().await.payload[..], b"live");
    broker.stop().await;
}

#[tokio::test]
async fn only_receipts_are_published_by_the_server() {
    let (broker, _) = start(closed_config()).await;
    let data = topic("fenghuo/1/oil/gw1/data");
    let refused = broker.publish(&data, Bytes::new()).await;
    assert!(matches!(refused, Err(BrokerError::NotAReceipt(_))));
    let receipt = topic("fenghuo/1/oil/gw1/receipt");
    let refused = broker.publish(&receipt, vec![0; 1 << 20].into()).await;
    assert!(matches!(refused, Err(BrokerError::TooLarge { .. })));
    broker.stop().await;
}

#[tokio::test]
async fn a_broken_connection_speaks_its_will_and_an_orderly_one_does_not() {
    let (broker, memory) = start(closed_config()).await;
    let mut options = options(broker.local_addr(), "col", Some("gw1"));
    let will = LastWill::new("fenghuo/1/oil/gw1/state", "gone", QoS::AtLeastOnce, true);
    options.set_last_will(will);
    let orderly = Client::with(options.clone()).await.unwrap();
    orderly.mqtt.disconnect().await.unwrap();
    until("the goodbye", || memory.gone.lock().unwrap().len() == 1).await;
    assert_eq!(memory.len(), 0);
    Client::with(options).await.unwrap().vanish().await;
    let heard = memory.wait(1).await;
    assert_eq!(heard[0].topic, topic("fenghuo/1/oil/gw1/state"));
    assert_eq!(&heard[0].payload[..], b"gone");
    assert!(heard[0].will);
    until("the disconnect", || memory.gone.lock().unwrap().len() == 2).await;
    broker.stop().await;
}

#[tokio::test]
async fn stopping_speaks_no_wills() {
    let (broker, memory) = start(closed_config()).await;
    let mut options = options(broker.local_addr(), "col", Some("gw1"));
    let will = LastWill::new("fenghuo/1/oil/gw1/state", "gone", QoS::AtLeastOnce, false);
    options.set_last_will(will);
    let mut gateway = Client::with(options).await.unwrap();
    broker.stop().await;
    gateway.closed().await;
    assert_eq!(memory.len(), 0);
}

#[tokio::test]
async fn a_full_intake_blocks_nobody_and_is_counted() {
    let (broker, memory) = start(closed_config()).await;
    memory.full.store(true, Ordering::Relaxed);
    let mut gateway = Client::connect(broker.local_addr(), "col", Some("gw1")).await;
    for _ in 0..200 {
        gateway.publish_acked("fenghuo/1/oil/gw1/data", "x").await;
    }
    assert_eq!(broker.counts().untaken, 200);
    memory.full.store(false, Ordering::Relaxed);
    gateway.publish_acked("fenghuo/1/oil/gw1/data", "y").await;
    assert_eq!(memory.wait(1).await.len(), 1);
    tokio::time::sleep(QUIET).await;
    assert_eq!(memory.len(), 1);
    broker.stop().await;
}
