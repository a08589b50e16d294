//! A few connections to the journal, shared by all requests.
//!
//! A read blocks, so it runs outside the runtime's threads; [`READERS_MAX`] of them run at
//! once, the others wait, and one that waits longer than [`WAIT_MAX`] is refused. A reader
//! whose read failed is thrown away: the next one opens the file anew.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::ApiError;
use crate::journal::{JournalError, JournalReader};

/// Most reads of the journal at once.
pub const READERS_MAX: usize = 4;
/// Longest wait for one's turn.
pub const WAIT_MAX: Duration = Duration::from_secs(5);

/// The pool. Opens nothing before it is used.
#[derive(Debug)]
pub struct JournalPool {
    path: PathBuf,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<JournalReader>>>,
}

impl JournalPool {
    /// For the journal in this file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            turns: Arc::new(Semaphore::new(READERS_MAX)),
            idle: Arc::default(),
        }
    }

    /// Reads, when it is its turn.
    ///
    /// # Errors
    /// [`ApiError::Busy`] when its turn does not come, else what the read said.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&JournalReader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(ApiError::Busy);
        };
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = match kept {
                Some(reader) => reader,
                None => JournalReader::open(&path)?,
            };
            let answer = read(&reader)?;
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(reader);
            // The turn ends with the read, even when the client is gone before.
            drop(turn);
            Ok::<_, JournalError>(answer)
        });
        Ok(task.await??)
    }
}
