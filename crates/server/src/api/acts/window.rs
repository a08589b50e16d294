//! Bookings and silences: windows in which alarms are planned, or notices are not sent.
//!
//! Both take people's eyes off something, so both have a name, a reason, a bounded length
//! and labels that say what they cover: one that covers everything is refused. A booking is
//! made beforehand.

use std::collections::{BTreeMap, BTreeSet};

use fenghuo_engine::Deed;
use fenghuo_engine::alarm::BOOKINGS_MAX;
use fenghuo_engine::input::{Booking, Silence};
use fenghuo_engine::plan::SILENCES_MAX;
use fenghuo_engine::rule::Select;
use fenghuo_model::Timestamp;

use super::asked::{DeedAsked, SelectAsked};
use super::check::CLOCK_SLACK_MS;
use super::{Refusal, check, is_word};
use crate::api::{ApiError, Shared};
use crate::view::BookingView;

/// Longest window, in milliseconds: 31 days.
pub const WINDOW_MS_MAX: u64 = 31 * 86_400_000;
/// How far ahead one may begin, in milliseconds: a year.
pub const AHEAD_MS_MAX: u64 = 366 * 86_400_000;
/// Longest name, in characters.
pub const NAME_MAX: usize = 64;
/// Most labels.
pub const LABELS_MAX: usize = 16;
/// Most values of a label.
pub const VALUES_MAX: usize = 200;
/// Longest label or value, in characters.
pub const WORD_MAX: usize = 256;

/// The engine's deed.
pub(super) fn deed(shared: &Shared, asked: &DeedAsked, now: i64) -> Result<Deed, ApiError> {
    let bookings = || shared.api.board.read().bookings.clone();
    match asked {
        DeedAsked::Book {
            booking,
            select,
            from,
            until,
        } => {
            let id = name("booking", booking)?;
            let window = Window::new(*from, *until, now)?;
            beforehand(*from, now)?;
            free(&bookings(), &id, now)?;
            Ok(Deed::Book(Booking {
                id,
                select: labels(select)?,
                from: window.from,
                until: window.until,
            }))
        }
        DeedAsked::Unbook { booking } => {
            let booking = name("booking", booking)?;
            match bookings().get(&booking) {
                None => Err(ApiError::Refused(Refusal::UnknownBooking)),
                Some(it) if it.until <= now => Err(ApiError::Refused(Refusal::BookingOver)),
                Some(_) => Ok(Deed::Unbook { booking }),
            }
        }
        DeedAsked::Silence {
            silence,
            select,
            from,
            until,
        } => {
            let id = name("silence", silence)?;
            let window = Window::new(*from, *until, now)?;
            let silences = open_silences(shared, now);
            if silences.contains(&id) {
                return Err(ApiError::Refused(Refusal::NameTaken));
            }
            if silences.len() >= SILENCES_MAX {
                return Err(ApiError::Refused(Refusal::TooMany));
            }
            Ok(Deed::Silence(Silence {
                id,
                select: labels(select)?,
                from: window.from,
                until: window.until,
            }))
        }
        DeedAsked::Unsilence { silence } => {
            let silence = name("silence", silence)?;
            if !open_silences(shared, now).contains(&silence) {
                return Err(ApiError::Refused(Refusal::UnknownSilence));
            }
            Ok(Deed::Unsilence { silence })
        }
        _ => Err(ApiError::Body("no such deed".to_owned())),
    }
}

struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    fn new(from: i64, until: i64, now: i64) -> Result<Self, ApiError> {
        check::until(until, now, AHEAD_MS_MAX + WINDOW_MS_MAX)?;
        let length = u64::try_from(until.saturating_sub(from)).unwrap_or(0);
        if length == 0 || from < 0 {
            return Err(ApiError::Invalid {
                field: "from",
                zh: "应早于结束时间",
                en: "it must be before the end",
            });
        }
        if length > WINDOW_MS_MAX {
            let most_ms = WINDOW_MS_MAX;
            return Err(ApiError::Refused(Refusal::TooLong { most_ms }));
        }
        Ok(Self {
            from: Timestamp::from_millis(from),
            until: Timestamp::from_millis(until),
        })
    }
}

/// What was not booked cannot be called planned afterwards.
fn beforehand(from: i64, now: i64) -> Result<(), ApiError> {
    let late = u64::try_from(now.saturating_sub(from)).unwrap_or(0);
    if late <= CLOCK_SLACK_MS {
        return Ok(());
    }
    Err(ApiError::Invalid {
        field: "from",
        zh: "须事先预约，开始时间不能在过去",
        en: "it is booked beforehand: it must not begin in the past",
    })
}

fn free(bookings: &BTreeMap<String, BookingView>, id: &str, now: i64) -> Result<(), ApiError> {
    if bookings.get(id).is_some_and(|it| it.until > now) {
        return Err(ApiError::Refused(Refusal::NameTaken));
    }
    if bookings.values().filter(|it| it.until > now).count() >= BOOKINGS_MAX {
        return Err(ApiError::Refused(Refusal::TooMany));
    }
    Ok(())
}

/// The names of the silences that are not over.
fn open_silences(shared: &Shared, now: i64) -> BTreeSet<String> {
    let shown = shared.api.board.read();
    let open = shown.silences.values().filter(|it| it.until > now);
    open.map(|it| it.silence.clone()).collect()
}

fn name(field: &'static str, text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if is_word(text, NAME_MAX) {
        return Ok(text.to_owned());
    }
    Err(ApiError::Invalid {
        field,
        zh: "应为 1 到 64 个字符的名称",
        en: "it must be a name of 1 to 64 characters",
    })
}

fn labels(select: &SelectAsked) -> Result<Select, ApiError> {
    let is_value = |value: &String| value.chars().count() <= WORD_MAX;
    let fits = |(label, values): (&String, &Vec<String>)| {
        is_word(label, WORD_MAX)
            && (1..=VALUES_MAX).contains(&values.len())
            && values.iter().all(is_value)
    };
    if (1..=LABELS_MAX).contains(&select.len()) && select.iter().all(fits) {
        return Ok(Select(select.clone()));
    }
    Err(ApiError::Invalid {
        field: "select",
        zh: "须有 1 到 16 个标签，各有 1 到 200 个取值",
        en: "1 to 16 labels, each with 1 to 200 values",
    })
}
