//! A file of nothing beside the spool. A start on a full disk throws it away: opening a spool
//! takes some room, though the spool itself may have plenty of it inside.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

const NAME: &str = "spool.ballast";
/// For the journal, until it is folded into the spool for the first time.
const BYTES: usize = 4 << 20;
/// It is laid down only where this many times its size is free.
const SHARE: u64 = 8;

/// Lays it down, if there is room and it is not there.
///
/// # Errors
/// When it cannot be written; none is left then.
pub fn lay(dir: &Path) -> io::Result<()> {
    let path = dir.join(NAME);
    let is_there = fs::metadata(&path).is_ok_and(|file| file.len() == BYTES as u64);
    let free = fenghuo_log::free_bytes(dir).map_err(io::Error::other)?;
    if is_there || free < SHARE * BYTES as u64 {
        return Ok(());
    }
    // No zeros: a file system may write no block for those.
    let bytes = vec![0xa5; 64 << 10];
    let written = File::create(&path).and_then(|mut file| {
        (0..BYTES / bytes.len()).try_for_each(|_| file.write_all(&bytes))?;
        file.sync_all()
    });
    if written.is_err() {
        throw(dir);
    }
    written
}

/// Throws it away; whether there was any.
pub fn throw(dir: &Path) -> bool {
    fs::remove_file(dir.join(NAME)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_room_and_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!throw(dir.path()));
        lay(dir.path()).unwrap();
        lay(dir.path()).unwrap();
        let file = fs::metadata(dir.path().join(NAME)).unwrap();
        assert_eq!(file.len(), BYTES as u64);
        assert!(throw(dir.path()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
