//! Start, speak, stop.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fenghuo_uplink::PAYLOAD_BYTES_MAX;
use fenghuo_uplink::topic::{Channel, Topic};
use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Listener};
use rmqtt::router::DefaultRouter;
use rmqtt::server::MqttServer;
use rmqtt::shared::DefaultShared;
use rmqtt::types::QoS;
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinSet};

use crate::access::Users;
use crate::config::{Config, Limits};
use crate::counts::{Counters, Counts};
use crate::delivery::{Delivery, Full};
use crate::error::BrokerError;
use crate::hooks::{ANSWERED, Core, Hooks};
use crate::intake::Intake;
use crate::router::SilentRouter;

/// Threads of the broker's runtime.
const THREADS: usize = 2;
/// A packet is its payload, a topic and properties.
const PACKET_BYTES_MAX: u32 = (PAYLOAD_BYTES_MAX + (8 << 10)) as u32;
/// Handshakes at a time; the rest wait, at most one per session.
const HANDSHAKES_MAX: usize = 64;
/// A client must say CONNECT within this time after its first byte.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes nothing for this long is disconnected.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest keep-alive in seconds; zero ("never") is refused, as dead peers would stay.
const KEEPALIVE_S_MAX: u16 = 3600;
/// Unacknowledged messages in each direction.
const INFLIGHT_MAX: NonZeroU16 = NonZeroU16::new(256).expect("256 is not zero");
const CLIENT_ID_BYTES_MAX: usize = 128;
const TOPIC_LEVELS_MAX: usize = 16;
const SUBSCRIPTIONS_MAX: usize = 256;
/// How long a session without a connection is kept, and its messages with it.
const SESSION_KEPT: Duration = Duration::from_secs(10 * 60);
/// The longest that an MQTT 5 client may ask for.
const SESSION_KEPT_MAX: Duration = Duration::from_secs(60 * 60);
/// A waiting device message older than this is dropped.
const MESSAGE_KEPT: Duration = Duration::from_secs(5 * 60);
/// Tasks and queue places of an executor of `rmqtt` that we give no work.
const EXECUTOR_SIZE: usize = 16;
/// `rmqtt`'s name for our only listener; its default would be the port, which may be 0.
const LISTENER_ID: u16 = 1;
/// How long stopping waits for clients to be told, and then for tasks to end.
const STOP_WAIT: Duration = Duration::from_secs(2);
const STOP_POLL: Duration = Duration::from_millis(5);

/// A running broker. Prefer [`Broker::stop`] to dropping it: a drop ends everything too, but
/// in the background, and the memory of open sessions stays taken.
pub struct Broker {
    home: Home,
    context: ServerContext,
    core: Arc<Core>,
    listener: AbortHandle,
    local_addr: SocketAddr,
}

impl Broker {
    /// Listens and lets clients in.
    ///
    /// # Errors
    /// [`BrokerError::Config`] with every problem at once, [`BrokerError::Listen`] when the
    /// address cannot be had, [`BrokerError::Runtime`] when there are no threads.
    pub async fn start(config: Config, intake: Arc<dyn Intake>) -> Result<Self, BrokerError> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(BrokerError::Config(problems));
        }
        let home = Home::new()?;
        let started = home.run(open(config, intake)).await;
        let open = started.map_err(|error| BrokerError::Runtime(io::Error::other(error)))??;
        let local_addr = open.local_addr;
        tracing::info!(%local_addr, "mqtt broker listening");
        Ok(Self {
            home,
            context: open.context,
            core: open.core,
            listener: open.listener,
            local_addr,
        })
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Clients connected now.
    #[must_use]
    pub fn connections(&self) -> usize {
        usize::try_from(self.context.connections.count()).unwrap_or(0)
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.core.counters.snapshot()
    }

    /// Sends a receipt to the connected subscribers of its topic, at QoS 0 and not retained.
    /// That nobody is there is no error (it is counted): the gateway will say hello again.
    ///
    /// # Errors
    /// [`BrokerError::NotAReceipt`] for any other channel, [`BrokerError::TooLarge`] over
    /// `PAYLOAD_BYTES_MAX`, [`BrokerError::Full`] when a subscriber takes too slowly.
    pub async fn publish(&self, topic: &Topic, payload: Bytes) -> Result<(), BrokerError> {
        if topic.channel != Channel::Receipt {
            return Err(BrokerError::NotAReceipt(topic.clone()));
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(BrokerError::TooLarge {
                topic: topic.clone(),
                bytes: payload.len(),
                limit: PAYLOAD_BYTES_MAX,
            });
        }
        let sent = self.core.delivery.receipt(&self.context, topic, payload);
        sent.await.map_err(|Full| BrokerError::Full {
            topic: topic.clone(),
        })
    }

    /// Disconnects everybody and frees the port. Last wills are not spoken: the gateways have
    /// not gone, the broker has.
    pub async fn stop(self) {
        self.core.closing.store(true, Ordering::Release);
        self.listener.abort();
        let farewell = farewell(self.context.clone());
        let told = self
            .home
            .run(async { tokio::time::timeout(STOP_WAIT, farewell).await });
        if !matches!(told.await, Ok(Ok(()))) {
            tracing::warn!("mqtt clients were cut off without waiting for them");
        }
        self.home.close().await;
        // The context, its hooks and its sessions hold each other; cut the circle.
        forget_context(&self.core);
        *self.context.extends.shared_mut().await = Box::new(DefaultShared::new(None));
        tracing::info!(local_addr = %self.local_addr, "mqtt broker stopped");
    }
}

struct Open {
    context: ServerContext,
    core: Arc<Core>,
    listener: AbortHandle,
    local_addr: SocketAddr,
}

/// Builds everything; runs on the broker's own runtime, as `rmqtt` spawns where it stands.
async fn open(config: Config, intake: Arc<dyn Intake>) -> Result<Open, BrokerError> {
    let address = config.listen;
    let listener = listen(&config).map_err(|error| BrokerError::Listen {
        address,
        source: error
            .downcast::<io::Error>()
            .unwrap_or_else(|other| io::Error::other(other.to_string())),
    })?;
    let local_addr = listener.local_addr().unwrap_or(address);
    let sessions_max = isize::try_from(config.max_sessions).unwrap_or(isize::MAX);
    let context = ServerContext::new()
        // It refuses clients when the machine is busy, just when an alarm matters most.
        .busy_check_enable(false)
        .mqtt_max_sessions(sessions_max)
        .task_exec_workers(EXECUTOR_SIZE)
        .task_exec_queue_max(EXECUTOR_SIZE)
        .build()
        .await;
    let subscriptions = DefaultRouter::new(None);
    *context.extends.router_mut().await = Box::new(SilentRouter(subscriptions.clone()));
    let users = Arc::new(Users::new(config.users, config.anonymous));
    let core = core(&context, subscriptions, config.limits, users, intake);
    let register = context.extends.hook_mgr().register();
    for point in ANSWERED {
        register
            .add(point, Box::new(Hooks(Arc::clone(&core))))
            .await;
    }
    register.start().await;
    let server = MqttServer::new(context.clone())
        .listener_by_id(listener, LISTENER_ID)
        .build();
    let serving = tokio::spawn(async move {
        if let Err(error) = server.run().await {
            tracing::error!(%error, "mqtt broker ended");
        }
    });
    Ok(Open {
        context,
        core,
        listener: serving.abort_handle(),
        local_addr,
    })
}

fn core(
    context: &ServerContext,
    subscriptions: DefaultRouter,
    limits: Limits,
    users: Arc<Users>,
    intake: Arc<dyn Intake>,
) -> Arc<Core> {
    let counters = Arc::new(Counters::default());
    Arc::new(Core {
        delivery: Delivery::new(
            subscriptions,
            limits,
            Arc::clone(&users),
            Arc::clone(&counters),
        ),
        users,
        counters,
        intake,
        closing: AtomicBool::new(false),
        context: Mutex::new(Some(context.clone())),
    })
}

fn listen(config: &Config) -> rmqtt::Result<Listener> {
    Builder::new()
        .name("fenghuo")
        .laddr(config.listen)
        .nodelay(true)
        // Else the port cannot be had for a minute after a restart; Linux still refuses a
        // port that someone listens on.
        .reuseaddr(Some(true))
        .max_connections(config.max_sessions)
        .max_handshaking_limit(HANDSHAKES_MAX)
        .max_packet_size(PACKET_BYTES_MAX)
        // Our hook decides; with `true` it would not be asked about nameless clients.
        .allow_anonymous(false)
        .max_keepalive(KEEPALIVE_S_MAX)
        .allow_zero_keepalive(false)
        .max_inflight(INFLIGHT_MAX)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
        .send_timeout(SEND_TIMEOUT)
        // `delivery` bounds the messages of a session before this queue does.
        .max_mqueue_len(config.limits.session_messages_max)
        .max_clientid_len(CLIENT_ID_BYTES_MAX)
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_topic_levels(TOPIC_LEVELS_MAX)
        .session_expiry_interval(SESSION_KEPT)
        .max_session_expiry_interval(SESSION_KEPT_MAX)
        // TCP repeats; MQTT 3.1.1 asks for repeats after a reconnect only.
        .message_retry_interval(Duration::ZERO)
        .message_expiry_interval(MESSAGE_KEPT)
        .max_subscriptions(SUBSCRIPTIONS_MAX)
        .bind()?
        .tcp()
}

/// Closes every session and waits until the connections are gone.
async fn farewell(context: ServerContext) {
    let entries: Vec<_> = context.extends.shared().await.iter().collect();
    let mut kicks = JoinSet::new();
    for mut entry in entries {
        kicks.spawn(async move { entry.kick(true, true, true).await.map(drop) });
    }
    while let Some(kicked) = kicks.join_next().await {
        if !matches!(kicked, Ok(Ok(()))) {
            tracing::debug!("an mqtt session did not answer its closing");
        }
    }
    while context.connections.count() > 0 {
        tokio::time::sleep(STOP_POLL).await;
    }
}

fn forget_context(core: &Core) {
    let mut held = core.context.lock().unwrap_or_else(PoisonError::into_inner);
    *held = None;
}

/// The runtime that everything of `rmqtt` lives on. It spawns tasks that never end by
/// themselves; they end with their home.
struct Home(Option<Runtime>);

impl Home {
    fn new() -> Result<Self, BrokerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("mqtt-broker")
            .enable_all()
            .build();
        Ok(Self(Some(runtime.map_err(BrokerError::Runtime)?)))
    }

    fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        let runtime = self.0.as_ref().expect("only close and drop take it out");
        runtime.spawn(task)
    }

    async fn close(mut self) {
        let Some(runtime) = self.0.take() else {
            return;
        };
        let closing = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(STOP_WAIT));
        if closing.await.is_err() {
            tracing::error!("the mqtt broker's runtime did not close");
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // A plain drop would block, which tokio forbids inside a task.
            runtime.shutdown_background();
        }
    }
}
