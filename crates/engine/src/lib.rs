//! Everything that decides: order, rules, alarms.
//!
//! A pure fold: [`Engine::apply`] takes one log entry and gives the alarm events that follow
//! from it. It never meets disk, clock, network, logging or chance, and iterates only over
//! ordered maps, so the same entries give the same events with the same ids anywhere. What
//! must stay true:
//! - an alarm changes only by [`alarm::Book::apply`], and every change is an event;
//! - unknown never fires and never clears: an alarm whose point falls silent is held;
//! - a live alarm is never cleared by backlog;
//! - a snapshot and the entries after it give what all entries give.

pub mod alarm;
mod clock;
pub mod coverage;
pub mod detect;
mod engine;
pub mod event;
pub mod explain;
pub mod expr;
pub mod figures;
mod gateway;
pub mod input;
pub mod plan;
pub mod rule;
pub mod scenario;
mod sorted;

pub use alarm::{Alarm, AlarmKey, Book, Life, Place, State, Subject};
pub use coverage::{Coverage, EnterpriseCoverage};
pub use engine::{
    Carried, EVERY_CARRIER, Engine, GatewayView, Idle, Problem, Reload, SnapshotError,
    VERSION as ENGINE_VERSION, act,
};
pub use event::{Change, Event, EventId, Hold, Transition};
pub use gateway::CATALOGS_MAX;
pub use gateway::bind::{BoundLevel, BoundLimit, Refusal, Wanted};
pub use input::{Act, Deed, FrameInput, Input};
pub use plan::{Notice, NoticeId, NoticeKind, Planner};
pub use rule::{Level, Op, Rule, RuleFault, RuleSet};
