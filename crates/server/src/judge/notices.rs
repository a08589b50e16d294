//! What people are to be told: the engine's notices become rows of the journal, in the
//! transaction of the events that they follow from.
//!
//! Replayed entries give their notices again. Those up to the position that the journal
//! remembers as told are dropped; it moves in the same transaction as the rows, so that each
//! notice is written once, whenever the server dies.

use std::collections::BTreeMap;

use fenghuo_engine::plan::{Line, Notice};
use fenghuo_engine::{EventId, NoticeKind, Subject};

use fenghuo_model::EnterpriseId;

use super::Judge;
use crate::journal::Written;
use crate::journal::notices::WrittenNotice;
use crate::notify::carriers::Carriers;
use crate::notify::text;
use crate::view::{self, AlarmView, Words};

/// The notices of a batch.
#[derive(Debug, Default)]
pub struct Told {
    /// Their rows.
    pub rows: Vec<WrittenNotice>,
    /// The log position up to which they are all here, where there were any.
    pub up_to: Option<u64>,
    /// The batch's events by occurrence, as far as it was looked at: a tick in which a whole
    /// county falls silent gives as many notices as events.
    by: BTreeMap<EventId, Vec<usize>>,
    indexed: usize,
}

/// The events of a batch, those of the present entry from `first` on.
#[derive(Clone, Copy)]
struct Events<'a> {
    rows: &'a [Written],
    first: usize,
    by: &'a BTreeMap<EventId, Vec<usize>>,
}

impl Told {
    fn index(&mut self, rows: &[Written]) {
        for (at, row) in rows.iter().enumerate().skip(self.indexed) {
            self.by.entry(row.occurrence).or_default().push(at);
        }
        self.indexed = rows.len();
    }
}

/// An alarm as a line shows it, and the event that the line tells of.
struct Found {
    alarm: AlarmView,
    event: Option<EventId>,
    promoted: bool,
}

/// Once in so many seconds old notices are looked for.
const FORGET_EVERY_S: i64 = 10;
/// Notices forgotten at a time: more than that many in ten seconds, for months, nobody is told.
const FORGET_MAX: usize = 100;

/// Forgets what was told long ago.
pub fn forget(judge: &mut Judge) {
    let now = judge.engine.now();
    let is_turn = now.as_millis() / 1_000 % FORGET_EVERY_S == 0;
    let Some(keep) = judge.parts.keep_notices.filter(|_| is_turn) else {
        return;
    };
    let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let before = now.as_millis().saturating_sub(keep);
    if let Err(error) = judge.parts.journal.forget_notices(before, FORGET_MAX) {
        tracing::warn!(%error, "old notices cannot be forgotten");
    }
}

/// Takes the notices of the entry at `position`; `rows` are the batch's events, those of
/// this entry from `first` on.
pub fn collect(judge: &mut Judge, position: u64, rows: &[Written], first: usize) {
    let notices = judge.engine.notices();
    if notices.is_empty() || position <= judge.parts.journal.noticed() {
        return;
    }
    let mut told = std::mem::take(&mut judge.told);
    told.up_to = Some(position);
    told.index(rows);
    let events = Events {
        rows,
        first,
        by: &told.by,
    };
    for notice in &notices {
        let carriers = Carriers::of(&notice.carriers, &judge.parts.carriers);
        if !carriers.known.is_empty() || !carriers.missing.is_empty() {
            told.rows.push(row(judge, notice, carriers, events));
        }
    }
    judge.told = told;
}

fn row(judge: &Judge, notice: &Notice, carriers: Carriers, events: Events<'_>) -> WrittenNotice {
    let lines = notice.alarms.iter();
    let found: Vec<Found> = lines.map(|line| find(judge, line, events)).collect();
    let digest = matches!(notice.kind, NoticeKind::Digest(_));
    let one = match found.as_slice() {
        [one] if notice.more == 0 && !digest => Some(one),
        _ => None,
    };
    let event = one.and_then(|one| one.event);
    let gathered = text::Gathered {
        flood_ms: flood_ms(judge, &notice.receiver),
        promoted: one.is_some_and(|one| one.promoted),
        names: names(judge, &found),
    };
    let alarms = found.into_iter().map(|found| found.alarm).collect();
    let mut view = view::notice(notice, alarms);
    view.text = text::notice(&view, &gathered);
    WrittenNotice {
        id: notice.id,
        carriers: carriers.known,
        missing: carriers.missing,
        view,
        event,
    }
}

/// What the register calls the enterprises of these alarms.
fn names(judge: &Judge, found: &[Found]) -> text::Names {
    let register = &judge.engine.rules().register;
    let ids = found.iter().map(|found| &found.alarm.enterprise);
    let name = |id: &String| {
        let enterprise = register.get(&EnterpriseId::new(id).ok()?)?;
        Some((
            id.clone(),
            Words::new(&*enterprise.name.zh, &*enterprise.name.en),
        ))
    };
    text::Names(ids.filter_map(name).collect())
}

fn flood_ms(judge: &Judge, receiver: &str) -> u64 {
    let mut receivers = judge.engine.rules().receivers.iter();
    let flood = receivers
        .find(|it| &*it.name == receiver)
        .and_then(|it| it.flood);
    flood.map_or(0, |flood| flood.digest_ms)
}

/// The alarm as the line has it: by an event of this entry, else as its last event left it.
fn find(judge: &Judge, line: &Line, events: Events<'_>) -> Found {
    let theirs = events.by.get(&line.occurrence);
    let theirs = theirs.map(Vec::as_slice).unwrap_or_default();
    let is_told = |at: &&usize| {
        let alarm = &events.rows[**at].view.alarm;
        **at >= events.first && alarm.state == line.state.as_str() && alarm.raises == line.raise
    };
    let exact = theirs.iter().find(is_told);
    if let Some(row) = exact.or(theirs.last()).map(|at| &events.rows[*at]) {
        return Found {
            alarm: row.view.alarm.clone(),
            event: Some(row.id),
            promoted: row.view.transition == "promote",
        };
    }
    let alarm = kept(judge, line);
    Found {
        event: view::event_id(&alarm.event),
        alarm,
        promoted: false,
    }
}

/// As screens have it, or as the journal has what is over.
fn kept(judge: &Judge, line: &Line) -> AlarmView {
    let shown = judge
        .parts
        .board
        .read()
        .alarms
        .get(&line.occurrence)
        .cloned();
    if let Some(shown) = shown {
        return (*shown).clone();
    }
    match judge.parts.journal.alarm(line.occurrence) {
        Ok(Some(alarm)) => return alarm,
        Ok(None) => tracing::error!(alarm = %line.alarm, "a notice of an unknown alarm"),
        Err(error) => tracing::error!(%error, "an alarm cannot be read for its notice"),
    }
    bare(line)
}

/// What the line alone says: a notice with less in it is better than none.
fn bare(line: &Line) -> AlarmView {
    let gateway = line.alarm.subject.gateway();
    let (point, group) = match &line.alarm.subject {
        Subject::Point(point) => (Some(point.to_string()), None),
        Subject::Gateway(_) => (None, None),
        Subject::Group(_, group) => (None, Some(group.to_string())),
    };
    AlarmView {
        alarm: line.alarm.to_string(),
        occurrence: line.occurrence.to_string(),
        rule: line.alarm.rule.to_string(),
        level: line.alarm.level.to_string(),
        title: Words::new(&*line.alarm.rule, &*line.alarm.rule),
        severity: line.severity.as_str().to_owned(),
        state: line.state.as_str().to_owned(),
        enterprise: gateway.enterprise.to_string(),
        gateway: gateway.gateway.to_string(),
        point,
        group,
        raises: line.raise,
        event: line.occurrence.to_string(),
        ..AlarmView::default()
    }
}
