//! What a broker kept and gives out again with every connection. Pure.
//!
//! A kept payload that was the last one of its topic already says nothing new: with a time of
//! the device in it, it is the same reading. Only digests are kept, of a bounded number of
//! topics; a payload of another topic is new each time.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};

/// Topics whose last payload is known.
const TOPICS_MAX: usize = 4_096;

/// The last payload of each topic.
#[derive(Debug, Default)]
pub struct Repeats(HashMap<u64, u64>);

impl Repeats {
    /// Remembers this payload; whether it was the last one of this topic already.
    pub fn repeats(&mut self, topic: &str, payload: &[u8]) -> bool {
        let (topic, payload) = (digest(topic.as_bytes()), digest(payload));
        if let Some(last) = self.0.get_mut(&topic) {
            return std::mem::replace(last, payload) == payload;
        }
        if self.0.len() < TOPICS_MAX {
            self.0.insert(topic, payload);
        }
        false
    }

    /// Something of what was remembered was lost on its way, or its points were told without
    /// value since: whatever comes is new.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_payload_of_a_topic_repeats_and_no_other() {
        let mut repeats = Repeats::default();
        assert!(!repeats.repeats("a", b"1"));
        assert!(!repeats.repeats("b", b"1"), "another device");
        assert!(repeats.repeats("a", b"1"));
        assert!(!repeats.repeats("a", b"2"));
        assert!(!repeats.repeats("a", b"1"), "not the last one any more");
        repeats.forget();
        assert!(!repeats.repeats("a", b"1"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut repeats = Repeats::default();
        for topic in 0..TOPICS_MAX + 100 {
            assert!(!repeats.repeats(&topic.to_string(), b"1"));
        }
        assert_eq!(repeats.0.len(), TOPICS_MAX);
        assert!(repeats.repeats("0", b"1"));
        let beyond = (TOPICS_MAX + 1).to_string();
        assert!(!repeats.repeats(&beyond, b"1"));
    }
}
