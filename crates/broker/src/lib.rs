//! The embedded MQTT broker: `rmqtt` with our authentication and topic rules, so that one
//! command runs everything and a plant needs no second service.
//!
//! What must stay true:
//! - A message under `fenghuo/` ends its way here. It is given to the [`Intake`] inside the
//!   publish hook, which never waits, and is neither routed, stored nor retained; the PUBACK
//!   that follows is not a receipt.
//! - Only the server speaks on `receipt`, and only the gateway's own connected sessions hear it.
//! - `rmqtt` routes nothing by itself. Its session channel is unbounded, so every message goes
//!   through `delivery`, where it is paid for from a bounded budget first.
//! - Everything runs on a runtime of its own; when that ends no task of `rmqtt` is left.
//!
//! Limits of `rmqtt` 0.24 that cannot be set from outside: a TCP connection that never sends
//! a byte is not timed out, and `max_sessions` may be overshot by the handshakes in progress.

mod access;
mod broker;
mod budget;
mod config;
mod counts;
mod delivery;
mod error;
mod hooks;
mod intake;
mod router;

pub use broker::Broker;
pub use config::{Config, Gateway, Limits, NotAGateway, Password, Scope, User};
pub use counts::Counts;
pub use error::{BrokerError, Problem};
pub use intake::{Incoming, Intake, Taken};
