//! The board: what screens see, kept by the judge and read by the API.
//!
//! Nothing here is a source of truth: it is rebuilt from engine and journal at start. An
//! alarm appears here only after the journal has its event on disk (sentence 4). A screen
//! that reads too slowly is told to reload; it never holds back the judge (sentence 7).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use fenghuo_engine::{EnterpriseCoverage, EventId};
use fenghuo_model::EnterpriseId;
use tokio::sync::broadcast;

use crate::journal::Active;
use crate::view::{
    BookingView, CurrentView, EventView, GatewayView, HealthView, PointView, ReloadView, RuleView,
    SilenceView,
};

/// Updates that a slow screen may fall behind before it has to reload.
pub const UPDATES_MAX: usize = 16_384;

/// Something that changed, already as JSON, made once for all screens.
#[derive(Clone, Debug)]
pub enum Update {
    /// An alarm event.
    Alarm(EventId, Arc<str>),
    /// A list of current readings.
    Current(Arc<str>),
    /// A gateway.
    Gateway(Arc<str>),
    /// The server's health.
    Health(Arc<str>),
}

/// What is shown.
#[derive(Debug, Default)]
pub struct Shown {
    /// Alarms that are not over, by occurrence.
    pub alarms: Active,
    /// By point id.
    pub points: BTreeMap<String, Arc<PointView>>,
    /// By point id.
    pub current: HashMap<String, CurrentView>,
    /// By `enterprise/gateway`.
    pub gateways: BTreeMap<String, GatewayView>,
    /// What must be measured and is, by enterprise.
    pub coverage: BTreeMap<EnterpriseId, Arc<EnterpriseCoverage>>,
    /// The longest that an alarm of a level may be shelved, in milliseconds, by `rule/level`:
    /// every level of the rules in force is here.
    pub levels: BTreeMap<String, u64>,
    /// Booked windows, by name.
    pub bookings: BTreeMap<String, BookingView>,
    /// Silences, by name.
    pub silences: BTreeMap<String, SilenceView>,
    /// The rules in force, by id.
    pub rules: Arc<Vec<RuleView>>,
    /// What their last change did.
    pub reload: Option<ReloadView>,
    /// The server itself.
    pub health: HealthView,
}

/// Shared by judge and API.
#[derive(Debug)]
pub struct Board {
    shown: RwLock<Shown>,
    updates: broadcast::Sender<Update>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            shown: RwLock::default(),
            updates: broadcast::Sender::new(UPDATES_MAX),
        }
    }
}

impl Board {
    /// To read what is shown. Hold it shortly.
    pub fn read(&self) -> RwLockReadGuard<'_, Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change it. Hold it shortly.
    pub fn write(&self) -> RwLockWriteGuard<'_, Shown> {
        self.shown.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A screen's stream of updates, from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Update> {
        self.updates.subscribe()
    }

    /// How many screens listen.
    #[must_use]
    pub fn screens(&self) -> usize {
        self.updates.receiver_count()
    }

    /// Shows an event whose journal entry is on disk.
    pub fn event(&self, id: EventId, occurrence: EventId, event: &EventView) {
        {
            let mut shown = self.write();
            if event.alarm.over {
                shown.alarms.remove(&occurrence);
            } else {
                shown
                    .alarms
                    .insert(occurrence, Arc::new(event.alarm.clone()));
            }
        }
        self.send(self.text(event).map(|text| Update::Alarm(id, text)));
    }

    /// Shows readings.
    pub fn current(&self, readings: Vec<CurrentView>) {
        if readings.is_empty() {
            return;
        }
        let text = self.text(&readings);
        {
            let mut shown = self.write();
            for reading in readings {
                shown.current.insert(reading.id.clone(), reading);
            }
        }
        self.send(text.map(Update::Current));
    }

    /// Shows a gateway.
    pub fn gateway(&self, gateway: GatewayView) {
        let text = self.text(&gateway);
        let key = format!("{}/{}", gateway.enterprise, gateway.gateway);
        self.write().gateways.insert(key, gateway);
        self.send(text.map(Update::Gateway));
    }

    /// Shows the server's health.
    pub fn health(&self, health: HealthView) {
        let text = self.text(&health);
        self.write().health = health;
        self.send(text.map(Update::Health));
    }

    /// The JSON of something, made only when somebody listens. What is shown changes before
    /// it is sent, so that a screen which comes in between has it one way or the other.
    fn text(&self, value: &impl serde::Serialize) -> Option<Arc<str>> {
        if self.updates.receiver_count() == 0 {
            return None;
        }
        serde_json::to_string(value).ok().map(Arc::from)
    }

    fn send(&self, update: Option<Update>) {
        if let Some(update) = update {
            // Nobody listening any more is no fault.
            drop(self.updates.send(update));
        }
    }
}
