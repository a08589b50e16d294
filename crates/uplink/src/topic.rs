//! Topics: `fenghuo/1/<enterprise>/<gateway>/<channel>`.

use std::fmt;

use fenghuo_model::GatewayKey;

/// What is spoken on a topic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// The collector opens a conversation.
    Hello,
    /// What it measures.
    Catalog,
    /// Frames in envelopes.
    Data,
    /// What the server has; the only channel towards the collector.
    Receipt,
    /// Online, and the last will.
    State,
}

impl Channel {
    /// The topic's last level.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Catalog => "catalog",
            Self::Data => "data",
            Self::Receipt => "receipt",
            Self::State => "state",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Hello,
            Self::Catalog,
            Self::Data,
            Self::Receipt,
            Self::State,
        ]
        .into_iter()
        .find(|channel| channel.as_str() == text)
    }
}

/// A topic of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topic {
    /// Whose.
    pub gateway: GatewayKey,
    /// What for.
    pub channel: Channel,
}

/// Filter for everything that collectors send.
pub const FROM_COLLECTORS: [&str; 4] = [
    "fenghuo/1/+/+/hello",
    "fenghuo/1/+/+/catalog",
    "fenghuo/1/+/+/data",
    "fenghuo/1/+/+/state",
];

impl Topic {
    /// The topic of a gateway's channel.
    #[must_use]
    pub const fn new(gateway: GatewayKey, channel: Channel) -> Self {
        Self { gateway, channel }
    }

    /// Parses a topic; `None` when it is not one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("fenghuo/1/")?;
        let mut parts = rest.split('/');
        let gateway = GatewayKey::new(parts.next()?, parts.next()?).ok()?;
        let channel = Channel::parse(parts.next()?)?;
        parts.next().is_none().then_some(Self { gateway, channel })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fenghuo/1/{}/{}", self.gateway, self.channel.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_round_trip_and_others_are_not_ours() {
        let topic = Topic::parse("fenghuo/1/oil/gw1/data").unwrap();
        assert_eq!(topic.channel, Channel::Data);
        assert_eq!(topic.to_string(), "fenghuo/1/oil/gw1/data");
        for other in [
            "fenghuo/2/oil/gw1/data",
            "fenghuo/1/oil/gw1",
            "fenghuo/1/oil/gw1/data/x",
            "fenghuo/1/oil/gw1/other",
            "fenghuo/1/o l/gw1/data",
            "fenghuo/1/+/gw1/data",
            "plant/x",
        ] {
            assert_eq!(Topic::parse(other), None, "{other}");
        }
    }
}
