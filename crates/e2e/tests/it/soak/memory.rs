//! What the programs hold in memory, over the whole run.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::world::World;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Shorter runs end before anything can be said.
const LONG_RUN: Duration = Duration::from_mins(25);
/// What the last third may hold more than the first, in percent and in MB.
const MORE_PERCENT: u64 = 25;
const MORE_MB: u64 = 16;

/// Resident memory in MB by program.
#[derive(Debug, Default)]
pub struct Memory {
    seen: BTreeMap<String, Vec<u64>>,
    last: Option<Instant>,
}

impl Memory {
    /// Notes it, once a second.
    pub fn look(&mut self, world: &World) {
        if self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        self.last = Some(Instant::now());
        let collectors = world.collectors.iter();
        let collectors = collectors.map(|it| (it.gateway.as_str(), it.resident_mb()));
        let all = collectors.chain([
            ("server", world.server.resident_mb()),
            ("county", world.county.resident_mb()),
        ]);
        for (name, mb) in all {
            if let Some(mb) = mb {
                self.seen.entry(name.to_owned()).or_default().push(mb);
            }
        }
    }

    /// Says what it was; in a long run it must not have grown.
    pub fn check(&self, lasted: Duration) {
        for (name, seen) in &self.seen {
            let third = seen.len() / 3;
            let (first, last) = (median(&seen[..third]), median(&seen[seen.len() - third..]));
            let most = seen.iter().max().unwrap();
            println!(
                "{name}: {first} MB in the first third, {last} MB in the last, {most} MB at most"
            );
            if lasted >= LONG_RUN {
                let bound = first + first * MORE_PERCENT / 100 + MORE_MB;
                assert!(last <= bound, "{name} grows: {seen:?}");
            }
        }
    }
}

fn median(seen: &[u64]) -> u64 {
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    seen.get(seen.len() / 2).copied().unwrap_or(0)
}
