//! Snapshots of the engine on disk.
//!
//! A file is its CRC-32C (4 bytes little endian) and the engine's bytes; its name is the
//! position after which it was taken. It is written beside its place, synced and renamed, so
//! a torn one is never read under its name. The log may be trimmed below the oldest one kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fenghuo_engine::Engine;

/// Where snapshots are, and how many stay.
#[derive(Clone, Debug)]
pub struct Snapshots {
    dir: PathBuf,
    keep: usize,
}

/// What was found at start.
#[derive(Debug, Default)]
pub struct Found {
    /// The newest snapshot that can be used.
    pub engine: Option<Engine>,
    /// Files that cannot, and why.
    pub faults: Vec<String>,
}

impl Snapshots {
    /// Snapshots in a folder, which is created.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn open(dir: &Path, keep: usize) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
            keep: keep.max(1),
        })
    }

    /// Positions of the files, newest first.
    fn positions(&self) -> io::Result<Vec<u64>> {
        let mut positions = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let position = name
                .to_str()
                .and_then(|name| name.strip_suffix(".snapshot"));
            positions.extend(position.and_then(|position| position.parse::<u64>().ok()));
        }
        positions.sort_unstable_by(|a, b| b.cmp(a));
        Ok(positions)
    }

    fn path(&self, position: u64) -> PathBuf {
        self.dir.join(format!("{position:020}.snapshot"))
    }

    /// The newest snapshot that can be read; older ones are tried when it cannot.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest(&self) -> io::Result<Found> {
        let mut found = Found::default();
        for position in self.positions()? {
            match read(&self.path(position)) {
                Ok(engine) => {
                    found.engine = Some(engine);
                    break;
                }
                Err(what) => found
                    .faults
                    .push(format!("{}: {what}", self.path(position).display())),
            }
        }
        Ok(found)
    }

    /// The newest snapshot at or before a position that can be read.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn at_or_before(&self, position: u64) -> io::Result<Option<Engine>> {
        let positions = self.positions()?.into_iter();
        let mut older = positions.filter(|it| *it <= position);
        Ok(older.find_map(|position| read(&self.path(position)).ok()))
    }

    /// The position of the newest file.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest_position(&self) -> io::Result<Option<u64>> {
        Ok(self.positions()?.first().copied())
    }

    /// The position of the oldest file kept: the log is needed from there on.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn oldest(&self) -> io::Result<Option<u64>> {
        Ok(self.positions()?.last().copied())
    }

    /// The oldest snapshot kept, read.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn oldest_engine(&self) -> io::Result<Option<Engine>> {
        let oldest = self.oldest()?;
        oldest
            .map(|position| read(&self.path(position)).map_err(io::Error::other))
            .transpose()
    }

    /// Writes a snapshot and removes those that are too many. Answers its size in bytes.
    ///
    /// # Errors
    /// When it cannot be written; those before it stay then.
    pub fn write(&self, engine: &Engine) -> io::Result<usize> {
        let bytes = engine.snapshot().map_err(io::Error::other)?;
        let path = self.path(engine.position());
        let beside = path.with_extension("tmp");
        let mut file = File::create(&beside)?;
        file.write_all(&crc32c::crc32c(&bytes).to_le_bytes())?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(&self.dir)?.sync_all()?;
        for position in self.positions()?.into_iter().skip(self.keep) {
            fs::remove_file(self.path(position))?;
        }
        Ok(bytes.len())
    }
}

fn read(path: &Path) -> Result<Engine, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let (crc, body) = bytes.split_first_chunk::<4>().ok_or("too short")?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Err("the checksum does not fit".to_owned());
    }
    Engine::restore(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_snapshot_falls_back_to_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(dir.path(), 2).unwrap();
        let mut engine = Engine::default();
        for position in 1..=3 {
            let at = fenghuo_model::Timestamp::from_millis(1);
            engine.apply(
                position,
                fenghuo_engine::Input::Started(at),
                &mut Vec::new(),
            );
            snapshots.write(&engine).unwrap();
        }
        assert_eq!(snapshots.oldest().unwrap(), Some(2));
        fs::write(snapshots.path(3), b"torn").unwrap();
        let found = snapshots.newest().unwrap();
        assert_eq!(found.engine.unwrap().position(), 2);
        assert_eq!(found.faults.len(), 1);
    }
}
