//! A client of an external broker. A PUBACK to a collector means nothing here: frames are
//! receipted by ingest, and a broker that loses some makes the collector send them again.

use std::time::Duration;

use fenghuo_uplink::PAYLOAD_BYTES_MAX;
use fenghuo_uplink::topic::{FROM_COLLECTORS, Topic};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::mpsc;

use super::{Outgoing, take};
use crate::intake::Intake;

/// Wait after a lost connection.
const RECONNECT: Duration = Duration::from_millis(500);
/// Requests that wait in the client.
const REQUESTS_MAX: usize = 1_024;

/// How to reach the broker.
#[derive(Clone, Debug)]
pub struct External {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name and password.
    pub login: Option<(String, String)>,
    /// Differs between servers that share a broker.
    pub client_id: String,
}

impl External {
    /// Runs until the queue of receipts is closed.
    pub async fn run(self, intake: Intake, receipts: mpsc::Receiver<Outgoing>) {
        let mut options = MqttOptions::new(self.client_id, self.host, self.port);
        // Frames are few and large; acknowledging them is not what keeps them.
        options
            .set_keep_alive(Duration::from_secs(15))
            .set_clean_session(true)
            .set_max_packet_size(PAYLOAD_BYTES_MAX + 1_024, PAYLOAD_BYTES_MAX + 1_024)
            .set_inflight(256);
        if let Some((user, password)) = self.login {
            options.set_credentials(user, password);
        }
        let (client, events) = AsyncClient::new(options, REQUESTS_MAX);
        let listening = tokio::spawn(listen(events, client.clone(), intake));
        publish(client, receipts).await;
        listening.abort();
    }
}

async fn publish(client: AsyncClient, mut receipts: mpsc::Receiver<Outgoing>) {
    while let Some((topic, payload)) = receipts.recv().await {
        // A full client means a broker that is away: receipts are made again, so drop.
        if let Err(error) = client.try_publish(topic.to_string(), QoS::AtMostOnce, false, payload) {
            tracing::debug!(%topic, %error, "a receipt was dropped");
        }
    }
}

async fn listen(mut events: EventLoop, client: AsyncClient, intake: Intake) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tracing::info!("connected to the broker");
                for filter in FROM_COLLECTORS {
                    if let Err(error) = client.try_subscribe(filter, QoS::AtLeastOnce) {
                        tracing::error!(filter, %error, "cannot subscribe");
                    }
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                if let Some(topic) = Topic::parse(&publish.topic) {
                    let _taken: bool = take(&intake, topic, publish.payload);
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the broker is away");
                tokio::time::sleep(RECONNECT).await;
            }
        }
    }
}
