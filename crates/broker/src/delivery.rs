//! From the broker to subscribers, within bounds.
//!
//! A message is copied out of the connection's read buffer (a small slice would keep the whole
//! buffer alive) and paid for: its payload once from the broker's budget, and for every
//! subscriber one message and its bytes from that session's. What cannot be paid is dropped
//! and counted. Retained flags are not passed on; nothing is retained.
//!
//! Whether a session may hear a topic is asked again here: a session taken over under the
//! same client id keeps its subscriptions.

use std::sync::Arc;

use bytes::Bytes;
use fenghuo_uplink::topic::Topic;
use rmqtt::codec::types::Publish as Packet;
use rmqtt::codec::v5::PublishProperties;
use rmqtt::context::ServerContext;
use rmqtt::router::{DefaultRouter, Router};
use rmqtt::session::Session;
use rmqtt::types::{From, Id, Publish, QoS, SubRelation, TopicName};
use rmqtt::utils::timestamp_millis;

use crate::access::{Party, Users};
use crate::budget::{Budget, paid};
use crate::config::Limits;
use crate::counts::Counters;

/// What a queued message costs beside its payload: its structures, topic and queue places.
const MESSAGE_OVERHEAD_BYTES: usize = 512;
/// Largest sum of MQTT 5 properties that is passed on.
pub(crate) const PROPERTIES_BYTES_MAX: usize = 4096;
/// Name under which a session keeps its queue's budgets.
const QUEUE_KEY: &str = "fenghuo.queue";
/// The client id that receipts come from.
const SERVER_CLIENT: &str = "fenghuo";

pub(crate) struct Delivery {
    subscriptions: DefaultRouter,
    limits: Limits,
    total: Arc<Budget>,
    users: Arc<Users>,
    counters: Arc<Counters>,
}

/// What may wait for one session.
#[derive(Clone)]
struct Queue {
    messages: Arc<Budget>,
    bytes: Arc<Budget>,
}

/// What happened to one message for one subscriber.
enum Offered {
    Queued,
    /// Nobody is there to hear it, or it may not.
    Skipped,
    Full,
}

/// A subscriber's queue was full.
pub(crate) struct Full;

impl Delivery {
    pub(crate) fn new(
        subscriptions: DefaultRouter,
        limits: Limits,
        users: Arc<Users>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            subscriptions,
            limits,
            total: Budget::new(limits.total_bytes_max),
            users,
            counters,
        }
    }

    /// Brings a device's message to its subscribers.
    pub(crate) async fn plain(&self, context: &ServerContext, from: From, publish: &Publish) {
        let relations = self.relations(&from.id, &publish.topic).await;
        if relations.is_empty() {
            return;
        }
        let properties = publish.properties.as_ref();
        let copied =
            publish.payload.len() + publish.topic.len() + properties.map_or(0, properties_bytes);
        let Some(charge) = self.total.take(copied + MESSAGE_OVERHEAD_BYTES) else {
            self.unrouted(&publish.topic, "the broker's memory budget is used up");
            return;
        };
        let packet = Packet {
            dup: false,
            retain: false,
            qos: publish.qos,
            topic: TopicName::from(publish.topic.to_string()),
            packet_id: None,
            payload: paid(Bytes::copy_from_slice(&publish.payload), [charge]),
            properties: properties.map(detached),
        };
        let created = publish.create_time.unwrap_or_else(timestamp_millis);
        for relation in relations {
            let may = |party: &Party| party.is_outside();
            match self
                .offer(context, &from, &packet, created, relation, may)
                .await
            {
                Offered::Queued => {
                    self.counters.routed.add();
                }
                Offered::Skipped => {}
                Offered::Full => self.unrouted(&publish.topic, "a subscriber's queue is full"),
            }
        }
    }

    /// Brings a receipt to the gateway, at QoS 0: it is not kept for a session that sleeps, as
    /// only a receipt that answers a live hello counts.
    pub(crate) async fn receipt(
        &self,
        context: &ServerContext,
        topic: &Topic,
        payload: Bytes,
    ) -> Result<(), Full> {
        let name = TopicName::from(topic.to_string());
        let from = From::from_system(Id::from(
            context.node.id(),
            TopicName::from_static(SERVER_CLIENT),
        ));
        let relations = self.relations(&from.id, &name).await;
        let packet = Packet {
            dup: false,
            retain: false,
            qos: QoS::AtMostOnce,
            topic: name,
            packet_id: None,
            payload,
            properties: None,
        };
        let (mut heard, mut full) = (false, false);
        for relation in relations {
            let may = |party: &Party| party.may_hear(topic);
            let created = timestamp_millis();
            match self
                .offer(context, &from, &packet, created, relation, may)
                .await
            {
                Offered::Queued => {
                    heard = true;
                    self.counters.receipts.add();
                }
                Offered::Skipped => {}
                Offered::Full => full = true,
            }
        }
        if full {
            return Err(Full);
        }
        if !heard {
            self.counters.receipts_unheard.add();
        }
        Ok(())
    }

    async fn relations(&self, from: &Id, topic: &TopicName) -> Vec<SubRelation> {
        match self.subscriptions.matches(from.clone(), topic).await {
            Ok(by_node) => by_node.into_values().flatten().collect(),
            Err(error) => {
                tracing::debug!(%topic, %error, "topic matches nothing");
                Vec::new()
            }
        }
    }

    async fn offer(
        &self,
        context: &ServerContext,
        from: &From,
        packet: &Packet,
        created: i64,
        (_, client, options, subscription_ids, _): SubRelation,
        may: impl Fn(&Party) -> bool + Send,
    ) -> Offered {
        let id = Id::from(context.node.id(), client);
        let entry = context.extends.shared().await.entry(id);
        let Some(session) = entry.session() else {
            return Offered::Skipped;
        };
        let name = session.id.username.as_deref();
        let qos = packet.qos.less_value(options.qos());
        let sleeps = !session.connected().await.unwrap_or(false);
        if !self.users.party(name).is_some_and(may) || (qos == QoS::AtMostOnce && sleeps) {
            return Offered::Skipped;
        }
        let mut packet = packet.clone();
        packet.qos = qos;
        if let Some(ids) = subscription_ids {
            packet
                .properties
                .get_or_insert_with(PublishProperties::default)
                .subscription_ids = ids;
        }
        let Some(payload) = self.paid_by(&session, packet.payload).await else {
            return Offered::Full;
        };
        packet.payload = payload;
        let publish = Publish::from(packet).create_time(created);
        match entry.publish(from.clone(), publish).await {
            Ok(()) => Offered::Queued,
            Err(_) => Offered::Skipped,
        }
    }

    /// The payload, holding a place in the session's queue.
    async fn paid_by(&self, session: &Session, payload: Bytes) -> Option<Bytes> {
        let queue = self.queue(session).await?;
        let place = queue.messages.take(1)?;
        let room = queue.bytes.take(payload.len() + MESSAGE_OVERHEAD_BYTES)?;
        let share = self.total.take(MESSAGE_OVERHEAD_BYTES)?;
        Some(paid(payload, [place, room, share]))
    }

    async fn queue(&self, session: &Session) -> Option<Queue> {
        if let Some(queue) = session.extra_attrs.read().await.get::<Queue>(QUEUE_KEY) {
            return Some(queue.clone());
        }
        let mut attributes = session.extra_attrs.write().await;
        let queue = attributes.get_default_mut(TopicName::from_static(QUEUE_KEY), || Queue {
            messages: Budget::new(self.limits.session_messages_max),
            bytes: Budget::new(self.limits.session_bytes_max),
        });
        queue.map(|queue| queue.clone())
    }

    fn unrouted(&self, topic: &str, why: &str) {
        if self.counters.unrouted.add_and_tell() {
            let dropped = self.counters.snapshot().unrouted;
            tracing::error!(topic, why, dropped, "device message dropped");
        }
    }
}

/// Bytes of the properties that are passed on.
pub(crate) fn properties_bytes(properties: &PublishProperties) -> usize {
    let user: usize = properties
        .user_properties
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    let text = |text: &Option<TopicName>| text.as_ref().map_or(0, |text| text.len());
    let data = properties.correlation_data.as_ref().map_or(0, Bytes::len);
    user + data + text(&properties.content_type) + text(&properties.response_topic)
}

/// A copy that shares nothing with the connection's read buffer.
fn detached(properties: &PublishProperties) -> PublishProperties {
    let text = |text: &TopicName| TopicName::from(text.to_string());
    PublishProperties {
        correlation_data: properties
            .correlation_data
            .as_ref()
            .map(|data| Bytes::copy_from_slice(data)),
        message_expiry_interval: properties.message_expiry_interval,
        content_type: properties.content_type.as_ref().map(text),
        user_properties: properties
            .user_properties
            .iter()
            .map(|(key, value)| (text(key), text(value)))
            .collect(),
        is_utf8_payload: properties.is_utf8_payload,
        response_topic: properties.response_topic.as_ref().map(text),
        ..PublishProperties::default()
    }
}
