//! The closed loop on top of an alarm (核警/销警): the enterprise acknowledges, states the
//! cause and the measure, the county verifies, the alarm is closed, each within a time that
//! depends on the severity and that tells the next tier of people when it runs out.
//!
//! The times are settings, not law: the shipped ones are defaults that a county confirms.

use std::collections::BTreeMap;
use std::time::Duration;

use fenghuo_model::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::moved;
use crate::event::{Cause, Said, Step};

/// How often a step that stays undone tells a further tier.
pub const TIERS: u8 = 3;

/// What one severity asks for. A step without a time is not asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Duty {
    /// The enterprise acknowledges within this, in milliseconds from the raise.
    pub acknowledge_ms: Option<u64>,
    /// It states cause and measure within this, in milliseconds from the raise, or from the
    /// county's refusal of what it stated before.
    pub cause_ms: Option<u64>,
    /// The county verifies within this, in milliseconds from the stated cause.
    pub verify_ms: Option<u64>,
    /// A person closes it; otherwise it closes by itself when everything asked for is done.
    pub close_by_person: bool,
    /// Who verifies or closes it must not be who stated the cause; from [`SECOND_PERSON`] on
    /// it is so anyway.
    pub second_person: bool,
}

/// The closed loop's settings: by severity. Severities that are not named have no case.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ClosedLoop {
    /// What each severity asks for.
    pub duties: BTreeMap<Severity, Duty>,
    /// This many raises within [`REPEAT_SPAN`] make an alarm count one severity higher; 0
    /// switches it off.
    pub repeat: u32,
}

/// From here on the one who stated the cause neither verifies nor closes (核警/销警).
pub const SECOND_PERSON: Severity = Severity::Orange;

/// The span in which raises are counted.
pub const REPEAT_SPAN: Duration = Duration::from_hours(24);

/// One alarm's case, open until it is closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Case {
    /// When it was opened, by the server's clock.
    pub opened: Timestamp,
    /// Since when an acknowledgement is waited for: the raise that nobody has seen yet.
    pub unseen_since: Timestamp,
    /// Since when a cause is waited for: the raise of which nothing was stated yet, or the
    /// county's refusal of what was stated.
    pub uncaused_since: Timestamp,
    /// How bad it counts: the alarm's severity, or one more when it repeats itself.
    pub grade: Severity,
    /// What this grade asked for when it was opened.
    pub duty: Duty,
    /// Whether the alarm was acknowledged since.
    pub acknowledged: bool,
    /// What the enterprise stated, and when.
    pub cause: Option<(Timestamp, Said, Cause)>,
    /// What the county found, and when.
    pub verified: Option<(Timestamp, Said)>,
    /// The last step that was overdue, and its tier.
    pub overdue: Option<(Step, u8)>,
}

impl Case {
    /// A case for an alarm of this grade, if the settings ask for one.
    #[must_use]
    pub fn open(settings: &ClosedLoop, grade: Severity, now: Timestamp) -> Option<Self> {
        settings.duties.get(&grade).map(|duty| Self {
            opened: now,
            unseen_since: now,
            uncaused_since: now,
            grade,
            duty: *duty,
            acknowledged: false,
            cause: None,
            verified: None,
            overdue: None,
        })
    }

    /// The alarm was raised again. What was said of the last time is not said of this one: who
    /// had answered is asked again and has the whole time again, who had not gets no more.
    pub fn again(&mut self, grade: Severity, now: Timestamp) {
        self.grade = self.grade.max(grade);
        if std::mem::take(&mut self.acknowledged) {
            self.unseen_since = now;
            self.overdue = None;
        }
        if self.cause.is_some() {
            self.ask_again(now);
        }
    }

    /// The county looked into what was stated. What it does not accept is to be stated again,
    /// within the whole time.
    pub fn look(&mut self, said: &Said, accepted: bool, now: Timestamp) {
        if accepted {
            self.verified = Some((now, said.clone()));
        } else {
            self.ask_again(now);
        }
    }

    fn ask_again(&mut self, now: Timestamp) {
        self.cause = None;
        self.verified = None;
        self.uncaused_since = now;
        // Whoever is told that nobody has seen it need not be told of it twice.
        self.overdue = self.overdue.filter(|(step, _)| *step == Step::Acknowledge);
    }

    /// The server's clock was set: what was said so long ago was said as long ago by it.
    pub fn move_clock(&mut self, by_ms: i64) {
        let stated = self.cause.iter_mut().map(|(at, ..)| at);
        let verified = self.verified.iter_mut().map(|(at, _)| at);
        let begins = [
            &mut self.opened,
            &mut self.unseen_since,
            &mut self.uncaused_since,
        ];
        for at in begins.into_iter().chain(stated).chain(verified) {
            *at = moved(*at, by_ms);
        }
    }

    /// The step that is to be done next, and when its time runs out; none when nothing with
    /// a time is left.
    #[must_use]
    pub fn next(&self) -> Option<(Step, Timestamp)> {
        let (step, from, within) = self.open_step()?;
        let tier = match self.overdue {
            Some((late, tier)) if late == step => tier,
            _ => 0,
        };
        let times = u64::from(tier) + 1;
        (tier < TIERS).then(|| {
            let wait = Duration::from_millis(within.saturating_mul(times));
            (step, from.plus(wait))
        })
    }

    /// The step whose time has run out by now, and the tier that is reached: after a long
    /// standstill of the server the highest one at once.
    #[must_use]
    pub fn reached(&self, now: Timestamp) -> Option<(Step, u8)> {
        let (step, due) = self.next()?;
        let (_, from, within) = self.open_step()?;
        let times = now.since(from).as_millis() / u128::from(within.max(1));
        let tier = u8::try_from(times).unwrap_or(TIERS).clamp(1, TIERS);
        (due <= now).then_some((step, tier))
    }

    /// What is to be done next; closing, when everything else is done.
    #[must_use]
    pub fn step(&self) -> Step {
        let next = self.open_step().map(|(step, ..)| step);
        match next {
            Some(step) => step,
            None if !self.acknowledged => Step::Acknowledge,
            None => Step::Close,
        }
    }

    fn open_step(&self) -> Option<(Step, Timestamp, u64)> {
        let acknowledge = (!self.acknowledged)
            .then_some(self.duty.acknowledge_ms)
            .flatten();
        // A step without any time would be due again and again in one instant.
        if let Some(within) = acknowledge {
            return Some((Step::Acknowledge, self.unseen_since, within.max(1)));
        }
        match (&self.cause, self.duty.cause_ms) {
            (None, Some(within)) => {
                return Some((Step::Cause, self.uncaused_since, within.max(1)));
            }
            (None, None) => return None,
            (Some(_), _) => {}
        }
        let stated = self.cause.as_ref().map_or(self.opened, |(at, ..)| *at);
        let verify = self.verified.is_none().then_some(self.duty.verify_ms);
        verify
            .flatten()
            .map(|within| (Step::Verify, stated, within.max(1)))
    }

    /// Whether everything that was asked for is done, apart from the alarm being normal.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        (self.acknowledged || self.duty.acknowledge_ms.is_none())
            && (self.cause.is_some() || self.duty.cause_ms.is_none())
            && (self.verified.is_some() || self.duty.verify_ms.is_none())
    }

    /// Whether nobody may look into, or close, what they stated themselves.
    #[must_use]
    pub fn wants_second_person(&self) -> bool {
        self.duty.second_person || self.grade >= SECOND_PERSON
    }

    /// Whether this person may say for the county what they think of the cause.
    #[must_use]
    pub fn may_verify(&self, by: &str) -> bool {
        self.cause.is_some() && self.verified.is_none() && self.is_another(by)
    }

    /// Whether this person may close it.
    #[must_use]
    pub fn may_close(&self, by: &str) -> bool {
        self.is_answered() && self.is_another(by)
    }

    fn is_another(&self, by: &str) -> bool {
        let stated_by = self.cause.as_ref().map(|(_, said, _)| said.by.as_str());
        !self.wants_second_person() || stated_by != Some(by)
    }
}
