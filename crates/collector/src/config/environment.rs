//! The layer above the file: settings from environment variables.

use std::collections::BTreeMap;

use super::problem::Collector;

/// What the variables' names start with.
pub const PREFIX: &str = "FENGHUO_COLLECTOR";

/// Settings that a variable may give, as the file would name them.
const SETTINGS: [&str; 11] = [
    "spool.dir",
    "spool.budget_mb",
    "spool.flush_ms",
    "destination.url",
    "destination.username",
    "destination.password",
    "destination.password_file",
    "destination.ca_file",
    "destination.cert_file",
    "destination.key_file",
    "status.listen",
];

/// The settings that the environment gives.
#[derive(Debug)]
pub struct Environment<'t> {
    settings: config::Config,
    problems: &'t Collector<'t>,
}

fn variable(setting: &str) -> String {
    format!("{PREFIX}_{}", setting.replace('.', "__").to_uppercase())
}

impl<'t> Environment<'t> {
    /// Looks at the variables with our prefix; unknown ones are problems.
    #[must_use]
    pub fn new(variables: &BTreeMap<String, String>, problems: &'t Collector<'t>) -> Self {
        let ours = variables
            .iter()
            .filter(|(name, _)| name.starts_with(&format!("{PREFIX}_")));
        for (name, _) in ours.clone() {
            if !SETTINGS.iter().any(|setting| variable(setting) == **name) {
                problems.note(None, name.clone(), "is not a known variable");
            }
        }
        let source = config::Environment::with_prefix(PREFIX)
            .prefix_separator("_")
            .separator("__")
            .source(Some(ours.map(|(k, v)| (k.clone(), v.clone())).collect()));
        let settings = config::Config::builder().add_source(source).build();
        Self {
            settings: settings.unwrap_or_else(|error| {
                problems.note(None, PREFIX.to_owned(), error.to_string());
                config::Config::default()
            }),
            problems,
        }
    }

    /// A setting as text, if a variable gives it.
    #[must_use]
    pub fn text(&self, setting: &str) -> Option<String> {
        self.settings.get_string(setting).ok()
    }

    /// A setting as a whole number within bounds, if a variable gives it.
    #[must_use]
    pub fn whole(&self, setting: &str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(setting)?;
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            let (low, high) = bounds.into_inner();
            self.problem(setting, format!("is `{text}`; {low} to {high} is allowed"));
        }
        number
    }

    /// Notes a problem of a variable.
    pub fn problem(&self, setting: &str, what: impl Into<String>) {
        self.problems.note(None, variable(setting), what);
    }
}
