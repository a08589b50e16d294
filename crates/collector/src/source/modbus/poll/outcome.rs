//! What a reply means, and what the lack of one: for its points, its block, its unit and the
//! line.

use fenghuo_model::{Reason, Timestamp};

use super::super::connection::{Doubtful, Extent, FRESH_SILENCE, Failure, Reply};
use super::super::port::Port;
use super::{Asking, Poller, SURPRISES_MAX};
use crate::source::Reads;

impl Poller {
    /// A reply came that can only be to what was asked.
    pub(super) fn answered(&mut self, asking: &Asking, reply: &Reply, time: Timestamp) -> Reads {
        self.proven = true;
        self.surprises = 0;
        self.backoff.reset();
        self.state.answered(asking.at);
        self.out.meter().read();
        let unit = &mut self.units[asking.at];
        unit.answers(&self.line.name, &self.out);
        if let Some(late) = &mut self.late {
            late.proven(unit.id, &asking.read, asking.is_proof);
        }
        if asking.is_proof {
            if !asking.is_try {
                unit.put_back(asking.block);
            }
            return Reads::default();
        }
        unit.gave(asking.block, &self.out);
        if asking.is_try {
            return Reads::default();
        }
        unit.decode(asking.block, reply, time, self.clock.monotonic())
    }

    /// No values came.
    pub(super) fn failed(&mut self, asking: &Asking, failure: Failure, time: Timestamp) -> Reads {
        let (places, reason) = match failure {
            Failure::Exception(reason) => (self.excepted(asking, reason), reason),
            Failure::Broken {
                reason,
                remains,
                extent,
            } => (self.broken(asking, reason, remains, extent), reason),
        };
        self.units[asking.at].some_bad(&places, time, reason)
    }

    /// Somebody answered, if only with an exception; the points that it costs.
    fn excepted(&mut self, asking: &Asking, reason: Reason) -> Vec<usize> {
        self.proven = true;
        self.surprises = 0;
        self.backoff.reset();
        let now = self.clock.monotonic();
        let unit = &mut self.units[asking.at];
        let is_own = self.late.as_mut().is_none_or(|late| {
            // A gateway answers for a unit that may still answer itself.
            let is_its = reason != Reason::GatewayPath;
            if is_its {
                late.heard(unit.id);
            }
            let is_own = is_its && late.is_own_exception(unit.id, &asking.read);
            if is_own {
                late.proven(unit.id, &asking.read, asking.is_proof);
            } else {
                late.unanswered(unit.id, &asking.read, asking.asked_at);
            }
            is_own
        });
        if reason == Reason::GatewayPath {
            self.state.unanswered(asking.at, now);
            return self.missed(asking, reason);
        }
        self.state.answered(asking.at);
        unit.answers(&self.line.name, &self.out);
        if asking.is_try {
            return Vec::new();
        }
        if asking.is_proof {
            unit.put_back(asking.block);
            return Vec::new();
        }
        if is_own && self.is_asked_again(asking, reason, now) {
            return Vec::new();
        }
        self.out.meter().failed();
        let unit = &mut self.units[asking.at];
        if is_own {
            unit.refused(asking.block, reason, now, &self.out);
        }
        unit.block(asking.block).points.clone()
    }

    /// Whether an exception to a block costs no values yet: smaller blocks are asked for, or
    /// the same a little later.
    fn is_asked_again(&mut self, asking: &Asking, reason: Reason, now: u64) -> bool {
        let unit = &mut self.units[asking.at];
        match reason {
            Reason::IllegalAddress | Reason::IllegalValue if unit.split(asking.block, now) => {
                let (line, unit) = (&self.line.name, unit.id);
                tracing::debug!(%line, unit, "refused block is split");
                true
            }
            Reason::DeviceBusy => unit.put_off(asking.block, now),
            _ => false,
        }
    }

    /// The connection is gone, or doubtful; the points that it costs.
    fn broken(
        &mut self,
        asking: &Asking,
        reason: Reason,
        remains: Option<Doubtful>,
        extent: Extent,
    ) -> Vec<usize> {
        self.out.meter().disconnected();
        let now = self.clock.monotonic();
        let unit = &mut self.units[asking.at];
        self.is_lost |= reason == Reason::NotConnected;
        if extent == Extent::Unsent && self.proven {
            // It had ended while nobody asked: that is nobody's trouble yet.
            self.proven = false;
            self.reconnect_at = now;
            if !asking.is_try {
                unit.put_back(asking.block);
            }
            return Vec::new();
        }
        let is_surprise = unit.is_live() || matches!(extent, Extent::Something(_));
        self.keep_quiet(asking, is_surprise, extent, now);
        if asking.is_try && extent == Extent::Something(Some(self.units[asking.at].id)) {
            // Its own late reply, most likely: it is there.
            self.units[asking.at].try_soon();
        }
        self.state.unanswered(asking.at, now);
        let lost = self.missed(asking, reason);
        self.surprises = self.surprises.saturating_add(u32::from(is_surprise));
        self.remains = remains.filter(|_| self.is_kept(reason, is_surprise));
        // What one unit does is that unit's own trouble. A connection that never brought
        // anything fitting, from anybody, is tried again later and later.
        let mut others = self.units.iter().enumerate();
        let is_others = others.any(|(at, unit)| at != asking.at && unit.silent.is_none());
        let wait = if self.proven || reason == Reason::Timeout || is_others {
            0
        } else {
            self.backoff.next_ms()
        };
        self.reconnect_at = now + wait;
        lost
    }

    /// Whether a connection that brought nothing fitting is used on. Whoever can be connected
    /// to anew is; a port is drained. A modem takes long to dial in anew, and meanwhile every
    /// unit is dark: its call ends only when it seems to be dead, after [`SURPRISES_MAX`]
    /// surprises in a row, or one that made the last unit silent. That silent units stay so is
    /// no surprise.
    fn is_kept(&self, reason: Reason, is_surprise: bool) -> bool {
        match &self.line.way.port {
            Port::Tcp { .. } => false,
            _ if reason == Reason::NotConnected => false,
            Port::Serial(_) => true,
            Port::DialIn(_) => {
                let is_any_live = self.units.iter().any(|unit| unit.silent.is_none());
                !is_surprise || is_any_live && self.surprises < SURPRISES_MAX
            }
        }
    }

    /// Notes what may still come, and how quiet the line must be for that. Who is silent
    /// anyhow is not waited for twice.
    fn keep_quiet(&mut self, asking: &Asking, is_surprise: bool, extent: Extent, now: u64) {
        self.silence = if is_surprise {
            self.line.timeout
        } else {
            FRESH_SILENCE
        };
        let Some(late) = &mut self.late else {
            return;
        };
        let unit = self.units[asking.at].id;
        if let Extent::Something(first) = extent {
            // What the unit itself says now may be an answer to this request, and not late.
            late.came_strange(now, first.filter(|first| *first != unit));
        }
        if extent != Extent::Unsent {
            late.unanswered(unit, &asking.read, asking.asked_at);
        }
        if is_surprise {
            self.silent_until = asking.asked_at + late.lateness(now);
        }
    }

    /// A unit gave no reply of its own; the points that it costs.
    fn missed(&mut self, asking: &Asking, reason: Reason) -> Vec<usize> {
        self.out.meter().failed();
        let now = self.clock.monotonic();
        let unit = &mut self.units[asking.at];
        let is_silent = unit.missed(asking.block, reason, now);
        if is_silent {
            unit.fall_silent(reason, now, &self.line.name, &self.out);
        }
        match (asking.is_try, is_silent) {
            // Its cycles have told already.
            (true, _) => Vec::new(),
            (false, true) => unit.owed(Some(asking.block)),
            (false, false) => unit.block(asking.block).points.clone(),
        }
    }
}
