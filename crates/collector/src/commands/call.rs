//! A line that is read from the command line: where a modem dials in, it is waited for.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::source::modbus::connection::{Connection, Manner};
use crate::source::modbus::dial_in::Exchange;
use crate::source::modbus::port::Way;

/// How long a modem may take to dial in.
const CALL_WAIT: Duration = Duration::from_secs(90);
/// How often it is looked for.
const CALL_LOOK: Duration = Duration::from_millis(50);

/// A way to a line, and who takes its calls.
pub struct Called {
    /// With the modem's place, if one dials in.
    pub way: Way,
    taking: Option<JoinHandle<()>>,
}

impl Drop for Called {
    fn drop(&mut self) {
        if let Some(taking) = &self.taking {
            taking.abort();
        }
    }
}

impl Called {
    /// Listens for the modem, if one dials in.
    pub async fn new(mut way: Way) -> anyhow::Result<Self> {
        let Some(dial_in) = way.port.dial_in() else {
            return Ok(Self { way, taking: None });
        };
        let listen = dial_in.listen;
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen for the modem on {listen}; a collector that runs does already")
        })?;
        let exchange = Arc::new(Exchange::default());
        let caller = exchange.expect(&dial_in.id);
        way.caller = Some(caller);
        let taking = Some(tokio::spawn(exchange.serve(listener)));
        Ok(Self { way, taking })
    }

    /// Connects, once the modem has called.
    pub async fn connect(&self, timeout: Duration) -> anyhow::Result<Connection> {
        if let Some(caller) = &self.way.caller {
            let called = async {
                while !caller.is_waiting() {
                    tokio::time::sleep(CALL_LOOK).await;
                }
            };
            let wait = CALL_WAIT.max(timeout);
            tokio::time::timeout(wait, called).await.with_context(|| {
                format!(
                    "the modem {} did not call in {} s",
                    self.way.port,
                    wait.as_secs()
                )
            })?;
        }
        Ok(Connection::open(&self.way, Manner::cautious(timeout)).await?)
    }
}
