//! The record: what the faces gave to whoever asked, as JSON lines, for tests to compare
//! with what arrived at the other end.
//!
//! One line a point: `{"time":ms,"plant":..,"point":..,"words":[..],"value":..}`; for a
//! published value `device` stands in place of `words`. Modbus answers are recorded just
//! before they are sent, so the record holds all that a reader can have got, and perhaps a
//! little more. The queue is bounded: a slow disk slows the faces. The file is bounded
//! too: at its limit a last line `{"end":"size"}` is written and the record stops.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::plant::PlantKind;

/// Entries that wait for the disk.
const QUEUE: usize = 4_096;
/// The default limit of a record.
pub const BYTES_MAX_DEFAULT: u64 = 256 << 20;
const END: &str = "{\"end\":\"size\"}\n";

/// Why a record failed.
#[derive(Debug, thiserror::Error)]
#[error("record {path}: {source}")]
pub struct RecordError {
    path: PathBuf,
    source: io::Error,
}

/// Where the faces write; cheap to clone. The record ends when the last clone is gone.
#[derive(Debug, Clone)]
pub struct Recorder(mpsc::Sender<Value>);

/// The thread that writes; join it to know how the record ended.
#[derive(Debug)]
pub struct Record(JoinHandle<Result<u64, RecordError>>);

/// Opens a record for appending.
///
/// # Errors
/// When the file cannot be opened.
pub fn open(path: &Path, bytes_max: u64) -> Result<(Recorder, Record), RecordError> {
    let failed = |source| RecordError {
        path: path.to_owned(),
        source,
    };
    let file = File::options().create(true).append(true).open(path);
    let file = file.map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let (sender, receiver) = mpsc::channel(QUEUE);
    let path = path.to_owned();
    let thread = std::thread::spawn(move || {
        let written = write_all(file, size, bytes_max, receiver);
        written.map_err(|source| {
            tracing::error!(path = %path.display(), %source, "the record is incomplete");
            RecordError { path, source }
        })
    });
    Ok((Recorder(sender), Record(thread)))
}

impl Recorder {
    /// Records a point's words as they are answered.
    pub async fn words(
        &self,
        time_ms: u64,
        (plant, key): (PlantKind, &str),
        words: &[u16],
        value: Value,
    ) {
        let line = json!({
            "time": time_ms, "plant": plant.name(), "point": key, "words": words, "value": value,
        });
        self.put(line).await;
    }

    /// Records a value as a device publishes it.
    pub async fn published(
        &self,
        time_ms: u64,
        (plant, key): (PlantKind, &str),
        device: &str,
        value: Value,
    ) {
        let line = json!({
            "time": time_ms, "plant": plant.name(), "point": key, "device": device, "value": value,
        });
        self.put(line).await;
    }

    async fn put(&self, line: Value) {
        if self.0.send(line).await.is_err() {
            // The writer has said why it ended.
            tracing::debug!("the record has ended");
        }
    }
}

impl Record {
    /// Waits until everything is written; returns the lines of this run.
    ///
    /// # Errors
    /// When the disk refused something.
    pub fn finish(self) -> Result<u64, RecordError> {
        match self.0.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn write_all(
    file: File,
    mut size: u64,
    bytes_max: u64,
    mut lines: mpsc::Receiver<Value>,
) -> io::Result<u64> {
    let mut out = BufWriter::new(file);
    let mut count = 0;
    while let Some(line) = lines.blocking_recv() {
        let mut text = line.to_string();
        text.push('\n');
        size += text.len() as u64;
        if size + END.len() as u64 > bytes_max {
            out.write_all(END.as_bytes())?;
            tracing::warn!(bytes_max, "the record is full and stops");
            break;
        }
        out.write_all(text.as_bytes())?;
        count += 1;
        if lines.is_empty() {
            out.flush()?;
        }
    }
    out.flush()?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_record_says_so_and_stops() {
        let name = format!("fenghuo-record-{}.jsonl", std::process::id());
        let path = std::env::temp_dir().join(name);
        let (recorder, record) = open(&path, 400).unwrap();
        for at in 0..20 {
            recorder
                .words(
                    at,
                    (PlantKind::TankFarm, "T-101.level"),
                    &[1, 2],
                    json!(1.5),
                )
                .await;
        }
        drop(recorder);
        let count = record.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(text.len() <= 400 && text.ends_with(END), "{text}");
        assert_eq!(text.lines().count() as u64, count + 1);
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(first["words"], json!([1, 2]));
        assert_eq!(first["plant"], "tank-farm");
    }
}
