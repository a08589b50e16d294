//! Why a sample is not good: a closed list, each with a stable number for the wire.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why a reading is bad or uncertain. The numbers travel and are stored: never reuse one.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name = $code,)* }

        impl Reason {
            /// Every reason, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The number on the wire and on disk.
            #[must_use]
            pub const fn code(self) -> u8 { self as u8 }

            /// From the number on the wire.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// The stable name in APIs and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// The device did not answer in time.
    Timeout = 1, "timeout";
    /// There is no connection to the device.
    NotConnected = 2, "not_connected";
    /// An answer that does not fit its request: wrong length, unit, function or transaction.
    BadReply = 3, "bad_reply";
    /// Modbus exception 1: the device does not know the function.
    IllegalFunction = 4, "illegal_function";
    /// Modbus exception 2: no such register.
    IllegalAddress = 5, "illegal_address";
    /// Modbus exception 3: the device refuses the request's quantity or value.
    IllegalValue = 6, "illegal_value";
    /// Modbus exception 4: the device failed.
    DeviceFailure = 7, "device_failure";
    /// Modbus exceptions 5 and 6: the device is busy.
    DeviceBusy = 8, "device_busy";
    /// Modbus exceptions 10 and 11: the gateway in between has no path or no answer.
    GatewayPath = 9, "gateway_path";
    /// Any other exception that a device answered.
    OtherException = 10, "other_exception";
    /// The raw bits are NaN or an infinity.
    NotANumber = 11, "not_a_number";
    /// The value lies outside the point's stated range.
    OutOfRange = 12, "out_of_range";
    /// A payload that is not what the mapping expects.
    BadPayload = 13, "bad_payload";
    /// The payload lacks the point's field.
    MissingField = 14, "missing_field";
    /// The field holds another type than the point's.
    WrongType = 15, "wrong_type";
    /// The device marked its own value as not good.
    DeviceFlag = 16, "device_flag";
    /// The gateway's clock was stepped and its skew is not yet known.
    Clock = 17, "clock";
    /// The time that the device gave cannot be right, and the time of arrival stands instead;
    /// or it is long past, and whether reading or clock is old cannot be told.
    DeviceTime = 18, "device_time";
    /// The point did not report within its time.
    Stale = 19, "stale";
    /// The gateway that reads the point is silent.
    GatewaySilent = 20, "gateway_silent";
    /// The mapping to a register is suspect.
    SuspectMapping = 21, "suspect_mapping";
    /// The MQTT device published its last will.
    DeviceOffline = 22, "device_offline";
}

impl Reason {
    /// Whether the device itself said something, if only that it has no value; else nobody
    /// answered, or not to what was asked.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        !matches!(
            self,
            Self::Timeout
                | Self::NotConnected
                | Self::BadReply
                | Self::GatewayPath
                | Self::Stale
                | Self::GatewaySilent
                | Self::DeviceOffline
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_and_unique() {
        for (at, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reason.code()), at + 1);
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code(0), None);
        assert_eq!(Reason::from_code(255), None);
    }
}
