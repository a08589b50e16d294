//! Where everything that wants into the log waits: three bounded queues.
//!
//! Control (acts, ticks, hellos, catalogs) goes first, then live frames, then backlog. A
//! full queue drops only what its sender will send again (frames, hellos, catalogs); acts
//! are refused to the person instead.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fenghuo_engine::Deed;
use fenghuo_model::GatewayKey;
use fenghuo_uplink::wire;
use prost::Message;
use tokio::sync::oneshot;

/// Most control messages that wait.
pub const CONTROL_MAX: usize = 10_000;
/// Of these, most that gateways may send: ticks and acts have room though all of them shout.
pub const TALK_MAX: usize = 9_000;
/// Most bytes of what gateways say that is not a frame.
pub const TALK_BYTES_MAX: usize = 64 << 20;
/// Most live frames that wait.
pub const LIVE_MAX: usize = 8_192;
/// Most bytes of live frames that wait.
pub const LIVE_BYTES_MAX: usize = 64 << 20;
/// Most backlog frames that wait.
pub const BACKLOG_MAX: usize = 1_024;
/// Most bytes of backlog frames that wait.
pub const BACKLOG_BYTES_MAX: usize = 32 << 20;

/// A frame in its envelope, opened as far as the queues need.
#[derive(Debug)]
pub struct Arrived {
    /// Whose it is, by its topic.
    pub gateway: GatewayKey,
    /// The envelope.
    pub envelope: wire::Envelope,
    /// When it came, by the server's clock.
    pub received: i64,
}

/// What came by MQTT that is not a frame.
#[derive(Debug)]
pub enum Talk {
    /// The payload of a hello.
    Hello(Bytes),
    /// The payload of a catalog part.
    Catalog(Bytes),
    /// Online, or the last will.
    State(Bytes),
}

/// A person's act, to be put into the log. The answer is its position there.
#[derive(Debug)]
pub struct ActRequest {
    /// Who.
    pub by: String,
    /// Their words.
    pub comment: String,
    /// What they did.
    pub deed: Deed,
    /// Where the position goes.
    pub answer: oneshot::Sender<Result<u64, String>>,
}

/// Something for the log that is not a frame.
#[derive(Debug)]
pub enum Control {
    /// From a gateway.
    Talk(GatewayKey, Talk),
    /// From a person.
    Act(ActRequest),
    /// From the server's clock.
    Tick(i64),
    /// A cursor of a sink moved: store it with the log.
    Mark(String, Vec<u8>),
}

impl Control {
    /// Bytes that a gateway sent; none for what is not a gateway's.
    fn talk_bytes(&self) -> Option<usize> {
        match self {
            Self::Talk(_, Talk::Hello(bytes) | Talk::Catalog(bytes) | Talk::State(bytes)) => {
                Some(bytes.len())
            }
            Self::Act(_) | Self::Tick(_) | Self::Mark(..) => None,
        }
    }
}

/// Why something was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The queue is full.
    #[error("the queue is full")]
    Full,
    /// Not an envelope.
    #[error("not an envelope")]
    Malformed,
}

/// Frames that wait, bounded in number and bytes.
#[derive(Debug, Default)]
struct Frames {
    waiting: VecDeque<Arrived>,
    bytes: usize,
}

impl Frames {
    fn push(&mut self, arrived: Arrived, most: usize, bytes_most: usize) -> bool {
        let bytes = arrived.envelope.frame.len();
        if self.waiting.len() >= most || self.bytes + bytes > bytes_most {
            return false;
        }
        self.bytes += bytes;
        self.waiting.push_back(arrived);
        true
    }

    fn take(&mut self, most: usize, into: &mut Vec<Arrived>) {
        let count = self.waiting.len().min(most);
        for arrived in self.waiting.drain(..count) {
            self.bytes -= arrived.envelope.frame.len();
            into.push(arrived);
        }
    }
}

#[derive(Debug, Default)]
struct Queues {
    control: VecDeque<Control>,
    /// Of what gateways say in it.
    talk_bytes: usize,
    live: Frames,
    backlog: Frames,
    closed: bool,
}

/// What was waiting, in the order in which it goes into the log.
#[derive(Debug, Default)]
pub struct Taken {
    /// First.
    pub control: Vec<Control>,
    /// Then these: live before backlog.
    pub frames: Vec<Arrived>,
    /// Nothing more will come.
    pub closed: bool,
}

/// Counts of what could not be taken.
#[derive(Debug, Default)]
pub struct Drops {
    /// Live frames.
    pub live: AtomicU64,
    /// Backlog frames.
    pub backlog: AtomicU64,
    /// Control messages.
    pub control: AtomicU64,
    /// Payloads that are no envelope.
    pub malformed: AtomicU64,
}

/// The queues. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    shared: Arc<(Mutex<Queues>, Condvar)>,
    /// What could not be taken.
    pub drops: Arc<Drops>,
}

impl Intake {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a data payload. Never waits.
    ///
    /// # Errors
    /// [`Refused`]; the collector sends it again.
    pub fn data(&self, gateway: GatewayKey, payload: &[u8], received: i64) -> Result<(), Refused> {
        let Ok(envelope) = wire::Envelope::decode(payload) else {
            self.drops.malformed.fetch_add(1, Ordering::Relaxed);
            return Err(Refused::Malformed);
        };
        let live = is_live(&envelope);
        let mut queues = self.queues();
        let arrived = Arrived {
            gateway,
            envelope,
            received,
        };
        let (taken, dropped) = if live {
            let taken = queues.live.push(arrived, LIVE_MAX, LIVE_BYTES_MAX);
            (taken, &self.drops.live)
        } else {
            let taken = queues.backlog.push(arrived, BACKLOG_MAX, BACKLOG_BYTES_MAX);
            (taken, &self.drops.backlog)
        };
        if !taken {
            dropped.fetch_add(1, Ordering::Relaxed);
            return Err(Refused::Full);
        }
        drop(queues);
        self.shared.1.notify_one();
        Ok(())
    }

    /// Takes a control message. Never waits.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub fn control(&self, control: Control) -> Result<(), Refused> {
        let mut queues = self.queues();
        let talk = control.talk_bytes();
        let most = talk.map_or(CONTROL_MAX, |_| TALK_MAX);
        let bytes = queues.talk_bytes + talk.unwrap_or(0);
        if queues.control.len() >= most || bytes > TALK_BYTES_MAX {
            self.drops.control.fetch_add(1, Ordering::Relaxed);
            return Err(Refused::Full);
        }
        queues.talk_bytes = bytes;
        queues.control.push_back(control);
        drop(queues);
        self.shared.1.notify_one();
        Ok(())
    }

    /// Frames that wait: live, backlog.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let queues = self.queues();
        (queues.live.waiting.len(), queues.backlog.waiting.len())
    }

    /// Lets the reader finish: what waits is still taken.
    pub fn close(&self) {
        self.queues().closed = true;
        self.shared.1.notify_all();
    }

    /// Waits for something and takes all control, then frames up to `frames_max`. Without
    /// `with_frames` (no room on the disk) frames stay where they are, and so the queues
    /// fill and frames are refused; `with_backlog` likewise for backlog alone.
    #[must_use]
    pub fn take(
        &self,
        frames_max: usize,
        with_frames: bool,
        with_backlog: bool,
        at_most: Duration,
    ) -> Taken {
        let mut queues = self.queues();
        let nothing = |queues: &mut Queues| {
            let live = with_frames && !queues.live.waiting.is_empty();
            let backlog = with_frames && with_backlog && !queues.backlog.waiting.is_empty();
            queues.control.is_empty() && !live && !backlog && !queues.closed
        };
        if nothing(&mut queues) {
            queues = self
                .shared
                .1
                .wait_timeout_while(queues, at_most, nothing)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        queues.talk_bytes = 0;
        let mut taken = Taken {
            control: queues.control.drain(..).collect(),
            frames: Vec::new(),
            closed: queues.closed,
        };
        if with_frames {
            queues.live.take(frames_max, &mut taken.frames);
            if with_backlog {
                let room = frames_max - taken.frames.len();
                queues.backlog.take(room, &mut taken.frames);
            }
        }
        taken
    }
}

/// Reads only the frame's number: the records, nearly all of its bytes, are skipped.
fn is_live(envelope: &wire::Envelope) -> bool {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Numbered {
        #[prost(uint64, tag = "4")]
        seq: u64,
    }
    let body = envelope.frame.len().saturating_sub(4);
    Numbered::decode(&envelope.frame[..body]).is_ok_and(|frame| frame.seq >= envelope.live_from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(intake: &Intake, seq: u64, live_from: u64) -> Result<(), Refused> {
        let frame = wire::Frame {
            seq,
            ..wire::Frame::default()
        };
        let mut bytes = frame.encode_to_vec();
        bytes.extend_from_slice(&[0; 4]);
        let envelope = wire::Envelope {
            frame: bytes,
            live_from,
            ..wire::Envelope::default()
        };
        intake.data(
            GatewayKey::new("a", "b").unwrap(),
            &envelope.encode_to_vec(),
            0,
        )
    }

    #[test]
    fn control_goes_first_and_live_before_backlog() {
        let intake = Intake::default();
        data(&intake, 1, 5).unwrap();
        data(&intake, 5, 5).unwrap();
        intake.control(Control::Tick(1)).unwrap();
        let taken = intake.take(10, true, true, Duration::ZERO);
        assert_eq!(taken.control.len(), 1);
        let live: Vec<_> = taken
            .frames
            .iter()
            .map(|frame| is_live(&frame.envelope))
            .collect();
        assert_eq!(live, [true, false]);
    }

    #[test]
    fn without_room_only_control_is_taken() {
        let intake = Intake::default();
        data(&intake, 5, 5).unwrap();
        intake.control(Control::Tick(1)).unwrap();
        let taken = intake.take(10, false, true, Duration::ZERO);
        assert_eq!((taken.control.len(), taken.frames.len()), (1, 0));
        assert_eq!(intake.waiting(), (1, 0));
    }

    #[test]
    fn every_queue_has_a_bound() {
        let intake = Intake::default();
        for _ in 0..LIVE_MAX {
            data(&intake, 5, 5).unwrap();
        }
        assert_eq!(data(&intake, 5, 5), Err(Refused::Full));
        assert_eq!(data(&intake, 1, 5), Ok(()), "the other lane has room");
        assert_eq!(intake.drops.live.load(Ordering::Relaxed), 1);
        let hello = |bytes: usize| {
            let key = GatewayKey::new("a", "b").unwrap();
            intake.control(Control::Talk(key, Talk::Hello(vec![0; bytes].into())))
        };
        let large = TALK_BYTES_MAX / 4;
        assert_eq!([0; 4].map(|_| hello(large)), [Ok(()); 4]);
        assert_eq!(hello(large), Err(Refused::Full));
        let _taken = intake.take(0, false, false, Duration::ZERO);
        while hello(10).is_ok() {}
        assert_eq!(intake.control(Control::Tick(1)), Ok(()), "time goes on");
        let taken = intake.take(0, false, false, Duration::ZERO);
        assert_eq!(taken.control.len(), TALK_MAX + 1);
        let garbage = intake.data(GatewayKey::new("a", "b").unwrap(), &[0xff; 9], 0);
        assert_eq!(garbage, Err(Refused::Malformed));
    }
}
