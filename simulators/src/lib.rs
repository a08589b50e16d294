//! Simulated plants for the demo and the tests: physics, Modbus TCP and MQTT faces, and
//! scenarios with a known story.
//!
//! The way of a value: a `scenario` turns the knobs of a `plant`; a `rig` steps both and
//! makes an `image`; the `modbus_face` answers reads from the newest image and the
//! `mqtt_face` publishes from it; both write what they gave into the `record`, which is
//! the truth that end-to-end tests compare with. Everything before the faces is pure:
//! time and seed are passed in.
//!
//! It knows nothing of the collector: that the collector's configuration in `demo/` fits
//! the register maps is proved by a test, not by shared code.

pub mod rng;
pub mod signal;

pub mod register;

pub mod plant;

pub mod scenario;

pub mod image;

pub mod rig;

pub mod stop;

pub mod record;

pub mod modbus_face;

pub mod mqtt_face;

pub mod table;

pub mod run;
