//! Going on after another version of the engine.
//!
//! A snapshot of another version cannot be read, and the log before it is trimmed. The journal
//! is of no version: the alarms that are not over, who acknowledged, shelved and closed what,
//! and whom it concerned come from there; rules, points, bookings and silences come from the
//! entries that it keeps; the newest readings from what the log still has. Windows, rates and
//! profiles begin anew at the log's oldest entry and are unknown until they are filled.
//!
//! What must stay true: nothing of the data is changed before the alarms that came out are
//! the journal's, one by one; where they are not, the server does not start, and says what to
//! do. A new snapshot stands at the journal's last event, so that no event is judged twice.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use fenghuo_engine::alarm::ClosedLoop;
use fenghuo_engine::{
    AlarmKey, CATALOGS_MAX, Carried, Deed, ENGINE_VERSION, Engine, Event, EventId, Input, RuleSet,
};
use fenghuo_log::Log;
use fenghuo_model::{GatewayKey, Timestamp};

use crate::entry::{self, Decoded};
use crate::feed::Feed;
use crate::journal::{Active, Journal, JournalReader};
use crate::serve::Files;
use crate::view::AlarmView;

/// Entries read at once.
const ENTRIES: usize = 256;
/// Events read at once.
const EVENTS: usize = 1_000;

/// What there is to go on from.
pub struct Stores<'a> {
    /// Where it is.
    pub files: &'a Files,
    /// The log.
    pub log: &'a Log,
    /// The journal.
    pub journal: &'a Journal,
    /// The configuration's rule files: they stand for those in the log which this version no
    /// longer takes.
    pub rules: &'a [(String, String)],
}

/// What came of it.
pub struct Upgraded {
    /// The engine, as of the journal's last event.
    pub engine: Engine,
    /// Alarms that no rule watches any more.
    pub unwatched: Vec<AlarmKey>,
}

/// Makes an engine of this version that goes on where another one ended.
///
/// # Errors
/// When it would not have the journal's alarms, or a store cannot be read. Nothing was
/// changed then.
pub fn upgrade(stores: &Stores<'_>, from: u32) -> anyhow::Result<Upgraded> {
    carry_over(stores).with_context(|| refusal(stores.files, from))
}

/// What to do, for somebody who wants to sleep.
fn refusal(files: &Files, from: u32) -> String {
    let dir = files.log.parent().unwrap_or(&files.log).display();
    format!(
        "{dir}: 数据由引擎版本 {from} 写成，本程序是版本 {ENGINE_VERSION}，无法接续报警；数据未作任何改动。\
         请先换回原来的程序启动，让它正常停止（SIGTERM）后再升级；\
         若仍不行，请把整个数据目录移到别处保存，让本程序从新的空目录开始（未确认的报警会重新报出）。\
         written by engine version {from}, this program is version {ENGINE_VERSION}, and the alarms \
         cannot be carried over; nothing was changed. Start the program that you had, stop it \
         orderly (SIGTERM), then upgrade again; if that does not help, move the whole folder \
         away and keep it, and let this program begin with an empty one (what is up will be \
         raised again)"
    )
}

fn carry_over(stores: &Stores<'_>) -> anyhow::Result<Upgraded> {
    let journal = stores.journal.reader()?;
    let first = stores.log.first()?.unwrap_or(stores.log.next());
    let last = stores.journal.last().map_or(0, |event| event.position);
    let end = last.max(first - 1);
    let kept = Kept::read(&journal, stores.rules, first, end)?;
    let mut engine = Engine::default();
    let mut changes = Vec::new();
    ensure!(
        (kept.before.len() as u64) < first,
        "日志的编号与留存记录不符 the log's positions do not fit the entries that are kept"
    );
    for (position, input) in (1..).zip(kept.before) {
        engine.apply(position, input, &mut changes);
        changes.clear();
    }
    fold(stores, &mut engine, (first, end))?;
    let shown = journal.active()?;
    let carried = carried(&journal, &shown, kept.settings, end)?;
    let unwatched = engine
        .carry_over(end, carried)
        .context("日志簿的事件前后不符 events of the journal do not follow from one another")?;
    agree(&engine, &shown)?;
    Ok(Upgraded { engine, unwatched })
}

/// What the journal keeps of the log.
#[derive(Default)]
struct Kept {
    /// What makes the state before the log's first entry.
    before: Vec<Input>,
    /// What the closed loop asked for, by the position at which it came into force.
    settings: Vec<(u64, ClosedLoop)>,
}

impl Kept {
    fn read(
        journal: &JournalReader,
        rules: &[(String, String)],
        first: u64,
        end: u64,
    ) -> anyhow::Result<Self> {
        let mut kept = Self::default();
        let mut catalogs: BTreeMap<GatewayKey, Vec<Input>> = BTreeMap::new();
        let (mut newest, mut acts) = (BTreeMap::new(), Vec::new());
        let mut after = 0;
        loop {
            let page = journal.kept(after, ENTRIES)?;
            let Some(&(seen, ..)) = page.last() else {
                break;
            };
            after = seen;
            for (position, kind, body) in page.into_iter().filter(|(at, ..)| *at <= end) {
                let input = readable(entry::small(kind, &body)?, rules);
                if let Input::Rules(files) = &input
                    && let Ok(set) = RuleSet::parse(files)
                {
                    kept.settings.push((position, set.closed_loop));
                }
                if position >= first {
                    continue;
                }
                match input {
                    Input::Catalog(ref gateway, _) => {
                        let known = catalogs.entry(gateway.clone()).or_default();
                        if known.len() == CATALOGS_MAX {
                            known.remove(0);
                        }
                        known.push(input);
                    }
                    Input::Act(act) if outlives(&act.deed) => acts.push(Input::Act(act)),
                    Input::Act(_) => {}
                    other => drop(newest.insert(kind, other)),
                }
            }
        }
        // Points before rules: they are bound once then.
        kept.before.extend(catalogs.into_values().flatten());
        kept.before.extend(newest.into_values());
        kept.before.extend(acts);
        Ok(kept)
    }
}

/// Rules that this version does not take any more are those of the configuration.
fn readable(input: Input, rules: &[(String, String)]) -> Input {
    match input {
        Input::Rules(files) if RuleSet::parse(&files).is_err() => Input::Rules(rules.to_vec()),
        other => other,
    }
}

/// What people did that is no event of an alarm.
const fn outlives(deed: &Deed) -> bool {
    matches!(
        deed,
        Deed::Book(_) | Deed::Unbook { .. } | Deed::Silence(_) | Deed::Unsilence { .. }
    )
}

/// Folds what the log still has, and tells nobody.
fn fold(stores: &Stores<'_>, engine: &mut Engine, (from, end): (u64, u64)) -> anyhow::Result<()> {
    let mut feed = Feed::new(stores.log.head()).reader(&stores.files.log)?;
    let (mut next, mut changes) = (from, Vec::new());
    while next <= end {
        let entries = feed.read(next, ENTRIES)?;
        if entries.is_empty() {
            return Ok(());
        }
        for (position, entry) in entries.into_iter().filter(|(at, _)| *at <= end) {
            let input = match &*entry {
                Decoded::Frame(frame) => Input::Frame(frame.input()),
                Decoded::Small(_, _, input) => readable(input.clone(), stores.rules),
            };
            engine.apply(position, input, &mut changes);
            changes.clear();
            engine.notices();
            next = position + 1;
        }
        if engine.position() >= end {
            break;
        }
    }
    Ok(())
}

/// The events of alarms that are not over, with the settings that they met.
fn carried(
    journal: &JournalReader,
    shown: &Active,
    settings: Vec<(u64, ClosedLoop)>,
    end: u64,
) -> anyhow::Result<Vec<Carried>> {
    let mut carried = Vec::new();
    let mut settings = settings.into_iter().peekable();
    let Some(oldest) = shown.keys().next() else {
        return Ok(carried);
    };
    let mut after = before(*oldest);
    loop {
        let page = journal.judged_bodies(after, EVENTS)?;
        let Some(last) = page.last() else {
            return Ok(carried);
        };
        after = last.id;
        for one in page {
            let head: Head = serde_json::from_str(&one.body)?;
            if !shown.contains_key(&head.occurrence) || one.id.position > end {
                continue;
            }
            while let Some((_, it)) = settings.next_if(|(at, _)| *at <= one.id.position) {
                carried.push(Carried::ClosedLoop(it));
            }
            let event: Event = serde_json::from_str(&one.body).with_context(|| {
                format!("事件 {} 无法读取 event {} cannot be read", one.id, one.id)
            })?;
            let judged = one.judged.map_or(event.at, Timestamp::from_millis);
            carried.push(Carried::Event(judged, Box::new(event)));
        }
    }
}

/// As much of an event as says whose it is.
#[derive(serde::Deserialize)]
struct Head {
    occurrence: EventId,
}

fn before(id: EventId) -> EventId {
    match id.ordinal.checked_sub(1) {
        Some(ordinal) => EventId { ordinal, ..id },
        None => EventId {
            position: id.position.saturating_sub(1),
            ordinal: u32::MAX,
        },
    }
}

/// Every alarm is as people saw it last.
fn agree(engine: &Engine, shown: &Active) -> anyhow::Result<()> {
    let mut missing: BTreeMap<EventId, &AlarmView> =
        shown.iter().map(|(id, it)| (*id, &**it)).collect();
    for alarm in engine.book().iter() {
        let Some(known) = missing.remove(&alarm.occurrence) else {
            bail!(
                "报警 {} 在日志簿中已结束 alarm {} is over in the journal",
                alarm.key,
                alarm.occurrence
            );
        };
        let is = (
            alarm.state.as_str(),
            alarm.place.life.is_active(),
            alarm.raises,
            (alarm.case.is_some(), alarm.shelf.is_some()),
            (alarm.permit.is_some(), alarm.acknowledged.is_some()),
        );
        let was = (
            known.state.as_str(),
            known.active,
            known.raises,
            (known.case.is_some(), known.shelf.is_some()),
            (known.permit.is_some(), known.acked_at.is_some()),
        );
        ensure!(
            is == was,
            "报警 {key} 与日志簿不符 alarm {key} is not as the journal has it: {is:?}, {was:?}",
            key = alarm.key
        );
    }
    if let Some(name) = missing.into_values().map(|it| &it.alarm).next() {
        bail!("报警 {name} 丢失 alarm {name} would be lost");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
