//! The closed lists of label values. A label that is not here does not exist.

/// Every transition of an alarm event, by its stable name in the journal.
pub const TRANSITIONS: [&str; 25] = [
    "raise",
    "return",
    "dismiss",
    "latch",
    "acknowledge",
    "realarm",
    "reset",
    "shelve",
    "unshelve",
    "suppress",
    "unsuppress",
    "ask_out_of_service",
    "take_out_of_service",
    "put_back_in_service",
    "hold",
    "release",
    "amend",
    "plan_over",
    "promote",
    "merge",
    "state_cause",
    "verify",
    "close",
    "overdue",
    "unwatch",
];

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$value,)*];

            /// The label's value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }

            pub(super) const fn index(self) -> usize { self as usize }
        }
    };
}

labels! {
    /// What became of a frame.
    FrameResult {
        /// New, and in the log.
        Accepted = "accepted",
        /// Already in the log: receipted again.
        Duplicate = "duplicate",
        /// A known number with other bytes: refused.
        Conflict = "conflict",
        /// Its checksum fails: counted, not receipted.
        Corrupt = "corrupt",
        /// Can never be accepted: refused.
        Invalid = "invalid",
        /// Dated too far ahead: refused.
        Future = "future",
        /// Of a version that is not known: refused.
        Version = "version",
        /// Names a catalog that must be sent first.
        UnknownCatalog = "unknown_catalog",
        /// Not a frame in an envelope.
        Malformed = "malformed",
    }
}

labels! {
    /// What refused a message before ingest saw it.
    Queue {
        /// The queue of live frames.
        Live = "live",
        /// The queue of backlog frames.
        Backlog = "backlog",
        /// The queue of acts, ticks, hellos and catalogs.
        Control = "control",
        /// No queue: not an envelope.
        Malformed = "malformed",
    }
}

labels! {
    /// The states of a gateway.
    GatewayState {
        /// Delivering what it reads now.
        Live = "live",
        /// Delivering what it read before.
        Backlog = "backlog",
        /// Not delivering.
        Silent = "silent",
        /// Not heard of since start.
        Unknown = "unknown",
    }
}
