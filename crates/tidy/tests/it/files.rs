//! What a source file must and must not have.

use super::{files, root, short};

/// Longer files are looked at again. Tests and golden files are read otherwise.
const LINES_MAX: usize = 600;

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<_> = files(".rs")
        .into_iter()
        .filter(|path| !short(path).ends_with("tests.rs") && !short(path).contains("/tests/"))
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            !text.trim_start().starts_with("//!")
        })
        .map(|path| short(&path))
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:#?}");
}

#[test]
fn files_stay_small_rooms() {
    let mut sizes: Vec<_> = files(".rs")
        .into_iter()
        .filter(|path| !short(path).contains("tests"))
        .map(|path| {
            (
                std::fs::read_to_string(&path).unwrap().lines().count(),
                short(&path),
            )
        })
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    for (lines, name) in sizes.iter().take(5) {
        println!("{lines:5} {name}");
    }
    let large: Vec<_> = sizes
        .iter()
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(large.is_empty(), "over {LINES_MAX} lines: {large:#?}");
}

#[test]
fn pure_crates_ask_neither_clock_nor_chance_nor_disk() {
    const BANNED: &[&str] = &[
        "std::time::Instant",
        "SystemTime",
        "std::fs",
        "std::net",
        "std::thread",
        "HashMap",
        "HashSet",
        "std::env",
    ];
    for name in ["model", "uplink", "engine"] {
        for path in files(".rs") {
            let short = short(&path);
            if !short.starts_with(&format!("crates/{name}/src")) || short.contains("tests") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for word in BANNED {
                assert!(!text.contains(word), "{short} is pure and has {word}");
            }
        }
    }
}

#[test]
fn no_folder_has_a_mod_rs_and_nothing_is_left_undone() {
    // Written apart, so that this file does not find itself.
    let undone = [
        concat!("todo", "!("),
        concat!("unimpl", "emented!("),
        concat!("FIX", "ME"),
    ];
    for path in files(".rs") {
        assert!(!path.ends_with("mod.rs"), "{}", short(&path));
        let text = std::fs::read_to_string(&path).unwrap();
        for word in undone {
            assert!(!text.contains(word), "{} has {word}", short(&path));
        }
    }
}

#[test]
fn the_documents_name_every_crate() {
    for readme in ["README.md", "README.zh-CN.md"] {
        let text = std::fs::read_to_string(root().join(readme)).unwrap();
        for entry in std::fs::read_dir(root().join("crates")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                text.contains(&format!("{name}/")),
                "{readme}'s code map lacks {name}/"
            );
        }
    }
}
