//! How far the sink has come, as it is stored with the log under [`MARK`].

use fenghuo_engine::EventId;
use prost::Message;

use super::hole::{Hole, Span};

/// The log's mark that holds the cursor.
pub const MARK: &str = "sink/influx";

/// How far the sink has come.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    /// The next log entry to write.
    pub position: u64,
    /// When the last entry before it came, by the server's clock.
    pub at: i64,
    /// The last alarm event written.
    pub event: EventId,
    /// What was let go and must be fetched from history.
    pub hole: Hole,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Stored {
    #[prost(uint64, tag = "1")]
    position: u64,
    #[prost(sint64, tag = "2")]
    at: i64,
    #[prost(uint64, tag = "3")]
    event_position: u64,
    #[prost(uint32, tag = "4")]
    event_ordinal: u32,
    #[prost(uint64, tag = "5")]
    hole_below: u64,
    #[prost(sint64, repeated, tag = "6")]
    hole_from: Vec<i64>,
    #[prost(sint64, repeated, tag = "7")]
    hole_until: Vec<i64>,
}

impl Cursor {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Stored {
            position: self.position,
            at: self.at,
            event_position: self.event.position,
            event_ordinal: self.event.ordinal,
            hole_below: self.hole.below(),
            hole_from: self.hole.spans().iter().map(|span| span.from).collect(),
            hole_until: self.hole.spans().iter().map(|span| span.until).collect(),
        }
        .encode_to_vec()
    }

    /// From bytes; none when they are no cursor.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let stored = Stored::decode(bytes).ok()?;
        if stored.hole_from.len() != stored.hole_until.len() {
            return None;
        }
        let spans = stored.hole_from.into_iter().zip(stored.hole_until);
        let spans = spans.map(|(from, until)| Span { from, until }).collect();
        Some(Self {
            position: stored.position,
            at: stored.at,
            event: EventId {
                position: stored.event_position,
                ordinal: stored.event_ordinal,
            },
            hole: Hole::new(spans, stored.hole_below),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_round_trips() {
        let spans = vec![
            Span { from: 1, until: 9 },
            Span {
                from: 1_000_000,
                until: 2_000_000,
            },
        ];
        let cursor = Cursor {
            position: u64::MAX / 3,
            at: -5,
            event: EventId {
                position: 4,
                ordinal: 2,
            },
            hole: Hole::new(spans, 17),
        };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        assert_eq!(Cursor::decode(&[]), Some(Cursor::default()));
        assert_eq!(Cursor::decode(&[0xff]), None);
    }
}
