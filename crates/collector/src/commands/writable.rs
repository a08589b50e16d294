//! Whether a spool could be kept in a folder, found out by trying. Leaves nothing behind:
//! a folder made here would belong to whoever checks, not to whoever runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::spool::FILE;

/// Makes the folder if need be, writes a file in it, and takes both away again.
///
/// # Errors
/// The first thing that did not work, in the system's words.
pub fn try_folder(dir: &Path) -> io::Result<()> {
    let made = missing(dir);
    let tried = fs::create_dir_all(dir).and_then(|()| try_files(dir));
    for folder in made.iter().filter(|folder| folder.exists()) {
        if let Err(error) = fs::remove_dir(folder) {
            tracing::debug!(folder = %folder.display(), %error, "a folder is left behind");
        }
    }
    tried
}

/// Whether there was no room, and nothing else amiss.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// The folders that are not there yet, innermost first.
fn missing(dir: &Path) -> Vec<PathBuf> {
    dir.ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .map(Path::to_owned)
        .collect()
}

fn try_files(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!(".check-{}", std::process::id()));
    let written = File::create_new(&path).and_then(|mut file| {
        file.write_all(b"fenghuo")?;
        file.sync_all()
    });
    if written.is_ok() || path.exists() {
        fs::remove_file(&path)?;
    }
    written?;
    // A spool that another user began may not be ours to write.
    match OpenOptions::new().append(true).open(dir.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_tried_and_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("a/b"));
        try_folder(&b).unwrap();
        assert!(!a.exists());
        fs::create_dir(&a).unwrap();
        try_folder(&a).unwrap();
        assert_eq!(fs::read_dir(&a).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        try_folder(&file.join("spool")).unwrap_err();
        try_folder(&file).unwrap_err();
        assert_eq!(fs::read_to_string(&file).unwrap(), "x");
        fs::create_dir_all(dir.path().join("s").join(FILE)).unwrap();
        try_folder(&dir.path().join("s")).unwrap_err();
    }
}
