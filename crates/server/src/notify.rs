//! Carriers: they bring notices, which the engine planned and the judge wrote to the
//! journal beside the events that they follow from, to people.
//!
//! What must stay true:
//! - a carrier is at least once: a notice leaves the queue only when the other side took
//!   it, or refused it in a way that trying again cannot change;
//! - a try is written down before it is made, so that after a kill the notice comes again
//!   marked as a repeat, with the same id, and no other notice does;
//! - a notice that fails never holds back the others, and a carrier never holds back the
//!   judge: it only reads the journal's queue at its own pace.

pub mod carriers;
pub mod retry;
pub mod text;
pub mod webhook;

pub use webhook::{Webhook, WebhookConfig};
