//! A TOML table that is read key by key: what is missing, of another type or not known is
//! noted with its place, and reading goes on, so that every problem is found in one pass.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Collector;

/// A table on its way into a typed value.
#[derive(Debug)]
pub struct Table<'t> {
    path: String,
    offset: usize,
    table: &'t DeTable<'t>,
    asked: RefCell<BTreeSet<&'static str>>,
    problems: &'t Collector<'t>,
}

impl<'t> Table<'t> {
    /// The whole file.
    #[must_use]
    pub const fn root(table: &'t DeTable<'t>, problems: &'t Collector<'t>) -> Self {
        Self {
            path: String::new(),
            offset: 0,
            table,
            asked: RefCell::new(BTreeSet::new()),
            problems,
        }
    }

    fn child(&self, path: String, offset: usize, table: &'t DeTable<'t>) -> Self {
        Self {
            path,
            offset,
            table,
            asked: RefCell::new(BTreeSet::new()),
            problems: self.problems,
        }
    }

    /// The path of a key of this table.
    #[must_use]
    pub fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn find(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().insert(key);
        let found = self.table.iter().find(|(k, _)| k.get_ref() == key);
        found.map(|(_, value)| value)
    }

    /// Whether the key is there.
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    fn offset_of(&self, key: &'static str) -> usize {
        let value = self.find(key);
        value.map_or(self.offset, |value| value.span().start)
    }

    /// Notes a problem of a key, at its place or at the table's.
    pub fn problem(&self, key: &'static str, what: impl Into<String>) {
        let offset = self.offset_of(key);
        self.problems.note(Some(offset), self.key(key), what);
    }

    /// Notes that a key's value is allowed and likely a mistake.
    pub fn warn(&self, key: &'static str, what: impl Into<String>) {
        let offset = self.offset_of(key);
        self.problems.warn(Some(offset), self.key(key), what);
    }

    /// Notes that a needed key is missing.
    pub fn missing(&self, key: &'static str) {
        self.problem(key, "is missing");
    }

    fn wrong(&self, key: &'static str, value: &DeValue<'_>, wanted: &str) {
        self.problem(
            key,
            format!("is of type {}; {wanted} is needed", value.type_str()),
        );
    }

    /// A text, if it is there.
    #[must_use]
    pub fn text(&self, key: &'static str) -> Option<&'t str> {
        let value = self.find(key)?.get_ref();
        let text = value.as_str();
        if text.is_none() {
            self.wrong(key, value, "a text");
        }
        text
    }

    /// A text, if it is there and one; anything else is left to another reading of the key.
    #[must_use]
    pub fn if_text(&self, key: &'static str) -> Option<&'t str> {
        self.find(key)?.get_ref().as_str()
    }

    /// The items of an array, or a value that stands alone; none when it is not there.
    fn items(&self, key: &'static str) -> Vec<&'t DeValue<'t>> {
        let value = self.find(key).map(Spanned::get_ref);
        match value.map(|value| (value, value.as_array())) {
            None => Vec::new(),
            Some((_, Some(array))) => array.iter().map(Spanned::get_ref).collect(),
            Some((value, None)) => vec![value],
        }
    }

    /// A list of texts, or one; none when it is not there.
    #[must_use]
    pub fn list_of_texts(&self, key: &'static str) -> Vec<&'t str> {
        let read = |value: &'t DeValue<'t>| {
            let text = value.as_str();
            if text.is_none() {
                self.wrong(key, value, "a text");
            }
            text
        };
        self.items(key).into_iter().filter_map(read).collect()
    }

    /// A list of texts, whole numbers and truths, each as text; none when it is not there.
    #[must_use]
    pub fn words(&self, key: &'static str) -> Vec<String> {
        let read = |value: &'t DeValue<'t>| match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Boolean(truth) => Some(truth.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
            _ => {
                self.wrong(key, value, "a text, a whole number or a truth");
                None
            }
        };
        self.items(key).into_iter().filter_map(read).collect()
    }

    /// A list of whole numbers from 0, or one; none when it is not there.
    #[must_use]
    pub fn wholes(&self, key: &'static str) -> Vec<u64> {
        let read = |value: &DeValue<'_>| {
            let number = value
                .as_integer()
                .and_then(|it| u64::from_str_radix(it.as_str(), it.radix()).ok());
            if number.is_none() {
                self.wrong(key, value, "a whole number from 0");
            }
            number
        };
        self.items(key).into_iter().filter_map(read).collect()
    }

    /// A text that must be there.
    #[must_use]
    pub fn needed_text(&self, key: &'static str) -> Option<&'t str> {
        if !self.has(key) {
            self.missing(key);
        }
        self.text(key)
    }

    /// A whole number within bounds, if it is there.
    #[must_use]
    pub fn whole(&self, key: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        self.whole_or(key, bounds, "")
    }

    /// A whole number within bounds, if it is there; `hint` is added when it is outside.
    #[must_use]
    pub fn whole_or(
        &self,
        key: &'static str,
        bounds: RangeInclusive<u64>,
        hint: &str,
    ) -> Option<u64> {
        let value = self.find(key)?.get_ref();
        let Some(integer) = value.as_integer() else {
            self.wrong(key, value, "a whole number");
            return None;
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if bounds.contains(&number) => Some(number),
            _ => {
                let (low, high) = bounds.into_inner();
                self.problem(
                    key,
                    format!("is {integer}; {low} to {high} is allowed{hint}"),
                );
                None
            }
        }
    }

    /// `true` or `false`, if it is there.
    #[must_use]
    pub fn truth(&self, key: &'static str) -> Option<bool> {
        let value = self.find(key)?.get_ref();
        let truth = value.as_bool();
        if truth.is_none() {
            self.wrong(key, value, "true or false");
        }
        truth
    }

    /// A finite number, if it is there; whole numbers count.
    #[must_use]
    pub fn number(&self, key: &'static str) -> Option<f64> {
        let value = self.find(key)?.get_ref();
        let text = match value {
            DeValue::Float(float) => float.as_str().parse::<f64>(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse::<f64>(),
            _ => {
                self.wrong(key, value, "a number");
                return None;
            }
        };
        let number = text.ok().filter(|number| number.is_finite());
        if number.is_none() {
            self.problem(key, "is not a finite number");
        }
        number
    }

    /// A table, if it is there.
    #[must_use]
    pub fn table(&self, key: &'static str) -> Option<Self> {
        let value = self.find(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(self.child(self.key(key), value.span().start, table)),
            other => {
                self.wrong(key, other, "a table");
                None
            }
        }
    }

    /// The tables of an array of tables; none when it is not there.
    #[must_use]
    pub fn tables(&self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.find(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong(key, value.get_ref(), "an array of tables");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (at, item) in array.iter().enumerate() {
            let path = format!("{}[{at}]", self.key(key));
            match item.get_ref() {
                DeValue::Table(table) => tables.push(self.child(path, item.span().start, table)),
                other => self.problems.note(
                    Some(item.span().start),
                    path,
                    format!("is of type {}; a table is needed", other.type_str()),
                ),
            }
        }
        tables
    }

    /// A table of texts under any names; empty when it is not there.
    #[must_use]
    pub fn texts(&self, key: &'static str) -> BTreeMap<String, String> {
        let Some(table) = self.table(key) else {
            return BTreeMap::new();
        };
        let mut texts = BTreeMap::new();
        for (name, value) in table.table {
            match value.get_ref().as_str() {
                Some(text) => {
                    texts.insert(name.get_ref().to_string(), text.to_owned());
                }
                None => self.problems.note(
                    Some(value.span().start),
                    table.key(name.get_ref()),
                    format!(
                        "is of type {}; a text is needed",
                        value.get_ref().type_str()
                    ),
                ),
            }
        }
        texts
    }

    /// Notes every key that nobody asked for.
    pub fn finish(&self) {
        let asked = self.asked.borrow();
        for (name, _) in self.table {
            if !asked.contains(name.get_ref().as_ref()) {
                let known: Vec<&str> = asked.iter().copied().collect();
                self.problems.note(
                    Some(name.span().start),
                    self.key(name.get_ref()),
                    format!("is not known here; known are {}", known.join(", ")),
                );
            }
        }
    }
}
