//! What a person may do, as a request says it: our own shapes, so that the engine's can
//! change without breaking a client.

use std::collections::BTreeMap;

use fenghuo_engine::event::Cause;
use serde::Deserialize;
use utoipa::ToSchema;

/// Who does what, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ActAsked {
    /// Who.
    #[schema(min_length = 1, max_length = 64)]
    pub by: String,
    /// Why, in their words. Needed to shelve, `ask_out`, `put_back`, `state`, book, silence, `offer_again`,
    /// and to verify without accepting.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub comment: String,
    /// What.
    pub deed: DeedAsked,
}

/// What was behind an alarm.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum CauseAsked {
    /// What it says is so.
    True,
    /// Nothing was there.
    False,
    /// Calibration, test or drill.
    Planned,
    /// The instrument or its line failed.
    SensorFault,
}

impl From<CauseAsked> for Cause {
    fn from(asked: CauseAsked) -> Self {
        match asked {
            CauseAsked::True => Self::True,
            CauseAsked::False => Self::False,
            CauseAsked::Planned => Self::Planned,
            CauseAsked::SensorFault => Self::SensorFault,
        }
    }
}

/// Labels with the values that fit.
pub(in crate::api) type SelectAsked = BTreeMap<String, Vec<String>>;

/// What is done. An `occurrence` is `position.ordinal`, an `alarm` is `rule/level@subject`,
/// both as alarms show them; instants are milliseconds by the server's clock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "deed", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::api) enum DeedAsked {
    /// Saw an alarm.
    Acknowledge {
        /// Which.
        occurrence: String,
    },
    /// Saw several alarms; orange and red ones are left for one by one, and named.
    AcknowledgeAll {
        /// Which.
        #[schema(min_items = 1, max_items = 200)]
        occurrences: Vec<String>,
    },
    /// Lets go of a latched alarm.
    Reset {
        /// Which.
        occurrence: String,
    },
    /// Puts an alarm on the shelf.
    Shelve {
        /// Which.
        alarm: String,
        /// Until then, at most as long as its rule allows.
        until: i64,
        /// Or until it returns to normal.
        #[serde(default)]
        one_shot: bool,
    },
    /// Takes it from the shelf.
    Unshelve {
        /// Which.
        alarm: String,
    },
    /// Asks to take an alarm out of service.
    AskOut {
        /// Which.
        alarm: String,
        /// The permit's number.
        #[schema(min_length = 1, max_length = 64)]
        permit: String,
        /// Until then, at most 30 days.
        until: i64,
    },
    /// Agrees to that, as the second person.
    AgreeOut {
        /// Which.
        alarm: String,
    },
    /// Puts it back into service, or takes back what was asked.
    PutBack {
        /// Which.
        alarm: String,
    },
    /// States what was behind an alarm; the comment is the measure taken.
    State {
        /// Which.
        occurrence: String,
        /// What was behind it.
        cause: CauseAsked,
    },
    /// The county looked into it.
    Verify {
        /// Which.
        occurrence: String,
        /// Whether the statement is accepted; if not it is to be stated again.
        accepted: bool,
    },
    /// Closes an alarm's case.
    Close {
        /// Which.
        occurrence: String,
    },
    /// Books a window in which alarms of some points are planned: raised, kept, and marked.
    Book {
        /// Its name, unique among those that are not over.
        #[schema(min_length = 1, max_length = 64)]
        booking: String,
        /// The points, by `kind`, `key`, `enterprise`, `gateway` and their labels.
        #[schema(inline)]
        select: SelectAsked,
        /// Begin, not in the past.
        from: i64,
        /// End, at most 31 days later.
        until: i64,
    },
    /// Ends a booking early, or takes it back.
    Unbook {
        /// Its name.
        booking: String,
    },
    /// Keeps notices of some alarms from being sent for a time; the alarms go on.
    Silence {
        /// Its name, unique among those that are not over.
        #[schema(min_length = 1, max_length = 64)]
        silence: String,
        /// The alarms, by `rule`, `level`, `severity`, `enterprise`, `gateway`, `key` and the
        /// labels of their points.
        #[schema(inline)]
        select: SelectAsked,
        /// Begin.
        from: i64,
        /// End, at most 31 days later.
        until: i64,
    },
    /// Ends a silence early.
    Unsilence {
        /// Its name.
        silence: String,
    },
    /// Asks a gateway to offer again what it still has of a period, also frames that this
    /// server once refused. What is here already is not taken twice.
    OfferAgain {
        /// `enterprise/gateway`.
        gateway: String,
        /// Begin, by the gateway's clock.
        from: i64,
        /// End.
        until: i64,
    },
}
