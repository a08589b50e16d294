//! The rules in force, as screens see them, and what their last change did.

use std::sync::Arc;

use super::Judge;
use crate::notify::carriers;
use crate::view::{self, ReloadView};

/// Shows the rules and the points that they watch, when either changed.
pub fn show(judge: &mut Judge) {
    if !std::mem::take(&mut judge.rules_changed) {
        return;
    }
    let rules = Arc::new(view::rules(&judge.engine));
    judge.parts.board.write().rules = rules;
}

/// What was known of the last change before the start.
pub fn recall(judge: &Judge) -> anyhow::Result<()> {
    let text = judge.parts.journal.reload()?;
    let reload = text.and_then(|text| serde_json::from_str::<ReloadView>(&text).ok());
    judge.parts.board.write().reload = reload;
    Ok(())
}

/// The entry at `position` changed the rules: says what that did.
pub fn changed(judge: &mut Judge, position: u64) {
    let reload = view::reload(position, judge.engine.reload());
    let known = judge.parts.board.read().reload.clone();
    if known.is_some_and(|known| known.position >= position) {
        return;
    }
    tracing::info!(
        position,
        added = reload.added_count,
        changed = reload.changed_count,
        removed = reload.removed_count,
        kept = reload.kept,
        reset = reload.reset,
        "rules are in force"
    );
    warn_missing(judge);
    judge.reload = Some(reload);
}

/// Receivers that nobody can tell by a carrier that they name.
pub fn warn_missing(judge: &Judge) {
    let receivers = &judge.engine.rules().receivers;
    for (receiver, carrier) in carriers::missing(receivers, &judge.parts.carriers) {
        tracing::warn!(receiver, carrier, "the server has no carrier of this name");
    }
}
