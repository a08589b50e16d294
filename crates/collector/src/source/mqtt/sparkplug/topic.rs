//! `spBv1.0/<group>/<type>/<edge node>[/<device>]`: the topics of Sparkplug B. Pure.

const NAMESPACE: &str = "spBv1.0";

/// A message that an edge node sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Topic<'t> {
    /// What it is.
    pub kind: Kind,
    /// The group.
    pub group: &'t str,
    /// The edge node.
    pub edge: &'t str,
    /// The device, in messages about one.
    pub device: Option<&'t str>,
}

/// What edge nodes send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `NBIRTH`.
    NodeBirth,
    /// `NDEATH`.
    NodeDeath,
    /// `NDATA`.
    NodeData,
    /// `DBIRTH`.
    DeviceBirth,
    /// `DDEATH`.
    DeviceDeath,
    /// `DDATA`.
    DeviceData,
}

impl<'t> Topic<'t> {
    /// `None` for commands, states, and whatever else stands under the namespace.
    #[must_use]
    pub fn parse(topic: &'t str) -> Option<Self> {
        let mut levels = topic.split('/');
        if levels.next()? != NAMESPACE {
            return None;
        }
        let (group, kind, edge) = (levels.next()?, levels.next()?, levels.next()?);
        let (device, rest) = (levels.next(), levels.next());
        let (kind, is_device) = match kind {
            "NBIRTH" => (Kind::NodeBirth, false),
            "NDEATH" => (Kind::NodeDeath, false),
            "NDATA" => (Kind::NodeData, false),
            "DBIRTH" => (Kind::DeviceBirth, true),
            "DDEATH" => (Kind::DeviceDeath, true),
            "DDATA" => (Kind::DeviceData, true),
            _ => return None,
        };
        (device.is_some() == is_device && rest.is_none()).then_some(Self {
            kind,
            group,
            edge,
            device,
        })
    }
}

/// What is subscribed to for an edge node.
#[must_use]
pub fn filter(group: &str, edge: &str) -> String {
    format!("{NAMESPACE}/{group}/+/{edge}/#")
}

/// Where an edge node takes commands.
#[must_use]
pub fn command(group: &str, edge: &str) -> String {
    format!("{NAMESPACE}/{group}/NCMD/{edge}")
}

/// Where a host says whether it is there, which edge nodes may wait for.
#[must_use]
pub fn state_topic(host: &str) -> String {
    format!("{NAMESPACE}/STATE/{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_edge_nodes_and_devices_are_told_apart() {
        let topic = Topic::parse("spBv1.0/g/DDATA/e/d").unwrap();
        assert_eq!((topic.kind, topic.device), (Kind::DeviceData, Some("d")));
        assert_eq!((topic.group, topic.edge), ("g", "e"));
        let topic = Topic::parse("spBv1.0/g/NBIRTH/e").unwrap();
        assert_eq!((topic.kind, topic.device), (Kind::NodeBirth, None));
        for other in [
            "spBv1.0/g/NCMD/e",
            "spBv1.0/g/DCMD/e/d",
            "spBv1.0/STATE/host",
            "spBv1.0/g/DDATA/e",
            "spBv1.0/g/NDATA/e/d",
            "spBv1.0/g/DDATA/e/d/x",
            "spAv1.0/g/NDATA/e",
            "spBv1.0",
            "",
        ] {
            assert!(Topic::parse(other).is_none(), "{other}");
        }
    }
}
