//! Puts a fresh spool in the place of a damaged one.
//!
//! What must stay true, at whatever step the collector is killed:
//! - the damaged files stay where they are until the fresh spool is whole and on disk;
//! - from then on the next start goes on where this one was stopped, so nothing is rescued
//!   twice and no half of it is taken for all;
//! - the damaged files end in one folder, together.
//!
//! The fresh spool is built in [`UNFINISHED`]. Renaming that folder to [`FRESH`] says that it
//! is whole. The next start goes on with an unfinished one, as long as the damaged file is
//! there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fenghuo_log::LogError;
use serde::{Deserialize, Serialize};

use super::super::{BAD, FILE, SUSPECT};
use super::Rescue;

/// A fresh spool that is being built.
const UNFINISHED: &str = "spool.fresh.part";
/// One that is whole and goes to its place.
const FRESH: &str = "spool.fresh";
const NOTE: &str = "rescue.json";
/// The database, and what belongs to it; the database last, because what is beside it is
/// nothing without it.
const ENDINGS: [&str; 3] = ["-wal", "-shm", ""];

/// Called after each thing done on disk; an error ends the rescue there.
pub type After<'a> = &'a mut dyn FnMut() -> io::Result<()>;

/// What is to be said of a rescue, for the start that finishes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// The name of the folder that the damaged files go to.
    pub folder: String,
    /// What was wrong.
    pub what: String,
    /// Frames taken over.
    pub kept: u64,
    /// Frames known to be missing.
    pub lost: u64,
    /// Frames that there was no room for.
    #[serde(default)]
    pub left: u64,
}

/// Work in a spool's folder.
pub struct Swap<'a> {
    /// The spool's folder.
    pub dir: &'a Path,
    /// See [`After`].
    pub after: After<'a>,
}

impl Swap<'_> {
    /// The folder for the fresh spool, with what an earlier start has built of it. What was
    /// set aside before goes, so that it never fills the disk.
    ///
    /// # Errors
    /// When the folder cannot be changed.
    pub fn begin(&mut self) -> Result<PathBuf, LogError> {
        let unfinished = self.dir.join(UNFINISHED);
        let names = fs::read_dir(self.dir).map_err(|source| io_at(self.dir, source))?;
        for entry in names.flatten() {
            if entry.file_name().to_string_lossy().starts_with(BAD) {
                self.did(fs::remove_dir_all(entry.path()), &entry.path())?;
            }
        }
        self.did(fs::create_dir_all(&unfinished), &unfinished)?;
        Ok(unfinished)
    }

    /// What was built so far is of no use.
    ///
    /// # Errors
    /// When the folder cannot be changed.
    pub fn begin_anew(&mut self) -> Result<(), LogError> {
        let unfinished = self.dir.join(UNFINISHED);
        let emptied = remove_folder(&unfinished).and_then(|()| fs::create_dir(&unfinished));
        self.did(emptied, &unfinished)
    }

    /// Nothing is to be rescued any more.
    ///
    /// # Errors
    /// When the folder cannot be changed.
    pub fn give_up(&mut self) -> Result<(), LogError> {
        let unfinished = self.dir.join(UNFINISHED);
        if unfinished.exists() {
            self.did(remove_folder(&unfinished), &unfinished)?;
        }
        Ok(())
    }

    /// The fresh spool is whole and closed.
    ///
    /// # Errors
    /// When the folder cannot be changed, or the fresh spool was not closed in order.
    pub fn commit(&mut self, note: &Note) -> Result<(), LogError> {
        let unfinished = self.dir.join(UNFINISHED);
        let journal = unfinished.join(format!("{FILE}-wal"));
        if fs::metadata(&journal).is_ok_and(|journal| journal.len() > 0) {
            let source = io::Error::other("the fresh spool was not closed in order");
            return Err(io_at(&journal, source));
        }
        let path = unfinished.join(NOTE);
        let text = serde_json::to_vec(note).map_err(io::Error::from);
        let written = text.and_then(|text| {
            fs::write(&path, text)?;
            File::open(&path)?.sync_all()?;
            sync_folder(&unfinished)
        });
        self.did(written, &path)?;
        let fresh = self.dir.join(FRESH);
        let renamed = fs::rename(&unfinished, &fresh).and_then(|()| sync_folder(self.dir));
        self.did(renamed, &fresh)
    }

    /// Puts a whole fresh spool in its place, whichever start built it.
    ///
    /// # Errors
    /// When the folder cannot be changed.
    pub fn finish(&mut self) -> Result<Option<Rescue>, LogError> {
        let fresh = self.dir.join(FRESH);
        if !fresh.exists() {
            return Ok(None);
        }
        let note = fs::read(fresh.join(NOTE)).and_then(|text| Ok(serde_json::from_slice(&text)?));
        let note: Note = note.map_err(|source| io_at(&fresh, source))?;
        let folder = self.dir.join(&note.folder);
        if fresh.join(FILE).exists() {
            self.did(fs::create_dir_all(&folder), &folder)?;
            for ending in ENDINGS {
                let name = format!("{FILE}{ending}");
                let from = self.dir.join(&name);
                if from.exists() {
                    self.did(fs::rename(&from, folder.join(&name)), &from)?;
                }
            }
            self.did(sync_folder(self.dir), self.dir)?;
            let place = self.dir.join(FILE);
            let placed = fs::rename(fresh.join(FILE), &place).and_then(|()| sync_folder(self.dir));
            self.did(placed, &place)?;
        }
        let suspect = self.dir.join(SUSPECT);
        if suspect.exists() {
            self.did(fs::remove_file(&suspect), &suspect)?;
        }
        // Removed under the other name: half of it must not be taken for a whole one.
        let unfinished = self.dir.join(UNFINISHED);
        let renamed = fs::rename(&fresh, &unfinished).and_then(|()| sync_folder(self.dir));
        self.did(renamed, &fresh)?;
        self.did(remove_folder(&unfinished), &unfinished)?;
        Ok(Some(Rescue {
            folder,
            what: note.what,
            kept: note.kept,
            lost: note.lost,
            left: note.left,
        }))
    }

    fn did(&mut self, done: io::Result<()>, path: &Path) -> Result<(), LogError> {
        done.and_then(|()| (self.after)())
            .map_err(|source| io_at(path, source))
    }
}

fn io_at(path: &Path, source: io::Error) -> LogError {
    let path = path.to_owned();
    match source.kind() {
        // It may pass, and the next try goes on from here.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LogError::Full { path },
        _ => LogError::Io { path, source },
    }
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Makes renames in a folder last.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
