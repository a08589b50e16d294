//! What people do: one route for every deed.
//!
//! ```text
//!  request ─► asked (our shapes) ─► check (what is shown) ─► log ─► judge ─► events ─► answer
//! ```
//!
//! An act that cannot happen is refused before it is logged, with a code and words. What must
//! stay true: an answer of 200 means that the act is in the log and was judged, and `events`
//! is what the journal has of it; an act that should have changed an alarm and did not is
//! never called done.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fenghuo_engine::rule::SHELVE_MS_DEFAULT;
use fenghuo_engine::{AlarmKey, Deed, EventId, Subject};
use fenghuo_model::{PointRef, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::alarms::event_id;
use super::error::{ErrorView, Refusals, Sent};
use super::person::{Person, events_of, find, is_word, judged, record};
use super::{ApiError, Shared, ack};
use crate::board::Shown;
use crate::clock;
use crate::view::{EventView, Words};

mod asked;
mod check;
mod many;
mod refusal;
mod window;

use asked::{ActAsked, DeedAsked};
use check::Known;
pub use refusal::Refusal;

/// Longest number of a permit, in characters.
pub const PERMIT_MAX: usize = 64;
/// The rule of a gateway's own alarm: it stands in no rule file.
const GATEWAY_RULE: &str = "fenghuo.gateway-silent";
const GATEWAY_LEVEL: &str = "alarm";

/// What an act did.
#[derive(Serialize, ToSchema)]
pub(super) struct ActView {
    /// Its place in the log; of several the last.
    position: u64,
    /// What followed from it. Empty for bookings and silences, which change no alarm, and
    /// when the answer is 202.
    events: Vec<EventView>,
    /// Of `acknowledge_all`: those that were left as they are.
    refused: Vec<RefusedView>,
}

/// One of many that was left as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedView {
    /// Which.
    pub occurrence: String,
    /// Why, for machines: as the codes of errors.
    pub code: &'static str,
    /// Why, for people.
    pub message: Words,
}

impl RefusedView {
    fn new(occurrence: EventId, why: &ApiError) -> Self {
        let ErrorView { code, message } = why.view();
        Self {
            occurrence: occurrence.to_string(),
            code,
            message,
        }
    }
}

/// Does something about an alarm, or books a window, or silences notices.
#[utoipa::path(
    post, path = "/api/v1/acts", tag = "alarms", request_body = ActAsked,
    responses(
        (status = 200, description = "What it did", body = ActView),
        (status = 202, description = "Durable but not judged yet", body = ActView),
        (status = 400, description = "`invalid`, `comment_required`, `too_long`, `bad_body`",
         body = ErrorView),
        (status = 404, description = "`unknown_alarm`, `unknown_booking`, \
         `unknown_silence`, `unknown_gateway`", body = ErrorView),
        (status = 409, description = "It cannot happen now: `already_acknowledged`, `over`, \
         `not_acknowledged`, `still_active`, `not_reset`, `nothing_to_reset`, `not_shelvable`, \
         `already_shelved`, `not_shelved`, `out_of_service`, `already_asked`, `not_asked`, \
         `same_person`, `not_out`, `no_case`, `cause_missing`, `already_verified`, \
         `not_answered`, `name_taken`, `booking_over`, `too_many`, `none_taken`, `no_effect`. \
         One of many may also be `severe`", body = ErrorView),
        (status = 413, description = "`too_large`", body = ErrorView),
        (status = 415, description = "`not_json`", body = ErrorView),
        Refusals
    )
)]
pub(super) async fn act(
    State(shared): State<Arc<Shared>>,
    Sent(asked): Sent<ActAsked>,
) -> Result<(StatusCode, Json<ActView>), ApiError> {
    let person = Person::new(&asked.by, &asked.comment)?;
    if person.comment.is_empty() && needs_comment(&asked.deed) {
        return Err(ApiError::Refused(Refusal::CommentRequired));
    }
    if let DeedAsked::AcknowledgeAll { occurrences } = &asked.deed {
        return many::acknowledge(&shared, &person, occurrences).await;
    }
    let deed = checked(&shared, &person, &asked.deed).await?;
    let silent = changes_no_alarm(&deed);
    let position = record(&shared, &person, vec![deed]).await;
    let position = position
        .into_iter()
        .next()
        .ok_or(ApiError::NotConfirmed)??;
    let in_time = judged(&shared, position).await;
    let events = match in_time {
        true => events_of(&shared, vec![position]).await?,
        false => Vec::new(),
    };
    if in_time && events.is_empty() && !silent {
        // Say what came in between, if it can be told.
        checked(&shared, &person, &asked.deed).await?;
        return Err(ApiError::Refused(Refusal::NoEffect));
    }
    Ok(answer(in_time, position, events, Vec::new()))
}

fn answer(
    in_time: bool,
    position: u64,
    events: Vec<EventView>,
    refused: Vec<RefusedView>,
) -> (StatusCode, Json<ActView>) {
    let status = match in_time {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    let done = ActView {
        position,
        events,
        refused,
    };
    (status, Json(done))
}

/// Whether a reason in words must be given.
const fn needs_comment(deed: &DeedAsked) -> bool {
    matches!(
        deed,
        DeedAsked::Shelve { .. }
            | DeedAsked::AskOut { .. }
            | DeedAsked::PutBack { .. }
            | DeedAsked::State { .. }
            | DeedAsked::Verify {
                accepted: false,
                ..
            }
            | DeedAsked::Book { .. }
            | DeedAsked::Silence { .. }
            | DeedAsked::OfferAgain { .. }
    )
}

const fn changes_no_alarm(deed: &Deed) -> bool {
    matches!(
        deed,
        Deed::Book(_)
            | Deed::Unbook { .. }
            | Deed::Silence(_)
            | Deed::Unsilence { .. }
            | Deed::OfferAgain { .. }
    )
}

/// A gateway that is known, and a period in order.
fn again(shared: &Shared, gateway: &str, (from, until): (i64, i64)) -> Result<Deed, ApiError> {
    if !shared.api.board.read().gateways.contains_key(gateway) {
        return Err(ApiError::Refused(Refusal::UnknownGateway));
    }
    let gateway = gateway.parse();
    let gateway = gateway.map_err(|_| ApiError::Refused(Refusal::UnknownGateway))?;
    let (from, until) = (Timestamp::from_millis(from), Timestamp::from_millis(until));
    if from >= until || !from.is_storable() || !until.is_storable() {
        return Err(ApiError::Invalid {
            field: "from",
            zh: "应早于结束时间",
            en: "it must be before the end",
        });
    }
    Ok(Deed::OfferAgain {
        gateway,
        from,
        until,
    })
}

/// The engine's deed, when nothing that is shown speaks against it.
async fn checked(shared: &Shared, person: &Person, asked: &DeedAsked) -> Result<Deed, ApiError> {
    let now = clock::now().as_millis();
    match asked {
        DeedAsked::Acknowledge { occurrence }
        | DeedAsked::Reset { occurrence }
        | DeedAsked::State { occurrence, .. }
        | DeedAsked::Verify { occurrence, .. }
        | DeedAsked::Close { occurrence } => seen(shared, person, occurrence, asked).await,
        DeedAsked::Shelve { alarm, .. }
        | DeedAsked::Unshelve { alarm }
        | DeedAsked::AskOut { alarm, .. }
        | DeedAsked::AgreeOut { alarm }
        | DeedAsked::PutBack { alarm } => named(shared, person, alarm, asked, now),
        DeedAsked::OfferAgain {
            gateway,
            from,
            until,
        } => again(shared, gateway, (*from, *until)),
        DeedAsked::AcknowledgeAll { .. }
        | DeedAsked::Book { .. }
        | DeedAsked::Unbook { .. }
        | DeedAsked::Silence { .. }
        | DeedAsked::Unsilence { .. } => window::deed(shared, asked, now),
    }
}

/// A deed that concerns the occurrence which the person saw.
async fn seen(
    shared: &Shared,
    person: &Person,
    occurrence: &str,
    asked: &DeedAsked,
) -> Result<Deed, ApiError> {
    let alarm = event_id(occurrence)?;
    let view = find(shared, alarm).await?;
    match asked {
        DeedAsked::Reset { .. } => {
            check::reset(&view)?;
            Ok(Deed::Reset { alarm })
        }
        DeedAsked::State { cause, .. } => {
            check::state(&view)?;
            let cause = (*cause).into();
            Ok(Deed::State { alarm, cause })
        }
        DeedAsked::Verify { accepted, .. } => {
            check::verify(&view, &person.by)?;
            let accepted = *accepted;
            Ok(Deed::Verify { alarm, accepted })
        }
        DeedAsked::Close { .. } => {
            check::close(&view, &person.by)?;
            Ok(Deed::Close { alarm })
        }
        _ => {
            ack::open(&view)?;
            Ok(Deed::Acknowledge { alarm })
        }
    }
}

/// A deed that concerns an alarm which may be normal now.
fn named(
    shared: &Shared,
    person: &Person,
    name: &str,
    asked: &DeedAsked,
    now: i64,
) -> Result<Deed, ApiError> {
    let alarm: AlarmKey = name.parse().map_err(|_| ApiError::Invalid {
        field: "alarm",
        zh: "应为 rule/level@enterprise/gateway/key",
        en: "it must be rule/level@enterprise/gateway/key",
    })?;
    let known = known(shared, &alarm)?;
    match asked {
        DeedAsked::Shelve {
            until, one_shot, ..
        } => {
            check::shelve(&known, *until, now)?;
            Ok(Deed::Shelve {
                alarm,
                until: Timestamp::from_millis(*until),
                one_shot: *one_shot,
            })
        }
        DeedAsked::AskOut { permit, until, .. } => {
            check::ask_out(&known, *until, now)?;
            Ok(Deed::AskOut {
                alarm,
                permit: number(permit)?,
                until: Timestamp::from_millis(*until),
            })
        }
        DeedAsked::AgreeOut { .. } => {
            check::agree_out(&known, &person.by)?;
            Ok(Deed::AgreeOut { alarm })
        }
        DeedAsked::PutBack { .. } => {
            check::put_back(&known)?;
            Ok(Deed::PutBack { alarm })
        }
        _ => {
            check::unshelve(&known)?;
            Ok(Deed::Unshelve { alarm })
        }
    }
}

fn number(permit: &str) -> Result<String, ApiError> {
    let permit = permit.trim();
    if is_word(permit, PERMIT_MAX) {
        return Ok(permit.to_owned());
    }
    Err(ApiError::Invalid {
        field: "permit",
        zh: "应为 1 到 64 个字符的许可证编号",
        en: "it must be a permit's number of 1 to 64 characters",
    })
}

/// Whether a limit of a point is red there, be it by the rule or by the site.
fn is_red_there(shown: &Shown, key: &AlarmKey, point: &PointRef) -> bool {
    let point = shown.points.get(&point.to_string());
    let mut limits = point.into_iter().flat_map(|point| &point.limits);
    limits.any(|it| (&*it.rule, &*it.level, &*it.severity) == (&*key.rule, &*key.level, "red"))
}

/// What is known of an alarm: it is shown, or it is normal and its level, and what it is
/// about, exist. A group's alarm must be shown: the groups that rules make are not listed.
fn known(shared: &Shared, key: &AlarmKey) -> Result<Known, ApiError> {
    let shown = shared.api.board.read();
    let name = key.to_string();
    let mut records = shown.alarms.values().rev();
    if let Some(alarm) = records.find(|it| it.alarm == name && !it.retrospective) {
        return Ok(Known::Shown(Box::new(alarm.as_ref().clone())));
    }
    let is_there = match &key.subject {
        Subject::Point(point) => shown.points.contains_key(&point.to_string()),
        Subject::Gateway(gateway) => {
            (&*key.rule, &*key.level) == (GATEWAY_RULE, GATEWAY_LEVEL)
                && shown.gateways.contains_key(&gateway.to_string())
        }
        Subject::Group(..) => false,
    };
    let level = shown.levels.get(&format!("{}/{}", key.rule, key.level));
    match (is_there, level, &key.subject) {
        (true, Some(_), Subject::Point(point)) if is_red_there(&shown, key, point) => {
            Ok(Known::Normal(0))
        }
        (true, Some(most), _) => Ok(Known::Normal(*most)),
        (true, None, Subject::Gateway(_)) => Ok(Known::Normal(SHELVE_MS_DEFAULT)),
        _ => Err(ApiError::UnknownAlarm),
    }
}
