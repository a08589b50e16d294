//! Reading a TOML table key by key, so that every problem is found in one go and each has
//! its file, line and a caret. Rule files are read with it, and the server's configuration.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One problem in a rule file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleFault {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    excerpt: String,
    width: usize,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.what
        )?;
        writeln!(f, "  | {}", self.excerpt)?;
        write!(
            f,
            "  | {}{}",
            " ".repeat(self.column - 1),
            "^".repeat(self.width)
        )
    }
}

impl std::error::Error for RuleFault {}

/// A file being read, and the problems found so far.
#[derive(Debug)]
pub struct File<'a> {
    name: &'a str,
    text: &'a str,
    /// The problems found so far.
    pub faults: Vec<RuleFault>,
}

impl<'a> File<'a> {
    /// A file of this name with this text.
    #[must_use]
    pub const fn new(name: &'a str, text: &'a str) -> Self {
        Self {
            name,
            text,
            faults: Vec::new(),
        }
    }

    /// Notes a problem at a place in the text.
    pub fn fault(&mut self, span: Range<usize>, what: impl Into<String>) {
        let start = span.start.min(self.text.len());
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |at| start + at);
        let excerpt = self.text[line_start..line_end].trim_end().to_owned();
        let end = span.end.clamp(start, line_end.max(start));
        self.faults.push(RuleFault {
            file: self.name.to_owned(),
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            what: what.into(),
            excerpt,
            width: self.text[start..end].chars().count().max(1),
        });
    }
}

/// A table whose keys are taken one by one; what is left over is a fault.
#[derive(Debug)]
pub struct Table<'t, 'i> {
    table: &'t DeTable<'i>,
    span: Range<usize>,
    taken: Vec<&'static str>,
}

impl<'t, 'i> Table<'t, 'i> {
    /// A table at its place in the text.
    #[must_use]
    pub const fn new(table: &'t DeTable<'i>, span: Range<usize>) -> Self {
        Self {
            table,
            span,
            taken: Vec::new(),
        }
    }

    /// Its place in the text.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key, if it is there.
    pub fn get(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        if !self.taken.contains(&key) {
            self.taken.push(key);
        }
        self.table.get(key)
    }

    /// The text of a key, if there is one, without taking the key.
    #[must_use]
    pub fn peek(&self, key: &str) -> Option<&'t str> {
        self.table.get(key)?.get_ref().as_str()
    }

    /// The value of a required key; a fault when it is missing.
    pub fn need(
        &mut self,
        file: &mut File<'_>,
        key: &'static str,
    ) -> Option<&'t Spanned<DeValue<'i>>> {
        let value = self.get(key);
        if value.is_none() {
            file.fault(self.span(), format!("`{key}` is missing"));
        }
        value
    }

    pub fn text(
        &mut self,
        file: &mut File<'_>,
        key: &'static str,
    ) -> Option<(String, Range<usize>)> {
        let value = self.get(key)?;
        text(file, value).map(|text| (text, value.span()))
    }

    /// A required text and its place.
    pub fn need_text(
        &mut self,
        file: &mut File<'_>,
        key: &'static str,
    ) -> Option<(String, Range<usize>)> {
        let value = self.need(file, key)?;
        text(file, value).map(|text| (text, value.span()))
    }

    /// A finite number.
    pub fn number(&mut self, file: &mut File<'_>, key: &'static str) -> Option<f64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => integer.as_str().replace('_', "").parse().ok(),
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        if number.is_none() {
            file.fault(value.span(), format!("`{key}` must be a finite number"));
        }
        number
    }

    /// A whole number within bounds.
    pub fn whole(
        &mut self,
        file: &mut File<'_>,
        key: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => integer.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let (low, high) = (bounds.start(), bounds.end());
            file.fault(
                value.span(),
                format!("`{key}` must be a whole number from {low} to {high}"),
            );
        }
        number
    }

    /// A list of texts with their places; a single text is a list of one.
    pub fn texts(&mut self, file: &mut File<'_>, key: &'static str) -> Vec<(String, Range<usize>)> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let items = match value.get_ref().as_array() {
            Some(array) => array.iter().collect(),
            None => vec![value],
        };
        items
            .into_iter()
            .filter_map(|item| Some((text(file, item)?, item.span())))
            .collect()
    }

    /// `true` or `false`.
    pub fn truth(&mut self, file: &mut File<'_>, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            file.fault(value.span(), format!("`{key}` must be true or false"));
        }
        truth
    }

    /// A duration such as `500ms`, `5s`, `2m` or `1h`, in milliseconds.
    pub fn duration(&mut self, file: &mut File<'_>, key: &'static str) -> Option<u64> {
        let (text, span) = self.text(file, key)?;
        let duration = parse_duration(&text);
        if duration.is_none() {
            file.fault(span, format!("`{key}` must be a time such as \"500ms\", \"5s\", \"2m\" or \"1h\", at most 30 days"));
        }
        duration
    }

    /// A table in this one.
    pub fn table(&mut self, file: &mut File<'_>, key: &'static str) -> Option<Table<'t, 'i>> {
        let value = self.get(key)?;
        as_table(file, value, key)
    }

    /// A table in this one, by a key that a person chose.
    pub fn table_at(&self, file: &mut File<'_>, key: &str) -> Option<Table<'t, 'i>> {
        let value = self.table.get(key)?;
        as_table(file, value, key)
    }

    /// The tables of an array of tables; none when the key is missing.
    pub fn tables(&mut self, file: &mut File<'_>, key: &'static str) -> Vec<Table<'t, 'i>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            file.fault(
                value.span(),
                format!("`{key}` must be written as [[{key}]]"),
            );
            return Vec::new();
        };
        array
            .iter()
            .filter_map(|item| as_table(file, item, key))
            .collect()
    }

    /// Its keys and values as they are.
    pub fn entries(&self) -> impl Iterator<Item = (&'t str, &'t Spanned<DeValue<'i>>)> {
        self.table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), value))
    }

    /// Ends the reading: every key that was not asked for is a fault.
    pub fn done(self, file: &mut File<'_>) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !self.taken.contains(&name) {
                let known = self.taken.join("`, `");
                file.fault(
                    key.span(),
                    format!("unknown key `{name}`; known here: `{known}`"),
                );
            }
        }
    }
}

fn as_table<'t, 'i>(
    file: &mut File<'_>,
    value: &'t Spanned<DeValue<'i>>,
    key: &str,
) -> Option<Table<'t, 'i>> {
    if let DeValue::Table(table) = value.get_ref() {
        return Some(Table::new(table, value.span()));
    }
    file.fault(value.span(), format!("`{key}` must be a table"));
    None
}

/// A value that must be a text.
pub fn text(file: &mut File<'_>, value: &Spanned<DeValue<'_>>) -> Option<String> {
    let text = value.get_ref().as_str().map(str::to_owned);
    if text.is_none() {
        file.fault(
            value.span(),
            format!("a text is expected, not {}", value.get_ref().type_str()),
        );
    }
    text
}

fn parse_duration(text: &str) -> Option<u64> {
    const LONGEST_MS: f64 = 30.0 * 86_400_000.0;
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text[..unit_at].trim().parse().ok()?;
    let factor = match &text[unit_at..] {
        "ms" => 1.0,
        "s" => 1e3,
        "m" | "min" => 6e4,
        "h" => 3.6e6,
        "d" => 8.64e7,
        _ => return None,
    };
    let ms = number * factor;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked"
    )]
    (0.0..=LONGEST_MS).contains(&ms).then(|| ms.round() as u64)
}
