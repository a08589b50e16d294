//! Ending one source while the others go on.
//!
//! What must stay true: what a source has read is handed on, whenever it is asked to end. It
//! ends only while it waits for a device or for the time, and never with samples in its hands.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::sync::oneshot;

use super::{Closed, Outlet};

/// Whoever holds this keeps a source running; dropping it asks the source to end.
#[derive(Debug)]
pub struct Stop(#[expect(dead_code, reason = "it is there to be dropped")] oneshot::Sender<()>);

/// The source's side of it.
#[derive(Debug)]
pub struct Asked(oneshot::Receiver<()>);

/// Both sides.
#[must_use]
pub fn pair() -> (Stop, Asked) {
    let (stop, asked) = oneshot::channel();
    (Stop(stop), Asked(asked))
}

/// Works until asked to end.
///
/// # Errors
/// [`Closed`] when the work ended because there is no batcher any more.
pub async fn until_asked(
    out: &Outlet,
    mut asked: Asked,
    work: impl Future<Output = Result<(), Closed>>,
) -> Result<(), Closed> {
    let mut work = pin!(work);
    let mut is_asked = false;
    poll_fn(|context| {
        // First, so that what is waited for below is the device, the time, or the batcher.
        if let Poll::Ready(ended) = work.as_mut().poll(context) {
            return Poll::Ready(ended);
        }
        is_asked = is_asked || Pin::new(&mut asked.0).poll(context).is_ready();
        if is_asked && !out.hands_over() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fenghuo_model::{Reason, Timestamp};
    use tokio::sync::mpsc;

    use super::super::{Report, SourceId, bad};
    use super::*;
    use crate::status::Status;

    /// The batcher takes nothing for a while: two readings are under way when the source is
    /// asked to end, and both come; a third is never begun.
    #[tokio::test]
    async fn what_was_read_is_handed_on_before_the_end() {
        let (reports, mut inbox) = mpsc::channel(1);
        let out = Outlet::new(SourceId(1), reports, Status::default().source("plc"));
        let (stop, asked) = pair();
        let sender = out.clone();
        let work = async move {
            let mut number = 0;
            loop {
                // One reply is two reports, as that of a line whose state has changed.
                for _ in 0..2 {
                    let sample = bad(Timestamp::from_millis(5), Reason::Timeout);
                    sender.reads(vec![(number, sample)].into()).await?;
                    number += 1;
                }
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        };
        let source = tokio::spawn(async move { until_asked(&out, asked, work).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(stop);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!source.is_finished(), "a reading would be lost");
        let mut came = Vec::new();
        while let Some(Report::Reads(_, reads)) = inbox.recv().await {
            came.extend(reads.samples.into_iter().map(|(number, _)| number));
        }
        assert_eq!(came, [0, 1]);
        source.await.unwrap().unwrap();
    }
}
