//! What stands beside the rules: calendars and the closed loop.

use fenghuo_model::{CHINA_OFFSET_MIN, Severity};

use super::{check_id, read_select};
use crate::alarm::Duty;
use crate::rule::calendar::SPANS_MAX;
use crate::rule::table::{File, Table};
use crate::rule::{Calendar, Day, RuleSet};

/// Most calendars.
const CALENDARS_MAX: usize = 1_000;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub fn read_calendars(file: &mut File<'_>, root: &mut Table<'_, '_>, set: &mut RuleSet) {
    for table in root.tables(file, "calendar") {
        if set.calendars.len() >= CALENDARS_MAX {
            file.fault(table.span(), format!("more than {CALENDARS_MAX} calendars"));
            return;
        }
        let span = table.span();
        let Some(calendar) = read_calendar(file, table) else {
            continue;
        };
        let meets = |known: &&Calendar| known.id == calendar.id && known.may_meet(&calendar);
        if set.calendars.iter().any(|known| meets(&known)) {
            let what = format!(
                "日历 calendar `{}` 重复 stands twice: 同名日历须用 select 分开，不得适用于同一测点 \
                 those of one name must be for different points, by `select`",
                calendar.id
            );
            file.fault(span, what);
            continue;
        }
        set.calendars.push(calendar);
    }
}

fn read_calendar(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Calendar> {
    let id = table
        .need_text(file, "id")
        .and_then(|(id, span)| check_id(file, id, span));
    let select = read_select(file, &mut table, "select");
    let utc_offset_min = read_offset(file, &mut table);
    let days = read_days(file, &mut table);
    let from_min = read_clock(file, &mut table, "from");
    let to_min = read_clock(file, &mut table, "to");
    let mut spans = Vec::new();
    for (text, span) in table.texts(file, "dates") {
        match dates(&text) {
            Some(found) if spans.len() < SPANS_MAX => spans.push(found),
            Some(_) => file.fault(span, format!("more than {SPANS_MAX} spans")),
            None => file.fault(
                span,
                "`dates` must be like \"2026-10-01\" or \"2026-10-01/2026-10-07\" (both included)",
            ),
        }
    }
    table.done(file);
    Some(Calendar {
        id: id?.into(),
        select,
        utc_offset_min,
        days,
        from_min,
        to_min,
        spans,
    })
}

/// `utc_offset`, such as "+08:00"; China's when left out. In minutes.
pub fn read_offset(file: &mut File<'_>, table: &mut Table<'_, '_>) -> i32 {
    let Some((text, span)) = table.text(file, "utc_offset") else {
        return CHINA_OFFSET_MIN;
    };
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => (0, ""),
    };
    let minutes = clock(rest).filter(|minutes| sign != 0 && *minutes <= 14 * 60);
    if let Some(minutes) = minutes {
        return sign * i32::from(minutes);
    }
    file.fault(span, "`utc_offset` must be like \"+08:00\"");
    CHINA_OFFSET_MIN
}

fn read_days(file: &mut File<'_>, table: &mut Table<'_, '_>) -> [bool; 7] {
    let names = table.texts(file, "days");
    if names.is_empty() {
        return [true; 7];
    }
    let mut days = [false; 7];
    for (name, span) in names {
        match DAYS.iter().position(|day| *day == name) {
            Some(day) => days[day] = true,
            None => file.fault(span, format!("days are `{}`", DAYS.join("`, `"))),
        }
    }
    days
}

fn read_clock(file: &mut File<'_>, table: &mut Table<'_, '_>, key: &'static str) -> u16 {
    let Some((text, span)) = table.text(file, key) else {
        return 0;
    };
    let minutes = clock(&text);
    if minutes.is_none() {
        file.fault(span, format!("`{key}` must be like \"08:00\""));
    }
    minutes.unwrap_or(0)
}

fn clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let plain = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(hours) || !plain(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some(hours * 60 + minutes)
}

/// `from/to`, both days included, as minutes of local time.
fn dates(text: &str) -> Option<(i64, i64)> {
    let (from, to) = text.split_once('/').unwrap_or((text, text));
    let (from, to) = (Day::parse(from)?.number(), Day::parse(to)?.number());
    (from <= to).then_some((from * 1_440, (to + 1) * 1_440))
}

/// `[closed_loop]`: what each severity asks for. A later file takes the place of an earlier one
/// in what it says, and leaves the rest as it is.
pub fn read_closed_loop(file: &mut File<'_>, root: &mut Table<'_, '_>, set: &mut RuleSet) {
    let Some(mut table) = root.table(file, "closed_loop") else {
        return;
    };
    if let Some(repeat) = table.whole(file, "repeat", 0..=100) {
        set.closed_loop.repeat = u32::try_from(repeat).unwrap_or(0);
    }
    for severity in Severity::ALL {
        if let Some(duty) = table.table(file, severity.as_str()) {
            let duty = read_duty(file, duty);
            set.closed_loop.duties.insert(severity, duty);
        }
    }
    table.done(file);
}

fn read_duty(file: &mut File<'_>, mut table: Table<'_, '_>) -> Duty {
    let duty = Duty {
        acknowledge_ms: table.duration(file, "acknowledge"),
        cause_ms: table.duration(file, "cause"),
        verify_ms: table.duration(file, "verify"),
        close_by_person: table.truth(file, "close_by_person").unwrap_or(false),
        second_person: table.truth(file, "second_person").unwrap_or(false),
    };
    if duty.verify_ms.is_some() && duty.cause_ms.is_none() {
        file.fault(
            table.span(),
            "`verify` needs `cause`: there is nothing to verify",
        );
    }
    table.done(file);
    duty
}

/// Longest time for which a line may be away without an alarm, in milliseconds.
const AWAY_MS_MAX: u64 = 600_000;

/// `[communication]`: when a line that is away is an alarm.
pub fn read_communication(file: &mut File<'_>, root: &mut Table<'_, '_>, set: &mut RuleSet) {
    let Some(mut table) = root.table(file, "communication") else {
        return;
    };
    let said = &mut set.communication;
    for (key, ms) in [
        ("line_for", &mut said.line_for_ms),
        ("broker_for", &mut said.broker_for_ms),
    ] {
        match table.duration(file, key) {
            Some(said) if said > AWAY_MS_MAX => {
                file.fault(table.span(), format!("`{key}` must be at most 10 min"));
            }
            Some(said) => *ms = said,
            None => {}
        }
    }
    table.done(file);
}
