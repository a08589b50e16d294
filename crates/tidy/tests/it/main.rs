//! The rules of the house that clippy cannot say, as tests over the source tree.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the tree has failed"
)]

mod edges;
mod files;
mod promises;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Every file below the workspace's source folders whose name ends so.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for top in ["crates", "simulators", "benches"] {
        walk(&root().join(top), ending, &mut found);
    }
    found.sort();
    assert!(found.len() > 10, "the walk found too little");
    found
}

fn walk(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !["node_modules", "target", "dist"].contains(&name) {
                walk(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// A path as a reader writes it.
fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}
