//! Why a request is refused: a stable code and words for people, outside; the cause, for
//! our own log, inside.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Json, extract};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoResponses, ToSchema};

use super::acts::{Refusal, RefusedView};
use crate::custody::CustodyError;
use crate::journal::JournalError;
use crate::rebuild::reach::Outside;
use crate::view::Words;

/// An error as clients see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorView {
    /// Stable, for machines.
    pub code: &'static str,
    /// For people.
    pub message: Words,
}

/// Everything a request can be refused for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The query cannot be read.
    #[error("query: {0}")]
    Query(String),
    /// The body cannot be read.
    #[error("body: {0}")]
    Body(String),
    /// The body is not declared as JSON.
    #[error("the body's content type is not application/json")]
    NotJson,
    /// The body is longer than [`super::BODY_BYTES_MAX`].
    #[error("the body is too large")]
    TooLarge,
    /// A value that may not be.
    #[error("{field}: {en}")]
    Invalid {
        /// Which parameter or field.
        field: &'static str,
        /// What it should be, in Chinese.
        zh: &'static str,
        /// What it should be, in English.
        en: &'static str,
    },
    /// Nothing is at this path.
    #[error("no such path")]
    NoSuchPath,
    /// The path does not know the method.
    #[error("method not allowed")]
    Method,
    /// No such occurrence of such an alarm.
    #[error("unknown alarm")]
    UnknownAlarm,
    /// No such point.
    #[error("unknown point")]
    UnknownPoint,
    /// Somebody acknowledged it before.
    #[error("already acknowledged")]
    AlreadyAcknowledged {
        /// Who, when it is known.
        by: Option<String>,
    },
    /// It is over and was seen.
    #[error("the alarm is over")]
    Over,
    /// The act cannot happen now.
    #[error("refused: {}", .0.code())]
    Refused(Refusal),
    /// None of many was acknowledged.
    #[error("none was acknowledged")]
    NoneTaken(Vec<RefusedView>),
    /// The act did not get into the log.
    #[error("the act was not taken: {0}")]
    NotTaken(String),
    /// Whether the act got into the log is not known.
    #[error("the act was not confirmed in time")]
    NotConfirmed,
    /// That time lies outside of what can be explained.
    #[error("{0}")]
    Outside(Outside),
    /// That time cannot be explained.
    #[error("not explained: {0}")]
    NotExplained(String),
    /// Too many reads wait already.
    #[error("too many reads at once")]
    Busy,
    /// Too many screens read the stream.
    #[error("too many screens")]
    Screens,
    /// The journal cannot be read.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// The book of custody cannot be read.
    #[error("custody: {0}")]
    Custody(#[from] CustodyError),
    /// A read ended without an answer.
    #[error("a read broke off: {0}")]
    BrokeOff(#[from] tokio::task::JoinError),
    /// The answer took too long.
    #[error("no answer in time")]
    Deadline,
    /// The name in `Host` is not ours.
    #[error("the host is not this server")]
    Host,
    /// A browser sent it for another site's page.
    #[error("sent by another site")]
    CrossSite,
}

impl ApiError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Query(_) => (StatusCode::BAD_REQUEST, "bad_query"),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "bad_body"),
            Self::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "no_such_path"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::UnknownAlarm => (StatusCode::NOT_FOUND, "unknown_alarm"),
            Self::UnknownPoint => (StatusCode::NOT_FOUND, "unknown_point"),
            Self::AlreadyAcknowledged { .. } => (StatusCode::CONFLICT, "already_acknowledged"),
            Self::Over => (StatusCode::CONFLICT, "over"),
            Self::Refused(why) => (why.status(), why.code()),
            Self::NoneTaken(_) => (StatusCode::CONFLICT, "none_taken"),
            Self::NotTaken(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_taken"),
            Self::NotConfirmed => (StatusCode::SERVICE_UNAVAILABLE, "not_confirmed"),
            Self::Outside(_) => (StatusCode::NOT_FOUND, "outside_range"),
            Self::NotExplained(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_explained"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Screens => (StatusCode::SERVICE_UNAVAILABLE, "too_many_screens"),
            Self::Journal(_) => (StatusCode::SERVICE_UNAVAILABLE, "journal_unavailable"),
            Self::Custody(_) => (StatusCode::SERVICE_UNAVAILABLE, "custody_unavailable"),
            Self::BrokeOff(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Deadline => (StatusCode::SERVICE_UNAVAILABLE, "deadline"),
            Self::Host => (StatusCode::FORBIDDEN, "foreign_host"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross_site"),
        }
    }

    /// The error as clients see it.
    pub(super) fn view(&self) -> ErrorView {
        ErrorView {
            code: self.status_and_code().1,
            message: self.message(),
        }
    }

    fn message(&self) -> Words {
        let (zh, en) = match self {
            Self::NotExplained(what) => {
                return detailed("无法解释当时的情况", "That time cannot be explained", what);
            }
            Self::Outside(outside) => return outside.words(),
            Self::Query(what) => return detailed("查询参数有误", "The query is wrong", what),
            Self::Body(what) => return detailed("请求内容有误", "The body is wrong", what),
            Self::Invalid { field, zh, en } => {
                return Words::new(format!("{field}：{zh}"), format!("{field}: {en}"));
            }
            Self::AlreadyAcknowledged { by: Some(by) } => {
                return Words::new(format!("{by} 已确认"), format!("{by} has acknowledged it"));
            }
            Self::AlreadyAcknowledged { by: None } => ("已被确认", "It is acknowledged already"),
            Self::Refused(why) => return why.words(),
            Self::NoneTaken(all) => return none_taken(all),
            Self::NotJson => ("须以 application/json 提交", "Send it as application/json"),
            Self::TooLarge => ("请求内容过长", "The body is too long"),
            Self::NoSuchPath => ("没有此地址", "There is nothing at this address"),
            Self::Method => (
                "此地址不支持该方法",
                "This address does not know the method",
            ),
            Self::UnknownAlarm => ("没有此告警", "There is no such alarm"),
            Self::UnknownPoint => ("没有此测点", "There is no such point"),
            Self::Over => (
                "告警已结束并已确认",
                "The alarm is over and was acknowledged",
            ),
            Self::NotTaken(_) => (
                "服务器未能记录此操作，请重试",
                "The server could not record the act; try again",
            ),
            Self::NotConfirmed => (
                "尚未得知操作是否已记录，请查看告警状态",
                "It is not known yet whether the act was recorded; look at the alarm",
            ),
            Self::Busy => (
                "服务器忙，请稍后重试",
                "The server is busy; try again shortly",
            ),
            Self::Screens => ("连接的画面过多", "Too many screens are connected"),
            Self::Journal(_) => ("告警日志无法读取", "The alarm journal cannot be read"),
            Self::Custody(_) => ("采样账目无法读取", "The custody book cannot be read"),
            Self::BrokeOff(_) => ("服务器内部错误", "The server failed inside"),
            Self::Deadline => ("服务器未能及时应答", "The server did not answer in time"),
            Self::Host => ("不接受此主机名", "This host name is not accepted"),
            Self::CrossSite => (
                "不接受其他网站的请求",
                "Requests of other sites are refused",
            ),
        };
        Words::new(zh, en)
    }
}

fn detailed(zh: &str, en: &str, what: &str) -> Words {
    Words::new(format!("{zh}：{what}"), format!("{en}: {what}"))
}

/// Every occurrence with why it was left as it is.
fn none_taken(all: &[RefusedView]) -> Words {
    let list = |word: fn(&Words) -> &str| {
        let each = all.iter();
        let each = each.map(|it| format!("{} {}", it.occurrence, word(&it.message)));
        each.collect::<Vec<_>>().join("; ")
    };
    Words::new(
        format!("未确认任何告警：{}", list(|it| &it.zh)),
        format!("None was acknowledged: {}", list(|it| &it.en)),
    )
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        if status.is_server_error() {
            tracing::warn!(code, cause = %self, "request failed");
        }
        (status, Json(self.view())).into_response()
    }
}

/// What any route may answer besides its own: for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum Refusals {
    /// The request cannot be understood, or a value in it may not be: `bad_query`,
    /// `bad_body`, `invalid`.
    #[response(status = 400)]
    Bad(ErrorView),
    /// `foreign_host` or `cross_site`.
    #[response(status = 403)]
    Forbidden(ErrorView),
    /// The server failed inside: `internal`.
    #[response(status = 500)]
    Internal(ErrorView),
    /// The server cannot do it now; try again: `busy`, `deadline`, `journal_unavailable`,
    /// `not_taken`, `not_confirmed`, `not_explained`, `too_many_screens`.
    #[response(status = 503)]
    Unavailable(ErrorView),
}

/// A query, or an error in our shape.
pub(super) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|why| ApiError::Query(why.body_text()))
    }
}

/// A JSON body, or an error in our shape. The content type is required: a foreign page
/// cannot send it without the browser asking us first, and we never allow that.
pub(super) struct Sent<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match extract::Json::from_request(request, state).await {
            Ok(Json(sent)) => Ok(Self(sent)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::NotJson),
            Err(why) if why.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(ApiError::TooLarge),
            Err(why) => Err(ApiError::Body(why.body_text())),
        }
    }
}
