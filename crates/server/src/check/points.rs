//! What the rules make of the points that are known: those of the journal's catalogs, which
//! any version of the program can read beside a running server.

use std::collections::BTreeSet;

use fenghuo_engine::{Engine, Input};

use crate::config::Config;
use crate::entry;
use crate::journal::JournalReader;
use crate::serve::Files;

/// Most catalogs looked at, the newest first.
const CATALOGS_MAX: usize = 10_000;

/// An engine with the newest catalog of each gateway and the rules of the configuration; none
/// when no catalog has come yet.
///
/// # Errors
/// When there is a journal that cannot be read.
pub fn engine(config: &Config) -> anyhow::Result<Option<Engine>> {
    let files = Files::new(&config.data_dir);
    if !files.journal.exists() {
        return Ok(None);
    }
    let journal = JournalReader::open(&files.journal)?;
    let mut known = BTreeSet::new();
    let mut catalogs = Vec::new();
    for (_, body) in journal.kept_of(entry::CATALOG, u64::MAX >> 1, CATALOGS_MAX)? {
        let input = entry::small(entry::CATALOG, &body)?;
        if let Input::Catalog(gateway, _) = &input
            && known.insert(gateway.clone())
        {
            catalogs.push(input);
        }
    }
    if catalogs.is_empty() {
        return Ok(None);
    }
    let mut engine = Engine::default();
    let rules = Input::Rules(config.rules.clone());
    for (position, input) in (1..).zip(catalogs.into_iter().chain([rules])) {
        engine.apply(position, input, &mut Vec::new());
    }
    Ok(Some(engine))
}
