//! Puts the page where the crate embeds it from: the built one if there is one, else a small page
//! that says how to build it, so that `cargo build` needs no Node.js.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Deepest folder copied; the built page has two levels.
const DEPTH_MAX: u32 = 8;

const NOT_BUILT: &str = r#"<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>烽火 Fenghuo</title></head>
<body>
<h1>烽火 Fenghuo</h1>
<p>本程序编译时没有控制室页面。请运行 <code>make console</code>（需要 Node.js），再重新编译。</p>
<p lang="en">This program was built without its control-room page. Run <code>make console</code>
(it needs Node.js) and build again.</p>
</body>
</html>
"#;

fn main() {
    if let Err(error) = prepare() {
        println!("cargo::error=cannot prepare the console's page: {error}");
    }
}

fn prepare() -> io::Result<()> {
    let crate_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let built = crate_dir.join("page").join("dist");
    let out = PathBuf::from(variable("OUT_DIR")?).join("page");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    println!("cargo::rerun-if-changed=build.rs");
    if built.join("index.html").is_file() {
        println!("cargo::rerun-if-changed=page/dist");
        copy(&built, &out, DEPTH_MAX)
    } else {
        // Not `page/dist` itself: a path that is missing would rebuild the crate every time.
        println!("cargo::rerun-if-changed=page");
        fs::write(out.join("index.html"), NOT_BUILT)
    }
}

fn copy(from: &Path, to: &Path, depth: u32) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other(format!(
            "{} lies too deep",
            from.display()
        )));
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target, depth - 1)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}
