//! A router that remembers subscriptions and routes nothing.
//!
//! `rmqtt` forwards a message by asking its router who subscribed and pushing it into each
//! session's unbounded channel. Here it is always told "nobody"; `delivery` asks the real
//! router instead and pays for each message first. That also holds for last wills, which
//! `rmqtt` forwards without asking for leave.

use async_trait::async_trait;
use rmqtt::Result;
use rmqtt::router::{DefaultRouter, Router};
use rmqtt::types::{
    AllRelationsMap, HashMap, Id, NodeId, Route, SubRelationsMap, SubsSearchParams,
    SubsSearchResult, SubscriptionOptions, TopicName,
};
use rmqtt::utils::Counter;

pub(crate) struct SilentRouter(pub(crate) DefaultRouter);

#[async_trait]
impl Router for SilentRouter {
    async fn add(&self, topic_filter: &str, id: Id, opts: SubscriptionOptions) -> Result<()> {
        self.0.add(topic_filter, id, opts).await
    }

    async fn remove(&self, topic_filter: &str, id: Id) -> Result<bool> {
        self.0.remove(topic_filter, id).await
    }

    async fn matches(&self, _id: Id, _topic: &TopicName) -> Result<SubRelationsMap> {
        Ok(SubRelationsMap::default())
    }

    /// Asked for shared subscriptions and clusters only; there are none.
    async fn is_online(&self, _node_id: NodeId, _client_id: &str) -> bool {
        false
    }

    async fn gets(&self, limit: usize) -> Vec<Route> {
        self.0.gets(limit).await
    }

    async fn get(&self, topic: &str) -> Result<Vec<Route>> {
        self.0.get(topic).await
    }

    async fn query_subscriptions(&self, q: &SubsSearchParams) -> Vec<SubsSearchResult> {
        self.0.query_subscriptions(q).await
    }

    async fn topics_tree(&self) -> usize {
        self.0.topics_tree().await
    }

    fn topics(&self) -> Counter {
        self.0.topics()
    }

    fn routes(&self) -> Counter {
        self.0.routes()
    }

    fn merge_topics(&self, topics_map: &HashMap<NodeId, Counter>) -> Counter {
        self.0.merge_topics(topics_map)
    }

    fn merge_routes(&self, routes_map: &HashMap<NodeId, Counter>) -> Counter {
        self.0.merge_routes(routes_map)
    }

    async fn list_topics(&self, top: usize) -> Vec<String> {
        self.0.list_topics(top).await
    }

    async fn list_relations(&self, top: usize) -> Vec<serde_json::Value> {
        self.0.list_relations(top).await
    }

    fn relations(&self) -> &AllRelationsMap {
        self.0.relations()
    }
}
