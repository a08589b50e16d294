//! Ids of enterprises, gateways and points.
//!
//! An id part is 1 to 64 bytes of `A-Z a-z 0-9 _ - .`, so that it is one MQTT topic level,
//! one path segment and one label value without escaping. Point keys may also hold `:`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::share;

/// Longest id part in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty or longer than [`ID_BYTES_MAX`].
    #[error("`{text}` has {len} bytes; an id has 1 to {ID_BYTES_MAX}")]
    Length {
        /// The offending text, cut to 80 characters.
        text: String,
        /// Its length in bytes.
        len: usize,
    },
    /// A character that may not stand in an id.
    #[error("`{text}` has the character {character:?}; allowed are letters, digits, `_ - .`")]
    Character {
        /// The offending text.
        text: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// The text does not have the `enterprise/gateway[/point]` shape.
    #[error("`{text}` is not `{shape}`")]
    Shape {
        /// The offending text.
        text: String,
        /// The expected shape.
        shape: &'static str,
    },
}

fn check(text: &str, extra: &[char]) -> Result<(), IdError> {
    if text.is_empty() || text.len() > ID_BYTES_MAX {
        return Err(IdError::Length {
            text: text.chars().take(80).collect(),
            len: text.len(),
        });
    }
    let bad = |c: &char| {
        !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || extra.contains(c))
    };
    match text.chars().find(bad) {
        Some(character) => Err(IdError::Character {
            text: text.to_owned(),
            character,
        }),
        None => Ok(()),
    }
}

macro_rules! id_part {
    ($(#[$doc:meta])* $name:ident, $extra:expr, $arc:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`IdError`] names what is wrong with it.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check(text, $extra)?;
                Ok(Self($arc(text)))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                share::read(from, Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id_part!(
    /// An enterprise, as the county registers it.
    EnterpriseId,
    &[],
    share::text
);
id_part!(
    /// A field gateway, unique within its enterprise.
    GatewayId,
    &[],
    share::text
);
id_part!(
    /// A measured point, unique within its gateway.
    PointKey,
    &[':'],
    Arc::from
);

/// A gateway, named in full: `enterprise/gateway`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct GatewayKey {
    /// Whose gateway it is.
    pub enterprise: EnterpriseId,
    /// Which of its gateways.
    pub gateway: GatewayId,
}

impl GatewayKey {
    /// Parses both parts.
    ///
    /// # Errors
    /// [`IdError`] for the first bad part.
    pub fn new(enterprise: &str, gateway: &str) -> Result<Self, IdError> {
        Ok(Self {
            enterprise: EnterpriseId::new(enterprise)?,
            gateway: GatewayId::new(gateway)?,
        })
    }
}

impl fmt::Display for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.enterprise, self.gateway)
    }
}

impl std::str::FromStr for GatewayKey {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once('/') {
            Some((enterprise, gateway)) => Self::new(enterprise, gateway),
            None => Err(IdError::Shape {
                text: text.to_owned(),
                shape: "enterprise/gateway",
            }),
        }
    }
}

/// A point, named in full: `enterprise/gateway/point`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PointRef {
    /// The gateway that reads it.
    pub gateway: GatewayKey,
    /// Its key there.
    pub key: PointKey,
}

impl fmt::Display for PointRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.gateway, self.key)
    }
}

impl std::str::FromStr for PointRef {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut parts = text.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(enterprise), Some(gateway), Some(key)) => Ok(Self {
                gateway: GatewayKey::new(enterprise, gateway)?,
                key: PointKey::new(key)?,
            }),
            _ => Err(IdError::Shape {
                text: text.to_owned(),
                shape: "enterprise/gateway/point",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_where_they_are_made() {
        assert!(PointKey::new("T-101:level.raw").is_ok());
        assert!(matches!(PointKey::new(""), Err(IdError::Length { .. })));
        assert!(matches!(
            GatewayId::new("a/b"),
            Err(IdError::Character { character: '/', .. })
        ));
        assert!(matches!(
            EnterpriseId::new("a+"),
            Err(IdError::Character { character: '+', .. })
        ));
        assert!(EnterpriseId::new(&"x".repeat(65)).is_err());
    }

    #[test]
    fn a_point_ref_round_trips_as_text() {
        let point: PointRef = "kaijiang-oil/gw1/T-101.level".parse().unwrap();
        assert_eq!(point.to_string(), "kaijiang-oil/gw1/T-101.level");
        assert!("kaijiang-oil/gw1".parse::<PointRef>().is_err());
    }
}
