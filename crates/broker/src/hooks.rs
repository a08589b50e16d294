//! Where `rmqtt` asks us: who may connect, publish and subscribe, and what a publish becomes.
//!
//! Order within `rmqtt`, per publish: `MessagePublish` (acted on here), then
//! `MessagePublishCheckAcl` (answers the client), then its own forwarding, which finds nobody.
//! A last will passes `MessagePublish` only. No hook waits for anything but short locks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use rmqtt::codec::v5::{PublishAckReason, SubscribeAckReason};
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, From, FromType, LastWill, Publish, PublishAclResult, PublishResult,
    SubscribeAclResult, SubscribeReturn,
};

use crate::access::{Denied, Party, Publication, Users};
use crate::counts::Counters;
use crate::delivery::{Delivery, PROPERTIES_BYTES_MAX, properties_bytes};
use crate::intake::{Incoming, Intake, Taken};

/// The points of `rmqtt` that we answer.
pub(crate) const ANSWERED: [Type; 6] = [
    Type::ClientAuthenticate,
    Type::ClientSubscribeCheckAcl,
    Type::ClientDisconnected,
    Type::MessagePublish,
    Type::MessagePublishCheckAcl,
    Type::MessageDropped,
];

pub(crate) struct Core {
    pub(crate) users: Arc<Users>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) delivery: Delivery,
    pub(crate) intake: Arc<dyn Intake>,
    /// Set when the broker stops: what its own closing makes clients "say" is not passed on.
    pub(crate) closing: AtomicBool,
    /// The context that holds these hooks; taken out on stop, or the two would keep each other.
    pub(crate) context: Mutex<Option<ServerContext>>,
}

pub(crate) struct Hooks(pub(crate) Arc<Core>);

#[async_trait]
impl Handler for Hooks {
    async fn hook(&self, param: &Parameter, acc: Option<HookResult>) -> ReturnType {
        let core = &self.0;
        match param {
            Parameter::ClientAuthenticate(info) => {
                let result = core.authenticate(info).await;
                (false, Some(HookResult::AuthResult(result)))
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let result = core.subscribe(session, &subscribe.topic_filter);
                (false, result.map(HookResult::SubscribeAclResult))
            }
            Parameter::MessagePublish(Some(session), from, publish) => {
                core.published(session, from, publish).await;
                (false, None)
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                let result = PublishAclResult(core.answer(session, publish));
                (false, Some(HookResult::PublishAclResult(result)))
            }
            Parameter::MessageDropped(Some(_), ..) => {
                core.counters.expired.add();
                (false, None)
            }
            Parameter::ClientDisconnected(session, _) => {
                if !core.is_closing() && !is_back(session).await {
                    core.intake.disconnected(&session.id.client_id);
                }
                (false, None)
            }
            _ => (true, acc),
        }
    }
}

impl Core {
    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    async fn authenticate(&self, info: &ConnectInfo) -> AuthResult {
        let name = info.username().map(|name| &**name);
        let password = info.password().map_or(&[][..], |password| password);
        let (why, result) = match self.users.login(name, password) {
            Err(Denied::BadLogin) => ("bad name or password", AuthResult::BadUsernameOrPassword),
            Err(Denied::NoName) => ("no name", AuthResult::NotAuthorized),
            Ok(party) if !will_allowed(party, info) => {
                ("last will not allowed", AuthResult::NotAuthorized)
            }
            Ok(_) if self.is_anothers(info).await => {
                ("client id is another user's", AuthResult::NotAuthorized)
            }
            Ok(_) => return AuthResult::Allow(false, None),
        };
        if self.counters.logins_refused.add_and_tell() {
            let (client, from) = (info.client_id(), info.ipaddress());
            tracing::warn!(%client, user = ?name, ?from, why, "mqtt login refused");
        }
        result
    }

    /// A session of that client id belongs to another user: its queue is not for this one.
    async fn is_anothers(&self, info: &ConnectInfo) -> bool {
        let context = {
            let held = self.context.lock().unwrap_or_else(PoisonError::into_inner);
            held.clone()
        };
        let Some(context) = context else {
            return true;
        };
        let entry = context.extends.shared().await.entry(info.id().clone());
        entry
            .session()
            .is_some_and(|session| session.id.username.as_ref() != info.username())
    }

    fn subscribe(&self, session: &Session, filter: &str) -> Option<SubscribeAclResult> {
        if self
            .party(session)
            .is_some_and(|party| party.may_subscribe(filter))
        {
            return None;
        }
        if self.counters.subscriptions_refused.add_and_tell() {
            tracing::warn!(client = %session.id, filter, "mqtt subscription refused");
        }
        Some(SubscribeReturn::new_failure(
            SubscribeAckReason::NotAuthorized,
        ))
    }

    /// Acts on a publish or a last will.
    async fn published(&self, session: &Session, from: &From, publish: &Publish) {
        let will = matches!(from.typ(), FromType::LastWill);
        if self.is_closing() {
            return;
        }
        if will && is_back(session).await {
            self.counters.wills_outdated.add();
            return;
        }
        match self.publication(session, publish) {
            Publication::Ours(topic) => self.take(Incoming {
                topic,
                payload: Bytes::copy_from_slice(&publish.payload),
                client: session.id.client_id.to_string(),
                will,
            }),
            Publication::Plain => {
                self.delivery
                    .plain(&session.scx, from.clone(), publish)
                    .await;
            }
            Publication::Refused => {
                if self.counters.publishes_refused.add_and_tell() {
                    let topic = &publish.topic;
                    tracing::warn!(client = %session.id, %topic, "mqtt publish refused");
                }
            }
            Publication::Oversize => {
                if self.counters.oversize.add_and_tell() {
                    let (topic, bytes) = (&publish.topic, publish.payload.len());
                    tracing::warn!(client = %session.id, %topic, bytes, "mqtt publish too large");
                }
            }
        }
    }

    fn take(&self, message: Incoming) {
        match self.intake.take(message) {
            Taken::Queued => self.counters.taken.add(),
            Taken::Dropped => self.counters.untaken.add(),
        };
    }

    /// What the client hears; MQTT 3 has no refusal here, so it hears a plain PUBACK.
    fn answer(&self, session: &Session, publish: &Publish) -> PublishResult {
        let reason = match self.publication(session, publish) {
            Publication::Ours(_) | Publication::Plain => return PublishResult::success(),
            Publication::Refused => PublishAckReason::NotAuthorized,
            Publication::Oversize => PublishAckReason::QuotaExceeded,
        };
        PublishResult::reason_code(reason, None, false)
    }

    fn publication(&self, session: &Session, publish: &Publish) -> Publication {
        let Some(party) = self.party(session) else {
            return Publication::Refused;
        };
        let properties = publish.properties.as_ref().map_or(0, properties_bytes);
        match party.publication(&publish.topic, publish.payload.len()) {
            Publication::Plain if properties > PROPERTIES_BYTES_MAX => Publication::Oversize,
            publication => publication,
        }
    }

    fn party(&self, session: &Session) -> Option<&Party> {
        self.users.party(session.id.username.as_deref())
    }
}

fn will_allowed(party: &Party, info: &ConnectInfo) -> bool {
    info.last_will().is_none_or(|will| match will {
        LastWill::V3(will) => party.may_leave_will(&will.topic, will.message.len()),
        LastWill::V5(will) => party.may_leave_will(&will.topic, will.message.len()),
    })
}

/// The same client id has a newer session already.
async fn is_back(session: &Session) -> bool {
    let shared = session.scx.extends.shared().await;
    shared.entry(session.id.clone()).id_same() == Some(false)
}
