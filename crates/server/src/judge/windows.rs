//! Who made the windows that are known (bookings and silences), and why.
//!
//! The engine decides by windows alone and forgets who made them; their acts are kept in the
//! journal. Those up to the snapshot are read at start, later ones come with the log. What
//! must stay true: a window that is shown as being in force or to come is one that the engine
//! goes by.
//!
//! Memory: as many bookings and silences as the engine has, and [`OVER_MAX`] silences that
//! are over.

use std::collections::BTreeMap;
use std::time::Duration;

use fenghuo_engine::{Act, Deed, Input};
use fenghuo_model::Timestamp;

use super::Judge;
use crate::entry;
use crate::journal::JournalReader;
use crate::view::{self, DoneView, SilenceView};

/// Silences that are over and still shown.
pub const OVER_MAX: usize = 200;
/// An act this old says nothing of a window that is not over: one begins at most a year ahead
/// and lasts at most a month.
const LOOK_BACK: Duration = Duration::from_hours(24 * 400);
/// Acts read at once.
const READ_ACTS: usize = 500;
/// Most acts looked through at start.
const ACTS_MAX: usize = 200_000;

/// Who booked a window, and who ended it early.
#[derive(Clone, Debug, Default)]
struct Hands {
    made: Option<DoneView>,
    ended: Option<DoneView>,
}

/// What people said of windows.
#[derive(Debug, Default)]
pub struct Windows {
    bookings: BTreeMap<String, Hands>,
    silences: BTreeMap<String, SilenceView>,
    changed: bool,
}

impl Windows {
    /// What the journal has of it up to a log position.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn until(journal: &JournalReader, position: u64, now: Timestamp) -> anyhow::Result<Self> {
        let mut acts = Vec::new();
        let (mut next, mut looked) = (position, 0);
        'pages: while looked < ACTS_MAX {
            let page = journal.kept_of(entry::ACT, next, READ_ACTS)?;
            let Some((last, _)) = page.last() else {
                break;
            };
            (next, looked) = (last.saturating_sub(1), looked + page.len());
            for (_, body) in page {
                let Input::Act(act) = entry::small(entry::ACT, &body)? else {
                    continue;
                };
                if act.at.plus(LOOK_BACK) < now {
                    break 'pages;
                }
                if is_window(&act.deed) {
                    acts.push(act);
                }
            }
        }
        let mut windows = Self {
            changed: true,
            ..Self::default()
        };
        for act in acts.iter().rev() {
            windows.take(act);
        }
        Ok(windows)
    }

    /// Takes an act.
    pub fn take(&mut self, act: &Act) {
        let done = Some(DoneView::from(act));
        match &act.deed {
            Deed::Book(booking) => {
                let (made, ended) = (done, None);
                let hands = Hands { made, ended };
                self.bookings.insert(booking.id.clone(), hands);
            }
            Deed::Unbook { booking } => {
                if let Some(it) = self.bookings.get_mut(booking) {
                    it.ended = done;
                }
            }
            Deed::Silence(silence) => {
                let view = view::silence(silence);
                let view = SilenceView { made: done, ..view };
                self.silences.insert(silence.id.clone(), view);
            }
            Deed::Unsilence { silence } => {
                let at = act.at.as_millis();
                let open = self.silences.get_mut(silence).filter(|it| it.until > at);
                if let Some(it) = open {
                    it.until = at;
                    it.ended = done;
                }
            }
            _ => return,
        }
        self.changed = true;
    }

    /// Forgets the silences that were over first.
    fn shorten(&mut self, now: i64) {
        let over = self.silences.iter().filter(|(_, it)| it.until <= now);
        let mut over: Vec<_> = over.map(|(name, it)| (it.until, name.clone())).collect();
        over.sort_unstable();
        let many = over.len().saturating_sub(OVER_MAX);
        for (_, name) in over.into_iter().take(many) {
            self.silences.remove(&name);
        }
    }
}

/// Shows the windows when one was made or ended.
pub fn show(judge: &mut Judge) {
    if !std::mem::take(&mut judge.windows.changed) {
        return;
    }
    let now = judge.engine.now().as_millis();
    let known = judge.engine.book().bookings();
    let mut bookings: BTreeMap<_, _> = known.map(|it| (it.id.clone(), view::booking(it))).collect();
    let windows = &mut judge.windows;
    windows
        .bookings
        .retain(|name, _| bookings.contains_key(name));
    for (name, hands) in &windows.bookings {
        if let Some(view) = bookings.get_mut(name) {
            view.made.clone_from(&hands.made);
            view.ended.clone_from(&hands.ended);
        }
    }
    windows.shorten(now);
    let in_force = judge.engine.silences();
    let mut silences: BTreeMap<_, _> = in_force
        .map(|it| (it.id.clone(), view::silence(it)))
        .collect();
    // One that is not over and that the engine has not was refused. Who ended one did so
    // after the tick that `now` is of.
    windows
        .silences
        .retain(|name, it| it.ended.is_some() || it.until <= now || silences.contains_key(name));
    silences.extend(windows.silences.clone());
    let mut shown = judge.parts.board.write();
    shown.bookings = bookings;
    shown.silences = silences;
}

const fn is_window(deed: &Deed) -> bool {
    matches!(
        deed,
        Deed::Book(_) | Deed::Unbook { .. } | Deed::Silence(_) | Deed::Unsilence { .. }
    )
}
