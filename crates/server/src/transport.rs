//! MQTT at the rim: the embedded broker, or a client of an external one. Both end in the
//! same intake, under the same windows.

use std::sync::Arc;

use bytes::Bytes;
use fenghuo_broker::{Broker, Incoming, Taken};
use fenghuo_model::GatewayKey;
use fenghuo_uplink::receipt::Receipt;
use fenghuo_uplink::topic::{Channel, Topic};
use tokio::sync::mpsc;

use crate::clock;
use crate::intake::{Control, Intake, Talk};

mod external;
pub use external::External;

/// Receipts that wait to be published; a dropped one is made again when its gateway speaks.
const RECEIPTS_MAX: usize = 8_192;

/// A receipt on its way.
pub type Outgoing = (Topic, Bytes);

/// Where ingest puts receipts. Never waits.
#[derive(Clone, Debug)]
pub struct Receipts(mpsc::Sender<Outgoing>);

impl Receipts {
    /// A queue, and its end for the transport.
    #[must_use]
    pub fn queue() -> (Self, mpsc::Receiver<Outgoing>) {
        let (sender, receiver) = mpsc::channel(RECEIPTS_MAX);
        (Self(sender), receiver)
    }

    /// Sends a receipt to its gateway, unless the queue is full.
    pub fn send(&self, gateway: &GatewayKey, receipt: &Receipt) {
        let topic = Topic::new(gateway.clone(), Channel::Receipt);
        if self.0.try_send((topic, receipt.encode().into())).is_err() {
            tracing::warn!(%gateway, "the queue of receipts is full or closed; one was dropped");
        }
    }
}

/// Puts what a gateway said where it belongs. Returns whether there was room.
pub fn take(intake: &Intake, topic: Topic, payload: Bytes) -> bool {
    let gateway = topic.gateway;
    let talk = match topic.channel {
        Channel::Data => {
            return intake
                .data(gateway, &payload, clock::now().as_millis())
                .is_ok();
        }
        Channel::Hello => Talk::Hello(payload),
        Channel::Catalog => Talk::Catalog(payload),
        Channel::State => Talk::State(payload),
        Channel::Receipt => return false,
    };
    intake.control(Control::Talk(gateway, talk)).is_ok()
}

/// The broker's door into the intake.
#[derive(Debug)]
pub struct Door(pub Intake);

impl fenghuo_broker::Intake for Door {
    fn take(&self, message: Incoming) -> Taken {
        if take(&self.0, message.topic, message.payload) {
            Taken::Queued
        } else {
            Taken::Dropped
        }
    }
}

/// Publishes receipts through the embedded broker until the queue is closed.
pub async fn publish_embedded(broker: Arc<Broker>, mut receipts: mpsc::Receiver<Outgoing>) {
    while let Some((topic, payload)) = receipts.recv().await {
        if let Err(error) = broker.publish(&topic, payload).await {
            tracing::debug!(%topic, %error, "a receipt had nobody to go to");
        }
    }
}
