//! Delivery to each destination: started with what the spool held, told of new settings.

use std::sync::Arc;

use fenghuo_model::{Catalog, GatewayKey};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::ReadClock;
use crate::config::Destination;
use crate::deliver::{Driver, Wiring};
use crate::dice;
use crate::spool::{self, Found};
use crate::status::Status;

/// What the delivery to each destination is made with.
pub struct Delivery<'a> {
    pub gateway: &'a GatewayKey,
    pub catalog: &'a Arc<Catalog>,
    pub clock: &'a Arc<ReadClock>,
    pub commands: &'a spool::Commands,
    pub status: &'a Status,
    pub epoch: u64,
    pub found: &'a Found,
}

/// The ways on which the drivers are told of new settings, in the order of the spool.
pub type Settings = Vec<watch::Sender<Destination>>;

impl Delivery<'_> {
    /// Starts a task for each destination.
    pub fn start(
        &self,
        destinations: &[Destination],
        ways: impl Iterator<Item = (spool::Events, fenghuo_log::Reader)>,
        finished: watch::Receiver<bool>,
    ) -> anyhow::Result<(JoinSet<()>, Settings)> {
        let (mut drivers, mut all) = (JoinSet::new(), Settings::new());
        for (number, (destination, way)) in destinations.iter().zip(ways).enumerate() {
            let (tell, settings) = watch::channel(destination.clone());
            let driver = self.driver(number, settings, way)?;
            drivers.spawn(driver.run(finished.clone()));
            all.push(tell);
        }
        drop(finished);
        Ok((drivers, all))
    }

    /// The delivery to one destination.
    fn driver(
        &self,
        number: usize,
        settings: watch::Receiver<Destination>,
        (events, reader): (spool::Events, fenghuo_log::Reader),
    ) -> anyhow::Result<Driver> {
        let wiring = Wiring {
            number,
            settings,
            gateway: self.gateway.clone(),
            clock: self.clock.clone(),
            spool: self.commands.clone(),
            events,
            reader,
            catalog: self.catalog.clone(),
            status: self.status.clone(),
            epoch: self.epoch,
            seed: dice::draw()?,
        };
        Ok(Driver::new(wiring, self.found))
    }
}
