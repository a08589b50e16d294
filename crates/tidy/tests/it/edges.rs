//! Who may know whom: a new edge between crates is a reviewed change of this table.

use std::collections::BTreeMap;

/// Crate, and the crates of the house that it may know.
const EDGES: &[(&str, &[&str])] = &[
    ("fenghuo-model", &[]),
    ("fenghuo-log", &[]),
    ("fenghuo-console", &[]),
    ("fenghuo-tidy", &[]),
    ("fenghuo-uplink", &["fenghuo-model"]),
    ("fenghuo-engine", &["fenghuo-model"]),
    ("fenghuo-history", &["fenghuo-model"]),
    ("fenghuo-simulators", &["fenghuo-model"]),
    ("fenghuo-broker", &["fenghuo-uplink"]),
    (
        "fenghuo-collector",
        &["fenghuo-log", "fenghuo-model", "fenghuo-uplink"],
    ),
    (
        "fenghuo",
        &[
            "fenghuo-broker",
            "fenghuo-console",
            "fenghuo-engine",
            "fenghuo-history",
            "fenghuo-log",
            "fenghuo-model",
            "fenghuo-uplink",
        ],
    ),
];

/// They may know all, and nobody knows them.
const TESTERS: &[&str] = &["fenghuo-benches", "fenghuo-e2e"];

fn manifests() -> BTreeMap<String, toml::Table> {
    super::files("Cargo.toml")
        .iter()
        .map(|path| {
            let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            (table["package"]["name"].as_str().unwrap().to_owned(), table)
        })
        .collect()
}

fn dependencies<'a>(table: &'a toml::Table, section: &str) -> Vec<&'a str> {
    let names = table.get(section).and_then(toml::Value::as_table);
    names
        .map(|names| names.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

#[test]
fn crates_know_only_whom_the_table_allows() {
    for (name, table) in manifests() {
        if TESTERS.contains(&name.as_str()) {
            continue;
        }
        let (_, allowed) = EDGES
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| {
                panic!("{name} is not in the table of edges");
            });
        for other in dependencies(&table, "dependencies") {
            if other == "fenghuo" || other.starts_with("fenghuo-") {
                assert!(allowed.contains(&other), "{name} may not know {other}");
            }
        }
    }
}

#[test]
fn pure_crates_have_no_runtime_disk_or_log() {
    const BANNED: &[&str] = &[
        "tokio",
        "rusqlite",
        "tracing",
        "log",
        "rand",
        "getrandom",
        "reqwest",
    ];
    let manifests = manifests();
    for name in ["fenghuo-model", "fenghuo-uplink", "fenghuo-engine"] {
        for other in dependencies(&manifests[name], "dependencies") {
            assert!(
                !BANNED.contains(&other),
                "{name} is pure and may not use {other}"
            );
        }
    }
}
