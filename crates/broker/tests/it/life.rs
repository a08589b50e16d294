//! Starting, stopping, starting again.

use std::sync::Arc;
use std::time::Duration;

use fenghuo_broker::{Broker, BrokerError};

use crate::support::{Client, Memory, PATIENCE, open_config, options, start, until};

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() {
    let (broker, _) = start(open_config()).await;
    let mut config = open_config();
    config.listen = broker.local_addr();
    let refused = Broker::start(config, Arc::new(Memory::default())).await;
    let Err(error) = refused else {
        panic!("two brokers on one port");
    };
    let expected = format!(
        "mqtt listener on {}: Address already in use",
        broker.local_addr()
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(matches!(error, BrokerError::Listen { .. }));
    broker.stop().await;
}

#[tokio::test]
async fn stop_frees_the_port_and_start_works_again() {
    let mut config = open_config();
    for round in 0..5 {
        let (broker, memory) = start(config.clone()).await;
        config.listen = broker.local_addr();
        let mut gateway = Client::connect(broker.local_addr(), "col", None).await;
        assert!(gateway.subscribe("fenghuo/1/oil/gw1/receipt").await);
        gateway.publish_acked("fenghuo/1/oil/gw1/hello", "x").await;
        assert_eq!(memory.wait(1).await.len(), 1, "round {round}");
        tokio::time::timeout(PATIENCE, broker.stop()).await.unwrap();
        gateway.closed().await;
    }
}

#[tokio::test]
async fn nothing_holds_the_intake_after_a_stop() {
    let (broker, memory) = start(open_config()).await;
    let mut sleepy = options(broker.local_addr(), "sleepy", None);
    sleepy.set_clean_session(false);
    let mut client = Client::with(sleepy).await.unwrap();
    assert!(client.subscribe("plant/#").await);
    client.vanish().await;
    until("it to sleep", || broker.connections() == 0).await;
    let _awake = Client::connect(broker.local_addr(), "awake", None).await;
    broker.stop().await;
    until("the broker to be freed", || Arc::strong_count(&memory) == 1).await;
}

#[tokio::test]
async fn a_dropped_broker_frees_its_port_too() {
    let (broker, _) = start(open_config()).await;
    let address = broker.local_addr();
    let _client = Client::connect(address, "col", None).await;
    drop(broker);
    let mut config = open_config();
    config.listen = address;
    let again = async {
        loop {
            if let Ok(broker) = Broker::start(config.clone(), Arc::new(Memory::default())).await {
                return broker;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let broker = tokio::time::timeout(PATIENCE, again).await.unwrap();
    broker.stop().await;
}
