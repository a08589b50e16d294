//! Whether an act can happen, as far as what is shown tells: so that a person hears why not
//! instead of nothing. The fold has the last word: what changes in between makes an act
//! without effect, and then the same checks say what it was.

use fenghuo_engine::act::OUT_MS_MAX;

use super::Refusal;
use crate::api::{ApiError, ack};
use crate::view::{AlarmView, CaseView, PermitView};

/// A client's clock may be ahead by so much: what lasts longer than allowed is refused, but
/// the longest that is allowed is not refused for a few seconds. The fold cuts them off.
pub(super) const CLOCK_SLACK_MS: u64 = 60_000;

/// What is known of an alarm that a person names by its key.
#[derive(Debug)]
pub(super) enum Known {
    /// It is shown.
    Shown(Box<AlarmView>),
    /// It is normal, and may be shelved for so long, in milliseconds.
    Normal(u64),
}

impl Known {
    const fn shown(&self) -> Option<&AlarmView> {
        match self {
            Self::Shown(alarm) => Some(alarm),
            Self::Normal(_) => None,
        }
    }

    const fn shelve_max_ms(&self) -> u64 {
        match self {
            Self::Shown(alarm) => alarm.shelve_max_ms,
            Self::Normal(most) => *most,
        }
    }

    fn permit(&self) -> Option<&PermitView> {
        self.shown()?.permit.as_ref()
    }

    fn is_out(&self) -> bool {
        self.permit().is_some_and(|it| it.agreed_by.is_some())
    }
}

const fn refuse(why: Refusal) -> Result<(), ApiError> {
    Err(ApiError::Refused(why))
}

/// In the future, and not later than `most_ms` from now.
pub(super) fn until(until: i64, now: i64, most_ms: u64) -> Result<(), ApiError> {
    let ahead = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
    if ahead == 0 {
        return Err(ApiError::Invalid {
            field: "until",
            zh: "应在将来",
            en: "it must be in the future",
        });
    }
    if ahead > most_ms.saturating_add(CLOCK_SLACK_MS) {
        return refuse(Refusal::TooLong { most_ms });
    }
    Ok(())
}

pub(super) fn reset(alarm: &AlarmView) -> Result<(), ApiError> {
    match alarm.life.as_str() {
        "latched_acknowledged" => Ok(()),
        "latched_unacknowledged" => refuse(Refusal::NotAcknowledged),
        "unacknowledged" | "acknowledged" if alarm.latch => refuse(Refusal::StillActive),
        _ if alarm.over => Err(ApiError::Over),
        _ => refuse(Refusal::NothingToReset),
    }
}

pub(super) fn shelve(known: &Known, end: i64, now: i64) -> Result<(), ApiError> {
    let most_ms = known.shelve_max_ms();
    if most_ms == 0 {
        return refuse(Refusal::NotShelvable);
    }
    if known.is_out() {
        return refuse(Refusal::OutOfService);
    }
    if known.shown().is_some_and(|it| it.shelf.is_some()) {
        return refuse(Refusal::AlreadyShelved);
    }
    until(end, now, most_ms)
}

pub(super) fn unshelve(known: &Known) -> Result<(), ApiError> {
    match known.shown() {
        Some(alarm) if alarm.shelf.is_some() => Ok(()),
        _ => refuse(Refusal::NotShelved),
    }
}

pub(super) fn ask_out(known: &Known, end: i64, now: i64) -> Result<(), ApiError> {
    if known.is_out() {
        return refuse(Refusal::OutOfService);
    }
    if known.permit().is_some() {
        return refuse(Refusal::AlreadyAsked);
    }
    until(end, now, OUT_MS_MAX)
}

pub(super) fn agree_out(known: &Known, by: &str) -> Result<(), ApiError> {
    match known.permit() {
        None => refuse(Refusal::NotAsked),
        Some(permit) if permit.agreed_by.is_some() => refuse(Refusal::OutOfService),
        Some(permit) if is_same(&permit.by, by) => refuse(Refusal::SamePerson),
        Some(_) => Ok(()),
    }
}

pub(super) fn put_back(known: &Known) -> Result<(), ApiError> {
    match known.permit() {
        Some(_) => Ok(()),
        None => refuse(Refusal::NotOut),
    }
}

pub(super) fn state(alarm: &AlarmView) -> Result<(), ApiError> {
    match case(alarm)?.verified_by {
        None => Ok(()),
        Some(_) => refuse(Refusal::AlreadyVerified),
    }
}

pub(super) fn verify(alarm: &AlarmView, by: &str) -> Result<(), ApiError> {
    let case = case(alarm)?;
    if case.verified_by.is_some() {
        return refuse(Refusal::AlreadyVerified);
    }
    match case.cause {
        Some(_) if case.second_person && is_stater(case, by) => refuse(Refusal::SamePerson),
        Some(_) => Ok(()),
        None => refuse(Refusal::CauseMissing),
    }
}

fn is_stater(case: &CaseView, by: &str) -> bool {
    case.cause_by.as_ref().is_some_and(|it| is_same(it, by))
}

pub(super) fn close(alarm: &AlarmView, by: &str) -> Result<(), ApiError> {
    let case = case(alarm)?;
    match alarm.life.as_str() {
        "normal" if !case.answered => refuse(Refusal::NotAnswered),
        "normal" if case.second_person && is_stater(case, by) => refuse(Refusal::SamePerson),
        "normal" => Ok(()),
        "latched_acknowledged" | "latched_unacknowledged" => refuse(Refusal::NotReset),
        "returned_unacknowledged" => refuse(Refusal::NotAcknowledged),
        _ => refuse(Refusal::StillActive),
    }
}

/// Of many at once: orange and red ones are seen one by one. What repeats itself counts as
/// what its case counts.
pub(super) fn one_of_many(alarm: &AlarmView) -> Result<(), ApiError> {
    ack::open(alarm)?;
    let mild = |severity: &str| matches!(severity, "blue" | "yellow");
    let grade = alarm.case.as_ref().is_none_or(|case| mild(&case.grade));
    if mild(&alarm.severity) && grade {
        return Ok(());
    }
    refuse(Refusal::Severe)
}

fn case(alarm: &AlarmView) -> Result<&CaseView, ApiError> {
    match &alarm.case {
        Some(case) => Ok(case),
        None if alarm.over => Err(ApiError::Over),
        None => Err(ApiError::Refused(Refusal::NoCase)),
    }
}

/// Two ways to write a name are one person.
fn is_same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}
