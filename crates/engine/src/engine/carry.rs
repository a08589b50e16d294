//! Carrying alarms over from another version of the engine.
//!
//! A snapshot holds the state of the version that wrote it, and no other version can read it.
//! The journal's events are of no version: they give back every alarm that is not over, with
//! its acknowledgements, covers and case, and what people were told of it. The detectors' own
//! state comes from what the log still has, folded beforehand with its events thrown away.
//! What must stay true:
//! - no alarm is lost, doubled or ended by it: each keeps its occurrence, and what a detector
//!   sees otherwise than the journal says is decided by the next frame, as news;
//! - it is taken at the position of the journal's last event, and never in between.

use fenghuo_model::Timestamp;

use super::{Engine, plain};
use crate::alarm::{ClosedLoop, Impossible};
use crate::event::{Change, Event};
use crate::{Alarm, AlarmKey, Subject};

/// What the journal says, one thing at a time, oldest first.
#[derive(Clone, Debug)]
pub enum Carried {
    /// From here on the closed loop asks for this.
    ClosedLoop(ClosedLoop),
    /// An event of an alarm that is not over, and when it was judged.
    Event(Timestamp, Box<Event>),
}

impl Engine {
    /// Takes the alarms of the journal in the place of its own, as of `position`. Answers the
    /// active ones that no rule watches any more: a change of rules or points ends them.
    ///
    /// # Errors
    /// [`Impossible`] when an event does not follow from those before it; the engine is of no
    /// use then.
    pub fn carry_over(
        &mut self,
        position: u64,
        carried: Vec<Carried>,
    ) -> Result<Vec<AlarmKey>, Impossible> {
        let now = self.book.now;
        // Of a clock that was set in between the journal says nothing.
        let mut last = Timestamp::MIN;
        let mut book = self.book.emptied();
        let mut planner = plain(&self.rules).keeping_silences_of(&self.planner);
        // Whatever they would be told, they were told already.
        let mut told = Vec::new();
        for one in carried {
            match one {
                Carried::ClosedLoop(settings) => book.closed_loop = settings,
                Carried::Event(judged, event) => {
                    book.now = judged;
                    last = last.max(judged);
                    planner.tick(last, &mut told);
                    let alarm = book.apply(&event)?;
                    let change = Change {
                        event: *event,
                        alarm,
                    };
                    let gateways = &self.gateways;
                    let labels = |point: &fenghuo_model::PointRef| {
                        gateways.get(&point.gateway)?.labels(&point.key)
                    };
                    planner.event(&change, labels, &mut told);
                    told.clear();
                }
            }
        }
        let now = now.max(last);
        planner.tick(now, &mut told);
        book.closed_loop = self.rules.closed_loop.clone();
        book.now = now;
        // A booking may have been taken back and nobody asked yet: no event says so.
        book.ask_groups();
        for gateway in self.gateways.values_mut() {
            gateway.carry_over(&book);
        }
        self.book = book;
        self.planner = planner;
        self.position = position;
        self.impossible = 0;
        self.notices.clear();
        Ok(self.unwatched())
    }

    /// Active alarms of points and groups that no level stands behind.
    fn unwatched(&self) -> Vec<AlarmKey> {
        let lanes = self.gateways.values().flat_map(|it| it.lanes());
        let watched: std::collections::BTreeSet<_> = lanes
            .flat_map(|lane| &lane.states)
            .filter_map(|state| state.alarm)
            .collect();
        let alone = |alarm: &&Alarm| {
            alarm.place.life.is_active()
                && !matches!(alarm.key.subject, Subject::Gateway(_))
                && !watched.contains(&alarm.occurrence)
        };
        let alarms = self.book.iter().filter(alone);
        alarms.map(|alarm| alarm.key.clone()).collect()
    }
}
