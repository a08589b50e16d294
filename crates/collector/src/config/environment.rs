//! The layer above the file: settings from environment variables.

use std::collections::BTreeMap;

use super::problem::Collector;

/// What the variables' names start with.
pub const PREFIX: &str = "FENGHUO_COLLECTOR";

/// Settings that a variable may give, as the file would name them.
const SETTINGS: [&str; 4] = [
    "spool.dir",
    "spool.budget_mb",
    "spool.flush_ms",
    "status.listen",
];
/// Settings of a destination: `destination.<key>` where there is one,
/// `destination.<name>.<key>` where there are more.
const OF_DESTINATION: [&str; 7] = [
    "url",
    "username",
    "password",
    "password_file",
    "ca_file",
    "cert_file",
    "key_file",
];

/// The settings that the environment gives.
#[derive(Debug)]
pub struct Environment<'t> {
    settings: config::Config,
    problems: &'t Collector<'t>,
}

fn variable(setting: &str) -> String {
    let name = setting.replace('.', "__").replace('-', "_");
    format!("{PREFIX}_{}", name.to_uppercase())
}

/// Every setting that may be given with these destinations.
fn settings(destinations: &[String]) -> Vec<String> {
    let general = SETTINGS.map(str::to_owned).into_iter();
    let of = |prefix: String| OF_DESTINATION.map(|key| format!("{prefix}.{key}"));
    let alone = (destinations.len() < 2).then(|| of("destination".to_owned()));
    let named = destinations
        .iter()
        .map(|name| of(format!("destination.{name}")));
    general
        .chain(alone.into_iter().chain(named).flatten())
        .collect()
}

impl<'t> Environment<'t> {
    /// Looks at the variables with our prefix; unknown ones are problems.
    #[must_use]
    pub fn new(
        variables: &BTreeMap<String, String>,
        destinations: &[String],
        problems: &'t Collector<'t>,
    ) -> Self {
        let known: Vec<String> = settings(destinations)
            .iter()
            .map(|it| variable(it))
            .collect();
        let ours = variables
            .iter()
            .filter(|(name, _)| name.starts_with(&format!("{PREFIX}_")));
        for (name, _) in ours.clone() {
            if known.contains(name) {
                continue;
            }
            let is_nameless = settings(&[])
                .iter()
                .any(|setting| variable(setting) == **name);
            let what = if is_nameless {
                "is for one destination, and there are more: `.._DESTINATION__<NAME>__..`"
            } else {
                "is not a known variable"
            };
            problems.note(None, name.clone(), what);
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

    /// The settings of one destination.
    #[must_use]
    pub fn destination(&self, name: &str) -> OfDestination<'_> {
        OfDestination {
            environment: self,
            name: name.replace('-', "_"),
        }
    }

    /// Notes a problem of a variable.
    pub fn problem(&self, setting: &str, what: impl Into<String>) {
        self.problems.note(None, variable(setting), what);
    }
}

/// What the environment says of one destination. A variable with its name goes before one
/// without.
#[derive(Debug)]
pub struct OfDestination<'e> {
    environment: &'e Environment<'e>,
    name: String,
}

impl OfDestination<'_> {
    fn find(&self, key: &str) -> Option<(String, String)> {
        let settings = [
            format!("destination.{}.{key}", self.name),
            format!("destination.{key}"),
        ];
        settings.into_iter().find_map(|setting| {
            let text = self.environment.text(&setting)?;
            Some((setting, text))
        })
    }

    /// A setting as text, if a variable gives it.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.find(key).map(|(_, text)| text)
    }

    /// Notes a problem of a variable that gives a setting.
    pub fn problem(&self, key: &str, what: impl Into<String>) {
        if let Some((setting, _)) = self.find(key) {
            self.environment.problem(&setting, what);
        }
    }
}
