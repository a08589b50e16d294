//! Snapshots of the engine on disk.
//!
//! A file is its CRC-32C (4 bytes little endian) and the engine's bytes; its name is the
//! position after which it was taken. It is written beside its place, synced and renamed, so
//! a torn one is never read under its name. The log may be trimmed below the oldest one kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fenghuo_engine::{Engine, SnapshotError};

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
    /// The version that wrote the newest snapshot, when it is not this one: what comes after
    /// it was judged by that version.
    pub other: Option<u32>,
    /// Files that cannot, and why.
    pub faults: Vec<String>,
}

/// Why a file cannot be used.
enum Unusable {
    /// Another version wrote it.
    Other(u32),
    /// It is damaged.
    Damaged(String),
}

impl Unusable {
    fn what(&self) -> String {
        match self {
            Self::Other(version) => SnapshotError::Version(*version).to_string(),
            Self::Damaged(what) => what.clone(),
        }
    }
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

    /// The newest snapshot that can be read; older ones are tried when it is damaged.
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
                Err(Unusable::Other(version)) => {
                    found.other = Some(version);
                    break;
                }
                Err(Unusable::Damaged(what)) => found
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
            .map(|position| {
                read(&self.path(position)).map_err(|error| io::Error::other(error.what()))
            })
            .transpose()
    }

    /// Writes a snapshot and removes those that are too many. Answers its size in bytes.
    ///
    /// # Errors
    /// When it cannot be written; those before it stay then.
    pub fn write(&self, engine: &Engine) -> io::Result<usize> {
        let size = self.put(engine)?;
        let positions = self.positions()?;
        for position in positions.iter().skip(self.keep) {
            fs::remove_file(self.path(*position))?;
        }
        if positions.len() >= self.keep {
            self.forget_others()?;
        }
        Ok(size)
    }

    /// Writes the first snapshot of this version, and puts those of others aside: who goes
    /// back to the program before finds them until the log no longer reaches them.
    ///
    /// # Errors
    /// When it cannot be written; all others stay as they are then.
    pub fn take_over(&self, engine: &Engine) -> io::Result<()> {
        let mut others = Vec::new();
        for position in self.positions()? {
            if let Err(Unusable::Other(version)) = read(&self.path(position)) {
                let aside = self.path(position).with_extension(aside(version));
                fs::copy(self.path(position), aside)?;
                others.push(position);
            }
        }
        self.put(engine)?;
        for position in others.into_iter().filter(|it| *it != engine.position()) {
            fs::remove_file(self.path(position))?;
        }
        Ok(())
    }

    /// Removes what was put aside.
    fn forget_others(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let ending = path.extension().and_then(|it| it.to_str());
            if ending.is_some_and(|ending| ending.starts_with(ASIDE)) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn put(&self, engine: &Engine) -> io::Result<usize> {
        let bytes = engine.snapshot().map_err(io::Error::other)?;
        let path = self.path(engine.position());
        let beside = path.with_extension("tmp");
        let mut file = File::create(&beside)?;
        file.write_all(&crc32c::crc32c(&bytes).to_le_bytes())?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(bytes.len())
    }
}

/// How the endings of files that were put aside begin.
const ASIDE: &str = "snapshot-v";

fn aside(version: u32) -> String {
    format!("{ASIDE}{version}")
}

fn read(path: &Path) -> Result<Engine, Unusable> {
    let damaged = |what: &str| Unusable::Damaged(what.to_owned());
    let bytes = fs::read(path).map_err(|error| damaged(&error.to_string()))?;
    let (crc, body) = bytes
        .split_first_chunk::<4>()
        .ok_or_else(|| damaged("过短 too short"))?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Err(damaged("校验和不符 the checksum does not fit"));
    }
    Engine::restore(body).map_err(|error| match error {
        SnapshotError::Version(version) => Unusable::Other(version),
        SnapshotError::Damaged(what) => Unusable::Damaged(what),
    })
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
