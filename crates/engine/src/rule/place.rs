//! Where a rule, or a key of it, stands in the files: to show it once more when something is
//! found after they were read.

use toml::de::DeTable;

use super::table::{File, RuleFault, Table};

/// Says something of the first `[[table]]` whose `field` has a value: at `key`, where it has
/// that, and at the table otherwise.
#[must_use]
pub fn at(
    files: &[(String, String)],
    table: &'static str,
    (field, value): (&str, &str),
    key: &'static str,
    what: &str,
) -> Option<RuleFault> {
    files.iter().find_map(|(name, text)| {
        let root = DeTable::parse(text).ok()?;
        let mut file = File::new(name, text);
        let tables = Table::new(root.get_ref(), 0..0).tables(&mut file, table);
        let mut found = tables
            .into_iter()
            .find(|it| it.peek(field) == Some(value))?;
        let span = found.get(key).map_or(found.span(), toml::Spanned::span);
        file.fault(span, what);
        file.faults.pop()
    })
}
