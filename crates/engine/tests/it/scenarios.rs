//! Runs every scenario file of the engine and of the packs. `UPDATE=1` writes what came into
//! the files, for a person to check.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fenghuo_engine::scenario::{Outcome, Script};

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["tests/scenarios", "../../config/packs/tests"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
            continue;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "txt")));
    }
    found.sort();
    found
}

/// Runs a file; returns how many scenarios it has and what failed.
fn run(path: &Path, update: bool) -> (usize, String) {
    let name = path.file_name().unwrap().to_string_lossy();
    let text = std::fs::read_to_string(path).unwrap();
    let script = match Script::parse(&name, &text) {
        Ok(script) => script,
        Err(faults) => {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            return (0, faults.join("\n"));
        }
    };
    let folder = path.parent().unwrap();
    let load = |rules: &str| {
        std::fs::read_to_string(folder.join(rules)).map_err(|error| format!("{rules}: {error}"))
    };
    let outcomes: Vec<Outcome> = script
        .scenarios()
        .iter()
        .map(|scenario| script.run(scenario, &load))
        .collect();
    if update {
        std::fs::write(path, script.updated(&outcomes)).unwrap();
    }
    let mut failed = String::new();
    for (scenario, outcome) in script.scenarios().iter().zip(&outcomes) {
        let diff = if update { &[] } else { outcome.diff.as_slice() };
        if diff.is_empty() && outcome.problems.is_empty() {
            continue;
        }
        writeln!(failed, "{name}:{}: {}", scenario.line(), scenario.name()).unwrap();
        for line in outcome.problems.iter().chain(diff) {
            writeln!(failed, "    {line}").unwrap();
        }
    }
    (outcomes.len(), failed)
}

#[test]
fn every_scenario_gives_what_it_says() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let (mut count, mut failed) = (0, String::new());
    let files = files();
    for path in &files {
        let (scenarios, text) = run(path, update);
        count += scenarios;
        failed.push_str(&text);
    }
    println!("{count} scenarios in {} files", files.len());
    assert!(failed.is_empty(), "\n{failed}");
    assert!(count >= 220, "only {count} scenarios were found");
}
