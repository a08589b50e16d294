//! Texts that come again and again share one allocation.
//!
//! A hundred thousand alarms name a handful of enterprises, gateways, rules and levels: read
//! back from disk, each would hold texts of its own. What must stay true: nothing but memory
//! depends on it; a text is the same whether it was shared or not.
//!
//! Memory: [`SLOTS`] texts of at most [`BYTES_MAX`] bytes a thread.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Texts that a thread remembers; a new one takes the place of an older one.
const SLOTS: usize = 256;
/// Longer ones are not remembered.
const BYTES_MAX: usize = 128;

thread_local! {
    static SEEN: RefCell<[Option<Arc<str>>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
}

/// A text, shared with the last equal one of this thread where that is remembered.
#[must_use]
pub fn text(text: &str) -> Arc<str> {
    if text.len() > BYTES_MAX {
        return text.into();
    }
    SEEN.with_borrow_mut(|seen| {
        let slot = &mut seen[slot(text)];
        match slot {
            Some(known) if **known == *text => known.clone(),
            _ => {
                let fresh: Arc<str> = text.into();
                *slot = Some(fresh.clone());
                fresh
            }
        }
    })
}

/// FNV-1a: the texts are short and their writers are known.
fn slot(text: &str) -> usize {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = text.bytes().fold(0x811c_9dc5, step);
    ((hash ^ (hash >> 16)) as usize) % SLOTS
}

/// Reads a text back as [`text`] does, for `deserialize_with`.
///
/// # Errors
/// When there is no text.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
    read(from, |found| Ok::<_, std::convert::Infallible>(text(found)))
}

/// Reads a text without a copy of it and makes something of it.
pub(crate) fn read<'de, D, T, E>(
    from: D,
    make: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    struct Read<F>(F);
    impl<T, E: fmt::Display, F: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Read<F> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<X: Error>(self, text: &str) -> Result<T, X> {
            (self.0)(text).map_err(X::custom)
        }
    }
    from.deserialize_str(Read(make))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_and_others_keep_their_own() {
        let (a, b, c) = (text("oil"), text("oil"), text("gas"));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!((&*a, &*c), ("oil", "gas"));
        let long = "x".repeat(BYTES_MAX + 1);
        assert!(!Arc::ptr_eq(&text(&long), &text(&long)));
    }

    #[test]
    fn more_texts_than_are_remembered_stay_what_they_are() {
        let names: Vec<String> = (0..SLOTS * 4).map(|it| format!("plant-{it}")).collect();
        let shared: Vec<_> = names.iter().map(|name| text(name)).collect();
        assert!(names.iter().zip(&shared).all(|(name, it)| **name == **it));
    }
}
