//! Who is let in, and what is refused.

use fenghuo_broker::{Broker, BrokerError, Problem};
use fenghuo_uplink::PAYLOAD_BYTES_MAX;
use rumqttc::{ConnectReturnCode, LastWill, QoS};
use std::sync::Arc;

use crate::support::{
    Client, Memory, PASSWORD, closed_config, loopback, open_config, options, refusal, start, until,
};

#[tokio::test]
async fn a_wrong_login_gets_its_connack() {
    let (broker, _) = start(closed_config()).await;
    let address = broker.local_addr();
    let mut wrong = options(address, "a", None);
    wrong.set_credentials("gw1", "wrong");
    let bad = ConnectReturnCode::BadUserNamePassword;
    assert_eq!(refusal(Client::with(wrong).await), bad);
    let stranger = options(address, "a", Some("stranger"));
    assert_eq!(refusal(Client::with(stranger).await), bad);
    let nameless = options(address, "a", None);
    let unauthorized = ConnectReturnCode::NotAuthorized;
    assert_eq!(refusal(Client::with(nameless).await), unauthorized);
    assert_eq!(broker.counts().logins_refused, 3);
    let _right = Client::connect(address, "a", Some("gw1")).await;
    broker.stop().await;
}

#[tokio::test]
async fn with_anonymous_access_a_name_still_needs_its_password() {
    let (broker, _) = start(open_config()).await;
    let named = options(broker.local_addr(), "a", Some("gw1"));
    let bad = ConnectReturnCode::BadUserNamePassword;
    assert_eq!(refusal(Client::with(named).await), bad);
    broker.stop().await;
}

#[tokio::test]
async fn anonymous_access_from_a_network_is_a_configuration_error() {
    let mut config = open_config();
    config.listen = ([0, 0, 0, 0], 0).into();
    let refused = Broker::start(config.clone(), Arc::new(Memory::default())).await;
    let Err(BrokerError::Config(problems)) = refused else {
        panic!("started");
    };
    assert_eq!(problems, [Problem::OpenToNetwork(config.listen)]);
}

#[tokio::test]
async fn topics_of_others_are_refused_and_counted() {
    let (broker, memory) = start(closed_config()).await;
    let mut gateway = Client::connect(broker.local_addr(), "a", Some("gw1")).await;
    for topic in [
        "fenghuo/1/oil/gw2/data",
        "fenghuo/1/oil/gw1/receipt",
        "fenghuo/1/oil/gw1/nonsense",
        "fenghuo/2/oil/gw1/data",
        "plant/x",
    ] {
        gateway.publish_acked(topic, "x").await;
    }
    let mut device = Client::connect(broker.local_addr(), "b", Some("device")).await;
    device.publish_acked("fenghuo/1/oil/gw1/data", "x").await;
    assert_eq!(broker.counts().publishes_refused, 6);
    assert_eq!(memory.len(), 0);
    broker.stop().await;
}

#[tokio::test]
async fn subscriptions_of_others_are_refused_and_counted() {
    let (broker, _) = start(closed_config()).await;
    let mut gateway = Client::connect(broker.local_addr(), "a", Some("gw1")).await;
    assert!(gateway.subscribe("fenghuo/1/oil/gw1/receipt").await);
    let refused = [
        "fenghuo/1/oil/gw2/receipt",
        "fenghuo/1/+/+/data",
        "#",
        "p/#",
    ];
    for filter in refused {
        assert!(!gateway.subscribe(filter).await, "{filter}");
    }
    let mut device = Client::connect(broker.local_addr(), "b", Some("device")).await;
    for filter in [
        "#",
        "+/1/oil/gw1/receipt",
        "fenghuo/#",
        "$share/g/fenghuo/#",
    ] {
        assert!(!device.subscribe(filter).await, "{filter}");
    }
    assert!(device.subscribe("plant/#").await);
    assert_eq!(broker.counts().subscriptions_refused, 8);
    broker.stop().await;
}

#[tokio::test]
async fn a_will_on_a_topic_of_others_is_refused_at_the_door() {
    let (broker, _) = start(closed_config()).await;
    let mut options = options(broker.local_addr(), "a", Some("gw1"));
    let will = LastWill::new("fenghuo/1/oil/gw2/state", "x", QoS::AtMostOnce, false);
    options.set_last_will(will);
    let unauthorized = ConnectReturnCode::NotAuthorized;
    assert_eq!(refusal(Client::with(options).await), unauthorized);
    broker.stop().await;
}

#[tokio::test]
async fn a_client_id_cannot_be_taken_from_another_user() {
    let (broker, _) = start(closed_config()).await;
    let address = broker.local_addr();
    let mut owner = Client::connect(address, "collector", Some("gw1")).await;
    let thief = options(address, "collector", Some("device"));
    let unauthorized = ConnectReturnCode::NotAuthorized;
    assert_eq!(refusal(Client::with(thief).await), unauthorized);
    owner.publish_acked("fenghuo/1/oil/gw1/hello", "x").await;
    broker.stop().await;
}

#[tokio::test]
async fn a_payload_over_the_limit_is_refused_and_a_huge_packet_closes() {
    let (broker, memory) = start(closed_config()).await;
    let data = "fenghuo/1/oil/gw1/data";
    let mut gateway = Client::connect(broker.local_addr(), "a", Some("gw1")).await;
    gateway
        .publish_acked(data, vec![1; PAYLOAD_BYTES_MAX])
        .await;
    gateway
        .publish_acked(data, vec![1; PAYLOAD_BYTES_MAX + 1])
        .await;
    assert_eq!(memory.len(), 1);
    assert_eq!(broker.counts().oversize, 1);
    gateway.publish(data, vec![1; 2 * PAYLOAD_BYTES_MAX]).await;
    gateway.closed().await;
    assert_eq!(memory.len(), 1);
    broker.stop().await;
}

#[tokio::test]
async fn sessions_over_the_limit_are_refused() {
    let mut config = open_config();
    config.max_sessions = 2;
    let (broker, _) = start(config).await;
    let address = broker.local_addr();
    let _one = Client::connect(address, "one", None).await;
    let _two = Client::connect(address, "two", None).await;
    let three = Client::with(options(address, "three", None)).await;
    assert_eq!(refusal(three), ConnectReturnCode::ServiceUnavailable);
    until("both to be counted", || broker.connections() == 2).await;
    broker.stop().await;
}

#[tokio::test]
async fn a_password_is_in_no_error_and_no_debug_text() {
    let mut config = loopback();
    config.users = closed_config().users;
    config.users.push(config.users[0].clone());
    assert!(!format!("{config:?}").contains(PASSWORD));
    let refused = Broker::start(config, Arc::new(Memory::default())).await;
    let Err(error) = refused else {
        panic!("started");
    };
    assert!(error.to_string().contains("`gw1` is configured twice"));
    assert!(!format!("{error:?}").contains(PASSWORD));
}
