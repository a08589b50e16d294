//! Sockets and the clock: what starts last and stops first.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fenghuo_broker::Broker;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock;
use crate::config::{Config, Mqtt, MqttUser};
use crate::intake::{Control, Intake};
use crate::transport::{self, Door, Outgoing};

/// The embedded broker, if it is ours, and the task that publishes receipts.
pub type Started = (Option<Arc<Broker>>, JoinHandle<()>);

/// Starts the embedded broker, or the client of another one.
pub async fn mqtt(
    config: &Config,
    intake: &Intake,
    outgoing: mpsc::Receiver<Outgoing>,
) -> anyhow::Result<Started> {
    match &config.mqtt {
        Mqtt::Embedded { listen, users } => {
            let broker = broker(*listen, users)?;
            let door = Arc::new(Door(intake.clone()));
            let broker = Arc::new(Broker::start(broker, door).await?);
            tracing::info!(mqtt = %broker.local_addr(), "gateways may connect");
            let task = tokio::spawn(transport::publish_embedded(broker.clone(), outgoing));
            Ok((Some(broker), task))
        }
        Mqtt::External(external) => {
            let task = tokio::spawn(external.clone().run(intake.clone(), outgoing));
            Ok((None, task))
        }
    }
}

fn broker(listen: SocketAddr, users: &[MqttUser]) -> anyhow::Result<fenghuo_broker::Config> {
    let mut broker = fenghuo_broker::Config::new(listen);
    broker.anonymous = users.is_empty();
    for user in users {
        broker.users.push(fenghuo_broker::User {
            name: user.name.clone(),
            password: fenghuo_broker::Password::new(user.password.0.clone()),
            scope: match &user.gateway {
                Some(gateway) => fenghuo_broker::Scope::Gateway(gateway.parse()?),
                None => fenghuo_broker::Scope::Device,
            },
        });
    }
    Ok(broker)
}

/// Listens for screens.
pub async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let listening = TcpListener::bind(config.http).await;
    listening.with_context(|| format!("cannot listen on {}", config.http))
}

/// One tick a second, by the monotonic clock, whatever the wall clock does.
pub async fn tick(intake: Intake, mut stopped: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stopped.changed() => return,
        }
        if intake
            .control(Control::Tick(clock::now().as_millis()))
            .is_err()
        {
            tracing::error!("the queue of control messages is full; a tick was dropped");
        }
    }
}

/// Serves screens until the server stops.
pub async fn http(listener: TcpListener, router: axum::Router, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        // An error means that the sender is gone, which is a stop too.
        drop(stopped.wait_for(|stop| *stop).await);
    };
    if let Err(error) = axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
    {
        tracing::error!(%error, "the http server ended");
    }
}
