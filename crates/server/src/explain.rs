//! Why, and why not: asked of the running judge, of a past instant, or of one occurrence.
//!
//! A question about now goes to the judge through a bounded queue and is answered between
//! two batches from the state that decides ([`Questions::answer`]). A question about the
//! past is folded apart ([`past`]), one at a time in a server. An occurrence is told from
//! the journal ([`occurrence`]).

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use fenghuo_engine::Engine;
use fenghuo_engine::explain::Explanation;
use fenghuo_history::History;
use fenghuo_log::Head;
use fenghuo_model::PointRef;
use tokio::sync::{Semaphore, oneshot};

use crate::serve::Files;

pub mod command;
pub mod occurrence;
pub mod past;
mod print;
pub mod view;

/// Most questions that wait.
pub const WAITING_MAX: usize = 16;
/// Most questions answered between two batches.
const AT_ONCE: usize = 4;

/// What the judge knows, and up to which log position.
pub type Answer = (u64, Vec<Explanation>);

/// A question for the judge.
#[derive(Debug)]
struct Question {
    rule: String,
    point: PointRef,
    answer: oneshot::Sender<Answer>,
}

/// The judge's end of the queue.
#[derive(Debug)]
pub struct Questions(Receiver<Question>);

impl Default for Questions {
    /// Nobody asks.
    fn default() -> Self {
        Self(sync_channel(0).1)
    }
}

impl Questions {
    /// Answers a few that wait, from the state as it is.
    pub fn answer(&self, engine: &Engine) {
        for question in self.0.try_iter().take(AT_ONCE) {
            let said = engine.explain(&question.rule, &question.point);
            // Who asked may be gone.
            drop(question.answer.send((engine.position(), said)));
        }
    }
}

/// Where questions are asked.
#[derive(Clone)]
pub struct Desk {
    questions: SyncSender<Question>,
    /// Wakes a judge that waits for the log.
    head: Option<Head>,
    /// The stores.
    pub files: Files,
    /// The samples.
    pub history: History,
    /// The past is folded for one at a time.
    pub past: Arc<Semaphore>,
}

impl Desk {
    /// A desk, and the judge's end of it.
    #[must_use]
    pub fn new(files: &Files, history: &History, head: Option<Head>) -> (Self, Questions) {
        let (questions, received) = sync_channel(WAITING_MAX);
        let desk = Self {
            questions,
            head,
            files: files.clone(),
            history: history.clone(),
            past: Arc::new(Semaphore::new(1)),
        };
        (desk, Questions(received))
    }

    /// Asks the judge; none when too many wait already, or it is gone.
    #[must_use]
    pub fn ask(&self, rule: &str, point: &PointRef) -> Option<oneshot::Receiver<Answer>> {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            rule: rule.to_owned(),
            point: point.clone(),
            answer,
        };
        match self.questions.try_send(question) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return None,
        }
        if let Some(head) = &self.head {
            head.wake();
        }
        Some(answered)
    }
}

#[cfg(test)]
mod tests;
