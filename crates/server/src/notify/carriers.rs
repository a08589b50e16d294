//! Which carriers bring a receiver's notices: those that it names and that the server has.

use fenghuo_engine::EVERY_CARRIER;
use fenghuo_engine::plan::Receiver;

/// A receiver's carriers, as far as they are there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Carriers {
    /// Carriers that are there.
    pub known: Vec<String>,
    /// Names of carriers that are not.
    pub missing: Vec<String>,
}

impl Carriers {
    /// Sorts the names that a receiver gives by the carriers that the server has.
    #[must_use]
    pub fn of(named: &[String], configured: &[String]) -> Self {
        if named.iter().any(|name| name == EVERY_CARRIER) {
            return Self {
                known: configured.to_vec(),
                missing: Vec::new(),
            };
        }
        let (known, missing) = named
            .iter()
            .cloned()
            .partition(|name| configured.contains(name));
        Self { known, missing }
    }
}

/// Every (receiver, carrier) where the receiver names a carrier that the server does not
/// have: nobody would be told by it.
#[must_use]
pub fn missing(receivers: &[Receiver], configured: &[String]) -> Vec<(String, String)> {
    let of_receiver = |receiver: &Receiver| {
        let missing = Carriers::of(&receiver.carriers, configured).missing;
        let name = receiver.name.to_string();
        missing
            .into_iter()
            .map(move |carrier| (name.clone(), carrier))
    };
    receivers.iter().flat_map(of_receiver).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_carrier_that_is_not_there_is_named() {
        let configured = names(&["sms", "duty"]);
        let all = Carriers::of(&names(&[EVERY_CARRIER]), &configured);
        assert_eq!(all.known, configured);
        let some = Carriers::of(&names(&["duty", "dutty"]), &configured);
        assert_eq!(
            (some.known, some.missing),
            (names(&["duty"]), names(&["dutty"]))
        );
        let receivers = [
            Receiver::new("head", &names(&["sms"])),
            Receiver::new("room", &names(&["dutty", "sms"])),
        ];
        let found = missing(&receivers, &configured);
        assert_eq!(found, [("room".to_owned(), "dutty".to_owned())]);
    }
}
