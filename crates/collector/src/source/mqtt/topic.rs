//! Topic filters: what they match, and what stands in the place of their wildcards. Pure.
//!
//! Our own, because the client library's matching ends the program at a topic that begins with
//! a character outside ASCII, and anybody may publish such a topic.

use std::collections::HashMap;

/// Longest topic that is looked at; the protocol allows 65,535.
pub const TOPIC_BYTES_MAX: usize = 1_024;

/// A filter that a broker accepts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    text: String,
}

impl Filter {
    /// Checks that `+` and `#` stand for whole levels, and `#` last.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_sound = |level: &str| matches!(level, "+" | "#") || !level.contains(['+', '#']);
        let levels = text.split('/').count();
        let hash = text.split('/').position(|level| level == "#");
        let is_filter = !text.is_empty()
            && text.len() <= TOPIC_BYTES_MAX
            && !text.contains('\0')
            && text.split('/').all(is_sound)
            && hash.is_none_or(|at| at + 1 == levels);
        is_filter.then(|| Self {
            text: text.to_owned(),
        })
    }

    /// As it is told to the broker.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it stands for one topic only.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.text.contains(['+', '#'])
    }

    /// How many `+` it has.
    #[must_use]
    pub fn holes(&self) -> usize {
        self.text.split('/').filter(|level| *level == "+").count()
    }

    /// Whether it ends in `#`.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.text.ends_with('#')
    }

    /// The same with each `+` replaced, in order. `None` when it does not fit: too few or too
    /// many parts, or a part that is no single plain level.
    #[must_use]
    pub fn filled(&self, parts: &[String]) -> Option<Self> {
        let is_plain = |part: &String| !part.is_empty() && !part.contains(['+', '#', '/', '\0']);
        if parts.len() != self.holes() || !parts.iter().all(is_plain) {
            return None;
        }
        let mut parts = parts.iter();
        let levels = self.text.split('/').map(|level| match level {
            "+" => parts.next().map_or("", String::as_str),
            level => level,
        });
        let levels: Vec<&str> = levels.collect();
        Self::parse(&levels.join("/"))
    }

    /// Whether a message on this topic is meant. A broker's own topics (`$..`) are meant by no
    /// wildcard at the first level.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        let (mut levels, mut wanted) = (topic.split('/'), self.text.split('/'));
        if topic.starts_with('$') && self.text.starts_with(['+', '#']) {
            return false;
        }
        loop {
            match (wanted.next(), levels.next()) {
                (Some("#"), _) | (None, None) => return true,
                (Some("+"), Some(_)) => {}
                (Some(wanted), Some(level)) if wanted == level => {}
                _ => return false,
            }
        }
    }
}

/// What is meant by a topic, found fast: most filters stand for one topic only.
#[derive(Debug)]
pub struct Routes<T> {
    plain: HashMap<String, Vec<T>>,
    open: Vec<(Filter, T)>,
}

impl<T: Copy> Routes<T> {
    /// To these targets.
    #[must_use]
    pub fn new(targets: impl Iterator<Item = (Filter, T)>) -> Self {
        let mut routes = Self {
            plain: HashMap::new(),
            open: Vec::new(),
        };
        for (filter, target) in targets {
            if filter.is_plain() {
                routes.plain.entry(filter.text).or_default().push(target);
            } else {
                routes.open.push((filter, target));
            }
        }
        routes
    }

    /// Everything that is meant by this topic.
    pub fn find<'r>(&'r self, topic: &'r str) -> impl Iterator<Item = T> + 'r {
        let plain = self.plain.get(topic).into_iter().flatten();
        let open = self.open.iter();
        let open = open.filter(|(filter, _)| filter.matches(topic));
        plain.chain(open.map(|(_, target)| target)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    #[test]
    fn filters_are_what_brokers_accept() {
        for good in [
            "a",
            "a/b",
            "+",
            "#",
            "a/+/c",
            "a/#",
            "/",
            "罐区/+/液位",
            "a//b",
        ] {
            assert!(Filter::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a+", "a/#/b", "a#", "a/b+/c", "\0"] {
            assert!(Filter::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn topics_match_level_by_level() {
        for (wanted, topic) in [
            ("plant/+/gas", "plant/a/gas"),
            ("plant/#", "plant"),
            ("plant/#", "plant/a/b"),
            ("#", "x"),
            ("罐区/+", "罐区/一号"),
            ("+/x", "罐区/x"),
            ("$SYS/#", "$SYS/load"),
            ("a//b", "a//b"),
        ] {
            assert!(filter(wanted).matches(topic), "{wanted} {topic}");
        }
        for (wanted, topic) in [
            ("plant/+/gas", "plant/a/b/gas"),
            ("plant/+", "plant"),
            ("plant", "plant/a"),
            ("#", "$SYS/load"),
            ("+/load", "$SYS/load"),
            ("plant/a", "plant/A"),
        ] {
            assert!(!filter(wanted).matches(topic), "{wanted} {topic}");
        }
    }

    #[test]
    fn a_topic_may_mean_several() {
        let all = ["plant/a", "plant/+", "plant/b", "plant/a"];
        let routes = Routes::new(all.iter().map(|text| filter(text)).zip(0..));
        let found = |topic| routes.find(topic).collect::<Vec<_>>();
        assert_eq!(found("plant/a"), [0, 3, 1]);
        assert_eq!(found("plant/c"), [1]);
        assert_eq!(found("other"), [] as [i32; 0]);
    }

    #[test]
    fn parts_fill_the_holes_in_order() {
        let parts =
            |list: &[&str]| -> Vec<String> { list.iter().map(|p| (*p).to_owned()).collect() };
        let two = filter("plant/+/+/gas");
        let filled = two.filled(&parts(&["a", "b"])).unwrap();
        assert_eq!(filled.as_str(), "plant/a/b/gas");
        for bad in [
            &["a"] as &[&str],
            &["a", "b", "c"],
            &["a", "+"],
            &["a", "x/y"],
            &["a", ""],
        ] {
            assert!(two.filled(&parts(bad)).is_none(), "{bad:?}");
        }
    }
}
