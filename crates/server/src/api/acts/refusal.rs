//! Why an act cannot happen now: a stable code and words that say what to do instead.

use axum::http::StatusCode;

use crate::view::Words;

/// Why an act is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It needs a reason in words.
    CommentRequired,
    /// It lasts longer than is allowed.
    TooLong {
        /// The longest, in milliseconds.
        most_ms: u64,
    },
    /// Acknowledge it first.
    NotAcknowledged,
    /// The condition still holds.
    StillActive,
    /// It is latched: reset it first.
    NotReset,
    /// It is not latched.
    NothingToReset,
    /// Its rule forbids it.
    NotShelvable,
    /// It is on the shelf already.
    AlreadyShelved,
    /// It is not on the shelf.
    NotShelved,
    /// It is out of service.
    OutOfService,
    /// Somebody asked for it already.
    AlreadyAsked,
    /// Nobody asked for it.
    NotAsked,
    /// A second person is needed.
    SamePerson,
    /// It is in service, and nobody asked to take it out.
    NotOut,
    /// It has no open case.
    NoCase,
    /// No cause is stated.
    CauseMissing,
    /// It is verified already.
    AlreadyVerified,
    /// Steps of its case are not done.
    NotAnswered,
    /// Severe alarms are acknowledged one by one.
    Severe,
    /// Another booking that is not over has this name.
    NameTaken,
    /// There is no such booking.
    UnknownBooking,
    /// There is no such gateway.
    UnknownGateway,
    /// The booking is over.
    BookingOver,
    /// There is no such silence that is not over.
    UnknownSilence,
    /// There are as many bookings, or silences, as can be.
    TooMany,
    /// Somebody was faster, or it ended in between.
    NoEffect,
}

impl Refusal {
    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::CommentRequired | Self::TooLong { .. } => StatusCode::BAD_REQUEST,
            Self::UnknownBooking | Self::UnknownGateway | Self::UnknownSilence => {
                StatusCode::NOT_FOUND
            }
            _ => StatusCode::CONFLICT,
        }
    }

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CommentRequired => "comment_required",
            Self::TooLong { .. } => "too_long",
            Self::NotAcknowledged => "not_acknowledged",
            Self::StillActive => "still_active",
            Self::NotReset => "not_reset",
            Self::NothingToReset => "nothing_to_reset",
            Self::NotShelvable => "not_shelvable",
            Self::AlreadyShelved => "already_shelved",
            Self::NotShelved => "not_shelved",
            Self::OutOfService => "out_of_service",
            Self::AlreadyAsked => "already_asked",
            Self::NotAsked => "not_asked",
            Self::SamePerson => "same_person",
            Self::NotOut => "not_out",
            Self::NoCase => "no_case",
            Self::CauseMissing => "cause_missing",
            Self::AlreadyVerified => "already_verified",
            Self::NotAnswered => "not_answered",
            Self::Severe => "severe",
            Self::NameTaken => "name_taken",
            Self::UnknownBooking => "unknown_booking",
            Self::UnknownGateway => "unknown_gateway",
            Self::BookingOver => "booking_over",
            Self::UnknownSilence => "unknown_silence",
            Self::TooMany => "too_many",
            Self::NoEffect => "no_effect",
        }
    }

    /// For people.
    pub fn words(self) -> Words {
        if let Self::TooLong { most_ms } = self {
            let (zh, en) = span(most_ms);
            return Words::new(format!("最长 {zh}"), format!("At most {en}"));
        }
        let (zh, en) = self.texts();
        Words::new(zh, en)
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::CommentRequired => ("请写明原因", "Say why"),
            Self::TooLong { .. } => ("时间过长", "It lasts too long"),
            Self::NotAcknowledged => ("请先确认告警", "Acknowledge the alarm first"),
            Self::StillActive => ("告警条件仍在", "The alarm's condition still holds"),
            Self::NotReset => ("请先复位", "Reset the alarm first"),
            Self::NothingToReset => ("没有待复位的锁定", "It is not latched"),
            Self::NotShelvable => ("此告警不可搁置", "This alarm may not be shelved"),
            Self::AlreadyShelved => ("告警已被搁置", "It is shelved already"),
            Self::NotShelved => ("告警未被搁置", "It is not shelved"),
            Self::OutOfService => ("告警已停用", "It is out of service"),
            Self::AlreadyAsked => (
                "已有停用申请，待第二人同意",
                "It was asked for already; a second person has to agree",
            ),
            Self::NotAsked => ("没有停用申请", "Nobody asked to take it out of service"),
            Self::SamePerson => ("须由另一人办理", "Another person has to do this"),
            Self::NotOut => (
                "告警未停用，也没有申请",
                "It is in service, and nothing was asked",
            ),
            Self::NoCase => ("没有待处置的事项", "It has no open case"),
            Self::CauseMissing => ("尚未说明原因与措施", "Cause and measure are not stated yet"),
            Self::AlreadyVerified => ("已核查", "It is verified already"),
            Self::NotAnswered => (
                "处置步骤尚未全部完成",
                "Not every step that is asked for is done",
            ),
            Self::Severe => (
                "橙色、红色告警须逐条确认",
                "Orange and red alarms are acknowledged one by one",
            ),
            Self::NameTaken => ("名称已被占用", "The name is taken"),
            Self::UnknownBooking => ("没有此预约", "There is no such booking"),
            Self::UnknownGateway => ("没有此网关", "There is no such gateway"),
            Self::BookingOver => ("预约已结束", "The booking is over"),
            Self::UnknownSilence => (
                "没有此静默，或已结束",
                "There is no such silence, or it is over",
            ),
            Self::TooMany => ("预约或静默过多", "There are too many bookings or silences"),
            Self::NoEffect => (
                "操作未生效：他人已先处理，或告警已变化",
                "Nothing changed: somebody was faster, or the alarm changed",
            ),
        }
    }
}

/// A span in its largest whole part.
fn span(ms: u64) -> (String, String) {
    const MINUTE: u64 = 60_000;
    let (number, zh, en) = match ms {
        _ if ms.is_multiple_of(1_440 * MINUTE) => (ms / (1_440 * MINUTE), "天", "days"),
        _ if ms.is_multiple_of(60 * MINUTE) => (ms / (60 * MINUTE), "小时", "hours"),
        _ if ms.is_multiple_of(MINUTE) => (ms / MINUTE, "分钟", "minutes"),
        _ => (ms / 1_000, "秒", "seconds"),
    };
    (format!("{number} {zh}"), format!("{number} {en}"))
}
