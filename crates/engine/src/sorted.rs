//! Large maps, read back from a snapshot at once.
//!
//! A map that is written in its order is built from the whole of it with one comparison a
//! key, and full nodes, where inserting one by one searches for each and leaves nodes half
//! empty.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// For `deserialize_with`.
pub fn deserialize<'de, D, K, V>(from: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    struct Pairs<K, V>(std::marker::PhantomData<(K, V)>);
    impl<'de, K, V> serde::de::Visitor<'de> for Pairs<K, V>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            // What a damaged file claims to hold is not trusted with memory.
            let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(0).min(HINT_MAX));
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs.into_iter().collect())
        }
    }
    from.deserialize_map(Pairs(std::marker::PhantomData))
}

/// Pairs that room is made for beforehand.
const HINT_MAX: usize = 4_096;
