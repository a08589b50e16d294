//! Alarms and subjects as text, and back: `rule/level@enterprise/gateway/key`,
//! `rule/level@enterprise/gateway` and `rule/level@enterprise/gateway[label=value]`.
//!
//! Rules' ids, levels' names and ids of plants hold neither `/` nor `@` nor `[`, so each text
//! is read in one way only; what is read is written again as it was.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use fenghuo_model::{GatewayKey, IdError, PointRef};

use super::{AlarmKey, Subject};

/// Longest id of a rule or name of a level, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest `label=value` of a group, in bytes: two words of a catalog.
pub const GROUP_BYTES_MAX: usize = 2 * 512 + 1;

/// Why a text names no alarm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The rule, the level or the subject is missing.
    #[error("an alarm is named `rule/level@subject`")]
    Shape,
    /// The rule's id or the level's name cannot be one.
    #[error("a rule and a level have 1 to {NAME_BYTES_MAX} bytes of letters, digits and `_ - . :`")]
    Rule,
    /// The group is not `label=value`.
    #[error("a group is `label=value` of at most {GROUP_BYTES_MAX} bytes")]
    Group,
    /// The gateway or the point.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Point(point) => point.fmt(f),
            Self::Gateway(gateway) => gateway.fmt(f),
            Self::Group(gateway, group) => write!(f, "{gateway}[{group}]"),
        }
    }
}

impl FromStr for Subject {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some((gateway, rest)) = text.split_once('[') {
            let group = rest.strip_suffix(']').ok_or(NameError::Group)?;
            let (label, _) = group.split_once('=').ok_or(NameError::Group)?;
            if label.is_empty() || group.len() > GROUP_BYTES_MAX {
                return Err(NameError::Group);
            }
            return Ok(Self::Group(gateway.parse()?, Arc::from(group)));
        }
        if text.matches('/').count() == 1 {
            return Ok(Self::Gateway(text.parse::<GatewayKey>()?));
        }
        Ok(Self::Point(text.parse::<PointRef>()?))
    }
}

impl fmt::Display for AlarmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.rule, self.level, self.subject)
    }
}

impl FromStr for AlarmKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (name, subject) = text.split_once('@').ok_or(NameError::Shape)?;
        let (rule, level) = name.split_once('/').ok_or(NameError::Shape)?;
        if !is_name(rule) || !is_name(level) {
            return Err(NameError::Rule);
        }
        Ok(Self {
            rule: Arc::from(rule),
            level: Arc::from(level),
            subject: subject.parse()?,
        })
    }
}

/// As rule files are checked, apart from the system's own names, which may stand here.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "_-.:".contains(c);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        for text in [
            "gas.combustible/L1@oil/gw1/T-101.level:raw",
            "fenghuo.gateway-silent/alarm@oil/gw1",
            "瓦斯/断电@mine/gw-2/W3.ch4",
            "vote/L2@oil/gw1[area=tank farm/1 [east] a@b=c]",
            "vote/L2@oil/gw1[area=]",
        ] {
            let key: AlarmKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
            let again: AlarmKey = key.to_string().parse().unwrap();
            assert_eq!(again, key);
        }
    }

    #[test]
    fn subjects_are_told_apart_by_their_shape() {
        let subject = |text: &str| text.parse::<Subject>().unwrap();
        assert!(matches!(subject("a/b"), Subject::Gateway(_)));
        assert!(matches!(subject("a/b/c"), Subject::Point(_)));
        let group = subject("a/b[area=1]");
        assert!(matches!(&group, Subject::Group(_, it) if &**it == "area=1"));
    }

    #[test]
    fn what_names_no_alarm_is_refused_with_a_reason() {
        let long = format!("{}/L1@a/b/c", "x".repeat(NAME_BYTES_MAX + 1));
        let group = format!("r/L1@a/b[x={}]", "y".repeat(GROUP_BYTES_MAX));
        for (text, why) in [
            ("", NameError::Shape),
            ("rule/L1", NameError::Shape),
            ("rule@a/b/c", NameError::Shape),
            ("/L1@a/b/c", NameError::Rule),
            ("rule/@a/b/c", NameError::Rule),
            ("rule/L1/2@a/b/c", NameError::Rule),
            ("ru le/L1@a/b/c", NameError::Rule),
            (&long, NameError::Rule),
            ("rule/L1@a/b[area", NameError::Group),
            ("rule/L1@a/b[area]", NameError::Group),
            ("rule/L1@a/b[=1]", NameError::Group),
            (&group, NameError::Group),
        ] {
            assert_eq!(text.parse::<AlarmKey>(), Err(why), "{text}");
        }
        for text in [
            "r/L@a",
            "r/L@a/",
            "r/L@a/b/c/d",
            "r/L@a/b/c[x=1]",
            "r/L@a b/c/d",
        ] {
            let read = text.parse::<AlarmKey>();
            assert!(matches!(read, Err(NameError::Id(_))), "{text}: {read:?}");
        }
    }
}
